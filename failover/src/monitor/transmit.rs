//! Beats that go out: at intervals, and at once when the others wait for them.

use model::{CableStatus, Instant};

use super::Monitor;
use crate::group::Group;
use crate::machine::State;
use crate::settings::{LINKS, Link};
use crate::wire::{Beat, Echo, GroupBeat};

impl Monitor {
    /// Replaces `beat` by the next beat that is due, and says where it goes: to every other unit on that link.
    pub fn poll_transmit(&mut self, now: Instant, beat: &mut Vec<u8>) -> Option<Link> {
        let index = (0..LINKS).find(|index| self.is_due(*index, now))?;
        // A stall since the last turn must not be covered up by a beat.
        self.fence(now);
        let interval = self.interval(index)?;
        self.sequence += 1;
        let next = self.beat(index);
        self.promised.tell(next.sequence, next.patience);
        next.write(&self.settings.key, beat);
        self.next_beat[index] = Some(now + interval);
        self.sent_before[index] = self.sent_at[index].replace(now);
        self.sent[index] += 1;
        self.echo_turn[index] = self.echo_turn[index].wrapping_add(1);
        self.urgent =
            self.urgent.map(|(at, links)| (at, links & !(1 << index))).filter(|(_, links)| *links != 0);
        Some(Link::at(index))
    }

    /// The last beat that [`Self::poll_transmit`] handed out for this link could not be sent: nobody waits because of it.
    pub fn not_sent(&mut self, link: Link) {
        let Some(index) = link.index().filter(|index| self.sent_at[*index] != self.sent_before[*index])
        else {
            return;
        };
        self.sent_at[index] = self.sent_before[index];
        self.sent[index] = self.sent[index].saturating_sub(1);
    }

    fn is_due(&self, index: usize, now: Instant) -> bool {
        let is_urgent = self.urgent.is_some_and(|(_, links)| links & (1 << index) != 0);
        self.next_beat[index].is_some_and(|at| is_urgent || at <= now)
    }

    /// Between two beats on this link.
    fn interval(&self, index: usize) -> Option<std::time::Duration> {
        let interval = self.table[index]?.interval;
        let is_hastened = index > 0 && self.has_active();
        Some(if is_hastened { interval.min(self.settings.update) } else { interval })
    }

    /// What there is to say now.
    fn beat(&self, link: usize) -> Beat {
        let mut beat = Beat::new(self.settings.unit, self.boot, self.sequence);
        beat.priority = self.settings.priority;
        beat.is_faulty = self.fault.is_some();
        beat.is_useless = self.is_useless;
        beat.sees_power_off = self.cable == CableStatus::OtherSidePoweredOff;
        let alive = || self.peers.iter().filter(|peer| peer.is_alive);
        let patiences = alive().filter_map(|peer| peer.hearings.patience(&self.table, self.cable_of(peer)));
        let configured = || self.table.iter().flatten().map(|link| link.patience()).min();
        beat.patience = patiences.min().or_else(configured).unwrap_or_default();
        beat.echo = self.echo(link);
        beat.set_alive(alive().map(|peer| peer.unit));
        beat.mark = self.mark;
        beat.score = self.targets.score();
        for group in &self.groups {
            beat.push(group.beat());
        }
        beat
    }

    /// Others are echoed in turn, those first that have to prove themselves.
    fn echo(&self, link: usize) -> Echo {
        let peers = self.peers.iter().filter(|peer| peer.is_alive).map(|peer| peer.echo());
        let echoes = || self.strangers.echoes().chain(peers.clone());
        let count = echoes().count();
        let turn = self.echo_turn.get(link).map_or(0, |turn| turn.checked_rem(count).unwrap_or(0));
        echoes().nth(turn).unwrap_or_default()
    }
}

impl Group {
    fn beat(&self) -> GroupBeat {
        let leader = self.leader.map(|leader| leader.unit);
        let hand_over = self.hand_over.filter(|_| self.state == State::Standby);
        let ask = self.ask.filter(|_| self.state == State::Active);
        let queries = self.state == State::Preempt;
        let to = if queries { leader } else { hand_over.map(|to| to.to).or(ask.map(|ask| ask.to)) };
        GroupBeat {
            state: self.state,
            role: self.settings.role,
            is_synchronized: if self.state == State::Active {
                self.is_synchronized
            } else {
                self.has_tables()
            },
            queries,
            accepts: hand_over.is_some_and(|hand_over| hand_over.is_done),
            asks: ask.is_some(),
            insists: ask.map_or(self.is_chosen, |ask| ask.is_forced),
            to: to.unwrap_or(0),
            epoch: self.epoch,
            load_percent: self.load_percent,
        }
    }
}
