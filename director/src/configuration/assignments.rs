//! Client assignments: which instance of a virtual server a client's connections go to (seed 003, figures 3D and 4).

use std::collections::HashMap;
use std::net::IpAddr;

use ahash::RandomState;
use ipnet::IpNet;
use model::{Protocol, ServerName};

/// An endpoint that virtual servers with different bind IDs share.
type Service = (IpAddr, u16, Protocol);

/// Which clients get which instance. A lookup costs one probe for each prefix length that the virtual endpoint's
/// assignments have, however many they are.
#[derive(Clone, Debug)]
pub struct Assignments {
    services: HashMap<Service, u32, RandomState>,
    /// By service: its networks of each prefix length there is, the longest first.
    networks: Vec<Vec<Networks>>,
    count: usize,
    /// Whether some are for all ports of an address.
    are_of_all_ports: bool,
}

/// The networks of one prefix length at one virtual endpoint, and the instance of each.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Networks {
    length: u8,
    instances: Instances,
}

/// By the network's first bits: the fewer bytes there are, the more of them the caches hold.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Instances {
    /// All of IPv4, and IPv6 up to the networks that links have (RFC 4291 section 2.5.4).
    Short(HashMap<u64, u16, RandomState>),
    Long(HashMap<u128, u16, RandomState>),
}

/// What an assignment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The index of the virtual server.
    pub virtual_server: usize,
    /// The network of clients that it is for.
    pub network: IpNet,
}

impl Assignments {
    /// No assignments.
    pub(super) fn new() -> Self {
        Self {
            services: HashMap::with_hasher(hasher()),
            networks: Vec::new(),
            count: 0,
            are_of_all_ports: false,
        }
    }

    /// Assigns the clients in `network` to an instance. If they are assigned already, returns the index of that instance.
    pub(super) fn insert(
        &mut self,
        name: ServerName,
        virtual_server: usize,
        network: IpNet,
    ) -> Option<usize> {
        let next = u32::try_from(self.networks.len()).unwrap_or(u32::MAX);
        let service = *self.services.entry((name.address, name.port, name.protocol)).or_insert(next);
        if service == next {
            self.networks.push(Vec::new());
        }
        self.are_of_all_ports |= name.port == 0;
        let length = network.prefix_len();
        let networks = &mut self.networks[service as usize];
        let place = networks.binary_search_by(|known| length.cmp(&known.length)).unwrap_or_else(|place| {
            networks.insert(place, Networks::new(length));
            place
        });
        // Checked configuration has fewer virtual servers than 16 bits count (limits::VIRTUAL_SERVERS).
        let instance = u16::try_from(virtual_server).unwrap_or(u16::MAX);
        let before = networks[place].insert(first_bits(network.addr()), instance);
        self.count += usize::from(before.is_none());
        before.map(usize::from)
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many there are to each instance that has any, by its index.
    pub fn counts(&self) -> HashMap<usize, u64> {
        let mut counts = HashMap::new();
        let mut count = |&instance: &u16| *counts.entry(usize::from(instance)).or_default() += 1;
        for networks in self.networks.iter().flatten() {
            match &networks.instances {
                Instances::Short(instances) => instances.values().for_each(&mut count),
                Instances::Long(instances) => instances.values().for_each(&mut count),
            }
        }
        counts
    }

    /// The instance of the virtual endpoint that `client` is assigned to: by the longest prefix.
    pub fn find(&self, address: IpAddr, port: u16, protocol: Protocol, client: IpAddr) -> Option<Assigned> {
        if port == 0 && !self.are_of_all_ports {
            return None;
        }
        let &service = self.services.get(&(address, port, protocol))?;
        let bits = first_bits(client);
        self.networks[service as usize].iter().find_map(|networks| {
            let instance = networks.find(bits)?;
            let network = IpNet::new(client, networks.length).ok()?.trunc();
            Some(Assigned { virtual_server: usize::from(instance), network })
        })
    }
}

impl Networks {
    fn new(length: u8) -> Self {
        let instances = if u32::from(length) <= u64::BITS {
            Instances::Short(HashMap::with_hasher(hasher()))
        } else {
            Instances::Long(HashMap::with_hasher(hasher()))
        };
        Self { length, instances }
    }

    fn insert(&mut self, bits: u128, instance: u16) -> Option<u16> {
        let network = self.network(bits);
        match &mut self.instances {
            Instances::Short(instances) => instances.insert(upper(network), instance),
            Instances::Long(instances) => instances.insert(network, instance),
        }
    }

