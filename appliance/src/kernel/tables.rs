//! What the kernel said, and the table of next hops that follows from it. Pure: messages in, a table out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use director::{NextHopTable, PortIndex};
use model::MacAddress;
use netlink_packet_route::RouteNetlinkMessage;

use super::neighbor::{self, Entry, Neighbor, NeighborState};
use super::route::{self, Candidate, Routes};
use super::twin::Twin;

type Macs = BTreeMap<(PortIndex, IpAddr), MacAddress>;

/// What a change to the kernel's tables calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing that matters here has changed.
    Nothing,
    /// A neighbour changed: publish.
    Neighbor,
    /// Routes changed, or may have: read them anew. The kernel does not tell of each IPv4 route that goes
    /// with an address or a link, so changes to those count, too.
    Topology,
}

/// How to have the kernel resolve a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Use {
    /// The kernel's number of the interface.
    pub(super) interface: u32,
    /// The neighbour is not known: if somebody entered it in the meantime, leave that alone.
    pub(super) is_new: bool,
}

/// The kernel's interfaces, routes and neighbours, as far as they concern the ports.
pub(super) struct Tables {
    twins: Vec<Twin>,
    interfaces: BTreeMap<u32, PortIndex>,
    routes: Vec<Candidate>,
    neighbors: BTreeMap<(u32, IpAddr), Entry>,
    keep_fresh: Vec<IpAddr>,
    /// The next hops of the addresses to keep fresh, by the published routes.
    kept: BTreeSet<(PortIndex, IpAddr)>,
    /// How many silent neighbours were checked: where the next check goes on.
    stale_checked: usize,
    published: Published,
}

/// What the workers know.
struct Published {
    routes: Routes,
    macs: Macs,
    table: Arc<NextHopTable>,
}

impl Tables {
    /// Nothing is known yet of `twins`, nor of the way to the addresses to keep fresh.
    pub(super) fn new(twins: Vec<Twin>, keep_fresh: Vec<IpAddr>) -> Self {
        Self {
            twins,
            interfaces: BTreeMap::new(),
            routes: Vec::new(),
            neighbors: BTreeMap::new(),
            keep_fresh,
            kept: BTreeSet::new(),
            stale_checked: 0,
            published: Published {
                routes: Routes::new(),
                macs: Macs::new(),
                table: Arc::new(NextHopTable::new(0)),
            },
        }
    }

    /// The ports' interfaces.
    pub(super) fn twins(&self) -> &[Twin] {
        &self.twins
    }

    /// The table published last.
    pub(super) fn table(&self) -> Arc<NextHopTable> {
        Arc::clone(&self.published.table)
    }

    /// Takes the kernel's numbers of the twins' interfaces. `true` when some changed: the routes and
    /// neighbours of those are not known then.
    pub(super) fn set_interfaces(&mut self, interfaces: BTreeMap<u32, PortIndex>) -> bool {
        let changed = self.interfaces != interfaces;
        self.interfaces = interfaces;
        self.neighbors.retain(|(interface, _), _| self.interfaces.contains_key(interface));
        changed
    }

    /// Takes all routes of the kernel in place of those known.
    pub(super) fn set_routes(&mut self, dump: &[RouteNetlinkMessage]) {
        self.routes = dump
            .iter()
            .filter_map(|row| match row {
                RouteNetlinkMessage::NewRoute(message) => Candidate::read(message),
                _ => None,
            })
            .collect();
    }

    /// Takes all neighbours of the kernel in place of those known.
    pub(super) fn set_neighbors(&mut self, dump: &[RouteNetlinkMessage]) {
        self.neighbors.clear();
        for row in dump {
            self.apply(row);
        }
    }

    /// Takes the addresses whose next hops are kept resolved in place of the earlier ones.
    pub(super) fn set_keep_fresh(&mut self, addresses: Vec<IpAddr>) {
        self.keep_fresh = addresses;
        self.find_kept();
    }

