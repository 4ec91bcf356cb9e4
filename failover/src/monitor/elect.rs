//! Who would be the better active unit.

use std::cmp::{Ordering, Reverse};

use model::{Instant, UnitRole};

use super::Monitor;
use crate::machine::{Facts, State};
use crate::peer::Peer;
use crate::settings::Strategy;
use crate::wire::GroupBeat;

/// How a unit compares as a candidate: one that is of use, one with the connections, one whose workers turn, then as it is
/// configured.
type Rank = (bool, bool, bool, UnitRole, u8, Reverse<u8>);

/// How active units compare: who came last, then as they are configured.
type ActiveRank = (u32, UnitRole, u8, Reverse<u8>);

impl Peer {
    fn rank(&self, beat: &GroupBeat) -> Rank {
        let (of_use, is_sound) = (!self.beat.is_useless, !self.beat.is_faulty);
        (of_use, beat.is_synchronized, is_sound, beat.role, self.beat.priority, Reverse(self.unit))
    }

    fn active_rank(&self, beat: &GroupBeat) -> ActiveRank {
        (beat.epoch, beat.role, self.beat.priority, Reverse(self.unit))
    }
}

impl Monitor {
    fn rank(&self, group: usize) -> Option<Rank> {
        let group = self.groups.get(group)?;
        let (priority, unit) = (self.settings.priority, Reverse(self.settings.unit));
        let (of_use, is_sound) = (!self.is_useless, self.fault.is_none());
        Some((of_use, group.has_tables(), is_sound, group.settings.role, priority, unit))
    }

    fn active_rank(&self, group: usize) -> Option<ActiveRank> {
        let group = self.groups.get(group)?;
        Some((group.epoch, group.settings.role, self.settings.priority, Reverse(self.settings.unit)))
    }

    /// The others that live, with what they say about the group.
    pub(crate) fn living(&self, group: usize) -> impl Iterator<Item = (&Peer, &GroupBeat)> {
        self.peers.iter().filter_map(move |peer| Some((peer, peer.group(group)?)))
    }

    /// The best of the others that are active.
    pub(crate) fn active_peer(&self, group: usize) -> Option<(&Peer, &GroupBeat)> {
        let active = self.living(group).filter(|(_, beat)| beat.state == State::Active);
        active.max_by_key(|(peer, beat)| peer.active_rank(beat))
    }

    /// Whether nobody who lives is active, or about to be, or would be better at it.
    pub(crate) fn is_best(&self, group: usize) -> bool {
        let Some(rank) = self.rank(group) else { return false };
        self.living(group).all(|(peer, beat)| match beat.state {
            State::Idle => true,
            State::Active | State::Preempt => false,
            State::Listen | State::Standby => peer.rank(beat) < rank,
        })
    }

    /// Whether no one of those that listen is better.
    pub(crate) fn is_best_listener(&self, group: usize) -> bool {
        let Some(rank) = self.rank(group) else { return false };
        let mut listeners = self.living(group).filter(|(_, beat)| beat.state == State::Listen);
        listeners.all(|(peer, beat)| peer.rank(beat) < rank)
    }

    /// The standby that would take over best.
    pub(crate) fn successor(&self, group: usize) -> Option<(&Peer, &GroupBeat)> {
        let can = |peer: &Peer, beat: &GroupBeat| {
            beat.state == State::Standby && !peer.beat.is_faulty && peer.hears != 0
        };
        self.living(group).filter(|(peer, beat)| can(peer, beat)).max_by_key(|(peer, beat)| peer.rank(beat))
    }

    /// The active unit that this standby follows, if it lives and is active.
    pub(crate) fn leader(&self, group: usize) -> Option<(&Peer, &GroupBeat)> {
        let leader = self.groups.get(group)?.leader?;
        let is_leader = |peer: &Peer| peer.unit == leader.unit && peer.boot == leader.boot;
        self.living(group).find(|(peer, beat)| is_leader(peer) && beat.state == State::Active)
    }

    /// How this unit's reachability compares with that of `peer`.
    pub(crate) fn compare_reachability(&self, group: usize, peer: &Peer) -> Ordering {
        let Some(group) = self.groups.get(group) else { return Ordering::Equal };
        self.targets.score().compare(&peer.beat.score, group.settings.compare)
    }

    /// Whether a synchronized standby reaches more than this one, or as much and is better otherwise.
    pub(crate) fn is_surpassed(&self, group: usize) -> bool {
        let Some(rank) = self.rank(group) else { return true };
        let mut standbys =
            self.living(group).filter(|(_, beat)| beat.state == State::Standby && beat.is_synchronized);
        standbys.any(|(peer, beat)| {
            self.compare_reachability(group, peer).then(rank.cmp(&peer.rank(beat))) == Ordering::Less
        })
    }

    /// All that guards are about.
    pub(crate) fn facts(&self, group: usize, is_forced: bool, now: Instant) -> Facts {
        let Some(this) = self.groups.get(group) else { return Facts::default() };
        let leader = self.leader(group);
        let successor = self.successor(group);
        let is_active = this.state == State::Active;
        Facts {
            is_synchronized: if is_active {
                successor.is_some_and(|(_, beat)| beat.is_synchronized)
            } else {
                this.is_synchronized
            },
            is_forced,
            is_best: self.is_best(group),
            is_preferred: leader.is_some_and(|(peer, beat)| self.is_preferred(group, peer, beat)),
            is_calm: this.damper.permits(now),
            is_heard: leader.is_some_and(|(peer, _)| peer.hears != 0),
            is_warned: this.state == State::Preempt && self.is_warned(now, group),
            is_outranked: is_active && self.is_outranked(group, now),
            has_successor: successor.is_some(),
        }
    }

    fn is_outranked(&self, group: usize, now: Instant) -> bool {
        let Some((peer, beat)) = self.active_peer(group) else { return false };
        let ours = self.active_rank(group);
        ours.is_some_and(|ours| peer.active_rank(beat) > ours) || peer.is_deaf(now)
    }

    /// Whether this unit should take the group back (346), if it is synchronized.
    fn is_preferred(&self, group: usize, peer: &Peer, beat: &GroupBeat) -> bool {
        let Some(this) = self.groups.get(group) else { return false };
        this.settings.role == UnitRole::Primary
            && this.settings.strategy == Strategy::Automatic
            && beat.role == UnitRole::Backup
            && self.fault.is_none()
            && !self.is_held(group, beat)
            && self.compare_reachability(group, peer) != Ordering::Less
            && !self.is_surpassed(group)
    }

    /// Whether an operator chose the active unit, so that neither role nor load takes the group away from it.
    pub(crate) fn is_held(&self, group: usize, leader: &GroupBeat) -> bool {
        let lifted = self.groups.get(group).and_then(|group| group.lifted_epoch);
        leader.insists && !leader.asks && lifted != Some(leader.epoch)
    }
}
