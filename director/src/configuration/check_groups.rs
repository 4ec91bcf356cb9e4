//! Failover groups from what was written to what it means, and who is in which.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use model::{MacAddress, limits};

use super::check_bindings::Bound;
use super::draft::GroupDraft;
use super::names::{Mistakes, Names, unusable};
use super::{ConfigurationDraft, FailoverGroup, Place, Problem};

/// The groups that were written, or the one that there is without any.
pub(super) fn check(
    draft: &ConfigurationDraft,
    virtual_names: &Names<'_>,
    real_names: &Names<'_>,
    mistakes: &mut Mistakes,
) -> Vec<FailoverGroup> {
    if draft.groups.is_empty() {
        return vec![FailoverGroup::default()];
    }
    mistakes.limit(Place::Groups, "failover groups", draft.groups.len(), limits::FAILOVER_GROUPS);
    let mut reader = Reader { mistakes, taken: HashMap::new(), macs: HashMap::new(), names: HashMap::new() };
    // In this order: an address that is a virtual server's and a real server's is told of elsewhere.
    for (role, names) in [("virtual", virtual_names), ("real", real_names)] {
        for &(text, name) in &names.read {
            if let Some(name) = name {
                let holder = Holder::Server { role, name: text.to_owned() };
                reader.taken.entry((name.address, None)).or_insert(holder);
            }
        }
    }
    (0..).zip(&draft.groups).map(|(index, group)| reader.group(index, group)).collect()
}

/// The group of each virtual server, as an index.
pub(super) fn members(
    draft: &ConfigurationDraft,
    virtual_names: &Names<'_>,
    groups: &[FailoverGroup],
    mistakes: &mut Mistakes,
) -> Vec<usize> {
    let mut of_address: HashMap<IpAddr, (usize, &str)> = HashMap::new();
    let mut members = Vec::new();
    for (index, (server, &(text, name))) in draft.virtual_servers.iter().zip(&virtual_names.read).enumerate()
    {
        let group = match &server.group {
            None => 0,
            Some(wanted) => groups.iter().position(|group| group.name() == wanted).unwrap_or_else(|| {
                let defined = defined(groups);
                let problem = Problem::UnknownGroup { name: wanted.clone(), defined };
                mistakes.add(Place::VirtualGroup(index), problem);
                0
            }),
        };
        members.push(group);
        let Some(address) = name.map(|name| name.address) else { continue };
        let (other, first) = *of_address.entry(address).or_insert((group, text));
        if other != group {
            let (group, first) = (groups[other].name().to_owned(), first.to_owned());
            mistakes.add(Place::VirtualGroup(index), Problem::AddressOfTwoGroups { address, group, first });
        }
    }
    members
}

/// Real servers have one gateway, which moves with one group. `bound` has the real servers of each virtual server.
pub(super) fn keep_real_servers_apart(
    names: (&Names<'_>, &Names<'_>),
    groups: &[FailoverGroup],
    members: &[usize],
    bound: &[Vec<Bound>],
    mistakes: &mut Mistakes,
) {
    let (virtual_names, real_names) = names;
    let mut of_address: HashMap<IpAddr, usize> = HashMap::new();
    for (virtual_server, real_servers) in bound.iter().enumerate() {
        for &Bound { real_server, place, .. } in real_servers {
            let Some(address) = real_names.read[real_server].1.map(|name| name.address) else { continue };
            let first = *of_address.entry(address).or_insert(virtual_server);
            if members[first] != members[virtual_server] {
                let problem = Problem::RealOfTwoGroups {
                    address,
                    group: groups[members[first]].name().to_owned(),
                    first: virtual_names.read[first].0.to_owned(),
                };
                mistakes.add(place, problem);
            }
        }
    }
}

fn defined(groups: &[FailoverGroup]) -> String {
    groups.iter().map(FailoverGroup::name).collect::<Vec<_>>().join(", ")
}

/// Who has an address.
#[derive(Clone)]
enum Holder {
    Server { role: &'static str, name: String },
    Port(String),
}

/// Reads groups, and knows what those before have.
struct Reader<'a> {
    mistakes: &'a mut Mistakes,
    /// Link-local addresses with their port: each link has its own.
    taken: HashMap<(IpAddr, Option<String>), Holder>,
    macs: HashMap<(String, MacAddress), String>,
    names: HashMap<String, usize>,
}

