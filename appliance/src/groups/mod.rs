//! Failover groups on this unit: their MAC addresses, the addresses that move with them, and where these are now.

mod addresses;
mod conflicts;
mod sort;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::HashMap;
use std::net::IpAddr;

use director::{Configuration, FailoverGroup, Port, PortIndex, PortRole};
use ipnet::IpNet;
use model::MacAddress;
use replication::PairKey;

use crate::configuration::UnitConfiguration;

pub(crate) use addresses::TwinAddresses;
pub use conflicts::{AddressConflict, AddressConflicts};
pub(crate) use sort::Sorter;

/// A group, as far as addresses are concerned.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// By `PortIndex`.
    macs: Vec<MacAddress>,
    /// By `PortIndex`.
    shared: Vec<Vec<IpNet>>,
    pub(crate) virtual_addresses: Vec<IpAddr>,
    /// Whether the kernel has the virtual addresses while the group is active.
    pub(crate) advertises: bool,
}

/// All groups, by index. A unit without a peer has one, of everything, with the unit's own MAC addresses.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    groups: Vec<Group>,
    /// By `PortIndex`.
    unit_macs: Vec<MacAddress>,
    /// By `PortIndex` and group; none without a peer.
    group_macs: Vec<Vec<MacAddress>>,
    /// By `PortIndex`.
    port_names: Vec<String>,
    /// The group that each address moves with; link-local ones with their port, as each link has its own.
    moving: HashMap<(Option<PortIndex>, IpAddr), usize>,
    /// The group of each real server's address, where there are several groups.
    real: HashMap<IpAddr, usize>,
}

/// The MAC addresses of the groups on each port, by port. None without a peer: then the unit's own is used.
pub(crate) fn group_macs(
    unit: &UnitConfiguration,
    director: &Configuration,
    key: Option<&PairKey>,
) -> Vec<Vec<MacAddress>> {
    let Some(key) = key else { return vec![Vec::new(); unit.ports().len()] };
    let on = |port: &str, group: &FailoverGroup| {
        group.mac_on(port).unwrap_or_else(|| key.group_mac(group.name(), port))
    };
    let ports = unit.ports().iter();
    ports.map(|port| director.groups().iter().map(|group| on(port.name(), group)).collect()).collect()
}

impl Groups {
    /// `unit_macs` and `group_macs` are by port; without a peer there are none of the groups'.
    pub(crate) fn new(
        unit: &UnitConfiguration,
        director: &Configuration,
        unit_macs: Vec<MacAddress>,
        group_macs: &[Vec<MacAddress>],
    ) -> Self {
        let is_alone = group_macs.iter().all(Vec::is_empty);
        let count = if is_alone { 1 } else { director.groups().len() };
        let mut groups = Vec::new();
        for index in 0..count {
            let macs = unit_macs.iter().zip(group_macs);
            let of_this = |group: usize| is_alone || group == index;
            let all = director.groups().iter().enumerate();
            let members: Vec<&FailoverGroup> =
                all.filter(|&(group, _)| of_this(group)).map(|(_, group)| group).collect();
            let shared_on = |port: &str| {
                members.iter().flat_map(|group| group.shared_addresses_on(port)).copied().collect()
            };
            let servers = director.virtual_servers().iter().filter(|server| of_this(server.group()));
            let mut virtual_addresses: Vec<_> = servers.map(|server| server.name().address).collect();
            virtual_addresses.sort_unstable();
            virtual_addresses.dedup();
            groups.push(Group {
                name: members.first().map_or("", |group| group.name()).to_owned(),
                macs: macs.map(|(own, macs)| macs.get(index).copied().unwrap_or(*own)).collect(),
                shared: unit.ports().iter().map(|port| shared_on(port.name())).collect(),
                virtual_addresses,
                advertises: members.iter().any(|group| group.advertises()),
            });
        }
        Self {
            moving: moving(&groups),
            real: real_addresses(director, count),
            groups,
            unit_macs,
            group_macs: group_macs.to_vec(),
            port_names: unit.ports().iter().map(|port| port.name().to_owned()).collect(),
        }
    }