    #[inline]
    fn find(&self, bits: u128) -> Option<u16> {
        let network = self.network(bits);
        match &self.instances {
            Instances::Short(instances) => instances.get(&upper(network)),
            Instances::Long(instances) => instances.get(&network),
        }
        .copied()
    }

    /// The bits that all addresses of a network have.
    #[inline]
    fn network(&self, bits: u128) -> u128 {
        let mask = u128::MAX.checked_shl(u128::BITS - u32::from(self.length)).unwrap_or(0);
        bits & mask
    }
}

/// With a fixed key: operators write assignments, not clients.
fn hasher() -> RandomState {
    RandomState::with_seeds(1, 2, 3, 4)
}

/// An address's bits, the first of them in the same place for both versions.
#[inline]
fn first_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << (u128::BITS - u32::BITS),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[inline]
const fn upper(bits: u128) -> u64 {
    (bits >> u64::BITS) as u64
}

impl Default for Assignments {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Assignments {
    fn eq(&self, other: &Self) -> bool {
        // Services are numbered by their order; two that say the same in another order are not used as equals.
        self.services == other.services && self.networks == other.networks
    }
}

impl Eq for Assignments {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> ServerName {
        text.parse().unwrap()
    }

    #[test]
    fn the_longest_prefix_wins_at_its_own_endpoint() {
        let mut assignments = Assignments::new();
        for (index, (server, network)) in [
            ("192.0.2.1:80:1", "198.51.100.0/24"),
            ("192.0.2.1:80:2", "198.51.100.7/32"),
            ("192.0.2.1:443:1", "198.51.0.0/16"),
            ("[2001:db8::1]:80:1", "2001:db8:7::/48"),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(assignments.insert(name(server), index, network.parse().unwrap()), None);
        }
        let find = |server: &str, client: &str| {
            let name = name(server);
            let found = assignments.find(name.address, name.port, name.protocol, client.parse().unwrap());
            found.map(|found| found.virtual_server)
        };
        assert_eq!(find("192.0.2.1:80", "198.51.100.7"), Some(1));
        assert_eq!(find("192.0.2.1:80", "198.51.100.8"), Some(0));
        assert_eq!(find("192.0.2.1:80", "198.51.101.8"), None);
        assert_eq!(find("192.0.2.1:443", "198.51.101.8"), Some(2));
        assert_eq!(find("192.0.2.1:80:udp", "198.51.100.7"), None);
        assert_eq!(find("[2001:db8::1]:80", "2001:db8:7:1::9"), Some(3));
        assert_eq!(find("[2001:db8::1]:80", "2001:db8:8::9"), None);
    }

    proptest! {
        #[test]
        fn lookups_are_those_of_a_plain_list(
            is_v6 in any::<bool>(),
            networks in prop::collection::vec((any::<u16>(), 16..=32_u8, any::<bool>()), 0..40),
            clients in prop::collection::vec(any::<u16>(), 1..40),
        ) {
            // In IPv6 the bits that differ lie on both sides of where short prefixes end.
            let address = |low: u16| match is_v6 {
                false => IpAddr::from([10, 0, low.to_be_bytes()[0], low.to_be_bytes()[1]]),
                true => {
                    let [high, low] = low.to_be_bytes();
                    IpAddr::from([0x2001, 0xdb8, 0, high.into(), u16::from(low) << 8, 0, 0, 0])
                }
            };
            let server = name(if is_v6 { "[2001:db8::1]:80:1" } else { "192.0.2.1:80:1" });
            let mut assignments = Assignments::new();
            let mut plain: Vec<(IpNet, usize)> = Vec::new();
            for (index, &(low, length, is_whole)) in networks.iter().enumerate() {
                let length = match (is_v6, is_whole) {
                    (true, true) => 128,
                    (true, false) => 24 + length * 3 / 2,
                    (false, _) => length,
                };
                let network = IpNet::new(address(low), length).unwrap().trunc();
                let before = plain.iter().position(|(known, _)| *known == network);
                prop_assert_eq!(assignments.insert(server, index, network), before.map(|at| plain[at].1));
                if let Some(at) = before {
                    plain.remove(at);
                }
                plain.push((network, index));
            }
            for client in clients.into_iter().map(address) {
                let matching = plain.iter().filter(|(network, _)| network.contains(&client));
                let best = matching.max_by_key(|(network, _)| network.prefix_len()).map(|(_, index)| *index);
                let found = assignments.find(server.address, 80, Protocol::Tcp, client);
                prop_assert_eq!(found.map(|found| found.virtual_server), best);
            }
        }
    }
}
