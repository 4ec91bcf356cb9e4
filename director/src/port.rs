//! What a shard knows of a port.

use std::net::IpAddr;

use model::MacAddress;
use model::limits::PORTS;
use packet::Receiver;

use crate::{Direction, PortIndex, PortRole, Unmatched};

/// A port of the unit, as far as packets are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The unit's MAC address on this port's link.
    pub mac: MacAddress,
    /// Whether clients or real servers are behind it.
    pub role: PortRole,
    /// What happens to packets that are not for a virtual server.
    pub unmatched: Unmatched,
    /// The largest IP packet that may leave here, in bytes.
    pub mtu: u16,
    /// The unit's own configured addresses on this port: the kernel's, whatever `unmatched` says.
    pub addresses: Vec<IpAddr>,
    /// The port on the other side that `Unmatched::Bridge` sends to.
    pub bridge_to: Option<PortIndex>,
}

/// What each packet needs to know of a port, and no more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Station {
    pub(crate) receiver: Receiver,
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

impl Port {
    const fn station(&self) -> Station {
        Station {
            receiver: Receiver::new(self.mac),
            mac: self.mac,
            mtu: self.mtu,
            direction: self.role.direction(),
        }
    }
}
