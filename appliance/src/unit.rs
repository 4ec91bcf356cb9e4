//! A unit's life: start DPDK, ports, twins, workers and the management socket; run; stop in the reverse order.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::configuration::{Loaded, UnitConfiguration};
use crate::control::Control;
use crate::eal::EalArguments;
use crate::error::RunError;
use crate::failover::{self, Mirrored, MonitorParts, RunningMonitor};
use crate::groups::{Groups, group_macs};
use crate::handover::Departures;
use crate::hold::Hold;
use crate::idle::Idler;
use crate::inspect::{GroupOfPair, Pair, Sources};
use crate::kernel::{Twin, Watcher};
use crate::kernel_path::{KernelPath, KernelPathCounters, Speaker};
use crate::lcores::Lcores;
use crate::leases::Leases;
use crate::management::{Server, WorkerView};
use crate::output::Output;
use crate::port_setup::{OpenPort, PortQueues};
use crate::replication::{GroupInspection, Replication, RunningCore, StateSwitch, read_key};
use crate::restart::Restart;
use crate::rings::{HandOver, WorkerRings, kernel_rings};
use crate::running::{self, FirstDocument, Forwarding, Running, Told, parts_of};
use crate::statistics::WorkerCounters;
use crate::worker::{GroupShard, Worker};
use crate::{memory, port_setup, system};
use crossbeam::channel::{Receiver, bounded, unbounded};
use director::{Configuration, Port, PortIndex, Shard, ShardConfiguration, Shared, Steering};
use dpdk::{Eal, Mempool, MempoolConfiguration};
use model::limits::STICKY_ENTRIES;
use model::{Instant, UnitState};

/// What [`run`] needs.
#[derive(Debug)]
pub struct Start {
    /// The checked configuration.
    pub configuration: Loaded,
    /// The folder that it came from.
    pub folder: PathBuf,
    /// Arguments for EAL, after the unit's own.
    pub eal_arguments: Vec<String>,
    /// The program's version, for `show status`.
    pub version: String,
}

/// Requests that may wait for one worker.
const REQUEST_QUEUE: usize = 16;

/// Why a unit that ran runs no more.
#[derive(Debug)]
pub enum Ended {
    /// It was told to.
    Stopped,
    /// It has another configuration now, and is to start anew.
    Restart(Restart),
}

/// Runs a unit until SIGINT or SIGTERM, or until it took over another configuration.
///
/// # Errors
///
/// When something that the unit needs is not there: root, memory, a port, the socket. Nothing is left behind.
pub fn run(start: Start) -> Result<Ended, RunError> {
    if !nix::unistd::geteuid().is_root() {
        return Err(RunError::NotRoot);
    }
    let restart = Restart::prepare();
    let told_to_stop = system::stop_on_signals().map_err(RunError::Signal)?;
    // Not the same: a unit that is told to stop first hands over what it is active for.
    let stop = Arc::new(AtomicBool::new(false));
    let document = FirstDocument::of(&start.configuration);
    let director = document.director();
    let unit = Arc::new(start.configuration.unit);
    system::check_cpus(unit.cores())?;
    let mut replication = Replication::of(&unit, director.groups(), &start.folder)?;
    let switches = replication.as_ref().map_or_else(Vec::new, Replication::switches);
    let group_macs = group_macs(&unit, &director, replication.as_ref().map(Replication::key));
    // First of all: a second unit with the same socket must not touch the ports of the first.
    let socket = Server::bind(unit.socket())?;

    let arguments = EalArguments::new(&unit, system::free_hugepage_bytes(), &start.eal_arguments)?;
    let _runtime_folder = system::RuntimeFolder;
    let eal = Eal::start(arguments.as_slice())?;
    let pool = packet_pool(&eal, &unit)?;
    let (open_ports, mut queues) = port_setup::open_all(&eal, &unit, &group_macs, &pool)?;
    let open_ports: Arc<[OpenPort]> = open_ports.into();
    let ports = port_setup::shard_ports(&unit, &open_ports);
    let unit_macs = ports.iter().map(|port| port.unit_mac).collect();
    let groups = Arc::new(Groups::new(&unit, &director, unit_macs, &group_macs));
    let leases = Arc::new(first_leases(&unit, groups.count()));
    let watcher = Arc::new(Watcher::start(twins(&unit), real_addresses(&director))?);

    let kernel_path = Arc::new(KernelPathCounters::default());
    let parts = Parts {
        unit: &unit,
        director: &director,
        shared: &Arc::new(Shared::new(STICKY_ENTRIES, system::random_seed())),
        ports: &ports,
        groups: &groups,
        leases: &leases,
        watcher: &watcher,
        pool: &pool,
        stop: &stop,
        populate: arguments.uses_hugepages(),
    };
    let mut built = parts.build_workers(&mut queues, replication.as_mut());
    let (running, told) = parts.run(document, &start.folder, &mut built);
    let Built { workers, rings, views, .. } = built;
    let sources = Sources {
        unit: Arc::clone(&unit),
        running: Arc::clone(&running),
        leases: Arc::clone(&leases),
        folder: start.folder,
        version: start.version,
        hugepages: arguments.uses_hugepages(),
        buffers: memory::buffers_of(&unit),
        ports: Arc::clone(&open_ports),
        pool: pool.clone(),
        workers: views,
        kernel_path: Arc::clone(&kernel_path),
        watcher: Arc::clone(&watcher),
        pair: pair(&switches),
    };
    let lcores = Lcores::launch(workers, &stop)?;
    let core = start_replication(replication, &sources, &stop)?;
    let monitor = start_monitor(&sources, told)?;
    let server = socket.serve(sources.into_inspection(monitor.as_ref().map(RunningMonitor::handle)))?;
    let threads = Threads { lcores, core, monitor, server, stop };
    log::info!("unit {} is up: {}", unit.name(), summary(&unit, &director));

    // What is active begins to be so as soon as the control core looks.
    let speaker = Speaker { is_active: vec![false; groups.count()], groups };
    let path = KernelPath { twins: queues.twins, workers: rings, pool, speaker, counters: kernel_path };
    // Relaxed: the flag carries no data, and is looked at again at once.
    let has_ended = || threads.have_ended(told_to_stop.load(Ordering::Relaxed));
    let groups = &running.groups();
    Control { unit: &unit, groups, ports: &ports, leases: &leases, switches: &switches }
        .run(path, &has_ended);
    log::info!("unit {} stops", unit.name());
    threads.end(restart)
}

