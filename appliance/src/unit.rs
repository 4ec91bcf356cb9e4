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
use crate::inspect::{Pair, Sources};
use crate::kernel::{Twin, Watcher};
use crate::kernel_path::{KernelPath, KernelPathCounters};
use crate::lcores::Lcores;
use crate::management::{Server, WorkerView};
use crate::output::Output;
use crate::port_setup::{OpenPort, PortQueues};
use crate::replication::{Replication, RunningCore, StateSwitch};
use crate::rings::{HandOver, WorkerRings, kernel_rings};
use crate::statistics::WorkerCounters;
use crate::worker::Worker;
use crate::{memory, platform, port_setup, system};
use crossbeam::channel::bounded;
use director::{Configuration, Port, PortIndex, Shard, ShardConfiguration, Steering};
use dpdk::{Eal, Mempool, MempoolConfiguration};
use model::UnitState;

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
    let mut replication = Replication::of(&unit, &start.folder)?;
    let switch = replication.as_ref().map(Replication::switch);
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
    let parts = Parts {
        unit: &unit,
        director: &director,
        ports: &ports,
        watcher: &watcher,
        pool: &pool,
        stop: &stop,
    };
    let (mut workers, rings, views) = parts.build_workers(&mut queues, replication.as_mut());
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
        pair: switch.clone().map(|switch| Pair { switch, view: Arc::default() }),
    };
    let lcores = Lcores::launch(workers, &stop)?;
    let core = start_replication(replication, &sources, &stop)?;
    let mut server = socket.serve(sources.into_inspection())?;
    log::info!("unit {} is up: {}", unit.name(), summary(&unit, &director));

    let path = KernelPath { twins: queues.twins, workers: rings, pool, counters: kernel_path };
    Control { unit: &unit, director: &director, ports: &ports, switch: switch.as_deref() }.run(
        path,
        &|| lcores.any_ended() || core.as_ref().is_some_and(RunningCore::has_ended),
        &stop,
    );

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

/// What workers are made of.
struct Parts<'a> {
    unit: &'a UnitConfiguration,
    director: &'a Arc<Configuration>,
    ports: &'a Arc<[Port]>,
    watcher: &'a Watcher,
    pool: &'a Mempool,
    stop: &'a Arc<AtomicBool>,
}

impl Parts<'_> {
    /// Makes the workers, one for each configured CPU, with their shards, queues and rings.
    fn build_workers(
        &self,
        queues: &mut PortQueues,
        mut replication: Option<&mut Replication>,
    ) -> (Vec<Worker>, Vec<WorkerRings>, Vec<WorkerView>) {
        let Self { unit, director, ports, watcher, pool, stop } = *self;
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
                replication: replication.as_ref().map(|replication| replication.shard_settings()),
                state: unit.state(),
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
                link: replication.as_mut().map(|replication| replication.link()),
                populate: false,
            });
        }
        (workers, rings, views)
    }
}

/// Starts the replication core, if the unit is of a pair.
fn start_replication(
    replication: Option<Replication>,
    sources: &Sources,
    stop: &Arc<AtomicBool>,
) -> Result<Option<RunningCore>, RunError> {
    let (Some(replication), Some(pair)) = (replication, &sources.pair) else { return Ok(None) };
    let count = sources.connection_counter();
    Ok(Some(replication.start(&sources.unit, count, Arc::clone(&pair.view), stop)?))
}

/// What the control core needs.
struct Control<'a> {
    unit: &'a UnitConfiguration,
    director: &'a Configuration,
    ports: &'a [Port],
    switch: Option<&'a StateSwitch>,
}

impl Control<'_> {
    /// The control core's loop, until it is time to stop or something `has_ended` that should not.
    fn run(&self, mut path: KernelPath, has_ended: &dyn Fn() -> bool, stop: &AtomicBool) {
        let mut state = self.state();
        let mut announcer = self.announcer(state);
        let mut idler = Idler::new(system::may_sleep(self.unit, self.unit.cores().control));
        // Relaxed: the flag carries no data, and is looked at again at once.
        while !stop.load(Ordering::Relaxed) {
            if has_ended() {
                log::error!("a worker or the replication core has ended by itself; the unit stops");
                stop.store(true, Ordering::Relaxed);
            }
            if state != self.state() {
                state = self.state();
                announcer = self.announcer(state);
            }
            announcer.poll(platform::now(), &mut path);
            if path.round() {
                idler.busy();
            } else {
                idler.nothing_to_do();
            }
        }
    }

    fn state(&self) -> UnitState {
        self.switch.map_or(UnitState::Active, StateSwitch::current)
    }

    fn announcer(&self, state: UnitState) -> Announcer {
        Announcer::new(self.director, self.ports, state, platform::now())
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
