//! ICMP errors, made in place of the packet that they are about, and quoting it as it was received.
//!
//! They never answer what no router may answer: errors, and what is not from one host to another (RFC 1122 section
//! 3.2.2, RFC 4443 section 2.4). How many are sent is the caller's to limit (RFC 1812 section 4.3.2.8).

use std::net::Ipv6Addr;

use super::{HOP_LIMIT, stations_of_hosts};
use crate::address::Address;
use crate::address::sealed::Version;
use crate::bytes::write;
use crate::compose::{Envelope, seal};
use crate::ethernet::set_ethernet;
use crate::packet::{Datagram, Transport};
use crate::{icmp, tcp, udp};

/// Bytes that an error is at most longer than the packet that it quotes: its IP and ICMP headers. A frame that has as
/// many behind a whole packet has room for an error about it, however short the packet is.
pub const ERROR_ROOM: usize = Ipv6Addr::HEADER + icmp::HEADER;

/// Bytes behind the IP headers that tell the sender which packet is meant; less is not quoted (RFC 792).
const LEAST_QUOTED: usize = 8;

/// Turns a packet into the error to its source that it is longer than `mtu`, the bytes that an IP packet may have
/// where it would go next: ICMP type 3 code 4 (RFC 1191), ICMPv6 type 2 (RFC 8201). The error comes from `from`.
///
/// Returns the frame's length; the frame is to be cut there, segments behind it included. `None`, and `frame` as it
/// was, if the packet may be fragmented, or is none that an error may be about: neither TCP nor UDP nor an echo
/// request, a later fragment, or from or to no single host.
///
/// `None` also if `frame` has no room. The error quotes the packet as it is in `frame`, so nothing may have rewritten
/// it; as much of it as is allowed and as there is room for. A longer packet makes room by being quoted in part; for
/// a shorter one `frame` needs up to [`ERROR_ROOM`] bytes behind the packet, which the caller appends. What they hold
/// does not matter, nor does padding: the packet ends where `datagram` says.
pub fn packet_too_big<A: Address>(
    frame: &mut [u8],
    datagram: &Datagram<A>,
    from: A,
    mtu: u16,
) -> Option<usize> {
    if A::may_be_fragmented(frame, datagram)? {
        return None;
    }
    let [high, low] = mtu.to_be_bytes();
    let (icmp_type, code) = A::PACKET_TOO_BIG;
    error(frame, datagram, from, [icmp_type, code, 0, 0, 0, 0, high, low])
}

/// Turns a packet into the error to its source that its hop limit is used up: ICMP type 11 code 0 (RFC 792), ICMPv6
/// type 3 code 0 (RFC 4443). The error comes from `from`.
///
/// Returns the frame's length, or `None`, as [`packet_too_big`] does; whether the packet may be fragmented does not
/// matter here.
pub fn time_exceeded<A: Address>(frame: &mut [u8], datagram: &Datagram<A>, from: A) -> Option<usize> {
    error(frame, datagram, from, [A::TIME_EXCEEDED, 0, 0, 0, 0, 0, 0, 0])
}

/// Turns a packet into the error that has this ICMP header; the checksum in it is zero.
fn error<A: Address>(
    frame: &mut [u8],
    datagram: &Datagram<A>,
    from: A,
    header: [u8; icmp::HEADER],
) -> Option<usize> {
    let (destination_mac, source_mac) = stations_of_hosts(frame, datagram)?;
    if !is_answerable(frame, datagram)? {
        return None;
    }
    let quoted = quoted_length(frame, datagram)?;
    let ip = usize::from(datagram.ip_offset);
    let packet = frame.get_mut(ip..ip + A::HEADER + icmp::HEADER + quoted)?;
    let length = ip + packet.len();
    packet.copy_within(..quoted, A::HEADER + icmp::HEADER);
    write(packet, A::HEADER, header);
    let envelope =
        Envelope { source: from, destination: datagram.source, protocol: A::ICMP, hop_limit: HOP_LIMIT };
    seal(packet, &envelope);
    set_ethernet(frame, destination_mac, source_mac);
    Some(length)
}

/// Whether an error may be about this packet. Of other protocols it is not known what their errors are.
fn is_answerable<A: Address>(frame: &[u8], datagram: &Datagram<A>) -> Option<bool> {
    Some(match datagram.transport {
        Transport::Tcp { .. } | Transport::Udp { .. } | Transport::EchoRequest => true,
        Transport::Fragment { protocol } => {
            let is_known = match protocol {
                tcp::PROTOCOL | udp::PROTOCOL => true,
                protocol if protocol == A::ICMP => {
                    let icmp_type = usize::from(datagram.transport_offset) + icmp::at::TYPE;
                    *frame.get(icmp_type)? == A::ECHO_REQUEST
                }
                _ => false,
            };
            is_known && A::is_first_fragment(frame, datagram)?
        }
        Transport::NeighborSolicitation { .. } | Transport::IcmpError(_) | Transport::Other { .. } => false,
    })
}

/// How many bytes of the packet are quoted: as many as there are, as an error may have, and as there is room for.
fn quoted_length<A: Address>(frame: &[u8], datagram: &Datagram<A>) -> Option<usize> {
    let headers = A::HEADER + icmp::HEADER;
    // The quote moves back by the headers, and what would be behind the end of `frame` then is left out.
    let room = frame.len().checked_sub(usize::from(datagram.ip_offset) + headers)?;
    let quoted = usize::from(datagram.ip_length).min(A::LONGEST_ERROR - headers).min(room);
    let ip_headers = usize::from(datagram.transport_offset.checked_sub(datagram.ip_offset)?);
    (quoted >= ip_headers + LEAST_QUOTED).then_some(quoted)
}
