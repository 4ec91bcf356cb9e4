//! Beats that come in. Nothing is decided here: that is for the turn.

use std::time::Duration;

use model::Instant;

use super::Monitor;
use crate::journal::{Cause, What};
use crate::machine::{Event, State};
use crate::peer::{BEHIND, Peer, Proof};
use crate::rejection::Rejection;
use crate::settings::{Link, LinkSettings};
use crate::wire::Beat;

impl Monitor {
    /// A beat, or what claims to be one, came over this link.
    pub fn receive(&mut self, now: Instant, link: Link, beat: &[u8]) {
        let has_link = |index: &usize| self.table.get(*index).is_some_and(Option::is_some);
        let taken = match link.index().filter(has_link) {
            None => Err(Rejection::UnknownLink),
            Some(index) => Beat::read(&self.settings.key, beat).and_then(|beat| self.admit(now, index, beat)),
        };
        if let Err(rejection) = taken {
            self.rejected.count(rejection);
        }
    }

    /// Takes a beat of a unit that is known, or gets to be.
    fn admit(&mut self, now: Instant, link: usize, beat: Beat) -> Result<(), Rejection> {
        if beat.unit == self.settings.unit {
            return Err(Rejection::OwnUnit);
        }
        let known = self.peers.iter().position(|peer| peer.unit == beat.unit);
        if let Some(index) = known.filter(|index| self.peers[*index].boot == beat.boot) {
            return self.hear(now, index, link, beat);
        }
        if known.is_none() && self.peers.iter().filter(|peer| peer.is_alive).count() >= self.settings.peers {
            return Err(Rejection::TooManyUnits);
        }
        match self.strangers.meet(&beat, self.settings.unit, self.boot, self.sequence + 1) {
            Proof::New => {
                // It is echoed first, so that it can prove itself soon.
                self.echo_turn.fill(0);
                self.hurry(now);
                Err(Rejection::UnprovenBoot)
            }
            Proof::Waiting => {
                self.heed(now, &beat);
                Err(Rejection::UnprovenBoot)
            }
            Proof::Given => {
                let index = self.replace(now, known, beat);
                self.hear(now, index, link, beat)
            }
        }
    }

    /// A unit that can not prove itself, since it does not hear this one, goes on saying that it is active: this one goes
    /// on listening. An operator who insists ends that.
    fn heed(&mut self, now: Instant, beat: &Beat) {
        let listens = |index: &usize| self.state(*index) == State::Listen;
        let listening = (0..self.groups.len()).filter(listens).fold(0, |groups, index| groups | 1 << index);
        let (active, first) = self.strangers.claims(beat, listening);
        for index in (0..self.groups.len()).filter(|index| active & (1 << index) != 0) {
            let timer = now + self.settings.listen;
            let Some(group) = self.groups.get_mut(index) else { continue };
            (group.timer, group.fence) = (Some(timer), None);
            if first & (1 << index) != 0 {
                self.happen(now, index, Event::ActiveUnproven, Cause::Unproven, false);
            }
        }
    }

    /// Makes the sender of `beat` a peer, in place of what it was before it started anew, or of one that is dead.
    fn replace(&mut self, now: Instant, known: Option<usize>, beat: Beat) -> usize {
        let unit = beat.unit;
        let dead = || self.peers.iter().position(|peer| !peer.is_alive);
        let is_full = self.peers.len() >= self.settings.peers;
        let place = known.or_else(|| if is_full { dead() } else { None });
        if known.is_some_and(|index| self.peers[index].is_alive) {
            self.note(now, What::UnitDead { unit, cause: Cause::Restarted }, None);
        }
        let index = place.unwrap_or(self.peers.len());
        let peer = Peer::new(beat, now);
        match self.peers.get_mut(index) {
            Some(slot) => *slot = peer,
            None => self.peers.push(peer),
        }
        self.note(now, What::UnitFound { unit }, None);
        self.hurry(now);
        index
    }

    /// Takes a beat of a peer.
    fn hear(&mut self, now: Instant, index: usize, link: usize, beat: Beat) -> Result<(), Rejection> {
        let peer = &mut self.peers[index];
        let unit = peer.unit;
        let newest = peer.beat.sequence;
        let highest = peer.hearings.0.get(link).map_or(0, |hearing| hearing.highest);
        if beat.sequence <= highest || beat.sequence.saturating_add(BEHIND) < newest {
            return Err(Rejection::Replayed);
        }
        // A beat that was overtaken by a later one says that the unit lived before that, and nothing about now.
        let heard_at = if beat.sequence < newest { peer.said_at } else { now };
        let is_found = peer.hearings.hear(link, beat.sequence, heard_at);
        // A cable may be cut, or its adapter dead: one who had no power would not send beats so late.
        let overdue = self.table.get(link).copied().flatten().map_or(Duration::MAX, LinkSettings::overdue);
        let is_off = |at: Instant| link > 0 && heard_at.since(at) >= overdue;
        peer.belies_cable |= self.powered_off_at.is_some_and(is_off);
        let was_dead = !std::mem::replace(&mut peer.is_alive, true);
        if was_dead {
            peer.since = now;
        }
        let mut begins_to_listen = false;
        if beat.sequence >= newest {
            let listens =
                |beat: &Beat, group| beat.group(group).is_some_and(|group| group.state == State::Listen);
            let groups = 0..beat.groups().len();
            begins_to_listen =
                groups.into_iter().any(|group| listens(&beat, group) && !listens(&peer.beat, group));
            peer.take(beat, self.settings.unit, self.boot, now);
        }
        if was_dead {
            self.note(now, What::UnitFound { unit }, None);
        } else if is_found {
            self.note(now, What::LinkFound { unit, link: Link::at(link) }, None);
        }
        // A unit that listens waits for what we do.
        if was_dead || begins_to_listen {
            self.hurry(now);
        }
        Ok(())
    }
}
