//! A unit's life: start DPDK, ports, twins, workers and the management socket; run; stop in the reverse order.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::announce::Announcer;
use crate::configuration::{Loaded, UnitConfiguration};
use crate::eal::EalArguments;
use crate::error::RunError;
use crate::hold::Hold;
use crate::idle::Idler;
use crate::inspect::Sources;
use crate::kernel::{Twin, Watcher};
use crate::kernel_path::{KernelPath, KernelPathCounters};
use crate::lcores::Lcores;
use crate::management::{Server, WorkerView};
use crate::output::Output;
use crate::port_setup::{OpenPort, PortQueues};
use crate::rings::{HandOver, WorkerRings, kernel_rings};
use crate::statistics::WorkerCounters;
use crate::worker::Worker;
use crate::{memory, platform, port_setup, system};
use crossbeam::channel::bounded;
use director::{Configuration, Port, PortIndex, Shard, ShardConfiguration, Steering};
use dpdk::{Eal, Mempool, MempoolConfiguration};

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

/// Listings that may wait for one worker.
const LISTING_QUEUE: usize = 16;

/// Runs a unit until SIGINT or SIGTERM.
///
/// # Errors
///
/// When something that the unit needs is not there: root, memory, a port, the socket. Nothing is left behind.
pub fn run(start: Start) -> Result<(), RunError> {
    if !nix::unistd::geteuid().is_root() {
        return Err(RunError::NotRoot);
    }
    let stop = stop_on_signals()?;
    let unit = Arc::new(start.configuration.unit);
    let director = Arc::new(start.configuration.director);
    system::check_cpus(unit.cores())?;
    // First of all: a second unit with the same socket must not touch the ports of the first.
    let socket = Server::bind(unit.socket())?;

    let arguments = EalArguments::new(&unit, system::free_hugepage_bytes(), &start.eal_arguments)?;
    let _runtime_folder = system::RuntimeFolder;
    let eal = Eal::start(arguments.as_slice())?;
    let pool = packet_pool(&eal, &unit)?;
    let (open_ports, mut queues) = port_setup::open_all(&eal, &unit, &pool)?;
    let open_ports: Arc<[OpenPort]> = open_ports.into();
    let ports: Arc<[Port]> = port_setup::shard_ports(&unit, &open_ports).into();
    let watcher = Arc::new(Watcher::start(twins(&unit), real_addresses(&director))?);

    let kernel_path = Arc::new(KernelPathCounters::default());
    let (mut workers, rings, views) =
        build_workers(&unit, &director, &ports, &mut queues, &watcher, &pool, &stop);
    for worker in &mut workers {
        worker.populate = arguments.uses_hugepages();
    }
    let sources = Sources {
        unit: Arc::clone(&unit),
        director: Arc::clone(&director),
        folder: start.folder,
        version: start.version,
        hugepages: arguments.uses_hugepages(),
        buffers: memory::buffers_of(&unit),
        ports: Arc::clone(&open_ports),
        pool: pool.clone(),
        workers: views,
        kernel_path: Arc::clone(&kernel_path),
        watcher: Arc::clone(&watcher),
    };
    let lcores = Lcores::launch(workers, &stop)?;
    let mut server = socket.serve(sources.into_inspection())?;
    log::info!("unit {} is up: {}", unit.name(), summary(&unit, &director));

    let path = KernelPath { twins: queues.twins, workers: rings, pool, counters: kernel_path };
    control(&unit, &director, &ports, path, &lcores, &stop);

    log::info!("unit {} stops", unit.name());
    server.stop();
    Ok(lcores.stop()?)
}

fn stop_on_signals() -> Result<Arc<AtomicBool>, RunError> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).map_err(RunError::Signal)?;
    }
    Ok(stop)
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

/// Makes the workers, one for each configured CPU, with their shards, queues and rings.
fn build_workers(
    unit: &UnitConfiguration,
    director: &Arc<Configuration>,
    ports: &Arc<[Port]>,
    queues: &mut PortQueues,
    watcher: &Watcher,
    pool: &Mempool,
    stop: &Arc<AtomicBool>,
) -> (Vec<Worker>, Vec<WorkerRings>, Vec<WorkerView>) {
    let cpus = &unit.cores().workers;
    let steering = Steering::new(cpus.len());
    let capacity = unit.connections().div_ceil(cpus.len());
    let hash_seed = system::random_seed();
    let (mut workers, mut rings, mut views) = (Vec::new(), Vec::new(), Vec::new());
    for (index, hand_over) in HandOver::mesh(cpus.len()).into_iter().enumerate() {
        let shard = Shard::new(ShardConfiguration {
            director: Arc::clone(director),
            ports: Arc::clone(ports),
            index,
            steering,
            capacity,
            hash_seed,
        });
        let counters = Arc::new(WorkerCounters::default());
        let (requests, listings) = bounded(LISTING_QUEUE);
        let (kernel, worker_rings) = kernel_rings();
        rings.push(worker_rings);
        views.push(WorkerView {
            cpu: cpus[index],
            counters: Arc::clone(&counters),
            shard: shard.counters(),
            capacity,
            requests,
        });
        let (receive, transmit) = queues.take(index);
        workers.push(Worker {
            shard,
            receive,
            outputs: transmit.into_iter().map(Output::new).collect(),
            hand_over,
            kernel,
            pool: pool.clone(),
            next_hops: watcher.next_hops(),
            resolver: watcher.resolver(),
            listings,
            counters,
            idler: Idler::new(system::may_sleep(unit, cpus[index])),
            stop: Arc::clone(stop),
            hold: Hold::with_capacity(),
            populate: false,
        });
    }
    (workers, rings, views)
}

/// The control core's loop, until it is time to stop.
fn control(
    unit: &UnitConfiguration,
    director: &Configuration,
    ports: &[Port],
    mut path: KernelPath,
    lcores: &Lcores,
    stop: &AtomicBool,
) {
    let mut announcer = Announcer::new(director, ports, platform::now());
    let mut idler = Idler::new(system::may_sleep(unit, unit.cores().control));
    // Relaxed: the flag carries no data, and is looked at again at once.
    while !stop.load(Ordering::Relaxed) {
        if lcores.any_ended() {
            log::error!("a worker has ended by itself; the unit stops");
            stop.store(true, Ordering::Relaxed);
        }
        announcer.poll(platform::now(), &mut path);
        if path.round() {
            idler.busy();
        } else {
            idler.nothing_to_do();
        }
    }
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
