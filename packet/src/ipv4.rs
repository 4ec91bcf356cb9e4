//! IPv4 headers (RFC 791).

use std::net::Ipv4Addr;

use model::DropReason;

use crate::address::sealed::Version;
use crate::bytes::{field, field_u16, narrow, read_u16, set_field, view, view_mut};
use crate::checksum::{ChecksumDelta, fold, is_right, sum};
use crate::compose::Envelope;
use crate::headers::{Headers, Layout};
use crate::icmp::{self, QuotedHeader, quoted_bytes};
use crate::packet::{Content, Datagram, Transport};
use crate::parse::Outline;
use crate::wire_tuple::WireTuple;
use crate::{ethernet, headers};

/// Offsets in the header.
mod at {
    pub(super) const VERSION_AND_LENGTH: usize = 0;
    pub(super) const LENGTH: usize = 2;
    pub(super) const FRAGMENT: usize = 6;
    pub(super) const TIME_TO_LIVE: usize = 8;
    pub(super) const PROTOCOL: usize = 9;
    pub(super) const CHECKSUM: usize = 10;
    pub(super) const SOURCE: usize = 12;
    pub(super) const DESTINATION: usize = 16;
}

/// Bytes of a header without options.
const HEADER: usize = 20;
/// The first byte of such a header.
const WITHOUT_OPTIONS: u8 = 0x45;
/// In the fragment field.
const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;
const FRAGMENT_OFFSET: u16 = 0x1fff;

/// A header that has options, or is wrong. Returns its length.
#[cold]
fn check_rare_header(frame: &[u8], offset: usize, header: &[u8; HEADER]) -> Result<usize, DropReason> {
    let length = header_length(header).ok_or(DropReason::IpHeaderInvalid)?;
    let whole = frame.get(offset..offset + length).ok_or(DropReason::FrameTruncated)?;
    if is_right(whole) { Ok(length) } else { Err(DropReason::IpChecksumInvalid) }
}

/// Bytes of a header with its options; `None` if it is none of IPv4.
fn header_length(header: &[u8; HEADER]) -> Option<usize> {
    let first = header[at::VERSION_AND_LENGTH];
    let length = usize::from(first & 0x0f) * 4;
    (first >> 4 == 4 && length >= HEADER).then_some(length)
}

/// Makes a fragment of the packet: its first byte was at `units` times 8 in what was fragmented.
pub(crate) fn make_fragment(packet: &mut [u8], units: u16, more: bool) {
    let Some(header) = view_mut::<HEADER>(packet, 0) else {
        return;
    };
    let more = if more { MORE_FRAGMENTS } else { 0 };
    set_field::<{ at::FRAGMENT }, 2, _>(header, (units & FRAGMENT_OFFSET | more).to_be_bytes());
    compute_checksum(header);
}

fn fragment_field(frame: &[u8], datagram: &Datagram<Ipv4Addr>) -> Option<u16> {
    read_u16(frame, usize::from(datagram.ip_offset) + at::FRAGMENT)
}

fn compute_checksum(header: &mut [u8; HEADER]) {
    set_field::<{ at::CHECKSUM }, 2, _>(header, [0; 2]);
    let checksum = !fold(sum(header));
    set_field::<{ at::CHECKSUM }, 2, _>(header, checksum.to_be_bytes());
}

impl Version for Ipv4Addr {
    type Pair = [u8; 8];
    type Head = [u8; ethernet::HEADER + HEADER];

    const HEADER: usize = HEADER;
    const CHECKSUM: Option<usize> = Some(at::CHECKSUM);
    const ICMP: u8 = icmp::PROTOCOL_V4;
    const ICMP_HAS_PSEUDO_HEADER: bool = false;
    const ECHO_REQUEST: u8 = 8;
    const ECHO_REPLY: u8 = 0;
    const TIME_EXCEEDED: u8 = 11;
    const PACKET_TOO_BIG: (u8, u8) = (3, 4);
    // RFC 1812 section 4.3.2.3.
    const LONGEST_ERROR: usize = 576;

