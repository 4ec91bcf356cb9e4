//! Frames made from nothing: announcements, and what tests send. All checksums are right.
//!
//! Lengths are the caller's: what is longer than an IP packet can be gets a length field that is wrong.

use std::net::{Ipv4Addr, Ipv6Addr};

use model::MacAddress;

use crate::address::Address;
use crate::arp::{Arp, ArpOperation};
use crate::compose::{Envelope, seal};
use crate::ethernet::{self, set_ethernet, set_ethertype};
use crate::packet::Tuple;
use crate::tcp::{self, Segment, TcpFlags};
use crate::{ipv4, ipv6_extensions, neighbor, udp};

pub use crate::verify::verify_checksums;

/// Hop limit of frames made here, but for neighbour discovery.
const HOP_LIMIT: u8 = 64;

/// The ends of a frame on the link, and of what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends<A> {
    /// The sending station.
    pub source_mac: MacAddress,
    /// The receiving station.
    pub destination_mac: MacAddress,
    /// Addresses and ports; what is neither TCP nor UDP has no use for the ports.
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

/// A TCP segment without options, and with a full window.
pub fn tcp<A: Address>(ends: &Ends<A>, flags: TcpFlags, numbers: TcpNumbers, payload: &[u8]) -> Vec<u8> {
    let TcpNumbers { sequence, acknowledgement } = numbers;
    let segment = Segment { flags, sequence, acknowledgement, window: u16::MAX };
    let mut message = [&[0; tcp::HEADER], payload].concat();
    tcp::compose(&mut message, &ends.tuple, &segment);
    ip(ends, tcp::PROTOCOL, &message)
}

/// A UDP datagram.
pub fn udp<A: Address>(ends: &Ends<A>, payload: &[u8]) -> Vec<u8> {
    let mut message = [&[0; udp::HEADER], payload].concat();
    udp::compose(&mut message, &ends.tuple);
    ip(ends, udp::PROTOCOL, &message)
}

/// An ICMP or ICMPv6 message: its type and code, the second word of its header, and what follows.
pub fn icmp<A: Address>(ends: &Ends<A>, icmp_type: u8, code: u8, word: u32, body: &[u8]) -> Vec<u8> {
    let message = [&[icmp_type, code, 0, 0], &word.to_be_bytes()[..], body].concat();
    ip(ends, A::ICMP, &message)
}

/// An echo request with identifier 1 and sequence number 1.
pub fn echo_request<A: Address>(ends: &Ends<A>, payload: &[u8]) -> Vec<u8> {
    icmp(ends, A::ECHO_REQUEST, 0, 0x0001_0001, payload)
}

/// An ICMP or ICMPv6 error that quotes `original`: bytes of an IP packet, from its header on. Where the second word of
/// the error's header says something (an MTU), use `icmp`.
pub fn icmp_error<A: Address>(ends: &Ends<A>, icmp_type: u8, code: u8, original: &[u8]) -> Vec<u8> {
    icmp(ends, icmp_type, code, 0, original)
}

/// An IP packet of any protocol around its transport message. The checksum of TCP, UDP and ICMP is computed.
pub fn ip<A: Address>(ends: &Ends<A>, protocol: u8, message: &[u8]) -> Vec<u8> {
    carry(ends, |packet| {
        packet.extend_from_slice(message);
        seal(packet, &envelope(ends, protocol));
    })
}

/// A fragment of an IP packet: `part` was at `units` times 8 bytes of its transport message, and there is `more`.
pub fn fragment<A: Address>(ends: &Ends<A>, protocol: u8, units: u16, more: bool, part: &[u8]) -> Vec<u8> {
    carry(ends, |packet| {
        if A::CHECKSUM.is_some() {
            packet.extend_from_slice(part);
            A::compose(packet, &envelope(ends, protocol));
            ipv4::make_fragment(packet, units, more);
        } else {
            packet.extend(ipv6_extensions::fragment_header(protocol, units, more));
            packet.extend_from_slice(part);
            A::compose(packet, &envelope(ends, ipv6_extensions::FRAGMENT));
        }
    })
}

