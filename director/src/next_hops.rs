//! Where a packet for an address goes next: routes, and the neighbours that they lead to.
//!
//! A table is plain data, filled from the kernel's routes and neighbours by `appliance` and read by every
//! worker. A worker never changes one; it picks up the next table as a whole. Nothing here asks the network
//! anything.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};

use ahash::RandomState;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use model::MacAddress;
use prefix_trie::PrefixMap;

use crate::PortIndex;

/// The way to a destination: the port to send on, and the router behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// The port that packets leave by.
    pub port: PortIndex,
    /// The router that packets are handed to; `None` when the destination itself is on the link. An IPv4
    /// route may have an IPv6 gateway (RFC 8950).
    pub gateway: Option<IpAddr>,
}

/// What a table says about a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextHop {
    /// Send on `port`, to `mac`.
    Resolved {
        /// The port that packets leave by.
        port: PortIndex,
        /// The station on that port's link that takes them.
        mac: MacAddress,
    },
    /// There is a route, but the MAC address of its next hop is not known: ask for `address` on `port`.
    Unresolved {
        /// The port that packets will leave by.
        port: PortIndex,
        /// The gateway, or the destination itself where it is on the link.
        address: IpAddr,
    },
    /// No route leads there, or the most specific one refuses to.
    NoRoute,
}

/// Routes and neighbours at one moment.
///
/// The generation tells a worker whether next hops that it resolved earlier, with an older table, still hold:
/// while it stays the same, they do.
#[derive(Clone)]
pub struct NextHopTable {
    generation: u32,
    /// Another after each change, and in each table that was not cloned from this one.
    revision: u64,
    routes_v4: PrefixMap<Ipv4Net, Option<Route>>,
    routes_v6: PrefixMap<Ipv6Net, Option<Route>>,
    neighbors: HashMap<(PortIndex, IpAddr), MacAddress, RandomState>,
}

impl NextHopTable {
    /// A table without routes or neighbours.
    pub fn new(generation: u32) -> Self {
        Self {
            generation,
            revision: next_revision(),
            routes_v4: PrefixMap::new(),
            routes_v6: PrefixMap::new(),
            // A fixed key will do: the kernel limits how many neighbours there are (`gc_thresh3`).
            neighbors: HashMap::with_hasher(RandomState::with_seeds(1, 2, 3, 4)),
        }
    }

    /// Sends what is for `destination` by `route`, unless a more specific route is better. Replaces an
    /// earlier route to the same network; host bits of `destination` are ignored.
    pub fn add_route(&mut self, destination: IpNet, route: Route) {
        self.insert(destination, Some(route));
    }

    /// Refuses what is for `destination`, unless a more specific route is better (Linux' `unreachable`,
    /// `blackhole` and `prohibit` routes). Replaces an earlier route to the same network.
    pub fn add_unreachable(&mut self, destination: IpNet) {
        self.insert(destination, None);
    }

    /// Notes that `address` on the link of `port` has the address `mac`, in place of what was noted before.
    pub fn add_neighbor(&mut self, port: PortIndex, address: IpAddr, mac: MacAddress) {
        self.neighbors.insert((port, address), mac);
        self.revision = next_revision();
    }

    /// Changes when something that [`resolve`](Self::resolve) said `Resolved` to may have another answer, or
    /// when a route changed. It does not change for a neighbour that only became known.
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// Two tables of one revision say the same of everything: who read all that it needs out of one need not ask the
    /// other. Unlike the generation, it tells of neighbours that only became known.
    pub(crate) const fn revision(&self) -> u64 {
        self.revision
    }

    /// The next hop of packets to `destination`, by the route with the longest matching prefix.
    pub fn resolve(&self, destination: IpAddr) -> NextHop {
        let Some((port, address)) = self.via(destination) else {
            return NextHop::NoRoute;
        };
        match self.neighbor(port, address) {
            Some(mac) => NextHop::Resolved { port, mac },
            None => NextHop::Unresolved { port, address },
        }
    }

    /// The port and the address of the next hop to `destination`, known or not: the gateway, or the
    /// destination itself where it is on the link.
    pub fn via(&self, destination: IpAddr) -> Option<(PortIndex, IpAddr)> {
        let Route { port, gateway } = self.route(destination)?;
        Some((port, gateway.unwrap_or(destination)))
    }

