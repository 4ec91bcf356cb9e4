//! IPv6 headers (RFC 8200).

use std::net::Ipv6Addr;

use model::DropReason;

use crate::address::sealed::Version;
use crate::bytes::{field, field_u16, narrow, set_field, view, view_mut};
use crate::checksum::ChecksumDelta;
use crate::compose::Envelope;
use crate::headers::{Headers, Layout};
use crate::icmp::{self, QuotedHeader, quoted_bytes};
use crate::ipv6_extensions::{Behind, walk};
use crate::packet::{Content, Datagram, Transport};
use crate::parse::Outline;
use crate::wire_tuple::WireTuple;
use crate::{ethernet, headers, ipv6_extensions, neighbor, tcp, udp};

/// Offsets in the header.
pub(crate) mod at {
    /// Version, traffic class and flow label.
    pub(crate) const VERSION: usize = 0;
    pub(crate) const PAYLOAD_LENGTH: usize = 4;
    pub(crate) const NEXT_HEADER: usize = 6;
    pub(crate) const HOP_LIMIT: usize = 7;
    pub(crate) const SOURCE: usize = 8;
    pub(crate) const DESTINATION: usize = 24;
}

/// Bytes of the header without extension headers.
pub(crate) const HEADER: usize = 40;

#[inline]
fn is_ipv6(header: &[u8; HEADER]) -> bool {
    header[at::VERSION] >> 4 == 6
}

/// Bytes of the whole packet. Sixteen bits are not enough for the 40 longest, which no link here can carry.
#[inline]
fn ip_length(payload_length: u16) -> Result<u16, DropReason> {
    payload_length.checked_add(narrow(HEADER)).ok_or(DropReason::IpLengthInvalid)
}

/// Where the IP headers end, at the latest at `end`.
#[inline]
fn walk_if_needed(frame: &[u8], offset: usize, end: usize, first: u8) -> Result<Behind, DropReason> {
    match first {
        protocol @ (tcp::PROTOCOL | udp::PROTOCOL | icmp::PROTOCOL_V6) => {
            Ok(Behind { offset, protocol, fragment: None })
        }
        _ => walk(frame, offset, end, first),
    }
}

impl Version for Ipv6Addr {
    type Pair = [u8; 32];
    type Head = [u8; ethernet::HEADER + HEADER];

    const HEADER: usize = HEADER;
    const CHECKSUM: Option<usize> = None;
    const ICMP: u8 = icmp::PROTOCOL_V6;
    const ICMP_HAS_PSEUDO_HEADER: bool = true;
    const ECHO_REQUEST: u8 = 128;
    const ECHO_REPLY: u8 = 129;
    const TIME_EXCEEDED: u8 = 3;
    const PACKET_TOO_BIG: (u8, u8) = (2, 0);
    // What every link can carry (RFC 4443 section 2.4).
    const LONGEST_ERROR: usize = 1_280;

    #[inline]
    fn outline(frame: &[u8], frame_length: usize, offset: usize) -> Result<Outline<Self>, DropReason> {
        let header: &[u8; HEADER] = view(frame, offset).ok_or(DropReason::FrameTruncated)?;
        if !is_ipv6(header) {
            return Err(DropReason::IpHeaderInvalid);
        }
        let ip_length = ip_length(field_u16::<{ at::PAYLOAD_LENGTH }, _>(header))?;
        let end = offset + usize::from(ip_length);
        if end > frame_length {
            return Err(DropReason::IpLengthInvalid);
        }
        let behind = walk_if_needed(frame, offset + HEADER, end, header[at::NEXT_HEADER])?;
        Ok(Outline {
            source: field::<{ at::SOURCE }, 16, _>(header).into(),
            destination: field::<{ at::DESTINATION }, 16, _>(header).into(),
            hop_limit: header[at::HOP_LIMIT],
            ip_offset: offset,
            ip_length,
            protocol: behind.protocol,
            is_fragment: behind.fragment.is_some(),
            offset: behind.offset,
        })
    }

    #[inline(always)]
    fn headers(frame: &[u8], frame_length: usize) -> Option<Headers<Self>> {
        const TRANSPORT: usize = ethernet::HEADER + HEADER;
        let header: &[u8; HEADER] = view(frame, ethernet::HEADER)?;
        let payload_length = field_u16::<{ at::PAYLOAD_LENGTH }, _>(header);
        let length = usize::from(payload_length);
        if !is_ipv6(header) || TRANSPORT + length > frame_length || ip_length(payload_length).is_err() {
            return None;
        }
        let (ports, protocol) = headers::ports(frame, TRANSPORT, header[at::NEXT_HEADER], length)?;
        Some(Headers {
            ends: WireTuple { addresses: field::<{ at::SOURCE }, 32, _>(header), ports },
            layout: Layout { protocol, transport_offset: narrow(TRANSPORT) },
        })
    }

    #[inline(always)]
    fn cut_head(bytes: &mut [u8]) -> Option<&mut Self::Head> {
        bytes.first_chunk_mut()
    }

    #[inline(always)]
    fn hop_limit(head: &Self::Head) -> u8 {
        head[ethernet::HEADER + at::HOP_LIMIT]
    }

