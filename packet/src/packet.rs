//! What parsing finds. Offsets are those of the frame; `parse` makes them, and all of them are inside it.

use std::net::{Ipv4Addr, Ipv6Addr};

use model::Protocol;

use crate::{Arp, Ethernet, TcpFlags};

/// A parsed frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The Ethernet header.
    pub ethernet: Ethernet,
    /// What it carries.
    pub content: Content,
}

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// An IPv4 packet.
    Ipv4(Datagram<Ipv4Addr>),
    /// An IPv6 packet.
    Ipv6(Datagram<Ipv6Addr>),
    /// An ARP message for IPv4 over Ethernet.
    Arp(Arp),
    /// Anything else; it was not looked into. More than two VLAN tags are anything else.
    Other,
}

/// An IP packet whose headers were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<A> {
    /// Source address.
    pub source: A,
    /// Destination address.
    pub destination: A,
    /// Time to live or hop limit.
    pub hop_limit: u8,
    /// Where the IP header begins in the frame.
    pub ip_offset: u16,
    /// Bytes of the whole IP packet; padding of the frame may follow it.
    pub ip_length: u16,
    /// Where the transport header begins in the frame.
    pub transport_offset: u16,
    /// What is transported.
    pub transport: Transport<A>,
}

/// What an IP packet transports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport<A> {
    /// A TCP segment.
    Tcp {
        /// Source port.
        source_port: u16,
        /// Destination port.
        destination_port: u16,
        /// Its flags.
        flags: TcpFlags,
    },
    /// A UDP datagram.
    Udp {
        /// Source port.
        source_port: u16,
        /// Destination port.
        destination_port: u16,
    },
    /// An ICMP or ICMPv6 echo request.
    EchoRequest,
    /// An IPv6 neighbour solicitation that is valid by RFC 4861 section 7.1.1.
    NeighborSolicitation {
        /// The address that is asked for.
        target: A,
    },
    /// An ICMP or ICMPv6 error that quotes a TCP or UDP packet.
    IcmpError(Quote<A>),
    /// A fragment, first or later: only the IP header was checked.
    Fragment {
        /// The protocol that is fragmented; for IPv6 what follows the fragment header.
        protocol: u8,
    },
    /// Another protocol, or another ICMP message. Only the IP header was checked.
    Other {
        /// The IP protocol number. For IPv6 also that of an extension header that ends the walk, because what
        /// follows it must not be changed: authentication, or a routing header that is not at its end.
        protocol: u8,
    },
}

/// The packet that an ICMP error quotes: unfragmented, or the first fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote<A> {
    /// Its transport protocol.
    pub protocol: Protocol,
    /// Its ends.
    pub tuple: Tuple<A>,
    /// Where its IP header begins in the frame.
    pub ip_offset: u16,
    /// Where its transport header begins in the frame; at least the ports are there.
    pub transport_offset: u16,
}

/// The transport-layer ends of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tuple<A> {
    /// Source address.
    pub source: A,
    /// Source port.
    pub source_port: u16,
    /// Destination address.
    pub destination: A,
    /// Destination port.
    pub destination_port: u16,
}