/// What runs beside the control core, in the order in which it is ended.
struct Threads {
    monitor: Option<RunningMonitor>,
    server: Server,
    lcores: Lcores,
    core: Option<RunningCore>,
    stop: Arc<AtomicBool>,
}

impl Threads {
    /// Whether the unit is to end now. One that is told to stop goes on until the monitor has handed over what it is active for.
    fn have_ended(&self, is_told_to: bool) -> bool {
        if self.have_failed() {
            return true;
        }
        if !is_told_to && !self.wants_restart() {
            return false;
        }
        self.monitor.iter().for_each(RunningMonitor::ask_to_leave);
        self.monitor.as_ref().is_none_or(RunningMonitor::has_ended)
    }

    /// Whether something has ended by itself that should not.
    fn have_failed(&self) -> bool {
        let has_failed = |monitor: &RunningMonitor| monitor.has_ended() && !monitor.is_leaving();
        self.lcores.any_ended()
            || self.core.as_ref().is_some_and(RunningCore::has_ended)
            || self.monitor.as_ref().is_some_and(has_failed)
    }

    fn wants_restart(&self) -> bool {
        self.monitor.as_ref().is_some_and(RunningMonitor::wants_restart)
    }

    /// Ends them all: first what the unit is active for goes to the other one.
    fn end(mut self, restart: Restart) -> Result<Ended, RunError> {
        let (have_failed, wants_restart) = (self.have_failed(), self.wants_restart());
        if let Some(monitor) = &mut self.monitor {
            monitor.leave();
        }
        // Relaxed: the flag carries no data.
        self.stop.store(true, Ordering::Relaxed);
        self.server.stop();
        self.lcores.stop()?;
        match (have_failed, wants_restart) {
            (true, _) => Err(RunError::EndedByItself),
            (false, true) => Ok(Ended::Restart(restart)),
            (false, false) => Ok(Ended::Stopped),
        }
    }
}

/// Where the monitor decides, nothing is forwarded before it says so.
fn first_leases(unit: &UnitConfiguration, groups: usize) -> Leases {
    let leases = Leases::new(groups);
    if unit.failover().is_some() {
        (0..groups).for_each(|group| leases.set(group, Instant::START));
    }
    leases
}

