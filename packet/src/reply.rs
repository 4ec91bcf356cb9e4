//! Replies, made in place of what they answer. VLAN tags stay.
//!
//! Whether to answer at all is the caller's to decide; what no host may answer is refused here. Nothing here
//! allocates, and no reply but an ICMP error is longer than what it answers.

mod errors;

use std::net::IpAddr;

use model::MacAddress;

use crate::address::Address;
use crate::arp::{Arp, ArpOperation};
use crate::bytes::{read_u16, view, write, write_u16};
use crate::checksum::ChecksumDelta;
use crate::compose::{Envelope, seal};
use crate::ethernet::{self, Ethernet, set_ethernet, stations};
use crate::packet::{Datagram, Transport, Tuple};
use crate::tcp::{self, Segment, TcpFlags};
use crate::{icmp, neighbor, udp};

pub use errors::{ERROR_ROOM, packet_too_big, time_exceeded};

/// Hop limit of what the unit sends itself (RFC 1700).
const HOP_LIMIT: u8 = 64;

/// Turns an ARP request into the reply that its target is at `mac`. Returns the frame's length: at least 60 if the
/// request had as much. `None` if the frame is no ARP request for IPv4 over Ethernet.
pub fn arp(frame: &mut [u8], mac: MacAddress) -> Option<usize> {
    let mut ethernet = Ethernet::parse(frame).ok()?;
    let message = ethernet.skip_tags(frame).ok()?;
    if ethernet.ethertype != ethernet::ARP {
        return None;
    }
    let request = crate::arp::parse(frame, message).ok()?;
    if request.operation != ArpOperation::Request {
        return None;
    }
    let reply = Arp {
        operation: ArpOperation::Reply,
        sender_mac: mac,
        sender: request.target,
        target: request.sender,
    };
    crate::arp::compose(frame, message, &reply, request.sender_mac);
    set_ethernet(frame, mac, request.sender_mac);
    let end = message + crate::arp::MESSAGE;
    let length = frame.len().min(ethernet::SHORTEST_FRAME).max(end);
    frame.get_mut(end..length)?.fill(0);
    Some(length)
}

/// Turns a neighbour solicitation into the advertisement that `target` is at `mac` (RFC 4861 section 7.2.4). Returns
/// the frame's length; `None` if the frame is no IPv6, or came from no single station.
///
/// A host without an address is checking whether it may take this one; all nodes are told then. The option that
/// names `mac` is left out where the frame has no room for it. That is only where the solicitation had no such option
/// either: in that check, which does not look at it, and in a unicast probe, whose sender knows.
pub fn neighbor_advertisement<A: Address>(
    frame: &mut [u8],
    datagram: &Datagram<A>,
    target: A,
    mac: MacAddress,
) -> Option<usize> {
    let (IpAddr::V6(asker), IpAddr::V6(target)) = (datagram.source.into(), target.into()) else {
        return None;
    };
    let (_, asker_mac) = stations(frame)?;
    if asker_mac.is_group() {
        return None;
    }
    let (asker, destination_mac) = if asker.is_unspecified() {
        (None, neighbor::group_mac(neighbor::ALL_NODES))
    } else {
        (Some(asker), asker_mac)
    };
    let ip = usize::from(datagram.ip_offset);
    let ends = [neighbor::MESSAGE_WITH_ADDRESS, neighbor::MESSAGE].map(|message| ip + A::HEADER + message);
    let end = ends.into_iter().find(|&end| end <= frame.len())?;
    neighbor::compose_advertisement(frame.get_mut(ip..end)?, target, mac, asker);
    set_ethernet(frame, mac, destination_mac);
    Some(end)
}

