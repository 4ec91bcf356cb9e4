//! For tests: the kernel's messages from text like that of `ip route` and `ip neigh`. Interfaces are numbers.

use std::net::IpAddr;
use std::str::SplitWhitespace;

use ipnet::IpNet;
use model::MacAddress;
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourExtFlags, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteLwEnCapType, RouteMessage, RouteNextHop,
    RouteNextHopFlags, RouteType, RouteVia,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is not an address"))
}

/// The MAC address 02:00:00:00:00:XX.
pub(super) fn mac(last_byte: u8) -> MacAddress {
    MacAddress([2, 0, 0, 0, 0, last_byte])
}

/// `[TYPE] NET|default|default6 [via [inet6] GATEWAY] [dev N] [metric N] [table N] [tos N]
/// [dead|linkdown|cache|encap] [nexthop [via GATEWAY] dev N [dead|linkdown]]...`
pub(super) fn route(text: &str) -> RouteNetlinkMessage {
    let mut parts = text.split(" nexthop ");
    let mut message = RouteMessage::default();
    message.header.table = 254;
    let mut words = parts.next().unwrap().split_whitespace().peekable();
    message.header.kind = route_type(words.peek().unwrap());
    if message.header.kind != RouteType::Unicast {
        words.next();
    }
    destination(&mut message, words.next().unwrap());
    let rest = words.collect::<Vec<_>>().join(" ");
    let flags = attributes(&mut message, &mut rest.split_whitespace());
    message.header.flags = flags;
    let hops: Vec<_> = parts.map(next_hop).collect();
    if !hops.is_empty() {
        message.attributes.push(RouteAttribute::MultiPath(hops));
    }
    RouteNetlinkMessage::NewRoute(message)
}

fn route_type(word: &str) -> RouteType {
    match word {
        "unreachable" => RouteType::Unreachable,
        "blackhole" => RouteType::BlackHole,
        "prohibit" => RouteType::Prohibit,
        "local" => RouteType::Local,
        "broadcast" => RouteType::Broadcast,
        _ => RouteType::Unicast,
    }
}

fn destination(message: &mut RouteMessage, word: &str) {
    message.header.address_family = AddressFamily::Inet;
    match word {
        "default" => {}
        "default6" => message.header.address_family = AddressFamily::Inet6,
        net => {
            let net: IpNet = net.parse().unwrap();
            if net.addr().is_ipv6() {
                message.header.address_family = AddressFamily::Inet6;
            }
            message.header.destination_prefix_length = net.prefix_len();
            message.attributes.push(RouteAttribute::Destination(net.addr().into()));
        }
    }
}

fn attributes(message: &mut RouteMessage, words: &mut SplitWhitespace<'_>) -> RouteFlags {
    let mut flags = RouteFlags::empty();
    while let Some(word) = words.next() {
        let mut number = || words.next().unwrap().parse::<u32>().unwrap();
        let attribute = match word {
            "dev" => RouteAttribute::Oif(number()),
            "metric" => RouteAttribute::Priority(number()),
            "table" => RouteAttribute::Table(number()),
            "encap" => RouteAttribute::EncapType(RouteLwEnCapType::Mpls),
            "via" => gateway(words),
            "tos" => {
                message.header.tos = number().try_into().unwrap();
                continue;
            }
            flag => {
                flags |= match flag {
                    "dead" => RouteFlags::Dead,
                    "linkdown" => RouteFlags::Linkdown,
                    "cache" => RouteFlags::Cloned,
                    other => panic!("{other:?}"),
                };
                continue;
            }
        };
        message.attributes.push(attribute);
    }
    flags
}

fn gateway(words: &mut SplitWhitespace<'_>) -> RouteAttribute {
    match words.next().unwrap() {
        "inet6" => RouteAttribute::Via(RouteVia::from(ip(words.next().unwrap()))),
        address => RouteAttribute::Gateway(RouteAddress::from(ip(address))),
    }
}

fn next_hop(text: &str) -> RouteNextHop {
    let mut message = RouteMessage::default();
    let flags = attributes(&mut message, &mut text.split_whitespace());
    let mut hop = RouteNextHop::default();
    hop.flags = RouteNextHopFlags::from_bits_retain(flags.bits().try_into().unwrap());
    for attribute in message.attributes {
        match attribute {
            RouteAttribute::Oif(interface) => hop.interface_index = interface,
            other => hop.attributes.push(other),
        }
    }
    hop
}

/// `ADDRESS dev N [lladdr MAC] STATE [extern_learn|managed]`
pub(super) fn neighbor(text: &str) -> RouteNetlinkMessage {
    RouteNetlinkMessage::NewNeighbour(neighbor_message(text))
}

/// The same, for an entry that is gone.
pub(super) fn del_neighbor(text: &str) -> RouteNetlinkMessage {
    RouteNetlinkMessage::DelNeighbour(neighbor_message(text))
}

fn neighbor_message(text: &str) -> NeighbourMessage {
    let mut words = text.split_whitespace();
    let mut message = NeighbourMessage::default();
    let (family, address) = match ip(words.next().unwrap()) {
        IpAddr::V4(address) => (AddressFamily::Inet, NeighbourAddress::Inet(address)),
        IpAddr::V6(address) => (AddressFamily::Inet6, NeighbourAddress::Inet6(address)),
    };
    message.header.family = family;
    message.attributes.push(NeighbourAttribute::Destination(address));
    while let Some(word) = words.next() {
        match word {
            "dev" => message.header.ifindex = words.next().unwrap().parse().unwrap(),
            "lladdr" => {
                let mac: MacAddress = words.next().unwrap().parse().unwrap();
                message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.0.to_vec()));
            }
            "extern_learn" => message.header.flags |= NeighbourFlags::ExtLearned,
            "managed" => message.attributes.push(NeighbourAttribute::ExtFlags(NeighbourExtFlags::Managed)),
            state => message.header.state = state.to_lowercase().parse::<NeighbourState>().unwrap(),
        }
    }
    message
}
