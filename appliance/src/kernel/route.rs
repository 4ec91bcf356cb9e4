//! Routes as the kernel tells of them, and the choice among several to one network. Pure: messages in, routes
//! out.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use director::{PortIndex, Route};
use ipnet::IpNet;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteNextHop, RouteType, RouteVia,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

/// For each network the route to it; `None` refuses.
pub(super) type Routes = BTreeMap<IpNet, Option<Route>>;

/// A route of the kernel's main table. Several to the same network may exist, with different metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    destination: IpNet,
    /// The lowest wins.
    metric: u32,
    /// Several of a multipath route, in the kernel's order; none of a route that refuses.
    hops: Vec<Hop>,
    refuses: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Hop {
    interface: u32,
    gateway: Option<IpAddr>,
    link_is_down: bool,
}

impl Candidate {
    /// The route of a message, if the data path can follow it: in the main table, for every packet to the
    /// network (no type of service, no source prefix), to a next hop or refusing.
    pub(super) fn read(message: &RouteMessage) -> Option<Self> {
        let header = &message.header;
        let is_for_all = header.tos == 0 && header.source_prefix_length == 0;
        if !is_of_main_table(message) || !is_for_all {
            return None;
        }
        let refuses = match header.kind {
            RouteType::Unicast => false,
            RouteType::BlackHole | RouteType::Unreachable | RouteType::Prohibit => true,
            _ => return None,
        };
        let hops = if refuses { Vec::new() } else { hops(message) };
        Some(Self { destination: destination(message)?, metric: metric(message), hops, refuses })
    }

    /// The route by a port, `Some(None)` when it refuses, `None` when no next hop of it is usable. Of a
    /// multipath route, that is the first next hop whose link is up, else the first.
    fn route(&self, port: impl Fn(u32) -> Option<PortIndex>) -> Option<Option<Route>> {
        if self.refuses {
            return Some(None);
        }
        let usable = self.hops.iter().filter_map(|hop| Some((hop, port(hop.interface)?)));
        let (hop, port) = usable.min_by_key(|(hop, _)| hop.link_is_down)?;
        Some(Some(Route { port, gateway: hop.gateway }))
    }
}

/// For each network the usable route with the lowest metric. `port` tells which interfaces are ports' twins;
/// a route by another interface is not for the data path.
pub(super) fn choose(candidates: &[Candidate], port: impl Fn(u32) -> Option<PortIndex>) -> Routes {
    let mut best: BTreeMap<IpNet, (u32, Option<Route>)> = BTreeMap::new();
    for candidate in candidates {
        let Some(route) = candidate.route(&port) else {
            continue;
        };
        let current = best.entry(candidate.destination).or_insert((candidate.metric, route));
        if candidate.metric < current.0 {
            *current = (candidate.metric, route);
        }
    }
    best.into_iter().map(|(destination, (_, route))| (destination, route)).collect()
}

/// Whether a message is about the main table, and not about a cached clone of a route (IPv6 path MTU).
pub(super) fn is_of_main_table(message: &RouteMessage) -> bool {
    let table = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Table(table) => Some(*table),
        _ => None,
    });
    table.unwrap_or(message.header.table.into()) == u32::from(RouteHeader::RT_TABLE_MAIN)
        && !message.header.flags.contains(RouteFlags::Cloned)
}

/// The request for all routes of an address family in the main table.
pub(super) fn all_of(family: AddressFamily) -> RouteNetlinkMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = family;
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    RouteNetlinkMessage::GetRoute(message)
}

fn destination(message: &RouteMessage) -> Option<IpNet> {
    let address = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(address) => ip(address),
        _ => None,
    });
    let any = match message.header.address_family {
        AddressFamily::Inet => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        AddressFamily::Inet6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => return None,
    };
    IpNet::new(address.unwrap_or(any), message.header.destination_prefix_length).ok()
}

fn metric(message: &RouteMessage) -> u32 {
    let metric = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Priority(metric) => Some(*metric),
        _ => None,
    });
    metric.unwrap_or(0)
}

fn hops(message: &RouteMessage) -> Vec<Hop> {
    let several = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::MultiPath(hops) => Some(hops),
        _ => None,
    });
    let one = || {
        let interface = message.attributes.iter().find_map(|attribute| match attribute {
            RouteAttribute::Oif(interface) => Some(*interface),
            _ => None,
        })?;
        hop(interface, message.header.flags, &message.attributes)
    };
    match several {
        Some(hops) => hops.iter().filter_map(hop_of_several).collect(),
        None => one().into_iter().collect(),
    }
}

fn hop_of_several(hop_message: &RouteNextHop) -> Option<Hop> {
    let flags = RouteFlags::from_bits_retain(hop_message.flags.bits().into());
    hop(hop_message.interface_index, flags, &hop_message.attributes)
}