/// Turns an echo request into its reply; payload and length stay, and another packet stays as it is. The checksum is
/// updated, not computed, so a payload that reaches beyond `frame` is no hindrance.
pub fn echo<A: Address>(frame: &mut [u8], datagram: &Datagram<A>) {
    if datagram.transport != Transport::EchoRequest {
        return;
    }
    let message = usize::from(datagram.transport_offset);
    if let Some((destination, source)) = stations(frame) {
        set_ethernet(frame, destination, source);
    }
    // The sum over both addresses stays the same.
    let ends = (datagram.destination, datagram.source);
    A::rewrite(
        frame,
        usize::from(datagram.ip_offset),
        A::join(ends.0, ends.1),
        HOP_LIMIT,
        ChecksumDelta::ZERO,
    );
    write(frame, message + icmp::at::TYPE, [A::ECHO_REPLY]);
    let word = |icmp_type: u8| [u16::from(icmp_type) << 8];
    let delta = ChecksumDelta::between(word(A::ECHO_REQUEST), word(A::ECHO_REPLY));
    let offset = message + icmp::at::CHECKSUM;
    if let Some(checksum) = read_u16(frame, offset) {
        // An ICMPv4 reply may be all zeros; only the checksum 0xffff is right then. For other replies whose sum is
        // zero, both forms are.
        write_u16(frame, offset, udp::sendable(delta.apply(checksum)));
    }
}

/// Turns a TCP segment that belongs to no connection into the reset that answers it (RFC 9293 section 3.10.7.1).
/// Returns the frame's length. `None` for what is not answered: a reset, or a segment from or to no single host (RFC
/// 1122 section 4.2.3.10), or not TCP.
pub fn tcp_reset<A: Address>(frame: &mut [u8], datagram: &Datagram<A>) -> Option<usize> {
    let Transport::Tcp { source_port, destination_port, flags } = datagram.transport else {
        return None;
    };
    let (destination_mac, source_mac) = stations_of_hosts(frame, datagram)?;
    if flags.contains(TcpFlags::RST) {
        return None;
    }
    let reset = reset_for(frame, datagram, flags)?;
    let ip = usize::from(datagram.ip_offset);
    let end = ip + A::HEADER + tcp::HEADER;
    let packet = frame.get_mut(ip..end)?;
    let ends = Tuple {
        source: datagram.destination,
        source_port: destination_port,
        destination: datagram.source,
        destination_port: source_port,
    };
    tcp::compose(packet.get_mut(A::HEADER..)?, &ends, &reset);
    let envelope = Envelope {
        source: ends.source,
        destination: ends.destination,
        protocol: tcp::PROTOCOL,
        hop_limit: HOP_LIMIT,
    };
    seal(packet, &envelope);
    set_ethernet(frame, destination_mac, source_mac);
    Some(end)
}

/// The station that the frame is for, and the one that sent it; `None` if the packet is from or to no single host.
fn stations_of_hosts<A: Address>(frame: &[u8], datagram: &Datagram<A>) -> Option<(MacAddress, MacAddress)> {
    let stations = stations(frame)?;
    let is_between_hosts = !stations.0.is_group()
        && !stations.1.is_group()
        && !datagram.source.is_martian_source()
        && !datagram.destination.is_martian_source();
    is_between_hosts.then_some(stations)
}

/// The reset's numbers: what the other end expects next, or, where it did not say, an acknowledgement of all it sent.
fn reset_for<A: Address>(frame: &[u8], datagram: &Datagram<A>, flags: TcpFlags) -> Option<Segment> {
    let header: &[u8; tcp::HEADER] = view(frame, usize::from(datagram.transport_offset))?;
    let (sequence, acknowledgement) = tcp::numbers(header);
    if flags.contains(TcpFlags::ACK) {
        return Some(Segment {
            flags: TcpFlags::RST,
            sequence: acknowledgement,
            acknowledgement: 0,
            window: 0,
        });
    }
    let ip_header = datagram.transport_offset.checked_sub(datagram.ip_offset)?;
    let headers = usize::from(ip_header) + tcp::header_length(header);
    let data = usize::from(datagram.ip_length).checked_sub(headers)?;
    // SYN and FIN take a sequence number each.
    let occupied = u32::try_from(data).ok()?
        + u32::from(flags.contains(TcpFlags::SYN))
        + u32::from(flags.contains(TcpFlags::FIN));
    Some(Segment {
        flags: TcpFlags::RST | TcpFlags::ACK,
        sequence: 0,
        acknowledgement: sequence.wrapping_add(occupied),
        window: 0,
    })
}
