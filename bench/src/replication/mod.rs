//! Replication between two units: two replication cores on a CPU each, with real sockets and a virtual cable between
//! them, and shards behind them where shards matter.

mod cable;
mod core;
mod error;
mod full_sync;
mod loss;
mod side;
mod takeover;
mod throughput;

use std::sync::atomic::{AtomicBool, Ordering};

use crate::Context;
use crate::graph::Effort;
use crate::report::{Outcome, Section};
use error::ReplicationError;

/// All figures of replication.
pub(crate) fn run(context: &Context) -> Outcome {
    measure(Effort::new(context.quick)).into()
}

fn measure(effort: Effort) -> Result<Section, ReplicationError> {
    let mut figures = throughput::run(effort)?;
    figures.extend(full_sync::run(effort)?);
    figures.extend(loss::run(effort)?);
    figures.extend(takeover::run(effort)?);
    let remarks = REMARKS.iter().map(|&remark| remark.to_owned()).collect();
    Ok(Section { title: "Replication".to_owned(), figures, remarks, ..Section::default() })
}

const REMARKS: [&str; 4] = [
    "Records per second are those of a core that has nothing else to do and always work: its time without work is left \
     out. The sender's time has most of the kernel's receiving, too: a virtual cable delivers on the CPU that sends. A \
     plain datagram is one of the same size, sent and received without a protocol.",
    "Full sync: the active unit's worker and replication core share one CPU, the standby's the other. The worker forwards \
     half as many packets as it can when it does nothing else. The time is from the first hello until the standby has \
     found all digests equal.",
    "Loss: each datagram is dropped with a probability of 5 %, both ways. Connections come and go by their packets; the \
     time is until the digests of all 4,096 hash ranges are equal.",
    "Takeover: what a worker does to change from standing by to forwarding, and with the first packet of a connection \
     that it never saw a packet of; of many changes the best.",
];

/// Runs both units at once, each on a CPU of its own. When one ends, badly or well, `stop` is set for the other.
///
/// # Errors
///
/// The first unit's, or the second's.
fn side_by_side<A: Send, B: Send>(
    one: impl FnOnce(&AtomicBool) -> Result<A, ReplicationError> + Send,
    other: impl FnOnce(&AtomicBool) -> Result<B, ReplicationError> + Send,
) -> Result<(A, B), ReplicationError> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let one = scope.spawn(|| on_cpu(0, &stop, one));
        let other = scope.spawn(|| on_cpu(1, &stop, other));
        let join = |_| ReplicationError::Panicked;
        let (one, other) = (one.join().map_err(join)?, other.join().map_err(join)?);
        Ok((one?, other?))
    })
}

fn on_cpu<T>(
    number: usize,
    stop: &AtomicBool,
    work: impl FnOnce(&AtomicBool) -> Result<T, ReplicationError>,
) -> Result<T, ReplicationError> {
    let _pinned = crate::affinity::Pinned::to(number);
    let result = work(stop);
    // Relaxed: it carries no data.
    stop.store(true, Ordering::Relaxed);
    result
}
