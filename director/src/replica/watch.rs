//! A standby that watches: its ports get copies of what clients, the active unit and real servers send each other, and it
//! learns from both sides of a connection what it would be told otherwise (seed 002). A client's packet to a virtual server
//! outside and the same client's packet to one of its real servers inside are a connection.
//!
//! Nothing is forwarded or answered. What can not be seen comes by the stream: that a connection is gone, and a client's
//! port that is translated. Whatever is learned wrongly or not at all shows in the digests.

use model::{ConnectionEnds, ConnectionRecord, DropReason, Endpoint, Phase, Protocol};
use packet::{Address, Content, Datagram, Headers, TcpFlags, Transport, Tuple};

use super::half_known::{Half, HalfKnown};
use crate::connection::{FlowKey, Marks};
use crate::lane::Lane;
use crate::shard::Core;
use crate::{Direction, PortIndex, PortRole, Shard, Verdict};

/// What a standby does with each frame that is not the unit's own.
pub(super) const STANDBY: Verdict = Verdict::Drop(DropReason::Standby);

/// Between whom a packet was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leg {
    /// Outside. What the active unit answers there was seen inside.
    ClientToVirtual,
    ClientToReal,
    RealToClient,
}

/// A packet that was seen, the client's end first.
struct Sight<A: Address> {
    leg: Leg,
    client: (A, u16),
    server: (A, u16),
    protocol: Protocol,
    flags: TcpFlags,
}

impl Shard {
    /// Learns from a packet that others exchange. Returns the verdict of its frame.
    pub(super) fn watch(&mut self, port: PortIndex, content: &Content) -> Verdict {
        match content {
            Content::Ipv4(datagram) => self.v4.watch(&mut self.core, port, datagram),
            Content::Ipv6(datagram) => self.v6.watch(&mut self.core, port, datagram),
            Content::Arp(_) | Content::Other => STANDBY,
        }
    }
}

impl<A: Address> Lane<A> {
    fn watch(&mut self, core: &mut Core, port: PortIndex, datagram: &Datagram<A>) -> Verdict {
        let Some(sight) = core.sight(port, datagram) else { return STANDBY };
        let owner = core.steering.owner(sight.client.0);
        if owner != core.index {
            return Verdict::HandOver { shard: owner };
        }
        if let Some(half) = self.half_of(core, &sight) {
            let gave_way = core.half_known().is_some_and(|flows| flows.remember(half));
            core.counters.replica.half_known_dropped.add(u64::from(gave_way));
            self.learn(core, &sight);
        }
        STANDBY
    }

    /// What a packet says of a flow that is not known.
    fn half_of(&mut self, core: &Core, sight: &Sight<A>) -> Option<Half> {
        let flags = sight.flags;
        let is_known = self.follow_seen(core, sight);
        let is_news = match sight.leg {
            // A SYN may begin a new connection in place of one that is over, and of no other.
            Leg::ClientToVirtual if flags.is_initial_syn() => {
                !self.is_alive(core, sight) && core.is_told_of(sight)
            }
            Leg::ClientToVirtual => !is_known && core.is_told_of(sight),
            // That the active unit lets these pass proves no connection.
            Leg::ClientToReal => {
                !is_known && !flags.contains(TcpFlags::SYN) && !flags.contains(TcpFlags::RST)
            }
            Leg::RealToClient => !is_known && flags.contains(TcpFlags::SYN),
        };
        is_news.then(|| Half {
            side: if sight.leg == Leg::ClientToVirtual { PortRole::Outside } else { PortRole::Inside },
            protocol: sight.protocol,
            client: sight.client(),
            server: sight.server(),
            is_answered: match sight.leg {
                Leg::ClientToVirtual => !flags.is_initial_syn(),
                Leg::ClientToReal => false,
                Leg::RealToClient => true,
            },
            is_confirmed: sight.leg == Leg::ClientToReal,
            seen_ms: core.now_ms,
        })
    }

    /// Takes note of a packet of a connection that is known: its phase moves as the active unit's does. Returns whether it
    /// is. One that is not marked is left from a time when this unit was active: the other has a newer one.
    fn follow_seen(&mut self, core: &Core, sight: &Sight<A>) -> bool {
        let key = sight.key();
        let id = self.table.find(core.hasher.hash(&key), &key);
        let known = id.and_then(|id| self.table.get_mut(id));
        let Some(connection) = known.filter(|connection| connection.marks.contains(Marks::REPLICATED)) else {
            return false;
        };
        connection.last_seen_ms = core.now_ms;
        connection.state = connection.state.after(sight.direction(), sight.flags);
        true
    }

    /// Whether there is a connection with these ends outside, marked and not over.
    fn is_alive(&self, core: &Core, sight: &Sight<A>) -> bool {
        let key = sight.key();
        let id = self.table.find(core.hasher.hash(&key), &key);
        id.and_then(|id| self.table.get(id)).is_some_and(|connection| {
            connection.marks.contains(Marks::REPLICATED) && !connection.state.is_over()
        })
    }

