//! The only place that reads a clock or sleeps: everything else takes time as an argument.

use std::sync::LazyLock;
use std::time::Duration;

use model::Instant;

static STARTED: LazyLock<std::time::Instant> = LazyLock::new(|| {
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    std::time::Instant::now()
});

/// Now, on this process's monotonic clock. It begins a second after its start, so that no real time is
/// `Instant::START`.
pub(crate) fn now() -> Instant {
    Instant::from_millis(1_000) + STARTED.elapsed()
}

/// Lets the calling thread sleep.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub(crate) fn sleep(duration: Duration) {
    std::thread::sleep(duration);
}
