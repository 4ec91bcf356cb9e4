//! The first stage: what a frame is, whose it is, and the verdict of all that needs no connection.

use std::net::IpAddr;

use flow_table::FlowId;
use model::{DropReason, Protocol};
use packet::{
    Address, Arp, ArpOperation, Content, Datagram, Ethernet, Headers, InPlace, Layout, Quote, Tcp, TcpFlags,
    Transport, Udp, WireTuple, reply,
};

use crate::connection::FlowKey;
use crate::shard::Core;
use crate::{Direction, Frame, Port, PortRole, Unmatched, Verdict};

/// A frame after the thorough first stage.
pub(crate) enum Step<A: Address> {
    Done(Verdict),
    Flow(Flow<A>),
    Error(QuotedFlow<A>),
}

/// A TCP or UDP packet that a connection is looked up for.
pub(crate) struct Flow<A: Address> {
    pub(crate) key: FlowKey<A>,
    pub(crate) hash: u64,
    /// Where the connection probably is: found by the second stage, verified by the third.
    pub(crate) candidate: Option<FlowId>,
    pub(crate) transport_offset: u16,
    /// The frame's place in the batch.
    pub(crate) place: u8,
}

/// An ICMP error about a packet of a connection.
pub(crate) struct QuotedFlow<A: Address> {
    /// The frame's place in the batch.
    pub(crate) place: u8,
    pub(crate) datagram: Datagram<A>,
    pub(crate) quote: Quote<A>,
    /// The direction of the error itself, which is against that of the packet that it quotes.
    pub(crate) direction: Direction,
    pub(crate) key: FlowKey<A>,
}

impl<A: Address> Flow<A> {
    /// Hop limit and length of the IP packet; `None` if its headers are not in the frame.
    pub(crate) fn limits(&self, frame: &mut Frame<'_>) -> Option<(u8, u16)> {
        // The shorter header of the two will do: they are the IP header's.
        let packet = InPlace::<A, Udp>::cut(frame.bytes, self.transport_offset)?;
        Some((packet.hop_limit(), packet.ip_length()))
    }

    /// The flags of a TCP segment; none are set for UDP.
    pub(crate) fn flags(&self, frame: &mut Frame<'_>) -> TcpFlags {
        match self.key.protocol {
            Protocol::Tcp => InPlace::<A, Tcp>::cut(frame.bytes, self.transport_offset)
                .map_or(TcpFlags::default(), |segment| segment.flags()),
            Protocol::Udp => TcpFlags::default(),
        }
    }
}

impl Core {
    /// The flow of a packet that came to our MAC address, or the verdict if another shard owns it.
    #[inline(always)]
    pub(crate) fn classify_flow<A: Address>(
        &self,
        place: u8,
        direction: Direction,
        headers: &Headers<A>,
    ) -> Result<Flow<A>, Verdict> {
        let Headers { ends, layout: Layout { protocol, transport_offset } } = *headers;
        let key = FlowKey { ends, protocol, direction };
        if !self.is_alone {
            let owner = self.steering.owner(key.client());
            if owner != self.index {
                return Err(Verdict::HandOver { shard: owner });
            }
        }
        Ok(Flow { key, hash: self.hasher.hash(&key), candidate: None, transport_offset, place })
    }

    /// An IP packet, whatever is in it.
    pub(crate) fn classify_datagram<A: Address>(
        &self,
        place: u8,
        frame: &mut Frame<'_>,
        ethernet: &Ethernet,
        datagram: Datagram<A>,
    ) -> Step<A> {
        let port = self.port(frame.port);
        if !port.is_station(ethernet.destination) || ethernet.vlan.is_some() {
            return Step::Done(self.classify_foreign(frame, ethernet, &datagram));
        }
        if let Transport::IcmpError(quote) = datagram.transport {
            return self.classify_error(place, port, datagram, quote);
        }
        match Headers::of(&datagram).map(|headers| self.classify_flow(place, port.role.direction(), &headers))
        {
            Some(Ok(flow)) => Step::Flow(flow),
            Some(Err(verdict)) => Step::Done(verdict),
            None => Step::Done(self.classify_connectionless(frame, &datagram)),
        }
    }

    /// The quoted packet went the other way: its ends are those of the connection, seen from the error's sender.
    fn classify_error<A: Address>(
        &self,
        place: u8,
        port: &Port,
        datagram: Datagram<A>,
        quote: Quote<A>,
    ) -> Step<A> {
        let direction = port.role.direction();
        let ends = WireTuple::from(quote.tuple).reversed();
        let key = FlowKey { ends, protocol: quote.protocol, direction };
        let owner = self.steering.owner(key.client());
        if owner != self.index {
            return Step::Done(Verdict::HandOver { shard: owner });
        }
        Step::Error(QuotedFlow { place, datagram, quote, direction, key })
    }