    #[inline(always)]
    fn ip_length(head: &Self::Head) -> u16 {
        field_u16::<{ ethernet::HEADER + at::PAYLOAD_LENGTH }, _>(head).saturating_add(narrow(HEADER))
    }

    #[inline(always)]
    fn forward(head: &mut Self::Head, addresses: Self::Pair, delta: ChecksumDelta) {
        let hop_limit = Self::hop_limit(head).saturating_sub(1);
        Self::rewrite(head, ethernet::HEADER, addresses, hop_limit, delta);
    }

    #[inline]
    fn content(datagram: Datagram<Self>) -> Content {
        Content::Ipv6(datagram)
    }

    fn parse_icmp(frame: &[u8], outline: &Outline<Self>) -> Result<Transport<Self>, DropReason> {
        if frame.get(outline.offset) == Some(&neighbor::SOLICITATION) {
            neighbor::parse_solicitation(frame, outline)
        } else {
            icmp::parse(frame, outline.offset, outline.end())
        }
    }

    fn is_error(icmp_type: u8) -> bool {
        // Destination unreachable, packet too big, time exceeded, parameter problem.
        matches!(icmp_type, 1..=4)
    }

    fn may_be_fragmented(_frame: &[u8], _datagram: &Datagram<Self>) -> Option<bool> {
        Some(false)
    }

    fn is_first_fragment(frame: &[u8], datagram: &Datagram<Self>) -> Option<bool> {
        ipv6_extensions::is_first_fragment(frame, usize::from(datagram.transport_offset))
    }

    #[inline]
    fn join(source: Self, destination: Self) -> [u8; 32] {
        let mut pair = [0; 32];
        pair[..16].copy_from_slice(&source.octets());
        pair[16..].copy_from_slice(&destination.octets());
        pair
    }

    #[inline(always)]
    fn split(addresses: [u8; 32]) -> (Self, Self) {
        (field::<0, 16, _>(&addresses).into(), field::<16, 16, _>(&addresses).into())
    }

    #[inline(always)]
    fn swap(addresses: [u8; 32]) -> [u8; 32] {
        let (source, destination) = Self::split(addresses);
        Self::join(destination, source)
    }

    #[inline]
    fn words(self) -> impl Iterator<Item = u16> {
        self.segments().into_iter()
    }

    #[inline]
    fn write_addresses(frame: &mut [u8], offset: usize, source: Self, destination: Self) {
        if let Some(header) = view_mut::<HEADER>(frame, offset) {
            set_field::<{ at::SOURCE }, 16, _>(header, source.octets());
            set_field::<{ at::DESTINATION }, 16, _>(header, destination.octets());
        }
    }

    #[inline(always)]
    fn rewrite(frame: &mut [u8], offset: usize, addresses: [u8; 32], hop_limit: u8, _delta: ChecksumDelta) {
        if let Some(header) = view_mut::<HEADER>(frame, offset) {
            header[at::HOP_LIMIT] = hop_limit;
            set_field::<{ at::SOURCE }, 32, _>(header, addresses);
        }
    }

    fn compose(packet: &mut [u8], envelope: &Envelope<Self>) {
        let payload_length = narrow(packet.len().saturating_sub(HEADER));
        let Some(header) = view_mut::<HEADER>(packet, 0) else {
            return;
        };
        set_field::<{ at::VERSION }, 4, _>(header, [6 << 4, 0, 0, 0]);
        set_field::<{ at::PAYLOAD_LENGTH }, 2, _>(header, payload_length.to_be_bytes());
        header[at::NEXT_HEADER] = envelope.protocol;
        header[at::HOP_LIMIT] = envelope.hop_limit;
        set_field::<{ at::SOURCE }, 16, _>(header, envelope.source.octets());
        set_field::<{ at::DESTINATION }, 16, _>(header, envelope.destination.octets());
    }

    fn read_quoted(
        frame: &[u8],
        offset: usize,
        end: usize,
    ) -> Result<Option<QuotedHeader<Self>>, DropReason> {
        let Some(header) = quoted_bytes::<HEADER>(frame, offset, end)?.filter(|header| is_ipv6(header))
        else {
            return Ok(None);
        };
        let behind = match walk(frame, offset + HEADER, end, header[at::NEXT_HEADER]) {
            Ok(Behind { offset, protocol, fragment: Some(fragment) }) if fragment.is_first => {
                walk(frame, offset, end, protocol)
            }
            behind => behind,
        };
        let behind = match behind {
            Ok(behind) if behind.fragment.is_none() => behind,
            Err(DropReason::FrameTruncated) => return Err(DropReason::FrameTruncated),
            // Cut off, or a later fragment: there is no transport header to be found.
            Ok(_) | Err(_) => return Ok(None),
        };
        Ok(Some(QuotedHeader {
            source: field::<{ at::SOURCE }, 16, _>(header).into(),
            destination: field::<{ at::DESTINATION }, 16, _>(header).into(),
            protocol: behind.protocol,
            transport_offset: behind.offset,
        }))
    }
}
