//! The unit's own addresses: hosts in networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::mistake::UnitMistake;

/// Reads an address with its prefix length that a host can have.
pub(super) fn own_address(text: &str) -> Result<IpNet, UnitMistake> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Err(UnitMistake::PrefixMissing(address));
    }
    let network: IpNet = text.parse().map_err(|_| UnitMistake::Address(text.to_owned()))?;
    let kind = match network {
        IpNet::V4(network) => not_host_ipv4(network),
        IpNet::V6(network) => not_host_ipv6(network),
    };
    match kind {
        Some(kind) => Err(UnitMistake::NotHostAddress { address: network.addr(), kind }),
        None if network.prefix_len() == 0 => Err(UnitMistake::PrefixZero),
        None => Ok(network),
    }
}

/// What the address is, if not a host's. Networks of 31 bits have no addresses to spare (RFC 3021).
fn not_host_ipv4(network: Ipv4Net) -> Option<&'static str> {
    let address = network.addr();
    let has_network_address = (1..31).contains(&network.prefix_len());
    match address.octets() {
        [0, ..] => Some("an unspecified address"),
        [127, ..] => Some("a loopback address"),
        [224..=239, ..] => Some("a multicast address"),
        _ if address == Ipv4Addr::BROADCAST => Some("the broadcast address"),
        [240..=255, ..] => Some("a reserved address"),
        _ if has_network_address && address == network.network() => Some("the network's address"),
        _ if has_network_address && address == network.broadcast() => Some("the network's broadcast address"),
        _ => None,
    }
}

/// What the address is, if not a host's. The first of a network is every router's (RFC 4291 section 2.6.1).
fn not_host_ipv6(network: Ipv6Net) -> Option<&'static str> {
    let address = network.addr();
    if address == Ipv6Addr::UNSPECIFIED {
        Some("the unspecified address")
    } else if address.is_loopback() {
        Some("the loopback address")
    } else if address.is_multicast() {
        Some("a multicast address")
    } else if address.to_ipv4_mapped().is_some() {
        Some("an IPv4-mapped address")
    } else if (1..127).contains(&network.prefix_len()) && address == network.network() {
        Some("the network's address")
    } else {
        None
    }
}
