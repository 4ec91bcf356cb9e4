//! A shard: the connections of the clients that one worker owns, and the stages that its packets pass.
//!
//! A shard is written by its owner alone. It never blocks, allocates or fails once it is made: each frame gets one
//! verdict.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use arrayvec::ArrayVec;
use model::limits::{BATCH, REAL_IDS, VIRTUAL_IDS};
use model::{DropReason, Instant, UnitState};
use packet::{Content, Ethernet, Headers};

use crate::connection::KeyHasher;
use crate::counters::ShardCounters;
use crate::lane::{Batch, Lane, Unreachable};
use crate::listing::{ConnectionFilter, ConnectionSummary, Cursor};
use crate::loads::Loads;
use crate::plan::{self, Plan};
use crate::port::Stations;
use crate::refusal::ErrorBudget;
use crate::replica::{IdleBound, Replica, ReplicationSettings};
use crate::waiting::Waiting;
use crate::{Configuration, Frame, NextHopTable, Port, PortIndex, Shared, Steering, Verdict};

/// What a shard is made of.
#[derive(Clone, Debug)]
pub struct ShardConfiguration {
    /// Virtual servers, real servers, bindings, timeouts.
    pub director: Arc<Configuration>,
    /// What all shards of the unit share.
    pub shared: Arc<Shared>,
    /// The ports, by `PortIndex`.
    pub ports: Arc<[Port]>,
    /// Which shard this is.
    pub index: usize,
    /// All shards.
    pub steering: Steering,
    /// Connections that the shard may hold, both address families together.
    pub capacity: usize,
    /// The seed of the table's hash, so that a client can not choose its bucket.
    pub hash_seed: u64,
    /// What a unit of a pair has beside; `None` for a unit without a peer.
    pub replication: Option<ReplicationSettings>,
    /// Whether it forwards at first.
    pub state: UnitState,
}

/// What both address families share.
pub(crate) struct Core {
    pub(crate) plan: Box<Plan>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) loads: Loads,
    /// By [`RealServer::id`](crate::RealServer::id): who is in service and up, as far as this shard has noticed.
    pub(crate) in_service: Box<[bool]>,
    /// Whether it has looked.
    pub(crate) has_looked: bool,
    pub(crate) stations: Stations,
    pub(crate) ports: Arc<[Port]>,
    /// Which shard this is.
    pub(crate) index: u16,
    /// Whether there is no other.
    pub(crate) is_alone: bool,
    pub(crate) steering: Steering,
    pub(crate) counters: Arc<ShardCounters>,
    pub(crate) hasher: KeyHasher,
    pub(crate) capacity: usize,
    pub(crate) connections: usize,
    pub(crate) now: Instant,
    pub(crate) now_ms: u32,
    pub(crate) errors: ErrorBudget,
    /// The next hops that packets of the batch wait for.
    pub(crate) awaited: ArrayVec<(PortIndex, IpAddr), BATCH>,
    pub(crate) state: UnitState,
    /// Until when it may forward while it is active.
    pub(crate) lease: Instant,
    /// The lease of an active shard; the start of the clock for one that stands by, so that one comparison says both.
    pub(crate) forwards_until: Instant,
    pub(crate) idle_bound: IdleBound,
    /// Whether live updates are wanted.
    pub(crate) is_listened: bool,
    pub(crate) replica: Option<Box<Replica>>,
}

/// The connections of one worker's clients.
pub struct Shard {
    pub(crate) core: Core,
    pub(crate) v4: Lane<Ipv4Addr>,
    pub(crate) v6: Lane<Ipv6Addr>,
    waiting_v4: Box<Waiting<Ipv4Addr>>,
    waiting_v6: Box<Waiting<Ipv6Addr>>,
}

/// A stage that all frames of a batch pass before any of them enters the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Parsed and, if flows, hashed.
    Classified,
    /// The probable connection of each flow is found.
    Found,
    /// Each frame has its verdict.
    Translated,
}

/// The verdict of a frame until its flow gets one.
pub(crate) const PENDING: Verdict = Verdict::Drop(DropReason::NoConnection);
static ALL_PENDING: [Verdict; BATCH] = [PENDING; BATCH];