/// The frame with a VLAN tag in front of the tags that it has. `control` is the identifier, with the priority above.
pub fn tagged(frame: &[u8], control: u16) -> Vec<u8> {
    ethernet::tagged(frame, control)
}

/// An ARP request of `sender` for `target`, to all stations.
pub fn arp_request(mac: MacAddress, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let request = Arp { operation: ArpOperation::Request, sender_mac: mac, sender, target };
    arp(&request, MacAddress::default(), MacAddress::BROADCAST)
}

/// The ARP reply that `sender` is at `mac`, to `target`.
pub fn arp_reply(mac: MacAddress, sender: Ipv4Addr, target_mac: MacAddress, target: Ipv4Addr) -> Vec<u8> {
    let reply = Arp { operation: ArpOperation::Reply, sender_mac: mac, sender, target };
    arp(&reply, target_mac, target_mac)
}

/// The announcement that `address` is at `mac`: a request for one's own address (RFC 5227 section 3).
pub fn gratuitous_arp(mac: MacAddress, address: Ipv4Addr) -> Vec<u8> {
    arp_request(mac, address, address)
}

/// A neighbour solicitation of `source` for `target`, to its solicited-node group. Without a source (`::`) it is the
/// question whether `target` is free (RFC 4862 section 5.4.2).
pub fn neighbor_solicitation(mac: MacAddress, source: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
    let message = if source.is_unspecified() { neighbor::MESSAGE } else { neighbor::MESSAGE_WITH_ADDRESS };
    neighbor_frame(mac, neighbor::solicited_node(target), message, |packet| {
        neighbor::compose_solicitation(packet, source, target, mac);
    })
}

/// The announcement to all nodes that `address` is at `mac` (RFC 4861 section 7.2.6).
pub fn unsolicited_neighbor_advertisement(mac: MacAddress, address: Ipv6Addr) -> Vec<u8> {
    neighbor_frame(mac, neighbor::ALL_NODES, neighbor::MESSAGE_WITH_ADDRESS, |packet| {
        neighbor::compose_advertisement(packet, address, mac, None);
    })
}

fn envelope<A: Address>(ends: &Ends<A>, protocol: u8) -> Envelope<A> {
    Envelope {
        source: ends.tuple.source,
        destination: ends.tuple.destination,
        protocol,
        hop_limit: HOP_LIMIT,
    }
}

/// A frame around the packet that `write` makes of an empty IP header.
fn carry<A: Address>(ends: &Ends<A>, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut packet = vec![0; A::HEADER];
    write(&mut packet);
    let ethertype = if A::CHECKSUM.is_some() { ethernet::IPV4 } else { ethernet::IPV6 };
    frame(ends.source_mac, ends.destination_mac, ethertype, &packet)
}

fn neighbor_frame(
    mac: MacAddress,
    group: Ipv6Addr,
    message: usize,
    write: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    use crate::address::sealed::Version;
    let mut packet = vec![0; Ipv6Addr::HEADER + message];
    write(&mut packet);
    frame(mac, neighbor::group_mac(group), ethernet::IPV6, &packet)
}

fn arp(arp: &Arp, target_mac: MacAddress, destination: MacAddress) -> Vec<u8> {
    let padded = [0; ethernet::SHORTEST_FRAME - ethernet::HEADER];
    let mut frame = frame(arp.sender_mac, destination, ethernet::ARP, &padded);
    crate::arp::compose(&mut frame, ethernet::HEADER, arp, target_mac);
    frame
}

fn frame(source: MacAddress, destination: MacAddress, ethertype: u16, content: &[u8]) -> Vec<u8> {
    let mut frame = [&[0; ethernet::HEADER], content].concat();
    set_ethernet(&mut frame, source, destination);
    set_ethertype(&mut frame, ethertype);
    frame
}
