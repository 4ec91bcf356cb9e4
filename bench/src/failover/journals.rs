//! What the units' journals say about who is active: each switch must have its reason there.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use appliance::management::failover_report::{FailoverStatusReport, JournalReport};

use super::error::FailoverError;
use super::pair::Pair;
use super::unit::Unit;
use crate::rounds::as_f64;

/// What was read of both units' journals so far.
#[derive(Debug, Default)]
pub(super) struct Journals {
    known: [Vec<JournalReport>; 2],
    /// Activations that the journals have.
    pub(super) switches: u64,
    /// Of them, those without a cause, or without what was known then.
    pub(super) unexplained: u64,
    /// How often what led to a switch.
    pub(super) by_reason: BTreeMap<String, u64>,
    /// Which unit was active at the last look.
    pub(super) active: Option<usize>,
}

impl Journals {
    /// What there is before the first switch that counts.
    pub(super) fn open(pair: &Pair) -> Result<Self, FailoverError> {
        let mut journals = Self::default();
        journals.look(pair, "")?;
        Ok(Self { known: journals.known, active: journals.active, ..Self::default() })
    }

    /// Reads what is new. `after` is what was done to the pair since.
    pub(super) fn look(&mut self, pair: &Pair, after: &str) -> Result<(), FailoverError> {
        for (index, unit) in pair.units.iter().enumerate() {
            let report = unit.failover()?;
            if is_active(&report) {
                self.active = Some(index);
            }
            let begin = first_new(&self.known[index], &report.journal);
            for entry in report.journal[begin..].iter().filter(|entry| activates(entry)) {
                self.switches += 1;
                self.unexplained += u64::from(entry.cause.is_empty() || entry.inputs.is_empty());
                *self
                    .by_reason
                    .entry(format!("{} {}, after {after}", entry.what, entry.cause))
                    .or_default() += 1;
            }
            self.known[index] = report.journal;
        }
        Ok(())
    }
}

/// When a unit became active after `deed`, in milliseconds, and why.
pub(super) fn decision(unit: &Unit, deed: Instant) -> Result<Option<(f64, String)>, FailoverError> {
    let journal = unit.failover()?.journal;
    let since = deed.elapsed().as_secs_f64() * 1e3;
    let mut after =
        journal.iter().filter(|entry| activates(entry)).map(|entry| (since - as_f64(entry.ago_ms), entry));
    Ok(after
        .find(|(after_ms, _)| *after_ms >= -1.0)
        .map(|(after_ms, entry)| (after_ms.max(0.0), entry.cause.clone())))
}

/// A unit's journal of the last while, in a line.
pub(super) fn told(unit: &Unit, last: Duration) -> Result<String, FailoverError> {
    let journal = unit.failover()?.journal;
    let entries = journal.iter().filter(|entry| u128::from(entry.ago_ms) <= last.as_millis());
    let told = entries.map(|entry| {
        let states = entry.states.as_deref().unwrap_or_default();
        format!("{} ms ago {} {states} {} ({})", entry.ago_ms, entry.what, entry.cause, entry.inputs)
    });
    Ok(told.collect::<Vec<_>>().join("; "))
}

fn is_active(report: &FailoverStatusReport) -> bool {
    report.groups.iter().any(|group| group.state == "ACTIVE")
}

/// Whether a unit that was not active is from here on.
fn activates(entry: &JournalReport) -> bool {
    let states = entry.states.as_deref().and_then(|states| states.split_once(" → "));
    states.is_some_and(|(from, to)| from != "ACTIVE" && to == "ACTIVE")
}

/// Where in `new` that begins which was not in `old`: the oldest entries may be gone from it.
fn first_new(old: &[JournalReport], new: &[JournalReport]) -> usize {
    let key = |entry: &JournalReport| {
        (
            entry.group.clone(),
            entry.what.clone(),
            entry.states.clone(),
            entry.cause.clone(),
            entry.inputs.clone(),
        )
    };
    let (old, new): (Vec<_>, Vec<_>) = (old.iter().map(key).collect(), new.iter().map(key).collect());
    (0..=old.len()).map(|gone| &old[gone..]).find(|rest| new.starts_with(rest)).map_or(0, <[_]>::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(what: &str, states: &str) -> JournalReport {
        JournalReport { what: what.to_owned(), states: Some(states.to_owned()), ..JournalReport::default() }
    }

    #[test]
    fn what_is_new_is_told_from_what_was_there() {
        let all = ["315", "325", "348", "FENCED", "325"].map(|what| entry(what, ""));
        for (old, new, expected) in
            [(0..0, 0..2, 0), (0..2, 0..5, 2), (0..3, 1..5, 2), (0..5, 0..5, 5), (0..2, 3..5, 0)]
        {
            assert_eq!(first_new(&all[old.clone()], &all[new.clone()]), expected, "{old:?} {new:?}");
        }
    }

    #[test]
    fn activations_are_those_of_units_that_were_not_active() {
        assert!(
            activates(&entry("348", "STANDBY → ACTIVE")) && activates(&entry("RESUMED", "LISTEN → ACTIVE"))
        );
        assert!(
            !activates(&entry("STAND_BY", "ACTIVE → ACTIVE"))
                && !activates(&entry("325", "LISTEN → STANDBY"))
        );
    }
}
