//! A shard: the connections of the clients that one worker owns, and the stages that its packets pass.
//!
//! A shard is written by its owner alone. It never blocks, allocates or fails once it is made: each frame gets one
//! verdict.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ahash::RandomState;
use arrayvec::ArrayVec;
use model::Instant;
use model::limits::BATCH;

use crate::classify::{Flow, QuotedFlow, Step};
use crate::counters::ShardCounters;
use crate::lane::Lane;
use crate::listing::{ConnectionFilter, ConnectionSummary, Cursor};
use crate::predictor::Predictors;
use crate::services::Services;
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
    pub(crate) timeouts: IdleTimeouts,
    pub(crate) counters: Arc<ShardCounters>,
    pub(crate) hasher: RandomState,
    pub(crate) capacity: usize,
    pub(crate) connections: usize,
    pub(crate) now_ms: u32,
}

/// The connections of one worker's clients.
pub struct Shard {
    core: Core,
    v4: Lane<Ipv4Addr>,
    v6: Lane<Ipv6Addr>,
    staged: Box<ArrayVec<Staged, BATCH>>,
}

/// A frame between the stages.
enum Staged {
    Done(Verdict),
    V4(Flow<Ipv4Addr>),
    V6(Flow<Ipv6Addr>),
    ErrorV4(QuotedFlow<Ipv4Addr>),
    ErrorV6(QuotedFlow<Ipv6Addr>),
}

impl From<Step<Ipv4Addr>> for Staged {
    #[inline]
    fn from(step: Step<Ipv4Addr>) -> Self {
        match step {
            Step::Done(verdict) => Self::Done(verdict),
            Step::Flow(flow) => Self::V4(flow),
            Step::Error(error) => Self::ErrorV4(error),
        }
    }
}

impl From<Step<Ipv6Addr>> for Staged {
    #[inline]
    fn from(step: Step<Ipv6Addr>) -> Self {
        match step {
            Step::Done(verdict) => Self::Done(verdict),
            Step::Flow(flow) => Self::V6(flow),
            Step::Error(error) => Self::ErrorV6(error),
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
            },
            v4: Lane::with_capacity(capacity),
            v6: Lane::with_capacity(capacity),
            staged: Box::default(),
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
        verdicts.clear();
        for frame in frames.iter_mut() {
            let staged = self.core.classify(frame);
            match &staged {
                Staged::V4(flow) => self.v4.table.prefetch(flow.hash),
                Staged::V6(flow) => self.v6.table.prefetch(flow.hash),
                Staged::Done(_) | Staged::ErrorV4(_) | Staged::ErrorV6(_) => {}
            }
            self.staged.push(staged);
        }
        for staged in self.staged.iter_mut() {
            match staged {
                Staged::V4(flow) => flow.candidate = self.v4.table.candidate(flow.hash),
                Staged::V6(flow) => flow.candidate = self.v6.table.candidate(flow.hash),
                Staged::Done(_) | Staged::ErrorV4(_) | Staged::ErrorV6(_) => {}
            }
        }
        let core = &mut self.core;
        for (frame, staged) in frames.iter_mut().zip(self.staged.iter()) {
            verdicts.push(match staged {
                Staged::Done(verdict) => *verdict,
                Staged::V4(flow) => self.v4.handle(core, next_hops, frame, flow),
                Staged::V6(flow) => self.v6.handle(core, next_hops, frame, flow),
                Staged::ErrorV4(error) => self.v4.handle_error(core, next_hops, frame, error),
                Staged::ErrorV6(error) => self.v6.handle_error(core, next_hops, frame, error),
            });
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

    #[inline]
    fn classify(&self, frame: &mut Frame<'_>) -> Staged {
        let contiguous = frame.length.min(frame.bytes.len());
        let packet = match packet::parse(&frame.bytes[..contiguous], frame.length) {
            Ok(packet) => packet,
            Err(reason) => return Staged::Done(Verdict::Drop(reason)),
        };
        match packet.content {
            packet::Content::Ipv4(datagram) => {
                self.classify_datagram(frame, &packet.ethernet, datagram).into()
            }
            packet::Content::Ipv6(datagram) => {
                self.classify_datagram(frame, &packet.ethernet, datagram).into()
            }
            packet::Content::Arp(arp) => Staged::Done(self.classify_arp(frame, &packet.ethernet, &arp)),
            packet::Content::Other => Staged::Done(self.classify_other_protocol(frame, &packet.ethernet)),
        }
    }

    pub(crate) fn port(&self, index: crate::PortIndex) -> &Port {
        &self.ports[usize::from(index.0)]
    }

    pub(crate) fn is_virtual(&self, address: impl Into<IpAddr>) -> bool {
        self.services.is_virtual(address.into())
    }
}
