//! The connections of one address family, and the last stage of a packet: translate, or admit a new connection.

use std::net::IpAddr;

use arrayvec::ArrayVec;
use flow_table::{FlowId, FlowTable};
use model::DropReason;
use packet::{Address, Tuple};

use crate::classify::{Flow, QuotedFlow};
use crate::connection::{Connection, Hop, Marks};
use crate::forward::count_packet;
use crate::refusal::refusal;
use crate::replica::Buddies;
use crate::shard::{Core, PENDING};
use crate::waiting::Waiting;
use crate::{ConnectionState, Direction, Frame, NextHop, NextHopTable, PortIndex, Verdict};

/// Why a packet can not go to its destination now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreachable {
    /// The MAC address of the next hop is not known.
    Awaits { port: PortIndex, address: IpAddr },
    /// It is to be dropped.
    Refused(DropReason),
}

/// What the last stage reads and writes of a batch.
pub(crate) struct Batch<'a, 'bytes> {
    pub(crate) next_hops: &'a NextHopTable,
    pub(crate) frames: &'a mut [Frame<'bytes>],
    pub(crate) verdicts: &'a mut [Verdict],
}

impl<'bytes> Batch<'_, 'bytes> {
    /// A frame and where its verdict goes. There is one for each place that a flow remembers.
    #[inline(always)]
    fn at(&mut self, place: u8) -> Option<(&mut Frame<'bytes>, &mut Verdict)> {
        let place = usize::from(place);
        Some((self.frames.get_mut(place)?, self.verdicts.get_mut(place)?))
    }
}

/// Connections that a sweep removes together.
const SWEEP: usize = 32;

/// The connections of one address family.
pub(crate) struct Lane<A: Address> {
    pub(crate) table: FlowTable<Connection<A>>,
    /// The slot where the expiry sweep goes on.
    sweep_from: usize,
    pub(crate) buddies: Buddies,
}

impl<A: Address> Lane<A> {
    /// No connections; room for so many, and for buddies among so many of them.
    pub(crate) fn with_capacity(connections: usize, buddies: usize) -> Self {
        Self {
            table: FlowTable::with_capacity(connections),
            sweep_from: 0,
            buddies: Buddies::with_capacity(buddies),
        }
    }

    /// The second stage: finds where each flow's connection probably is, and has it fetched.
    #[inline(always)]
    pub(crate) fn find_candidates(&self, waiting: &mut Waiting<A>) {
        for flow in &mut waiting.flows {
            flow.candidate = self.table.candidate(flow.hash);
        }
    }

    /// The last stage of all that waits.
    #[inline(never)]
    pub(crate) fn finish(&mut self, core: &mut Core, waiting: &Waiting<A>, batch: &mut Batch<'_, '_>) {
        let next_hops = batch.next_hops;
        for flow in &waiting.flows {
            if let Some((frame, verdict)) = batch.at(flow.place) {
                *verdict = self.handle(core, next_hops, frame, flow);
            }
        }
        for error in &waiting.errors {
            if let Some((frame, verdict)) = batch.at(error.place) {
                *verdict = self.handle_error(core, next_hops, frame, error);
            }
        }
    }

    /// The last stage of a TCP or UDP packet.
    #[inline(always)]
    fn handle(
        &mut self,
        core: &mut Core,
        next_hops: &NextHopTable,
        frame: &mut Frame<'_>,
        flow: &Flow<A>,
    ) -> Verdict {
        match self.translate_common(core, next_hops.generation(), frame, flow) {
            Some(verdict) => verdict,
            None => self.handle_uncommon(core, next_hops, frame, flow),
        }
    }

    /// A packet that begins a connection, that may not go on, whose next hop is not known, or whose candidate was the
    /// wrong one.
    #[cold]
    #[inline(never)]
    fn handle_uncommon(
        &mut self,
        core: &mut Core,
        next_hops: &NextHopTable,
        frame: &mut Frame<'_>,
        flow: &Flow<A>,
    ) -> Verdict {
        let Some(id) = self.table.confirm(flow.candidate, flow.hash, &flow.key) else {
            return self.handle_miss(core, next_hops, frame, flow);
        };
        let asks_anew = flow.key.direction == Direction::Inbound && flow.flags(frame).is_initial_syn();
        if !asks_anew {
            return self.translate(core, next_hops, frame, flow, id);
        }
        let Some(connection) = self.table.get_mut(id) else { return PENDING };
        if connection.gives_way(next_hops) || core.is_gone(connection) {
            self.remove(core, id);
            return self.handle_miss(core, next_hops, frame, flow);
        }
        if core.is_ditched_by_resend(connection) {
            return self.ditch(core, next_hops, frame, flow, id);
        }
        self.translate(core, next_hops, frame, flow, id)
    }

