//! Packets of no known connection: seed 003, figure 5, from step 506 on.

use arrayvec::ArrayVec;
use model::{DropReason, Protocol};
use packet::{Address, Datagram, Deltas, TcpFlags, Tuple, WireTuple, reply};

use crate::classify::Flow;
use crate::connection::{Connection, FlowKey, Hop, Marks};
use crate::lane::{Lane, Unreachable};
use crate::shard::{Core, PENDING};
use crate::{ConnectionState, Direction, Frame, NextHopTable, TcpWithoutConnection, Verdict};

/// Real servers that are tried before the client's port is translated, and ports that are tried then.
const COLLISION_TRIES: usize = 8;
const PORT_TRIES: u16 = 64;
/// The first port that is not for well-known services: a translated client keeps looking like a client.
const FIRST_TRANSLATED_PORT: u16 = 1_024;

/// Where a new connection goes.
struct Target {
    binding: usize,
    translated_port: u16,
    hop: Hop,
}

impl<A: Address> Lane<A> {
    /// The verdict of a packet of no known connection.
    #[cold]
    #[inline(never)]
    pub(crate) fn handle_miss(
        &mut self,
        core: &mut Core,
        next_hops: &NextHopTable,
        frame: &mut Frame<'_>,
        flow: &Flow<A>,
    ) -> Verdict {
        let admitted = match flow.key.direction {
            Direction::Inbound => self.admit(core, next_hops, frame, flow),
            Direction::Outbound => Err(core.refuse_outbound(frame, flow)),
        };
        match admitted {
            Ok(id) => self.translate(core, next_hops, frame, flow, id),
            Err(verdict) => verdict,
        }
    }

    /// Makes the connection that a client's first packet asks for, or says what becomes of the packet.
    fn admit(
        &mut self,
        core: &mut Core,
        next_hops: &NextHopTable,
        frame: &mut Frame<'_>,
        flow: &Flow<A>,
    ) -> Result<flow_table::FlowId, Verdict> {
        let server = core.virtual_server_for(frame, flow)?;
        let (hop_limit, ip_length) = flow.limits(frame).ok_or(PENDING)?;
        if hop_limit <= 1 {
            return Err(core.refuse::<A>(frame, DropReason::HopLimitExceeded, u16::MAX));
        }
        let refuse = |core: &Core, reason| {
            core.counters.refused[server].add(1);
            Err(Verdict::Drop(reason))
        };
        if !core.configuration.virtual_servers()[server].is_in_service() {
            return refuse(core, DropReason::VirtualOutOfService);
        }
        if core.connections == core.capacity {
            return refuse(core, DropReason::TableFull);
        }
        core.read_targets(next_hops);
        let target = match self.choose(core, flow, server) {
            Ok(target) => target,
            Err(Unreachable::Refused(reason)) => return refuse(core, reason),
            Err(awaits) => return Err(core.unreachable(awaits)),
        };
        let mtu = core.port(target.hop.port).mtu;
        if ip_length > mtu {
            return Err(core.refuse::<A>(frame, DropReason::PacketTooBig, mtu));
        }
        let connection = core.connection(flow, flow.flags(frame), &target);
        let hashes = connection.keys().map(|key| core.hasher.hash(&key));
        let state = connection.state;
        let Some(id) = self.enter(core, connection, hashes) else {
            return refuse(core, DropReason::TableFull);
        };
        if state != ConnectionState::New
            && let Some(connection) = self.table.get_mut(id)
        {
            core.note_established(connection);
        }
        Ok(id)
    }

    /// Asks the predictor for a real server whose next hop is known and where the client's endpoint is free. If no
    /// next hop is known, what becomes of the packet is what the next hop of one of them says.
    fn choose(&self, core: &Core, flow: &Flow<A>, server: usize) -> Result<Target, Unreachable> {
        let binding = core.predictors.pick(server).ok_or(Unreachable::Refused(DropReason::NoRealServer))?;
        let hop = core.hop_to(binding)?;
        if self.is_free(core, flow, binding, flow.key.client_port()) {
            return Ok(Target { binding, translated_port: flow.key.client_port(), hop });
        }
        self.choose_another(core, flow, server, Target { binding, translated_port: 0, hop })
    }