    /// IP, but neither TCP nor UDP nor an error about them.
    #[cold]
    fn classify_connectionless<A: Address>(&self, frame: &mut Frame<'_>, datagram: &Datagram<A>) -> Verdict {
        let port = self.port(frame.port);
        if let Transport::NeighborSolicitation { target } = datagram.transport
            && !datagram.source.is_martian_source()
            && self.answers_for(port, target)
        {
            return Verdict::AnswerNeighbor;
        }
        if !self.is_virtual(datagram.destination) {
            let fragment = matches!(datagram.transport, Transport::Fragment { .. });
            let of_real_server =
                port.role == PortRole::Inside && self.plan.services.is_real_address(datagram.source.into());
            // It can not be translated yet, and must not leave with the real server's address.
            if fragment && of_real_server && !self.is_own(datagram.destination.into()) {
                return Verdict::Drop(DropReason::Fragment);
            }
            return self.unmatched(port, datagram.destination.into());
        }
        match datagram.transport {
            _ if datagram.source.is_martian_source() => Verdict::Drop(DropReason::Martian),
            Transport::EchoRequest => {
                reply::echo(frame.bytes, datagram);
                Verdict::answer(frame.length)
            }
            Transport::NeighborSolicitation { .. } => Verdict::Kernel,
            Transport::Fragment { .. } => Verdict::Drop(DropReason::Fragment),
            _ => Verdict::Drop(DropReason::NoVirtualServer),
        }
    }

    /// A frame that is tagged, or for a group, or for another station.
    #[cold]
    fn classify_foreign<A: Address>(
        &self,
        frame: &mut Frame<'_>,
        ethernet: &Ethernet,
        datagram: &Datagram<A>,
    ) -> Verdict {
        if ethernet.vlan.is_none()
            && ethernet.destination.is_group()
            && let Transport::NeighborSolicitation { target } = datagram.transport
            && self.answers_for(self.port(frame.port), target)
        {
            return Verdict::AnswerNeighbor;
        }
        self.classify_other_protocol(frame, ethernet)
    }

    /// Whether neighbours behind `port` are told where `address` is. Virtual addresses are answered outside, where clients
    /// are: an inside host that reached one would be answered by the real server directly, past the translation.
    fn answers_for(&self, port: &Port, address: impl Into<IpAddr>) -> bool {
        let address = address.into();
        port.role == PortRole::Outside && self.is_virtual(address) || port.shared_addresses.contains(&address)
    }

    /// Turns a neighbour's question for a virtual or shared address into its answer.
    pub(crate) fn answer_neighbor(&self, frame: &mut Frame<'_>) -> Verdict {
        let mac = self.port(frame.port).mac;
        let contiguous = frame.length.min(frame.bytes.len());
        let content = packet::parse(&frame.bytes[..contiguous], frame.length).map(|packet| packet.content);
        let answered = match content {
            Ok(Content::Arp(_)) => reply::arp(frame.bytes, mac),
            Ok(Content::Ipv6(datagram)) => match datagram.transport {
                Transport::NeighborSolicitation { target } => {
                    reply::neighbor_advertisement(frame.bytes, &datagram, target, mac)
                }
                _ => None,
            },
            _ => None,
        };
        match answered {
            Some(length) => Verdict::answer(length),
            None => Verdict::Drop(DropReason::NeighborMessageInvalid),
        }
    }

    #[cold]
    pub(crate) fn classify_arp(&self, frame: &Frame<'_>, ethernet: &Ethernet, arp: &Arp) -> Verdict {
        let port = self.port(frame.port);
        let asks_for_us = arp.operation == ArpOperation::Request
            && ethernet.vlan.is_none()
            && (ethernet.destination.is_group() || port.is_station(ethernet.destination))
            && self.answers_for(port, arp.target);
        if !asks_for_us {
            return self.classify_other_protocol(frame, ethernet);
        }
        Verdict::AnswerNeighbor
    }

    /// Neither a virtual server's nor a connection's: decided by the Ethernet address alone.
    #[cold]
    pub(crate) fn classify_other_protocol(&self, frame: &Frame<'_>, ethernet: &Ethernet) -> Verdict {
        let port = self.port(frame.port);
        let bridge_to = port.bridge_to.filter(|_| port.unmatched == Unmatched::Bridge);
        // The kernel speaks ARP, neighbour discovery and routing protocols, whatever the policy.
        match (ethernet.destination, bridge_to) {
            (mac, _) if port.is_station(mac) => Verdict::Kernel,
            (mac, Some(port)) if mac.is_group() => Verdict::Flood { port },
            (mac, None) if mac.is_group() => Verdict::Kernel,
            (_, Some(port)) => Verdict::Forward { port },
            (_, None) => Verdict::Drop(DropReason::NotOurMac),
        }
    }

    /// The verdict of an IP packet to our MAC address that is not for a virtual server.
    #[cold]
    pub(crate) fn unmatched(&self, port: &Port, destination: IpAddr) -> Verdict {
        match port.unmatched {
            Unmatched::Drop if !self.is_own(destination) => Verdict::Drop(DropReason::Unmatched),
            // To our MAC address and to be routed, not bridged: that is the kernel's.
            Unmatched::Drop | Unmatched::Bridge | Unmatched::Kernel => Verdict::Kernel,
        }
    }

    /// Whether the kernel has this address while the unit is active.
    pub(crate) fn is_own(&self, address: IpAddr) -> bool {
        self.is_units(address) || self.is_shared(address)
    }

    /// Whether the kernel has this address in any state.
    pub(crate) fn is_units(&self, address: IpAddr) -> bool {
        let link_local = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
        link_local || self.ports.iter().any(|port| port.addresses.contains(&address))
    }

    /// Whether the address moves with the group, and is no virtual one.
    pub(crate) fn is_shared(&self, address: IpAddr) -> bool {
        self.ports.iter().any(|port| port.shared_addresses.contains(&address))
    }
}

impl PortRole {
    /// The direction of what is received on such a port.
    #[inline]
    pub const fn direction(self) -> Direction {
        match self {
            Self::Outside => Direction::Inbound,
            Self::Inside => Direction::Outbound,
        }
    }
}
