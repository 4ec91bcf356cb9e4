//! Clients that open connections, batch by batch, and the unit that they ask.

use std::sync::Arc;
use std::time::Duration;

use arrayvec::ArrayVec;
use director::{ConfigurationDraft, Shared};
use model::limits::BATCH;
use packet::{TcpFlags, Tuple};

use crate::graph::GraphError;
use crate::graph::pass::Pass;
use crate::graph::quiet;
use crate::graph::unit::{INSIDE, OUTSIDE, Plan, UNIT, Unit};
use crate::load::frames::{Template, Version, destination, inbound};

/// Twice the connections that live.
pub(super) const CAPACITY: u32 = 131_072;

/// Batches in a round.
const BATCHES: u32 = 64;

/// Time of the unit's clock from one round to the next, and how long connections live.
const ROUND: Duration = Duration::from_secs(1);
const TCP_SYN_S: u64 = 6;

const SYN_ACK: TcpFlags = TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0);

/// The first port of clients.
const FIRST_PORT: u32 = 1_024;
const PORTS: u32 = 0x1_0000 - FIRST_PORT;

/// Who asks: addresses, as often as they are wanted.
pub(super) type Clients<A> = Box<dyn FnMut() -> A>;

/// Connections that begin.
pub(super) struct Newcomers<A> {
    pub(super) unit: Unit,
    pass: Pass,
    syn: Template<A>,
    syn_ack: Template<A>,
    clients: Clients<A>,
    /// The next client's port: of those who come again, no two have the same while they live.
    next_port: u32,
}

impl<A: Version> Newcomers<A> {
    /// A unit with this configuration, and as many connections as live on average.
    ///
    /// # Errors
    ///
    /// When the configuration is refused, or a packet was not forwarded.
    pub(super) fn begin(
        plan: Plan,
        mut draft: ConfigurationDraft,
        shared: Arc<Shared>,
        clients: Clients<A>,
    ) -> Result<Self, GraphError> {
        draft.timeouts.tcp_syn_s = TCP_SYN_S;
        let mut newcomers = Self {
            unit: Unit::of(plan, &draft, shared)?,
            pass: Pass::default(),
            syn: Template::new(UNIT[0], TcpFlags::SYN),
            syn_ack: Template::new(UNIT[1], SYN_ACK),
            clients,
            next_port: 0,
        };
        for _ in 0..=TCP_SYN_S {
            newcomers.cycles_per_connection()?;
        }
        Ok(newcomers)
    }

    /// TSC cycles of a new connection, in one round of them.
    ///
    /// # Errors
    ///
    /// When a packet was not forwarded.
    pub(super) fn cycles_per_connection(&mut self) -> Result<f64, GraphError> {
        let mut cycles = Vec::with_capacity(BATCHES as usize);
        for _ in 0..BATCHES {
            cycles.push(self.open(BATCH)?);
        }
        self.unit.now = self.unit.now + ROUND;
        let slots = self.unit.shard.slots();
        self.unit.shard.expire(self.unit.now, slots);
        Ok(quiet::mean(&mut cycles) / BATCH as f64)
    }

    /// Has so many clients, a batch of them at most, open a connection each, and the real servers answer. Returns the cycles
    /// that the SYNs took.
    ///
    /// # Errors
    ///
    /// When a packet was not forwarded.
    pub(super) fn open(&mut self, count: usize) -> Result<u64, GraphError> {
        let tuples: ArrayVec<Tuple<A>, BATCH> = (0..count).map(|_| self.next_tuple()).collect();
        self.pass.ring.begin();
        for tuple in &tuples {
            self.pass.ring.push(OUTSIDE, |buffer| self.syn.write(tuple, buffer));
        }
        let cycles = self.pass.run(&mut self.unit)?;
        let answers: ArrayVec<Tuple<A>, BATCH> =
            tuples.iter().enumerate().map(|(place, tuple)| self.answer(place, tuple)).collect();
        self.pass.ring.begin();
        for tuple in &answers {
            self.pass.ring.push(INSIDE, |buffer| self.syn_ack.write(tuple, buffer));
        }
        self.pass.run(&mut self.unit)?;
        Ok(cycles)
    }

    fn next_tuple(&mut self) -> Tuple<A> {
        self.next_port = (self.next_port + 1) % PORTS;
        let source_port = u16::try_from(FIRST_PORT + self.next_port).unwrap_or(u16::MAX);
        Tuple { source: (self.clients)(), source_port, ..inbound(0) }
    }

    /// The ends of the answer to a SYN of the batch that was run last.
    fn answer(&self, place: usize, syn: &Tuple<A>) -> Tuple<A> {
        Tuple {
            source: destination(self.pass.ring.bytes(place)).unwrap_or(A::VIRTUAL),
            source_port: syn.destination_port,
            destination: syn.source,
            destination_port: syn.source_port,
        }
    }
}