    /// Takes one change that the kernel told of.
    pub(super) fn apply(&mut self, change: &RouteNetlinkMessage) -> Effect {
        use RouteNetlinkMessage as Change;
        match change {
            Change::NewNeighbour(message) => match neighbor::read(message) {
                Some((key, entry)) => self.enter(key, entry),
                None => Effect::Nothing,
            },
            Change::DelNeighbour(message) => match neighbor::read(message) {
                Some((key, _)) => self.enter(key, None),
                None => Effect::Nothing,
            },
            Change::NewRoute(message) | Change::DelRoute(message) if !route::is_of_main_table(message) => {
                Effect::Nothing
            }
            Change::NewRoute(_) | Change::DelRoute(_) => Effect::Topology,
            Change::NewLink(_) | Change::DelLink(_) => Effect::Topology,
            Change::NewAddress(_) | Change::DelAddress(_) => Effect::Topology,
            _ => Effect::Nothing,
        }
    }

    /// The table that follows from what is known, if it differs from the one published last.
    ///
    /// The generation goes up when a route changed, or when a neighbour's MAC address changed or got lost:
    /// then a next hop that a worker remembers may be wrong. A neighbour that became known invalidates
    /// nothing.
    pub(super) fn publish(&mut self) -> Option<Arc<NextHopTable>> {
        let routes = route::choose(&self.routes, |interface| self.interfaces.get(&interface).copied());
        let macs = self.usable_macs();
        let Published { routes: old_routes, macs: old_macs, table } = &self.published;
        if routes == *old_routes && macs == *old_macs {
            return None;
        }
        let lost = old_macs.iter().any(|(neighbor, mac)| macs.get(neighbor) != Some(mac));
        let invalidates = lost || routes != *old_routes;
        let generation = table.generation().wrapping_add(invalidates.into());
        let table = Arc::new(build(generation, &routes, &macs));
        self.published = Published { routes, macs, table: Arc::clone(&table) };
        self.find_kept();
        Some(table)
    }

    /// The next hops to keep fresh.
    pub(super) fn kept(&self) -> impl Iterator<Item = (PortIndex, IpAddr)> {
        self.kept.iter().copied()
    }

    /// The next hops to keep fresh that have no MAC address.
    pub(super) fn kept_unresolved(&self) -> impl Iterator<Item = (PortIndex, IpAddr)> {
        self.kept().filter(|neighbor| !self.published.macs.contains_key(neighbor))
    }

    /// Neighbours that have been silent for long, at most `count`, a next one each time: the kernel checks one only when
    /// itself sends to it, and the packets that go there are not the kernel's.
    pub(super) fn stale(&mut self, count: usize) -> Vec<(PortIndex, IpAddr)> {
        let stale: Vec<_> = self
            .on_ports()
            .filter(|(_, entry)| entry.state == NeighborState::Stale)
            .map(|(neighbor, _)| neighbor)
            .collect();
        let first = self.stale_checked % stale.len().max(1);
        self.stale_checked = first + count;
        stale.iter().cycle().skip(first).take(count.min(stale.len())).copied().collect()
    }

    /// How to have a neighbour resolved; `None` when there is no use in it, because the address is not a
    /// neighbour's, or somebody else maintains the entry.
    pub(super) fn how_to_use(&self, port: PortIndex, address: IpAddr) -> Option<Use> {
        let is_unicast = match address {
            IpAddr::V4(address) => !address.is_multicast() && !address.is_broadcast(),
            IpAddr::V6(address) => !address.is_multicast(),
        };
        if !is_unicast || address.is_unspecified() {
            return None;
        }
        let interface = self.interface(port)?;
        match self.neighbors.get(&(interface, address)) {
            Some(entry) if entry.is_maintained => None,
            entry => Some(Use { interface, is_new: entry.is_none() }),
        }
    }

    /// All neighbours on the ports' links, and the next hops of real servers that are not resolved, by port
    /// and address.
    pub(super) fn list(&self) -> Vec<Neighbor> {
        let unknown = Entry { state: NeighborState::Incomplete, mac: None, is_maintained: false };
        let mut entries: BTreeMap<_, _> = self.kept().map(|neighbor| (neighbor, unknown)).collect();
        entries.extend(self.on_ports());
        let listed = |((port, address), entry): (_, Entry)| Neighbor {
            port,
            interface: self.name(port),
            address,
            mac: entry.mac,
            state: entry.state,
            serves_real_server: self.kept.contains(&(port, address)),
        };
        entries.into_iter().map(listed).collect()
    }