    /// Translates a packet of connection `id`, or says why it may not go on.
    pub(crate) fn translate(
        &mut self,
        core: &mut Core,
        next_hops: &NextHopTable,
        frame: &mut Frame<'_>,
        flow: &Flow<A>,
        id: FlowId,
    ) -> Verdict {
        let Some(connection) = self.table.get_mut(id) else { return PENDING };
        // Everything that may refuse the packet comes before the first change of state.
        if let Err(unreachable) = connection.resolve_hop(flow.key.direction, next_hops) {
            return core.unreachable(unreachable);
        }
        let output = *core.stations.at(connection.hop(flow.key.direction).port);
        let Some((hop_limit, ip_length)) = flow.limits(frame) else { return PENDING };
        if let Some(reason) = refusal(output.mtu, hop_limit, ip_length) {
            return core.refuse::<A>(frame, reason, output.mtu);
        }
        connection.forward_examined(core, frame, flow).unwrap_or(PENDING)
    }

    /// The last stage of an ICMP error about a packet of a connection (RFC 5508 section 4).
    #[cold]
    #[inline(never)]
    pub(crate) fn handle_error(
        &mut self,
        core: &mut Core,
        next_hops: &NextHopTable,
        frame: &mut Frame<'_>,
        error: &QuotedFlow<A>,
    ) -> Verdict {
        let (direction, datagram) = (error.direction, &error.datagram);
        let hash = core.hasher.hash(&error.key);
        let found = self.table.find(hash, &error.key).and_then(|id| self.table.get_mut(id));
        let Some(connection) = found else {
            return core.unknown_error(frame, datagram);
        };
        if let Err(unreachable) = connection.resolve_hop(direction, next_hops) {
            return core.unreachable(unreachable);
        }
        let hop = *connection.hop(direction);
        let output = core.stations.at(hop.port);
        if let Some(reason) = refusal(output.mtu, datagram.hop_limit, datagram.ip_length) {
            return Verdict::Drop(reason);
        }
        let as_packet = Tuple::from(connection.translation(direction).ends);
        // An error of the real server itself comes from the virtual server; a router's keeps its address.
        let from_end = datagram.source == error.quote.tuple.destination;
        let source = if from_end { as_packet.source } else { datagram.source };
        let quoted = crate::connection::reversed(as_packet);
        packet::translate_error(frame.bytes, datagram, &error.quote, source, as_packet.destination, &quoted);
        packet::set_ethernet(frame.bytes, output.mac, hop.mac);
        count_packet(&core.counters.bindings[usize::from(connection.binding)], direction, frame.length);
        Verdict::Forward { port: hop.port }
    }

    /// Adds a connection, and counts it. `None` if the table is full. `is_reserved` says whether its servers count it
    /// already.
    #[inline]
    pub(crate) fn enter(
        &mut self,
        core: &mut Core,
        connection: Connection<A>,
        hashes: [u64; 2],
        is_reserved: bool,
    ) -> Option<FlowId> {
        let (binding, state) = (connection.binding, connection.state);
        let is_translated = connection.translated_port() != connection.inbound.source_port();
        let id = self.table.insert(connection, hashes).ok()?;
        let slot = core.plan.slot(binding);
        core.connections += 1;
        if let Some(binding) = slot.binding() {
            core.plan.predictors.commit(binding);
        }
        core.loads.enter(&slot, &core.shared, is_reserved);
        if state.is_half_open() {
            core.loads.open_half(&slot, &core.shared);
        }
        core.counters.bindings[usize::from(binding)].admitted.add(1);
        core.counters.admitted.add(1);
        if slot.is_sticky
            && let Some(connection) = self.table.get(id)
        {
            core.remember(connection);
        }
        if is_translated {
            core.counters.client_ports_translated.add(1);
        }
        Some(id)
    }

    /// Forgets connection `id`.
    pub(crate) fn remove(&mut self, core: &mut Core, id: FlowId) {
        let Some(keys) = self.table.get(id).map(Connection::keys) else { return };
        let hashes = keys.map(|key| core.hasher.hash(&key));
        self.remove_hashed(core, id, hashes);
    }