    /// The MAC address of `address` on the link of `port`, where it is known.
    pub fn neighbor(&self, port: PortIndex, address: IpAddr) -> Option<MacAddress> {
        self.neighbors.get(&(port, address)).copied()
    }

    /// All neighbours, in no particular order.
    pub fn neighbors(&self) -> impl Iterator<Item = (PortIndex, IpAddr, MacAddress)> + '_ {
        self.neighbors.iter().map(|(&(port, address), &mac)| (port, address, mac))
    }

    /// All routes, IPv4 first, by destination; `None` refuses.
    pub fn routes(&self) -> impl Iterator<Item = (IpNet, Option<Route>)> + '_ {
        let v4 = self.routes_v4.iter().map(|(net, &route)| (IpNet::V4(net), route));
        let v6 = self.routes_v6.iter().map(|(net, &route)| (IpNet::V6(net), route));
        v4.chain(v6)
    }

    fn insert(&mut self, destination: IpNet, route: Option<Route>) {
        match destination {
            IpNet::V4(net) => self.routes_v4.insert(net.trunc(), route),
            IpNet::V6(net) => self.routes_v6.insert(net.trunc(), route),
        };
        self.revision = next_revision();
    }

    fn route(&self, destination: IpAddr) -> Option<Route> {
        match destination {
            IpAddr::V4(address) => self.route_v4(address),
            IpAddr::V6(address) => self.route_v6(address),
        }
    }

    fn route_v4(&self, address: Ipv4Addr) -> Option<Route> {
        self.routes_v4.get_lpm(&Ipv4Net::from(address)).and_then(|(_, route)| *route)
    }

    fn route_v6(&self, address: Ipv6Addr) -> Option<Route> {
        self.routes_v6.get_lpm(&Ipv6Net::from(address)).and_then(|(_, route)| *route)
    }
}

