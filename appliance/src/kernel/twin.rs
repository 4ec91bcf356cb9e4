//! Setting up a port's twin interface: its MAC address, MTU, addresses, and that it is up. Nothing else of
//! the interface is changed, and doing it twice is as good as once.

use director::PortIndex;
use ipnet::IpNet;
use model::MacAddress;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::KernelError;
use super::netlink::Requests;
use super::parameter::set_parameter;

/// A port, and its interface in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twin {
    /// The DPDK port.
    pub port: PortIndex,
    /// The name of the kernel's interface.
    pub name: String,
}

/// Sets up the interface `name`: `mac`, `mtu` (bytes of IP packets), `addresses` with their networks, and up.
/// Addresses that it has already stay. IPv6 addresses come without duplicate address detection (RFC 4862
/// §5.4): the standby must be able to hold what the active unit had a moment ago.
///
/// IPv6 is enabled on the interface (`net.ipv6.conf.NAME.disable_ipv6`) if it gets an IPv6 address: the
/// kernel refuses the address otherwise.
///
/// # Errors
///
/// There is no such interface, the kernel refuses a value, or the rights (`CAP_NET_ADMIN`) are missing.
pub fn setup_twin(name: &str, mac: MacAddress, mtu: u16, addresses: &[IpNet]) -> Result<(), KernelError> {
    let index = interface_index(name).ok_or_else(|| KernelError::NoInterface { name: name.to_owned() })?;
    let mut requests = Requests::open()?;
    requests.execute(link(index, mac, mtu), 0).map_err(|source| KernelError::Refused {
        action: format!("give interface {name:?} the MAC address {mac} and the MTU {mtu} and bring it up"),
        source,
    })?;
    if addresses.iter().any(|address| matches!(address, IpNet::V6(_))) {
        set_parameter(&format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6"), "0")?;
    }
    // The kernel asks for neighbours with an address of the twin's, as far as it has one for them: what moves with a group is
    // the data path's to speak for.
    if let Err(error) = set_parameter(&format!("/proc/sys/net/ipv4/conf/{name}/arp_announce"), "2") {
        log::warn!("{error}");
    }
    for &address in addresses {
        let flags = NLM_F_CREATE | NLM_F_REPLACE;
        requests.execute(own_address(index, address), flags).map_err(|source| KernelError::Refused {
            action: format!("add the address {address} to interface {name:?}"),
            source,
        })?;
    }
    Ok(())
}

/// The kernel's number of an interface, in the network namespace of the calling thread.
pub(super) fn interface_index(name: &str) -> Option<u32> {
    nix::net::if_::if_nametoindex(name).ok()
}

fn link(index: u32, mac: MacAddress, mtu: u16) -> RouteNetlinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message.attributes = vec![LinkAttribute::Address(mac.0.to_vec()), LinkAttribute::Mtu(mtu.into())];
    RouteNetlinkMessage::SetLink(message)
}

fn own_address(index: u32, address: IpNet) -> RouteNetlinkMessage {
    RouteNetlinkMessage::NewAddress(address_message(index, address))
}

/// What all messages about an address of interface `index` have.
pub(super) fn address_message(index: u32, address: IpNet) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.index = index;
    message.header.prefix_len = address.prefix_len();
    message.header.family = AddressFamily::Inet;
    if address.addr().is_ipv6() {
        message.header.family = AddressFamily::Inet6;
        message.header.flags = AddressHeaderFlags::Nodad;
    }
    message.attributes =
        vec![AddressAttribute::Local(address.addr()), AddressAttribute::Address(address.addr())];
    message
}
