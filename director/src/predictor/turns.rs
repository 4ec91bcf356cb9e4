//! Weighted round robin: whose turn is when.
//!
//! In one unit of a virtual server's time each candidate has as many turns as its weight, evenly spaced; the earliest
//! turn is the next connection's. The heavy servers' turns so are spread between the others', not served in a row.
//! Candidates begin at different phases, else all light ones' turns would come at once.

use super::rank::ONE;

/// Where the time of a virtual server must begin again: far below what a rank can hold.
pub(super) const END: u64 = 1 << 61;

/// A candidate's turns. The `n`th one after `start` is at (`n` + `phase`) / weight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turns {
    start: u64,
    phase: u32,
    /// Turns taken since `start`; less than the weight.
    taken: u16,
}

impl Turns {
    pub(super) const fn beginning(phase: u32) -> Self {
        Self { start: 0, phase, taken: 0 }
    }

    /// When the next turn is.
    #[inline]
    pub(super) const fn next(self, weight: u16) -> u64 {
        self.start + (self.taken as u64 * ONE + self.phase as u64) / weight as u64
    }

    /// Takes the next turn.
    #[inline]
    pub(super) const fn take(&mut self, weight: u16) {
        self.taken += 1;
        // A whole unit of time, without what rounding would add up to.
        if self.taken == weight {
            self.taken = 0;
            self.start += ONE;
        }
    }

    /// Forgets turns that were missed before `now`.
    pub(super) const fn catch_up(&mut self, now: u64, weight: u16) {
        if self.next(weight) < now {
            self.start = now;
            self.taken = 0;
        }
    }

    /// Begins again at time zero.
    pub(super) const fn restart(&mut self) {
        self.start = 0;
        self.taken = 0;
    }
}

/// The phase of the candidate at `position`: 1/2, 3/4, 1/4, 7/8, 3/8, 5/8, 1/8 and so on, each where the earlier ones
/// left the most room (van der Corput's sequence).
#[expect(clippy::cast_possible_truncation, reason = "less than ONE")]
pub(super) const fn phase(position: usize) -> u32 {
    let mirrored = (position as u64 + 1).reverse_bits();
    (ONE - (mirrored >> (u64::BITS - ONE.ilog2()))) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_fill_the_unit_evenly() {
        let eighths = |position| f64::from(phase(position)) * 8.0 / 1_048_576.0;
        assert_eq!((0..7).map(eighths).collect::<Vec<_>>(), [4.0, 6.0, 2.0, 7.0, 3.0, 5.0, 1.0]);
    }

    #[test]
    fn a_weight_of_turns_is_one_unit_exactly() {
        for weight in [1, 3, 7, 999, 1_000] {
            let mut turns = Turns::beginning(phase(5));
            let first = turns.next(weight);
            for _ in 0..10 * u32::from(weight) {
                let before = turns.next(weight);
                turns.take(weight);
                assert!(turns.next(weight) > before);
            }
            assert_eq!(turns.next(weight), first + 10 * ONE);
        }
    }

    #[test]
    fn missed_turns_are_not_made_up_for() {
        let mut turns = Turns::beginning(phase(0));
        turns.catch_up(100 * ONE, 4);
        assert_eq!(turns.next(4), 100 * ONE + ONE / 8);
        turns.catch_up(100 * ONE, 4);
        assert_eq!(turns.next(4), 100 * ONE + ONE / 8, "a turn to come stays");
    }
}
