//! Who is heard, on which link, and what silence means: seed 002's keep-alive manager.
//!
//! A unit is dead when **all** its links are silent. A link is silent, by itself, after `interval x misses`. Links differ:
//! a cable has longer intervals than a network, and must not delay the verdict when a unit stops and all its links fall
//! silent together. So a slower link waits for its whole patience only if it is known to live by itself:
//!
//! - The *fastest* link is the one of those that lived lately with the shortest patience. A unit that stops is dead, at
//!   the earliest, when that one is silent.
//! - When a beat of the fastest link is overdue (interval and slack), each other link is asked to prove the unit alive:
//!   both sides see it and send a beat at once over all links.
//! - A slower link that brought a beat since then lives by itself, and waits for its own `interval x misses`. One that
//!   did not is given one interval and slack since its last beat, and no less than the fastest link.
//!
//! With 5 ms x 5 and a cable of 20 ms the verdict comes after 25 to 30 ms, and the loss of the network alone is none. When
//! the cable's lines say that the other side has no power, only one beat of each network link has to be missed.

use std::time::Duration;

use model::{CableStatus, Instant};

use crate::settings::{LINKS, LinkSettings};

/// What was heard of a unit on one link.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hearing {
    /// When a beat came last; none since the unit was found.
    pub(crate) heard: Option<Instant>,
    /// The highest sequence.
    pub(crate) highest: u64,
    pub(crate) beats: u64,
    /// How often the link fell silent while the unit lived.
    pub(crate) losses: u64,
    /// It is silent.
    pub(crate) is_lost: bool,
    /// The others were asked because of it.
    pub(crate) is_suspected: bool,
}

/// All links of one unit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hearings(pub(crate) [Hearing; LINKS]);

/// The settings of all links.
pub(crate) type LinkTable = [Option<LinkSettings>; LINKS];

/// What changed with the passing of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Links that fell silent, as bits.
    pub(crate) lost: u8,
    /// A beat is overdue somewhere: the other links should be used at once.
    pub(crate) suspects: bool,
}

impl Hearings {
    /// A beat with this sequence came. Returns whether the link was silent before.
    pub(crate) fn hear(&mut self, index: usize, sequence: u64, now: Instant) -> bool {
        let Some(hearing) = self.0.get_mut(index) else { return false };
        hearing.heard = Some(now);
        hearing.highest = hearing.highest.max(sequence);
        hearing.beats += 1;
        hearing.is_suspected = false;
        std::mem::take(&mut hearing.is_lost)
    }

    /// Links on which it is heard, as bits.
    pub(crate) fn mask(&self) -> u8 {
        let lives = |hearing: &Hearing| hearing.heard.is_some() && !hearing.is_lost;
        self.0
            .iter()
            .enumerate()
            .filter(|(_, hearing)| lives(hearing))
            .fold(0, |mask, (index, _)| mask | 1 << index)
    }

    /// Finds links that fall silent, and beats that are overdue.
    pub(crate) fn turn(&mut self, table: &LinkTable, now: Instant) -> Changes {
        let mut changes = Changes::default();
        for (index, (hearing, settings)) in self.0.iter_mut().zip(table).enumerate() {
            let (Some(heard), Some(settings)) = (hearing.heard, settings) else { continue };
            if !hearing.is_suspected && now >= heard + settings.overdue() {
                hearing.is_suspected = true;
                changes.suspects = true;
            }
            if !hearing.is_lost && now >= heard + settings.patience() {
                hearing.is_lost = true;
                hearing.losses += 1;
                changes.lost |= 1 << index;
            }
        }
        changes
    }

    /// When the next of these happens.
    pub(crate) fn deadline(&self, table: &LinkTable) -> Option<Instant> {
        let due = |(hearing, settings): (&Hearing, &Option<LinkSettings>)| {
            let (heard, settings) = (hearing.heard?, (*settings)?);
            match (hearing.is_suspected, hearing.is_lost) {
                (false, false) => Some(heard + settings.overdue().min(settings.patience())),
                (true, false) => Some(heard + settings.patience()),
                _ => None,
            }
        };
        self.0.iter().zip(table).filter_map(due).min()
    }

    /// This unit did not look for so long: that is not the other's silence.
    pub(crate) fn forgive(&mut self, stall: Duration, now: Instant) {
        for heard in self.0.iter_mut().filter_map(|hearing| hearing.heard.as_mut()) {
            *heard = (*heard + stall).min(now);
        }
    }

    /// When it was heard last.
    pub(crate) fn last(&self) -> Instant {
        self.0.iter().filter_map(|hearing| hearing.heard).max().unwrap_or(Instant::START)
    }

    /// When the unit is dead, if nothing comes until then.
    pub(crate) fn death(&self, table: &LinkTable, cable: CableStatus) -> Instant {
        let heard = || {
            let all = self.0.iter().zip(table).enumerate();
            all.filter_map(|(index, (hearing, settings))| Some((index, hearing.heard?, (*settings)?)))
        };
        let silent_at = |(_, at, settings): (usize, Instant, LinkSettings)| {
            let proves = |other: &LinkSettings, other_at: Instant| at >= other_at + other.overdue();
            let faster = heard().filter(|(_, other_at, other)| {
                other.patience() < settings.patience() && !proves(other, *other_at)
            });
            match faster.map(|(_, _, other)| other.patience()).min() {
                None => at + settings.patience(),
                Some(patience) => at + settings.overdue().max(patience).min(settings.patience()),
            }
        };
        let by_silence = heard().map(silent_at).max().unwrap_or(Instant::START);
        if cable != CableStatus::OtherSidePoweredOff {
            return by_silence;
        }
        // A line may be broken: a beat must be missing, too, on the network, or on the cable where that is the only way.
        let overdue = |(_, at, settings): (usize, Instant, LinkSettings)| at + settings.overdue();
        let missed = heard().filter(|(index, ..)| *index > 0).map(overdue).max();
        missed.or_else(|| heard().map(overdue).max()).unwrap_or(Instant::START).min(by_silence)
    }

    /// The least silence after which it could be found dead. A link that is lost counts until a slower one has proved that
    /// it lives by itself: until then [`Self::death`] does not give that one its whole patience.
    pub(crate) fn patience(&self, table: &LinkTable, cable: CableStatus) -> Option<Duration> {
        let all = || {
            let all = self.0.iter().zip(table).enumerate();
            all.filter_map(|(index, (hearing, settings))| {
                Some((index, hearing, hearing.heard?, (*settings)?))
            })
        };
        let counts = |lost: &Hearing, at: Instant, settings: LinkSettings| {
            let mut others = all().filter(|(_, other, ..)| !other.is_lost);
            !lost.is_lost || others.any(|(_, _, other_at, _)| other_at < at + settings.overdue())
        };
        let of = |index: usize, settings: LinkSettings| {
            let is_short = cable == CableStatus::OtherSidePoweredOff && index > 0;
            if is_short { settings.overdue().min(settings.patience()) } else { settings.patience() }
        };
        let counting = all().filter(|(_, hearing, at, settings)| counts(hearing, *at, *settings));
        counting.map(|(index, _, _, settings)| of(index, settings)).min()
    }
}

#[cfg(test)]
mod tests;