impl Shard {
    /// An empty shard. Reserves its memory; what connections do not use is not touched.
    pub fn new(configuration: ShardConfiguration) -> Self {
        let plan = configuration.plan(&configuration.director);
        let ShardConfiguration { director, shared, ports, index, steering, capacity, hash_seed, .. } =
            configuration;
        let (replication, state) = (configuration.replication, configuration.state);
        let counters = ShardCounters::new(VIRTUAL_IDS, plan::room(director.bindings().len()));
        let replica = replication.map(|settings| Replica::new(&settings, &plan::hasher(hash_seed)));
        let buddies = if replica.is_some() { capacity } else { 0 };
        let mut shard = Self {
            core: Core {
                loads: Loads::new(REAL_IDS, VIRTUAL_IDS),
                in_service: vec![false; REAL_IDS].into(),
                has_looked: false,
                plan,
                shared,
                stations: Stations::new(&ports),
                ports,
                // Checked configuration has no more workers than that (limits::WORKERS).
                index: u16::try_from(index).unwrap_or(u16::MAX),
                is_alone: steering.shards() == 1,
                steering,
                counters: Arc::new(counters),
                hasher: KeyHasher::new(hash_seed),
                capacity,
                connections: 0,
                now: Instant::START,
                now_ms: 0,
                errors: ErrorBudget::default(),
                awaited: ArrayVec::new(),
                state,
                lease: Instant::END,
                forwards_until: forwards_until(state, Instant::END),
                idle_bound: IdleBound::NONE,
                is_listened: false,
                replica,
            },
            v4: Lane::with_capacity(capacity, buddies),
            v6: Lane::with_capacity(capacity, buddies),
            waiting_v4: Waiting::boxed(),
            waiting_v6: Waiting::boxed(),
        };
        shard.core.loads.begin(&shard.core.plan.configuration, &shard.core.shared);
        shard
    }

    /// Has the kernel provide all memory for connections now, so that no packet waits for it.
    pub fn populate(&mut self) {
        self.v4.table.populate();
        self.v6.table.populate();
    }

    /// The shard's counters, to be read by others at any time.
    pub fn counters(&self) -> Arc<ShardCounters> {
        Arc::clone(&self.core.counters)
    }

    /// Connections in the shard.
    pub const fn connections(&self) -> usize {
        self.core.connections
    }

