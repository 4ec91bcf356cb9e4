//! Having the unit forward, or stand by.

use std::time::Duration;

use crossbeam::channel::RecvTimeoutError;
use model::UnitState;

use super::inspection::Inspection;
use super::protocol::ErrorKind;
use super::report::FailoverReport;
use super::stop::Stop;
use crate::platform;

/// How long all workers may take: they have to carry out what the peer told before.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two looks whether they have.
const PAUSE: Duration = Duration::from_micros(100);

/// Why the unit did not go to another state.
#[derive(Debug, thiserror::Error)]
pub(super) enum FailoverError {
    #[error("the unit is of no pair; write \"replication\" in unit.json to give it a peer")]
    Alone,
    #[error("not all workers are {} after {PATIENCE:?}; look at show status", .0.name())]
    Unfinished(UnitState),
    #[error("the unit is being stopped")]
    Stopping,
}

impl FailoverError {
    pub(super) const fn kind(&self) -> ErrorKind {
        match self {
            Self::Alone => ErrorKind::Alone,
            Self::Unfinished(_) => ErrorKind::Unfinished,
            Self::Stopping => ErrorKind::Stopping,
        }
    }
}

/// Has the unit go to `state`, and waits until all workers are there.
pub(super) fn switch(
    inspection: &Inspection,
    state: UnitState,
    stop: &Stop,
) -> Result<FailoverReport, FailoverError> {
    let pair = inspection.pair.as_ref().ok_or(FailoverError::Alone)?;
    let started = platform::now();
    let (before, peer, agreed_at) = (pair.switch.current(), pair.peer_state(), pair.agreed_at());
    pair.switch.want(state);
    while !pair.switch.is_complete(state) {
        if platform::now().since(started) > PATIENCE {
            return Err(FailoverError::Unfinished(state));
        }
        // Nothing is ever sent: it is a pause that the stop ends.
        if stop.channel().recv_timeout(PAUSE) == Err(RecvTimeoutError::Disconnected) {
            return Err(FailoverError::Stopping);
        }
    }
    let took = platform::now().since(started);
    Ok(FailoverReport {
        state: state.into(),
        before: before.into(),
        connections: inspection.connections(),
        took_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        peer: peer.map(Into::into),
        agreed_ms: agreed_at.and_then(|at| u64::try_from(started.since(at).as_millis()).ok()),
    })
}
