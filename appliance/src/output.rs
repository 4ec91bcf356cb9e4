//! Packets on their way out of a port, counted when the port has taken them.

use arrayvec::ArrayVec;
use dpdk::{Mbuf, TransmitQueue};
use model::DropReason;
use model::limits::BATCH;

use crate::statistics::WorkerCounters;

/// Why a packet is transmitted, which says where it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A packet that was translated or bridged.
    Forwarded,
    /// A reply of the unit itself.
    Answered,
    /// A packet of the kernel, or an announcement.
    Kernel,
}

/// A worker's transmit queue on one port, and the packets that wait for the end of the burst: all of one origin.
pub(crate) struct Output {
    queue: TransmitQueue,
    mbufs: ArrayVec<Mbuf, BATCH>,
    origin: Origin,
}

impl Output {
    pub(crate) fn new(queue: TransmitQueue) -> Self {
        Self { queue, mbufs: ArrayVec::new(), origin: Origin::Forwarded }
    }

    /// Queues a packet; a full burst, or one of another origin, is transmitted first.
    #[inline]
    pub(crate) fn push(&mut self, mbuf: Mbuf, origin: Origin, counters: &WorkerCounters) {
        if self.mbufs.is_full() || self.origin != origin {
            self.flush(counters);
            self.origin = origin;
        }
        self.mbufs.push(mbuf);
    }

    /// Transmits a whole batch of forwarded packets, behind what is queued. The batch is empty afterwards.
    pub(crate) fn forward_all(&mut self, batch: &mut ArrayVec<Mbuf, BATCH>, counters: &WorkerCounters) {
        self.flush(counters);
        transmit(&mut self.queue, batch, Origin::Forwarded, counters);
    }

    /// Transmits what is queued.
    #[inline]
    pub(crate) fn flush(&mut self, counters: &WorkerCounters) {
        if !self.mbufs.is_empty() {
            transmit(&mut self.queue, &mut self.mbufs, self.origin, counters);
        }
    }
}

/// Transmits packets. What the port does not take is dropped: it has as long a queue itself.
fn transmit(
    queue: &mut TransmitQueue,
    mbufs: &mut ArrayVec<Mbuf, BATCH>,
    origin: Origin,
    counters: &WorkerCounters,
) {
    let sent = queue.transmit(mbufs) as u64;
    match origin {
        Origin::Forwarded => counters.forwarded.add(sent),
        Origin::Answered => counters.answered.add(sent),
        Origin::Kernel => counters.from_kernel.add(sent),
    }
    if mbufs.is_empty() {
        return;
    }
    match origin {
        Origin::Forwarded | Origin::Answered => counters.count_drop(DropReason::TransmitFull, mbufs.len()),
        Origin::Kernel => counters.from_kernel_dropped.add(mbufs.len() as u64),
    }
    mbufs.clear();
}
