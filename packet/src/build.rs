//! Frames made from nothing: announcements, and what tests send. All checksums are right.

use std::net::{Ipv4Addr, Ipv6Addr};

use model::MacAddress;

use crate::address::Address;
use crate::bytes::{read_u16, sum, write, write_u16};
use crate::checksum::fold;
use crate::headers::{
    ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ICMPV6_NEIGHBOR_ADVERTISEMENT,
    ICMPV6_NEIGHBOR_SOLICITATION, PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP, TcpFlags,
    Tuple, at,
};

/// Hop limit of frames made here, but for neighbour discovery.
const HOP_LIMIT: u8 = 64;
/// What proves that a neighbour discovery message crossed no router.
const LINK_HOP_LIMIT: u8 = 255;
/// The shortest frame of Ethernet, without its check sequence.
const SHORTEST_FRAME: usize = 60;
/// A neighbour advertisement with the option that names its sender's address.
const ADVERTISEMENT: usize = at::ETHERNET_HEADER + at::IPV6_HEADER + at::ND_OPTIONS + 8;

/// The ends of a frame on the link and of what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends<A> {
    /// The sending station.
    pub source_mac: MacAddress,
    /// The receiving station.
    pub destination_mac: MacAddress,
    /// Addresses and ports; ICMP has no use for the ports.
    pub tuple: Tuple<A>,
}

/// A TCP segment's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpNumbers {
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
}

/// A TCP segment without options.
pub fn tcp<A: Address>(ends: &Ends<A>, flags: TcpFlags, numbers: TcpNumbers, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; headers::<A>() + at::TCP_HEADER + payload.len()];
    fill_tcp(&mut frame, ends, flags, numbers, payload);
    frame
}

/// A UDP datagram.
pub fn udp<A: Address>(ends: &Ends<A>, payload: &[u8]) -> Vec<u8> {
    let mut message = vec![0; at::UDP_HEADER];
    write_u16(&mut message, at::SOURCE_PORT, ends.tuple.source_port);
    write_u16(&mut message, at::DESTINATION_PORT, ends.tuple.destination_port);
    write_u16(
        &mut message,
        at::UDP_LENGTH,
        length(at::UDP_HEADER + payload.len()),
    );
    message.extend(payload);
    carry(ends, PROTOCOL_UDP, HOP_LIMIT, Some(at::UDP_CHECKSUM), &message)
}

/// An ICMP or ICMPv6 message: type, code, the second word of its header, and what follows.
pub fn icmp<A: Address>(ends: &Ends<A>, kind: u8, code: u8, word: u32, payload: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0];
    message.extend(word.to_be_bytes());
    message.extend(payload);
    carry(ends, A::ICMP, HOP_LIMIT, Some(at::ICMP_CHECKSUM), &message)
}

/// An echo request.
pub fn echo_request<A: Address>(ends: &Ends<A>, payload: &[u8]) -> Vec<u8> {
    icmp(ends, A::ECHO_REQUEST, 0, 0x0001_0001, payload)
}

/// An IP packet of any protocol.
pub fn ip<A: Address>(ends: &Ends<A>, protocol: u8, payload: &[u8]) -> Vec<u8> {
    carry(ends, protocol, HOP_LIMIT, None, payload)
}

/// An ARP request of `sender` for `target`, to all stations.
pub fn arp_request(mac: MacAddress, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    arp(
        1,
        mac,
        sender,
        MacAddress::default(),
        target,
        MacAddress::BROADCAST,
    )
}

/// An ARP reply to `target`.
pub fn arp_reply(mac: MacAddress, sender: Ipv4Addr, target_mac: MacAddress, target: Ipv4Addr) -> Vec<u8> {
    arp(2, mac, sender, target_mac, target, target_mac)
}

/// The announcement that `address` is at `mac` (RFC 5227 section 3: a request for one's own address).
pub fn gratuitous_arp(mac: MacAddress, address: Ipv4Addr) -> Vec<u8> {
    arp_request(mac, address, address)
}

/// A neighbour solicitation of `source` for `target`, to its solicited-node group.
pub fn neighbor_solicitation(mac: MacAddress, source: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
    let [.., a, b, c] = target.octets();
    let tail = [u16::from(a), u16::from_be_bytes([b, c])];
    let destination = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | tail[0], tail[1]);
    let ends = Ends {
        source_mac: mac,
        destination_mac: MacAddress([0x33, 0x33, 0xff, a, b, c]),
        tuple: Tuple {
            source,
            source_port: 0,
            destination,
            destination_port: 0,
        },
    };
    let mut message = vec![ICMPV6_NEIGHBOR_SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
    message.extend(target.octets());
    if !source.is_unspecified() {
        message.extend([1, 1]);
        message.extend(mac.0);
    }
    carry(
        &ends,
        PROTOCOL_ICMPV6,
        LINK_HOP_LIMIT,
        Some(at::ICMP_CHECKSUM),
        &message,
    )
}

