//! The load, the same for every balancer: threads that do one thing over and over, and a window in which what they did is
//! counted.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::bed::Bed;
use super::error::RivalsError;
use crate::clock;

/// How long the load runs before it counts.
const WARM_UP: Duration = Duration::from_millis(150);

/// What the threads of a load share.
#[derive(Debug, Default)]
pub(super) struct Progress {
    stop: AtomicBool,
    done: AtomicU64,
    failed: AtomicU64,
}

impl Progress {
    /// Whether to go on.
    pub(super) fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    /// Counts what was tried.
    pub(super) fn count<T, E>(&self, result: &Result<T, E>) {
        let counter = if result.is_ok() { &self.done } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// What succeeded.
    pub(super) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

/// What a load found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Nanoseconds of wall time for each thing done.
    pub(super) nanoseconds: f64,
    /// What was tried in vain.
    pub(super) failed: u64,
}

/// Runs `work` on `threads` threads in the client's namespace, and counts with `count` for the time of `window`.
pub(super) fn apply(
    bed: &Bed,
    window: Duration,
    threads: usize,
    work: impl Fn(usize, &Progress) -> Result<(), RivalsError> + Sync,
    mut count: impl FnMut(&Progress) -> Result<u64, RivalsError>,
) -> Result<Sample, RivalsError> {
    let (progress, first_error) = (Progress::default(), Mutex::new(None));
    let counted = thread::scope(|scope| {
        for number in 0..threads {
            let (work, progress, first_error) = (&work, &progress, &first_error);
            scope.spawn(move || {
                if let Err(error) = bed.client.join().and_then(|()| work(number, progress)) {
                    progress.stop.store(true, Ordering::Relaxed);
                    first_error
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .get_or_insert(error);
                }
            });
        }
        let counted = watch(&progress, window, &mut count);
        progress.stop.store(true, Ordering::Relaxed);
        counted
    });
    if let Some(error) = first_error.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        return Err(error);
    }
    let (elapsed, done) = counted?;
    let failed = progress.failed.load(Ordering::Relaxed);
    if done == 0 {
        return Err(RivalsError::Nothing { balancer: bed.balancer.name(), failed });
    }
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    let nanoseconds = elapsed.as_secs_f64() * 1e9 / done as f64;
    Ok(Sample { nanoseconds, failed })
}

fn watch(
    progress: &Progress,
    window: Duration,
    count: &mut impl FnMut(&Progress) -> Result<u64, RivalsError>,
) -> Result<(Duration, u64), RivalsError> {
    clock::sleep(WARM_UP);
    let (started, before) = (clock::now(), count(progress)?);
    clock::sleep(window);
    let (elapsed, after) = (started.elapsed(), count(progress)?);
    Ok((elapsed, after.saturating_sub(before)))
}
