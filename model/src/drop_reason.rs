//! Why a packet was not forwarded: one list, from which the enum, the text and the metric all come.

crate::reasons! {
    /// Why a packet was dropped. Each dropped packet is counted under exactly one reason.
    pub enum DropReason;

    /// The frame is shorter than its headers need.
    FrameTruncated = "frame_truncated";
    /// The IP version or header length is wrong.
    IpHeaderInvalid = "ip_header_invalid";
    /// The IP length field is smaller than the headers or larger than the frame.
    IpLengthInvalid = "ip_length_invalid";
    /// The IPv4 header checksum is wrong.
    IpChecksumInvalid = "ip_checksum_invalid";
    /// The IPv6 extension headers are malformed or too many.
    IpExtensionInvalid = "ip_extension_invalid";
    /// The TCP, UDP or ICMP header is malformed.
    TransportHeaderInvalid = "transport_header_invalid";
    /// The ARP or neighbour discovery message is malformed.
    NeighborMessageInvalid = "neighbor_message_invalid";
    /// The source address can not be a client's (RFC 1812 section 5.3.7).
    Martian = "martian";
    /// The time to live or hop limit has run out.
    HopLimitExceeded = "hop_limit_exceeded";
    /// A fragment to or from a virtual server; fragments are not followed yet.
    Fragment = "fragment";
    /// The frame is addressed to another station's MAC address.
    NotOurMac = "not_our_mac";
    /// Not for a virtual server, and the port's policy for such packets is to drop.
    Unmatched = "unmatched";
    /// To a virtual server's address, but to a port or protocol that no virtual server has.
    NoVirtualServer = "no_virtual_server";
    /// From the inside to a virtual server; only outside ports take clients.
    Hairpin = "hairpin";
    /// The unit stands by; its peer forwards.
    Standby = "standby";
    /// The unit is active, but not sure any more that its peer is not.
    LeaseOver = "lease_over";
    /// The virtual server is out of service.
    VirtualOutOfService = "virtual_out_of_service";
    /// No bound real server is in service.
    NoRealServer = "no_real_server";
    /// The virtual server's instance for this client serves nobody.
    Unwelcome = "unwelcome";
    /// The virtual server, or all its real servers, have as many connections as they may have.
    Busy = "busy";
    /// The virtual server has as many half-open connections as its guard lets it have.
    SynGuard = "synguard";
    /// A TCP segment without SYN that belongs to no connection.
    NoConnection = "no_connection";
    /// An ICMP error about a packet of no known connection.
    IcmpErrorUnmatched = "icmp_error_unmatched";
    /// The connection table is full; the new connection was refused.
    TableFull = "table_full";
    /// No client port is left to tell two connections apart at the real server.
    NoTranslationPort = "no_translation_port";
    /// No route to the next hop through any port.
    NoRoute = "no_route";
    /// The next hop's MAC address did not become known in time.
    NextHopUnresolved = "next_hop_unresolved";
    /// Too many packets wait for a next hop's MAC address already.
    HoldFull = "hold_full";
    /// The packet is larger than the output port's MTU.
    PacketTooBig = "packet_too_big";
    /// The transmit queue is full or refused the packet.
    TransmitFull = "transmit_full";
    /// The ring to the worker that owns the client is full.
    HandOverFull = "hand_over_full";
    /// The ring to the kernel is full.
    KernelFull = "kernel_full";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_reason_has_its_own_place_and_name() {
        let names: HashSet<_> = DropReason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), DropReason::COUNT);
        for (index, reason) in DropReason::ALL.iter().enumerate() {
            assert_eq!(reason.index(), index);
            assert!(reason.description().ends_with('.'));
        }
    }
}
