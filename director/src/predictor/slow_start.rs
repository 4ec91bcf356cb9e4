//! A real server that comes into service gets its share gradually.

use std::time::Duration;

use model::Instant;

/// The steps to the whole share.
pub(super) const WHOLE: u8 = 16;

/// How far a real server has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct SlowStart {
    /// Sixteenths of its share that it gets.
    step: u8,
    began: Instant,
    period: Duration,
}

impl SlowStart {
    /// It has its whole share, until it [begins](Self::begin) anew; then that takes `period`.
    pub(super) const fn over(period: Duration) -> Self {
        Self { step: WHOLE, began: Instant::START, period }
    }

    /// Begins with the first step, unless no time is to be taken. Returns whether it has begun.
    pub(super) const fn begin(&mut self, now: Instant) -> bool {
        if self.period.is_zero() {
            return false;
        }
        self.step = 1;
        self.began = now;
        true
    }

    /// Takes the steps that are due. Returns whether there were any.
    #[expect(clippy::cast_possible_truncation, reason = "no more than WHOLE")]
    pub(super) fn advance(&mut self, now: Instant) -> bool {
        if self.is_over() {
            return false;
        }
        let passed = now.since(self.began).as_nanos() * u128::from(WHOLE) / self.period.as_nanos().max(1);
        let step = (1 + passed).min(u128::from(WHOLE)) as u8;
        let is_due = step != self.step;
        self.step = step;
        is_due
    }

    /// Goes on where `old` is.
    pub(super) const fn adopt(&mut self, old: &Self) {
        if !self.period.is_zero() {
            self.step = old.step;
            self.began = old.began;
        }
    }

    #[inline]
    pub(super) const fn step(&self) -> u8 {
        self.step
    }

    #[inline]
    pub(super) const fn is_over(&self) -> bool {
        self.step == WHOLE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_comes_at_its_time() {
        let mut slow = SlowStart::over(Duration::from_secs(16));
        assert!(slow.begin(Instant::from_millis(100)));
        let step_at = |slow: &mut SlowStart, milliseconds| {
            (slow.advance(Instant::from_millis(milliseconds)), slow.step())
        };
        assert_eq!(step_at(&mut slow, 1_099), (false, 1));
        assert_eq!(step_at(&mut slow, 1_100), (true, 2));
        assert_eq!(step_at(&mut slow, 8_100), (true, 9), "none is missed when nobody looked for a while");
        assert_eq!(step_at(&mut slow, 15_100), (true, WHOLE));
        assert!(slow.is_over());
        assert_eq!(step_at(&mut slow, 99_000), (false, WHOLE));
        assert!(!SlowStart::over(Duration::ZERO).begin(Instant::START));
    }
}
