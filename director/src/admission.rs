//! Packets of no known connection: seed 003, figure 5, from step 506 on.

use flow_table::FlowId;
use model::{DropReason, Protocol};
use packet::{Address, Datagram, Deltas, TcpFlags, Tuple, WireTuple, reply};

use crate::choice::Target;
use crate::classify::Flow;
use crate::connection::{Connection, FlowKey, Hop, Marks};
use crate::lane::{Lane, Unreachable};
use crate::shard::{Core, PENDING};
use crate::{ConnectionState, Direction, Frame, NextHopTable, Refusal, TcpWithoutConnection, Verdict};

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
            Direction::Inbound => self.admit(core, next_hops, frame, flow, None),
            Direction::Outbound => Err(core.refuse_outbound(frame, flow)),
        };
        match admitted {
            Ok(id) => self.translate(core, next_hops, frame, flow, id),
            Err(verdict) => verdict,
        }
    }

    /// Makes the connection that a client's first packet asks for, or says what becomes of the packet. The binding `avoid`
    /// gets it only if there is no other.
    pub(crate) fn admit(
        &mut self,
        core: &mut Core,
        next_hops: &NextHopTable,
        frame: &mut Frame<'_>,
        flow: &Flow<A>,
        avoid: Option<usize>,
    ) -> Result<FlowId, Verdict> {
        let server = core.virtual_server_for(frame, flow)?;
        let (hop_limit, ip_length) = flow.limits(frame).ok_or(PENDING)?;
        if hop_limit <= 1 {
            return Err(core.refuse::<A>(frame, DropReason::HopLimitExceeded, u16::MAX));
        }
        if let Some(verdict) = core.turn_away(frame, flow, server) {
            return Err(verdict);
        }
        core.refresh(next_hops);
        let target = match self.choose(core, flow, server, avoid) {
            Ok(target) => target,
            Err(Unreachable::Refused(reason)) => return Err(core.refused(server, reason)),
            Err(awaits) => return Err(core.unreachable(awaits)),
        };
        let mtu = core.port(target.hop.port).mtu;
        if ip_length > mtu {
            core.give_back(&target);
            return Err(core.refuse::<A>(frame, DropReason::PacketTooBig, mtu));
        }
        let connection = core.connection(flow, flow.flags(frame), &target);
        let hashes = [flow.hash, target.outbound_hash];
        debug_assert_eq!(hashes, connection.keys().map(|key| core.hasher.hash(&key)));
        let state = connection.state;
        let Some(id) = self.enter(core, connection, hashes, true) else {
            core.give_back(&target);
            return Err(core.refused(server, DropReason::TableFull));
        };
        core.note_admitted(&target, state, hashes[0]);
        if state != ConnectionState::New
            && let Some(connection) = self.table.get_mut(id)
        {
            core.note_established(connection);
        }
        Ok(id)
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
        let Some(services) = self.plan.services.at(server.into()) else {
            return Err(self.unmatched(self.port(frame.port), server.into()));
        };
        if client.is_martian_source() || client == server {
            return Err(Verdict::Drop(DropReason::Martian));
        }
        let service = (server.into(), flow.key.server_port(), protocol);
        match self.plan.instance_at(services, service, client.into()).ok_or(DropReason::NoVirtualServer) {
            Ok(_) if protocol == Protocol::Tcp && !flags.is_initial_syn() && !self.admits_midway(flags) => {
                Err(self.without_connection(frame, flow, DropReason::NoConnection))
            }
            Ok(index) => Ok(index),
            Err(reason) => Err(self.without_connection(frame, flow, reason)),
        }
    }

    /// What becomes of a packet that asks a virtual server for a connection and gets none, whatever its real servers say.
    fn turn_away<A: Address>(&self, frame: &mut Frame<'_>, flow: &Flow<A>, server: usize) -> Option<Verdict> {
        let configured = self.plan.virtual_server(server);
        if let Some(refusal) = configured.refusal() {
            let resets = refusal == Refusal::Reset && flow.key.protocol == Protocol::Tcp;
            self.counters.refused[usize::from(configured.id())].add(1);
            return Some(self.reset_or_drop::<A>(frame, resets, DropReason::Unwelcome));
        }
        self.turns_away(server, flow.key.protocol).map(|reason| self.refused(server, reason))
    }

    /// Why a virtual server takes no connection of this protocol now, whatever its real servers say.
    pub(crate) fn turns_away(&self, server: usize, protocol: Protocol) -> Option<DropReason> {
        let configured = self.plan.virtual_server(server);
        if !configured.is_in_service() {
            Some(DropReason::VirtualOutOfService)
        } else if self.connections == self.capacity {
            Some(DropReason::TableFull)
        } else if self.is_guarded(server, protocol) {
            Some(DropReason::SynGuard)
        } else {
            None
        }
    }

    /// Whether a virtual server has as many half-open connections as it may have.
    pub(crate) fn is_guarded(&self, server: usize, protocol: Protocol) -> bool {
        protocol == Protocol::Tcp && self.shared.is_guarded(self.plan.virtual_server(server))
    }

    /// Drops a packet that asks for a connection, and counts that at the virtual server.
    fn refused(&self, server: usize, reason: DropReason) -> Verdict {
        self.counters.refused[usize::from(self.plan.virtual_server(server).id())].add(1);
        Verdict::Drop(reason)
    }

    /// Whether a segment may begin a connection that began elsewhere.
    fn admits_midway(&self, flags: TcpFlags) -> bool {
        const ANSWER: u8 = TcpFlags::ACK.0;
        const ASIDE: u8 = TcpFlags::SYN.0 | TcpFlags::RST.0;
        self.plan.configuration.tcp_without_connection() == TcpWithoutConnection::Admit
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
        if !begins && self.plan.services.is_real_endpoint(source.into(), server_port, protocol) {
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
        let resets = self.plan.configuration.tcp_without_connection() == TcpWithoutConnection::Reset
            && flow.key.protocol == Protocol::Tcp;
        self.reset_or_drop::<A>(frame, resets, reason)
    }

    fn reset_or_drop<A: Address>(&self, frame: &mut Frame<'_>, resets: bool, reason: DropReason) -> Verdict {
        let reset = |frame: &mut Frame<'_>| {
            frame.datagram::<A>().and_then(|datagram| reply::tcp_reset(frame.bytes, &datagram))
        };
        match resets.then(|| reset(frame)).flatten() {
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

    /// The real endpoint that a connection by `binding` has; a real server of port 0 keeps the virtual port. `None`
    /// if it were of another address family, which checked configuration has none of.
    pub(crate) fn real_endpoint<A: Address>(&self, binding: usize, flow: &Flow<A>) -> Option<(A, u16)> {
        let name = self.plan.real_server(binding).name();
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
            binding: self.plan.binding(target.binding).id(),
            protocol,
            state: match protocol {
                Protocol::Tcp if flags.is_initial_syn() => ConnectionState::New,
                Protocol::Tcp => ConnectionState::Established,
                Protocol::Udp => ConnectionState::Udp,
            },
            syn_resends: 0,
            marks: if target.is_trial { Marks::TRIAL } else { Marks::NONE },
            pass: 0,
        }
    }
}
