//! What is known of another unit, and who is believed to be it.
//!
//! A unit that starts has a new boot number. A beat with one could be recorded long ago, so it counts only when it echoes
//! a sequence that this unit sent after it saw that boot number first.

use model::Instant;

use crate::journal::Cause;
use crate::keepalive::{Hearings, LinkTable};
use crate::settings::LINKS;
use crate::wire::{Beat, Echo, GroupBeat};

/// Beats on one link may be behind those on another by so many: the rest is recorded and sent again.
pub(crate) const BEHIND: u64 = 64;

/// Unproven boot numbers that are remembered.
const STRANGERS: usize = 4;

/// Another unit.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) unit: u8,
    pub(crate) boot: u32,
    /// What it said last.
    pub(crate) beat: Beat,
    /// When it said that.
    pub(crate) said_at: Instant,
    pub(crate) is_alive: bool,
    /// Since when it lives, or is dead.
    pub(crate) since: Instant,
    pub(crate) hearings: Hearings,
    /// The highest sequence of ours that it echoed.
    pub(crate) echoed: u64,
    /// On which links it hears us, and since when it does on none.
    pub(crate) hears: u8,
    pub(crate) unheard_since: Option<Instant>,
    /// Links that were found to go one way, and since when they may be.
    pub(crate) one_way: u8,
    pub(crate) unheard_links: [Option<Instant>; LINKS],
    /// Why it was found dead last.
    pub(crate) death: Cause,
    /// The cable says that it has no power, and it sent beats over the network since.
    pub(crate) belies_cable: bool,
}

impl Peer {
    pub(crate) fn new(beat: Beat, now: Instant) -> Self {
        Self {
            unit: beat.unit,
            boot: beat.boot,
            beat,
            said_at: now,
            is_alive: true,
            since: now,
            hearings: Hearings::default(),
            echoed: 0,
            hears: 0,
            unheard_since: None,
            one_way: 0,
            unheard_links: [None; LINKS],
            death: Cause::Silence,
            belies_cable: false,
        }
    }

    /// Takes what a beat that was not seen before says.
    pub(crate) fn take(&mut self, beat: Beat, our_unit: u8, our_boot: u32, now: Instant) {
        self.beat = beat;
        self.said_at = now;
        if beat.echo.unit == our_unit && beat.echo.boot == our_boot {
            self.echoed = self.echoed.max(beat.echo.sequence);
            self.hears = beat.echo.links;
            self.unheard_since = if self.hears == 0 { self.unheard_since.or(Some(now)) } else { None };
        } else if !beat.holds_alive(our_unit) {
            // It does not echo those whom it holds for dead: what it heard before says nothing about now.
            self.hears = 0;
            self.unheard_since = self.unheard_since.or(Some(now));
        }
    }

    /// What it says about this group, if it lives.
    pub(crate) fn group(&self, index: usize) -> Option<&GroupBeat> {
        self.beat.group(index).filter(|_| self.is_alive)
    }

    /// What is echoed to it.
    pub(crate) fn echo(&self) -> Echo {
        let highest = self.hearings.0.iter().map(|hearing| hearing.highest).max().unwrap_or(0);
        Echo { unit: self.unit, boot: self.boot, sequence: highest, links: self.hearings.mask() }
    }

    /// Links that are newly found to go one way: it is heard on them, and says that it does not hear us.
    pub(crate) fn find_one_way(&mut self, table: &LinkTable, now: Instant) -> u8 {
        let (mask, mut found) = (self.hearings.mask(), 0);
        for (index, (since, settings)) in self.unheard_links.iter_mut().zip(table).enumerate() {
            let Some(settings) = settings else { continue };
            let bit = 1 << index;
            *since = if mask & bit != 0 && self.hears & bit == 0 { since.or(Some(now)) } else { None };
            if since.is_none() {
                self.one_way &= !bit;
            } else if self.one_way & bit == 0 && since.is_some_and(|at| now >= at + settings.patience() * 2) {
                self.one_way |= bit;
                found |= bit;
            }
        }
        found
    }

    /// Whether it is known not to hear this unit for so long.
    pub(crate) fn is_deaf(&self, now: Instant) -> bool {
        self.unheard_since.is_some_and(|since| now >= since + self.beat.patience * 2)
    }
}

