//! What the server may look at, and the reports that it makes of it.
//!
//! Everything here is read while it changes. Where two counters are subtracted, the smaller is read first.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use crossbeam::channel::Sender;
use director::{Counter, NextHopTable, ShardCounters};
use model::{DropReason, Instant, UnitState};

use super::report::{
    ConnectionCounts, CountersReport, IdleMode, KernelPathCounts, MemoryReport, NeighborReport, PacketCounts,
    PortReport, StatusReport, WorkerCounts, WorkerStatus,
};
use crate::configuration::UnitConfiguration;
use crate::failover::MonitorHandle;
use crate::kernel_path::KernelPathCounters;
use crate::leases::Leases;
use crate::replication::{PairView, StateSwitch};
use crate::running::{Running, WorkerRequest};
use crate::statistics::WorkerCounters;
use crate::system;

/// Asks whoever owns it for something that is shown. It must not wait for a worker.
pub type Source<T> = Arc<dyn Fn() -> T + Send + Sync>;

/// What the server may look at.
#[derive(Clone)]
pub struct Inspection {
    /// The unit's configuration.
    pub unit: Arc<UnitConfiguration>,
    /// What it runs with.
    pub running: Arc<Running>,
    /// The folder that the configuration came from.
    pub folder: PathBuf,
    /// The program's version.
    pub version: String,
    /// When the unit started.
    pub started: Instant,
    /// The workers, by index.
    pub workers: Vec<WorkerView>,
    /// What the kernel path counts.
    pub kernel_path: Arc<KernelPathCounters>,
    /// The newest next hops.
    pub next_hops: Arc<ArcSwap<NextHopTable>>,
    /// The pair that the unit is of, if it is of one.
    pub pair: Option<Pair>,
    /// Who decides whether the unit is active, if it is not told.
    pub monitor: Option<MonitorHandle>,
    /// Until when workers may forward, by failover group.
    pub leases: Arc<Leases>,
    /// The ports, in the configuration's order.
    pub ports: Source<Vec<PortReport>>,
    /// The neighbours on the ports' links.
    pub neighbors: Source<Vec<NeighborReport>>,
    /// Packet buffers.
    pub memory: Source<MemoryReport>,
}

/// The unit's part of a pair, seen from outside.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The failover groups, in the configuration's order: one at least.
    pub groups: Vec<GroupOfPair>,
}

/// A failover group of a pair.
#[derive(Clone, Debug)]
pub struct GroupOfPair {
    /// Whether the unit forwards for it.
    pub switch: Arc<StateSwitch>,
    /// How it goes with the peer.
    pub view: Arc<Mutex<PairView>>,
}

/// What became of packets for groups that were changing units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HandedOver {
    /// They went to the unit that took over.
    pub(super) passed_on: u64,
    /// They were dropped.
    pub(super) lost: u64,
}

/// A worker, seen from outside.
#[derive(Clone, Debug)]
pub struct WorkerView {
    /// The CPU that it runs on.
    pub cpu: usize,
    /// What it counts.
    pub counters: Arc<WorkerCounters>,
    /// What its shards count, by failover group. Servers and bindings have the same places in all.
    pub shards: Vec<Arc<ShardCounters>>,
    /// Connections for which its shards have room.
    pub capacity: usize,
    /// Where it takes requests, which it answers between bursts.
    pub requests: Sender<WorkerRequest>,
}

impl Inspection {
    /// What became of packets for groups that were changing units.
    pub(super) fn handed_over(&self) -> HandedOver {
        let sum = |count: fn(&WorkerCounters) -> u64| {
            self.workers.iter().map(|worker| count(&worker.counters)).sum()
        };
        HandedOver {
            passed_on: sum(|counters| counters.passed_on.read()),
            lost: sum(|counters| {
                counters.left.read() + counters.dropped[DropReason::HoldFull.index()].read()
            }),
        }
    }

    /// Connections of a failover group.
    pub(super) fn connections_of(&self, group: usize) -> u64 {
        let shards = self.workers.iter().filter_map(|worker| worker.shards.get(group));
        shards.map(|shard| shard.connections()).sum()
    }

    /// Connections in the tables of all workers.
    pub(super) fn connections(&self) -> u64 {
        self.shards().map(|shard| shard.connections()).sum()
    }

    /// What all shards of all workers count.
    pub(super) fn shards(&self) -> impl Iterator<Item = &Arc<ShardCounters>> {
        self.workers.iter().flat_map(|worker| &worker.shards)
    }

