//! Makes the replication core from the configuration, and starts its thread.

use std::path::Path as FilePath;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use director::{FailoverGroup, ReplicationSettings, Steering};
use model::{Instant, UnitState};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use replication::{PairKey, Replicator, Settings};

use super::core::{CountConnections, PairView, ReplicationCore, ReplicationCores};
use super::key::read_key;
use super::links::{CoreLink, WorkerLink, shard_rings};
use super::paths::Path;
use super::switch::StateSwitch;
use crate::configuration::{ReplicationConfiguration, SyncMode, UnitConfiguration};
use crate::error::RunError;
use crate::idle::Idler;
use crate::{platform, system};

/// Bytes of the headers before a datagram's own.
const IPV4_AND_UDP: usize = 28;
const IPV6_AND_UDP: usize = 48;

/// A unit's part of a pair, before its thread runs.
pub(crate) struct Replication {
    key: PairKey,
    configuration: ReplicationConfiguration,
    groups: Vec<ReplicatedGroup>,
}

/// A failover group, as far as it is kept in step.
struct ReplicatedGroup {
    name: String,
    state: UnitState,
    switch: Arc<StateSwitch>,
    /// By worker.
    links: Vec<CoreLink>,
}

/// Who reads how it goes with a group, and who counts its connections.
pub(crate) struct GroupInspection {
    pub(crate) count: CountConnections,
    pub(crate) view: Arc<Mutex<PairView>>,
}

/// The running thread. Dropping it waits for its end, which the stop flag brings.
pub(crate) struct RunningCore {
    thread: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

impl Replication {
    /// Reads the pair's key, if the unit is of a pair at all.
    pub(crate) fn of(
        unit: &UnitConfiguration,
        groups: &[FailoverGroup],
        folder: &FilePath,
    ) -> Result<Option<Self>, RunError> {
        let Some(configuration) = unit.replication() else { return Ok(None) };
        let key = read_key(&folder.join(configuration.key_file()))?;
        let group = |group: &FailoverGroup| {
            let state = first_state(unit, group);
            ReplicatedGroup {
                name: group.name().to_owned(),
                state,
                switch: Arc::new(StateSwitch::new(state, unit.cores().workers.len())),
                links: Vec::new(),
            }
        };
        Ok(Some(Self {
            key: PairKey::new(key),
            configuration: configuration.clone(),
            groups: groups.iter().map(group).collect(),
        }))
    }

    /// The key that both units have.
    pub(crate) const fn key(&self) -> &PairKey {
        &self.key
    }

    /// The state in which a group begins.
    pub(crate) fn state(&self, group: usize) -> UnitState {
        self.groups[group].state
    }

    /// What shards of a group need to know.
    pub(crate) fn shard_settings(&self, group: usize) -> ReplicationSettings {
        ReplicationSettings {
            digest_seed: self.key.for_group(group).digest_seed(),
            standby_timeout: self.configuration.standby_timeout().unwrap_or_default(),
            observes: self.configuration.sync() == SyncMode::Observe,
        }
    }

    /// By group.
    pub(crate) fn switches(&self) -> Vec<Arc<StateSwitch>> {
        self.groups.iter().map(|group| Arc::clone(&group.switch)).collect()
    }

    /// The end of the next worker's rings for a group.
    pub(crate) fn link(&mut self, group: usize) -> WorkerLink {
        let ReplicatedGroup { switch, links, .. } = &mut self.groups[group];
        let (worker, core) = shard_rings(links.len(), switch);
        links.push(core);
        worker
    }

    /// Opens the paths and starts the thread on its CPU. Setting `stop` ends it. There is one inspection for each group.
    pub(crate) fn start(
        self,
        unit: &UnitConfiguration,
        inspections: Vec<GroupInspection>,
        stop: &Arc<AtomicBool>,
    ) -> Result<RunningCore, RunError> {
        let Self { key, configuration, groups } = self;
        let now = platform::now();
        let mut cores = Vec::new();
        for (index, (group, GroupInspection { count, view })) in
            groups.into_iter().zip(inspections).enumerate()
        {
            let settings = settings(&configuration, key.for_group(index), group.links.len());
            let paths = configuration.paths().iter().map(|&path| Path::open(path.of_group(index)));
            cores.push(ReplicationCore {
                name: group.name,
                paths: paths.collect::<Result<_, _>>()?,
                replicator: Replicator::new(settings, group.state, random, now),
                steering: Steering::new(group.links.len()),
                links: group.links,
                switch: group.switch,
                count,
                counted: Vec::new(),
                view,
                kept_back: None,
                standing_by_since: None,
                datagram: Vec::new(),
                view_at: Instant::START,
                count_at: Instant::START,
            });
        }
        let idler = Idler::new(system::may_sleep(unit, unit.cores().replication));
        let core = ReplicationCores { cores, idler, stop: Arc::clone(stop) };
        let cpu = unit.cores().replication;
        let thread = thread::Builder::new().name("replication".to_owned()).spawn(move || {
            run_on(cpu);
            core.run();
        });
        let thread = thread.map_err(RunError::Replication)?;
        Ok(RunningCore { thread: Some(thread), stop: Arc::clone(stop) })
    }
}

fn settings(configuration: &ReplicationConfiguration, key: PairKey, workers: usize) -> Settings {
    let has_ipv6 = configuration.paths().iter().any(|path| path.local.is_ipv6());
    let headers = if has_ipv6 { IPV6_AND_UDP } else { IPV4_AND_UDP };
    Settings {
        paths: configuration.paths().len(),
        datagram_bytes: usize::from(configuration.mtu()) - headers,
        flush: configuration.flush(),
        digest_interval: configuration.digest_interval(),
        observes: configuration.sync() == SyncMode::Observe,
        ..Settings::new(key, workers)
    }
}

/// A group begins where its primary unit is; without one, it is as the units' roles say.
fn first_state(unit: &UnitConfiguration, group: &FailoverGroup) -> UnitState {
    match group.primary() {
        // It begins by listening.
        _ if unit.failover().is_some() => UnitState::Standby,
        None => unit.state(),
        Some(name) if name == unit.name() => UnitState::Active,
        Some(_) => UnitState::Standby,
    }
}

impl RunningCore {
    /// Whether the thread has ended by itself, which it should not.
    pub(crate) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_some_and(JoinHandle::is_finished)
    }
}

impl Drop for RunningCore {
    fn drop(&mut self) {
        // Relaxed: the flag carries no data.
        self.stop.store(true, Ordering::Relaxed);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            log::error!("the replication core panicked");
        }
    }
}

/// Moves the calling thread to its CPU, which was found to be usable.
fn run_on(cpu: usize) {
    let mut set = CpuSet::new();
    if set.set(cpu).is_ok() {
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
    }
}

/// A random number for a session. Without the operating system's there is no safe session, so none that repeats is made.
fn random() -> u64 {
    let mut bytes = [0; 8];
    while let Err(error) = system::fill_random(&mut bytes) {
        log::error!("no random numbers for a replication session: {error}");
        platform::sleep(std::time::Duration::from_secs(1));
    }
    u64::from_ne_bytes(bytes)
}
