//! What forwarding needs of a TCP or UDP packet: nothing else is read, so that it all fits in registers.
//!
//! The common frame, untagged and with plain IP headers, is read straight away, without a `Result` or a copy on the
//! way. Whatever is uncommon or wrong with it, [`parse`](crate::parse) finds out.

use model::Protocol;

use crate::address::Address;
use crate::bytes::{narrow, view};
use crate::packet::{Datagram, Transport, Tuple};
use crate::wire_tuple::WireTuple;
use crate::{TcpFlags, ethernet, tcp, udp};

/// The headers of a TCP or UDP packet in an untagged frame. All lengths were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headers<A: Address> {
    /// The packet's ends.
    pub ends: WireTuple<A>,
    /// All else.
    pub shape: Shape,
}

/// What forwarding needs of a packet's headers beside its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The transport protocol.
    pub protocol: Protocol,
    /// None set for UDP.
    pub flags: TcpFlags,
    /// Time to live or hop limit.
    pub hop_limit: u8,
    /// Bytes of the whole IP packet; padding of the frame may follow it.
    pub ip_length: u16,
    /// Where the transport header begins in the frame.
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
        let (source_port, destination_port, protocol, flags) = match datagram.transport {
            Transport::Tcp { source_port, destination_port, flags } => {
                (source_port, destination_port, Protocol::Tcp, flags)
            }
            Transport::Udp { source_port, destination_port } => {
                (source_port, destination_port, Protocol::Udp, TcpFlags::default())
            }
            _ => return None,
        };
        let Datagram { source, destination, hop_limit, ip_length, transport_offset, .. } = *datagram;
        (datagram.ip_offset == narrow(ethernet::HEADER)).then_some(Self {
            ends: Tuple { source, source_port, destination, destination_port }.into(),
            shape: Shape { protocol, flags, hop_limit, ip_length, transport_offset },
        })
    }
}

/// The transport header of the common frame.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    /// Both, as they stand in the header.
    pub(crate) ports: [u8; 4],
    pub(crate) protocol: Protocol,
    pub(crate) flags: TcpFlags,
}

/// Reads the transport header at `offset` of a message of `length` bytes. `None` if it is neither TCP's nor UDP's, or
/// wrong.
#[inline(always)]
pub(crate) fn ends(frame: &[u8], offset: usize, protocol: u8, length: usize) -> Option<Ends> {
    match protocol {
        tcp::PROTOCOL => tcp::ends(view(frame, offset)?, length),
        udp::PROTOCOL => udp::ends(view(frame, offset)?, length),
        _ => None,
    }
}
