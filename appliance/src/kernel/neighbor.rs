//! Neighbours as the kernel tells of them. Reading messages only: `Tables` decides which of them matter.

use std::fmt;
use std::net::IpAddr;

use director::PortIndex;
use model::MacAddress;
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourExtFlags, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

/// A neighbour on the link of a port, as `show neighbors` lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbor {
    /// The port.
    pub port: PortIndex,
    /// The name of the port's interface in the kernel.
    pub interface: String,
    /// The neighbour's IP address.
    pub address: IpAddr,
    /// Its MAC address, where it is known.
    pub mac: Option<MacAddress>,
    /// How well it is known.
    pub state: NeighborState,
    /// Whether it is the next hop of a real server, which is kept fresh.
    pub serves_real_server: bool,
}

/// How well the kernel knows a neighbour (RFC 4861 §7.3.2, and Linux' own for IPv4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NeighborState {
    /// It is asked for its MAC address and has not answered yet.
    Incomplete,
    /// It answered a short while ago.
    Reachable,
    /// It answered some time ago; its MAC address is good until something is sent.
    Stale,
    /// Something was sent to it; if there is no sign of life, it is asked again.
    Delay,
    /// It is asked again.
    Probe,
    /// It does not answer.
    Failed,
    /// Its MAC address was set by the operator.
    Permanent,
}

impl NeighborState {
    /// Whether packets may be sent to the MAC address.
    pub const fn is_usable(self) -> bool {
        !matches!(self, Self::Incomplete | Self::Failed)
    }

    const fn from_kernel(state: NeighbourState) -> Option<Self> {
        match state {
            NeighbourState::Incomplete => Some(Self::Incomplete),
            NeighbourState::Reachable => Some(Self::Reachable),
            NeighbourState::Stale => Some(Self::Stale),
            NeighbourState::Delay => Some(Self::Delay),
            NeighbourState::Probe => Some(Self::Probe),
            NeighbourState::Failed => Some(Self::Failed),
            NeighbourState::Permanent => Some(Self::Permanent),
            // Multicast and broadcast addresses (NUD_NOARP), and entries that were only just made.
            _ => None,
        }
    }
}

impl fmt::Display for NeighborState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Incomplete => "incomplete",
            Self::Reachable => "reachable",
            Self::Stale => "stale",
            Self::Delay => "delay",
            Self::Probe => "probe",
            Self::Failed => "failed",
            Self::Permanent => "permanent",
        })
    }
}

/// An entry of the kernel's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) state: NeighborState,
    pub(super) mac: Option<MacAddress>,
    /// The operator, a daemon or the kernel maintains it. Asking for it would take that away: with `NTF_USE`
    /// the kernel clears `PERMANENT`, `extern_learn` and `managed`.
    pub(super) is_maintained: bool,
}

impl Entry {
    /// The MAC address, if packets may be sent there.
    pub(super) fn usable_mac(&self) -> Option<MacAddress> {
        self.mac.filter(|_| self.state.is_usable())
    }
}

/// The interface and address of a neighbour, and what the message says about it: `None` where there is
/// nothing of use, such as the entry of a multicast address.
pub(super) fn read(message: &NeighbourMessage) -> Option<((u32, IpAddr), Option<Entry>)> {
    let header = &message.header;
    if header.flags.contains(NeighbourFlags::Proxy) {
        return None;
    }
    let address = message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(address)) => Some(IpAddr::V4(*address)),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) => Some(IpAddr::V6(*address)),
        _ => None,
    })?;
    let entry = NeighborState::from_kernel(header.state).map(|state| Entry {
        state,
        mac: mac(message),
        is_maintained: is_maintained(message),
    });
    Some(((header.ifindex, address), entry))
}

fn mac(message: &NeighbourMessage) -> Option<MacAddress> {
    let bytes = message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::LinkLayerAddress(bytes) => <[u8; 6]>::try_from(bytes.as_slice()).ok(),
        _ => None,
    })?;
    Some(MacAddress(bytes)).filter(|&mac| !mac.is_group() && mac != MacAddress::default())
}

fn is_maintained(message: &NeighbourMessage) -> bool {
    let managed = NeighbourAttribute::ExtFlags(NeighbourExtFlags::Managed);
    message.header.state == NeighbourState::Permanent
        || message.header.flags.contains(NeighbourFlags::ExtLearned)
        || message.attributes.contains(&managed)
}

/// The request for all neighbours of an address family.
pub(super) fn all_of(family: AddressFamily) -> RouteNetlinkMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = family;
    RouteNetlinkMessage::GetNeighbour(message)
}

/// The request to behave as if a packet was sent to `address`: an entry is made if there is none, and the
/// kernel sends ARP requests or neighbour solicitations until the neighbour answers or is given up. (Tried on
/// Linux 6.18: `NTF_USE` with `NUD_NONE` solicits at once for an address without entry.)
pub(super) fn to_use(interface: u32, address: IpAddr) -> RouteNetlinkMessage {
    let mut message = NeighbourMessage::default();
    message.header.ifindex = interface;
    message.header.state = NeighbourState::None;
    message.header.flags = NeighbourFlags::Use;
    let destination = match address {
        IpAddr::V4(address) => {
            message.header.family = AddressFamily::Inet;
            NeighbourAddress::Inet(address)
        }
        IpAddr::V6(address) => {
            message.header.family = AddressFamily::Inet6;
            NeighbourAddress::Inet6(address)
        }
    };
    message.attributes = vec![NeighbourAttribute::Destination(destination)];
    RouteNetlinkMessage::NewNeighbour(message)
}
