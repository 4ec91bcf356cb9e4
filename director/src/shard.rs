//! A shard: the connections of the clients that one worker owns, and the stages that its packets pass.
//!
//! A shard is written by its owner alone. It never blocks, allocates or fails once it is made: each frame gets one
//! verdict.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ahash::RandomState;
use arrayvec::ArrayVec;
use model::limits::BATCH;
use model::{DropReason, Instant};
use packet::{Address, Content};

use crate::classify::{Flow, QuotedFlow, Step};
use crate::counters::ShardCounters;
use crate::lane::Lane;
use crate::listing::{ConnectionFilter, ConnectionSummary, Cursor};
use crate::predictor::Predictors;
use crate::refusal::ErrorBudget;
use crate::services::Services;
use crate::targets::Targets;
use crate::tcp_state::IdleTimeouts;
use crate::{Configuration, Frame, NextHopTable, Port, Steering, Verdict};

/// What a shard is made of.
#[derive(Clone, Debug)]
pub struct ShardConfiguration {
    /// Virtual servers, real servers, bindings, timeouts.
    pub director: Arc<Configuration>,
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
}

/// What both address families share.
pub(crate) struct Core {
    pub(crate) configuration: Arc<Configuration>,
    pub(crate) ports: Arc<[Port]>,
    pub(crate) index: usize,
    pub(crate) steering: Steering,
    pub(crate) services: Services,
    pub(crate) predictors: Predictors,
    pub(crate) targets: Targets,
    pub(crate) timeouts: IdleTimeouts,
    pub(crate) counters: Arc<ShardCounters>,
    pub(crate) hasher: RandomState,
    pub(crate) capacity: usize,
    pub(crate) connections: usize,
    pub(crate) now_ms: u32,
    pub(crate) errors: ErrorBudget,
}

/// The connections of one worker's clients.
pub struct Shard {
    core: Core,
    v4: Lane<Ipv4Addr>,
    v6: Lane<Ipv6Addr>,
    staged: Box<ArrayVec<Staged, BATCH>>,
    waiting_v4: Box<Waiting<Ipv4Addr>>,
    waiting_v6: Box<Waiting<Ipv6Addr>>,
}

/// What a frame is, between the stages. What is known of a flow waits beside it in [`Waiting`], family by family: a
/// list of the larger of all kinds would be copied and walked in full for the smallest.
#[derive(Clone, Copy)]
enum Staged {
    Done(Verdict),
    FlowV4,
    FlowV6,
    ErrorV4,
    ErrorV6,
}

/// The flows and ICMP errors of one address family that wait for the next stage, in the order of their frames.
struct Waiting<A> {
    flows: ArrayVec<Flow<A>, BATCH>,
    errors: ArrayVec<QuotedFlow<A>, BATCH>,
}

impl<A: Address> Waiting<A> {
    fn boxed() -> Box<Self> {
        Box::new(Self { flows: ArrayVec::new(), errors: ArrayVec::new() })
    }

    fn clear(&mut self) {
        self.flows.clear();
        self.errors.clear();
    }

    /// Keeps what the first stage found and has the flow's bucket fetched. Returns how the frame is staged, by the
    /// names that its family has for a flow and an error.
    #[inline]
    fn keep(&mut self, step: Step<A>, lane: &Lane<A>, flow_kind: Staged, error_kind: Staged) -> Staged {
        match step {
            Step::Done(verdict) => Staged::Done(verdict),
            Step::Flow(flow) => {
                lane.table.prefetch(flow.hash);
                self.flows.push(flow);
                flow_kind
            }
            Step::Error(error) => {
                self.errors.push(error);
                error_kind
            }
        }
    }

    /// The second stage: finds where each flow's connection probably is, and has it fetched.
    #[inline]
    fn find_candidates(&mut self, lane: &Lane<A>) {
        for flow in &mut self.flows {
            flow.candidate = lane.table.candidate(flow.hash);
        }
    }
}

