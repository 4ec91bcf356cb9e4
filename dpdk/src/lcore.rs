//! Running work on EAL's lcores: threads that are pinned to their CPUs and have caches of the pools.
//!
//! A panic never reaches EAL, which is C. Where panics unwind, it is reported to whoever joins; in a profile with
//! `panic = "abort"` it ends the process.

use std::any::Any;
use std::ffi::{c_int, c_void};
use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::eal;

/// Why work could not be started, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum LcoreError {
    /// EAL makes the lcores.
    #[error("there are no lcores before EAL has started; start it first")]
    NotStarted,
    /// No such lcore, or the main one.
    #[error("lcore {lcore} is no worker; EAL's --lcores argument gave it the workers {workers:?}")]
    NotAWorker {
        /// The lcore asked for.
        lcore: u32,
        /// The lcores that there are.
        workers: Vec<u32>,
    },
    /// An lcore does one thing at a time.
    #[error("lcore {0} is busy; join what runs there first")]
    Busy(u32),
    /// EAL could not tell the lcore.
    #[error("lcore {lcore} can not be started: {source}")]
    Launch {
        /// The lcore.
        lcore: u32,
        /// What EAL says about it.
        source: io::Error,
    },
    /// The work panicked.
    #[error("the work on lcore {lcore} panicked: {message}")]
    Panicked {
        /// The lcore.
        lcore: u32,
        /// What the panic said.
        message: String,
    },
}

/// Keeps two threads from launching at the same time: EAL expects one.
static LAUNCHING: Mutex<()> = Mutex::new(());

/// Work, and where to put its outcome.
struct Job {
    work: Box<dyn FnOnce() + Send>,
    outcome: Arc<Outcome>,
}

/// How work ended: nothing yet, well, or with a panic's message.
#[derive(Debug, Default)]
struct Outcome {
    ended: Mutex<Option<Result<(), String>>>,
    changed: Condvar,
}

impl Outcome {
    fn lock(&self) -> MutexGuard<'_, Option<Result<(), String>>> {
        // Nothing panics while it holds the lock.
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, result: Result<(), String>) {
        *self.lock() = Some(result);
        self.changed.notify_all();
    }

    fn wait(&self) -> Result<(), String> {
        let mut ended = self.lock();
        loop {
            if let Some(result) = ended.take() {
                return result;
            }
            ended = self.changed.wait(ended).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Work that was launched. Dropping this leaves it running.
pub struct LcoreHandle {
    lcore: u32,
    outcome: Arc<Outcome>,
}

impl fmt::Debug for LcoreHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LcoreHandle").field("lcore", &self.lcore).finish_non_exhaustive()
    }
}

/// Starts `work` on a worker lcore.
///
/// # Errors
///
/// When EAL has not started, there is no such worker, or it is busy; then `work` is dropped.
pub fn launch(lcore: u32, work: impl FnOnce() + Send + 'static) -> Result<LcoreHandle, LcoreError> {
    if !eal::is_running() {
        return Err(LcoreError::NotStarted);
    }
    let workers = eal::worker_lcores();
    if !workers.contains(&lcore) {
        return Err(LcoreError::NotAWorker { lcore, workers });
    }
    let outcome = Arc::new(Outcome::default());
    let job = Box::into_raw(Box::new(Job { work: Box::new(work), outcome: Arc::clone(&outcome) }));
    let launching = LAUNCHING.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: a worker of the running EAL; the trampoline takes the job over, on success only. One thread launches.
    let result = unsafe { dpdk_sys::rte_eal_remote_launch(Some(trampoline), job.cast(), lcore) };
    drop(launching);
    match eal::os_result(result) {
        Ok(()) => Ok(LcoreHandle { lcore, outcome }),
        Err(source) => {
            // SAFETY: the lcore did not get it, so it is still ours.
            drop(unsafe { Box::from_raw(job) });
            let is_busy = source.kind() == io::ErrorKind::ResourceBusy;
            Err(if is_busy { LcoreError::Busy(lcore) } else { LcoreError::Launch { lcore, source } })
        }
    }
}

impl LcoreHandle {
    /// The lcore that the work runs on.
    #[must_use]
    pub const fn lcore(&self) -> u32 {
        self.lcore
    }

    /// Whether the work has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.outcome.lock().is_some()
    }

    /// Sleeps until the work has ended and the lcore is free again.
    ///
    /// # Errors
    ///
    /// When the work panicked.
    pub fn join(self) -> Result<(), LcoreError> {
        let result = self.outcome.wait();
        // SAFETY: a worker of the running EAL. It has ended but for a few instructions.
        unsafe { dpdk_sys::rte_eal_wait_lcore(self.lcore) };
        result.map_err(|message| LcoreError::Panicked { lcore: self.lcore, message })
    }
}

/// Runs a job on an lcore. No panic leaves it: EAL is C.
extern "C" fn trampoline(job: *mut c_void) -> c_int {
    // SAFETY: what `launch` made of a box, and handed over.
    let Job { work, outcome } = *unsafe { Box::from_raw(job.cast::<Job>()) };
    // What the work left half done is dropped with it, or its owners' business as with any thread.
    let result = panic::catch_unwind(AssertUnwindSafe(work)).map_err(message);
    outcome.set(result);
    0
}

/// What a panic said. Its payload is not dropped if it is of a type that could panic in turn.
fn message(payload: Box<dyn Any + Send>) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        std::mem::forget(payload);
        "no message".to_owned()
    }
}
