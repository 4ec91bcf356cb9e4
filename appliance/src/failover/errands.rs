//! What the monitor has done by somebody else, because it may take longer than the monitor may be silent: files, netlink,
//! programs.

use std::thread::{self, JoinHandle};

use crossbeam::channel::{Sender, bounded};

use crate::error::RunError;

/// Errands that may wait.
const QUEUE: usize = 256;

type Errand = Box<dyn FnOnce() + Send>;

/// Sends errands to the thread that runs them, one after the other.
#[derive(Clone)]
pub(crate) struct Errands(Sender<Errand>);

impl Errands {
    /// Starts the thread. It ends when the last sender is gone.
    pub(crate) fn start() -> Result<(Self, JoinHandle<()>), RunError> {
        let (sender, errands) = bounded::<Errand>(QUEUE);
        let thread = thread::Builder::new().name("errands".to_owned()).spawn(move || {
            for errand in errands {
                errand();
            }
        });
        Ok((Self(sender), thread.map_err(RunError::Failover)?))
    }

    /// Has `errand` run some time. Returns whether there was room for it.
    pub(crate) fn send(&self, errand: impl FnOnce() + Send + 'static) -> bool {
        self.0.try_send(Box::new(errand)).is_ok()
    }
}
