//! Which counters of a key were received already (as in RFC 4303, section 3.4.3).

/// How far back a counter is remembered: wide enough for the reordering that two paths make.
pub(crate) const WINDOW: u64 = 8_192;

const WORDS: usize = (WINDOW / 64) as usize;

/// A sliding window over counters. Counters start at 1.
pub(crate) struct ReplayWindow {
    highest: u64,
    seen: Box<[u64; WORDS]>,
}

impl ReplayWindow {
    pub(crate) fn new() -> Self {
        Self { highest: 0, seen: Box::new([0; WORDS]) }
    }

    /// Whether `counter` is new. One that is too old to tell is not.
    pub(crate) fn is_new(&self, counter: u64) -> bool {
        if counter > self.highest {
            return true;
        }
        // One word is being filled anew, so the window is that much shorter.
        counter != 0 && self.highest - counter < WINDOW - 64 && self.word(counter) & bit(counter) == 0
    }

    /// Remembers an authentic `counter`.
    pub(crate) fn insert(&mut self, counter: u64) {
        if counter > self.highest {
            let (from, to) = (self.highest / 64, counter / 64);
            for word in from..to.min(from + WORDS as u64) {
                self.seen[place((word + 1) * 64)] = 0;
            }
            self.highest = counter;
        }
        self.seen[place(counter)] |= bit(counter);
    }

    fn word(&self, counter: u64) -> u64 {
        self.seen[place(counter)]
    }
}

fn place(counter: u64) -> usize {
    usize::try_from(counter / 64 % WORDS as u64).unwrap_or(0)
}

const fn bit(counter: u64) -> u64 {
    1 << (counter % 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        /// A set that forgets nothing is the oracle.
        #[test]
        fn each_counter_passes_once(steps in proptest::collection::vec((0..3_u8, 1..40_000_u64), 1..400)) {
            let (mut window, mut seen, mut highest) = (ReplayWindow::new(), HashSet::new(), 0_u64);
            for (kind, number) in steps {
                let counter = match kind {
                    0 => highest + number % 3,
                    1 => highest.saturating_sub(number % 9_000),
                    _ => highest + number,
                };
                let is_recent = counter > highest || highest - counter < WINDOW - 64;
                prop_assert_eq!(window.is_new(counter), counter != 0 && is_recent && !seen.contains(&counter));
                if window.is_new(counter) {
                    window.insert(counter);
                    seen.insert(counter);
                    highest = highest.max(counter);
                }
            }
        }
    }
}
