//! From bytes to headers. Every length is checked here, so that what comes later can rely on the offsets.

use std::net::{Ipv4Addr, Ipv6Addr};

use model::limits::IPV6_EXTENSION_HEADERS;
use model::{DropReason, MacAddress, Protocol};

use crate::address::Address;
use crate::bytes::{array, read_u16, sum};
use crate::checksum::fold;
use crate::headers::{
    Arp, ArpOperation, Content, Datagram, ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6,
    ETHERTYPE_SERVICE_VLAN, ETHERTYPE_VLAN, Ethernet, ICMPV6_NEIGHBOR_SOLICITATION, PROTOCOL_ICMPV6,
    PROTOCOL_TCP, PROTOCOL_UDP, Packet, Quote, TcpFlags, Transport, Tuple, at,
};

/// Tags that are looked behind.
const VLAN_TAGS: usize = 2;

/// Parses a frame of `frame_length` bytes of which `frame` are the first: all of it, or enough for its headers.
///
/// TCP and UDP checksums are end to end and not verified; the IPv4 header checksum is.
///
/// # Errors
///
/// What is wrong with the frame; it is to be dropped.
#[inline]
pub fn parse(frame: &[u8], frame_length: usize) -> Result<Packet, DropReason> {
    let header: [u8; at::ETHERNET_HEADER] = array(frame, 0).ok_or(DropReason::FrameTruncated)?;
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = header;
    let mut ethernet = Ethernet {
        destination: MacAddress([d0, d1, d2, d3, d4, d5]),
        source: MacAddress([s0, s1, s2, s3, s4, s5]),
        vlan: None,
        ethertype: u16::from_be_bytes([t0, t1]),
    };
    let mut offset = at::ETHERNET_HEADER;
    if matches!(ethernet.ethertype, ETHERTYPE_VLAN | ETHERTYPE_SERVICE_VLAN) {
        offset = skip_tags(frame, &mut ethernet)?;
    }
    let content = match ethernet.ethertype {
        ETHERTYPE_IPV4 => Content::Ipv4(parse_ipv4(frame, frame_length, offset)?),
        ETHERTYPE_IPV6 => Content::Ipv6(parse_ipv6(frame, frame_length, offset)?),
        ETHERTYPE_ARP => parse_arp(frame, offset)?,
        _ => Content::Other,
    };
    Ok(Packet { ethernet, content })
}

/// Returns where the payload begins, behind the tags; the ethertype becomes the payload's.
#[cold]
fn skip_tags(frame: &[u8], ethernet: &mut Ethernet) -> Result<usize, DropReason> {
    let mut offset = at::ETHERNET_HEADER;
    for _ in 0..VLAN_TAGS {
        if !matches!(ethernet.ethertype, ETHERTYPE_VLAN | ETHERTYPE_SERVICE_VLAN) {
            break;
        }
        let tag = read_u16(frame, offset).ok_or(DropReason::FrameTruncated)?;
        ethernet.vlan = ethernet.vlan.or(Some(tag));
        ethernet.ethertype = read_u16(frame, offset + 2).ok_or(DropReason::FrameTruncated)?;
        offset += at::VLAN_TAG;
    }
    Ok(offset)
}

#[cold]
fn parse_arp(frame: &[u8], offset: usize) -> Result<Content, DropReason> {
    const ETHERNET_IPV4: [u8; 6] = [0, 1, 8, 0, 6, 4];
    let message: [u8; at::ARP_MESSAGE] = array(frame, offset).ok_or(DropReason::FrameTruncated)?;
    if message[..at::ARP_OPERATION] != ETHERNET_IPV4 {
        return Err(DropReason::NeighborMessageInvalid);
    }
    let address = |at| {
        array::<4>(&message, at)
            .map(Ipv4Addr::from)
            .ok_or(DropReason::FrameTruncated)
    };
    Ok(Content::Arp(Arp {
        operation: match read_u16(&message, at::ARP_OPERATION).unwrap_or_default() {
            1 => ArpOperation::Request,
            2 => ArpOperation::Reply,
            other => ArpOperation::Other(other),
        },
        sender_mac: MacAddress(array(&message, at::ARP_SENDER_MAC).ok_or(DropReason::FrameTruncated)?),
        sender: address(at::ARP_SENDER)?,
        target: address(at::ARP_TARGET)?,
    }))
}

