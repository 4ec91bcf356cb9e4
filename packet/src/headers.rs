//! What forwarding needs of a TCP or UDP packet: nothing else is read, so that it all fits in registers.
//!
//! The common frame, untagged and with plain IP headers, is read straight away, without a `Result` or a copy on the
//! way. Whatever is uncommon or wrong with it, [`parse`](crate::parse) finds out.

use model::Protocol;

use crate::address::Address;
use crate::bytes::{narrow, view};
use crate::packet::{Datagram, Transport, Tuple};
use crate::wire_tuple::WireTuple;
use crate::{ethernet, tcp, udp};

/// The headers of a TCP or UDP packet in an untagged frame. All lengths were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headers<A: Address> {
    /// The packet's ends.
    pub ends: WireTuple<A>,
    /// Where all else is.
    pub layout: Layout,
}

/// Where the headers of a TCP or UDP packet are in its untagged frame. What they say beside the packet's ends is read
/// where it is needed, [in place](crate::InPlace): to keep it elsewhere meanwhile would cost more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The transport protocol.
    pub protocol: Protocol,
    /// Where the transport header begins.
    pub transport_offset: u16,
}

impl<A: Address> Headers<A> {
    /// Reads the headers of a frame of `frame_length` bytes of which `frame` are the first, and whose ethertype is that
    /// of `A`. `None` if they are not the common ones: IP options, extension headers, a fragment, another
    /// protocol, or anything wrong.
    #[inline(always)]
    pub fn read(frame: &[u8], frame_length: usize) -> Option<Self> {
        A::headers(frame, frame_length)
    }

    /// The same of a parsed packet; `None` if it is neither TCP nor UDP, or the frame is tagged.
    pub fn of(datagram: &Datagram<A>) -> Option<Self> {
        let (source_port, destination_port, protocol) = match datagram.transport {
            Transport::Tcp { source_port, destination_port, .. } => {
                (source_port, destination_port, Protocol::Tcp)
            }
            Transport::Udp { source_port, destination_port } => {
                (source_port, destination_port, Protocol::Udp)
            }
            _ => return None,
        };
        let Datagram { source, destination, transport_offset, .. } = *datagram;
        (datagram.ip_offset == narrow(ethernet::HEADER)).then_some(Self {
            ends: Tuple { source, source_port, destination, destination_port }.into(),
            layout: Layout { protocol, transport_offset },
        })
    }
}

/// The ports in the transport header at `offset` of a message of `length` bytes, and its protocol. `None` if that is
/// neither TCP nor UDP, or wrong.
#[inline(always)]
pub(crate) fn ports(frame: &[u8], offset: usize, protocol: u8, length: usize) -> Option<([u8; 4], Protocol)> {
    match protocol {
        tcp::PROTOCOL => Some((tcp::ports(view(frame, offset)?, length)?, Protocol::Tcp)),
        udp::PROTOCOL => Some((udp::ports(view(frame, offset)?, length)?, Protocol::Udp)),
        _ => None,
    }
}
