//! What a transition does.

use model::Instant;

use super::{Monitor, Order};
use crate::group::{Ask, Group, HandOver, Leader};
use crate::journal::{Cause, What};
use crate::machine::{Action, Event, Row, State, Transition, step};

impl Monitor {
    /// Makes the transition that `event` leads to. Returns whether there is one.
    pub(crate) fn happen(
        &mut self,
        now: Instant,
        group: usize,
        event: Event,
        cause: Cause,
        is_forced: bool,
    ) -> bool {
        let facts = self.facts(group, is_forced, now);
        let Some(row) = step(self.state(group), event, &facts) else { return false };
        let Row { transition, from, to, .. } = *row;
        self.note(now, What::Transition { group, transition, from, to, cause }, Some(group));
        for action in row.actions {
            self.act(now, group, *action, cause, is_forced);
        }
        self.enter(now, group, row, cause);
        self.hurry(now);
        true
    }

    /// Changes the state, and says so to the appliance.
    fn enter(&mut self, now: Instant, index: usize, row: &Row, cause: Cause) {
        let Some(group) = self.groups.get_mut(index) else { return };
        group.last = Some((row.transition, cause));
        if row.from == row.to {
            return;
        }
        (group.state, group.since) = (row.to, now);
        if row.from == State::Preempt || row.to == State::Active {
            group.query_sequence = 0;
        }
        match row.to {
            State::Active => {
                let intent = group.intent.take().filter(|_| row.from == State::Preempt);
                (group.is_ordered_active, group.is_leaving) = (true, false);
                self.orders.push_back(Order::Activate { group: index, cause: intent.unwrap_or(cause) });
            }
            State::Standby if std::mem::take(&mut group.is_ordered_active) => {
                group.is_leaving = true;
                self.orders.push_back(Order::StandBy { group: index });
            }
            _ => {}
        }
    }

    fn act(&mut self, now: Instant, index: usize, action: Action, cause: Cause, is_forced: bool) {
        match action {
            Action::StartListening => self.start_listening(now, index),
            Action::SendQuery => self.send_query(now, index, cause, is_forced),
            Action::TakeAddresses => self.take_addresses(index),
            Action::AcceptQuery => self.accept_query(now, index),
            Action::AskSuccessor => self.ask_successor(now, index, is_forced),
            Action::FollowActive => {
                if let Some(group) = self.groups.get_mut(index) {
                    group.follow_active(now);
                }
            }
            Action::RequestSynchronization => {
                if let Some(group) = self.groups.get_mut(index) {
                    // What it has from before is worth something until the active unit has lived for a while.
                    group.is_synchronized = false;
                }
            }
            Action::StopForwarding => {
                if let Some(group) = self.groups.get_mut(index) {
                    (group.ask, group.is_chosen, group.is_dual) = (None, false, false);
                }
            }
            // Beats and updates go on in every state but IDLE; the appliance knows by the order what to send.
            Action::SendUpdates | Action::StandAlone => {}
        }
    }

    /// 321.
    fn start_listening(&mut self, now: Instant, index: usize) {
        let shortest = self.table.iter().flatten().map(|link| link.interval).min();
        let Some(group) = self.groups.get_mut(index) else { return };
        let needs_short = group.fence.is_some_and(|fence| !fence.had_peers);
        let short = shortest.filter(|_| needs_short).map(|interval| interval * 2);
        group.timer = Some(now + short.unwrap_or(self.settings.listen));
        group.leader = None;
    }

    /// 331.
    fn send_query(&mut self, now: Instant, index: usize, cause: Cause, is_forced: bool) {
        let sequence = self.sequence + 1;
        let Some(group) = self.groups.get_mut(index) else { return };
        group.timer = Some(now + self.settings.preempt);
        group.query_sequence = sequence;
        group.intent = Some(cause);
        group.is_forced = is_forced;
        group.is_chosen = matches!(cause, Cause::Command | Cause::Asked);
        group.better = Default::default();
        group.lighter = Default::default();
        if !group.is_chosen {
            group.damper.switched(now);
        }
    }

    /// Each activation is of a higher epoch than all that are known.
    fn take_addresses(&mut self, index: usize) {
        let of_peers = self.peers.iter().filter_map(|peer| peer.beat.group(index)).map(|beat| beat.epoch);
        let highest = of_peers.max().unwrap_or(0);
        let Some(group) = self.groups.get_mut(index) else { return };
        group.epoch = group.epoch.max(highest).saturating_add(1);
        group.is_chosen &= group.state == State::Preempt;
        group.is_synchronized = false;
        group.retains = true;
        group.is_dual = false;
        (group.timer, group.leader, group.hand_over, group.ask, group.fence) = (None, None, None, None, None);
    }

    /// 355: the answer is given when the appliance says that it stands by.
    fn accept_query(&mut self, now: Instant, index: usize) {
        let Some((unit, insists)) = self.query(index) else { return };
        let boot = self.peers.iter().find(|peer| peer.unit == unit).map_or(0, |peer| peer.boot);
        let Some(group) = self.groups.get_mut(index) else { return };
        group.hand_over = Some(HandOver { to: unit, is_done: false });
        group.leader = Some(Leader { unit, boot });
        if !insists {
            group.damper.switched(now);
        }
    }

    fn ask_successor(&mut self, now: Instant, index: usize, is_forced: bool) {
        let until = now + self.settings.preempt;
        let Some(to) = self.successor(index).map(|(peer, _)| peer.unit) else { return };
        if let Some(group) = self.groups.get_mut(index) {
            group.ask = Some(Ask { to, is_forced, until });
        }
    }

    pub(crate) fn announce(&mut self, group: usize) {
        self.orders.push_back(Order::Announce { group });
    }

    /// The operator lifts damping, and what an operator chose before.
    pub(crate) fn reset(&mut self, now: Instant, index: usize) {
        let epoch = self.leader(index).map(|(_, beat)| beat.epoch);
        let Some(group) = self.groups.get_mut(index) else { return };
        group.damper.reset();
        group.lifted_epoch = epoch;
        if group.state == State::Active {
            group.is_chosen = false;
        }
        self.note(now, What::Reset { group: index }, Some(index));
        self.hurry(now);
    }

    /// The last transition of a group, and why.
    pub(crate) fn last(&self, group: usize) -> Option<(Transition, Cause)> {
        self.groups.get(group)?.last
    }
}

impl Group {
    /// 341.
    fn follow_active(&mut self, now: Instant) {
        (self.timer, self.led_at, self.fence) = (None, now, None);
        (self.is_synchronized, self.is_chosen) = (false, false);
        self.intent = None;
        self.better = Default::default();
        self.lighter = Default::default();
        self.outdated = Default::default();
    }
}
