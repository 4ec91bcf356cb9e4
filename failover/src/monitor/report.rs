//! What the monitor knows, for the journal and for operators.

use model::Instant;

use super::Monitor;
use crate::journal::{Inputs, LinkInput, PeerInput, What};
use crate::machine::{State, SubState};
use crate::peer::Peer;
use crate::settings::{LINKS, Link};
use crate::status::{GroupStatus, LinkStatus, PeerGroupStatus, PeerStatus, Status, TargetStatus, UnitStatus};
use crate::wire::GroupBeat;

impl Monitor {
    /// Writes into the journal.
    pub(super) fn note(&mut self, now: Instant, what: What, group: Option<usize>) {
        let inputs = self.inputs(now, group);
        self.journal.add(now, what, inputs);
    }

    fn inputs(&self, now: Instant, index: Option<usize>) -> Inputs {
        let group = index.and_then(|index| self.groups.get(index));
        Inputs {
            peers: self.peers.iter().map(|peer| peer.input(index, now)).collect(),
            cable: self.cable,
            is_synchronized: group.is_some_and(|group| group.is_synchronized),
            score: self.targets.score(),
            epoch: group.map_or(0, |group| group.epoch),
            timer: group.and_then(|group| group.timer).map(|timer| timer.since(now)),
            rest: group.map(|group| group.damper.rest(now)).unwrap_or_default(),
        }
    }

    /// All that is known.
    pub fn status(&self, now: Instant) -> Status {
        Status {
            unit: self.unit_status(),
            peers: self.peers.iter().map(|peer| self.peer_status(peer, now)).collect(),
            groups: (0..self.groups.len()).filter_map(|group| self.group_status(group, now)).collect(),
            cable: self.cable,
            targets: self.targets.iter().map(TargetStatus::of).collect(),
            beats_sent: self.sent_by_link(),
            rejected: self.rejected,
        }
    }

    fn unit_status(&self) -> UnitStatus {
        UnitStatus {
            unit: self.settings.unit,
            boot: self.boot,
            role: self.settings.role,
            priority: self.settings.priority,
            fault: self.fault,
            mark: self.mark,
            score: self.targets.score(),
        }
    }

    fn sent_by_link(&self) -> Vec<(Link, u64)> {
        let links = (0..LINKS).filter(|index| self.table[*index].is_some());
        links.map(|index| (Link::at(index), self.sent[index])).collect()
    }

    fn group_status(&self, index: usize, now: Instant) -> Option<GroupStatus> {
        let group = self.groups.get(index)?;
        let last = self.last(index);
        Some(GroupStatus {
            state: group.state,
            sub_state: self.sub_state(index),
            settings: group.settings,
            epoch: group.epoch,
            since: group.since,
            timer_left: group.timer.map(|timer| timer.since(now)),
            silence_left: self.silence_left(index, now),
            rest: group.damper.rest(now),
            last,
            is_synchronized: group.is_synchronized,
            is_chosen: group.is_chosen,
            is_draining: group.hand_over.is_some_and(|hand_over| !hand_over.is_done),
            load_percent: group.load_percent,
            lease: self.lease(index),
        })
    }

    /// What is left of t2.
    fn silence_left(&self, group: usize, now: Instant) -> Option<std::time::Duration> {
        let (peer, _) = self.leader(group)?;
        Some(peer.hearings.death(&self.table, self.cable_of(peer)).since(now))
    }

    fn sub_state(&self, index: usize) -> Option<SubState> {
        let group = self.groups.get(index)?;
        let has_standby = || self.living(index).any(|(_, beat)| beat.state == State::Standby);
        match group.state {
            State::Standby if !group.is_synchronized => Some(SubState::SyncIn),
            State::Active if !group.is_synchronized && has_standby() => Some(SubState::SyncOut),
            _ => None,
        }
    }

    fn peer_status(&self, peer: &Peer, now: Instant) -> PeerStatus {
        PeerStatus {
            unit: peer.unit,
            boot: peer.boot,
            priority: peer.beat.priority,
            is_alive: peer.is_alive,
            since: peer.since,
            death: (!peer.is_alive).then_some(peer.death),
            is_faulty: peer.beat.is_faulty,
            hears_us: peer.hears != 0,
            patience: peer.beat.patience,
            mark: peer.beat.mark,
            score: peer.beat.score,
            groups: peer.beat.groups().iter().map(PeerGroupStatus::of).collect(),
            links: self.link_statuses(peer, now),
        }
    }

    fn link_statuses(&self, peer: &Peer, now: Instant) -> Vec<LinkStatus> {
        let links = peer.hearings.0.iter().enumerate().filter(|(index, _)| self.table[*index].is_some());
        let status = |(index, hearing): (usize, &crate::keepalive::Hearing)| LinkStatus {
            link: Link::at(index),
            is_alive: peer.is_alive && hearing.heard.is_some() && !hearing.is_lost,
            is_one_way: peer.one_way & (1 << index) != 0,
            silence: hearing.heard.map(|heard| now.since(heard)),
            beats: hearing.beats,
            losses: hearing.losses,
        };
        links.map(status).collect()
    }
}

impl Peer {
    fn input(&self, group: Option<usize>, now: Instant) -> PeerInput {
        let beat = group.and_then(|group| self.beat.group(group));
        let heard = self.hearings.0.iter().enumerate();
        let links = heard.filter_map(|(index, hearing)| Some((index, hearing.heard?)));
        PeerInput {
            unit: self.unit,
            is_alive: self.is_alive,
            state: beat.map(|beat| beat.state),
            epoch: beat.map_or(0, |beat| beat.epoch),
            is_synchronized: beat.is_some_and(|beat| beat.is_synchronized),
            score: self.beat.score,
            links: links
                .map(|(index, at)| LinkInput { link: Link::at(index), silence: now.since(at) })
                .collect(),
        }
    }
}

impl PeerGroupStatus {
    fn of(beat: &GroupBeat) -> Self {
        let sub_state = match beat.state {
            State::Standby if !beat.is_synchronized => Some(SubState::SyncIn),
            State::Active if !beat.is_synchronized => Some(SubState::SyncOut),
            _ => None,
        };
        Self {
            state: beat.state,
            sub_state,
            role: beat.role,
            epoch: beat.epoch,
            is_synchronized: beat.is_synchronized,
            load_percent: beat.load_percent,
        }
    }
}
