//! Counters that one shard writes and anyone may read.

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
    /// By [`Binding::id`](crate::Binding::id), with room for more than there are.
    pub bindings: Box<[BindingCounters]>,
    /// Connections admitted, by all bindings, also those that are gone.
    pub admitted: Counter,
    /// Connections removed.
    pub removed: Counter,
    /// Connections that the other unit is told of, or told of.
    pub marked: Counter,
    /// Those of them that were removed.
    pub unmarked: Counter,
    /// New connections that a virtual server refused, by [`VirtualServer::id`](crate::VirtualServer::id).
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
            admitted: Counter::default(),
            removed: Counter::default(),
            marked: Counter::default(),
            unmarked: Counter::default(),
            refused: (0..virtual_servers).map(|_| Counter::default()).collect(),
            client_ports_translated: Counter::default(),
            expired: Counter::default(),
            replica: ReplicaCounters::default(),
        }
    }

    /// Connections in the shard's table.
    pub fn connections(&self) -> u64 {
        let removed = self.removed.read();
        self.admitted.read() - removed
    }

    /// Connections in the shard's table that came by the bindings with these numbers.
    pub fn connections_of(&self, ids: impl IntoIterator<Item = u16, IntoIter: Clone>) -> u64 {
        difference(self.of(ids), |binding| (&binding.admitted, &binding.removed))
    }

    /// Connections in the shard's table that came by the bindings with these numbers and that the other unit is told of, or
    /// told of.
    pub fn marked_of(&self, ids: impl IntoIterator<Item = u16, IntoIter: Clone>) -> u64 {
        difference(self.of(ids), |binding| (&binding.marked, &binding.unmarked))
    }

    /// Connections in the shard's table that the other unit is told of, or told of.
    pub fn marked(&self) -> u64 {
        let unmarked = self.unmarked.read();
        self.marked.read() - unmarked
    }

    /// The counters of the bindings with these numbers; those that there is no room for count nothing.
    fn of(
        &self,
        ids: impl IntoIterator<Item = u16, IntoIter: Clone>,
    ) -> impl Iterator<Item = &BindingCounters> + Clone {
        ids.into_iter().filter_map(|id| self.bindings.get(usize::from(id)))
    }
}

/// What came and has not gone. What has gone is read first: a connection that goes between the two reads must not make the
/// difference negative.
fn difference<'a>(
    bindings: impl IntoIterator<Item = &'a BindingCounters> + Clone,
    counters: impl Fn(&'a BindingCounters) -> (&'a Counter, &'a Counter),
) -> u64 {
    let gone: u64 = bindings.clone().into_iter().map(|binding| counters(binding).1.read()).sum();
    let came: u64 = bindings.into_iter().map(|binding| counters(binding).0.read()).sum();
    came - gone
}