    /// The same groups, with the addresses that they have by another configuration.
    pub(crate) fn with(&self, unit: &UnitConfiguration, director: &Configuration) -> Self {
        Self::new(unit, director, self.unit_macs.clone(), &self.group_macs)
    }

    pub(crate) fn all(&self) -> &[Group] {
        &self.groups
    }

    pub(crate) const fn count(&self) -> usize {
        self.groups.len()
    }

    /// The unit's own MAC address on a port.
    pub(crate) fn unit_mac(&self, port: PortIndex) -> MacAddress {
        self.unit_macs.get(usize::from(port.0)).copied().unwrap_or_default()
    }

    pub(crate) fn port_name(&self, port: PortIndex) -> &str {
        self.port_names.get(usize::from(port.0)).map_or("?", String::as_str)
    }

    /// The group whose MAC address this is on a port, if it is not the unit's own.
    pub(crate) fn with_mac(&self, port: PortIndex, mac: MacAddress) -> Option<usize> {
        let of = |group: &Group| group.macs.get(usize::from(port.0)).copied();
        self.groups.iter().position(|group| of(group) == Some(mac)).filter(|_| mac != self.unit_mac(port))
    }

    /// The group that an address moves with, seen from a port: a virtual or a shared one.
    pub(crate) fn of_address(&self, port: PortIndex, address: IpAddr) -> Option<usize> {
        self.moving.get(&(link_of(port, address), address)).copied()
    }

    /// The group that a real server serves.
    pub(crate) fn of_real_server(&self, address: IpAddr) -> Option<usize> {
        self.real.get(&address).copied()
    }

    /// A group's view of the ports.
    pub(crate) fn ports_of(&self, group: usize, ports: &[Port]) -> Vec<Port> {
        let group = &self.groups[group];
        let of_group = |(index, port): (PortIndex, &Port)| Port {
            mac: group.mac(index),
            shared_addresses: group.shared_on(index).iter().map(IpNet::addr).collect(),
            ..port.clone()
        };
        (0..).map(PortIndex).zip(ports).map(of_group).collect()
    }
}

impl Group {
    /// Its MAC address on a port.
    pub(crate) fn mac(&self, port: PortIndex) -> MacAddress {
        self.macs.get(usize::from(port.0)).copied().unwrap_or_default()
    }

    /// Whether this is its MAC address on any port: two ports may be on one link.
    pub(crate) fn has_mac(&self, mac: MacAddress) -> bool {
        self.macs.contains(&mac)
    }

    /// What it shares on a port.
    pub(crate) fn shared_on(&self, port: PortIndex) -> &[IpNet] {
        self.shared.get(usize::from(port.0)).map_or(&[], Vec::as_slice)
    }

    /// The addresses that neighbours on a port are to know its MAC address for.
    pub(crate) fn announced_on(&self, port: PortIndex, role: PortRole) -> Vec<IpAddr> {
        let shared = self.shared_on(port).iter().map(IpNet::addr);
        // Clients are outside.
        let virtual_addresses = self.virtual_addresses.iter().copied().filter(|_| role == PortRole::Outside);
        shared.chain(virtual_addresses).collect()
    }
}

fn moving(groups: &[Group]) -> HashMap<(Option<PortIndex>, IpAddr), usize> {
    let mut moving = HashMap::new();
    for (index, group) in groups.iter().enumerate() {
        moving.extend(group.virtual_addresses.iter().map(|&address| ((None, address), index)));
        for (port, shared) in (0..).map(PortIndex).zip(&group.shared) {
            let addresses = shared.iter().map(IpNet::addr);
            moving.extend(addresses.map(|address| ((link_of(port, address), address), index)));
        }
    }
    moving
}

/// The link that an address is to be told apart by.
const fn link_of(port: PortIndex, address: IpAddr) -> Option<PortIndex> {
    match address {
        IpAddr::V6(address) if address.is_unicast_link_local() => Some(port),
        _ => None,
    }
}

fn real_addresses(director: &Configuration, groups: usize) -> HashMap<IpAddr, usize> {
    let bindings = director.bindings().iter().filter(|_| groups > 1);
    let of = |binding: &director::Binding| {
        let server = director.real_servers()[binding.real_server()].name().address;
        (server, director.virtual_servers()[binding.virtual_server()].group())
    };
    bindings.map(of).collect()
}
