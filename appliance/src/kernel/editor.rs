//! Addresses that come to a twin interface and go again while the unit runs.

use std::io;

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage, CacheInfo};
use nix::errno::Errno;

use super::KernelError;
use super::netlink::Requests;
use super::parameter::set_parameter;
use super::twin::{address_message, interface_index};

/// Gives interfaces addresses, and takes them away.
pub(crate) struct AddressEditor {
    requests: Requests,
}

impl AddressEditor {
    /// For the network namespace of the calling thread.
    ///
    /// # Errors
    ///
    /// Netlink does not work.
    pub(crate) fn open() -> Result<Self, KernelError> {
        Ok(Self { requests: Requests::open()? })
    }

    /// Gives `interface` an address that is answered for, but that nothing of the unit's own goes out with, as far as the
    /// kernel chooses. With `makes_route`, its network becomes reachable by the interface. IPv6 addresses come without
    /// duplicate address detection: the other unit has had it until a moment ago.
    ///
    /// # Errors
    ///
    /// There is no such interface, or the kernel refuses.
    pub(crate) fn add(
        &mut self,
        interface: &str,
        address: IpNet,
        makes_route: bool,
    ) -> Result<(), KernelError> {
        let message = moving(interface, address, makes_route)?;
        if address.addr().is_ipv6() {
            set_parameter(&format!("/proc/sys/net/ipv6/conf/{interface}/disable_ipv6"), "0")?;
        }
        let message = RouteNetlinkMessage::NewAddress(message);
        self.requests.execute(message, NLM_F_CREATE | NLM_F_REPLACE).map_err(|source| KernelError::Refused {
            action: format!("add the address {address} to interface {interface:?}"),
            source,
        })
    }

    /// Takes the address away; one that is not there is as good.
    ///
    /// # Errors
    ///
    /// There is no such interface, or the kernel refuses.
    pub(crate) fn remove(&mut self, interface: &str, address: IpNet) -> Result<(), KernelError> {
        let index = index_of(interface)?;
        let message = RouteNetlinkMessage::DelAddress(address_message(index, address));
        let absent = |error: &io::Error| error.raw_os_error() == Some(Errno::EADDRNOTAVAIL as i32);
        match self.requests.execute(message, 0) {
            Err(source) if !absent(&source) => Err(KernelError::Refused {
                action: format!("remove the address {address} from interface {interface:?}"),
                source,
            }),
            _ => Ok(()),
        }
    }
}

fn index_of(interface: &str) -> Result<u32, KernelError> {
    interface_index(interface).ok_or_else(|| KernelError::NoInterface { name: interface.to_owned() })
}

fn moving(interface: &str, address: IpNet, makes_route: bool) -> Result<AddressMessage, KernelError> {
    let mut message = address_message(index_of(interface)?, address);
    let mut flags = AddressFlags::empty();
    if !makes_route {
        flags |= AddressFlags::Noprefixroute;
    }
    if address.addr().is_ipv6() {
        flags |= AddressFlags::Nodad;
        // Deprecated from the start: no source of what the unit sends itself (RFC 6724, rule 3).
        let mut lifetimes = CacheInfo::default();
        lifetimes.ifa_preferred = 0;
        lifetimes.ifa_valid = u32::MAX;
        message.attributes.push(AddressAttribute::CacheInfo(lifetimes));
    }
    message.attributes.push(AddressAttribute::Flags(flags));
    Ok(message)
}
