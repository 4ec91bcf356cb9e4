//! The kernel path: what is for the unit's own addresses goes to the twin interfaces, what the kernel sends on them
//! goes out of the ports. It runs on the control core, so that its system calls never delay a worker.

use arrayvec::ArrayVec;
use director::{Counter, PortIndex};
use dpdk::{Mbuf, Mempool, ReceiveQueue, TransmitQueue};
use model::limits::{BATCH, RECEIVE_BURST};

use crate::rings::{Packet, WorkerRings};

/// A port's twin, seen from DPDK.
pub(crate) struct TwinQueues {
    pub(crate) receive: ReceiveQueue,
    pub(crate) transmit: TransmitQueue,
    pub(crate) waiting: ArrayVec<Mbuf, BATCH>,
}

/// What the kernel path counts.
#[derive(Debug, Default)]
pub struct KernelPathCounters {
    /// Packets that the twins took.
    pub delivered: Counter,
    /// Packets that the twins did not take.
    pub refused: Counter,
    /// Packets of the kernel for which the ring to the worker had no room.
    pub lost: Counter,
}

/// Joins the workers' rings with the twins.
pub(crate) struct KernelPath {
    /// By `PortIndex`.
    pub(crate) twins: Vec<TwinQueues>,
    /// By worker. The first one transmits what the kernel sends.
    pub(crate) workers: Vec<WorkerRings>,
    pub(crate) pool: Mempool,
    pub(crate) counters: std::sync::Arc<KernelPathCounters>,
}

impl KernelPath {
    /// Moves what is there, both ways. Returns whether there was anything.
    pub(crate) fn round(&mut self) -> bool {
        let delivered = self.deliver();
        let sent = self.send();
        delivered || sent
    }

    /// Sends a frame that the unit made itself out of `port`. Returns whether there was room for it.
    pub(crate) fn transmit(&mut self, port: PortIndex, frame: &[u8]) -> bool {
        self.pool.copy_from(frame).is_some_and(|mbuf| self.workers[0].send(Packet { mbuf, port }).is_ok())
    }

    fn deliver(&mut self) -> bool {
        let mut any = false;
        for worker in &mut self.workers {
            for _ in 0..BATCH {
                let Some(packet) = worker.receive() else { break };
                any = true;
                let twin = &mut self.twins[usize::from(packet.port.0)];
                if twin.waiting.is_full() {
                    twin.flush(&self.counters);
                }
                twin.waiting.push(packet.mbuf);
            }
        }
        for twin in &mut self.twins {
            twin.flush(&self.counters);
        }
        any
    }

    fn send(&mut self) -> bool {
        let mut any = false;
        let mut burst = ArrayVec::<Mbuf, RECEIVE_BURST>::new();
        for (port, twin) in (0..).map(PortIndex).zip(&mut self.twins) {
            twin.receive.receive(&mut burst, RECEIVE_BURST);
            for mbuf in burst.drain(..) {
                any = true;
                if self.workers[0].send(Packet { mbuf, port }).is_err() {
                    self.counters.lost.add(1);
                }
            }
        }
        any
    }
}

impl TwinQueues {
    fn flush(&mut self, counters: &KernelPathCounters) {
        let sent = self.transmit.transmit(&mut self.waiting);
        counters.delivered.add(sent as u64);
        counters.refused.add(self.waiting.len() as u64);
        self.waiting.clear();
    }
}
