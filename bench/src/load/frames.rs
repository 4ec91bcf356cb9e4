//! Frames of connections that are known by a number: who the client is follows from it.

use std::net::{Ipv4Addr, Ipv6Addr};

use model::MacAddress;
use packet::build::{self, Ends, TcpNumbers};
use packet::{Address, ChecksumDelta, Content, Datagram, Deltas, TcpFlags, Tuple};

/// Ports that one client address uses: connections 0 to 1,023 are the first client's.
const PORTS_PER_CLIENT: u32 = 1_024;

/// The first of them.
const FIRST_CLIENT_PORT: u16 = 1_024;

/// Where the virtual servers and the real servers listen.
const SERVICE_PORT: u16 = 80;

/// The router that clients are behind, and the station that all real servers are at.
pub(crate) const ROUTER: MacAddress = MacAddress([2, 0, 0, 0, 0, 0x0a]);

/// Fills an IPv4 TCP segment up to 60 bytes: with its checksum, 64 on the wire.
const PAYLOAD: [u8; 6] = [0; 6];

/// A version of IP, with the addresses that the benchmarks use.
pub(crate) trait Version: Address {
    /// What figures call it.
    const NAME: &'static str;
    /// The virtual server's address.
    const VIRTUAL: Self;

    /// The client's address with this number: up to 131,071.
    fn client(number: u32) -> Self;

    /// The real server's address with this number.
    fn real_server(number: u16) -> Self;

    /// The packet, if it is of this version.
    fn datagram(content: Content) -> Option<Datagram<Self>>;

    /// The address with the port, as configuration writes it.
    fn service(address: Self) -> String;

    /// Where the header has time to live or hop limit.
    const HOP_LIMIT: usize;
    /// The ICMP type that says that a destination can not be reached.
    const UNREACHABLE: u8;

    /// Somebody outside asks for the station at the virtual server's address.
    fn question_for_virtual() -> Vec<u8>;

    /// Writes into the checksum of a header, if it has one, what a change of the header makes of it.
    fn change_header(header: &mut [u8], change: ChecksumDelta);

    /// Writes both addresses into the header of a packet, and into its checksum what they change there.
    fn put_addresses(header: &mut [u8], source: Self, destination: Self, change: ChecksumDelta);
}

impl Version for Ipv4Addr {
    const NAME: &'static str = "ipv4";
    const VIRTUAL: Self = Self::new(192, 0, 2, 100);
    const HOP_LIMIT: usize = 8;
    const UNREACHABLE: u8 = 3;

    /// From the network that benchmarks have for themselves (RFC 2544, appendix C.2.2).
    fn client(number: u32) -> Self {
        Self::from_bits(Self::new(198, 18, 0, 0).to_bits() + number)
    }

    fn real_server(number: u16) -> Self {
        Self::from_bits(Self::new(10, 1, 1, 0).to_bits() + u32::from(number))
    }

    fn datagram(content: Content) -> Option<Datagram<Self>> {
        match content {
            Content::Ipv4(datagram) => Some(datagram),
            _ => None,
        }
    }

    fn service(address: Self) -> String {
        format!("{address}:{SERVICE_PORT}")
    }

    fn question_for_virtual() -> Vec<u8> {
        build::arp_request(ROUTER, Self::new(198, 51, 100, 254), Self::VIRTUAL)
    }

    #[inline]
    fn change_header(header: &mut [u8], change: ChecksumDelta) {
        update_checksum(header, 10, change);
    }

    #[inline]
    fn put_addresses(header: &mut [u8], source: Self, destination: Self, change: ChecksumDelta) {
        Self::change_header(header, change);
        header[12..16].copy_from_slice(&source.octets());
        header[16..20].copy_from_slice(&destination.octets());
    }
}

impl Version for Ipv6Addr {
    const NAME: &'static str = "ipv6";
    const VIRTUAL: Self = Self::new(0x2001, 0xdb8, 0x100, 0, 0, 0, 0, 1);
    const HOP_LIMIT: usize = 7;
    const UNREACHABLE: u8 = 1;

    /// From the network that benchmarks have for themselves (RFC 5180, section 8).
    fn client(number: u32) -> Self {
        Self::from_bits(Self::new(0x2001, 2, 0, 0, 0, 0, 0, 0).to_bits() + u128::from(number))
    }

    fn real_server(number: u16) -> Self {
        Self::new(0x2001, 0xdb8, 1, 0, 0, 0, 1, number)
    }

    fn datagram(content: Content) -> Option<Datagram<Self>> {
        match content {
            Content::Ipv6(datagram) => Some(datagram),
            _ => None,
        }
    }

    fn service(address: Self) -> String {
        format!("[{address}]:{SERVICE_PORT}")
    }

    fn question_for_virtual() -> Vec<u8> {
        build::neighbor_solicitation(ROUTER, Self::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xfe), Self::VIRTUAL)
    }

    #[inline]
    fn change_header(_: &mut [u8], _: ChecksumDelta) {}

    #[inline]
    fn put_addresses(header: &mut [u8], source: Self, destination: Self, _: ChecksumDelta) {
        header[8..24].copy_from_slice(&source.octets());
        header[24..40].copy_from_slice(&destination.octets());
    }
}

