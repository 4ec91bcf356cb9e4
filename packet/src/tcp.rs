//! TCP headers (RFC 9293 section 3.1).

use std::ops::BitOr;

use model::DropReason;

use crate::bytes::{field, field_u16, set_field, view_mut};
use crate::checksum::ChecksumDelta;
use crate::packet::{Transport, Tuple};
use crate::parse::transport_header;

/// Offsets in the header.
pub(crate) mod at {
    pub(crate) const SOURCE_PORT: usize = 0;
    pub(crate) const DESTINATION_PORT: usize = 2;
    pub(crate) const SEQUENCE: usize = 4;
    pub(crate) const ACKNOWLEDGEMENT: usize = 8;
    pub(crate) const DATA_OFFSET: usize = 12;
    pub(crate) const FLAGS: usize = 13;
    pub(crate) const WINDOW: usize = 14;
    pub(crate) const CHECKSUM: usize = 16;
}

pub(crate) const PROTOCOL: u8 = 6;
/// Bytes of the header without options.
pub(crate) const HEADER: usize = 20;

/// The flags of a TCP segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// The sender has no more data.
    pub const FIN: Self = Self(0x01);
    /// Sequence numbers are synchronized.
    pub const SYN: Self = Self(0x02);
    /// The connection is reset.
    pub const RST: Self = Self(0x04);
    /// Data is pushed to the application.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement number counts.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer counts.
    pub const URG: Self = Self(0x20);
    /// Congestion was echoed.
    pub const ECE: Self = Self(0x40);
    /// The congestion window was reduced.
    pub const CWR: Self = Self(0x80);

    /// Whether a segment with these asks for a new connection: SYN alone. With FIN it is an attack or a scan.
    #[inline(always)]
    pub const fn is_initial_syn(self) -> bool {
        self.0 & (Self::SYN.0 | Self::ACK.0 | Self::RST.0 | Self::FIN.0) == Self::SYN.0
    }

    /// Whether all of `flags` are set.
    #[inline]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

impl BitOr for TcpFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What a segment's header says beside its ports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub(crate) flags: TcpFlags,
    pub(crate) sequence: u32,
    pub(crate) acknowledgement: u32,
    pub(crate) window: u16,
}

/// Parses the header at `offset` of a segment of `length` bytes.
#[inline]
pub(crate) fn parse<A>(frame: &[u8], offset: usize, length: usize) -> Result<Transport<A>, DropReason> {
    let header: &[u8; HEADER] = transport_header(frame, offset, length)?;
    ports(header, length).ok_or(DropReason::TransportHeaderInvalid)?;
    Ok(Transport::Tcp {
        source_port: field_u16::<{ at::SOURCE_PORT }, _>(header),
        destination_port: field_u16::<{ at::DESTINATION_PORT }, _>(header),
        flags: flags(header),
    })
}

/// The ports of a segment of `length` bytes, as they stand in its header; `None` if that is wrong.
#[inline(always)]
pub(crate) fn ports(header: &[u8; HEADER], length: usize) -> Option<[u8; 4]> {
    let header_length = header_length(header);
    (header_length >= HEADER && header_length <= length).then_some(field::<{ at::SOURCE_PORT }, 4, _>(header))
}

/// The flags of a segment.
#[inline(always)]
pub(crate) const fn flags(header: &[u8; HEADER]) -> TcpFlags {
    TcpFlags(header[at::FLAGS])
}

/// Bytes of a header with its options.
#[inline]
pub(crate) fn header_length(header: &[u8; HEADER]) -> usize {
    usize::from(header[at::DATA_OFFSET] >> 4) * 4
}

/// The sequence and the acknowledgement number.
pub(crate) fn numbers(header: &[u8; HEADER]) -> (u32, u32) {
    (
        u32::from_be_bytes(field::<{ at::SEQUENCE }, 4, _>(header)),
        u32::from_be_bytes(field::<{ at::ACKNOWLEDGEMENT }, 4, _>(header)),
    )
}

/// Gives a segment these ports, and updates its checksum.
#[inline(always)]
pub(crate) fn rewrite(header: &mut [u8; HEADER], ports: [u8; 4], delta: ChecksumDelta) {
    let checksum = field_u16::<{ at::CHECKSUM }, _>(header);
    set_field::<{ at::SOURCE_PORT }, 4, _>(header, ports);
    set_field::<{ at::CHECKSUM }, 2, _>(header, delta.apply(checksum).to_be_bytes());
}

/// Writes a header without options and with a checksum of zero.
pub(crate) fn compose<A>(message: &mut [u8], ends: &Tuple<A>, segment: &Segment) {
    let Some(header) = view_mut::<HEADER>(message, 0) else {
        return;
    };
    *header = [0; HEADER];
    set_field::<{ at::SOURCE_PORT }, 2, _>(header, ends.source_port.to_be_bytes());
    set_field::<{ at::DESTINATION_PORT }, 2, _>(header, ends.destination_port.to_be_bytes());
    set_field::<{ at::SEQUENCE }, 4, _>(header, segment.sequence.to_be_bytes());
    set_field::<{ at::ACKNOWLEDGEMENT }, 4, _>(header, segment.acknowledgement.to_be_bytes());
    header[at::DATA_OFFSET] = 5 << 4;
    header[at::FLAGS] = segment.flags.0;
    set_field::<{ at::WINDOW }, 2, _>(header, segment.window.to_be_bytes());
}
