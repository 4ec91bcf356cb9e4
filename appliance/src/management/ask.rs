//! Asking a worker for something that it answers between two bursts.

use std::time::Duration;

use crossbeam::channel::{Sender, TrySendError, bounded};
use crossbeam::select;

use super::inspection::WorkerView;
use super::protocol::ErrorKind;
use super::stop::Stop;
use crate::running::WorkerRequest;

/// How long a worker may take for an answer. It needs microseconds; if it takes this long, it is stuck.
const WORKER_PATIENCE: Duration = Duration::from_secs(2);

/// Why a worker did not answer.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum AskError {
    /// A worker is stuck, or is asked too much.
    #[error("worker {0} did not answer in time; the unit may be overloaded, or that worker is stuck")]
    Silent(usize),
    /// A worker has ended.
    #[error("worker {0} does not run")]
    Ended(usize),
    /// The unit is being stopped.
    #[error("the unit is being stopped")]
    Stopping,
}

impl AskError {
    pub(super) const fn kind(self) -> ErrorKind {
        match self {
            Self::Silent(_) | Self::Ended(_) => ErrorKind::WorkerSilent,
            Self::Stopping => ErrorKind::Stopping,
        }
    }
}

/// Asks `worker`. The request gets a channel with room for its answer.
pub(super) fn ask<T>(
    workers: &[WorkerView],
    worker: usize,
    stop: &Stop,
    request: impl FnOnce(Sender<T>) -> WorkerRequest,
) -> Result<T, AskError> {
    let (reply, answer) = bounded(1);
    match workers[worker].requests.try_send(request(reply)) {
        Ok(()) => {}
        Err(TrySendError::Full(_)) => return Err(AskError::Silent(worker)),
        Err(TrySendError::Disconnected(_)) => return Err(AskError::Ended(worker)),
    }
    select! {
        recv(answer) -> reply => reply.map_err(|_| AskError::Ended(worker)),
        recv(stop.channel()) -> _ => Err(AskError::Stopping),
        default(WORKER_PATIENCE) => Err(AskError::Silent(worker)),
    }
}
