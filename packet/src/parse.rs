//! From bytes to headers. Every length is checked on the way, so that what comes later can rely on the offsets.
//!
//! This is the thorough way, for whatever there is. The common TCP or UDP packet does not need it: `headers` reads what
//! forwarding needs of that.

use std::net::{Ipv4Addr, Ipv6Addr};

use model::DropReason;

use crate::address::Address;
use crate::bytes::{narrow, view};
use crate::packet::{Content, Datagram, Packet, Transport};
use crate::{Ethernet, arp, ethernet, tcp, udp};

/// Parses a frame of `frame_length` bytes of which `frame` are the first: all of it, or enough for its headers.
///
/// TCP and UDP checksums are end to end and not verified; the IPv4 header checksum is.
///
/// # Errors
///
/// What is wrong with the frame; it is to be dropped.
pub fn parse(frame: &[u8], frame_length: usize) -> Result<Packet, DropReason> {
    let mut ethernet = Ethernet::parse(frame)?;
    let offset = ethernet.skip_tags(frame)?;
    let content = match ethernet.ethertype {
        ethernet::IPV4 => parse_datagram::<Ipv4Addr>(frame, frame_length, offset)?,
        ethernet::IPV6 => parse_datagram::<Ipv6Addr>(frame, frame_length, offset)?,
        ethernet::ARP => Content::Arp(arp::parse(frame, offset)?),
        _ => Content::Other,
    };
    Ok(Packet { ethernet, content })
}

fn parse_datagram<A: Address>(
    frame: &[u8],
    frame_length: usize,
    offset: usize,
) -> Result<Content, DropReason> {
    let outline = A::outline(frame, frame_length, offset)?;
    let transport = match outline.protocol {
        protocol if outline.is_fragment => Transport::Fragment { protocol },
        tcp::PROTOCOL => tcp::parse(frame, outline.offset, outline.length())?,
        udp::PROTOCOL => udp::parse(frame, outline.offset, outline.length())?,
        protocol if protocol == A::ICMP => A::parse_icmp(frame, &outline)?,
        protocol => Transport::Other { protocol },
    };
    Ok(A::content(outline.datagram(transport)))
}

/// An IP packet without its transport header: lengths and the IP headers were checked.
#[derive(Clone, Copy)]
pub struct Outline<A> {
    pub(crate) source: A,
    pub(crate) destination: A,
    pub(crate) hop_limit: u8,
    pub(crate) ip_offset: usize,
    pub(crate) ip_length: u16,
    /// What is behind the IP headers.
    pub(crate) protocol: u8,
    /// Not a whole packet.
    pub(crate) is_fragment: bool,
    /// Where that begins in the frame.
    pub(crate) offset: usize,
}

impl<A: Address> Outline<A> {
    /// Where the packet ends.
    #[inline]
    pub(crate) fn end(&self) -> usize {
        self.ip_offset + usize::from(self.ip_length)
    }

    /// Bytes behind the IP headers.
    #[inline]
    fn length(&self) -> usize {
        self.end() - self.offset
    }

    #[inline]
    fn datagram(self, transport: Transport<A>) -> Datagram<A> {
        Datagram {
            source: self.source,
            destination: self.destination,
            hop_limit: self.hop_limit,
            ip_offset: narrow(self.ip_offset),
            ip_length: self.ip_length,
            transport_offset: narrow(self.offset),
            transport,
        }
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
