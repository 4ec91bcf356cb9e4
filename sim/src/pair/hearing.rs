//! Whether the units can hear each other: what excuses two that forward.

use std::time::Duration;

use model::Instant;

use super::ways::{WAYS, Ways};
use crate::run::STEP;

/// What is known of it.
#[derive(Default)]
pub(crate) struct Hearing {
    /// Since when each way has brought all beats, to units that take them.
    clear_since: [Option<Instant>; WAYS],
    /// On this way the units heard each other: that they stop for a while does not excuse them.
    has_heard: [bool; WAYS],
    /// The units know each other. One that started anew has to prove that it did.
    have_met: bool,
}

impl Hearing {
    /// Called in each step.
    pub(crate) fn step(&mut self, now: Instant, ways: &Ways, are_awake: bool) {
        for way in 0..WAYS {
            let Some(whole_since) = ways.whole_since(way) else {
                (self.clear_since[way], self.has_heard[way]) = (None, false);
                continue;
            };
            let since = self.clear_since[way].unwrap_or(now).max(whole_since);
            if self.clear_since[way].is_some_and(|before| before < since) {
                self.has_heard[way] = false;
            }
            let waits = !are_awake && !self.has_heard[way];
            self.clear_since[way] = Some(if waits { now } else { since });
            self.has_heard[way] |= now.since(since) >= self.patience(ways, way) && !waits;
        }
        self.have_met |= self.is_mutual();
    }

    /// A unit starts.
    pub(crate) const fn start(&mut self) {
        self.have_met = false;
    }

    /// One beat and its way; and, where a unit is new, its proof: a beat there, one back, and one with the proof.
    fn patience(&self, ways: &Ways, way: usize) -> Duration {
        let (interval, latency) = ways.times(way);
        if self.have_met { interval + latency + STEP * 3 } else { interval * 2 + latency * 3 + STEP * 6 }
    }

    /// Whether they hear each other on some way.
    pub(crate) fn is_mutual(&self) -> bool {
        self.has_heard.contains(&true)
    }
}