    fn enter(&mut self, key: (u32, IpAddr), entry: Option<Entry>) -> Effect {
        if !self.interfaces.contains_key(&key.0) {
            return Effect::Nothing;
        }
        let old = match entry {
            Some(entry) => self.neighbors.insert(key, entry),
            None => self.neighbors.remove(&key),
        };
        let mac = |entry: Option<Entry>| entry.and_then(|entry| entry.usable_mac());
        if mac(old) == mac(entry) { Effect::Nothing } else { Effect::Neighbor }
    }

    fn usable_macs(&self) -> Macs {
        self.on_ports().filter_map(|(neighbor, entry)| Some((neighbor, entry.usable_mac()?))).collect()
    }

    fn on_ports(&self) -> impl Iterator<Item = ((PortIndex, IpAddr), Entry)> {
        self.neighbors.iter().filter_map(|(&(interface, address), &entry)| {
            Some(((*self.interfaces.get(&interface)?, address), entry))
        })
    }

    fn find_kept(&mut self) {
        let table = &self.published.table;
        self.kept = self.keep_fresh.iter().filter_map(|&address| table.via(address)).collect();
    }

    fn interface(&self, port: PortIndex) -> Option<u32> {
        self.interfaces.iter().find(|&(_, &twin)| twin == port).map(|(&interface, _)| interface)
    }

    fn name(&self, port: PortIndex) -> String {
        let twin = self.twins.iter().find(|twin| twin.port == port);
        twin.map(|twin| twin.name.clone()).unwrap_or_default()
    }
}

fn build(generation: u32, routes: &Routes, macs: &Macs) -> NextHopTable {
    let mut table = NextHopTable::new(generation);
    for (&destination, route) in routes {
        match *route {
            Some(route) => table.add_route(destination, route),
            None => table.add_unreachable(destination),
        }
    }
    for (&(port, address), &mac) in macs {
        table.add_neighbor(port, address, mac);
    }
    table
}

#[cfg(test)]
mod tests {
    use director::NextHop;

    use super::super::text::{del_neighbor, ip, mac, neighbor, route};
    use super::*;

    const OUTSIDE: PortIndex = PortIndex(0);
    const INSIDE: PortIndex = PortIndex(1);

    /// Interface 5 is the outside twin, 6 the inside one; 9 is none.
    fn tables(keep_fresh: &[&str]) -> Tables {
        let twin = |port, name: &str| Twin { port, name: name.into() };
        let twins = vec![twin(OUTSIDE, "outside"), twin(INSIDE, "inside")];
        let mut tables = Tables::new(twins, keep_fresh.iter().map(|address| ip(address)).collect());
        tables.set_interfaces(BTreeMap::from([(5, OUTSIDE), (6, INSIDE)]));
        tables.set_routes(&[
            route("default via 192.0.2.1 dev 5"),
            route("192.0.2.0/24 dev 5"),
            route("10.0.0.0/8 dev 6"),
            route("10.7.0.0/16 via 10.0.0.254 dev 6"),
            route("2001:db8::/32 via fe80::1 dev 5"),
            route("172.16.0.0/12 dev 9"),
        ]);
        tables
    }

    fn started() -> (Tables, u32) {
        let mut tables = tables(&[]);
        tables.set_neighbors(&[neighbor("10.0.0.2 dev 6 lladdr 02:00:00:00:00:02 REACHABLE")]);
        let generation = tables.publish().unwrap().generation();
        (tables, generation)
    }

    fn resolved(port: PortIndex, last_byte: u8) -> NextHop {
        NextHop::Resolved { port, mac: mac(last_byte) }
    }

    #[test]
    fn routes_of_the_twins_lead_to_their_neighbors() {
        let mut tables = tables(&[]);
        tables.set_neighbors(&[
            neighbor("192.0.2.1 dev 5 lladdr 02:00:00:00:00:01 STALE"),
            neighbor("10.0.0.2 dev 6 lladdr 02:00:00:00:00:02 DELAY"),
            neighbor("10.0.0.254 dev 6 lladdr 02:00:00:00:00:03 PERMANENT"),
            neighbor("fe80::1 dev 5 lladdr 02:00:00:00:00:04 PROBE"),
            neighbor("192.0.2.77 dev 9 lladdr 02:00:00:00:00:05 REACHABLE"),
        ]);
        let table = tables.publish().unwrap();
        let unknown = NextHop::Unresolved { port: OUTSIDE, address: ip("192.0.2.77") };
        for (destination, expected) in [
            ("198.51.100.1", resolved(OUTSIDE, 1)),
            ("10.0.0.2", resolved(INSIDE, 2)),
            ("10.7.1.1", resolved(INSIDE, 3)),
            ("2001:db8::7", resolved(OUTSIDE, 4)),
            ("192.0.2.77", unknown),
            ("172.16.0.1", resolved(OUTSIDE, 1)), // the management network is nothing to the data path
            ("2001:dead::1", NextHop::NoRoute),
        ] {
            assert_eq!(table.resolve(ip(destination)), expected, "{destination}");
        }
        assert!(tables.publish().is_none());
    }

