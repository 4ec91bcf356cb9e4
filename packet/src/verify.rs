//! Recomputes checksums in full. The oracle of tests; never on the data path.

use crate::address::Address;
use crate::bytes::read_u16;
use crate::compose::{Envelope, message_sum};
use crate::packet::{Content, Datagram, Transport};
use crate::{tcp, udp};

/// Recomputes every checksum of a frame: the IPv4 header's, and that of TCP, UDP, ICMP or ICMPv6 behind it. A fragment
/// has only the first, and what is no IP has none. A UDP datagram without checksum is right in IPv4 and wrong in IPv6
/// (RFC 8200 section 8.1). Packets that an ICMP error quotes are not looked into.
///
/// # Errors
///
/// What is wrong, in words.
pub fn verify_checksums(frame: &[u8]) -> Result<(), String> {
    let packet = crate::parse(frame, frame.len()).map_err(|reason| format!("not parsed: {reason:?}"))?;
    match packet.content {
        Content::Ipv4(datagram) => verify_message(frame, &datagram),
        Content::Ipv6(datagram) => verify_message(frame, &datagram),
        Content::Arp(_) | Content::Other => Ok(()),
    }
}

fn verify_message<A: Address>(frame: &[u8], datagram: &Datagram<A>) -> Result<(), String> {
    let transport = usize::from(datagram.transport_offset);
    let end = usize::from(datagram.ip_offset) + usize::from(datagram.ip_length);
    let message = frame.get(transport..end).ok_or("the packet is longer than the frame")?;
    match datagram.transport {
        Transport::Tcp { .. } => verify_sum(message, datagram, tcp::PROTOCOL),
        Transport::Udp { .. } => verify_udp(message, datagram),
        Transport::EchoRequest | Transport::NeighborSolicitation { .. } | Transport::IcmpError(_) => {
            verify_sum(message, datagram, A::ICMP)
        }
        Transport::Other { protocol } if protocol == A::ICMP => verify_sum(message, datagram, protocol),
        Transport::Fragment { .. } | Transport::Other { .. } => Ok(()),
    }
}

/// A datagram may be shorter than the packet has room for.
fn verify_udp<A: Address>(message: &[u8], datagram: &Datagram<A>) -> Result<(), String> {
    let has_none = read_u16(message, udp::at::CHECKSUM) == Some(udp::NO_CHECKSUM);
    if has_none && A::CHECKSUM.is_some() {
        return Ok(());
    }
    if has_none {
        return Err("a UDP datagram in IPv6 has no checksum".to_owned());
    }
    let length = read_u16(message, udp::at::LENGTH).map_or(0, usize::from);
    verify_sum(&message[..length.min(message.len())], datagram, udp::PROTOCOL)
}

fn verify_sum<A: Address>(message: &[u8], datagram: &Datagram<A>, protocol: u8) -> Result<(), String> {
    let envelope = Envelope {
        source: datagram.source,
        destination: datagram.destination,
        protocol,
        hop_limit: datagram.hop_limit,
    };
    match message_sum(message, &envelope) {
        0xffff => Ok(()),
        sum => Err(format!("the checksum of protocol {protocol} is wrong: the sum is {sum:#06x}")),
    }
}
