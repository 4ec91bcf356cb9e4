//! From the raw `director.json` to its meaning: the director's own checks, told in the document's keys, and the unit's
//! addresses kept apart from the servers'.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use director::{
    Configuration, ConfigurationDraft, FailoverGroup, Mistake, Place, RealSetting, TimeoutKind,
    VirtualSetting,
};
use model::ServerName;

use super::diagnostic::Diagnostic;
use super::document::Document;
use super::key_path::KeyPath;
use super::unit::UnitConfiguration;

pub(super) fn check(
    document: &Document<'_>,
    draft: &ConfigurationDraft,
) -> Result<Configuration, Vec<Diagnostic>> {
    draft.build().map_err(|mistakes| {
        let path = |mistake: &Mistake| path_of(mistake.place, &PortNames::of_draft(draft));
        mistakes.iter().map(|mistake| document.diagnose(&path(mistake), &mistake.problem)).collect()
    })
}

/// What [`clashes`] finds, told in the document's keys.
pub(super) fn check_against_unit(
    document: &Document<'_>,
    director: &Configuration,
    unit: &UnitConfiguration,
) -> Vec<Diagnostic> {
    let names = PortNames::of(director.groups());
    let found = clashes(director, unit).into_iter();
    found.map(|(place, message)| document.diagnose(&path_of(place, &names), message)).collect()
}

/// What is wrong with what is balanced on this unit, and where. No server has an address of the unit: packets to it would
/// never leave. And what moves with a group is on ports that the unit has, and is not the unit's own.
pub fn clashes(director: &Configuration, unit: &UnitConfiguration) -> Vec<(Place, String)> {
    let addresses = |port: &'_ super::PortConfiguration| {
        port.addresses().iter().map(ipnet::IpNet::addr).collect::<Vec<_>>()
    };
    let own: HashMap<IpAddr, &str> = unit
        .ports()
        .iter()
        .flat_map(|port| addresses(port).into_iter().map(|address| (address, port.name())))
        .collect();
    let virtual_names = director.virtual_servers().iter().enumerate();
    let virtual_names = virtual_names.map(|(index, server)| (Place::VirtualServer(index), server.name()));
    let real_names = director.real_servers().iter().enumerate();
    let real_names = real_names.map(|(index, server)| (Place::RealServer(index), server.name()));
    let clash = |(place, name): (Place, ServerName)| {
        let port = own.get(&name.address)?;
        let message = format!("{} is the unit's own on port {port:?}; a server needs another", name.address);
        Some((place, message))
    };
    let mut found: Vec<_> = virtual_names.chain(real_names).filter_map(clash).collect();
    found.extend(misplaced(director.groups(), unit, &own));
    found.extend(crowded_paths(director.groups().len(), unit).map(|message| (Place::Groups, message)));
    found
}

/// What groups have that this unit's ports do not go with.
fn misplaced(
    groups: &[FailoverGroup],
    unit: &UnitConfiguration,
    own: &HashMap<IpAddr, &str>,
) -> Vec<(Place, String)> {
    let names: Vec<_> = unit.ports().iter().map(super::PortConfiguration::name).collect();
    let no_port = |name: &str| format!("the unit has no port {name:?}; its ports are {}", names.join(", "));
    let mut found = Vec::new();
    for (group, each) in groups.iter().enumerate() {
        for (port, (name, addresses)) in each.shared_addresses().enumerate() {
            if !names.contains(&name) {
                found.push((Place::SharedAddresses { group, port }, no_port(name)));
            }
            for (address, shared) in addresses.iter().enumerate() {
                if let Some(owner) = own.get(&shared.addr()) {
                    let message = format!(
                        "{} is the unit's own on port {owner:?}; what moves with a group is neither unit's own",
                        shared.addr()
                    );
                    found.push((Place::SharedAddress { group, port, address }, message));
                }
            }
        }
        for (port, (name, mac)) in each.macs().enumerate() {
            let place = Place::GroupMac { group, port };
            match unit.ports().iter().find(|port| port.name() == name) {
                None => found.push((place, no_port(name))),
                Some(port) if port.mac() == Some(mac) => {
                    found.push((place, format!("{mac} is the unit's own on this port; write another")));
                }
                Some(_) => {}
            }
        }
    }
    found
}

/// What is wrong with the replication paths' ports, as each group needs the next ones.
fn crowded_paths(groups: usize, unit: &UnitConfiguration) -> Option<String> {
    let paths = unit.replication().map_or(&[][..], |replication| replication.paths());
    let mut taken = HashSet::new();
    for path in paths {
        for end in [path.local, path.peer] {
            if usize::from(end.port()) + groups - 1 > usize::from(u16::MAX) {
                return Some(format!(
                    "each of {groups} groups needs the next port of a replication path, and {end} has not so many after it; write a lower port in unit.json"
                ));
            }
        }
        for group in 0..groups {
            let local = path.of_group(group).local;
            if !taken.insert(local) {
                return Some(format!(
                    "each of {groups} groups needs the next port of a replication path, and two of them need {local}; write ports further apart in unit.json"
                ));
            }
        }
    }
    None
}

/// The names of the ports that groups have something on, by group, in the order that a [`Place`] counts them in.
#[derive(Default)]
struct PortNames(Vec<GroupPorts>);