    /// Gives each of `frames`, at most `BATCH`, a verdict, in order. The frames go through the stages together, so
    /// that the latency of memory is paid once for all of them.
    #[inline]
    pub fn process(
        &mut self,
        now: Instant,
        next_hops: &NextHopTable,
        frames: &mut [Frame<'_>],
        verdicts: &mut ArrayVec<Verdict, BATCH>,
    ) {
        self.process_observed(now, next_hops, frames, verdicts, |_| ());
    }

    /// The same, for one who wants to know what each stage costs: `observe` is called at the end of each.
    #[inline]
    pub fn process_observed(
        &mut self,
        now: Instant,
        next_hops: &NextHopTable,
        frames: &mut [Frame<'_>],
        verdicts: &mut ArrayVec<Verdict, BATCH>,
        mut observe: impl FnMut(Stage),
    ) {
        self.core.set_time(now);
        if now >= self.core.forwards_until {
            return self.stand_by(frames, verdicts);
        }
        self.waiting_v4.clear();
        self.waiting_v6.clear();
        self.core.awaited.clear();
        verdicts.clear();
        // The whole is copied; one by one would be several times as much work.
        let _ = verdicts.try_extend_from_slice(&ALL_PENDING[..frames.len()]);
        for (place, (frame, verdict)) in (0..).zip(frames.iter_mut().zip(verdicts.iter_mut())) {
            if let Some(decided) = self.classify(place, frame) {
                *verdict = decided;
            }
        }
        observe(Stage::Classified);
        self.v4.find_candidates(&mut self.waiting_v4);
        self.v6.find_candidates(&mut self.waiting_v6);
        observe(Stage::Found);
        let mut batch = Batch { next_hops, frames, verdicts };
        self.v4.finish(&mut self.core, &self.waiting_v4, &mut batch);
        self.v6.finish(&mut self.core, &self.waiting_v6, &mut batch);
        observe(Stage::Translated);
    }

    /// The port and address of the next hop that a frame of the last batch is to be kept for.
    ///
    /// # Panics
    ///
    /// If no [`Verdict::Hold`] of the last batch said `awaited`.
    pub fn awaited(&self, awaited: u8) -> (PortIndex, IpAddr) {
        self.core.awaited[usize::from(awaited)]
    }

    /// Turns a frame that got [`Verdict::AnswerNeighbor`] into the answer. Returns what is to be done with it then.
    pub fn answer_neighbor(&self, frame: &mut Frame<'_>) -> Verdict {
        self.core.answer_neighbor(frame)
    }

    /// The first stage of one frame. `None` if it waits for the next.
    #[inline(always)]
    fn classify(&mut self, place: u8, frame: &mut Frame<'_>) -> Option<Verdict> {
        let station = self.core.stations.at(frame.port);
        match station.ethertype(frame.bytes) {
            Some(Ethernet::IPV4) => {
                if let Some(headers) = Headers::<Ipv4Addr>::read(frame.bytes, frame.length) {
                    let flow = self.core.classify_flow(place, station.direction, &headers);
                    return self.waiting_v4.keep(flow, &self.v4);
                }
            }
            Some(Ethernet::IPV6) => {
                if let Some(headers) = Headers::<Ipv6Addr>::read(frame.bytes, frame.length) {
                    let flow = self.core.classify_flow(place, station.direction, &headers);
                    return self.waiting_v6.keep(flow, &self.v6);
                }
            }
            _ => {}
        }
        self.classify_thoroughly(place, frame)
    }

    /// The first stage of a frame that is not of the common kind.
    #[cold]
    #[inline(never)]
    fn classify_thoroughly(&mut self, place: u8, frame: &mut Frame<'_>) -> Option<Verdict> {
        let packet = match packet::parse(frame.contiguous(), frame.length) {
            Ok(packet) => packet,
            Err(reason) => return Some(Verdict::Drop(reason)),
        };
        let (core, ethernet) = (&self.core, &packet.ethernet);
        match packet.content {
            Content::Ipv4(datagram) => {
                let step = core.classify_datagram(place, frame, ethernet, datagram);
                self.waiting_v4.keep_step(step, &self.v4)
            }
            Content::Ipv6(datagram) => {
                let step = core.classify_datagram(place, frame, ethernet, datagram);
                self.waiting_v6.keep_step(step, &self.v6)
            }
            Content::Arp(arp) => Some(core.classify_arp(frame, ethernet, &arp)),
            Content::Other => Some(core.classify_other_protocol(frame, ethernet)),
        }
    }

    /// Removes idle connections among the next `budget` slots of each table. Called often with a small budget, it
    /// goes round the tables without ever stalling the packets.
    pub fn expire(&mut self, now: Instant, budget: usize) {
        self.core.set_time(now);
        self.core.advance_idle_bound(now);
        self.core.shared.retry(now);
        self.core.plan.predictors.advance(now);
        self.v4.expire(&mut self.core, budget);
        self.v6.expire(&mut self.core, budget);
    }

    /// The slots that a whole round of [`expire`](Self::expire) looks at.
    pub fn slots(&self) -> usize {
        self.v4.table.slots().max(self.v6.table.slots())
    }

    /// Appends to `found` the connections that pass `filter`, beginning at `cursor`, until `found` is full or a
    /// bounded number of slots was looked at. Returns where to go on; `None` at the end of the table.
    pub fn list<const N: usize>(
        &self,
        now: Instant,
        cursor: Cursor,
        filter: &ConnectionFilter,
        found: &mut ArrayVec<ConnectionSummary, N>,
    ) -> Option<Cursor> {
        crate::listing::list(&self.v4, &self.v6, now, cursor, filter, found)
    }
}

/// The instant from which on a shard treats frames as one that stands by.
pub(crate) const fn forwards_until(state: UnitState, lease: Instant) -> Instant {
    match state {
        UnitState::Active => lease,
        UnitState::Standby => Instant::START,
    }
}

impl Core {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "32 bits of milliseconds, compared with wrapping arithmetic"
    )]
    pub(crate) fn set_time(&mut self, now: Instant) {
        self.now = now;
        self.now_ms = now.as_millis() as u32;
    }

    pub(crate) fn port(&self, index: PortIndex) -> &Port {
        &self.ports[usize::from(index.0)]
    }

    /// The verdict of a packet that can not go to its destination now.
    #[cold]
    #[inline(never)]
    pub(crate) fn unreachable(&mut self, why: Unreachable) -> Verdict {
        match why {
            Unreachable::Awaits { port, address } => {
                // One for each frame of a batch at most, so there is room, and the place fits.
                let awaited = u8::try_from(self.awaited.len()).unwrap_or(u8::MAX);
                match self.awaited.try_push((port, address)) {
                    Ok(()) => Verdict::Hold { awaited },
                    Err(_) => Verdict::Drop(DropReason::NextHopUnresolved),
                }
            }
            Unreachable::Refused(reason) => Verdict::Drop(reason),
        }
    }

    pub(crate) fn is_virtual(&self, address: impl Into<IpAddr>) -> bool {
        self.plan.services.is_virtual(address.into())
    }
}
