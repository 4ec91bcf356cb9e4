//! What a program has forwarded up to a moment, and what that cost.

use super::error::BedError;
use crate::rounds::as_f64;

/// Of so many packets, one may be lost: counters are not all read at the same moment.
const TOLERATED: u64 = 2_000;

/// How often a window is measured at most.
const TRIES: usize = 3;

/// Packets up to a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// When, by the cycle counter.
    pub(super) cycles: u64,
    /// Packets received.
    pub(super) received: u64,
    /// Packets received and sent on.
    pub(super) forwarded: u64,
}

impl Reading {
    /// The counts of a moment between two values of the cycle counter.
    pub(super) const fn between(before: u64, after: u64, received: u64, forwarded: u64) -> Self {
        Self { cycles: before.midpoint(after), received, forwarded }
    }

    /// Cycles for each forwarded packet from `earlier` to here.
    ///
    /// # Errors
    ///
    /// When `name` forwarded nothing, or lost packets on the way; `why` is asked for its reasons.
    pub(super) fn cost_since(
        self,
        earlier: Self,
        name: &'static str,
        why: impl FnOnce() -> String,
    ) -> Result<f64, BedError> {
        let received = self.received - earlier.received;
        let forwarded = self.forwarded - earlier.forwarded;
        if forwarded == 0 {
            return Err(BedError::Idle(name));
        }
        let lost = received.saturating_sub(forwarded);
        if lost > received / TOLERATED {
            return Err(BedError::Lossy { name, lost, received, why: why() });
        }
        Ok(as_f64(self.cycles - earlier.cycles) / as_f64(forwarded))
    }
}

/// Measures, and again when packets were lost or none moved: on a machine that others use, a program may be without its CPU
/// for a whole window. What is wrong with the program itself is wrong each time.
pub(super) fn patiently<T>(mut measure: impl FnMut() -> Result<T, BedError>) -> Result<T, BedError> {
    for _ in 1..TRIES {
        match measure() {
            Err(error @ (BedError::Idle(_) | BedError::Lossy { .. })) => eprintln!("  once more: {error}"),
            other => return other,
        }
    }
    measure()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cost_is_cycles_by_forwarded_packets() {
        let earlier = Reading::between(0, 2_000, 10, 10);
        let later = Reading::between(100_000, 102_000, 4_010, 4_008);
        assert_eq!(earlier.cycles, 1_000);
        let cost = later.cost_since(earlier, "x", String::new).unwrap();
        assert!((cost - 100_000.0 / 3_998.0).abs() < 1e-9, "{cost}");
    }

    #[test]
    fn a_spoiled_window_is_measured_again_but_not_for_ever() {
        let mut left = 2;
        let spoiled_twice = patiently(|| {
            left -= 1;
            if left >= 0 { Err(BedError::Idle("x")) } else { Ok(7) }
        });
        assert!(matches!(spoiled_twice, Ok(7)));
        let mut tries = 0;
        let always = patiently(|| {
            tries += 1;
            Err::<(), _>(BedError::Idle("x"))
        });
        assert!(matches!(always, Err(BedError::Idle("x"))));
        assert_eq!(tries, 3);
        let other = patiently(|| Err::<(), _>(BedError::Dropped { name: "x", dropped: tries }));
        assert!(matches!(other, Err(BedError::Dropped { .. })));
    }

    #[test]
    fn loss_and_silence_make_no_figure() {
        let earlier = Reading::default();
        let lossy = Reading { cycles: 10, received: 4_000, forwarded: 3_997 };
        let error = lossy.cost_since(earlier, "x", || ": hold_full 3".to_owned()).unwrap_err();
        assert_eq!(error.to_string(), "x lost 3 of 4000 packets: hold_full 3");
        let idle = Reading { cycles: 10, received: 0, forwarded: 0 };
        assert!(matches!(idle.cost_since(earlier, "x", String::new), Err(BedError::Idle("x"))));
    }
}