#[inline]
fn parse_ipv4(frame: &[u8], frame_length: usize, offset: usize) -> Result<Datagram<Ipv4Addr>, DropReason> {
    let header: [u8; at::IPV4_HEADER] = array(frame, offset).ok_or(DropReason::FrameTruncated)?;
    let header_length = ipv4_header_length(header[0])?;
    let ip_length = u16::from_be_bytes([header[2], header[3]]);
    if usize::from(ip_length) < header_length || usize::from(ip_length) > frame_length.saturating_sub(offset)
    {
        return Err(DropReason::IpLengthInvalid);
    }
    let whole = frame
        .get(offset..offset + header_length)
        .ok_or(DropReason::FrameTruncated)?;
    if fold(sum(whole)) != 0xffff {
        return Err(DropReason::IpChecksumInvalid);
    }
    let protocol = header[at::IPV4_PROTOCOL];
    let transport_offset = offset + header_length;
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0;
    let transport = if fragment {
        Transport::Fragment { protocol }
    } else {
        let length = usize::from(ip_length) - header_length;
        parse_transport::<Ipv4Addr>(frame, transport_offset, length, protocol)?
    };
    Ok(Datagram {
        source: Ipv4Addr::new(header[12], header[13], header[14], header[15]),
        destination: Ipv4Addr::new(header[16], header[17], header[18], header[19]),
        hop_limit: header[at::IPV4_TTL],
        ip_offset: small(offset),
        ip_length,
        transport_offset: small(transport_offset),
        transport,
    })
}

/// Bytes of an IPv4 header with its options, from its first byte.
#[inline]
fn ipv4_header_length(first: u8) -> Result<usize, DropReason> {
    let length = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || length < at::IPV4_HEADER {
        return Err(DropReason::IpHeaderInvalid);
    }
    Ok(length)
}

#[inline]
fn parse_ipv6(frame: &[u8], frame_length: usize, offset: usize) -> Result<Datagram<Ipv6Addr>, DropReason> {
    let header: [u8; at::IPV6_HEADER] = array(frame, offset).ok_or(DropReason::FrameTruncated)?;
    if header[0] >> 4 != 6 {
        return Err(DropReason::IpHeaderInvalid);
    }
    let payload = usize::from(u16::from_be_bytes([header[4], header[5]]));
    let ip_length = at::IPV6_HEADER + payload;
    if ip_length > frame_length.saturating_sub(offset) {
        return Err(DropReason::IpLengthInvalid);
    }
    let end = offset + ip_length;
    let first = header[at::IPV6_NEXT_HEADER];
    let behind = walk_extensions(frame, offset + at::IPV6_HEADER, end, first)?;
    let hop_limit = header[at::IPV6_HOP_LIMIT];
    let transport = if behind.fragment {
        Transport::Fragment {
            protocol: behind.protocol,
        }
    } else if behind.protocol == PROTOCOL_ICMPV6
        && frame.get(behind.offset) == Some(&ICMPV6_NEIGHBOR_SOLICITATION)
    {
        parse_solicitation(frame, offset, behind.offset, end, hop_limit)?
    } else {
        parse_transport::<Ipv6Addr>(frame, behind.offset, end - behind.offset, behind.protocol)?
    };
    let address = |at| {
        array::<16>(&header, at)
            .map(Ipv6Addr::from)
            .ok_or(DropReason::FrameTruncated)
    };
    Ok(Datagram {
        source: address(at::IPV6_SOURCE)?,
        destination: address(at::IPV6_DESTINATION)?,
        hop_limit,
        ip_offset: small(offset),
        ip_length: u16::try_from(ip_length).unwrap_or(u16::MAX),
        transport_offset: small(behind.offset),
        transport,
    })
}

/// Where the extension headers end.
struct Behind {
    offset: usize,
    protocol: u8,
    fragment: bool,
}

/// Walks the extension headers (RFC 8200 section 4) of a packet that ends at `end`.
#[inline]
fn walk_extensions(frame: &[u8], offset: usize, end: usize, first: u8) -> Result<Behind, DropReason> {
    if matches!(first, PROTOCOL_TCP | PROTOCOL_UDP | PROTOCOL_ICMPV6) {
        return Ok(Behind {
            offset,
            protocol: first,
            fragment: false,
        });
    }
    walk_all_extensions(frame, offset, end, first)
}

