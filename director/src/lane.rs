//! The connections of one address family, and the last stage of a packet: translate, or admit a new connection.

use std::net::IpAddr;

use flow_table::{FlowId, FlowTable};
use model::{DropReason, Protocol};
use packet::{Address, TcpFlags};

use crate::classify::{Flow, QuotedFlow};
use crate::connection::{Connection, Hop};
use crate::counters::BindingCounters;
use crate::refusal::refusal;
use crate::shard::Core;
use crate::{ConnectionState, Direction, Frame, NextHop, NextHopTable, Verdict};

/// The connections of one address family.
pub(crate) struct Lane<A: Address> {
    pub(crate) table: FlowTable<Connection<A>>,
    /// The slot where the expiry sweep goes on.
    sweep_from: usize,
}

impl<A: Address> Lane<A> {
    pub(crate) fn with_capacity(connections: usize) -> Self {
        Self { table: FlowTable::with_capacity(connections), sweep_from: 0 }
    }

    /// The last stage of a TCP or UDP packet.
    #[inline]
    pub(crate) fn handle(
        &mut self,
        core: &mut Core,
        next_hops: &NextHopTable,
        frame: &mut Frame<'_>,
        flow: &Flow<A>,
    ) -> Verdict {
        let Some(id) = self.verify(flow) else {
            return self.handle_miss(core, next_hops, frame, flow);
        };
        let begins_anew = flow.key.direction == Direction::Inbound && is_initial_syn(flow);
        if begins_anew && self.table.get_mut(id).is_some_and(|connection| connection.gives_way(next_hops)) {
            self.remove(core, id);
            return self.handle_miss(core, next_hops, frame, flow);
        }
        self.translate(core, next_hops, frame, flow, id)
    }

    /// The connection of a packet. The candidate of the second stage is only a guess: its tag may be another's, and
    /// the packets before this one in the batch may have added or removed connections.
    #[inline]
    fn verify(&self, flow: &Flow<A>) -> Option<FlowId> {
        self.table.confirm(flow.candidate, flow.hash, &flow.key)
    }

    /// Translates a packet of connection `id`.
    #[inline]
    pub(crate) fn translate(
        &mut self,
        core: &mut Core,
        next_hops: &NextHopTable,
        frame: &mut Frame<'_>,
        flow: &Flow<A>,
        id: FlowId,
    ) -> Verdict {
        let direction = flow.key.direction;
        let Some(connection) = self.table.get_mut(id) else {
            return Verdict::Drop(DropReason::NoConnection);
        };
        // Everything that may refuse the packet comes before the first change of state.
        let hop = match connection.hop(direction, next_hops) {
            Ok(hop) => hop,
            Err(verdict) => return verdict,
        };
        let output = core.port(hop.port);
        if let Some(reason) = refusal(output, flow.datagram.hop_limit, flow.datagram.ip_length) {
            let mtu = output.mtu;
            return core.refuse(frame, &flow.datagram, reason, mtu);
        }
        connection.note_packet(flow, core.now_ms);
        let (after, deltas) = connection.translation(direction);
        packet::translate(frame.bytes, &flow.datagram, &after, deltas);
        packet::set_ethernet(frame.bytes, output.mac, hop.mac);
        count_packet(&core.counters.bindings[usize::from(connection.binding)], direction, frame.length);
        Verdict::Forward { port: hop.port }
    }

    /// The last stage of an ICMP error about a packet of a connection (RFC 5508 section 4).
    #[cold]
    pub(crate) fn handle_error(
        &mut self,
        core: &Core,
        next_hops: &NextHopTable,
        frame: &mut Frame<'_>,
        error: &QuotedFlow<A>,
    ) -> Verdict {
        let (direction, datagram) = (error.direction, &error.datagram);
        let hash = core.hasher.hash_one(error.key);
        let found = self.table.find(hash, &error.key).and_then(|id| self.table.get_mut(id));
        let Some(connection) = found else {
            return core.unknown_error(frame, datagram);
        };
        let hop = match connection.hop(direction, next_hops) {
            Ok(hop) => hop,
            Err(verdict) => return verdict,
        };
        let output = core.port(hop.port);
        if let Some(reason) = refusal(output, datagram.hop_limit, datagram.ip_length) {
            return Verdict::Drop(reason);
        }
        let (as_packet, _) = connection.translation(direction);
        // An error of the real server itself comes from the virtual server; a router's keeps its address.
        let from_end = datagram.source == error.quote.tuple.destination;
        let source = if from_end { as_packet.source } else { datagram.source };
        let quoted = crate::connection::reversed(as_packet);
        packet::translate_error(frame.bytes, datagram, &error.quote, source, as_packet.destination, &quoted);
        packet::set_ethernet(frame.bytes, output.mac, hop.mac);
        count_packet(&core.counters.bindings[usize::from(connection.binding)], direction, frame.length);
        Verdict::Forward { port: hop.port }
    }

