//! UDP headers (RFC 768).

use model::DropReason;

use crate::bytes::{field, field_u16, set_field, view_mut};
use crate::checksum::ChecksumDelta;
use crate::packet::{Transport, Tuple};
use crate::parse::transport_header;

/// Offsets in the header.
pub(crate) mod at {
    pub(crate) const SOURCE_PORT: usize = 0;
    pub(crate) const DESTINATION_PORT: usize = 2;
    pub(crate) const LENGTH: usize = 4;
    pub(crate) const CHECKSUM: usize = 6;
}

pub(crate) const PROTOCOL: u8 = 17;
pub(crate) const HEADER: usize = 8;
/// A checksum field of zero says that the sender computed none.
pub(crate) const NO_CHECKSUM: u16 = 0;

/// Parses the header at `offset` of a message of `length` bytes.
#[inline]
pub(crate) fn parse<A>(frame: &[u8], offset: usize, length: usize) -> Result<Transport<A>, DropReason> {
    let header: &[u8; HEADER] = transport_header(frame, offset, length)?;
    ports(header, length).ok_or(DropReason::TransportHeaderInvalid)?;
    Ok(Transport::Udp {
        source_port: field_u16::<{ at::SOURCE_PORT }, _>(header),
        destination_port: field_u16::<{ at::DESTINATION_PORT }, _>(header),
    })
}

/// The ports of a message of `length` bytes, as they stand in its header; `None` if that is wrong.
#[inline(always)]
pub(crate) fn ports(header: &[u8; HEADER], length: usize) -> Option<[u8; 4]> {
    let udp_length = usize::from(field_u16::<{ at::LENGTH }, _>(header));
    (udp_length >= HEADER && udp_length <= length).then_some(field::<{ at::SOURCE_PORT }, 4, _>(header))
}

/// Gives a datagram these ports, and updates its checksum.
#[inline(always)]
pub(crate) fn rewrite(header: &mut [u8; HEADER], ports: [u8; 4], delta: ChecksumDelta) {
    let checksum = field_u16::<{ at::CHECKSUM }, _>(header);
    set_field::<{ at::SOURCE_PORT }, 4, _>(header, ports);
    set_field::<{ at::CHECKSUM }, 2, _>(header, updated(checksum, delta).to_be_bytes());
}

/// The checksum after a change; none stays none.
#[inline]
pub(crate) const fn updated(checksum: u16, delta: ChecksumDelta) -> u16 {
    match checksum {
        NO_CHECKSUM => NO_CHECKSUM,
        checksum => sendable(delta.apply(checksum)),
    }
}

/// A computed checksum of zero is sent as the other zero.
#[inline]
pub(crate) const fn sendable(checksum: u16) -> u16 {
    match checksum {
        0 => 0xffff,
        checksum => checksum,
    }
}

/// Writes a header with a checksum of zero, for a datagram that fills `message`.
pub(crate) fn compose<A>(message: &mut [u8], ends: &Tuple<A>) {
    let length = crate::bytes::narrow(message.len());
    let Some(header) = view_mut::<HEADER>(message, 0) else {
        return;
    };
    set_field::<{ at::SOURCE_PORT }, 2, _>(header, ends.source_port.to_be_bytes());
    set_field::<{ at::DESTINATION_PORT }, 2, _>(header, ends.destination_port.to_be_bytes());
    set_field::<{ at::LENGTH }, 2, _>(header, length.to_be_bytes());
    set_field::<{ at::CHECKSUM }, 2, _>(header, [0; 2]);
}
