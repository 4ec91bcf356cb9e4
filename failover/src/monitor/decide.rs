//! Which event has happened to a group, if any, by its state. What follows from it is in the table of transitions.

use std::cmp::Ordering;
use std::time::Duration;

use model::Instant;

use super::Monitor;
use crate::group::Leader;
use crate::journal::Cause;
use crate::machine::{Event, State};
use crate::peer::Peer;
use crate::wire::GroupBeat;

/// What happened, why, and whether whoever wants it insists.
type Happened = (Event, Cause, bool);

impl Monitor {
    /// Makes one transition, if one is to be made.
    pub(super) fn decide(&mut self, now: Instant, group: usize) -> bool {
        self.expire_ask(now, group);
        let happened = match self.state(group) {
            State::Idle => None,
            State::Listen => self.decide_listening(now, group),
            State::Preempt => self.decide_preempting(now, group),
            State::Standby => self.decide_standing_by(now, group),
            State::Active => self.decide_active(now, group),
        };
        happened.is_some_and(|(event, cause, is_forced)| self.happen(now, group, event, cause, is_forced))
    }

    fn decide_listening(&self, now: Instant, group: usize) -> Option<Happened> {
        if self.active_peer(group).is_some() {
            return Some((Event::ActiveHeard, Cause::ActiveHeard, false));
        }
        let this = self.groups.get(group)?;
        let is_alone = self.living(group).next().is_none();
        if let Some(fence) = this.fence {
            // What was said before this unit came to is worth nothing.
            let mut living = self.living(group);
            let none_took_over = living.all(|(peer, beat)| {
                peer.echoed >= fence.sequence && matches!(beat.state, State::Standby | State::Listen)
            });
            if fence.had_peers && !is_alone && none_took_over && self.is_best_listener(group) {
                return Some((Event::PeerStandsBy, Cause::Resumed, false));
            }
            // One that was started anew while this unit was stalled may have been made active.
            if fence.had_peers && is_alone && !self.strangers.is_claimed(group) {
                return Some((Event::ListenOver, Cause::Silence, false));
            }
        }
        let is_over = this.timer.is_some_and(|timer| timer <= now);
        is_over.then_some((Event::ListenOver, Cause::NobodyActive, false))
    }

    fn decide_preempting(&self, now: Instant, group: usize) -> Option<Happened> {
        let this = self.groups.get(group)?;
        let leader = this.leader?;
        let is_other = self.active_peer(group).is_some_and(|(peer, _)| peer.unit != leader.unit);
        if is_other {
            return Some((Event::Superseded, Cause::Superseded, false));
        }
        if let Some(cause) = self.lost(now, leader).filter(|_| self.is_best(group)) {
            return Some((Event::ActiveSilent, cause, false));
        }
        let answer = self.living(group).find(|(peer, _)| peer.unit == leader.unit);
        let has_accepted = answer.is_some_and(|(peer, beat)| {
            let accepts = beat.accepts && beat.to == self.settings.unit && beat.state == State::Standby;
            // It fenced itself, and knows that this unit takes over.
            accepts || (beat.state == State::Listen && peer.echoed >= this.query_sequence)
        });
        if has_accepted {
            return Some((Event::Accepted, Cause::Accepted, false));
        }
        if this.timer.is_none_or(|timer| timer > now) {
            return None;
        }
        if this.is_forced || self.is_warned(now, group) {
            return Some((Event::AnswerOver, Cause::NoAnswer, this.is_forced));
        }
        Some((Event::Unheard, Cause::Unheard, false))
    }

    fn decide_standing_by(&mut self, now: Instant, group: usize) -> Option<Happened> {
        self.follow(now, group);
        let this = self.groups.get(group)?;
        if let Some(cause) = this.leader.and_then(|leader| self.lost(now, leader)) {
            return Some((Event::ActiveSilent, cause, false));
        }
        if now >= this.led_at + self.settings.listen {
            return Some((Event::ActiveSilent, Cause::NobodyActive, false));
        }
        let (peer, leader) = self.leader(group)?;
        let (leader, is_faulty) = (*leader, peer.beat.is_faulty);
        if self.fault.is_some() {
            return None;
        }
        if leader.asks && leader.to == self.settings.unit {
            let cause = if is_faulty { Cause::Fault } else { Cause::Asked };
            return Some((Event::Command, cause, leader.insists));
        }
        self.decide_by_worth(now, group, &leader)
    }

