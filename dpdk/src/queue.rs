//! The fast path: bursts of packets in and out of a port, one call each.
//!
//! A queue is used by one thread at a time: it can be sent to another thread, not shared. While it lives, its port does
//! not stop.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;

use arrayvec::ArrayVec;
use dpdk_sys::rte_mbuf;

use crate::Mbuf;
use crate::port::QueueTicket;

/// A port's receive queue.
#[derive(Debug)]
pub struct ReceiveQueue {
    ticket: QueueTicket,
    queue: u16,
    /// Not `Sync`: DPDK's queues are not.
    one_thread: PhantomData<Cell<()>>,
}

impl ReceiveQueue {
    pub(crate) const fn new(ticket: QueueTicket, queue: u16) -> Self {
        Self { ticket, queue, one_thread: PhantomData }
    }

    /// The queue's number on its port.
    #[must_use]
    pub const fn index(&self) -> u16 {
        self.queue
    }

    /// Appends the packets that are there to `burst`, at most `limit` and as many as it has room for. Returns how many.
    /// There are none as long as the port is not started.
    #[inline]
    pub fn receive<const N: usize>(&mut self, burst: &mut ArrayVec<Mbuf, N>, limit: usize) -> usize {
        if !self.ticket.is_running() {
            return 0;
        }
        let length = burst.len();
        let limit = burst_size(limit.min(burst.remaining_capacity()));
        // SAFETY: a started port, which does not stop while the ticket lives, and a queue of it that this handle alone
        // uses. The array has room for `limit` pointers, and DPDK fills as many as it says, with buffers that are ours.
        unsafe {
            let free = burst.as_mut_ptr().add(length).cast::<*mut rte_mbuf>();
            let received = usize::from(dpdk_sys::shim_rx_burst(self.ticket.port(), self.queue, free, limit));
            burst.set_len(length + received);
            received
        }
    }
}

/// A port's transmit queue.
#[derive(Debug)]
pub struct TransmitQueue {
    ticket: QueueTicket,
    queue: u16,
    takes_chains: bool,
    /// Not `Sync`: DPDK's queues are not.
    one_thread: PhantomData<Cell<()>>,
}

impl TransmitQueue {
    pub(crate) const fn new(ticket: QueueTicket, queue: u16, takes_chains: bool) -> Self {
        Self { ticket, queue, takes_chains, one_thread: PhantomData }
    }

    /// The queue's number on its port.
    #[must_use]
    pub const fn index(&self) -> u16 {
        self.queue
    }

    /// Sends packets from the front of `burst` and leaves there what the port does not take. Returns how many it took:
    /// none as long as it is not started.
    #[inline]
    pub fn transmit<const N: usize>(&mut self, burst: &mut ArrayVec<Mbuf, N>) -> usize {
        if !self.ticket.is_running() {
            return 0;
        }
        let count = burst_size(if self.takes_chains { burst.len() } else { join_segments(burst) });
        let mbufs = burst.as_mut_ptr().cast::<*mut rte_mbuf>();
        // SAFETY: a started port, which does not stop while the ticket lives, and a queue of it that this handle alone
        // uses. The array holds `count` buffers, which are ours; those that DPDK takes are forgotten here.
        unsafe {
            let sent = usize::from(dpdk_sys::shim_tx_burst(self.ticket.port(), self.queue, mbufs, count));
            forget_front(burst, sent);
            sent
        }
    }
}

/// Makes each packet one segment, for ports that take no others. Returns how many packets from the front are so.
#[cold]
fn join_segments<const N: usize>(burst: &mut ArrayVec<Mbuf, N>) -> usize {
    let joined = |mbuf: &mut Mbuf| mbuf.segment_count() == 1 || mbuf.ensure_contiguous(mbuf.length()).is_ok();
    let length = burst.len();
    burst.iter_mut().position(|mbuf| !joined(mbuf)).unwrap_or(length)
}

/// Removes the first `count` buffers without freeing them.
///
/// # Safety
///
/// The burst has as many, and someone else owns them now.
#[inline]
unsafe fn forget_front<const N: usize>(burst: &mut ArrayVec<Mbuf, N>, count: usize) {
    let left = burst.len() - count;
    // SAFETY: the buffers after the first `count` move to the front of the same array; the length is theirs.
    unsafe {
        let start = burst.as_mut_ptr();
        ptr::copy(start.add(count), start, left);
        burst.set_len(left);
    }
}

/// DPDK counts the packets of a burst with 16 bits.
#[inline]
fn burst_size(packets: usize) -> u16 {
    u16::try_from(packets).unwrap_or(u16::MAX)
}