/// A boot number that is not proven.
#[derive(Clone, Copy, Debug)]
struct Stranger {
    unit: u8,
    boot: u32,
    sequence: u64,
    /// The first sequence of ours that proves it.
    proof: u64,
    /// Groups, as bits, for which its last beat that was new said that it is active.
    active: u16,
    /// Those of them that the journal knows.
    noted: u16,
}

/// All boot numbers that are not proven.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strangers(Vec<Stranger>);

/// Whether a boot number is to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// It was never seen.
    New,
    /// It was seen, and not proven yet.
    Waiting,
    Given,
}

impl Strangers {
    /// Takes a beat of a boot number that is not known. `next_sequence` is that of our next beat.
    pub(crate) fn meet(&mut self, beat: &Beat, our_unit: u8, our_boot: u32, next_sequence: u64) -> Proof {
        let position = self.0.iter().position(|one| (one.unit, one.boot) == (beat.unit, beat.boot));
        let Some(position) = position else {
            if self.0.len() == STRANGERS {
                self.0.remove(0);
            }
            let (unit, boot, sequence) = (beat.unit, beat.boot, beat.sequence);
            self.0.push(Stranger { unit, boot, sequence, proof: next_sequence, active: 0, noted: 0 });
            return Proof::New;
        };
        let stranger = &mut self.0[position];
        // One that was recorded and is sent again says nothing.
        let is_new = beat.sequence > stranger.sequence;
        stranger.active = if is_new { beat.active() } else { 0 };
        stranger.sequence = stranger.sequence.max(beat.sequence);
        let is_ours = beat.echo.unit == our_unit && beat.echo.boot == our_boot;
        if is_ours && beat.echo.sequence >= stranger.proof && beat.echo.sequence < next_sequence {
            self.0.retain(|one| one.unit != beat.unit);
            return Proof::Given;
        }
        Proof::Waiting
    }

    /// Of these groups those for which the sender says now that it is active, and of them those that are not noted yet.
    pub(crate) fn claims(&mut self, beat: &Beat, groups: u16) -> (u16, u16) {
        let is_it = |one: &&mut Stranger| (one.unit, one.boot) == (beat.unit, beat.boot);
        let Some(stranger) = self.0.iter_mut().find(is_it) else { return (0, 0) };
        let active = stranger.active & groups;
        let first = active & !stranger.noted;
        stranger.noted |= active;
        (active, first)
    }

    /// Whether one said last that it is active for this group.
    pub(crate) fn is_claimed(&self, group: usize) -> bool {
        self.0.iter().any(|stranger| stranger.active & (1 << group) != 0)
    }

    /// What is echoed to them.
    pub(crate) fn echoes(&self) -> impl Iterator<Item = Echo> {
        self.0.iter().map(|one| Echo { unit: one.unit, boot: one.boot, sequence: one.sequence, links: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(boot: u32, sequence: u64, echo: u64) -> Beat {
        let mut beat = Beat::new(2, boot, sequence);
        beat.echo = Echo { unit: 1, boot: 11, sequence: echo, links: 0 };
        beat
    }

    #[test]
    fn only_an_echo_of_what_was_sent_later_proves_a_boot() {
        let mut strangers = Strangers::default();
        assert_eq!(strangers.meet(&beat(5, 1, 99), 1, 11, 100), Proof::New);
        assert_eq!(strangers.meet(&beat(5, 2, 99), 1, 11, 101), Proof::Waiting);
        assert_eq!(strangers.meet(&beat(5, 3, 100), 1, 12, 101), Proof::Waiting);
        assert_eq!(strangers.meet(&beat(5, 3, 5_000), 1, 11, 101), Proof::Waiting);
        assert_eq!(strangers.echoes().next().map(|echo| (echo.boot, echo.sequence)), Some((5, 3)));
        assert_eq!(strangers.meet(&beat(5, 4, 100), 1, 11, 101), Proof::Given);
        assert_eq!(strangers.echoes().count(), 0);
    }

    #[test]
    fn recorded_boots_are_forgotten_in_turn() {
        let mut strangers = Strangers::default();
        for boot in 1..20 {
            assert_eq!(strangers.meet(&beat(boot, 1, 0), 1, 11, 1), Proof::New);
        }
        assert_eq!(strangers.echoes().count(), STRANGERS);
    }
}
