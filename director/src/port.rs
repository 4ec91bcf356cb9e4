//! What a shard knows of a port.

use std::net::IpAddr;

use model::MacAddress;

use crate::{PortIndex, PortRole, Unmatched};

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
