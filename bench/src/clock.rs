//! The only place of the benchmarks that reads a clock or sleeps.

use std::time::{Duration, Instant};

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