    /// Forgets connection `id`.
    pub(crate) fn remove(&mut self, core: &mut Core, id: FlowId) {
        let Some(keys) = self.table.get(id).map(Connection::keys) else { return };
        let hashes = keys.map(|key| core.hasher.hash_one(key));
        if let Some(connection) = self.table.remove(id, hashes) {
            let binding = usize::from(connection.binding);
            core.connections -= 1;
            core.predictors.release(binding);
            core.counters.bindings[binding].removed.add(1);
        }
    }

    /// Removes idle connections among the next `budget` slots.
    pub(crate) fn expire(&mut self, core: &mut Core, budget: usize) {
        let end = self.sweep_from.saturating_add(budget).min(self.table.slots());
        let mut slot = self.sweep_from;
        while let Some(id) = self.table.next_occupied(slot, end) {
            slot = id.index() + 1;
            let idle = self.table.get(id).is_some_and(|connection| {
                connection.idle_ms(core.now_ms) >= core.timeouts.milliseconds(connection.state)
            });
            if idle {
                self.remove(core, id);
                core.counters.expired.add(1);
            }
        }
        self.sweep_from = if end >= self.table.slots() { 0 } else { end };
    }
}

impl<A: Address> Connection<A> {
    /// The next hop of packets in `direction`, from memory while the table's generation stands.
    #[inline]
    fn hop(&mut self, direction: Direction, next_hops: &NextHopTable) -> Result<Hop, Verdict> {
        let (hop, destination) = match direction {
            Direction::Inbound => (&mut self.real_hop, self.real_address),
            Direction::Outbound => (&mut self.client_hop, self.client),
        };
        if hop.generation != next_hops.generation() {
            *hop = resolve(next_hops, destination.into())?;
        }
        Ok(*hop)
    }

    /// Whether a SYN of the client makes a new connection in place of this one: it is over, or its real server never
    /// answered and can not be reached any more.
    fn gives_way(&mut self, next_hops: &NextHopTable) -> bool {
        self.state.is_over()
            || (self.state == ConnectionState::Syn && self.hop(Direction::Inbound, next_hops).is_err())
    }

    /// Follows the connection's state.
    #[inline]
    fn note_packet(&mut self, flow: &Flow<A>, now_ms: u32) {
        self.last_seen_ms = now_ms;
        if self.protocol == Protocol::Tcp {
            if flow.key.direction == Direction::Inbound
                && is_initial_syn(flow)
                && self.state != ConnectionState::New
            {
                self.syn_resends = self.syn_resends.saturating_add(1);
            }
            self.state = self.state.after(flow.key.direction, flow.flags);
        }
    }
}

/// Asks the table for the next hop to `destination`.
#[cold]
pub(crate) fn resolve(next_hops: &NextHopTable, destination: IpAddr) -> Result<Hop, Verdict> {
    match next_hops.resolve(destination) {
        NextHop::Resolved { port, mac } => Ok(Hop { generation: next_hops.generation(), mac, port }),
        NextHop::Unresolved { port, address } => Err(Verdict::Hold { port, address }),
        NextHop::NoRoute => Err(Verdict::Drop(DropReason::NoRoute)),
    }
}

/// Whether a segment asks for a new connection: SYN without ACK.
#[inline]
pub(crate) const fn is_initial_syn<A>(flow: &Flow<A>) -> bool {
    flow.flags.0 & (TcpFlags::SYN.0 | TcpFlags::ACK.0 | TcpFlags::RST.0) == TcpFlags::SYN.0
}

#[inline]
fn count_packet(counters: &BindingCounters, direction: Direction, bytes: usize) {
    let (packets, octets) = match direction {
        Direction::Inbound => (&counters.inbound_packets, &counters.inbound_bytes),
        Direction::Outbound => (&counters.outbound_packets, &counters.outbound_bytes),
    };
    packets.add(1);
    octets.add(bytes as u64);
}