/// The announcement to all nodes that `address` is at `mac` (RFC 4861 section 7.2.6).
pub fn unsolicited_neighbor_advertisement(mac: MacAddress, address: Ipv6Addr) -> Vec<u8> {
    let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    neighbor_advertisement(
        mac,
        address,
        MacAddress([0x33, 0x33, 0, 0, 0, 1]),
        all_nodes,
        false,
    )
    .to_vec()
}

/// An advertisement that `target` is at `mac`, overriding what was known.
pub(crate) fn neighbor_advertisement(
    mac: MacAddress,
    target: Ipv6Addr,
    destination_mac: MacAddress,
    destination: Ipv6Addr,
    solicited: bool,
) -> [u8; ADVERTISEMENT] {
    const SOLICITED: u8 = 0x40;
    const OVERRIDE: u8 = 0x20;
    const TARGET_LINK_LAYER_ADDRESS: u8 = 2;
    let ends = Ends {
        source_mac: mac,
        destination_mac,
        tuple: Tuple {
            source: target,
            source_port: 0,
            destination,
            destination_port: 0,
        },
    };
    let mut frame = [0; ADVERTISEMENT];
    let message = headers::<Ipv6Addr>();
    write(&mut frame, message, [ICMPV6_NEIGHBOR_ADVERTISEMENT, 0, 0, 0]);
    write(
        &mut frame,
        message + 4,
        [OVERRIDE | if solicited { SOLICITED } else { 0 }],
    );
    write(&mut frame, message + at::ND_TARGET, target.octets());
    write(
        &mut frame,
        message + at::ND_OPTIONS,
        [TARGET_LINK_LAYER_ADDRESS, 1],
    );
    write(&mut frame, message + at::ND_OPTIONS + 2, mac.0);
    finish(
        &mut frame,
        &ends,
        PROTOCOL_ICMPV6,
        LINK_HOP_LIMIT,
        Some(at::ICMP_CHECKSUM),
    );
    frame
}

/// Writes a segment without options over the start of `frame`, which has the room; returns the frame's length.
pub(crate) fn fill_tcp<A: Address>(
    frame: &mut [u8],
    ends: &Ends<A>,
    flags: TcpFlags,
    numbers: TcpNumbers,
    payload: &[u8],
) -> Option<usize> {
    let tcp = headers::<A>();
    let frame = frame.get_mut(..tcp + at::TCP_HEADER + payload.len())?;
    frame[tcp..].fill(0);
    write_u16(frame, tcp + at::SOURCE_PORT, ends.tuple.source_port);
    write_u16(frame, tcp + at::DESTINATION_PORT, ends.tuple.destination_port);
    write(frame, tcp + at::TCP_SEQUENCE, numbers.sequence.to_be_bytes());
    write(
        frame,
        tcp + at::TCP_ACKNOWLEDGEMENT,
        numbers.acknowledgement.to_be_bytes(),
    );
    let window: u16 = if flags.contains(TcpFlags::RST) {
        0
    } else {
        u16::MAX
    };
    write(frame, tcp + at::TCP_DATA_OFFSET, [5 << 4, flags.0]);
    write_u16(frame, tcp + at::TCP_FLAGS + 1, window);
    frame[tcp + at::TCP_HEADER..].copy_from_slice(payload);
    finish(frame, ends, PROTOCOL_TCP, HOP_LIMIT, Some(at::TCP_CHECKSUM));
    Some(frame.len())
}

/// Recomputes every checksum of an untagged frame: the IPv4 header's, and TCP's, UDP's or ICMP's. What is no IP packet,
/// or a fragment, has none to check.
///
/// # Errors
///
/// Which checksum is wrong.
pub fn verify_checksums(frame: &[u8]) -> Result<(), String> {
    let packet = crate::parse(frame, frame.len()).map_err(|reason| format!("not parsed: {reason:?}"))?;
    match packet.content {
        crate::Content::Ipv4(datagram) => verify_transport(frame, &datagram),
        crate::Content::Ipv6(datagram) => verify_transport(frame, &datagram),
        crate::Content::Arp(_) | crate::Content::Other => Ok(()),
    }
}

fn verify_transport<A: Address>(frame: &[u8], datagram: &crate::Datagram<A>) -> Result<(), String> {
    use crate::Transport;
    let protocol = match datagram.transport {
        Transport::Tcp { .. } => PROTOCOL_TCP,
        Transport::Udp { .. } => PROTOCOL_UDP,
        Transport::Fragment { .. } => return Ok(()),
        Transport::EchoRequest | Transport::NeighborSolicitation { .. } | Transport::IcmpError(_) => A::ICMP,
        Transport::Other { protocol } => protocol,
    };
    if ![PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP, PROTOCOL_ICMPV6].contains(&protocol) {
        return Ok(());
    }
    let transport = usize::from(datagram.transport_offset);
    let end = usize::from(datagram.ip_offset) + usize::from(datagram.ip_length);
    let message = frame
        .get(transport..end)
        .ok_or("the packet is longer than the frame")?;
    if protocol == PROTOCOL_UDP && read_u16(message, at::UDP_CHECKSUM) == Some(0) {
        return Ok(());
    }
    let with_pseudo_header = protocol != PROTOCOL_ICMP;
    let pseudo = pseudo_header(datagram.source, datagram.destination, protocol, message.len());
    let total = sum(message) + if with_pseudo_header { pseudo } else { 0 };
    if fold(total) == 0xffff {
        Ok(())
    } else {
        Err(format!("the checksum of protocol {protocol} is wrong"))
    }
}