    /// `choose` for a client that is at the `first` choice already, by another virtual server: the next one where it is
    /// not. If it is at all of them, it gets another port (never mix two connections' data).
    #[cold]
    fn choose_another(
        &self,
        core: &Core,
        flow: &Flow<A>,
        server: usize,
        first: Target,
    ) -> Result<Target, Unreachable> {
        let mut tried = ArrayVec::<usize, COLLISION_TRIES>::new();
        tried.push(first.binding);
        while let Some(binding) = core.predictors.pick_among(server, |binding| !tried.contains(&binding)) {
            if self.is_free(core, flow, binding, flow.key.client_port()) {
                let hop = core.hop_to(binding)?;
                return Ok(Target { binding, translated_port: flow.key.client_port(), hop });
            }
            if tried.try_push(binding).is_err() {
                break;
            }
        }
        let translated_port = self
            .free_port(core, flow, first.binding)
            .ok_or(Unreachable::Refused(DropReason::NoTranslationPort))?;
        Ok(Target { translated_port, ..first })
    }

    /// Whether the real server of `binding` has no other connection with the client's address and `port`.
    fn is_free(&self, core: &Core, flow: &Flow<A>, binding: usize, port: u16) -> bool {
        let Some((real_address, real_port)) = core.real_endpoint(binding, flow) else { return false };
        let ends = Tuple {
            source: real_address,
            source_port: real_port,
            destination: flow.key.client(),
            destination_port: port,
        };
        let key = FlowKey { ends: ends.into(), direction: Direction::Outbound, ..flow.key };
        self.table.find(core.hasher.hash(&key), &key).is_none()
    }

    /// A client port that is free at the real server, beginning at one that the connection's hash names.
    fn free_port(&self, core: &Core, flow: &Flow<A>, binding: usize) -> Option<u16> {
        let range = u16::MAX - FIRST_TRANSLATED_PORT;
        let [low, high, ..] = flow.hash.to_le_bytes();
        let start = u16::from_le_bytes([low, high]);
        (0..PORT_TRIES)
            .map(|attempt| FIRST_TRANSLATED_PORT + start.wrapping_add(attempt) % range)
            .find(|&port| self.is_free(core, flow, binding, port))
    }
}

impl Core {
    /// The virtual server whose connection a client's packet may begin.
    fn virtual_server_for<A: Address>(
        &self,
        frame: &mut Frame<'_>,
        flow: &Flow<A>,
    ) -> Result<usize, Verdict> {
        let (client, server, protocol) = (flow.key.client(), flow.key.server(), flow.key.protocol);
        let flags = flow.flags(frame);
        let Some(services) = self.services.at(server.into()) else {
            return Err(self.unmatched(self.port(frame.port), server.into()));
        };
        if client.is_martian_source() || client == server {
            return Err(Verdict::Drop(DropReason::Martian));
        }
        let index = services.find(flow.key.server_port(), protocol).ok_or(DropReason::NoVirtualServer);
        match index {
            Ok(_) if protocol == Protocol::Tcp && !flags.is_initial_syn() && !self.admits_midway(flags) => {
                Err(self.without_connection(frame, flow, DropReason::NoConnection))
            }
            Ok(index) => Ok(index),
            Err(reason) => Err(self.without_connection(frame, flow, reason)),
        }
    }

    /// Whether a segment may begin a connection that began elsewhere.
    fn admits_midway(&self, flags: TcpFlags) -> bool {
        const ANSWER: u8 = TcpFlags::ACK.0;
        const ASIDE: u8 = TcpFlags::SYN.0 | TcpFlags::RST.0;
        self.configuration.tcp_without_connection() == TcpWithoutConnection::Admit
            && flags.0 & (ANSWER | ASIDE) == ANSWER
    }

