//! The end of a run: without faults the pair comes to one active unit, and to equal tables.

use std::time::Duration;

use failover::State;
use model::Instant;

use super::world::World;
use crate::run::{COMPARISON, Failure, STEP, Summary};

/// How long it may take until the tables are equal.
const HEALING: Duration = Duration::from_secs(12);

/// How long nobody need be active when units change places later, as they do when a primary unit takes its group back.
const SWITCHING: Duration = Duration::from_millis(10);

impl World {
    pub(crate) fn heal(mut self) -> Result<Summary, Failure> {
        self.end_upsets();
        let healed = self.now;
        let patience = self.plan.settling() + self.ways.network.latency() * 3 + STEP * 20;
        let (mut one_active_at, mut settled) = (healed, None);
        loop {
            self.step(false)?;
            if self.has_one_active() {
                settled.get_or_insert(self.now);
                one_active_at = self.now;
            } else if self.now.since(one_active_at.max(healed + patience)) > SWITCHING {
                return self.fail(format!("not one active unit {patience:?} after the last fault"));
            }
            if self.roles().is_some()
                && self.now.as_nanos().is_multiple_of(COMPARISON)
                && self.tables_are_equal()
            {
                self.summary.settling = settled.unwrap_or(self.now).since(healed);
                return Ok(self.sum_up(healed));
            }
            if self.now.since(healed) > HEALING {
                return self.fail(self.difference());
            }
        }
    }

    fn sum_up(mut self, healed: Instant) -> Summary {
        self.summary.healing = self.now.since(healed);
        self.summary.connections = self.clients.opened();
        self.summary.observed = self.members.iter().flatten().map(|member| member.unit.observed()).sum();
        self.summary
    }

    /// Whether one unit forwards, and clients reach it; or the units are about to change places.
    fn has_one_active(&self) -> bool {
        let members = || self.members.iter().flatten();
        let is_switching = members().any(|member| member.state() == State::Preempt);
        let forwards = |(index, _): &(usize, _)| *index == self.switch.port;
        let active: Vec<_> = members().enumerate().filter(|(_, member)| member.forwards(self.now)).collect();
        is_switching || active.len() == 1 && active.iter().any(forwards)
    }

    /// Whether both have the same, but for what no unit tells of: what was closed before it was established.
    fn tables_are_equal(&self) -> bool {
        let [Some(first), Some(second)] = &self.members else { return false };
        let (of_first, of_second) = (first.unit.connections(self.now), second.unit.connections(self.now));
        let (told, told_by_other) = (first.unit.replicated(), second.unit.replicated());
        told == told_by_other
            && of_first.difference(&of_second).count() + told <= of_first.len()
            && of_second.difference(&of_first).count() + told <= of_second.len()
    }

    fn difference(&self) -> String {
        let mut text = format!("no agreement {HEALING:?} after the last fault");
        for (index, member) in self.members.iter().flatten().enumerate() {
            let unit = &member.unit;
            let (table, status) = (unit.connections(self.now), unit.status(self.now));
            text += &format!("\nunit {index} is {:?}, has {}: {status}", member.state(), table.len());
            let others = self.members[1 - index].as_ref().map(|other| other.unit.connections(self.now));
            let alone = table.difference(others.as_ref().unwrap_or(&table)).take(5);
            text += &format!("\nonly there: {:?}", alone.collect::<Vec<_>>());
        }
        text
    }

    /// What the units noted, for whoever looks for the reason of a failure.
    pub(super) fn journals(&self) -> String {
        let mut text = format!("{:?}\n", self.plan);
        for upset in self.upsets.past() {
            text += &format!("  {upset}\n");
        }
        for (index, member) in self.members.iter().enumerate() {
            let Some(member) = member else { continue };
            text += &format!(
                "unit {index}, {:?}, {:?}, forwards {}, has tables {}\n",
                member.state(),
                member.unit.state,
                member.forwards(self.now),
                self.has_tables[index]
            );
            for entry in member.monitor.journal() {
                text += &format!("  {:>10.4?} {:?}\n", Duration::from_nanos(entry.at.as_nanos()), entry.what);
            }
        }
        text
    }
}
