//! A server with workers that are not there: real sockets and threads, counted and listed by the tests.

mod clients;
mod counts;
mod language;
mod listing;
mod servers;
mod socket;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use crossbeam::channel::{Receiver, bounded};
use director::{BindingCounters, Counter, NextHopTable, PortIndex, ReplicaCounters, Route, ShardCounters};
use model::{Instant, MacAddress};

use super::protocol::{Outcome, Show};
use super::report::{MemoryReport, NeighborReport, PortReport, SteeringReport, Traffic};
use super::{Client, Inspection, Server, WorkerView};
use crate::configuration::{self, Loaded};
use crate::running::WorkerRequest;
use crate::running::tests::unused;
use crate::statistics::WorkerCounters;

const UNIT: &str = r#"{
    "name": "a",
    "ports": [
        { "name": "outside", "role": "outside", "device": "0000:01:00.0", "addresses": ["198.51.100.1/24"] },
        { "name": "inside", "role": "inside", "device": "0000:01:00.1", "addresses": ["10.1.0.1/24"] }
    ],
    "cores": { "control": 0, "workers": [1] },
    "idle": "sleep"
}"#;

const DIRECTOR: &str = r#"{
    "virtual_servers": [
        { "virtual": "192.0.2.100:80", "predictor": "leastconns" },
        { "virtual": "192.0.2.100:53:udp", "predictor": "roundrobin" },
        { "virtual": "[2001:db8:100::100]:80" }
    ],
    "real_servers": [
        { "real": "10.1.0.11:80" },
        { "real": "10.1.0.12:80", "weight": 2, "in_service": false },
        { "real": "10.1.0.11:53:udp" },
        { "real": "[2001:db8:1::11]:80" }
    ],
    "bindings": [
        { "virtual": "192.0.2.100:80", "real": ["10.1.0.11:80", "10.1.0.12:80"] },
        { "virtual": "192.0.2.100:53:udp", "real": ["10.1.0.11:53:udp"] },
        { "virtual": "[2001:db8:100::100]:80", "real": ["[2001:db8:1::11]:80"] }
    ]
}"#;

/// Bindings and virtual servers of `DIRECTOR`.
const BINDINGS: usize = 4;
const VIRTUAL_SERVERS: usize = 3;

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("understudy-management-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("run/a.sock")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn configuration(folder: &Folder) -> Loaded {
    fs::write(folder.0.join("unit.json"), UNIT).unwrap();
    fs::write(folder.0.join("director.json"), DIRECTOR).unwrap();
    configuration::load(&folder.0).unwrap()
}

/// The first real server of each family is known, the other is not.
fn next_hops() -> NextHopTable {
    let inside = PortIndex(1);
    let mut table = NextHopTable::new(1);
    for network in ["10.1.0.0/24", "2001:db8:1::/64"] {
        table.add_route(network.parse().unwrap(), Route { port: inside, gateway: None });
    }
    for address in ["10.1.0.11", "2001:db8:1::11"] {
        table.add_neighbor(inside, address.parse().unwrap(), MacAddress([2, 0, 0, 0, 0, 11]));
    }
    table
}

fn inspection(folder: &Folder, workers: Vec<WorkerView>) -> Inspection {
    let loaded = configuration(folder);
    let counters = workers.iter().flat_map(|worker| worker.shards.clone()).collect();
    Inspection {
        running: Arc::new(unused(&loaded, &folder.0, counters)),
        unit: Arc::new(loaded.unit),
        folder: folder.0.clone(),
        version: "1.2.3-test".to_owned(),
        started: Instant::START,
        workers,
        kernel_path: Arc::default(),
        next_hops: Arc::new(ArcSwap::from_pointee(next_hops())),
        ports: Arc::new(|| vec![port("outside", true), port("inside", false)]),
        neighbors: Arc::new(|| vec![neighbor()]),
        memory: Arc::new(|| MemoryReport { mbufs: 1_000, mbufs_in_use: 10, hugepages: false }),
        pair: None,
        monitor: None,
        leases: Arc::new(crate::Leases::new(1)),
    }
}

fn port(name: &str, link_up: bool) -> PortReport {
    PortReport {
        name: name.to_owned(),
        role: name.to_owned(),
        device: "net_tap0".to_owned(),
        driver: "net_tap".to_owned(),
        mac: "02:00:00:00:00:01".to_owned(),
        twin: format!("us-{name}"),
        link_up,
        speed_mbps: link_up.then_some(10_000),
        steering: SteeringReport::Software,
        mtu: 1_500,
        unmatched: "kernel".to_owned(),
        rx: Traffic { packets: 5, bytes: 500 },
        rx_missed: 1,
        rx_errors: 2,
        rx_no_buffer: 3,
        tx: Traffic { packets: 4, bytes: 400 },
        tx_errors: 0,
    }
}

fn neighbor() -> NeighborReport {
    NeighborReport {
        port: "inside".to_owned(),
        address: "10.1.0.11".parse().unwrap(),
        mac: Some("02:00:00:00:00:0b".to_owned()),
        state: "reachable".to_owned(),
        used_as: vec!["real server".to_owned()],
    }
}

/// A view of a worker that takes `queue` requests, and the worker's end of it.
fn worker(cpu: usize, queue: usize) -> (WorkerView, Receiver<WorkerRequest>) {
    let (requests, taken) = bounded(queue);
    let shard = ShardCounters {
        admitted: Counter::default(),
        removed: Counter::default(),
        marked: Counter::default(),
        unmarked: Counter::default(),
        bindings: (0..BINDINGS).map(|_| BindingCounters::default()).collect(),
        refused: (0..VIRTUAL_SERVERS).map(|_| Counter::default()).collect(),
        client_ports_translated: Counter::default(),
        expired: Counter::default(),
        replica: ReplicaCounters::default(),
    };
    let counters = Arc::new(WorkerCounters::default());
    (WorkerView { cpu, counters, shards: vec![Arc::new(shard)], capacity: 1_000, requests }, taken)
}

/// A running server whose workers nobody plays.
fn server(folder: &Folder) -> Server {
    let (view, _) = worker(1, 1);
    Server::bind(&folder.socket()).unwrap().serve(inspection(folder, vec![view])).unwrap()
}

fn show(folder: &Folder, show: Show) -> Outcome {
    Client::connect(&folder.socket()).unwrap().show(show).unwrap()
}
