//! Packets written from nothing into bytes that are there already: what replies and `build` have in common.

use crate::address::Address;
use crate::bytes::{narrow, write_u16};
use crate::checksum::{fold, sum};
use crate::{icmp, tcp, udp};

/// What an IP header says, beside lengths and checksum.
pub struct Envelope<A> {
    pub(crate) source: A,
    pub(crate) destination: A,
    pub(crate) protocol: u8,
    pub(crate) hop_limit: u8,
}

/// Writes the IP header of the packet that fills `packet` in front of its message, which is in place, and computes
/// the message's checksum.
pub(crate) fn seal<A: Address>(packet: &mut [u8], envelope: &Envelope<A>) {
    A::compose(packet, envelope);
    let Some(message) = packet.get_mut(A::HEADER..) else {
        return;
    };
    let Some(offset) = checksum_offset::<A>(envelope.protocol) else {
        return;
    };
    write_u16(message, offset, 0);
    let checksum = !message_sum(message, envelope);
    let checksum = match envelope.protocol {
        udp::PROTOCOL => udp::sendable(checksum),
        _ => checksum,
    };
    write_u16(message, offset, checksum);
}

/// Where a message of `protocol` has its checksum.
fn checksum_offset<A: Address>(protocol: u8) -> Option<usize> {
    match protocol {
        tcp::PROTOCOL => Some(tcp::at::CHECKSUM),
        udp::PROTOCOL => Some(udp::at::CHECKSUM),
        protocol if protocol == A::ICMP => Some(icmp::at::CHECKSUM),
        _ => None,
    }
}

/// The sum over a transport message and its pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1); 0xffff if it
/// contains its own checksum, and that is right.
pub(crate) fn message_sum<A: Address>(message: &[u8], envelope: &Envelope<A>) -> u16 {
    let pseudo_header = if envelope.protocol != A::ICMP || A::ICMP_HAS_PSEUDO_HEADER {
        let words = envelope.source.words().chain(envelope.destination.words());
        let addresses: u32 = words.map(u32::from).sum();
        addresses + u32::from(envelope.protocol) + u32::from(narrow(message.len()))
    } else {
        0
    };
    fold(sum(message) + pseudo_header)
}