/// Bytes before the transport header, in a frame without tags, options or extension headers.
const fn headers<A: Address>() -> usize {
    at::ETHERNET_HEADER
        + if A::CHECKSUM.is_some() {
            at::IPV4_HEADER
        } else {
            at::IPV6_HEADER
        }
}

/// A frame around a transport message.
fn carry<A: Address>(
    ends: &Ends<A>,
    protocol: u8,
    hop_limit: u8,
    checksum: Option<usize>,
    message: &[u8],
) -> Vec<u8> {
    let mut frame = vec![0; headers::<A>()];
    frame.extend(message);
    finish(&mut frame, ends, protocol, hop_limit, checksum);
    frame
}

/// Writes the Ethernet and IP headers in front of the message that is in place already, and computes the checksum at
/// the message's offset `checksum`, whose bytes are zero.
fn finish<A: Address>(
    frame: &mut [u8],
    ends: &Ends<A>,
    protocol: u8,
    hop_limit: u8,
    checksum: Option<usize>,
) {
    let transport = headers::<A>();
    let Tuple {
        source, destination, ..
    } = ends.tuple;
    crate::set_ethernet(frame, ends.source_mac, ends.destination_mac);
    let ip_length = frame.len() - at::ETHERNET_HEADER;
    if A::CHECKSUM.is_some() {
        fill_ipv4_header(frame, ip_length, protocol, hop_limit);
    } else {
        fill_ipv6_header(frame, ip_length - at::IPV6_HEADER, protocol, hop_limit);
    }
    source.write(frame, at::ETHERNET_HEADER + A::SOURCE);
    destination.write(frame, at::ETHERNET_HEADER + A::DESTINATION);
    if let Some(offset) = A::CHECKSUM {
        let header_checksum = !fold(sum(&frame[at::ETHERNET_HEADER..transport]));
        write_u16(frame, at::ETHERNET_HEADER + offset, header_checksum);
    }
    if let Some(offset) = checksum {
        let message = &frame[transport..];
        let pseudo = pseudo_header(source, destination, protocol, message.len());
        let total = sum(message) + if protocol == PROTOCOL_ICMP { 0 } else { pseudo };
        let value = match !fold(total) {
            0 if protocol == PROTOCOL_UDP => 0xffff,
            value => value,
        };
        write_u16(frame, transport + offset, value);
    }
}

fn fill_ipv4_header(frame: &mut [u8], ip_length: usize, protocol: u8, hop_limit: u8) {
    let ip = at::ETHERNET_HEADER;
    write_u16(frame, at::ETHERTYPE, ETHERTYPE_IPV4);
    write(frame, ip, [0; at::IPV4_HEADER]);
    write(frame, ip, [0x45]);
    write_u16(frame, ip + at::IPV4_LENGTH, length(ip_length));
    // Don't fragment.
    write_u16(frame, ip + at::IPV4_FRAGMENT, 0x4000);
    write(frame, ip + at::IPV4_TTL, [hop_limit, protocol]);
}

fn fill_ipv6_header(frame: &mut [u8], payload: usize, protocol: u8, hop_limit: u8) {
    let ip = at::ETHERNET_HEADER;
    write_u16(frame, at::ETHERTYPE, ETHERTYPE_IPV6);
    write(frame, ip, [0x60, 0, 0, 0]);
    write_u16(frame, ip + at::IPV6_PAYLOAD_LENGTH, length(payload));
    write(frame, ip + at::IPV6_NEXT_HEADER, [protocol, hop_limit]);
}

fn pseudo_header<A: Address>(source: A, destination: A, protocol: u8, message: usize) -> u32 {
    let addresses: u32 = source.words().chain(destination.words()).map(u32::from).sum();
    addresses + u32::from(protocol) + u32::from(length(message))
}

/// A length as its field holds it; frames made here are never that long.
fn length(bytes: usize) -> u16 {
    u16::try_from(bytes).unwrap_or(u16::MAX)
}

fn arp(
    operation: u16,
    sender_mac: MacAddress,
    sender: Ipv4Addr,
    target_mac: MacAddress,
    target: Ipv4Addr,
    destination_mac: MacAddress,
) -> Vec<u8> {
    let mut frame = vec![0; SHORTEST_FRAME];
    let message = at::ETHERNET_HEADER;
    crate::set_ethernet(&mut frame, sender_mac, destination_mac);
    write_u16(&mut frame, at::ETHERTYPE, ETHERTYPE_ARP);
    write(&mut frame, message, [0, 1, 8, 0, 6, 4]);
    write_u16(&mut frame, message + at::ARP_OPERATION, operation);
    write(&mut frame, message + at::ARP_SENDER_MAC, sender_mac.0);
    write(&mut frame, message + at::ARP_SENDER, sender.octets());
    write(&mut frame, message + at::ARP_TARGET_MAC, target_mac.0);
    write(&mut frame, message + at::ARP_TARGET, target.octets());
    frame
}
