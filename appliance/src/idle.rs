//! What a polling thread does when there is nothing to do.

use std::time::Duration;

use crate::platform;

/// Empty rounds before the first sleep: a burst is often followed by the next.
const PATIENCE: u32 = 64;

/// The first and the longest sleep. The longest bounds what sleeping adds to a packet's latency.
const SHORTEST: Duration = Duration::from_micros(10);
const LONGEST: Duration = Duration::from_micros(200);

/// Spins, or backs off to short sleeps.
#[derive(Debug)]
pub(crate) struct Idler {
    may_sleep: bool,
    empty_rounds: u32,
    next_sleep: Duration,
}

impl Idler {
    pub(crate) const fn new(may_sleep: bool) -> Self {
        Self { may_sleep, empty_rounds: 0, next_sleep: SHORTEST }
    }

    /// A round had work.
    #[inline]
    pub(crate) const fn busy(&mut self) {
        self.empty_rounds = 0;
        self.next_sleep = SHORTEST;
    }

    /// A round was empty.
    #[inline]
    pub(crate) fn nothing_to_do(&mut self) {
        self.empty_rounds = self.empty_rounds.saturating_add(1);
        if self.may_sleep && self.empty_rounds > PATIENCE {
            platform::sleep(self.next_sleep);
            self.next_sleep = (self.next_sleep * 2).min(LONGEST);
        } else {
            std::hint::spin_loop();
        }
    }
}