impl Reader<'_> {
    fn group(&mut self, index: usize, written: &GroupDraft) -> FailoverGroup {
        if !is_name(&written.name) {
            self.mistakes.add(Place::Group(index), Problem::GroupName(written.name.clone()));
        } else if self.names.insert(written.name.clone(), index).is_some() {
            self.mistakes.add(Place::Group(index), Problem::DuplicateGroup(written.name.clone()));
        }
        if let Some(primary) = written.primary.as_ref().filter(|primary| !is_name(primary)) {
            self.mistakes.add(Place::GroupPrimary(index), Problem::Primary(primary.clone()));
        }
        if written.hold_s > u64::from(limits::FAILOVER_HOLD_S) {
            self.mistakes.add(Place::GroupHold(index), Problem::Hold(written.hold_s));
        }
        let load_margin_percent = written.load_margin_percent.map(|percent| match u8::try_from(percent) {
            Ok(percent @ 1..=100) => percent,
            _ => {
                self.mistakes.add(Place::GroupLoadMargin(index), Problem::LoadMargin(percent));
                1
            }
        });
        FailoverGroup {
            name: written.name.clone(),
            primary: written.primary.clone(),
            strategy: written.strategy,
            compare: written.compare,
            hold: Duration::from_secs(written.hold_s),
            load_margin_percent,
            advertise: written.advertise,
            shared_addresses: self.shared_addresses(index, written),
            macs: self.macs(index, written),
        }
    }

    fn shared_addresses(&mut self, group: usize, written: &GroupDraft) -> Vec<(String, Vec<IpNet>)> {
        let mut all = Vec::new();
        for (port, (name, texts)) in written.shared_addresses.iter().enumerate() {
            let mut read = Vec::new();
            for (address, text) in texts.iter().enumerate() {
                match shared_address(text).and_then(|network| self.take(network, name)) {
                    Ok(network) => read.push(network),
                    Err(problem) => {
                        self.mistakes.add(Place::SharedAddress { group, port, address }, problem);
                    }
                }
            }
            all.push((name.clone(), read));
        }
        all
    }

    /// Nobody else may have the address.
    fn take(&mut self, network: IpNet, port: &str) -> Result<IpNet, Problem> {
        let address = network.addr();
        let is_link_local = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
        let key = (address, is_link_local.then(|| port.to_owned()));
        match self.taken.insert(key, Holder::Port(port.to_owned())) {
            None => Ok(network),
            Some(Holder::Server { role, name }) => Err(Problem::SharedIsServers { address, role, name }),
            Some(Holder::Port(port)) => Err(Problem::DuplicateShared { address, port }),
        }
    }

    fn macs(&mut self, group: usize, written: &GroupDraft) -> Vec<(String, MacAddress)> {
        let mut all = Vec::new();
        for (port, (name, text)) in written.macs.iter().enumerate() {
            let read = group_mac(text).and_then(|mac| {
                match self.macs.insert((name.clone(), mac), written.name.clone()) {
                    None => Ok(mac),
                    Some(other) => Err(Problem::DuplicateMac { mac, group: other }),
                }
            });
            match read {
                Ok(mac) => all.push((name.clone(), mac)),
                Err(problem) => self.mistakes.add(Place::GroupMac { group, port }, problem),
            }
        }
        all
    }
}

/// Whether a group or unit can have this name.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= limits::GROUP_NAME
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn group_mac(text: &str) -> Result<MacAddress, Problem> {
    match text.parse::<MacAddress>() {
        Ok(mac) if mac.is_group() || mac == MacAddress::default() => Err(Problem::MacNotIndividual(mac)),
        Ok(mac) => Ok(mac),
        Err(error) => Err(Problem::Mac(error)),
    }
}

fn shared_address(text: &str) -> Result<IpNet, Problem> {
    let network: IpNet = text.parse().map_err(|_| Problem::NotNetwork(text.to_owned()))?;
    let address = network.addr();
    // A router's address is often link-local: its network is known.
    let is_link_local = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
    // Networks of 31 and 127 bits have no addresses to spare (RFC 3021, RFC 6164).
    let spares = network.prefix_len() > 0 && network.prefix_len() + 1 < network.max_prefix_len();
    let kind = match unusable(address).filter(|_| !is_link_local) {
        None if spares && address == network.network() => Some("the network's address"),
        None if spares && address.is_ipv4() && address == network.broadcast() => {
            Some("the network's broadcast address")
        }
        None if network.prefix_len() == 0 => return Err(Problem::NotNetwork(text.to_owned())),
        kind => kind,
    };
    kind.map_or(Ok(network), |kind| Err(Problem::NotHost { address, kind }))
}
