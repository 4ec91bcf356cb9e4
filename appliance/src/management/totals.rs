//! What all shards together counted, and since when it is told.
//!
//! Counters only ever grow; what an operator sets back, and what a removed binding left to the next one with its number, is
//! subtracted where it is shown.

use std::collections::HashMap;
use std::ops::AddAssign;
use std::sync::{Mutex, MutexGuard, PoisonError};

use director::{BindingCounters, Configuration, Counter, ShardCounters};
use model::ServerName;

use super::report::Traffic;

/// What all shards counted for one binding, or for several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) connections: u64,
    pub(crate) removed: u64,
    pub(crate) admitted: u64,
    pub(crate) inbound: Traffic,
    pub(crate) outbound: Traffic,
}

impl Totals {
    /// What `shards` counted for the binding with this number.
    pub(crate) fn of_binding<'a>(shards: impl Iterator<Item = &'a ShardCounters>, id: u16) -> Self {
        let mut total = Self::default();
        for counters in shards.filter_map(|shard| shard.bindings.get(usize::from(id))) {
            total += Self::read(counters);
        }
        total
    }

    pub(super) fn read(counters: &BindingCounters) -> Self {
        // Removed first: a connection that goes between the two reads must not make the difference negative.
        let removed = counters.removed.read();
        let admitted = counters.admitted.read();
        Self {
            connections: admitted.saturating_sub(removed),
            removed,
            admitted,
            inbound: traffic(&counters.inbound_packets, &counters.inbound_bytes),
            outbound: traffic(&counters.outbound_packets, &counters.outbound_bytes),
        }
    }

    /// What was counted after `before`. Connections are those that there are.
    fn since(self, before: Self) -> Self {
        Self {
            connections: self.connections,
            removed: self.removed.saturating_sub(before.removed),
            admitted: self.admitted.saturating_sub(before.admitted),
            inbound: traffic_since(self.inbound, before.inbound),
            outbound: traffic_since(self.outbound, before.outbound),
        }
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.connections += other.connections;
        self.removed += other.removed;
        self.admitted += other.admitted;
        self.inbound += other.inbound;
        self.outbound += other.outbound;
    }
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

fn traffic(packets: &Counter, bytes: &Counter) -> Traffic {
    Traffic { packets: packets.read(), bytes: bytes.read() }
}

const fn traffic_since(now: Traffic, before: Traffic) -> Traffic {
    Traffic {
        packets: now.packets.saturating_sub(before.packets),
        bytes: now.bytes.saturating_sub(before.bytes),
    }
}

/// New connections that the virtual server with this number refused.
pub(crate) fn refused<'a>(shards: impl Iterator<Item = &'a ShardCounters>, id: u16) -> u64 {
    shards.filter_map(|shard| shard.refused.get(usize::from(id))).map(Counter::read).sum()
}

/// From where each counter is told, by the numbers of bindings and of virtual servers.
#[derive(Debug, Default)]
pub(crate) struct Baselines(Mutex<Marks>);

#[derive(Debug, Default)]
struct Marks {
    bindings: HashMap<u16, Totals>,
    refused: HashMap<u16, u64>,
}

impl Baselines {
    fn marks(&self) -> MutexGuard<'_, Marks> {
        // Each change is complete in itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be told of a binding for which `total` was counted.
    pub(super) fn binding(&self, id: u16, total: Totals) -> Totals {
        total.since(self.marks().bindings.get(&id).copied().unwrap_or_default())
    }

    /// What is to be told of a virtual server for which `count` was counted.
    pub(super) fn refused(&self, id: u16, count: u64) -> u64 {
        count.saturating_sub(self.marks().refused.get(&id).copied().unwrap_or_default())
    }

    /// All that `configuration` has counts from zero again.
    pub(super) fn clear<'a>(
        &self,
        configuration: &Configuration,
        shards: impl Iterator<Item = &'a ShardCounters> + Clone,
    ) {
        self.begin(configuration, shards, |_| true, |_| true);
    }

    /// What `new` has and `old` has not counts from zero.
    pub(crate) fn begin_new<'a>(
        &self,
        old: &Configuration,
        new: &Configuration,
        shards: impl Iterator<Item = &'a ShardCounters> + Clone,
    ) {
        let bindings: HashMap<u16, _> = bindings(old).collect();
        let servers: HashMap<u16, _> =
            old.virtual_servers().iter().map(|server| (server.id(), server.name())).collect();
        self.begin(
            new,
            shards,
            |(id, names)| bindings.get(&id) != Some(&names),
            |(id, name)| servers.get(&id) != Some(&name),
        );
    }

    fn begin<'a>(
        &self,
        configuration: &Configuration,
        shards: impl Iterator<Item = &'a ShardCounters> + Clone,
        binding_begins: impl Fn((u16, (ServerName, ServerName))) -> bool,
        server_begins: impl Fn((u16, ServerName)) -> bool,
    ) {
        let mut marks = self.marks();
        for (id, _) in bindings(configuration).filter(|&binding| binding_begins(binding)) {
            marks.bindings.insert(id, Totals::of_binding(shards.clone(), id));
        }
        for server in configuration.virtual_servers() {
            let (id, name) = (server.id(), server.name());
            if server_begins((id, name)) {
                marks.refused.insert(id, refused(shards.clone(), id));
            }
        }
    }
}

/// The bindings' numbers, and whom they bind.
fn bindings(configuration: &Configuration) -> impl Iterator<Item = (u16, (ServerName, ServerName))> {
    configuration.bindings().iter().map(|binding| {
        let virtual_server = &configuration.virtual_servers()[binding.virtual_server()];
        let real_server = &configuration.real_servers()[binding.real_server()];
        (binding.id(), (virtual_server.name(), real_server.name()))
    })
}
