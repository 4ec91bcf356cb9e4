//! The workers' lcores: started together, ended together, also when something fails in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dpdk::lcore::{self, LcoreError, LcoreHandle};

use crate::worker::Worker;

/// The running workers. Dropping it stops them and waits for them.
pub(crate) struct Lcores {
    handles: Vec<LcoreHandle>,
    stop: Arc<AtomicBool>,
}

impl Lcores {
    /// Starts worker i on lcore i + 1; the main lcore is 0. Setting `stop` ends them.
    pub(crate) fn launch(workers: Vec<Worker>, stop: &Arc<AtomicBool>) -> Result<Self, LcoreError> {
        let mut lcores = Self { handles: Vec::new(), stop: Arc::clone(stop) };
        for (lcore, worker) in (1..).zip(workers) {
            lcores.handles.push(lcore::launch(lcore, move || worker.run())?);
        }
        Ok(lcores)
    }

    /// Whether a worker has ended by itself, which none should.
    pub(crate) fn any_ended(&self) -> bool {
        self.handles.iter().any(LcoreHandle::is_finished)
    }

    /// Stops the workers and waits for them.
    pub(crate) fn stop(mut self) -> Result<(), LcoreError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), LcoreError> {
        // Relaxed: the flag carries no data.
        self.stop.store(true, Ordering::Relaxed);
        let ended: Vec<_> = self.handles.drain(..).map(LcoreHandle::join).collect();
        ended.into_iter().collect()
    }
}

impl Drop for Lcores {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            log::error!("{error}");
        }
    }
}
