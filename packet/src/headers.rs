//! What parsing finds, and where the fields are: each offset is named once, here.

use std::net::{Ipv4Addr, Ipv6Addr};

use model::{MacAddress, Protocol};

/// Offsets and sizes, in bytes.
pub(crate) mod at {
    /// Ethernet header without tags.
    pub(crate) const ETHERNET_HEADER: usize = 14;
    pub(crate) const ETHERNET_SOURCE: usize = 6;
    pub(crate) const ETHERTYPE: usize = 12;
    pub(crate) const VLAN_TAG: usize = 4;

    pub(crate) const IPV4_HEADER: usize = 20;
    pub(crate) const IPV4_LENGTH: usize = 2;
    pub(crate) const IPV4_FRAGMENT: usize = 6;
    pub(crate) const IPV4_TTL: usize = 8;
    pub(crate) const IPV4_PROTOCOL: usize = 9;
    pub(crate) const IPV4_CHECKSUM: usize = 10;
    pub(crate) const IPV4_SOURCE: usize = 12;
    pub(crate) const IPV4_DESTINATION: usize = 16;

    pub(crate) const IPV6_HEADER: usize = 40;
    pub(crate) const IPV6_PAYLOAD_LENGTH: usize = 4;
    pub(crate) const IPV6_NEXT_HEADER: usize = 6;
    pub(crate) const IPV6_HOP_LIMIT: usize = 7;
    pub(crate) const IPV6_SOURCE: usize = 8;
    pub(crate) const IPV6_DESTINATION: usize = 24;

    /// Both of TCP and UDP.
    pub(crate) const SOURCE_PORT: usize = 0;
    pub(crate) const DESTINATION_PORT: usize = 2;
    pub(crate) const TCP_HEADER: usize = 20;
    pub(crate) const TCP_SEQUENCE: usize = 4;
    pub(crate) const TCP_ACKNOWLEDGEMENT: usize = 8;
    pub(crate) const TCP_DATA_OFFSET: usize = 12;
    pub(crate) const TCP_FLAGS: usize = 13;
    pub(crate) const TCP_CHECKSUM: usize = 16;
    pub(crate) const UDP_HEADER: usize = 8;
    pub(crate) const UDP_LENGTH: usize = 4;
    pub(crate) const UDP_CHECKSUM: usize = 6;

    /// The fixed part of ICMP and ICMPv6 messages; in errors the quoted packet follows.
    pub(crate) const ICMP_HEADER: usize = 8;
    pub(crate) const ICMP_CHECKSUM: usize = 2;
    /// Neighbour solicitations and advertisements (RFC 4861 sections 4.3 and 4.4).
    pub(crate) const ND_TARGET: usize = 8;
    pub(crate) const ND_OPTIONS: usize = 24;

    pub(crate) const ARP_MESSAGE: usize = 28;
    pub(crate) const ARP_OPERATION: usize = 6;
    pub(crate) const ARP_SENDER_MAC: usize = 8;
    pub(crate) const ARP_SENDER: usize = 14;
    pub(crate) const ARP_TARGET_MAC: usize = 18;
    pub(crate) const ARP_TARGET: usize = 24;
}

pub(crate) const ETHERTYPE_IPV4: u16 = 0x0800;
pub(crate) const ETHERTYPE_ARP: u16 = 0x0806;
pub(crate) const ETHERTYPE_IPV6: u16 = 0x86dd;
pub(crate) const ETHERTYPE_VLAN: u16 = 0x8100;
pub(crate) const ETHERTYPE_SERVICE_VLAN: u16 = 0x88a8;

pub(crate) const PROTOCOL_ICMP: u8 = 1;
pub(crate) const PROTOCOL_TCP: u8 = 6;
pub(crate) const PROTOCOL_UDP: u8 = 17;
pub(crate) const PROTOCOL_ICMPV6: u8 = 58;

pub(crate) const ICMPV6_NEIGHBOR_SOLICITATION: u8 = 135;
pub(crate) const ICMPV6_NEIGHBOR_ADVERTISEMENT: u8 = 136;

/// A parsed frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The Ethernet header.
    pub ethernet: Ethernet,
    /// What it carries.
    pub content: Content,
}

/// An Ethernet header, tags included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ethernet {
    /// The station that the frame is for.
    pub destination: MacAddress,
    /// The station that sent it.
    pub source: MacAddress,
    /// The outermost 802.1Q tag control field, where there is one.
    pub vlan: Option<u16>,
    /// The type of the payload, behind the tags.
    pub ethertype: u16,
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
    /// Anything else; it was not looked into.
    Other,
}

/// An ARP message (RFC 826).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// Whether it asks or answers.
    pub operation: ArpOperation,
    /// The sender's Ethernet address.
    pub sender_mac: MacAddress,
    /// The sender's IP address.
    pub sender: Ipv4Addr,
    /// The address that is asked for, or the receiver's.
    pub target: Ipv4Addr,
}

/// What an ARP message does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArpOperation {
    /// Asks who has an address.
    Request,
    /// Answers.
    Reply,
    /// Something rarer.
    Other(u16),
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
    /// Bytes of the whole IP packet; at most 65,535 (an IPv6 payload that makes it longer is cut to that here).
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
    /// An IPv6 neighbour solicitation that passed RFC 4861 section 7.1.1.
    NeighborSolicitation {
        /// The address that is asked for.
        target: A,
    },
    /// An ICMP or ICMPv6 error that quotes a TCP or UDP packet.
    IcmpError(Quote<A>),
    /// A fragment, first or later: only the IP header was checked.
    Fragment {
        /// The protocol that is fragmented.
        protocol: u8,
    },
    /// Another protocol, or another ICMP message.
    Other {
        /// The IP protocol number.
        protocol: u8,
    },
}

/// The packet that an ICMP error quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote<A> {
    /// Its transport protocol.
    pub protocol: Protocol,
    /// Its ends.
    pub tuple: Tuple<A>,
    /// Where its IP header begins in the frame.
    pub ip_offset: u16,
    /// Where its transport header begins in the frame.
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

/// The flags of a TCP segment (RFC 9293 section 3.1).
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

    /// Whether all of `flags` are set.
    #[inline]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}
