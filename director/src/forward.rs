//! The fast path: a packet of a known connection is translated. Code is made for each direction and protocol, so that
//! none of it asks which it is; what is not common is left to `lane`.

use model::Protocol;
use packet::{Address, InPlace, Tcp, TcpFlags, TransportProtocol, Udp};

use crate::classify::Flow;
use crate::connection::{Connection, FlowKey};
use crate::counters::BindingCounters;
use crate::lane::Lane;
use crate::refusal::refusal;
use crate::shard::Core;
use crate::{Direction, Frame, Verdict};

/// A direction as a type.
trait Way {
    const DIRECTION: Direction;
}

struct Inbound;
struct Outbound;

impl Way for Inbound {
    const DIRECTION: Direction = Direction::Inbound;
}

impl Way for Outbound {
    const DIRECTION: Direction = Direction::Outbound;
}

impl<A: Address> Lane<A> {
    /// Translates a packet whose candidate is its connection and that is common in all ways. `None`, and nothing has
    /// changed, if it is not.
    ///
    /// The candidate of the second stage is only a guess: its tag may be another's, and the packets before this one in
    /// the batch may have added or removed connections.
    #[inline(always)]
    pub(crate) fn translate_common(
        &mut self,
        core: &mut Core,
        generation: u32,
        frame: &mut Frame<'_>,
        flow: &Flow<A>,
    ) -> Option<Verdict> {
        match (flow.key.direction, flow.key.protocol) {
            (Direction::Inbound, Protocol::Tcp) => self.common::<Inbound, Tcp>(core, generation, frame, flow),
            (Direction::Outbound, Protocol::Tcp) => {
                self.common::<Outbound, Tcp>(core, generation, frame, flow)
            }
            (Direction::Inbound, Protocol::Udp) => self.common::<Inbound, Udp>(core, generation, frame, flow),
            (Direction::Outbound, Protocol::Udp) => {
                self.common::<Outbound, Udp>(core, generation, frame, flow)
            }
        }
    }

    #[inline(always)]
    fn common<W: Way, T: TransportProtocol>(
        &mut self,
        core: &mut Core,
        generation: u32,
        frame: &mut Frame<'_>,
        flow: &Flow<A>,
    ) -> Option<Verdict> {
        let key = FlowKey { ends: flow.key.ends, protocol: T::PROTOCOL, direction: W::DIRECTION };
        let connection = self.table.verify(flow.candidate, &key)?;
        connection.translate_common::<W, T>(core, generation, frame, flow)
    }
}

impl<A: Address> Connection<A> {
    /// Translates a common packet of the connection. `None`, and nothing has changed, if it is not common: a SYN, a
    /// packet that may not go on, or one whose next hop is not from this `generation` of the table.
    #[inline(always)]
    fn translate_common<W: Way, T: TransportProtocol>(
        &mut self,
        core: &mut Core,
        generation: u32,
        frame: &mut Frame<'_>,
        flow: &Flow<A>,
    ) -> Option<Verdict> {
        let length = frame.length;
        let packet = InPlace::<A, T>::cut(frame.bytes, flow.transport_offset)?;
        let hop = self.hop(W::DIRECTION);
        if packet.flags().is_initial_syn()
            || hop.generation != generation
            || refusal(core.stations.at(hop.port).mtu, packet.hop_limit(), packet.ip_length()).is_some()
        {
            return None;
        }
        Some(self.forward::<W, T>(core, packet, length))
    }

    /// Translates a packet that was looked at already: all that could hold it up is done with.
    pub(crate) fn forward_examined(
        &mut self,
        core: &mut Core,
        frame: &mut Frame<'_>,
        flow: &Flow<A>,
    ) -> Option<Verdict> {
        let (length, offset) = (frame.length, flow.transport_offset);
        let bytes = &mut *frame.bytes;
        Some(match (flow.key.direction, flow.key.protocol) {
            (Direction::Inbound, Protocol::Tcp) => {
                self.forward::<Inbound, Tcp>(core, InPlace::cut(bytes, offset)?, length)
            }
            (Direction::Outbound, Protocol::Tcp) => {
                self.forward::<Outbound, Tcp>(core, InPlace::cut(bytes, offset)?, length)
            }
            (Direction::Inbound, Protocol::Udp) => {
                self.forward::<Inbound, Udp>(core, InPlace::cut(bytes, offset)?, length)
            }
            (Direction::Outbound, Protocol::Udp) => {
                self.forward::<Outbound, Udp>(core, InPlace::cut(bytes, offset)?, length)
            }
        })
    }

    #[inline(always)]
    fn forward<W: Way, T: TransportProtocol>(
        &mut self,
        core: &mut Core,
        mut packet: InPlace<'_, A, T>,
        length: usize,
    ) -> Verdict {
        self.last_seen_ms = core.now_ms;
        if T::PROTOCOL == Protocol::Tcp && self.state.may_change(packet.flags()) {
            self.follow(core, W::DIRECTION, packet.flags());
        }
        let hop = self.hop(W::DIRECTION);
        packet.set_ethernet(core.stations.at(hop.port).mac, hop.mac);
        packet.translate(&self.translation(W::DIRECTION));
        count_packet(&core.counters.bindings[usize::from(self.binding)], W::DIRECTION, length);
        Verdict::Forward { port: hop.port }
    }

    #[cold]
    #[inline(never)]
    fn follow(&mut self, core: &mut Core, direction: Direction, flags: TcpFlags) {
        let before = self.state;
        self.state = before.after(direction, flags);
        if before.is_half_open() && self.state != before {
            core.note_handshake(self, before, direction);
        }
        core.note_progress(self, before);
    }
}

#[inline(always)]
pub(crate) fn count_packet(counters: &BindingCounters, direction: Direction, bytes: usize) {
    let (packets, octets) = match direction {
        Direction::Inbound => (&counters.inbound_packets, &counters.inbound_bytes),
        Direction::Outbound => (&counters.outbound_packets, &counters.outbound_bytes),
    };
    packets.add(1);
    octets.add(bytes as u64);
}