    #[test]
    fn neighbor_that_becomes_known_keeps_the_generation() {
        let (mut tables, generation) = started();
        let effect = tables.apply(&neighbor("192.0.2.1 dev 5 lladdr 02:00:00:00:00:01 REACHABLE"));
        assert_eq!(effect, Effect::Neighbor);
        let table = tables.publish().unwrap();
        assert_eq!(table.resolve(ip("198.51.100.1")), resolved(OUTSIDE, 1));
        assert_eq!(table.generation(), generation);
    }

    #[test]
    fn change_of_state_alone_is_not_even_published() {
        let (mut tables, _) = started();
        for state in ["STALE", "DELAY", "PROBE", "REACHABLE", "PERMANENT"] {
            let change = neighbor(&format!("10.0.0.2 dev 6 lladdr 02:00:00:00:00:02 {state}"));
            assert_eq!(tables.apply(&change), Effect::Nothing, "{state}");
            assert!(tables.publish().is_none(), "{state}");
        }
    }

    #[test]
    fn neighbor_that_is_lost_or_moves_raises_the_generation() {
        let gone = NextHop::Unresolved { port: INSIDE, address: ip("10.0.0.2") };
        for (change, then) in [
            (neighbor("10.0.0.2 dev 6 lladdr 02:00:00:00:00:09 STALE"), resolved(INSIDE, 9)),
            (neighbor("10.0.0.2 dev 6 FAILED"), gone),
            (neighbor("10.0.0.2 dev 6 INCOMPLETE"), gone),
            (neighbor("10.0.0.2 dev 6 lladdr 02:00:00:00:00:02 FAILED"), gone),
            (neighbor("10.0.0.2 dev 6 lladdr 03:00:00:00:00:02 REACHABLE"), gone), // no station: a group
            (del_neighbor("10.0.0.2 dev 6 lladdr 02:00:00:00:00:02 STALE"), gone),
        ] {
            let (mut tables, generation) = started();
            assert_eq!(tables.apply(&change), Effect::Neighbor, "{change:?}");
            let table = tables.publish().unwrap();
            assert_eq!(table.resolve(ip("10.0.0.2")), then, "{change:?}");
            assert_eq!(table.generation(), generation + 1, "{change:?}");
        }
    }

    #[test]
    fn others_neighbors_do_not_matter() {
        let (mut tables, _) = started();
        for change in [
            neighbor("10.0.0.2 dev 9 lladdr 02:00:00:00:00:09 REACHABLE"),
            neighbor("ff02::1 dev 6 lladdr 33:33:00:00:00:01 NOARP"),
            del_neighbor("10.0.0.3 dev 6 FAILED"),
        ] {
            assert_eq!(tables.apply(&change), Effect::Nothing, "{change:?}");
        }
        assert!(tables.publish().is_none());
    }

    #[test]
    fn change_of_routes_raises_the_generation_and_their_repetition_does_not() {
        let (mut tables, generation) = started();
        let moved = [route("default via 192.0.2.254 dev 5"), route("10.0.0.0/8 dev 6")];
        tables.set_routes(&moved);
        let table = tables.publish().unwrap();
        assert_eq!(table.generation(), generation + 1);
        let address = ip("192.0.2.254");
        assert_eq!(table.resolve(ip("198.51.100.1")), NextHop::Unresolved { port: OUTSIDE, address });
        tables.set_routes(&moved);
        assert!(tables.publish().is_none());
    }