struct GroupPorts {
    shared: Vec<String>,
    macs: Vec<String>,
}

impl PortNames {
    fn of_draft(draft: &ConfigurationDraft) -> Self {
        let groups = draft.groups.iter().map(|group| GroupPorts {
            shared: group.shared_addresses.iter().map(|(port, _)| port.clone()).collect(),
            macs: group.macs.iter().map(|(port, _)| port.clone()).collect(),
        });
        Self(groups.collect())
    }

    fn of(groups: &[FailoverGroup]) -> Self {
        let groups = groups.iter().map(|group| GroupPorts {
            shared: group.shared_addresses().map(|(port, _)| port.to_owned()).collect(),
            macs: group.macs().map(|(port, _)| port.to_owned()).collect(),
        });
        Self(groups.collect())
    }

    fn shared(&self, group: usize, port: usize) -> KeyPath {
        let path = KeyPath::root().key("groups").index(group).key("shared_addresses");
        match self.0.get(group).and_then(|group| group.shared.get(port)) {
            Some(name) => path.key(name),
            None => path,
        }
    }

    fn mac(&self, group: usize, port: usize) -> KeyPath {
        let path = KeyPath::root().key("groups").index(group).key("mac");
        match self.0.get(group).and_then(|group| group.macs.get(port)) {
            Some(name) => path.key(name),
            None => path,
        }
    }
}

/// Where the document has what the director found wrong.
fn path_of(place: Place, ports: &PortNames) -> KeyPath {
    let root = KeyPath::root();
    let group = |index, key| KeyPath::root().key("groups").index(index).key(key);
    match place {
        Place::VirtualServers => root.key("virtual_servers"),
        Place::VirtualServer(index) => root.key("virtual_servers").index(index).key("virtual"),
        Place::RealServers => root.key("real_servers"),
        Place::RealServer(index) => root.key("real_servers").index(index).key("real"),
        Place::Weight(index) => root.key("real_servers").index(index).key("weight"),
        Place::Bindings => root.key("bindings"),
        Place::BindingVirtual(binding) => root.key("bindings").index(binding).key("virtual"),
        Place::BindingReals(binding) => root.key("bindings").index(binding).key("real"),
        Place::BindingReal { binding, real } => root.key("bindings").index(binding).key("real").index(real),
        Place::VirtualGroup(index) => root.key("virtual_servers").index(index).key("group"),
        Place::Groups => root.key("groups"),
        Place::Group(index) => group(index, "name"),
        Place::GroupPrimary(index) => group(index, "primary"),
        Place::GroupHold(index) => group(index, "hold_s"),
        Place::GroupLoadMargin(index) => group(index, "load_margin_percent"),
        Place::SharedAddresses { group, port } => ports.shared(group, port),
        Place::SharedAddress { group, port, address } => ports.shared(group, port).index(address),
        Place::GroupMac { group, port } => ports.mac(group, port),
        Place::Timeout(kind) => root.key("timeouts").key(timeout(kind)),
        Place::VirtualTimeout(index, kind) => {
            root.key("virtual_servers").index(index).key("timeouts").key(timeout(kind))
        }
        Place::VirtualSetting(index, setting) => {
            virtual_setting(root.key("virtual_servers").index(index), setting)
        }
        Place::RealSetting(index, setting) => {
            root.key("real_servers").index(index).key(real_setting(setting))
        }
        Place::Assignments => root.key("assignments"),
        Place::AssignmentVirtual(index) => root.key("assignments").index(index).key("virtual"),
        Place::AssignmentClient { assignment, client } => {
            root.key("assignments").index(assignment).key("clients").index(client)
        }
        Place::Buddies => root.key("buddies"),
        Place::BuddiesName(index) => root.key("buddies").index(index).key("name"),
        Place::Buddy { buddies, buddy } => root.key("buddies").index(buddies).key("virtual").index(buddy),
    }
}

const fn timeout(kind: TimeoutKind) -> &'static str {
    match kind {
        TimeoutKind::TcpSyn => "tcp_syn_s",
        TimeoutKind::TcpEstablished => "tcp_established_s",
        TimeoutKind::TcpHalfClosed => "tcp_half_closed_s",
        TimeoutKind::TcpClosed => "tcp_closed_s",
        TimeoutKind::TcpReset => "tcp_reset_s",
        TimeoutKind::Udp => "udp_s",
    }
}

fn virtual_setting(server: KeyPath, setting: VirtualSetting) -> KeyPath {
    match setting {
        VirtualSetting::StickyMinutes => server.key("sticky").key("minutes"),
        VirtualSetting::StickyIpv4Prefix => server.key("sticky").key("ipv4_prefix"),
        VirtualSetting::StickyIpv6Prefix => server.key("sticky").key("ipv6_prefix"),
        VirtualSetting::MaxConnections => server.key("max_connections"),
        VirtualSetting::Backup => server.key("backup"),
        VirtualSetting::Resends => server.key("resends"),
        VirtualSetting::Synguard => server.key("synguard"),
    }
}

const fn real_setting(setting: RealSetting) -> &'static str {
    match setting {
        RealSetting::MaxConnections => "max_connections",
        RealSetting::Backup => "backup",
        RealSetting::Threshold => "threshold",
        RealSetting::Retry => "retry_s",
        RealSetting::SlowStart => "slow_start_s",
    }
}