fn packet_pool(eal: &Eal, unit: &UnitConfiguration) -> Result<Mempool, RunError> {
    let configuration = MempoolConfiguration {
        mbufs: memory::buffers_of(unit),
        cache: memory::POOL_CACHE,
        data_room: memory::DATA_ROOM,
    };
    Ok(Mempool::new(eal, "packets", configuration)?)
}

fn twins(unit: &UnitConfiguration) -> Vec<Twin> {
    let indices = (0..).map(PortIndex);
    indices
        .zip(unit.ports())
        .map(|(port, configured)| Twin { port, name: configured.twin().to_owned() })
        .collect()
}

/// The addresses whose next hops are kept fresh, so that the first client need not wait.
fn real_addresses(director: &Configuration) -> Vec<IpAddr> {
    director.real_servers().iter().map(|server| server.name().address).collect()
}

/// The pair that the unit is of, if there are switches.
fn pair(switches: &[Arc<StateSwitch>]) -> Option<Pair> {
    let group = |switch: &Arc<StateSwitch>| GroupOfPair { switch: Arc::clone(switch), view: Arc::default() };
    (!switches.is_empty()).then(|| Pair { groups: switches.iter().map(group).collect() })
}

/// Workers, and what others have of them.
#[derive(Default)]
struct Built {
    workers: Vec<Worker>,
    rings: Vec<WorkerRings>,
    views: Vec<WorkerView>,
    /// What their shards were made of, by worker and group.
    shards: Vec<Vec<ShardConfiguration>>,
}

/// What workers are made of.
struct Parts<'a> {
    unit: &'a Arc<UnitConfiguration>,
    director: &'a Arc<Configuration>,
    shared: &'a Arc<Shared>,
    ports: &'a [Port],
    groups: &'a Arc<Groups>,
    leases: &'a Arc<Leases>,
    watcher: &'a Arc<Watcher>,
    pool: &'a Mempool,
    stop: &'a Arc<AtomicBool>,
    /// Whether to have all memory for connections from the start.
    populate: bool,
}

impl Parts<'_> {
    /// Makes the workers, one for each configured CPU, with their shards, queues and rings.
    fn build_workers(&self, queues: &mut PortQueues, mut replication: Option<&mut Replication>) -> Built {
        let Self { unit, watcher, pool, stop, .. } = *self;
        let cpus = &unit.cores().workers;
        let steering = Steering::new(cpus.len());
        let by_group = self.group_parts(replication.as_deref(), steering);
        let mut built = Built::default();
        for (index, hand_over) in HandOver::mesh(cpus.len()).into_iter().enumerate() {
            let configured: Vec<_> =
                by_group.iter().map(|parts| ShardConfiguration { index, ..parts.clone() }).collect();
            let shards: Vec<_> = (0..)
                .zip(&configured)
                .map(|(group, configured)| GroupShard {
                    shard: Shard::new(configured.clone()),
                    link: replication.as_mut().map(|replication| replication.link(group)),
                })
                .collect();
            built.shards.push(configured);
            let counters = Arc::new(WorkerCounters::default());
            let (requests, received) = bounded(REQUEST_QUEUE);
            let (kernel, worker_rings) = kernel_rings();
            built.rings.push(worker_rings);
            built.views.push(WorkerView {
                cpu: cpus[index],
                counters: Arc::clone(&counters),
                shards: shards.iter().map(|each| each.shard.counters()).collect(),
                capacity: by_group.iter().map(|parts| parts.capacity).sum(),
                requests,
            });
            let (receive, transmit) = queues.take(index);
            built.workers.push(Worker {
                shards,
                groups: Arc::clone(self.groups),
                leases: Arc::clone(self.leases),
                receive,
                outputs: transmit.into_iter().map(Output::new).collect(),
                hand_over,
                kernel,
                pool: pool.clone(),
                next_hops: watcher.next_hops(),
                resolver: watcher.resolver(),
                requests: received,
                counters,
                idler: Idler::new(system::may_sleep(unit, cpus[index])),
                stop: Arc::clone(stop),
                hold: Hold::with_capacity(),
                departures: Departures::with_capacity(),
                populate: self.populate,
            });
        }
        built
    }

    /// The configuration that these workers run with, and what is told of its transactions.
    fn run(
        &self,
        document: FirstDocument,
        folder: &Path,
        built: &mut Built,
    ) -> (Arc<Running>, Receiver<Told>) {
        let (tell, told) = unbounded();
        let watcher = Arc::clone(self.watcher);
        let views = &built.views;
        let running = Running::new(running::Parts {
            unit: Arc::clone(self.unit),
            folder: folder.to_owned(),
            document,
            groups: Arc::clone(self.groups),
            shared: Arc::clone(self.shared),
            counters: views.iter().flat_map(|view| view.shards.clone()).collect(),
            forwarding: Forwarding {
                shards: std::mem::take(&mut built.shards),
                workers: views.iter().map(|view| view.requests.clone()).collect(),
            },
            follow: Box::new(move |director| watcher.set_keep_fresh(real_addresses(director))),
            tell,
        });
        (Arc::new(running), told)
    }

    /// What each group's shards are made of, but for their index. The groups share the room for connections evenly.
    fn group_parts(&self, replication: Option<&Replication>, steering: Steering) -> Vec<ShardConfiguration> {
        let hash_seed = system::random_seed();
        let count = self.groups.count();
        let parts = |(group, director)| ShardConfiguration {
            director,
            shared: Arc::clone(self.shared),
            ports: self.groups.ports_of(group, self.ports).into(),
            index: 0,
            steering,
            capacity: self.unit.connections().div_ceil(steering.shards() * count),
            hash_seed,
            replication: replication.map(|replication| replication.shard_settings(group)),
            state: replication.map_or(UnitState::Active, |replication| replication.state(group)),
        };
        parts_of(self.director, count).into_iter().enumerate().map(parts).collect()
    }
}

