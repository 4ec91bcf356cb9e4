//! Waiting for something to become true, with a deadline. The only place of the tests that reads a clock or sleeps.

use std::fmt::Debug;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// More than anything needs here that does not wait for a configured timeout.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Returns what `look` finds, as soon as it finds something.
///
/// # Panics
///
/// When it finds nothing in time; `what` says what was waited for.
pub(crate) fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    look_for(look).unwrap_or_else(|| panic!("waited {PATIENCE:?} in vain for {what}"))
}

/// Waits until `look` returns `expected`; says what it returned last, if it never does.
pub(crate) fn until_equal<T: PartialEq + Debug>(what: &str, expected: T, mut look: impl FnMut() -> T) {
    let mut last = None;
    let found = look_for(|| {
        let seen = look();
        let is_equal = seen == expected;
        last = Some(seen);
        is_equal.then_some(())
    });
    assert!(found.is_some(), "{what}: expected {expected:?}, last seen {last:?}");
}

/// What a flow lets pass between two datagrams.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub(crate) fn a_millisecond() {
    sleep(Duration::from_millis(1));
}

#[expect(clippy::disallowed_methods, reason = "this is the place")]
fn look_for<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = look();
        if found.is_some() || Instant::now() >= deadline {
            return found;
        }
        sleep(PAUSE);
    }
}
