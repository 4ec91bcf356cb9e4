//! The only place of the benchmarks that reads a clock or sleeps.

use std::time::{Duration, Instant};

use crate::rounds::as_f64;

/// How long the cycle counter is held against the operating system's clock.
const CALIBRATION: Duration = Duration::from_millis(200);

/// Lets the calling thread sleep.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub(crate) fn sleep(duration: Duration) {
    std::thread::sleep(duration);
}

/// Now, by the operating system's monotonic clock.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// How far the cycle counter goes in a second, measured here.
pub(crate) fn cycles_per_second() -> f64 {
    let (started, first) = (now(), dpdk::clock::cycles());
    sleep(CALIBRATION);
    let (elapsed, last) = (started.elapsed(), dpdk::clock::cycles());
    as_f64(last - first) / elapsed.as_secs_f64()
}

/// Looks until `look` finds something, and gives up after `patience`.
pub(crate) fn wait_for<T>(patience: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = now() + patience;
    loop {
        let found = look();
        if found.is_some() || now() >= deadline {
            return found;
        }
        sleep(Duration::from_millis(10));
    }
}
