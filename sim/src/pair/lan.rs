//! The switch that clients, servers and both units are on: it sends frames for the group's MAC address to where it saw that
//! last.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use director::{PortIndex, Verdict};
use fastrand::Rng;
use model::{DropReason, Instant, UnitState};

use super::member::Member;
use crate::clients::{Carried, Lan};

/// The switch.
pub(crate) struct Switch {
    random: Rng,
    /// Whether the units watch what goes by for the other.
    is_mirrored: bool,
    /// The unit that frames go to.
    pub(crate) port: usize,
    announcements: VecDeque<(Instant, usize)>,
    /// Frames that both units forwarded.
    pub(crate) doubled: u32,
}

impl Switch {
    pub(crate) const fn new(random: Rng, is_mirrored: bool) -> Self {
        Self { random, is_mirrored, port: 0, announcements: VecDeque::new(), doubled: 0 }
    }

    /// Unit `index` tells where the group is. It takes a while, and announcements do not overtake each other.
    pub(crate) fn announce(&mut self, now: Instant, index: usize) {
        let delay = Duration::from_micros(self.random.u64(0..5_000));
        let last = self.announcements.back().map_or(now, |(at, _)| *at);
        self.announcements.push_back((last.max(now + delay), index));
    }

    pub(crate) fn step(&mut self, now: Instant) {
        while let Some((_, index)) = self.announcements.pop_front_if(|(at, _)| *at <= now) {
            self.port = index;
        }
    }

    /// The switch, with the units at it; none where one does not run.
    pub(crate) const fn connect<'a>(&'a mut self, members: &'a mut [Option<Member>; 2]) -> Connected<'a> {
        Connected { switch: self, members }
    }
}

/// The switch, and who is connected to it.
pub(crate) struct Connected<'a> {
    switch: &'a mut Switch,
    members: &'a mut [Option<Member>; 2],
}

impl Connected<'_> {
    fn offer(
        &mut self,
        now: Instant,
        index: usize,
        client: IpAddr,
        port: PortIndex,
        mut frame: Vec<u8>,
    ) -> Carried {
        let verdict =
            self.members[index].as_mut().and_then(|unit| unit.process(now, client, port, &mut frame));
        match verdict {
            Some(Verdict::Forward { .. }) => Carried::Forwarded(frame),
            None | Some(Verdict::Drop(DropReason::Standby | DropReason::LeaseOver)) => Carried::Nowhere,
            Some(verdict) => Carried::Refused(verdict),
        }
    }

    /// Whether the unit looks at what goes by.
    fn watches(&self, index: usize) -> bool {
        self.switch.is_mirrored
            && self.members[index].as_ref().is_some_and(|member| member.unit.is_complete(UnitState::Standby))
    }
}

impl Lan for Connected<'_> {
    fn carry(&mut self, now: Instant, client: IpAddr, port: PortIndex, frame: Vec<u8>) -> Carried {
        let index = self.switch.port;
        // Mirrored to a unit that watches; a few are missed. And now and then a switch forgets what it learned, and sends
        // a frame everywhere.
        let is_copied = if self.watches(1 - index) {
            self.switch.random.u8(0..50) > 0
        } else {
            self.switch.random.u8(0..16) == 0
        };
        let copy = is_copied.then(|| frame.clone());
        let carried = self.offer(now, index, client, port, frame);
        let Some(copy) = copy else { return carried };
        let by_other = self.offer(now, 1 - index, client, port, copy);
        match (&carried, &by_other) {
            (Carried::Forwarded(_), Carried::Forwarded(_)) => self.switch.doubled += 1,
            (Carried::Forwarded(frame), _) if self.watches(1 - index) => {
                let other_side = PortIndex(1 - port.0);
                self.offer(now, 1 - index, client, other_side, frame.clone());
            }
            (Carried::Nowhere, _) => return by_other,
            _ => {}
        }
        carried
    }
}