    pub(super) fn status(&self, now: Instant) -> StatusReport {
        let ports = (self.ports)();
        let workers: Vec<WorkerStatus> =
            self.workers.iter().map(|worker| self.worker_status(worker)).collect();
        StatusReport {
            unit: self.unit.name().to_owned(),
            version: self.version.clone(),
            pid: std::process::id(),
            state: self.pair.as_ref().map_or(UnitState::Active, Pair::state).into(),
            uptime_s: now.since(self.started).as_secs(),
            folder: self.folder.display().to_string(),
            connections: self.connections(),
            connection_capacity: workers.iter().map(|worker| worker.connection_capacity).sum(),
            ports_up: ports.iter().filter(|port| port.link_up).count(),
            ports: ports.len(),
            memory: (self.memory)(),
            workers,
        }
    }

    pub(super) fn counters(&self) -> CountersReport {
        // What became of packets before how many there were: a packet that comes in between counts as in flight.
        let mut workers: Vec<WorkerCounts> = self.workers.iter().map(read_outcomes).collect();
        for (counts, worker) in workers.iter_mut().zip(&self.workers) {
            counts.packets.received = worker.counters.received.read();
        }
        let mut total = PacketCounts::default();
        for worker in &workers {
            add_packets(&mut total, &worker.packets);
        }
        let ended = total.forwarded + total.answered + total.to_kernel + total.dropped;
        CountersReport {
            balance: total.received.wrapping_sub(ended).cast_signed(),
            total,
            kernel_path: KernelPathCounts {
                delivered: self.kernel_path.delivered.read(),
                refused: self.kernel_path.refused.read(),
                lost: self.kernel_path.lost.read(),
            },
            connections: self.connection_counts(),
            workers,
        }
    }

    fn connection_counts(&self) -> ConnectionCounts {
        let expired = self.shards().map(|shard| shard.expired.read()).sum();
        // Removed first: a connection that goes between the two reads must not make the difference negative.
        let removed: u64 = self.shards().map(|shard| shard.removed.read()).sum();
        let admitted: u64 = self.shards().map(|shard| shard.admitted.read()).sum();
        ConnectionCounts {
            current: admitted - removed,
            admitted,
            removed,
            expired,
            refused: self.shards().flat_map(|shard| shard.refused.iter()).map(Counter::read).sum(),
            client_ports_translated: self.shards().map(|shard| shard.client_ports_translated.read()).sum(),
        }
    }

    fn worker_status(&self, worker: &WorkerView) -> WorkerStatus {
        let idle_rounds = worker.counters.idle_rounds.read();
        let rounds = worker.counters.rounds.read();
        WorkerStatus {
            cpu: worker.cpu,
            idle: if system::may_sleep(&self.unit, worker.cpu) { IdleMode::Sleep } else { IdleMode::Spin },
            rounds,
            idle_rounds,
            idle_percent: percent(idle_rounds, rounds),
            connections: worker.shards.iter().map(|shard| shard.connections()).sum(),
            connection_capacity: worker.capacity as u64,
        }
    }
}

/// One decimal is all that anybody reads.
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "rounded to three digits")]
    let ratio = part as f64 / whole as f64;
    (ratio * 1_000.0).round() / 10.0
}

/// All but `received`.
fn read_outcomes(worker: &WorkerView) -> WorkerCounts {
    let counters = &worker.counters;
    let dropped = |reason: &DropReason| (reason.name().to_owned(), counters.dropped[reason.index()].read());
    let drops: std::collections::BTreeMap<_, _> = DropReason::ALL.iter().map(dropped).collect();
    let packets = PacketCounts {
        received: 0,
        forwarded: counters.forwarded.read(),
        answered: counters.answered.read(),
        to_kernel: counters.to_kernel.read(),
        copied_to_kernel: counters.copied_to_kernel.read(),
        dropped: drops.values().sum(),
        drops,
        handed_over: counters.handed_over.read(),
        held: counters.held.read(),
        from_kernel: counters.from_kernel.read(),
        from_kernel_dropped: counters.from_kernel_dropped.read(),
    };
    WorkerCounts { cpu: worker.cpu, packets }
}

fn add_packets(total: &mut PacketCounts, more: &PacketCounts) {
    total.received += more.received;
    total.forwarded += more.forwarded;
    total.answered += more.answered;
    total.to_kernel += more.to_kernel;
    total.copied_to_kernel += more.copied_to_kernel;
    total.dropped += more.dropped;
    total.handed_over += more.handed_over;
    total.held += more.held;
    total.from_kernel += more.from_kernel;
    total.from_kernel_dropped += more.from_kernel_dropped;
    for (reason, count) in &more.drops {
        *total.drops.entry(reason.clone()).or_default() += count;
    }
}
