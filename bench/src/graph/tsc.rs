//! Time by the cycle counter.

use std::time::Duration;

/// How long the counter is watched to know its rate.
const CALIBRATION: Duration = Duration::from_millis(100);

/// What the counter goes on in a second.
#[expect(clippy::disallowed_methods, reason = "the counter has to be held against a clock")]
pub(crate) fn cycles_per_second() -> f64 {
    let (clock, first) = (std::time::Instant::now(), dpdk::clock::cycles());
    while clock.elapsed() < CALIBRATION {
        std::hint::spin_loop();
    }
    let (cycles, elapsed) = (dpdk::clock::cycles() - first, clock.elapsed());
    cycles as f64 / elapsed.as_secs_f64()
}