impl Shard {
    /// An empty shard. Reserves its memory; what connections do not use is not touched.
    pub fn new(configuration: ShardConfiguration) -> Self {
        let ShardConfiguration { director, ports, index, steering, capacity, hash_seed } = configuration;
        let hasher =
            RandomState::with_seeds(hash_seed, !hash_seed, hash_seed.rotate_left(32), 0x9e37_79b9_7f4a_7c15);
        let counters = ShardCounters::new(director.virtual_servers().len(), director.bindings().len());
        Self {
            core: Core {
                services: Services::new(&director, &hasher),
                predictors: Predictors::new(&director, index),
                targets: Targets::new(&director),
                timeouts: IdleTimeouts::new(director.timeouts()),
                configuration: director,
                ports,
                index,
                steering,
                counters: Arc::new(counters),
                hasher,
                capacity,
                connections: 0,
                now_ms: 0,
                errors: ErrorBudget::default(),
            },
            v4: Lane::with_capacity(capacity),
            v6: Lane::with_capacity(capacity),
            staged: Box::default(),
            waiting_v4: Waiting::boxed(),
            waiting_v6: Waiting::boxed(),
        }
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
    pub fn process(
        &mut self,
        now: Instant,
        next_hops: &NextHopTable,
        frames: &mut [Frame<'_>],
        verdicts: &mut ArrayVec<Verdict, BATCH>,
    ) {
        self.core.set_time(now);
        self.staged.clear();
        self.waiting_v4.clear();
        self.waiting_v6.clear();
        for frame in frames.iter_mut() {
            let staged = self.classify(frame);
            self.staged.push(staged);
        }
        self.waiting_v4.find_candidates(&self.v4);
        self.waiting_v6.find_candidates(&self.v6);
        verdicts.clear();
        self.finish(next_hops, frames, verdicts);
    }

    /// Turns a frame that got [`Verdict::AnswerNeighbor`] into the answer. Returns what is to be done with it then.
    pub fn answer_neighbor(&self, frame: &mut Frame<'_>) -> Verdict {
        self.core.answer_neighbor(frame)
    }

    /// The first stage of one frame.
    #[inline]
    fn classify(&mut self, frame: &mut Frame<'_>) -> Staged {
        let contiguous = frame.length.min(frame.bytes.len());
        let packet = match packet::parse(&frame.bytes[..contiguous], frame.length) {
            Ok(packet) => packet,
            Err(reason) => return Staged::Done(Verdict::Drop(reason)),
        };
        let (core, ethernet) = (&self.core, &packet.ethernet);
        match packet.content {
            Content::Ipv4(datagram) => {
                let step = core.classify_datagram(frame, ethernet, datagram);
                self.waiting_v4.keep(step, &self.v4, Staged::FlowV4, Staged::ErrorV4)
            }
            Content::Ipv6(datagram) => {
                let step = core.classify_datagram(frame, ethernet, datagram);
                self.waiting_v6.keep(step, &self.v6, Staged::FlowV6, Staged::ErrorV6)
            }
            Content::Arp(arp) => Staged::Done(core.classify_arp(frame, ethernet, &arp)),
            Content::Other => Staged::Done(core.classify_other_protocol(frame, ethernet)),
        }
    }

    /// The last stage of all frames, in their order: each takes the next of what waits for its kind.
    #[inline]
    fn finish(
        &mut self,
        next_hops: &NextHopTable,
        frames: &mut [Frame<'_>],
        verdicts: &mut ArrayVec<Verdict, BATCH>,
    ) {
        let Self { core, v4, v6, staged, waiting_v4, waiting_v6 } = self;
        let (mut flows_v4, mut errors_v4) = (waiting_v4.flows.iter(), waiting_v4.errors.iter());
        let (mut flows_v6, mut errors_v6) = (waiting_v6.flows.iter(), waiting_v6.errors.iter());
        for (frame, staged) in frames.iter_mut().zip(staged.iter()) {
            let verdict = match staged {
                Staged::Done(verdict) => Some(*verdict),
                Staged::FlowV4 => flows_v4.next().map(|flow| v4.handle(core, next_hops, frame, flow)),
                Staged::FlowV6 => flows_v6.next().map(|flow| v6.handle(core, next_hops, frame, flow)),
                Staged::ErrorV4 => {
                    errors_v4.next().map(|error| v4.handle_error(core, next_hops, frame, error))
                }
                Staged::ErrorV6 => {
                    errors_v6.next().map(|error| v6.handle_error(core, next_hops, frame, error))
                }
            };
            debug_assert!(verdict.is_some(), "each kind has one waiting for each frame of it");
            verdicts.push(verdict.unwrap_or(Verdict::Drop(DropReason::NoConnection)));
        }
    }

    /// Removes idle connections among the next `budget` slots of each table. Called often with a small budget, it
    /// goes round the tables without ever stalling the packets.
    pub fn expire(&mut self, now: Instant, budget: usize) {
        self.core.set_time(now);
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

impl Core {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "32 bits of milliseconds, compared with wrapping arithmetic"
    )]
    pub(crate) fn set_time(&mut self, now: Instant) {
        self.now_ms = now.as_millis() as u32;
    }

    pub(crate) fn port(&self, index: crate::PortIndex) -> &Port {
        &self.ports[usize::from(index.0)]
    }

    pub(crate) fn is_virtual(&self, address: impl Into<IpAddr>) -> bool {
        self.services.is_virtual(address.into())
    }
}
