//! The single-producer single-consumer rings that packets take between threads.

use director::PortIndex;
use dpdk::Mbuf;
use model::limits::{HAND_OVER_RING, KERNEL_RING};
use rtrb::{Consumer, Producer, RingBuffer};

/// A packet and the port that it was received on, or is to leave by.
pub(crate) struct Packet {
    pub(crate) mbuf: Mbuf,
    pub(crate) port: PortIndex,
}

/// One worker's ends of the rings to and from every other worker: what it received but another owns goes there.
/// This is the only place where a packet changes cores.
pub(crate) struct HandOver {
    /// By the receiving shard; none to itself.
    to: Vec<Option<Producer<Packet>>>,
    from: Vec<Consumer<Packet>>,
}

impl HandOver {
    /// The ends of `workers` workers, each joined with each other.
    pub(crate) fn mesh(workers: usize) -> Vec<Self> {
        let mut ends: Vec<_> = (0..workers).map(|_| Self { to: Vec::new(), from: Vec::new() }).collect();
        for sender in 0..workers {
            for receiver in 0..workers {
                if sender == receiver {
                    ends[sender].to.push(None);
                } else {
                    let (producer, consumer) = RingBuffer::new(HAND_OVER_RING);
                    ends[sender].to.push(Some(producer));
                    ends[receiver].from.push(consumer);
                }
            }
        }
        ends
    }

    /// Workers that may hand packets to this one.
    pub(crate) fn senders(&self) -> usize {
        self.from.len()
    }

    /// Hands `packet` to `shard`, or hands it back when the ring is full.
    pub(crate) fn send(&mut self, shard: usize, packet: Packet) -> Result<(), Packet> {
        match &mut self.to[shard] {
            Some(ring) => ring.push(packet).map_err(|rtrb::PushError::Full(packet)| packet),
            None => Err(packet),
        }
    }

    pub(crate) fn receive(&mut self, sender: usize) -> Option<Packet> {
        self.from[sender].pop().ok()
    }
}

/// A worker's ends of the rings to and from the kernel path.
pub(crate) struct KernelRings {
    to_kernel: Producer<Packet>,
    from_kernel: Consumer<Packet>,
}

/// The kernel path's ends of the rings to and from one worker.
pub(crate) struct WorkerRings {
    to_worker: Producer<Packet>,
    from_worker: Consumer<Packet>,
}

/// The two rings between a worker and the kernel path.
pub(crate) fn kernel_rings() -> (KernelRings, WorkerRings) {
    let (to_kernel, from_worker) = RingBuffer::new(KERNEL_RING);
    let (to_worker, from_kernel) = RingBuffer::new(KERNEL_RING);
    (KernelRings { to_kernel, from_kernel }, WorkerRings { to_worker, from_worker })
}

impl KernelRings {
    /// Hands `packet` to the kernel path, or hands it back when the ring is full.
    pub(crate) fn send(&mut self, packet: Packet) -> Result<(), Packet> {
        self.to_kernel.push(packet).map_err(|rtrb::PushError::Full(packet)| packet)
    }

    pub(crate) fn receive(&mut self) -> Option<Packet> {
        self.from_kernel.pop().ok()
    }
}

impl WorkerRings {
    /// Hands `packet` to the worker for transmission, or hands it back when the ring is full.
    pub(crate) fn send(&mut self, packet: Packet) -> Result<(), Packet> {
        self.to_worker.push(packet).map_err(|rtrb::PushError::Full(packet)| packet)
    }

    pub(crate) fn receive(&mut self) -> Option<Packet> {
        self.from_worker.pop().ok()
    }
}