    /// `remove`, where the hashes of the connection's keys are known.
    fn remove_hashed(&mut self, core: &mut Core, id: FlowId, hashes: [u64; 2]) {
        if let Some(connection) = self.table.remove(id, hashes) {
            let slot = core.plan.slot(connection.binding);
            core.connections -= 1;
            if let Some(binding) = slot.binding() {
                core.plan.predictors.release(binding);
            }
            core.loads.leave(&slot, &core.shared);
            core.counters.bindings[usize::from(connection.binding)].removed.add(1);
            core.counters.removed.add(1);
            if slot.is_sticky {
                core.remember_again(&connection);
            }
            if connection.state.is_half_open() {
                core.forget_half_open(&slot, &connection);
            }
            if !connection.marks.is_empty() {
                self.forget(core, id, &connection);
            }
        }
    }

    /// Forgets what is known of a removed connection beside the table.
    #[cold]
    #[inline(never)]
    fn forget(&mut self, core: &mut Core, id: FlowId, connection: &Connection<A>) {
        if connection.marks.contains(Marks::BUDDY) {
            self.leave_buddies(id);
        }
        if connection.marks.contains(Marks::REPLICATED) {
            core.note_removed(connection);
        }
    }

    /// Removes idle connections among the next `budget` slots, some at a time: the buckets of all of these are asked for
    /// before the first is removed.
    pub(crate) fn expire(&mut self, core: &mut Core, budget: usize) {
        let end = self.sweep_from.saturating_add(budget).min(self.table.slots());
        let mut idle = ArrayVec::<_, SWEEP>::new();
        let mut slot = self.sweep_from;
        while let Some(id) = self.table.next_occupied(slot, end) {
            slot = id.index() + 1;
            idle.extend(self.hashes_of_idle(core, id).map(|hashes| (id, hashes)));
            if idle.is_full() {
                self.remove_expired(core, &mut idle);
            }
        }
        self.remove_expired(core, &mut idle);
        self.sweep_from = if end >= self.table.slots() { 0 } else { end };
    }

    /// The hashes of connection `id`, if it is idle for too long. Asks the processor for their buckets.
    #[inline]
    fn hashes_of_idle(&self, core: &Core, id: FlowId) -> Option<[u64; 2]> {
        let connection = self.table.get(id)?;
        if !core.is_idle(connection) {
            core.remember_on(connection, id.index(), self.table.slots());
            return None;
        }
        if connection.marks.contains(Marks::BUDDY)
            && !core.is_gone(connection)
            && self.has_live_buddy(core, id)
        {
            return None;
        }
        let hashes = connection.keys().map(|key| core.hasher.hash(&key));
        hashes.into_iter().for_each(|hash| self.table.prefetch(hash));
        Some(hashes)
    }

    fn remove_expired<const N: usize>(
        &mut self,
        core: &mut Core,
        idle: &mut ArrayVec<(FlowId, [u64; 2]), N>,
    ) {
        for (id, hashes) in idle.drain(..) {
            self.remove_hashed(core, id, hashes);
            core.counters.expired.add(1);
        }
    }
}

impl<A: Address> Connection<A> {
    /// The next hop of packets in `direction`; it holds while its generation is that of the table.
    #[inline(always)]
    pub(crate) const fn hop(&self, direction: Direction) -> &Hop {
        match direction {
            Direction::Inbound => &self.real_hop,
            Direction::Outbound => &self.client_hop,
        }
    }

    /// Asks the table for the next hop of packets in `direction`, if it is not known by that generation.
    #[cold]
    #[inline(never)]
    fn resolve_hop(&mut self, direction: Direction, next_hops: &NextHopTable) -> Result<(), Unreachable> {
        let (hop, destination) = match direction {
            Direction::Inbound => (&mut self.real_hop, self.outbound.source()),
            Direction::Outbound => (&mut self.client_hop, self.inbound.source()),
        };
        if hop.generation != next_hops.generation() {
            *hop = resolve(next_hops, destination.into())?;
        }
        Ok(())
    }

    /// Whether a SYN of the client makes a new connection in place of this one: it is over, or its real server never
    /// answered and can not be reached any more.
    fn gives_way(&mut self, next_hops: &NextHopTable) -> bool {
        self.state.is_over()
            || (self.state == ConnectionState::Syn
                && self.resolve_hop(Direction::Inbound, next_hops).is_err())
    }
}

/// Asks the table for the next hop to `destination`.
pub(crate) fn resolve(next_hops: &NextHopTable, destination: IpAddr) -> Result<Hop, Unreachable> {
    match next_hops.resolve(destination) {
        NextHop::Resolved { port, mac } => Ok(Hop { generation: next_hops.generation(), mac, port }),
        NextHop::Unresolved { port, address } => Err(Unreachable::Awaits { port, address }),
        NextHop::NoRoute => Err(Unreachable::Refused(DropReason::NoRoute)),
    }
}