    #[test]
    fn interface_that_goes_takes_its_routes_and_neighbors_along() {
        let (mut tables, generation) = started();
        assert!(tables.set_interfaces(BTreeMap::from([(5, OUTSIDE)])));
        let table = tables.publish().unwrap();
        assert_eq!(table.resolve(ip("10.0.0.2")).clone(), {
            let address = ip("192.0.2.1");
            NextHop::Unresolved { port: OUTSIDE, address }
        });
        assert_eq!(table.generation(), generation + 1);
        // Made anew, it has another number; what was known of the old one does not come back.
        assert!(tables.set_interfaces(BTreeMap::from([(5, OUTSIDE), (16, INSIDE)])));
        assert!(tables.publish().is_none());
        assert!(!tables.set_interfaces(BTreeMap::from([(5, OUTSIDE), (16, INSIDE)])));
    }

    #[test]
    fn next_hops_of_real_servers_are_kept_and_listed() {
        let mut tables = tables(&["10.0.0.2", "10.7.0.1", "10.7.0.2"]);
        tables.set_neighbors(&[
            neighbor("10.0.0.2 dev 6 lladdr 02:00:00:00:00:02 REACHABLE"),
            neighbor("192.0.2.1 dev 5 FAILED"),
        ]);
        tables.publish();
        let router = (INSIDE, ip("10.0.0.254"));
        assert_eq!(tables.kept().collect::<Vec<_>>(), [(INSIDE, ip("10.0.0.2")), router]);
        assert_eq!(tables.kept_unresolved().collect::<Vec<_>>(), [router]);
        let listed: Vec<_> = tables
            .list()
            .into_iter()
            .map(|row| (row.interface, row.address, row.mac, row.state, row.serves_real_server))
            .collect();
        let expected = [
            ("outside".to_owned(), ip("192.0.2.1"), None, NeighborState::Failed, false),
            ("inside".to_owned(), ip("10.0.0.2"), Some(mac(2)), NeighborState::Reachable, true),
            ("inside".to_owned(), ip("10.0.0.254"), None, NeighborState::Incomplete, true),
        ];
        assert_eq!(listed, expected);
        tables.set_keep_fresh(vec![ip("198.51.100.1")]);
        assert_eq!(tables.kept().collect::<Vec<_>>(), [(OUTSIDE, ip("192.0.2.1"))]);
    }

    #[test]
    fn kernel_is_asked_only_for_neighbors_that_nobody_else_maintains() {
        let (mut tables, _) = started();
        tables.apply(&neighbor("10.0.0.3 dev 6 lladdr 02:00:00:00:00:03 PERMANENT"));
        tables.apply(&neighbor("10.0.0.4 dev 6 lladdr 02:00:00:00:00:04 REACHABLE extern_learn"));
        tables.apply(&neighbor("10.0.0.5 dev 6 lladdr 02:00:00:00:00:05 REACHABLE managed"));
        for (port, address, expected) in [
            (INSIDE, "10.0.0.2", Some(Use { interface: 6, is_new: false })),
            (INSIDE, "10.0.0.9", Some(Use { interface: 6, is_new: true })),
            (OUTSIDE, "fe80::1", Some(Use { interface: 5, is_new: true })),
            (INSIDE, "10.0.0.3", None),
            (INSIDE, "10.0.0.4", None),
            (INSIDE, "10.0.0.5", None),
            (PortIndex(7), "10.0.0.9", None),
            (INSIDE, "224.0.0.5", None),
            (INSIDE, "255.255.255.255", None),
            (INSIDE, "0.0.0.0", None),
            (INSIDE, "ff02::1", None),
        ] {
            assert_eq!(tables.how_to_use(port, ip(address)), expected, "{address}");
        }
    }

    #[test]
    fn only_the_main_table_counts() {
        let mut tables = tables(&[]);
        for (change, effect) in [
            (route("10.9.0.0/16 dev 6"), Effect::Topology),
            (route("10.9.0.0/16 dev 6 table 100"), Effect::Nothing),
            (RouteNetlinkMessage::NewLink(Default::default()), Effect::Topology),
            (RouteNetlinkMessage::DelAddress(Default::default()), Effect::Topology),
            (RouteNetlinkMessage::NewRule(Default::default()), Effect::Nothing),
        ] {
            assert_eq!(tables.apply(&change), effect, "{change:?}");
        }
    }
}
