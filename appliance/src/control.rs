//! The control core's loop: the kernel path, and telling everybody outside where the groups are that are active here.

use std::sync::Arc;

use director::Port;
use model::{Instant, UnitState};

use crate::announce::Announcer;
use crate::configuration::UnitConfiguration;
use crate::groups::{Groups, TwinAddresses};
use crate::idle::Idler;
use crate::kernel_path::KernelPath;
use crate::leases::Leases;
use crate::replication::StateSwitch;
use crate::{platform, system};

/// What the control core needs.
pub(crate) struct Control<'a> {
    pub(crate) unit: &'a UnitConfiguration,
    pub(crate) groups: &'a Groups,
    /// As the unit itself sees them.
    pub(crate) ports: &'a [Port],
    pub(crate) leases: &'a Leases,
    /// By group; none without a peer.
    pub(crate) switches: &'a [Arc<StateSwitch>],
}

/// A group as its neighbours know it.
struct Presence {
    is_active: bool,
    announcer: Announcer,
    /// How many announcements were asked for.
    asked: u32,
}

impl Control<'_> {
    /// Runs until it `has_ended`.
    pub(crate) fn run(&self, mut path: KernelPath, has_ended: &dyn Fn() -> bool) {
        let mut own = Announcer::of_unit(self.ports, platform::now());
        let mut twins = TwinAddresses::new(self.unit, self.groups);
        let mut present: Vec<_> = self.groups.all().iter().map(|group| self.presence(group)).collect();
        let mut idler = Idler::new(system::may_sleep(self.unit, self.unit.cores().control));
        while !has_ended() {
            let now = platform::now();
            for (group, presence) in present.iter_mut().enumerate() {
                if self.follow(group, presence, now) {
                    twins.set_active(group, presence.is_active);
                }
                // A unit whose lease is over says nothing in the group's name: the other one may be active by now.
                let may_speak = presence.is_active && now < self.leases.of(group);
                path.speaker.is_active[group] = may_speak;
                if may_speak {
                    presence.announcer.poll(now, &mut path);
                }
            }
            own.poll(now, &mut path);
            twins.poll();
            if path.round() {
                idler.busy();
            } else {
                idler.nothing_to_do();
            }
        }
    }

    fn presence(&self, group: &crate::groups::Group) -> Presence {
        Presence { is_active: false, announcer: Announcer::of_group(group, self.ports), asked: 0 }
    }

    /// Begins to announce a group that has become active, or that is to be announced again. Returns whether its state is
    /// another now.
    fn follow(&self, group: usize, presence: &mut Presence, now: Instant) -> bool {
        let switch = self.switches.get(group);
        let is_active = switch.is_none_or(|switch| switch.current() == UnitState::Active);
        let asked = switch.map_or(0, |switch| switch.announcements());
        let has_changed = is_active != presence.is_active;
        if is_active && (has_changed || asked != presence.asked) {
            presence.announcer.begin(now);
        } else if !is_active {
            presence.announcer.end();
        }
        presence.is_active = is_active;
        presence.asked = asked;
        has_changed
    }
}