    /// A packet from the inside that answers no connection.
    fn refuse_outbound<A: Address>(&self, frame: &mut Frame<'_>, flow: &Flow<A>) -> Verdict {
        // `client` is where the packet wants to go, `server` who sent it.
        let (destination, source) = (flow.key.client(), flow.key.server());
        let (server_port, protocol) = (flow.key.server_port(), flow.key.protocol);
        if self.is_virtual(destination) {
            return Verdict::Drop(DropReason::Hairpin);
        }
        // What the unit itself asked a real server, like a health check.
        if self.is_own(destination.into()) {
            return Verdict::Kernel;
        }
        let begins = flow.flags(frame).is_initial_syn();
        if !begins && self.services.is_real_endpoint(source.into(), server_port, protocol) {
            return self.without_connection(frame, flow, DropReason::NoConnection);
        }
        self.unmatched(self.port(frame.port), destination.into())
    }

    /// Drops a packet, or answers a TCP segment with a reset, as configured.
    fn without_connection<A: Address>(
        &self,
        frame: &mut Frame<'_>,
        flow: &Flow<A>,
        reason: DropReason,
    ) -> Verdict {
        let reset = self.configuration.tcp_without_connection() == TcpWithoutConnection::Reset
            && flow.key.protocol == Protocol::Tcp;
        match reset
            .then(|| frame.datagram::<A>().and_then(|datagram| reply::tcp_reset(frame.bytes, &datagram)))
            .flatten()
        {
            Some(length) => Verdict::answer(length),
            None => Verdict::Drop(reason),
        }
    }

    /// An ICMP error about a packet of no known connection.
    pub(crate) fn unknown_error<A: Address>(&self, frame: &Frame<'_>, datagram: &Datagram<A>) -> Verdict {
        let port = self.port(frame.port);
        if self.is_virtual(datagram.destination) {
            return Verdict::Drop(DropReason::IcmpErrorUnmatched);
        }
        // An error about a packet of the unit itself, or of a real server that speaks for itself.
        self.unmatched(port, datagram.destination.into())
    }

    fn real_server_of(&self, binding: usize) -> &crate::RealServer {
        &self.configuration.real_servers()[self.configuration.bindings()[binding].real_server()]
    }

    /// Has the predictors know who can be reached, when `next_hops` is another table than it was.
    fn read_targets(&mut self, next_hops: &NextHopTable) {
        let Self { targets, predictors, configuration, .. } = self;
        if !targets.is_of(next_hops) {
            targets.read(configuration, next_hops, |real_server, standing| {
                predictors.set_standing(real_server, standing);
            });
        }
    }

    fn hop_to(&self, binding: usize) -> Result<Hop, Unreachable> {
        self.targets.hop(self.configuration.bindings()[binding].real_server())
    }

    /// The real endpoint that a connection by `binding` has; a real server of port 0 keeps the virtual port. `None`
    /// if it were of another address family, which checked configuration has none of.
    fn real_endpoint<A: Address>(&self, binding: usize, flow: &Flow<A>) -> Option<(A, u16)> {
        let name = self.real_server_of(binding).name();
        let port = if name.port == 0 { flow.key.server_port() } else { name.port };
        Some((A::from_ip(name.address)?, port))
    }

    fn connection<A: Address>(&self, flow: &Flow<A>, flags: TcpFlags, target: &Target) -> Connection<A> {
        let FlowKey { ends, protocol, .. } = flow.key;
        let outside = Tuple::from(ends);
        let (real_address, real_port) = self
            .real_endpoint(target.binding, flow)
            .unwrap_or((outside.destination, outside.destination_port));
        let inside = Tuple {
            source: outside.source,
            source_port: target.translated_port,
            destination: real_address,
            destination_port: real_port,
        };
        Connection {
            inbound: ends,
            outbound: WireTuple::from(inside).reversed(),
            deltas: Deltas::between(&outside, &inside),
            last_seen_ms: self.now_ms,
            client_hop: Hop::UNKNOWN,
            real_hop: target.hop,
            // Checked configuration has fewer bindings than 16 bits count (limits::BINDINGS).
            binding: u16::try_from(target.binding).unwrap_or(u16::MAX),
            protocol,
            state: match protocol {
                Protocol::Tcp if flags.is_initial_syn() => ConnectionState::New,
                Protocol::Tcp => ConnectionState::Established,
                Protocol::Udp => ConnectionState::Udp,
            },
            syn_resends: 0,
            marks: Marks::NONE,
            pass: 0,
        }
    }
}
