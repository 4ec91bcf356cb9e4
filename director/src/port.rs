//! What a shard knows of a port.

use std::net::IpAddr;

use model::MacAddress;
use model::limits::PORTS;
use packet::Receiver;

use crate::{Direction, PortIndex, PortRole, Unmatched};

/// A port of the unit, as far as packets are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The MAC address that virtual and shared addresses are answered with, that forwarded frames leave with, and that they
    /// are accepted for. It moves with the failover group; without a peer it is the unit's own.
    pub mac: MacAddress,
    /// The unit's own MAC address on this port's link, which it keeps in any state: that of its own addresses.
    pub unit_mac: MacAddress,
    /// Whether clients or real servers are behind it.
    pub role: PortRole,
    /// What happens to packets that are not for a virtual server.
    pub unmatched: Unmatched,
    /// The largest IP packet that may leave here, in bytes.
    pub mtu: u16,
    /// The unit's own configured addresses on this port: the kernel's, whatever `unmatched` says.
    pub addresses: Vec<IpAddr>,
    /// Addresses on this port that move with the failover group, like the real servers' gateway. While the group is
    /// active here, neighbours are told `mac` for them, and all else to them is the kernel's.
    pub shared_addresses: Vec<IpAddr>,
    /// The port on the other side that `Unmatched::Bridge` sends to.
    pub bridge_to: Option<PortIndex>,
}

/// What each packet needs to know of a port, and no more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Station {
    receiver: Receiver,
    /// The unit's own; the same as `receiver` without a peer.
    own: Receiver,
    pub(crate) mac: MacAddress,
    pub(crate) mtu: u16,
    /// The direction of what is received there.
    pub(crate) direction: Direction,
}

/// The stations of all ports, by `PortIndex`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stations([Station; PORTS]);

impl Stations {
    pub(crate) fn new(ports: &[Port]) -> Self {
        let none = Station {
            receiver: Receiver::new(MacAddress([0; 6])),
            own: Receiver::new(MacAddress([0; 6])),
            mac: MacAddress([0; 6]),
            mtu: 0,
            direction: Direction::Inbound,
        };
        Self(std::array::from_fn(|index| ports.get(index).map_or(none, Port::station)))
    }

    /// Ports are numbered below the limit; that the number wraps there saves the check.
    #[inline(always)]
    pub(crate) const fn at(&self, port: PortIndex) -> &Station {
        &self.0[port.0 as usize % PORTS]
    }
}

impl Station {
    /// The ethertype of an untagged frame to the group or the unit; `None` if it is to another, or too short.
    #[inline(always)]
    pub(crate) fn ethertype(&self, frame: &[u8]) -> Option<u16> {
        // Most are to the group: a router may also have the unit's own address as its next hop, a routing daemon's.
        self.receiver.ethertype(frame).or_else(|| self.own.ethertype(frame))
    }
}

impl Port {
    /// Whether a frame to this address is for the unit, as long as it is active.
    pub(crate) fn is_station(&self, mac: MacAddress) -> bool {
        mac == self.mac || mac == self.unit_mac
    }

    const fn station(&self) -> Station {
        Station {
            receiver: Receiver::new(self.mac),
            own: Receiver::new(self.unit_mac),
            mac: self.mac,
            mtu: self.mtu,
            direction: self.role.direction(),
        }
    }
}
