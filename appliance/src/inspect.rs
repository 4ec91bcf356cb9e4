//! What the management socket may look at, gathered from those who own it.

use std::path::PathBuf;
use std::sync::Arc;

use director::{Binding, PortIndex, PortRole, ShardCounters, Unmatched, VirtualServer};
use dpdk::Mempool;
use model::UnitState;

use crate::configuration::UnitConfiguration;
use crate::failover::MonitorHandle;
use crate::kernel::{Neighbor, Watcher};
use crate::kernel_path::KernelPathCounters;
use crate::leases::Leases;
use crate::management::report::{MemoryReport, NeighborReport, PortReport, SteeringReport, Traffic};
pub(crate) use crate::management::{GroupOfPair, Pair};
use crate::management::{Inspection, WorkerView};
use crate::platform;
use crate::port_setup::OpenPort;
use crate::replication::CountConnections;
use crate::running::Running;

/// DPDK's word for a speed that nobody knows.
const SPEED_UNKNOWN: u32 = u32::MAX;

/// What an inspection is made from.
pub(crate) struct Sources {
    pub(crate) unit: Arc<UnitConfiguration>,
    pub(crate) running: Arc<Running>,
    pub(crate) folder: PathBuf,
    pub(crate) version: String,
    pub(crate) hugepages: bool,
    pub(crate) buffers: usize,
    pub(crate) ports: Arc<[OpenPort]>,
    pub(crate) pool: Mempool,
    pub(crate) workers: Vec<WorkerView>,
    pub(crate) kernel_path: Arc<KernelPathCounters>,
    pub(crate) watcher: Arc<Watcher>,
    /// If the unit is of a pair.
    pub(crate) pair: Option<Pair>,
    pub(crate) leases: Arc<Leases>,
}

impl Sources {
    /// Counts what the peer compares: the connections of each virtual server of a group that it should have, and, on the active unit,
    /// those that it can not have. Half-open ones are not counted: they begin anew wherever their client's next SYN goes.
    pub(crate) fn connection_counter(&self, group: usize) -> CountConnections {
        let running = Arc::clone(&self.running);
        let shards: Vec<_> =
            self.workers.iter().filter_map(|worker| worker.shards.get(group)).map(Arc::clone).collect();
        Box::new(move |state| {
            let director = running.director();
            let count = |server: &VirtualServer| {
                let has_to_tell = server.replicate() || state == UnitState::Standby;
                let ids = director.bindings()[server.bindings()].iter().map(Binding::id);
                let of_shard = |shard: &Arc<ShardCounters>| match has_to_tell {
                    true => shard.marked_of(ids.clone()),
                    false => shard.connections_of(ids.clone()),
                };
                (server.name(), shards.iter().map(of_shard).sum())
            };
            let servers = director.virtual_servers().iter().filter(|server| server.group() == group);
            servers.map(count).collect()
        })
    }

    pub(crate) fn into_inspection(self, monitor: Option<MonitorHandle>) -> Inspection {
        let Self {
            unit,
            running,
            folder,
            version,
            hugepages,
            buffers,
            ports,
            pool,
            workers,
            kernel_path,
            watcher,
            pair,
            leases,
        } = self;
        let next_hops = watcher.next_hops();
        let (port_unit, neighbor_unit) = (Arc::clone(&unit), Arc::clone(&unit));
        Inspection {
            unit,
            running,
            folder,
            version,
            started: platform::now(),
            workers,
            kernel_path,
            next_hops,
            pair,
            monitor,
            leases,
            ports: Arc::new(move || port_reports(&port_unit, &ports)),
            neighbors: Arc::new(move || {
                watcher.neighbors().iter().map(|neighbor| neighbor_report(&neighbor_unit, neighbor)).collect()
            }),
            memory: Arc::new(move || MemoryReport {
                mbufs: buffers as u64,
                mbufs_in_use: pool.in_use() as u64,
                hugepages,
            }),
        }
    }
}

fn port_reports(unit: &UnitConfiguration, ports: &[OpenPort]) -> Vec<PortReport> {
    unit.ports()
        .iter()
        .zip(ports)
        .map(|(configured, open)| {
            let counted = open.device.statistics();
            let link = open.device.link();
            let speed = Some(link.speed_mbps);
            PortReport {
                name: configured.name().to_owned(),
                role: role_name(configured.role()).to_owned(),
                device: open.device_name.clone(),
                driver: open.device.capabilities().driver.clone(),
                mac: open.mac.to_string(),
                twin: configured.twin().to_owned(),
                link_up: link.up,
                speed_mbps: speed.filter(|&speed| speed != 0 && speed != SPEED_UNKNOWN),
                steering: if open.steers { SteeringReport::Hardware } else { SteeringReport::Software },
                mtu: configured.mtu(),
                unmatched: unmatched_name(configured.unmatched()).to_owned(),
                rx: Traffic { packets: counted.received_packets, bytes: counted.received_bytes },
                rx_missed: counted.missed,
                rx_errors: counted.receive_errors,
                rx_no_buffer: counted.no_mbuf,
                tx: Traffic { packets: counted.transmitted_packets, bytes: counted.transmitted_bytes },
                tx_errors: counted.transmit_errors,
            }
        })
        .collect()
}

fn neighbor_report(unit: &UnitConfiguration, neighbor: &Neighbor) -> NeighborReport {
    NeighborReport {
        port: port_name(unit, neighbor.port),
        address: neighbor.address,
        mac: neighbor.mac.map(|mac| mac.to_string()),
        state: neighbor.state.to_string(),
        used_as: neighbor.serves_real_server.then(|| "real server".to_owned()).into_iter().collect(),
    }
}

fn port_name(unit: &UnitConfiguration, port: PortIndex) -> String {
    unit.ports().get(usize::from(port.0)).map_or_else(|| port.0.to_string(), |port| port.name().to_owned())
}

const fn role_name(role: PortRole) -> &'static str {
    match role {
        PortRole::Outside => "outside",
        PortRole::Inside => "inside",
    }
}

const fn unmatched_name(unmatched: Unmatched) -> &'static str {
    match unmatched {
        Unmatched::Drop => "drop",
        Unmatched::Bridge => "bridge",
        Unmatched::Kernel => "kernel",
    }
}