    #[inline]
    fn outline(frame: &[u8], frame_length: usize, offset: usize) -> Result<Outline<Self>, DropReason> {
        let header: &[u8; HEADER] = view(frame, offset).ok_or(DropReason::FrameTruncated)?;
        let header_length = if header[at::VERSION_AND_LENGTH] == WITHOUT_OPTIONS && is_right(header) {
            HEADER
        } else {
            check_rare_header(frame, offset, header)?
        };
        let outline = Outline {
            source: field::<{ at::SOURCE }, 4, _>(header).into(),
            destination: field::<{ at::DESTINATION }, 4, _>(header).into(),
            hop_limit: header[at::TIME_TO_LIVE],
            ip_offset: offset,
            ip_length: field_u16::<{ at::LENGTH }, _>(header),
            protocol: header[at::PROTOCOL],
            is_fragment: field_u16::<{ at::FRAGMENT }, _>(header) & (MORE_FRAGMENTS | FRAGMENT_OFFSET) != 0,
            offset: offset + header_length,
        };
        if outline.end() < outline.offset || outline.end() > frame_length {
            return Err(DropReason::IpLengthInvalid);
        }
        Ok(outline)
    }

    #[inline(always)]
    fn headers(frame: &[u8], frame_length: usize) -> Option<Headers<Self>> {
        const TRANSPORT: usize = ethernet::HEADER + HEADER;
        let header: &[u8; HEADER] = view(frame, ethernet::HEADER)?;
        let ip_length = field_u16::<{ at::LENGTH }, _>(header);
        let fragment = field_u16::<{ at::FRAGMENT }, _>(header) & (MORE_FRAGMENTS | FRAGMENT_OFFSET);
        let length = usize::from(ip_length);
        let is_common = header[at::VERSION_AND_LENGTH] == WITHOUT_OPTIONS
            && fragment == 0
            && length >= HEADER
            && ethernet::HEADER + length <= frame_length
            && is_right(header);
        if !is_common {
            return None;
        }
        let (ports, protocol) = headers::ports(frame, TRANSPORT, header[at::PROTOCOL], length - HEADER)?;
        Some(Headers {
            ends: WireTuple { addresses: field::<{ at::SOURCE }, 8, _>(header), ports },
            layout: Layout { protocol, transport_offset: narrow(TRANSPORT) },
        })
    }

    #[inline(always)]
    fn cut_head(bytes: &mut [u8]) -> Option<&mut Self::Head> {
        bytes.first_chunk_mut()
    }

    #[inline(always)]
    fn hop_limit(head: &Self::Head) -> u8 {
        head[ethernet::HEADER + at::TIME_TO_LIVE]
    }

    #[inline(always)]
    fn ip_length(head: &Self::Head) -> u16 {
        field_u16::<{ ethernet::HEADER + at::LENGTH }, _>(head)
    }

    #[inline(always)]
    fn forward(head: &mut Self::Head, addresses: Self::Pair, delta: ChecksumDelta) {
        let hop_limit = head[ethernet::HEADER + at::TIME_TO_LIVE];
        let step = if hop_limit == 0 { ChecksumDelta::ZERO } else { ChecksumDelta::HIGH_BYTE_LESS_ONE };
        let checksum = field_u16::<{ ethernet::HEADER + at::CHECKSUM }, _>(head);
        let checksum = delta.apply_both(step, checksum);
        head[ethernet::HEADER + at::TIME_TO_LIVE] = hop_limit.saturating_sub(1);
        set_field::<{ ethernet::HEADER + at::CHECKSUM }, 2, _>(head, checksum.to_be_bytes());
        set_field::<{ ethernet::HEADER + at::SOURCE }, 8, _>(head, addresses);
    }

    #[inline]
    fn content(datagram: Datagram<Self>) -> Content {
        Content::Ipv4(datagram)
    }

    fn parse_icmp(frame: &[u8], outline: &Outline<Self>) -> Result<Transport<Self>, DropReason> {
        icmp::parse(frame, outline.offset, outline.end())
    }

    fn is_error(icmp_type: u8) -> bool {
        // Destination unreachable, time exceeded, parameter problem.
        matches!(icmp_type, 3 | 11 | 12)
    }

