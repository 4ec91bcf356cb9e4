//! What each worker counts, and the balance that its counters keep.

use std::sync::atomic::{AtomicI32, Ordering};

use director::Counter;
use model::DropReason;

/// The counters of one worker. Each packet that a worker takes from a port ends in exactly one of `forwarded`,
/// `answered`, `to_kernel` and `dropped`, whichever worker it ends at: summed over all workers,
/// received = forwarded + answered + to kernel + dropped, but for packets that are held or between two workers.
#[derive(Debug)]
pub struct WorkerCounters {
    /// Packets taken from ports.
    pub received: Counter,
    /// Packets translated or bridged, and taken by a port.
    pub forwarded: Counter,
    /// Packets answered by the unit itself.
    pub answered: Counter,
    /// Packets put into the ring to the kernel.
    pub to_kernel: Counter,
    /// Copies of packets that the kernel was shown besides: bridged groups, neighbours' questions. Not in the balance.
    pub copied_to_kernel: Counter,
    /// Packets dropped, by reason.
    pub dropped: [Counter; DropReason::COUNT],
    /// Packets handed to the worker that owns their client. They are received here and end there.
    pub handed_over: Counter,
    /// Packets that had to wait for a next hop's MAC address. They end when they leave.
    pub held: Counter,
    /// Packets that were sent on, unchanged, to the other unit, which had just taken over their group. They are among those
    /// that were forwarded.
    pub passed_on: Counter,
    /// Of those dropped: for a group that is active elsewhere, and neither held nor passed on.
    pub left: Counter,
    /// Packets of the kernel that were transmitted.
    pub from_kernel: Counter,
    /// Packets of the kernel that a port did not take.
    pub from_kernel_dropped: Counter,
    /// Rounds of the loop.
    pub rounds: Counter,
    /// Rounds in which there was nothing to do.
    pub idle_rounds: Counter,
    /// The kernel's number of its thread; 0 before it runs.
    thread: AtomicI32,
}

impl Default for WorkerCounters {
    fn default() -> Self {
        Self {
            received: Counter::default(),
            forwarded: Counter::default(),
            answered: Counter::default(),
            to_kernel: Counter::default(),
            copied_to_kernel: Counter::default(),
            dropped: std::array::from_fn(|_| Counter::default()),
            handed_over: Counter::default(),
            held: Counter::default(),
            passed_on: Counter::default(),
            left: Counter::default(),
            from_kernel: Counter::default(),
            from_kernel_dropped: Counter::default(),
            rounds: Counter::default(),
            idle_rounds: Counter::default(),
            thread: AtomicI32::new(0),
        }
    }
}

impl WorkerCounters {
    /// The calling thread is the worker's.
    pub fn set_thread(&self, thread: i32) {
        // Relaxed, here and below: the number carries no other data with it.
        self.thread.store(thread, Ordering::Relaxed);
    }

    /// The kernel's number of the worker's thread; 0 before it runs.
    pub fn thread(&self) -> i32 {
        self.thread.load(Ordering::Relaxed)
    }

    /// Counts `packets` that were dropped for `reason`.
    #[inline]
    pub fn count_drop(&self, reason: DropReason, packets: usize) {
        self.dropped[reason.index()].add(packets as u64);
    }
}