#[cold]
fn walk_all_extensions(frame: &[u8], mut offset: usize, end: usize, first: u8) -> Result<Behind, DropReason> {
    const HOP_BY_HOP: u8 = 0;
    const ROUTING: u8 = 43;
    const FRAGMENT: u8 = 44;
    const AUTHENTICATION: u8 = 51;
    const DESTINATION: u8 = 60;
    let mut protocol = first;
    for _ in 0..=IPV6_EXTENSION_HEADERS {
        let unit = match protocol {
            HOP_BY_HOP | ROUTING | DESTINATION => 8,
            AUTHENTICATION => 4,
            FRAGMENT => 0,
            _ => {
                return Ok(Behind {
                    offset,
                    protocol,
                    fragment: false,
                });
            }
        };
        let header: [u8; 8] = array(frame, offset).ok_or(DropReason::IpExtensionInvalid)?;
        let length = match unit {
            // The authentication header counts 4-byte units less 2 (RFC 4302 section 2.2).
            4 => (usize::from(header[1]) + 2) * 4,
            _ => (usize::from(header[1]) * unit) + 8,
        };
        if length > end - offset {
            return Err(DropReason::IpExtensionInvalid);
        }
        let is_fragment = protocol == FRAGMENT && u16::from_be_bytes([header[2], header[3]]) & 0xfff9 != 0;
        protocol = header[0];
        offset += length;
        if is_fragment {
            return Ok(Behind {
                offset,
                protocol,
                fragment: true,
            });
        }
    }
    Err(DropReason::IpExtensionInvalid)
}

/// Parses the transport header at `offset` of a packet that has `length` bytes from there on.
#[inline]
fn parse_transport<A: FromQuote>(
    frame: &[u8],
    offset: usize,
    length: usize,
    protocol: u8,
) -> Result<Transport<A>, DropReason> {
    match protocol {
        PROTOCOL_TCP => {
            let header: [u8; at::TCP_HEADER] = transport_header(frame, offset, length)?;
            let header_length = usize::from(header[at::TCP_DATA_OFFSET] >> 4) * 4;
            if header_length < at::TCP_HEADER || header_length > length {
                return Err(DropReason::TransportHeaderInvalid);
            }
            Ok(Transport::Tcp {
                source_port: u16::from_be_bytes([header[0], header[1]]),
                destination_port: u16::from_be_bytes([header[2], header[3]]),
                flags: TcpFlags(header[at::TCP_FLAGS]),
            })
        }
        PROTOCOL_UDP => {
            let header: [u8; at::UDP_HEADER] = transport_header(frame, offset, length)?;
            let udp_length = usize::from(u16::from_be_bytes([header[4], header[5]]));
            if udp_length < at::UDP_HEADER || udp_length > length {
                return Err(DropReason::TransportHeaderInvalid);
            }
            Ok(Transport::Udp {
                source_port: u16::from_be_bytes([header[0], header[1]]),
                destination_port: u16::from_be_bytes([header[2], header[3]]),
            })
        }
        _ if protocol == A::ICMP => parse_icmp(frame, offset, length),
        _ => Ok(Transport::Other { protocol }),
    }
}

/// The fixed part of a transport header. Too short a packet is malformed; too few contiguous bytes are truncated.
#[inline]
fn transport_header<const N: usize>(
    frame: &[u8],
    offset: usize,
    length: usize,
) -> Result<[u8; N], DropReason> {
    if length < N {
        return Err(DropReason::TransportHeaderInvalid);
    }
    array(frame, offset).ok_or(DropReason::FrameTruncated)
}

#[cold]
fn parse_icmp<A: FromQuote>(frame: &[u8], offset: usize, length: usize) -> Result<Transport<A>, DropReason> {
    let header: [u8; at::ICMP_HEADER] = transport_header(frame, offset, length)?;
    if header[0] == A::ECHO_REQUEST {
        return Ok(Transport::EchoRequest);
    }
    let quoted =
        A::is_error(header[0]).then(|| A::parse_quote(frame, offset + at::ICMP_HEADER, offset + length));
    Ok(quoted
        .flatten()
        .map_or(Transport::Other { protocol: A::ICMP }, Transport::IcmpError))
}

/// How an IP version's ICMP errors quote packets.
trait FromQuote: Address {
    fn is_error(kind: u8) -> bool;

    /// The quoted packet that begins at `offset`, if it is TCP or UDP, not a later fragment, and has its ports
    /// before `end`.
    fn parse_quote(frame: &[u8], offset: usize, end: usize) -> Option<Quote<Self>>;
}

