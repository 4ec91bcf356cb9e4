//! ICMP (RFC 792) and ICMPv6 (RFC 4443), as far as both are the same: echo requests, and errors with what they quote.

use model::{DropReason, Protocol};

use crate::address::Address;
use crate::bytes::{field_u16, narrow, view};
use crate::packet::{Quote, Transport, Tuple};
use crate::parse::transport_header;
use crate::{tcp, udp};

/// Offsets in a message.
pub(crate) mod at {
    pub(crate) const TYPE: usize = 0;
    pub(crate) const CHECKSUM: usize = 2;
}

pub(crate) const PROTOCOL_V4: u8 = 1;
pub(crate) const PROTOCOL_V6: u8 = 58;
/// Bytes of the header; behind it an error quotes a packet from its IP header on.
pub(crate) const HEADER: usize = 8;
/// Bytes of a TCP or UDP header up to the end of its ports.
const PORTS: usize = 4;

/// The IP header of a quoted packet.
pub struct QuotedHeader<A> {
    pub(crate) source: A,
    pub(crate) destination: A,
    pub(crate) protocol: u8,
    pub(crate) transport_offset: usize,
}

/// Parses the message from `offset` to `end`. Its checksum is left to its receiver.
#[cold]
pub(crate) fn parse<A: Address>(frame: &[u8], offset: usize, end: usize) -> Result<Transport<A>, DropReason> {
    let header: &[u8; HEADER] = transport_header(frame, offset, end - offset)?;
    let icmp_type = header[at::TYPE];
    if icmp_type == A::ECHO_REQUEST {
        return Ok(Transport::EchoRequest);
    }
    let quote = if A::is_error(icmp_type) { parse_quote(frame, offset + HEADER, end)? } else { None };
    Ok(quote.map_or(Transport::Other { protocol: A::ICMP }, Transport::IcmpError))
}

/// The packet that is quoted from `offset` to `end`, if it is TCP or UDP and its ports are there.
fn parse_quote<A: Address>(frame: &[u8], offset: usize, end: usize) -> Result<Option<Quote<A>>, DropReason> {
    let Some(header) = A::read_quoted(frame, offset, end)? else {
        return Ok(None);
    };
    let protocol = match header.protocol {
        tcp::PROTOCOL => Protocol::Tcp,
        udp::PROTOCOL => Protocol::Udp,
        _ => return Ok(None),
    };
    let Some(ports) = quoted_bytes::<PORTS>(frame, header.transport_offset, end)? else {
        return Ok(None);
    };
    Ok(Some(Quote {
        protocol,
        tuple: Tuple {
            source: header.source,
            source_port: field_u16::<0, _>(ports),
            destination: header.destination,
            destination_port: field_u16::<2, _>(ports),
        },
        ip_offset: narrow(offset),
        transport_offset: narrow(header.transport_offset),
    }))
}

/// `N` bytes of a quote that ends at `end`; `None` if it ends too early.
///
/// # Errors
///
/// The quote has them, but not within the contiguous bytes.
pub(crate) fn quoted_bytes<const N: usize>(
    frame: &[u8],
    offset: usize,
    end: usize,
) -> Result<Option<&[u8; N]>, DropReason> {
    if offset + N > end {
        return Ok(None);
    }
    view(frame, offset).map(Some).ok_or(DropReason::FrameTruncated)
}
