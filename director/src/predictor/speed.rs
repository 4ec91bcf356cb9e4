//! How fast a real server answers: the smoothed time from a SYN to its SYN-ACK.
//!
//! One SYN is timed at a time. Of a real server that was not measured lately nothing is known, and it gets a connection
//! to be measured by; one, not all: until that one is answered the real server counts as slow. If there is no answer, the
//! next one is tried after [`PATIENCE`].

use std::time::Duration;

use model::Instant;

/// A real server that is being measured counts as one that takes so long; longer times count as this.
pub(super) const SLOWEST_US: u32 = 1 << 20;

/// How long an answer is waited for. After that the client sends its SYN again (RFC 6298), and an answer would be the
/// answer to either.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a measurement says something.
const FRESH: Duration = Duration::from_secs(10);

/// Of each sample an eighth counts, as for TCP's own smoothed round trip (RFC 6298).
const EIGHTH: u32 = 3;

/// What is known of one real server.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Speed {
    knowledge: Knowledge,
    /// The smoothed time, in eighths of microseconds.
    smoothed: u32,
    /// When the last sample was taken.
    measured: Instant,
    /// The connection whose SYN is timed.
    timed: Option<u64>,
    /// When that SYN was sent, or the connection was given out whose SYN is to be timed.
    asked: Instant,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Knowledge {
    /// It was never measured, or not lately.
    #[default]
    Unknown,
    /// The same, and a connection was given to it to find out.
    Asked,
    Known,
}

impl Speed {
    /// The time that it is ranked by.
    #[inline]
    pub(super) const fn answer_us(&self) -> u32 {
        match self.knowledge {
            Knowledge::Unknown => 0,
            Knowledge::Asked => SLOWEST_US,
            Knowledge::Known if self.smoothed >> EIGHTH == 0 => 1,
            Knowledge::Known => self.smoothed >> EIGHTH,
        }
    }

    /// The time, if it is known.
    pub(super) fn measured(&self) -> Option<Duration> {
        let is_known = self.knowledge == Knowledge::Known;
        is_known.then(|| Duration::from_micros(self.answer_us().into()))
    }

    /// Notes that it gets a connection. If nothing is known, it is to be measured by this one.
    #[inline]
    pub(super) fn ask(&mut self, now: Instant) {
        if self.knowledge == Knowledge::Unknown {
            self.knowledge = Knowledge::Asked;
            self.asked = now;
            self.timed = None;
        }
    }

    /// Begins to time the SYN of the connection that `token` stands for, unless another one is being timed.
    #[inline]
    pub(super) fn begin(&mut self, token: u64, now: Instant) {
        if self.timed.is_none() || now.since(self.asked) > PATIENCE {
            self.timed = Some(token);
            self.asked = now;
        }
    }

    /// Notes that the SYN was sent again: its answer will say nothing (Karn's algorithm).
    #[inline]
    pub(super) fn discard(&mut self, token: u64) {
        if self.timed == Some(token) {
            self.timed = None;
        }
    }

    /// Takes the sample if it is `token` that is timed. Returns whether it is.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "no more than SLOWEST_US")]
    pub(super) fn answer(&mut self, token: u64, now: Instant) -> bool {
        if self.timed != Some(token) {
            return false;
        }
        let sample = now.since(self.asked).as_micros().min(SLOWEST_US.into()) as u32;
        self.smoothed = match self.knowledge {
            Knowledge::Known => self.smoothed - (self.smoothed >> EIGHTH) + sample,
            // What was measured long ago has no part in it.
            Knowledge::Unknown | Knowledge::Asked => sample << EIGHTH,
        };
        self.knowledge = Knowledge::Known;
        self.timed = None;
        self.measured = now;
        true
    }

    /// Forgets what was too long ago. Returns whether that changes what it is ranked by.
    pub(super) fn age(&mut self, now: Instant) -> bool {
        let is_asked = self.timed.is_some() && now.since(self.asked) <= PATIENCE;
        let next = match self.knowledge {
            Knowledge::Known if now.since(self.measured) <= FRESH => Knowledge::Known,
            Knowledge::Known if is_asked => Knowledge::Asked,
            Knowledge::Asked if now.since(self.asked) <= PATIENCE => Knowledge::Asked,
            _ => Knowledge::Unknown,
        };
        let is_other = next != self.knowledge;
        self.knowledge = next;
        is_other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(microseconds: u64) -> Instant {
        Instant::from_nanos(microseconds * 1_000)
    }

    fn measured(us: u64) -> Speed {
        let mut speed = Speed::default();
        speed.ask(at(0));
        speed.begin(1, at(0));
        assert!(speed.answer(1, at(us)));
        speed
    }

    #[test]
    fn samples_count_by_an_eighth() {
        let mut speed = measured(800);
        assert_eq!(speed.answer_us(), 800);
        speed.begin(2, at(1_000));
        assert!(speed.answer(2, at(2_600)));
        assert_eq!(speed.answer_us(), 900);
        assert_eq!(speed.measured(), Some(Duration::from_micros(900)));
        assert_eq!(measured(0).answer_us(), 1, "nobody answers in no time");
        assert_eq!(measured(50_000_000).answer_us(), SLOWEST_US);
    }

    #[test]
    fn one_is_timed_at_a_time() {
        let mut speed = measured(800);
        speed.begin(2, at(1_000));
        speed.begin(3, at(1_100));
        assert!(!speed.answer(3, at(1_200)));
        speed.begin(4, at(1_001_001));
        assert!(!speed.answer(2, at(1_001_002)), "it took too long");
        assert!(speed.answer(4, at(1_001_801)));
        assert_eq!(speed.answer_us(), 800);
    }

    #[test]
    fn a_resent_syn_is_not_timed() {
        let mut speed = measured(800);
        speed.begin(2, at(1_000));
        speed.discard(3);
        speed.discard(2);
        assert!(!speed.answer(2, at(1_100)));
        speed.begin(4, at(1_200));
        assert!(speed.answer(4, at(2_000)));
    }

    #[test]
    fn nobody_knows_for_long() {
        let mut speed = measured(800);
        assert!(!speed.age(at(10_000_800)));
        assert!(speed.age(at(10_000_801)));
        assert_eq!((speed.answer_us(), speed.measured()), (0, None));
        speed.ask(at(11_000_000));
        assert_eq!(speed.answer_us(), SLOWEST_US);
        assert!(!speed.age(at(12_000_000)));
        assert!(speed.age(at(12_000_001)));
        assert_eq!(speed.answer_us(), 0, "another may try");
        speed.ask(at(13_000_000));
        speed.begin(5, at(13_000_000));
        assert!(speed.answer(5, at(13_000_080)));
        assert_eq!(speed.answer_us(), 80, "what was long ago does not count");
    }

    #[test]
    fn who_is_being_measured_when_it_is_forgotten_waits_for_that() {
        let mut speed = measured(800);
        speed.begin(2, at(9_900_000));
        assert!(speed.age(at(10_500_000)));
        assert_eq!(speed.answer_us(), SLOWEST_US);
    }
}
