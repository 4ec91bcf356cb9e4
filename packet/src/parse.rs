//! From bytes to headers. Every length is checked on the way, so that what comes later can rely on the offsets.
//!
//! The common case, an untagged TCP or UDP packet without IP options, is one straight line; all else is in functions
//! that are marked cold.

use model::DropReason;

use crate::address::Address;
use crate::bytes::view;
use crate::packet::{Content, Packet, Transport};
use crate::{Ethernet, arp, ethernet, ipv4, ipv6, tcp, udp};

/// Parses a frame of `frame_length` bytes of which `frame` are the first: all of it, or enough for its headers.
///
/// TCP and UDP checksums are end to end and not verified; the IPv4 header checksum is.
///
/// # Errors
///
/// What is wrong with the frame; it is to be dropped.
#[inline]
pub fn parse(frame: &[u8], frame_length: usize) -> Result<Packet, DropReason> {
    let ethernet = Ethernet::parse(frame)?;
    let content = match ethernet.ethertype {
        ethernet::IPV4 => Content::Ipv4(ipv4::parse(frame, frame_length, ethernet::HEADER)?),
        ethernet::IPV6 => Content::Ipv6(ipv6::parse(frame, frame_length, ethernet::HEADER)?),
        _ => return parse_rare(frame, frame_length),
    };
    Ok(Packet { ethernet, content })
}

/// What has tags, or is not IP. Starts again, so that the common case need not keep the Ethernet header in memory for
/// the sake of this one.
#[cold]
fn parse_rare(frame: &[u8], frame_length: usize) -> Result<Packet, DropReason> {
    let mut ethernet = Ethernet::parse(frame)?;
    let offset = ethernet.skip_tags(frame)?;
    let content = match ethernet.ethertype {
        ethernet::IPV4 => Content::Ipv4(ipv4::parse(frame, frame_length, offset)?),
        ethernet::IPV6 => Content::Ipv6(ipv6::parse(frame, frame_length, offset)?),
        ethernet::ARP => Content::Arp(arp::parse(frame, offset)?),
        _ => Content::Other,
    };
    Ok(Packet { ethernet, content })
}

/// Parses the transport header at `offset` of a packet that ends at `end`. ICMP is the IP version's business.
#[inline]
pub(crate) fn parse_transport<A: Address>(
    frame: &[u8],
    offset: usize,
    end: usize,
    protocol: u8,
) -> Result<Transport<A>, DropReason> {
    match protocol {
        tcp::PROTOCOL => tcp::parse(frame, offset, end - offset),
        udp::PROTOCOL => udp::parse(frame, offset, end - offset),
        _ => Ok(Transport::Other { protocol }),
    }
}

/// The fixed part of a transport header. Too short a packet is malformed; too few contiguous bytes are truncated.
#[inline]
pub(crate) fn transport_header<const N: usize>(
    frame: &[u8],
    offset: usize,
    length: usize,
) -> Result<&[u8; N], DropReason> {
    if length < N {
        return Err(DropReason::TransportHeaderInvalid);
    }
    view(frame, offset).ok_or(DropReason::FrameTruncated)
}