    fn may_be_fragmented(frame: &[u8], datagram: &Datagram<Self>) -> Option<bool> {
        fragment_field(frame, datagram).map(|field| field & DONT_FRAGMENT == 0)
    }

    fn is_first_fragment(frame: &[u8], datagram: &Datagram<Self>) -> Option<bool> {
        fragment_field(frame, datagram).map(|field| field & FRAGMENT_OFFSET == 0)
    }

    #[inline]
    fn join(source: Self, destination: Self) -> [u8; 8] {
        let ([a, b, c, d], [e, f, g, h]) = (source.octets(), destination.octets());
        [a, b, c, d, e, f, g, h]
    }

    #[inline(always)]
    fn split([a, b, c, d, e, f, g, h]: [u8; 8]) -> (Self, Self) {
        ([a, b, c, d].into(), [e, f, g, h].into())
    }

    #[inline(always)]
    fn swap(addresses: [u8; 8]) -> [u8; 8] {
        u64::from_ne_bytes(addresses).rotate_left(32).to_ne_bytes()
    }

    #[inline]
    fn words(self) -> impl Iterator<Item = u16> {
        let [a, b, c, d] = self.octets();
        [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])].into_iter()
    }

    #[inline]
    fn write_addresses(frame: &mut [u8], offset: usize, source: Self, destination: Self) {
        if let Some(header) = view_mut::<HEADER>(frame, offset) {
            set_field::<{ at::SOURCE }, 4, _>(header, source.octets());
            set_field::<{ at::DESTINATION }, 4, _>(header, destination.octets());
        }
    }

    #[inline(always)]
    fn rewrite(frame: &mut [u8], offset: usize, addresses: [u8; 8], hop_limit: u8, delta: ChecksumDelta) {
        let Some(header) = view_mut::<HEADER>(frame, offset) else {
            return;
        };
        // The time to live is the high byte of its word; the low one, the protocol, is the same before and after.
        let word = |time_to_live: u8| u16::from(time_to_live) << 8;
        let checksum = delta.apply_with(
            field_u16::<{ at::CHECKSUM }, _>(header),
            word(header[at::TIME_TO_LIVE]),
            word(hop_limit),
        );
        header[at::TIME_TO_LIVE] = hop_limit;
        set_field::<{ at::CHECKSUM }, 2, _>(header, checksum.to_be_bytes());
        set_field::<{ at::SOURCE }, 8, _>(header, addresses);
    }

    fn compose(packet: &mut [u8], envelope: &Envelope<Self>) {
        let length = narrow(packet.len());
        let Some(header) = view_mut::<HEADER>(packet, 0) else {
            return;
        };
        *header = [0; HEADER];
        header[at::VERSION_AND_LENGTH] = WITHOUT_OPTIONS;
        set_field::<{ at::LENGTH }, 2, _>(header, length.to_be_bytes());
        // An identification of zero is right for what is never fragmented (RFC 6864).
        set_field::<{ at::FRAGMENT }, 2, _>(header, DONT_FRAGMENT.to_be_bytes());
        header[at::TIME_TO_LIVE] = envelope.hop_limit;
        header[at::PROTOCOL] = envelope.protocol;
        set_field::<{ at::SOURCE }, 4, _>(header, envelope.source.octets());
        set_field::<{ at::DESTINATION }, 4, _>(header, envelope.destination.octets());
        compute_checksum(header);
    }

    fn read_quoted(
        frame: &[u8],
        offset: usize,
        end: usize,
    ) -> Result<Option<QuotedHeader<Self>>, DropReason> {
        let Some(header) = quoted_bytes::<HEADER>(frame, offset, end)? else {
            return Ok(None);
        };
        let is_later_fragment = field_u16::<{ at::FRAGMENT }, _>(header) & FRAGMENT_OFFSET != 0;
        let Some(header_length) = header_length(header).filter(|_| !is_later_fragment) else {
            return Ok(None);
        };
        Ok(Some(QuotedHeader {
            source: field::<{ at::SOURCE }, 4, _>(header).into(),
            destination: field::<{ at::DESTINATION }, 4, _>(header).into(),
            protocol: header[at::PROTOCOL],
            transport_offset: offset + header_length,
        }))
    }
}
