//! The control core's loop: the kernel path, and telling everybody outside where the groups are that are active here.

use std::sync::Arc;

use arc_swap::ArcSwap;
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
    /// Always the newest.
    pub(crate) groups: &'a ArcSwap<Groups>,
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
    /// Of addresses that it got while it was active.
    additions: Vec<Announcer>,
    /// How many announcements were asked for.
    asked: u32,
}

impl Control<'_> {
    /// Runs until it `has_ended`.
    pub(crate) fn run(&self, mut path: KernelPath, has_ended: &dyn Fn() -> bool) {
        let mut own = Announcer::of_unit(self.ports, platform::now());
        let mut groups = self.groups.load_full();
        let mut twins = TwinAddresses::new(self.unit, &groups);
        let mut present: Vec<_> = groups.all().iter().map(|group| self.presence(group)).collect();
        let mut idler = Idler::new(system::may_sleep(self.unit, self.unit.cores().control));
        while !has_ended() {
            let now = platform::now();
            if !Arc::ptr_eq(&groups, &self.groups.load()) {
                let next = self.groups.load_full();
                self.change(&mut present, &mut twins, &groups, &next, now);
                path.speaker.groups = Arc::clone(&next);
                groups = next;
            }
            for (group, presence) in present.iter_mut().enumerate() {
                if self.follow(group, presence, now) {
                    twins.set_active(group, presence.is_active);
                }
                // A unit whose lease is over says nothing in the group's name: the other one may be active by now.
                let may_speak = presence.is_active && now < self.leases.of(group);
                path.speaker.is_active[group] = may_speak;
                if may_speak {
                    presence.speak(now, &mut path);
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
        let announcer = Announcer::of_group(group, self.ports);
        Presence { is_active: false, announcer, additions: Vec::new(), asked: 0 }
    }

    /// The configuration is another one: groups have lost addresses, and got some.
    fn change(
        &self,
        present: &mut [Presence],
        twins: &mut TwinAddresses<'_>,
        before: &Groups,
        groups: &Groups,
        now: Instant,
    ) {
        let pairs = groups.all().iter().zip(before.all());
        for (index, (presence, (group, before))) in present.iter_mut().zip(pairs).enumerate() {
            twins.change(index, groups, presence.is_active);
            let was_done = presence.announcer.is_done();
            presence.announcer = Announcer::of_group(group, self.ports);
            if !was_done {
                presence.announcer.begin(now);
            } else if presence.is_active {
                let additions = Announcer::of_additions(group, before, self.ports, now);
                presence.additions.push(additions);
            }
        }
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
            presence.additions.clear();
        }
        presence.is_active = is_active;
        presence.asked = asked;
        has_changed
    }
}

impl Presence {
    /// Sends the announcements that are due.
    fn speak(&mut self, now: Instant, path: &mut KernelPath) {
        self.announcer.poll(now, path);
        for additions in &mut self.additions {
            additions.poll(now, path);
        }
        self.additions.retain(|additions| !additions.is_done());
    }
}
