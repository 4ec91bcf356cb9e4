//! The two kinds of IP address, as far as packets differ by them.

use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::bytes;
use crate::headers::{PROTOCOL_ICMP, PROTOCOL_ICMPV6, at};

/// An IP address of one version, and where that version's header has its fields.
pub trait Address:
    sealed::Layout + Copy + Eq + Ord + Hash + Debug + Display + Into<IpAddr> + Send + Sync + 'static
{
    /// Whether this can not be a client's address (RFC 1812 section 5.3.7): unspecified, loopback, multicast,
    /// broadcast, reserved.
    fn is_martian_source(self) -> bool;

    /// The address, if it is of this version.
    fn from_ip(address: IpAddr) -> Option<Self>;
}

pub(crate) mod sealed {
    /// Where an IP version has its fields, from the start of its header.
    pub trait Layout: Sized {
        const SOURCE: usize;
        const DESTINATION: usize;
        const HOP_LIMIT: usize;
        /// The header checksum; IPv6 has none.
        const CHECKSUM: Option<usize>;
        /// The protocol number of this version's ICMP.
        const ICMP: u8;
        /// Whether ICMP's checksum covers the pseudo header.
        const ICMP_PSEUDO_HEADER: bool;
        const ECHO_REQUEST: u8;
        const ECHO_REPLY: u8;

        fn words(self) -> impl Iterator<Item = u16>;
        fn write(self, frame: &mut [u8], offset: usize);
    }
}

impl sealed::Layout for Ipv4Addr {
    const SOURCE: usize = at::IPV4_SOURCE;
    const DESTINATION: usize = at::IPV4_DESTINATION;
    const HOP_LIMIT: usize = at::IPV4_TTL;
    const CHECKSUM: Option<usize> = Some(at::IPV4_CHECKSUM);
    const ICMP: u8 = PROTOCOL_ICMP;
    const ICMP_PSEUDO_HEADER: bool = false;
    const ECHO_REQUEST: u8 = 8;
    const ECHO_REPLY: u8 = 0;

    #[inline]
    fn words(self) -> impl Iterator<Item = u16> {
        let [a, b, c, d] = self.octets();
        [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])].into_iter()
    }

    #[inline]
    fn write(self, frame: &mut [u8], offset: usize) {
        bytes::write(frame, offset, self.octets());
    }
}

impl sealed::Layout for Ipv6Addr {
    const SOURCE: usize = at::IPV6_SOURCE;
    const DESTINATION: usize = at::IPV6_DESTINATION;
    const HOP_LIMIT: usize = at::IPV6_HOP_LIMIT;
    const CHECKSUM: Option<usize> = None;
    const ICMP: u8 = PROTOCOL_ICMPV6;
    const ICMP_PSEUDO_HEADER: bool = true;
    const ECHO_REQUEST: u8 = 128;
    const ECHO_REPLY: u8 = 129;

    #[inline]
    fn words(self) -> impl Iterator<Item = u16> {
        self.segments().into_iter()
    }

    #[inline]
    fn write(self, frame: &mut [u8], offset: usize) {
        bytes::write(frame, offset, self.octets());
    }
}

impl Address for Ipv4Addr {
    fn is_martian_source(self) -> bool {
        let [first, ..] = self.octets();
        first == 0 || first == 127 || first >= 224
    }

    fn from_ip(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        }
    }
}

impl Address for Ipv6Addr {
    fn is_martian_source(self) -> bool {
        self.is_unspecified() || self.is_loopback() || self.is_multicast() || self.to_ipv4_mapped().is_some()
    }

    fn from_ip(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(address),
        }
    }
}
