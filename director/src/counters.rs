//! Counters that one shard writes and anyone may read.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ReplicaCounters;

/// A counter with a single writer: adding is a load and a store, no locked instruction.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `count`. To be called by the counter's one writer only, or counts are lost.
    #[inline]
    pub fn add(&self, count: u64) {
        // Relaxed: a reader wants a recent value and orders nothing by it.
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    /// The value at some recent moment.
    pub fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one shard counted for one binding of a virtual server to a real server. What belongs to the virtual or to
/// the real server is the sum over its bindings, so the two can not disagree.
#[derive(Debug, Default)]
pub struct BindingCounters {
    /// Connections admitted.
    pub admitted: Counter,
    /// Connections removed. Admitted minus removed is what is in the table.
    pub removed: Counter,
    /// Connections that the other unit is told of, or told of. Never more than are admitted.
    pub marked: Counter,
    /// Those of them that were removed. Marked minus unmarked is what both units should have.
    pub unmarked: Counter,
    /// Packets translated from clients to the real server.
    pub inbound_packets: Counter,
    /// Bytes of those frames.
    pub inbound_bytes: Counter,
    /// Packets translated from the real server to clients.
    pub outbound_packets: Counter,
    /// Bytes of those frames.
    pub outbound_bytes: Counter,
}

/// What one shard counted.
#[derive(Debug)]
pub struct ShardCounters {
    /// One for each binding of the configuration, in its order.
    pub bindings: Box<[BindingCounters]>,
    /// New connections that a virtual server refused, by virtual server.
    pub refused: Box<[Counter]>,
    /// Connections whose client port had to be translated, too.
    pub client_ports_translated: Counter,
    /// Connections removed because they were idle.
    pub expired: Counter,
    /// What it counted as one of a pair.
    pub replica: ReplicaCounters,
}

impl ShardCounters {
    pub(crate) fn new(virtual_servers: usize, bindings: usize) -> Self {
        Self {
            bindings: (0..bindings).map(|_| BindingCounters::default()).collect(),
            refused: (0..virtual_servers).map(|_| Counter::default()).collect(),
            client_ports_translated: Counter::default(),
            expired: Counter::default(),
            replica: ReplicaCounters::default(),
        }
    }

    /// Connections in the shard's table.
    pub fn connections(&self) -> u64 {
        self.connections_of(0..self.bindings.len())
    }

    /// Connections in the shard's table that came by one of `bindings`.
    pub fn connections_of(&self, bindings: Range<usize>) -> u64 {
        // Removed first: a connection that goes between the two reads must not make the difference negative.
        let bindings = &self.bindings[bindings];
        let removed: u64 = bindings.iter().map(|binding| binding.removed.read()).sum();
        let admitted: u64 = bindings.iter().map(|binding| binding.admitted.read()).sum();
        admitted - removed
    }

    /// Connections in the shard's table that came by one of `bindings` and that the other unit is told of, or told of.
    pub fn marked_of(&self, bindings: Range<usize>) -> u64 {
        let bindings = &self.bindings[bindings];
        let unmarked: u64 = bindings.iter().map(|binding| binding.unmarked.read()).sum();
        let marked: u64 = bindings.iter().map(|binding| binding.marked.read()).sum();
        marked - unmarked
    }

    /// Connections in the shard's table that the other unit is told of, or told of.
    pub fn marked(&self) -> u64 {
        self.marked_of(0..self.bindings.len())
    }
}