    /// When both sides of the client's flow have been seen, they are a connection, as if a record had told of it.
    fn learn(&mut self, core: &mut Core, sight: &Sight<A>) {
        let Some(record) = core.take_seen(sight) else { return };
        // Nothing that is known goes for a guess.
        let Some(virtual_address) = A::from_ip(record.ends.virtual_server.address) else { return };
        let server = (virtual_address, record.ends.virtual_server.port);
        let outside = Sight { leg: Leg::ClientToVirtual, server, ..*sight };
        if self.is_alive(core, &outside) {
            return;
        }
        self.create(core, &record);
        if self.follow_seen(core, sight) {
            core.counters.replica.observed.add(1);
        }
    }
}

impl Core {
    /// What a packet says to one who watches. `None` if it can be of no connection.
    fn sight<A: Address>(&self, port: PortIndex, datagram: &Datagram<A>) -> Option<Sight<A>> {
        let Headers { ends, layout } = Headers::of(datagram)?;
        let Tuple { source, source_port, destination, destination_port } = ends.into();
        let flags = match datagram.transport {
            Transport::Tcp { flags, .. } => flags,
            _ => TcpFlags::default(),
        };
        let (from, to) = ((source, source_port), (destination, destination_port));
        let is_real = |address: A| self.plan.services.is_real_address(address.into());
        let (leg, client, server) = match self.port(port).role {
            PortRole::Outside if self.is_virtual(destination) => (Leg::ClientToVirtual, from, to),
            PortRole::Inside if is_real(source) => (Leg::RealToClient, to, from),
            PortRole::Inside if is_real(destination) => (Leg::ClientToReal, from, to),
            _ => return None,
        };
        Some(Sight { leg, client, server, protocol: layout.protocol, flags })
    }

    /// Whether the standby is told of the connections of the virtual server that a client's packet is for.
    fn is_told_of<A: Address>(&self, sight: &Sight<A>) -> bool {
        let service = (sight.server.0.into(), sight.server.1, sight.protocol);
        let server = self.plan.instance_for(service, sight.client.0.into());
        server.is_some_and(|server| self.plan.virtual_server(server).replicate())
    }

    /// Takes out the one flow of the client of which both sides are known, as a record.
    fn take_seen<A: Address>(&mut self, sight: &Sight<A>) -> Option<ConnectionRecord> {
        let flow = (sight.protocol, sight.client(), self.now_ms);
        let mut flows = self.replica.as_mut()?.half_known.take()?;
        let pairs = flows.pairs(flow, |outside, inside| self.record_of(outside, inside.server).is_some());
        // Of several, nobody can tell which was seen.
        let only = if let [pair] = pairs.as_slice() { Some(pair) } else { None };
        for half in only.iter().flat_map(|(outside, inside)| [outside, inside]) {
            flows.forget(half);
        }
        self.replica.as_mut()?.half_known = Some(flows);
        let (outside, inside) = only?;
        self.record_of(outside, inside.server)
    }

    /// What a record would say of a connection of which both sides were seen. `None` if they do not belong together.
    fn record_of(&self, half: &Half, real_server: Endpoint) -> Option<ConnectionRecord> {
        let Half { protocol, client, server: virtual_server, .. } = *half;
        let service = (virtual_server.address, virtual_server.port, protocol);
        let server = self.plan.instance_for(service, client.address)?;
        // Also where a backup of its own took the connection.
        let servers = std::iter::once(server).chain(self.plan.backups(server));
        let mut serving = servers
            .filter(|&server| self.plan.binding_to(server, real_server, virtual_server.port).is_some());
        let bind_id = self.plan.virtual_server(serving.next()?).name().bind_id;
        let ends =
            ConnectionEnds { protocol, client, virtual_server, real_server, translated_port: client.port };
        let record = ConnectionRecord { ends, phase: Phase::Open, bind_id, group: 0, buddy: None };
        self.binding_of(&record).map(|_| record)
    }

    fn half_known(&mut self) -> Option<&mut HalfKnown> {
        self.replica.as_mut()?.half_known.as_mut()
    }
}

impl<A: Address> Sight<A> {
    fn client(&self) -> Endpoint {
        Endpoint::new(self.client.0.into(), self.client.1)
    }

    fn server(&self) -> Endpoint {
        Endpoint::new(self.server.0.into(), self.server.1)
    }

    const fn direction(&self) -> Direction {
        match self.leg {
            Leg::ClientToVirtual | Leg::ClientToReal => Direction::Inbound,
            Leg::RealToClient => Direction::Outbound,
        }
    }

    /// The key that a connection with this packet is found by: outside that of the client's packets, inside that of
    /// the real server's.
    fn key(&self) -> FlowKey<A> {
        let ((source, source_port), (destination, destination_port)) = (self.client, self.server);
        let ends = Tuple { source, source_port, destination, destination_port }.into();
        let from_client = FlowKey { ends, protocol: self.protocol, direction: Direction::Inbound };
        match self.leg {
            Leg::ClientToVirtual => from_client,
            Leg::ClientToReal | Leg::RealToClient => {
                FlowKey { ends: from_client.ends.reversed(), direction: Direction::Outbound, ..from_client }
            }
        }
    }
}
