//! The addresses of groups that are active here, on the twin interfaces: the kernel answers there for what is shared, and
//! a routing daemon finds what it is to advertise.

use std::collections::VecDeque;

use director::{PortIndex, PortRole};
use ipnet::IpNet;

use super::Groups;
use crate::configuration::{PortConfiguration, UnitConfiguration};
use crate::kernel::AddressEditor;

/// Changes in one go: some tens of microseconds each.
const AT_ONCE: usize = 8;

/// Gives twins addresses and takes them away, a few at a time.
pub(crate) struct TwinAddresses<'a> {
    unit: &'a UnitConfiguration,
    editor: Option<AddressEditor>,
    /// By group: what it has on which interface, and whether with a route to its network.
    of_group: Vec<Vec<Placed>>,
    pending: VecDeque<(bool, Placed)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Placed {
    interface: String,
    address: IpNet,
    makes_route: bool,
}

impl<'a> TwinAddresses<'a> {
    pub(crate) fn new(unit: &'a UnitConfiguration, groups: &Groups) -> Self {
        let of_group = vec![Vec::new(); groups.count()];
        let mut twins = Self { unit, editor: None, of_group, pending: VecDeque::new() };
        (0..groups.count()).for_each(|group| twins.change(group, groups, false));
        twins
    }

    /// The group has other addresses now, on a unit where it is active or is not.
    pub(crate) fn change(&mut self, group: usize, groups: &Groups, is_active: bool) {
        let next = placed(self.unit, groups, group);
        let last = std::mem::replace(&mut self.of_group[group], next);
        let next = &self.of_group[group];
        if !next.is_empty() && self.editor.is_none() {
            let opened = AddressEditor::open();
            self.editor = opened
                .inspect_err(|error| log::error!("addresses that move with groups stay away: {error}"))
                .ok();
        }
        if is_active {
            let lost = last.iter().filter(|placed| !next.contains(placed));
            let won = next.iter().filter(|placed| !last.contains(placed));
            self.pending.extend(lost.map(|placed| (false, placed.clone())));
            self.pending.extend(won.map(|placed| (true, placed.clone())));
        }
    }

    /// The group is active now, or is not any more.
    pub(crate) fn set_active(&mut self, group: usize, is_active: bool) {
        let all = &self.of_group[group];
        self.pending.retain(|(_, placed)| !all.contains(placed));
        self.pending.extend(all.iter().map(|placed| (is_active, placed.clone())));
    }

    /// Makes the next few changes.
    pub(crate) fn poll(&mut self) {
        let Some(editor) = &mut self.editor else { return };
        for _ in 0..AT_ONCE {
            let Some((is_active, placed)) = self.pending.pop_front() else { break };
            let changed = match is_active {
                true => editor.add(&placed.interface, placed.address, placed.makes_route),
                false => editor.remove(&placed.interface, placed.address),
            };
            if let Err(error) = changed {
                log::error!("{error}");
            }
        }
    }
}

/// What a group has while it is active: what it shares, on the port where it is shared; and the virtual addresses that are
/// to be advertised, on the first port where clients are.
fn placed(unit: &UnitConfiguration, groups: &Groups, group: usize) -> Vec<Placed> {
    let group = &groups.all()[group];
    let mut all = Vec::new();
    for (index, port) in (0..).map(PortIndex).zip(unit.ports()) {
        all.extend(group.shared_on(index).iter().map(|&address| Placed {
            interface: port.twin().to_owned(),
            address,
            makes_route: !reaches(port, address),
        }));
    }
    let outside = unit.ports().iter().find(|port| port.role() == PortRole::Outside);
    if let Some(port) = outside.filter(|_| group.advertises) {
        all.extend(group.virtual_addresses.iter().map(|&address| Placed {
            interface: port.twin().to_owned(),
            address: address.into(),
            makes_route: false,
        }));
    }
    all
}

/// Whether one of the unit's own addresses has that network on its link in any state.
fn reaches(port: &PortConfiguration, address: IpNet) -> bool {
    port.addresses().iter().any(|own| own.contains(&address.trunc()))
}