/// The ends of what the client of `connection` sends.
#[inline]
pub(crate) fn inbound<A: Version>(connection: u32) -> Tuple<A> {
    let port = u16::try_from(connection % PORTS_PER_CLIENT).unwrap_or_default();
    Tuple {
        source: A::client(connection / PORTS_PER_CLIENT),
        source_port: FIRST_CLIENT_PORT + port,
        destination: A::VIRTUAL,
        destination_port: SERVICE_PORT,
    }
}

/// The ends of what real server `real` answers to the client of `connection`.
#[inline]
pub(crate) fn outbound<A: Version>(connection: u32, real: A) -> Tuple<A> {
    let Tuple { source, source_port, .. } = inbound(connection);
    Tuple { source: real, source_port: SERVICE_PORT, destination: source, destination_port: source_port }
}

/// Where a frame goes; `None` if it is not of this version.
pub(crate) fn destination<A: Version>(frame: &[u8]) -> Option<A> {
    let packet = packet::parse(frame, frame.len()).ok()?;
    A::datagram(packet.content).map(|datagram| datagram.destination)
}

/// A TCP segment that is copied and given other ends: many times as fast as to make each from nothing.
#[derive(Clone, Debug)]
pub(crate) struct Template<A> {
    bytes: Vec<u8>,
    datagram: Datagram<A>,
    tuple: Tuple<A>,
}

impl<A: Version> Template<A> {
    /// A segment to the station `unit`.
    pub(crate) fn new(unit: MacAddress, flags: TcpFlags) -> Self {
        let tuple = inbound(0);
        let ends = Ends { source_mac: ROUTER, destination_mac: unit, tuple };
        let bytes = build::tcp(&ends, flags, TcpNumbers::default(), &PAYLOAD);
        let content = packet::parse(&bytes, bytes.len()).map(|packet| packet.content);
        let datagram = content.ok().and_then(A::datagram).expect("what was built is a packet of its version");
        Self { bytes, datagram, tuple }
    }

    /// The segment with the ends `tuple`.
    pub(crate) fn frame(&self, tuple: &Tuple<A>) -> Vec<u8> {
        let mut frame = self.bytes.clone();
        self.write(tuple, &mut frame);
        frame
    }

    /// Writes the segment with the ends `tuple` to the beginning of `buffer`. Returns its bytes.
    #[inline]
    pub(crate) fn write(&self, tuple: &Tuple<A>, buffer: &mut [u8]) -> usize {
        let frame = &mut buffer[..self.bytes.len()];
        frame.copy_from_slice(&self.bytes);
        let deltas = Deltas::between(&self.tuple, tuple);
        let header = &mut frame[usize::from(self.datagram.ip_offset)..];
        A::put_addresses(header, tuple.source, tuple.destination, deltas.network);
        let segment = &mut frame[usize::from(self.datagram.transport_offset)..];
        segment[0..2].copy_from_slice(&tuple.source_port.to_be_bytes());
        segment[2..4].copy_from_slice(&tuple.destination_port.to_be_bytes());
        update_checksum(segment, 16, deltas.transport);
        frame.len()
    }
}

#[inline]
fn update_checksum(header: &mut [u8], offset: usize, change: ChecksumDelta) {
    let checksum = u16::from_be_bytes([header[offset], header[offset + 1]]);
    header[offset..offset + 2].copy_from_slice(&change.apply(checksum).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);

    fn frames_are_what_their_numbers_say<A: Version>(length: usize) {
        let template = Template::<A>::new(UNIT, TcpFlags::ACK);
        let mut buffer = [0; 128];
        for connection in [0, 1, 1_023, 1_024, 15_999_999] {
            for tuple in [inbound(connection), outbound(connection, A::real_server(1_000))] {
                let written = template.write(&tuple, &mut buffer);
                assert_eq!(written, length);
                build::verify_checksums(&buffer[..written]).unwrap();
                let packet = packet::parse(&buffer[..written], written).unwrap();
                let datagram = A::datagram(packet.content).unwrap();
                assert_eq!((datagram.source, datagram.destination), (tuple.source, tuple.destination));
                assert!(matches!(
                    datagram.transport,
                    packet::Transport::Tcp { source_port, destination_port, flags: TcpFlags::ACK }
                        if (source_port, destination_port) == (tuple.source_port, tuple.destination_port)
                ));
            }
        }
    }

    #[test]
    fn frames_of_both_versions_are_what_their_numbers_say() {
        frames_are_what_their_numbers_say::<Ipv4Addr>(60);
        frames_are_what_their_numbers_say::<Ipv6Addr>(80);
    }

    #[test]
    fn no_two_connections_have_one_client() {
        let connections = [0, 1, 1_023, 1_024, 1_025, 65_536, 16_000_000];
        let mut ends: Vec<_> = connections
            .map(|connection| {
                let Tuple { source, source_port, .. } = inbound::<Ipv4Addr>(connection);
                (source, source_port)
            })
            .to_vec();
        ends.sort_unstable();
        ends.dedup();
        assert_eq!(ends.len(), connections.len());
    }
}
