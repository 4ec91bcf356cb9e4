//! Packets on their way out of a port, counted when the port has taken them.

use arrayvec::ArrayVec;
use dpdk::{Mbuf, TransmitQueue};
use model::DropReason;
use model::limits::BATCH;

use crate::statistics::WorkerCounters;

/// Why a packet is transmitted, which says where it is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A packet that was translated or bridged.
    Forwarded,
    /// A reply of the unit itself.
    Answered,
    /// A packet of the kernel, or an announcement.
    Kernel,
}

/// A worker's transmit queue on one port, and the packets that wait for the end of the burst.
pub(crate) struct Output {
    queue: TransmitQueue,
    mbufs: ArrayVec<Mbuf, BATCH>,
    origins: ArrayVec<Origin, BATCH>,
}

impl Output {
    pub(crate) fn new(queue: TransmitQueue) -> Self {
        Self { queue, mbufs: ArrayVec::new(), origins: ArrayVec::new() }
    }

    /// Queues a packet; a full burst is transmitted first.
    #[inline]
    pub(crate) fn push(&mut self, mbuf: Mbuf, origin: Origin, counters: &WorkerCounters) {
        if self.mbufs.is_full() {
            self.flush(counters);
        }
        self.mbufs.push(mbuf);
        self.origins.push(origin);
    }

    /// Transmits what is queued. What the port does not take is dropped: it has as long a queue itself.
    #[inline]
    pub(crate) fn flush(&mut self, counters: &WorkerCounters) {
        if self.mbufs.is_empty() {
            return;
        }
        let sent = self.queue.transmit(&mut self.mbufs);
        for origin in self.origins.drain(..sent) {
            match origin {
                Origin::Forwarded => counters.forwarded.add(1),
                Origin::Answered => counters.answered.add(1),
                Origin::Kernel => counters.from_kernel.add(1),
            }
        }
        for origin in self.origins.drain(..) {
            match origin {
                Origin::Forwarded | Origin::Answered => counters.count_drop(DropReason::TransmitFull, 1),
                Origin::Kernel => counters.from_kernel_dropped.add(1),
            }
        }
        self.mbufs.clear();
    }
}