/// Starts the replication core, if the unit is of a pair.
fn start_replication(
    replication: Option<Replication>,
    sources: &Sources,
    stop: &Arc<AtomicBool>,
) -> Result<Option<RunningCore>, RunError> {
    let (Some(replication), Some(pair)) = (replication, &sources.pair) else { return Ok(None) };
    let groups = pair.groups.iter().enumerate();
    let inspections = groups.map(|(group, GroupOfPair { view, .. })| GroupInspection {
        count: sources.connection_counter(group),
        view: Arc::clone(view),
    });
    Ok(Some(replication.start(&sources.unit, inspections.collect(), stop)?))
}

/// Starts the monitor, if the unit finds out by itself whether it is active. It mirrors the configuration, and so hears of all
/// transactions.
fn start_monitor(sources: &Sources, told: Receiver<Told>) -> Result<Option<RunningMonitor>, RunError> {
    let Sources { unit, running, folder, ports, workers, watcher, pair, leases, .. } = sources;
    let (Some(configuration), Some(replication), Some(pair)) = (unit.failover(), unit.replication(), pair)
    else {
        return Ok(None);
    };
    let key = read_key(&folder.join(replication.key_file()))?;
    let director = running.director();
    let (watcher, ports) = (Arc::clone(watcher), Arc::clone(ports));
    let parts = MonitorParts {
        unit,
        groups: director.groups(),
        key: &key,
        mirrored: Mirrored { running: Arc::clone(running), told },
        switches: pair.groups.iter().map(|group| Arc::clone(&group.switch)).collect(),
        leases: Arc::clone(leases),
        workers: workers.iter().map(|worker| Arc::clone(&worker.counters)).collect(),
        neighbors: Box::new(move |network| {
            let neighbors = watcher.neighbors().into_iter().map(|neighbor| neighbor.address);
            neighbors.filter(|address| network.contains(address)).collect()
        }),
        has_link: Box::new(move |port| ports.get(port).is_some_and(|port| port.device.link().up)),
        load: load(workers, unit.connections() / director.groups().len().max(1)),
    };
    Ok(Some(failover::start(configuration, parts)?))
}

/// How much of a group's room for connections is taken, in percent.
fn load(workers: &[WorkerView], room: usize) -> Box<dyn Fn(usize) -> u8 + Send> {
    let shards: Vec<Vec<_>> = workers.iter().map(|worker| worker.shards.clone()).collect();
    Box::new(move |group| {
        let counts = shards.iter().filter_map(|shards| shards.get(group)).map(|shard| shard.connections());
        let percent = counts.sum::<u64>().saturating_mul(100) / (room.max(1) as u64);
        u8::try_from(percent).unwrap_or(100).min(100)
    })
}

fn summary(unit: &UnitConfiguration, director: &Configuration) -> String {
    format!(
        "{} virtual servers, {} real servers, {} ports, {} workers, socket {}",
        director.virtual_servers().len(),
        director.real_servers().len(),
        unit.ports().len(),
        unit.cores().workers.len(),
        unit.socket().display()
    )
}