    /// Whether this standby should be active rather than the unit that is: by reachability, load, or role.
    fn decide_by_worth(&mut self, now: Instant, group: usize, leader: &GroupBeat) -> Option<Happened> {
        let (peer, _) = self.leader(group)?;
        let order = self.compare_reachability(group, peer);
        let is_surpassed = self.is_surpassed(group);
        let is_held = self.is_held(group, leader);
        let settling = self.targets.settling();
        let this = self.groups.get_mut(group)?;
        if this.better.has_held(order == Ordering::Greater && !is_surpassed, settling, now) {
            return Some((Event::Better, Cause::Reachability, false));
        }
        if let Some(load) = this.settings.load {
            let is_lighter =
                leader.load_percent.saturating_sub(this.load_percent) >= load.margin_percent.max(1);
            let holds = is_lighter && order != Ordering::Less && !is_surpassed && !is_held;
            if this.lighter.has_held(holds, load.hold, now) {
                return Some((Event::Better, Cause::Load, false));
            }
        }
        this.is_synchronized.then_some((Event::Synchronized, Cause::Primary, false))
    }

    fn decide_active(&mut self, now: Instant, group: usize) -> Option<Happened> {
        if self.active_peer(group).is_some() {
            if self.facts(group, false, now).is_outranked {
                return Some((Event::DualActive, Cause::DualActive, false));
            }
            self.groups.get_mut(group)?.is_dual = true;
        } else if std::mem::take(&mut self.groups.get_mut(group)?.is_dual) {
            self.announce(group);
        }
        if self.query(group).is_some() {
            return Some((Event::Query, Cause::Query, false));
        }
        let is_asking = self.groups.get(group)?.ask.is_some();
        // A worker that is late only must not cost all connections.
        let is_forced = self.is_useless;
        (self.fault.is_some() && !is_asking).then_some((Event::Fault, Cause::Fault, is_forced))
    }

    /// The standby that says to this unit that it takes over, and whether an operator wants it.
    pub(super) fn query(&self, group: usize) -> Option<(u8, bool)> {
        let asks =
            |beat: &GroupBeat| beat.state == State::Preempt && beat.queries && beat.to == self.settings.unit;
        self.living(group).find(|(_, beat)| asks(beat)).map(|(peer, beat)| (peer.unit, beat.insists))
    }

    /// Remembers who is active.
    fn follow(&mut self, now: Instant, group: usize) {
        let active = self.active_peer(group).map(|(peer, _)| Leader { unit: peer.unit, boot: peer.boot });
        let is_led = active.is_some() || self.living(group).any(|(_, beat)| beat.state == State::Preempt);
        let is_sound = active.is_some_and(|leader| self.is_sound(leader));
        let patience =
            self.table.iter().flatten().map(|link| link.patience()).min().unwrap_or(Duration::ZERO);
        let Some(this) = self.groups.get_mut(group) else { return };
        if is_led {
            this.led_at = now;
        }
        if let Some(active) = active {
            this.leader = Some(active);
            this.hand_over = None;
        }
        // Synchronization that ends because the active unit dies is as good as before. It is worth nothing any more only
        // when that unit goes on living.
        if this.outdated.has_held(is_sound && !this.is_synchronized, patience * 2, now) {
            this.retains = false;
        }
    }

    /// Whether nothing speaks against the life of the active unit.
    fn is_sound(&self, leader: Leader) -> bool {
        let is_leader = |unit: u8, boot: u32| unit == leader.unit && boot == leader.boot;
        let peer = self.peers.iter().find(|peer| is_leader(peer.unit, peer.boot));
        let is_well = peer.is_some_and(|peer| {
            peer.is_alive && peer.hearings.0.iter().any(|link| link.heard.is_some() && !link.is_suspected)
        });
        is_well && self.strangers.echoes().all(|stranger| stranger.unit != leader.unit)
    }

    /// Whether the unit that was told by the query is dead, or hears this one and has heard the query.
    pub(super) fn is_warned(&self, now: Instant, group: usize) -> bool {
        let Some(this) = self.groups.get(group) else { return false };
        let Some(leader) = this.leader else { return true };
        let hears = |peer: &Peer| {
            peer.is_alive
                && (peer.unit, peer.boot) == (leader.unit, leader.boot)
                && peer.hears != 0
                && peer.echoed >= this.query_sequence
        };
        self.lost(now, leader).is_some() || self.peers.iter().any(hears)
    }

    /// Why the active unit is lost, if it is.
    fn lost(&self, now: Instant, leader: Leader) -> Option<Cause> {
        let Some(peer) = self.peers.iter().find(|peer| peer.unit == leader.unit) else {
            return Some(Cause::Silence);
        };
        if peer.boot != leader.boot {
            return Some(Cause::Restarted);
        }
        // A unit that held this one for dead did not wait for its word: its lease may last for t1/2 (see `lease`).
        let is_bound = peer.beat.holds_alive(self.settings.unit) || peer.death == Cause::PowerOff;
        let longest = self.table.iter().flatten().map(|link| link.overdue()).max().unwrap_or_default();
        let is_over = is_bound || now >= peer.said_at + self.settings.listen / 2 + longest;
        (!peer.is_alive && is_over).then_some(peer.death)
    }

    fn expire_ask(&mut self, now: Instant, group: usize) {
        if let Some(this) = self.groups.get_mut(group) {
            this.ask = this.ask.filter(|ask| ask.until > now);
        }
    }
}