/// A number that no table of this process had before.
fn next_revision() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // Relaxed: that numbers differ is all that is wanted of them.
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl fmt::Debug for NextHopTable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("NextHopTable")
            .field("generation", &self.generation)
            .field("routes", &self.routes().collect::<Vec<_>>())
            .field("neighbors", &self.neighbors)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTSIDE: PortIndex = PortIndex(0);
    const INSIDE: PortIndex = PortIndex(1);
    const ROUTER: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
    const SERVER: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// `route` is a gateway's address, "on-link" or "unreachable".
    fn table(routes: &[(&str, PortIndex, &str)]) -> NextHopTable {
        let mut table = NextHopTable::new(7);
        for &(destination, port, route) in routes {
            let destination = destination.parse().unwrap();
            match route {
                "unreachable" => table.add_unreachable(destination),
                "on-link" => table.add_route(destination, Route { port, gateway: None }),
                gateway => table.add_route(destination, Route { port, gateway: Some(ip(gateway)) }),
            }
        }
        table
    }

    fn example() -> NextHopTable {
        let mut table = table(&[
            ("0.0.0.0/0", OUTSIDE, "192.0.2.1"),
            ("192.0.2.0/24", OUTSIDE, "on-link"),
            ("10.0.0.0/8", INSIDE, "10.1.0.254"),
            ("10.1.0.0/16", INSIDE, "on-link"),
            ("10.1.9.0/24", INSIDE, "unreachable"),
            ("10.1.9.7/32", INSIDE, "on-link"),
            ("10.5.0.0/16", INSIDE, "fe80::2"),
            ("2001:db8:1::/48", INSIDE, "on-link"),
            ("2001:db8::/32", OUTSIDE, "fe80::1"),
        ]);
        table.add_neighbor(OUTSIDE, ip("192.0.2.1"), ROUTER);
        table.add_neighbor(OUTSIDE, ip("fe80::1"), ROUTER);
        table.add_neighbor(INSIDE, ip("10.1.0.2"), SERVER);
        table.add_neighbor(INSIDE, ip("10.1.9.7"), SERVER);
        table.add_neighbor(INSIDE, ip("fe80::2"), SERVER);
        table.add_neighbor(INSIDE, ip("2001:db8:1::2"), SERVER);
        table
    }

    #[test]
    fn longest_prefix_decides_and_its_neighbor_is_looked_up() {
        let outside = NextHop::Resolved { port: OUTSIDE, mac: ROUTER };
        let inside = NextHop::Resolved { port: INSIDE, mac: SERVER };
        let ask = |port, address| NextHop::Unresolved { port, address: ip(address) };
        let expected = [
            ("198.51.100.9", outside),
            ("192.0.2.1", outside),
            ("192.0.2.77", ask(OUTSIDE, "192.0.2.77")),
            ("10.1.0.2", inside),
            ("10.1.0.3", ask(INSIDE, "10.1.0.3")),
            ("10.77.0.2", ask(INSIDE, "10.1.0.254")),
            ("10.1.9.8", NextHop::NoRoute),
            ("10.1.9.7", inside),
            ("10.5.1.1", inside),
            ("2001:db8:1::2", inside),
            ("2001:db8:1::3", ask(INSIDE, "2001:db8:1::3")),
            ("2001:db8:2::3", outside),
            ("2001:dead::1", NextHop::NoRoute),
        ];
        let table = example();
        for (destination, next_hop) in expected {
            assert_eq!(table.resolve(ip(destination)), next_hop, "{destination}");
        }
    }

    #[test]
    fn next_hop_has_an_address_even_where_its_mac_is_known() {
        let table = example();
        assert_eq!(table.via(ip("198.51.100.9")), Some((OUTSIDE, ip("192.0.2.1"))));
        assert_eq!(table.via(ip("10.1.0.3")), Some((INSIDE, ip("10.1.0.3"))));
        assert_eq!(table.via(ip("10.1.9.8")), None);
    }

    #[test]
    fn neighbor_on_another_port_does_not_count() {
        let mut table = table(&[("10.0.0.0/8", INSIDE, "on-link")]);
        table.add_neighbor(OUTSIDE, ip("10.0.0.1"), ROUTER);
        let unresolved = NextHop::Unresolved { port: INSIDE, address: ip("10.0.0.1") };
        assert_eq!(table.resolve(ip("10.0.0.1")), unresolved);
    }

    #[test]
    fn later_route_to_the_same_network_replaces_the_earlier() {
        let table = table(&[("10.0.0.0/8", INSIDE, "on-link"), ("10.9.9.9/8", OUTSIDE, "on-link")]);
        let moved = NextHop::Unresolved { port: OUTSIDE, address: ip("10.0.0.1") };
        assert_eq!(table.resolve(ip("10.0.0.1")), moved);
        assert_eq!(table.routes().count(), 1);
    }

    #[test]
    fn empty_table_leads_nowhere() {
        let table = NextHopTable::new(0);
        assert_eq!(table.resolve(ip("192.0.2.1")), NextHop::NoRoute);
        assert_eq!(table.resolve(ip("2001:db8::1")), NextHop::NoRoute);
    }

    #[test]
    fn revision_tells_each_change_and_each_table_apart() {
        let mut table = example();
        let copy = table.clone();
        assert_eq!(table.revision(), copy.revision());
        let mut seen = vec![table.revision(), example().revision()];
        table.add_neighbor(INSIDE, ip("10.1.0.3"), SERVER);
        seen.push(table.revision());
        table.add_route("10.2.0.0/16".parse().unwrap(), Route { port: INSIDE, gateway: None });
        seen.push(table.revision());
        table.add_unreachable("10.3.0.0/16".parse().unwrap());
        seen.push(table.revision());
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 5);
        assert_eq!(copy.generation(), table.generation());
    }

    #[test]
    fn clone_says_the_same_and_lists_the_same() {
        let table = example();
        let copy = table.clone();
        assert_eq!(copy.generation(), 7);
        let sorted = |table: &NextHopTable| {
            let mut all: Vec<_> = table.neighbors().collect();
            all.sort_by_key(|&(_, address, _)| address);
            all
        };
        assert_eq!(sorted(&copy), sorted(&table));
        assert_eq!(copy.routes().collect::<Vec<_>>(), table.routes().collect::<Vec<_>>());
        assert_eq!(copy.neighbor(INSIDE, ip("10.1.0.2")), Some(SERVER));
    }
}