/// `None` for a dead next hop, and for one behind an encapsulation, which the data path does not do.
fn hop(interface: u32, flags: RouteFlags, attributes: &[RouteAttribute]) -> Option<Hop> {
    let encapsulates = attributes.iter().any(|attribute| matches!(attribute, RouteAttribute::EncapType(_)));
    if encapsulates || flags.contains(RouteFlags::Dead) {
        return None;
    }
    let gateway = attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(address) => ip(address),
        RouteAttribute::Via(RouteVia::Inet(address)) => Some(IpAddr::V4(*address)),
        RouteAttribute::Via(RouteVia::Inet6(address)) => Some(IpAddr::V6(*address)),
        _ => None,
    });
    Some(Hop { interface, gateway, link_is_down: flags.contains(RouteFlags::Linkdown) })
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some(IpAddr::V4(*address)),
        RouteAddress::Inet6(address) => Some(IpAddr::V6(*address)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;

    const OUTSIDE: PortIndex = PortIndex(0);
    const INSIDE: PortIndex = PortIndex(1);

    /// What becomes of `routes`, where interface 5 is the outside twin, 6 the inside one, and 9 is none.
    fn chosen(routes: &[&str]) -> Vec<(String, Option<Route>)> {
        let candidates: Vec<_> = routes
            .iter()
            .filter_map(|route| match text::route(route) {
                RouteNetlinkMessage::NewRoute(message) => Candidate::read(&message),
                other => panic!("{other:?}"),
            })
            .collect();
        let port = |interface| match interface {
            5 => Some(OUTSIDE),
            6 => Some(INSIDE),
            _ => None,
        };
        let routes = choose(&candidates, port).into_iter();
        routes.map(|(destination, route)| (destination.to_string(), route)).collect()
    }

    fn via(port: PortIndex, gateway: &str) -> Option<Route> {
        Some(Route { port, gateway: Some(text::ip(gateway)) })
    }

    fn on_link(port: PortIndex) -> Option<Route> {
        Some(Route { port, gateway: None })
    }

    type Case<'a> = (&'a [&'a str], Option<Option<Route>>);

    /// All routes of a case are to one network.
    fn assert_chosen(cases: &[Case<'_>]) {
        for (routes, expected) in cases {
            let chosen: Vec<_> = chosen(routes).into_iter().map(|(_, route)| route).collect();
            assert_eq!(chosen, Vec::from_iter(*expected), "{routes:?}");
        }
    }

    #[test]
    fn best_usable_route_to_a_network_is_taken() {
        assert_chosen(&[
            (&["10.0.0.0/8 via 10.1.1.1 dev 6"], Some(via(INSIDE, "10.1.1.1"))),
            (&["10.0.0.0/8 dev 6"], Some(on_link(INSIDE))),
            (&["10.0.0.0/8 dev 9"], None),
            // The lowest metric, wherever it stands; none is the lowest; the first of equals.
            (&["10.0.0.0/8 dev 5 metric 20", "10.0.0.0/8 dev 6 metric 10"], Some(on_link(INSIDE))),
            (&["10.0.0.0/8 dev 6 metric 10", "10.0.0.0/8 dev 5 metric 20"], Some(on_link(INSIDE))),
            (&["10.0.0.0/8 dev 5 metric 1", "10.0.0.0/8 dev 6"], Some(on_link(INSIDE))),
            (&["10.0.0.0/8 dev 5", "10.0.0.0/8 dev 6"], Some(on_link(OUTSIDE))),
            // What is not a port's does not count, whatever its metric; nor does what is dead or
            // encapsulates.
            (&["10.0.0.0/8 dev 9", "10.0.0.0/8 dev 6 metric 10"], Some(on_link(INSIDE))),
            (&["10.0.0.0/8 dev 5 dead", "10.0.0.0/8 dev 6 metric 10"], Some(on_link(INSIDE))),
            (&["10.0.0.0/8 dev 5 encap", "10.0.0.0/8 dev 6 metric 10"], Some(on_link(INSIDE))),
            (&["10.0.0.0/8 dev 5 linkdown"], Some(on_link(OUTSIDE))),
            // Refusing is a route like others.
            (&["unreachable 10.0.0.0/8"], Some(None)),
            (&["blackhole 10.0.0.0/8 metric 10", "10.0.0.0/8 dev 6 metric 20"], Some(None)),
            (&["prohibit 10.0.0.0/8 metric 20", "10.0.0.0/8 dev 6 metric 10"], Some(on_link(INSIDE))),
            // An IPv4 route may have an IPv6 gateway.
            (&["10.0.0.0/8 via inet6 fe80::1 dev 5"], Some(via(OUTSIDE, "fe80::1"))),
        ]);
    }

    #[test]
    fn of_several_next_hops_the_first_usable_is_taken_better_with_its_link_up() {
        let (first, second) = (via(INSIDE, "10.1.1.1"), via(INSIDE, "10.1.1.2"));
        assert_chosen(&[
            (&["10.0.0.0/8 nexthop via 10.1.1.1 dev 6 nexthop via 10.1.1.2 dev 6"], Some(first)),
            (&["10.0.0.0/8 nexthop via 10.1.1.1 dev 9 nexthop via 10.1.1.2 dev 6"], Some(second)),
            (&["10.0.0.0/8 nexthop dev 6 dead nexthop dev 5"], Some(on_link(OUTSIDE))),
            (&["10.0.0.0/8 nexthop dev 6 linkdown nexthop dev 5"], Some(on_link(OUTSIDE))),
            (&["10.0.0.0/8 nexthop dev 6 linkdown nexthop dev 5 dead"], Some(on_link(INSIDE))),
            (&["10.0.0.0/8 nexthop dev 6 dead nexthop dev 9"], None),
        ]);
    }

    #[test]
    fn what_the_data_path_can_not_follow_is_left_out() {
        assert_chosen(&[
            (&["10.0.0.0/8 dev 6 table 255"], None),
            (&["10.0.0.0/8 dev 6 table 1000"], None),
            (&["10.0.0.0/8 dev 6 tos 16"], None),
            (&["10.0.0.0/8 dev 6 cache"], None),
            (&["local 10.0.0.0/8 dev 6"], None),
            (&["broadcast 10.0.0.0/8 dev 6"], None),
        ]);
    }

    #[test]
    fn default_routes_are_those_without_destination() {
        let routes = chosen(&["default via 192.0.2.1 dev 5", "default6 via fe80::1 dev 5 metric 1024"]);
        let expected =
            [("0.0.0.0/0".into(), via(OUTSIDE, "192.0.2.1")), ("::/0".into(), via(OUTSIDE, "fe80::1"))];
        assert_eq!(routes, expected);
    }
}
