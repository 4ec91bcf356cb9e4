//! Whether the unit forwards for a group: somebody asks for it, the replication core carries it out, everybody else
//! follows.
//!
//! The state reaches a worker by the same ring as the connections that the peer told of, behind the last of them: a
//! unit that becomes active forwards with all that it was told.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

use model::UnitState;

/// The state that is wanted, the one that the unit is in, and how far the workers have followed. And whether there is
/// anybody to be told of connections.
#[derive(Debug)]
pub struct StateSwitch {
    wanted: AtomicU8,
    current: AtomicU8,
    workers: Box<[AtomicU8]>,
    is_listened: AtomicBool,
    is_synchronized: AtomicBool,
    announcements: AtomicU32,
}

impl StateSwitch {
    /// Everybody is in `state`.
    pub(crate) fn new(state: UnitState, workers: usize) -> Self {
        let place = || AtomicU8::new(state as u8);
        let workers = (0..workers).map(|_| place()).collect();
        Self {
            wanted: place(),
            current: place(),
            workers,
            is_listened: AtomicBool::new(false),
            is_synchronized: AtomicBool::new(false),
            announcements: AtomicU32::new(0),
        }
    }

    /// Asks for `state`.
    pub(crate) fn want(&self, state: UnitState) {
        // Relaxed, here and below: the values carry no other data with them, but for `followed`.
        self.wanted.store(state as u8, Ordering::Relaxed);
    }

    /// The state that the unit should go to; `None` if it is there.
    pub(crate) fn wanted(&self) -> Option<UnitState> {
        let wanted = read(&self.wanted);
        (wanted != self.current()).then_some(wanted)
    }

    /// The unit has gone to `state`, as far as it can be told from outside a worker.
    pub(crate) fn gone_to(&self, state: UnitState) {
        self.current.store(state as u8, Ordering::Relaxed);
    }

    /// The unit's state.
    pub(crate) fn current(&self) -> UnitState {
        read(&self.current)
    }

    /// Whether there is a peer to be told of connections.
    pub(crate) fn set_listened(&self, is_listened: bool) {
        self.is_listened.store(is_listened, Ordering::Relaxed);
    }

    /// Whether there is a peer to be told of connections.
    pub(crate) fn is_listened(&self) -> bool {
        self.is_listened.load(Ordering::Relaxed)
    }

    /// Whether the standby has all connections of the active unit.
    pub(crate) fn set_synchronized(&self, is_synchronized: bool) {
        self.is_synchronized.store(is_synchronized, Ordering::Relaxed);
    }

    /// Whether the standby has all connections of the active unit.
    pub(crate) fn is_synchronized(&self) -> bool {
        self.is_synchronized.load(Ordering::Relaxed)
    }

    /// Asks for the addresses to be announced again, if the group is active here: somebody else was, a moment ago.
    pub fn announce(&self) {
        self.announcements.fetch_add(1, Ordering::Relaxed);
    }

    /// How often that was asked for.
    pub(crate) fn announcements(&self) -> u32 {
        self.announcements.load(Ordering::Relaxed)
    }

    /// `worker` has gone to `state`, after all that it put into its ring.
    pub(crate) fn followed(&self, worker: usize, state: UnitState) {
        self.workers[worker].store(state as u8, Ordering::Release);
    }

    /// Whether all workers are in `state`. What they told before is in their rings.
    pub(crate) fn have_followed(&self, state: UnitState) -> bool {
        self.workers.iter().all(|worker| read(worker) == state)
    }

    /// Whether the unit and all of its workers are in `state`.
    pub(crate) fn is_complete(&self, state: UnitState) -> bool {
        self.current() == state && self.have_followed(state)
    }
}

fn read(state: &AtomicU8) -> UnitState {
    if state.load(Ordering::Acquire) == UnitState::Active as u8 {
        UnitState::Active
    } else {
        UnitState::Standby
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use UnitState::{Active, Standby};

    #[test]
    fn a_switch_is_complete_when_all_workers_have_followed() {
        let switch = StateSwitch::new(Standby, 2);
        assert_eq!((switch.current(), switch.wanted()), (Standby, None));
        switch.want(Active);
        assert_eq!(switch.wanted(), Some(Active));
        switch.gone_to(Active);
        switch.followed(1, Active);
        assert!(!switch.is_complete(Active) && switch.wanted().is_none());
        switch.followed(0, Active);
        assert!(switch.is_complete(Active));
    }
}
