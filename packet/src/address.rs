//! The two kinds of IP address, as far as packets differ by them.

use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::packet::{Content, Datagram};

/// An IP address of one version; also stands for the version itself where code is the same for both.
pub trait Address:
    sealed::Version + Copy + Eq + Ord + Hash + Debug + Display + Into<IpAddr> + Send + Sync + 'static
{
    /// Whether this can not be a client's address (RFC 1812 section 5.3.7, RFC 4291): unspecified or "this
    /// network", loopback, multicast, broadcast, reserved; an IPv4 address in IPv6 clothes.
    fn is_martian_source(self) -> bool;

    /// The address, if it is of this version.
    fn from_ip(address: IpAddr) -> Option<Self>;

    /// The packet, if it is of this version.
    fn datagram_of(content: Content) -> Option<Datagram<Self>>;
}

impl Address for Ipv4Addr {
    #[inline]
    fn is_martian_source(self) -> bool {
        let [first, ..] = self.octets();
        first == 0 || first == 127 || first >= 224
    }

    #[inline]
    fn from_ip(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        }
    }

    fn datagram_of(content: Content) -> Option<Datagram<Self>> {
        if let Content::Ipv4(datagram) = content { Some(datagram) } else { None }
    }
}

impl Address for Ipv6Addr {
    #[inline]
    fn is_martian_source(self) -> bool {
        self.is_unspecified() || self.is_loopback() || self.is_multicast() || self.to_ipv4_mapped().is_some()
    }

    #[inline]
    fn from_ip(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(address),
        }
    }

    fn datagram_of(content: Content) -> Option<Datagram<Self>> {
        if let Content::Ipv6(datagram) = content { Some(datagram) } else { None }
    }
}

/// What the versions of IP do differently. `ipv4` and `ipv6` implement it.
pub(crate) mod sealed {
    use std::fmt::Debug;

    use model::DropReason;

    use super::Address;
    use crate::checksum::ChecksumDelta;
    use crate::compose::Envelope;
    use crate::headers::Headers;
    use crate::icmp::QuotedHeader;
    use crate::packet::{Content, Datagram, Transport};
    use crate::parse::Outline;

    pub trait Version: Sized {
        /// The Ethernet header of an untagged frame, and the IP header without options.
        type Head: AsMut<[u8]> + Debug;
        /// Source and destination address as they stand in a header.
        type Pair: Copy + Eq + Debug + AsRef<[u8]> + Send + Sync;

        /// Bytes of the header without options or extension headers.
        const HEADER: usize;
        /// Where the header has its checksum. IPv6 has none.
        const CHECKSUM: Option<usize>;
        /// The protocol number of this version's ICMP.
        const ICMP: u8;
        /// Whether ICMP's checksum covers a pseudo header.
        const ICMP_HAS_PSEUDO_HEADER: bool;
        /// ICMP types.
        const ECHO_REQUEST: u8;
        const ECHO_REPLY: u8;
        const TIME_EXCEEDED: u8;
        /// Type and code.
        const PACKET_TOO_BIG: (u8, u8);
        /// Bytes of the longest IP packet that an ICMP error may be.
        const LONGEST_ERROR: usize;

        /// Reads and checks the headers of the packet that begins at `offset` of a frame of `frame_length` bytes.
        fn outline(frame: &[u8], frame_length: usize, offset: usize) -> Result<Outline<Self>, DropReason>;

        fn content(datagram: Datagram<Self>) -> Content;

        /// See [`Headers::read`].
        fn headers(frame: &[u8], frame_length: usize) -> Option<Headers<Self>>
        where
            Self: Address;

        /// Parses the ICMP message of a packet.
        fn parse_icmp(frame: &[u8], outline: &Outline<Self>) -> Result<Transport<Self>, DropReason>;

        /// Whether an ICMP type is an error that is about a packet of a connection.
        fn is_error(icmp_type: u8) -> bool;

        /// Whether routers may make fragments of the packet; `None` if its header is not in `frame`.
        fn may_be_fragmented(frame: &[u8], datagram: &Datagram<Self>) -> Option<bool>;

        /// Whether a fragment is the first of its packet; `None` if its headers are not in `frame`.
        fn is_first_fragment(frame: &[u8], datagram: &Datagram<Self>) -> Option<bool>;

        fn cut_head(bytes: &mut [u8]) -> Option<&mut Self::Head>;

        fn hop_limit(head: &Self::Head) -> u8;

        /// Bytes of the whole packet.
        fn ip_length(head: &Self::Head) -> u16;

        /// Writes addresses and decrements the hop limit, unless it is zero; updates the checksum, of which `delta` is
        /// the addresses' part.
        fn forward(head: &mut Self::Head, addresses: Self::Pair, delta: ChecksumDelta);

        fn join(source: Self, destination: Self) -> Self::Pair;

        fn split(addresses: Self::Pair) -> (Self, Self);

        /// The pair the other way round.
        fn swap(addresses: Self::Pair) -> Self::Pair;

        /// The address as checksums see it.
        fn words(self) -> impl Iterator<Item = u16>;

        /// Writes the addresses into the header at `offset`, and nothing else.
        fn write_addresses(frame: &mut [u8], offset: usize, source: Self, destination: Self);

        /// Writes addresses and hop limit into the header at `offset`, and updates its checksum: `delta` is
        /// the addresses' part of the difference.
        fn rewrite(
            frame: &mut [u8],
            offset: usize,
            addresses: Self::Pair,
            hop_limit: u8,
            delta: ChecksumDelta,
        );

        /// Writes the header of a packet that fills `packet`.
        fn compose(packet: &mut [u8], envelope: &Envelope<Self>);

        /// Reads the header of a packet that an ICMP error quotes, at `offset` of the frame and ending before `end`.
        /// `None` if what is quoted is not the beginning of a packet.
        fn read_quoted(
            frame: &[u8],
            offset: usize,
            end: usize,
        ) -> Result<Option<QuotedHeader<Self>>, DropReason>;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn martians_are_told_from_clients() {
        let v4 = |text: &str| text.parse::<Ipv4Addr>().unwrap().is_martian_source();
        for martian in
            ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"]
        {
            assert!(v4(martian), "{martian}");
        }
        for client in ["1.0.0.1", "10.0.0.1", "126.255.255.255", "128.0.0.1", "192.0.2.1", "223.255.255.255"]
        {
            assert!(!v4(client), "{client}");
        }
        let v6 = |text: &str| text.parse::<Ipv6Addr>().unwrap().is_martian_source();
        for martian in ["::", "::1", "ff02::1", "ff0e::1", "::ffff:192.0.2.1"] {
            assert!(v6(martian), "{martian}");
        }
        for client in ["2001:db8::1", "fe80::1", "fd00::1", "64:ff9b::192.0.2.1"] {
            assert!(!v6(client), "{client}");
        }
    }

    #[test]
    fn each_version_takes_its_own() {
        let (v4, v6) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]));
        assert_eq!(Ipv4Addr::from_ip(v4).map(IpAddr::from), Some(v4));
        assert_eq!(Ipv6Addr::from_ip(v6).map(IpAddr::from), Some(v6));
        assert_eq!(Ipv4Addr::from_ip(v6), None);
        assert_eq!(Ipv6Addr::from_ip(v4), None);
    }
}