impl FromQuote for Ipv4Addr {
    fn is_error(kind: u8) -> bool {
        // Destination unreachable, time exceeded, parameter problem.
        matches!(kind, 3 | 11 | 12)
    }

    fn parse_quote(frame: &[u8], offset: usize, end: usize) -> Option<Quote<Self>> {
        let header: [u8; at::IPV4_HEADER] = array(frame, offset)?;
        let header_length = ipv4_header_length(header[0]).ok()?;
        if u16::from_be_bytes([header[6], header[7]]) & 0x1fff != 0 {
            return None;
        }
        let addresses = (
            Self::new(header[12], header[13], header[14], header[15]),
            Self::new(header[16], header[17], header[18], header[19]),
        );
        quote(
            frame,
            offset,
            offset + header_length,
            end,
            header[at::IPV4_PROTOCOL],
            addresses,
        )
    }
}

impl FromQuote for Ipv6Addr {
    fn is_error(kind: u8) -> bool {
        // Destination unreachable, packet too big, time exceeded, parameter problem.
        matches!(kind, 1..=4)
    }

    fn parse_quote(frame: &[u8], offset: usize, end: usize) -> Option<Quote<Self>> {
        let header: [u8; at::IPV6_HEADER] = array(frame, offset)?;
        if header[0] >> 4 != 6 {
            return None;
        }
        let behind =
            walk_extensions(frame, offset + at::IPV6_HEADER, end, header[at::IPV6_NEXT_HEADER]).ok()?;
        if behind.fragment {
            return None;
        }
        let addresses = (
            array::<16>(&header, at::IPV6_SOURCE).map(Self::from)?,
            array::<16>(&header, at::IPV6_DESTINATION).map(Self::from)?,
        );
        quote(frame, offset, behind.offset, end, behind.protocol, addresses)
    }
}

fn quote<A>(
    frame: &[u8],
    ip_offset: usize,
    transport_offset: usize,
    end: usize,
    protocol: u8,
    (source, destination): (A, A),
) -> Option<Quote<A>> {
    let protocol = match protocol {
        PROTOCOL_TCP => Protocol::Tcp,
        PROTOCOL_UDP => Protocol::Udp,
        _ => return None,
    };
    // RFC 792 promises eight bytes of the transport header; the ports are the first four.
    if transport_offset + 8 > end {
        return None;
    }
    let [a, b, c, d] = array(frame, transport_offset)?;
    Some(Quote {
        protocol,
        tuple: Tuple {
            source,
            source_port: u16::from_be_bytes([a, b]),
            destination,
            destination_port: u16::from_be_bytes([c, d]),
        },
        ip_offset: small(ip_offset),
        transport_offset: small(transport_offset),
    })
}

/// RFC 4861 section 7.1.1: what a node must check before it believes a solicitation.
#[cold]
fn parse_solicitation(
    frame: &[u8],
    ip_offset: usize,
    offset: usize,
    end: usize,
    hop_limit: u8,
) -> Result<Transport<Ipv6Addr>, DropReason> {
    let invalid = DropReason::NeighborMessageInvalid;
    let message = frame.get(offset..end).ok_or(DropReason::FrameTruncated)?;
    let target = array::<16>(message, at::ND_TARGET)
        .map(Ipv6Addr::from)
        .ok_or(invalid)?;
    let code = message.get(1).copied().unwrap_or(u8::MAX);
    let options_end = at::ND_OPTIONS <= message.len() && options_are_whole(&message[at::ND_OPTIONS..]);
    let addresses = frame
        .get(ip_offset + at::IPV6_SOURCE..ip_offset + at::IPV6_HEADER)
        .unwrap_or_default();
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let total = sum(message) + sum(addresses) + length + u32::from(PROTOCOL_ICMPV6);
    if hop_limit != 255 || code != 0 || target.is_multicast() || !options_end || fold(total) != 0xffff {
        return Err(invalid);
    }
    Ok(Transport::NeighborSolicitation { target })
}

/// Whether neighbour discovery options fill the bytes, and none has length zero.
fn options_are_whole(mut options: &[u8]) -> bool {
    while let Some(&units) = options.get(1) {
        match options.get(usize::from(units) * 8..) {
            Some(rest) if units > 0 => options = rest,
            _ => return false,
        }
    }
    options.is_empty()
}

/// An offset within the headers; no frame has them beyond 16 bits.
#[inline]
fn small(offset: usize) -> u16 {
    u16::try_from(offset).unwrap_or(u16::MAX)
}
