//! Until when workers may forward, and what they do with packets that belong to the other unit already.
//!
//! Written by the monitor, read by all workers between bursts.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use director::PortIndex;
use model::Instant;
use model::limits::PORTS;

/// How long neighbours and switches may take to notice that a group has moved.
const PASSING_ON: Duration = Duration::from_secs(1);

/// How long the other unit may take to announce itself on a port. Before that, switches look for the group here, and send back
/// nothing that came from here.
const ANNOUNCING: Duration = Duration::from_millis(50);

/// What a worker does with a packet for a group that the unit does not forward for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handover {
    /// It drops it.
    None,
    /// It keeps it: the other unit is about to take over.
    Hold,
    /// It sends it on to the other unit, which has taken over a moment ago; until then.
    PassOn(Instant),
}

/// Of each failover group.
#[derive(Debug)]
pub struct Leases(Box<[Lease]>);

#[derive(Debug)]
struct Lease {
    /// Nanoseconds.
    until: AtomicU64,
    /// [`NONE`], [`HOLD`], or until when to pass on.
    handover: AtomicU64,
    /// The ports on which the other unit was heard as the group since packets are held, one bit each.
    heard: AtomicU32,
}

const _: () = assert!(PORTS <= u32::BITS as usize);

const NONE: u64 = 0;
const HOLD: u64 = u64::MAX;

impl Leases {
    /// Leases of `groups` that never end, as long as nobody says otherwise.
    pub(crate) fn new(groups: usize) -> Self {
        let lease = || Lease {
            until: AtomicU64::new(Instant::END.as_nanos()),
            handover: AtomicU64::new(NONE),
            heard: AtomicU32::new(0),
        };
        Self((0..groups).map(|_| lease()).collect())
    }

    /// Workers may forward for `group` until then.
    pub fn set(&self, group: usize, until: Instant) {
        if let Some(lease) = self.0.get(group) {
            // Release, here and below: whoever sees the lease end sees what to do with packets.
            lease.until.store(until.as_nanos(), Ordering::Release);
        }
    }

    /// Until when workers may forward for `group`; not at all if there is no such group.
    #[inline]
    pub fn of(&self, group: usize) -> Instant {
        let until = |lease: &Lease| Instant::from_nanos(lease.until.load(Ordering::Acquire));
        self.0.get(group).map_or(Instant::START, until)
    }

    /// What to do with packets of `group` that the unit does not forward, and that came by `port`.
    pub(crate) fn handover(&self, group: usize, port: PortIndex, now: Instant) -> Handover {
        let lease = &self.0[group];
        match lease.handover.load(Ordering::Acquire) {
            NONE => Handover::None,
            HOLD => Handover::Hold,
            until => {
                let until = Instant::from_nanos(until);
                let is_announced = lease.heard.load(Ordering::Relaxed) & bit(port) != 0;
                let is_overdue = until.since(now) + ANNOUNCING <= PASSING_ON;
                if is_announced || is_overdue { Handover::PassOn(until) } else { Handover::Hold }
            }
        }
    }

    /// A frame came in by `port` that the other unit sent as `group`.
    pub(crate) fn hear(&self, group: usize, port: PortIndex) {
        self.0[group].heard.fetch_or(bit(port), Ordering::Relaxed);
    }

    /// Keeps packets of `group`, or drops them again.
    pub(crate) fn hold(&self, group: usize, holds: bool) {
        self.0[group].heard.store(0, Ordering::Relaxed);
        self.0[group].handover.store(if holds { HOLD } else { NONE }, Ordering::Release);
    }

    /// The other unit has taken `group` over: what was kept for it goes there, and what comes in a while longer.
    pub(crate) fn pass_on(&self, group: usize, now: Instant) {
        let until = (now + PASSING_ON).as_nanos();
        // Only what was held: otherwise nobody handed anything over.
        let handover = &self.0[group].handover;
        let _ = handover.compare_exchange(HOLD, until, Ordering::AcqRel, Ordering::Relaxed);
    }
}

const fn bit(port: PortIndex) -> u32 {
    1 << port.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: PortIndex = PortIndex(1);

    #[test]
    fn packets_are_passed_on_only_after_they_were_held() {
        let leases = Leases::new(2);
        let now = Instant::from_millis(5);
        let handover = |group, now| leases.handover(group, PORT, now);
        leases.pass_on(1, now);
        assert_eq!(handover(1, now), Handover::None);
        leases.hold(1, true);
        assert_eq!((handover(0, now), handover(1, now)), (Handover::None, Handover::Hold));
        leases.pass_on(1, now);
        let until = now + PASSING_ON;
        assert_eq!(handover(1, now), Handover::Hold);
        assert_eq!(handover(1, now + ANNOUNCING), Handover::PassOn(until));
        leases.hear(1, PortIndex(0));
        assert_eq!(handover(1, now), Handover::Hold);
        leases.hear(1, PORT);
        assert_eq!(handover(1, now), Handover::PassOn(until));
        leases.hold(1, false);
        assert_eq!(handover(1, now), Handover::None);
        leases.set(0, now);
        assert_eq!((leases.of(0), leases.of(1), leases.of(2)), (now, Instant::END, Instant::START));
    }
}
