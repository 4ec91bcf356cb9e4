//! Round robin, weighted or not: whose turn is when.
//!
//! In one unit of a virtual server's time each candidate has as many turns as its weight, evenly spaced; the earliest
//! turn is the next connection's. The heavy servers' turns so are spread between the others', not served in a row.
//! Candidates begin at different phases, else all light ones' turns would come at once. Where weights do not matter, each
//! has weight 1 and they all have the same phase: of turns at the same time, the one that waits longest has the first.

use super::slow_start::WHOLE;

/// A unit of a virtual server's time. A turn is a thousandth of it at least.
pub(super) const ONE: u64 = 1 << 20;

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

    /// Takes the next turn. At an early `step` of a slow start the one after it is that much later.
    #[inline]
    pub(super) const fn take(&mut self, weight: u16, step: u8) {
        self.taken += 1;
        // A whole unit of time, without what rounding would add up to.
        if self.taken == weight {
            self.taken = 0;
            self.start += ONE;
        }
        if step < WHOLE {
            self.start += interval(weight, step) - interval(weight, WHOLE);
        }
    }

    /// Has the next turn come at `time`.
    pub(super) const fn set(&mut self, time: u64, weight: u16) {
        self.taken = 0;
        self.start = time.saturating_sub(self.phase as u64 / weight as u64);
    }

    /// Puts the next turn off until one at that `step` has passed from `now` on: who begins slowly does not begin at once.
    pub(super) const fn put_off(&mut self, now: u64, weight: u16, step: u8) {
        self.set(now + interval(weight, step), weight);
    }

    /// Has the next turn come as soon as it would if the one before it were taken `now`, at this `step`: one that was put off
    /// at an earlier step does not wait for all that time.
    pub(super) const fn hurry(&mut self, now: u64, weight: u16, step: u8) {
        if self.next(weight) > now + interval(weight, step) {
            self.put_off(now, weight, step);
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

/// The time between two turns.
const fn interval(weight: u16, step: u8) -> u64 {
    ONE * WHOLE as u64 / (weight as u64 * step as u64)
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
                turns.take(weight, WHOLE);
                assert!(turns.next(weight) > before);
            }
            assert_eq!(turns.next(weight), first + 10 * ONE);
        }
    }

    #[test]
    fn a_slow_start_has_its_share_of_turns() {
        for (weight, step) in [(1, 1), (1, 15), (7, 4), (1_000, 3)] {
            let mut turns = Turns::beginning(phase(0));
            let first = turns.next(weight);
            for _ in 0..u32::from(weight) * u32::from(step) {
                turns.take(weight, step);
            }
            let passed = turns.next(weight) - first;
            assert!(passed.abs_diff(u64::from(WHOLE) * ONE) <= 20_000, "{weight} {step}: {passed}");
        }
    }

    #[test]
    fn who_was_put_off_is_hurried_when_it_is_faster() {
        let mut turns = Turns::beginning(phase(0));
        turns.put_off(5 * ONE, 1, 1);
        assert_eq!(turns.next(1), 21 * ONE);
        turns.hurry(6 * ONE, 1, 8);
        assert_eq!(turns.next(1), 8 * ONE);
        turns.hurry(7 * ONE, 1, 8);
        assert_eq!(turns.next(1), 8 * ONE, "it is soon enough");
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
