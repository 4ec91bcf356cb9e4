//! From the workers to the watcher: next hops to resolve. Asking never blocks, allocates, or waits for the
//! kernel.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam::queue::ArrayQueue;
use director::PortIndex;
use model::Instant;
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::KernelError;

/// Requests that wait for the watcher.
const QUEUE: usize = 1_024;

/// The same neighbour is not asked for again within this time: the kernel itself asks once a second.
const QUIET: Duration = Duration::from_millis(200);

/// Neighbours asked for within [`QUIET`]. The kernel's table holds 1,024 by default; more makes no sense.
const RECENT: usize = 4_096;

/// Asks the kernel for neighbours' MAC addresses. Clones share one queue.
#[derive(Clone)]
pub struct Resolver {
    requests: Arc<Requests>,
}

struct Requests {
    queue: ArrayQueue<(PortIndex, IpAddr)>,
    wake: EventFd,
    /// Set from the first call to the watcher's awakening, so that a storm of requests costs one system call.
    woken: AtomicBool,
}

impl Resolver {
    pub(super) fn new() -> Result<Self, KernelError> {
        let wake = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        let queue = ArrayQueue::new(QUEUE);
        Ok(Self { requests: Arc::new(Requests { queue, wake, woken: AtomicBool::new(false) }) })
    }

    /// Has the MAC address of `address` on the link of `port` resolved, soon, and then found in the next
    /// table. `false` when too many requests wait already: ask again with the next packet.
    pub fn try_request(&self, port: PortIndex, address: IpAddr) -> bool {
        let accepted = self.requests.queue.push((port, address)).is_ok();
        self.wake();
        accepted
    }

    /// Makes the watcher look at its queue and its flags.
    pub(super) fn wake(&self) {
        // Pairs with the swap in `awake`: what was queued before is seen by the watcher, or it is woken
        // again.
        if !self.requests.woken.swap(true, Ordering::AcqRel) {
            // It can only fail when the counter is full, and then the watcher is woken already.
            let _ = self.requests.wake.write(1);
        }
    }

    /// Readable when there is something to do.
    pub(super) fn event(&self) -> &EventFd {
        &self.requests.wake
    }

    /// The watcher is awake and goes on to take requests.
    pub(super) fn awake(&self) {
        // Empty when the watcher woke for another reason.
        let _ = self.requests.wake.read();
        self.requests.woken.swap(false, Ordering::AcqRel);
    }

    /// The next request.
    pub(super) fn take(&self) -> Option<(PortIndex, IpAddr)> {
        self.requests.queue.pop()
    }
}

/// Neighbours that were asked for a moment ago.
#[derive(Default)]
pub(super) struct Recent {
    asked: HashMap<(PortIndex, IpAddr), Instant>,
}

impl Recent {
    /// Whether to ask for this neighbour now; if so, not again for [`QUIET`].
    pub(super) fn admit(&mut self, neighbor: (PortIndex, IpAddr), now: Instant) -> bool {
        if self.asked.get(&neighbor).is_some_and(|&asked| now.since(asked) < QUIET) {
            return false;
        }
        if self.asked.len() >= RECENT {
            self.asked.retain(|_, asked| now.since(*asked) < QUIET);
        }
        let admitted = self.asked.len() < RECENT;
        if admitted {
            self.asked.insert(neighbor, now);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const PORT: PortIndex = PortIndex(3);

    fn address(number: u32) -> IpAddr {
        Ipv4Addr::from(0x0a00_0000 + number).into()
    }

    #[test]
    fn requests_wait_in_order_and_a_full_queue_refuses() {
        let resolver = Resolver::new().unwrap();
        let count = u32::try_from(QUEUE).unwrap();
        for number in 0..count {
            assert!(resolver.clone().try_request(PORT, address(number)));
        }
        assert!(!resolver.try_request(PORT, address(count)));
        for number in 0..count {
            assert_eq!(resolver.take(), Some((PORT, address(number))));
        }
        assert_eq!(resolver.take(), None);
    }

    #[test]
    fn one_event_for_many_requests_until_the_watcher_is_awake() {
        let resolver = Resolver::new().unwrap();
        let events = || resolver.event().read().unwrap_or(0);
        resolver.try_request(PORT, address(1));
        resolver.try_request(PORT, address(2));
        assert_eq!(events(), 1);
        resolver.try_request(PORT, address(3));
        assert_eq!(events(), 0);
        resolver.awake();
        resolver.try_request(PORT, address(4));
        assert_eq!(events(), 1);
    }

    #[test]
    fn neighbor_is_asked_for_once_in_a_while() {
        let mut recent = Recent::default();
        let start = Instant::from_millis(5_000);
        assert!(recent.admit((PORT, address(1)), start));
        assert!(recent.admit((PORT, address(2)), start));
        assert!(recent.admit((PortIndex(4), address(1)), start));
        assert!(!recent.admit((PORT, address(1)), start + QUIET / 2));
        assert!(recent.admit((PORT, address(1)), start + QUIET));
        assert!(!recent.admit((PORT, address(1)), start + QUIET + QUIET / 2));
    }

    #[test]
    fn memory_is_bounded() {
        let mut recent = Recent::default();
        let start = Instant::from_millis(5_000);
        let admitted = (0..10_000).filter(|&number| recent.admit((PORT, address(number)), start)).count();
        assert_eq!(admitted, RECENT);
        assert!(recent.admit((PORT, address(9_999)), start + QUIET));
        assert_eq!(recent.asked.len(), 1);
    }
}
