//! Makes the monitor from the configuration, and starts its thread.

use std::net::IpAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use director::{Comparison, FailoverGroup, SwitchStrategy};
use failover::{
    Compare, Damping, GroupSettings, LinkSettings, LoadSettings, Monitor, MonitorKey, ProbingSettings,
    Refusal, Settings, Strategy, TargetSettings,
};
use failover_serial::{CableKey, Channel, ChannelSettings, DatagramChannel, DatagramSettings, cable_end};
use hkdf::Hkdf;
use model::UnitRole;
use model::limits::PORTS;
use nix::sys::eventfd::{EfdFlags, EventFd};
use sha2::Sha256;
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

use super::cable::Cable;
use super::core::{GroupCore, MonitorCore, Request};
use super::errands::Errands;
use super::links::NetworkLink;
use super::mirror::{self, Mirrored};
use super::prober::{Prober, Surroundings};
use super::snapshot::Snapshot;
use super::tty::Tty;
use super::watchdog::Watchdog;
use crate::configuration::{Beats, FailoverConfiguration, UnitConfiguration};
use crate::error::RunError;
use crate::leases::Leases;
use crate::replication::StateSwitch;
use crate::statistics::WorkerCounters;
use crate::{platform, system};

/// Requests that may wait for the monitor.
const REQUESTS: usize = 16;

/// How long the monitor may take to answer: it turns at least a hundred times a second.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long the plug of a cable may take to say which unit this is.
const PLUG_PATIENCE: Duration = Duration::from_secs(1);

/// What the monitor is made of, beside the configuration of failover itself.
pub(crate) struct MonitorParts<'a> {
    pub(crate) unit: &'a UnitConfiguration,
    pub(crate) groups: &'a [FailoverGroup],
    pub(crate) key: &'a [u8; 32],
    pub(crate) mirrored: Mirrored,
    /// By group.
    pub(crate) switches: Vec<Arc<StateSwitch>>,
    pub(crate) leases: Arc<Leases>,
    pub(crate) workers: Vec<Arc<WorkerCounters>>,
    pub(crate) neighbors: Box<dyn Fn(ipnet::IpNet) -> Vec<IpAddr> + Send>,
    pub(crate) has_link: Box<dyn Fn(usize) -> bool + Send>,
    /// How much of its room for connections a group has taken, in percent.
    pub(crate) load: Box<dyn Fn(usize) -> u8 + Send>,
}

/// The running monitor. Dropping it ends it at once, without a word to the other unit.
pub(crate) struct RunningMonitor {
    thread: Option<JoinHandle<()>>,
    /// Of errands and of the mirror, that end with the monitor.
    others: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    wants_restart: Arc<AtomicBool>,
    handle: MonitorHandle,
}

/// Why the monitor did not answer, or refused.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// It is refused, and why.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The monitor does not answer.
    #[error("the monitor does not answer")]
    Silent,
}

/// Where others ask the monitor.
#[derive(Clone, Debug)]
pub struct MonitorHandle {
    requests: Sender<Request>,
    wake: Arc<EventFd>,
}

impl MonitorHandle {
    /// Has the monitor carry out a command for a group: as far as it is its to decide. What follows shows in the state.
    ///
    /// # Errors
    ///
    /// It is refused, with the reason, or the monitor does not answer.
    pub fn command(&self, group: usize, command: failover::Command) -> Result<(), RequestError> {
        let (answer, answered) = bounded(1);
        Ok(self.ask(Request::Command { group, command, answer }, &answered)??)
    }

    /// Whether the other unit says that it is active for the group.
    pub(crate) fn is_peer_active(&self, group: usize) -> bool {
        let (answer, answered) = bounded(1);
        self.ask(Request::IsPeerActive { group, answer }, &answered).unwrap_or_default()
    }

    /// How it stands.
    ///
    /// # Errors
    ///
    /// The monitor does not answer.
    pub fn snapshot(&self) -> Result<Snapshot, RequestError> {
        let (answer, answered) = bounded(1);
        self.ask(Request::Show { answer }, &answered)
    }

    fn ask<T>(&self, request: Request, answered: &Receiver<T>) -> Result<T, RequestError> {
        self.requests.try_send(request).map_err(|_| RequestError::Silent)?;
        let _ = self.wake.write(1);
        answered.recv_timeout(PATIENCE).map_err(|_: RecvTimeoutError| RequestError::Silent)
    }
}

impl RunningMonitor {
    /// Whether the thread has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// Whether it was asked to end.
    pub(crate) fn is_leaving(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether the unit is to start anew with another configuration.
    pub(crate) fn wants_restart(&self) -> bool {
        // Relaxed: the flag carries no data.
        self.wants_restart.load(Ordering::Relaxed)
    }

    pub(crate) fn handle(&self) -> MonitorHandle {
        self.handle.clone()
    }

    /// Has it hand over what this unit is active for, as far as somebody takes it, and end.
    pub(crate) fn ask_to_leave(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.handle.wake.write(1);
    }

    /// The same, and waits for its end.
    pub(crate) fn leave(&mut self) {
        self.ask_to_leave();
        for thread in self.thread.take().into_iter().chain(self.others.drain(..)) {
            if thread.join().is_err() {
                log::error!("the monitor panicked");
            }
        }
    }
}

impl Drop for RunningMonitor {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Starts the monitor.
///
/// # Errors
///
/// Nothing says which unit this is, or the operating system gives no thread.
pub(crate) fn start(
    configuration: &FailoverConfiguration,
    parts: MonitorParts<'_>,
) -> Result<RunningMonitor, RunError> {
    let now = platform::now();
    let mut tty = configuration.cable().map(|cable| Tty::new(cable.tty().to_owned(), cable.baud()));
    let role = role_of(configuration, tty.as_mut())?;
    let boot = boot_number();
    let cable_key = CableKey::new(derive(parts.key, b"understudy failover cable"));
    let settings = settings(configuration, role, &parts);
    let cable = configuration.cable().zip(tty).map(|(configured, tty)| {
        let settings = ChannelSettings { baud: configured.baud(), ..ChannelSettings::new(cable_key.clone()) };
        Cable::new(tty, Channel::new(settings, boot, now), role)
    });
    let (errands, errand_thread) = Errands::start()?;
    let wake = EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC);
    let wake = Arc::new(wake.map_err(|errno| RunError::Failover(errno.into()))?);
    let (sender, requests) = bounded(REQUESTS);
    let (stop, wants_restart) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let surroundings = surroundings(parts.neighbors, parts.has_link, errands);
    let datagrams = DatagramChannel::new(DatagramSettings::new(cable_key.clone()), boot, now);
    let (mirror, mirror_thread) = mirror::start(parts.mirrored, cable_key, datagrams, Arc::clone(&wake))?;
    let core = MonitorCore {
        monitor: Monitor::new(settings, boot, now),
        links: configuration.links().iter().map(|&link| NetworkLink::new(link)).collect(),
        cable,
        prober: Prober::new(configuration, u16::try_from(boot >> 16).unwrap_or_default(), surroundings),
        mirror,
        watchdog: Watchdog::new(parts.workers.len(), now),
        is_faulty: false,
        load: parts.load,
        load_at: now,
        workers: parts.workers,
        groups: parts
            .switches
            .into_iter()
            .map(|switch| GroupCore { switch, leaving_since: None, coming_since: None })
            .collect(),
        leases: parts.leases,
        observes: parts.unit.observes(),
        requests,
        wake: Arc::clone(&wake),
        stop: Arc::clone(&stop),
        wants_restart: Arc::clone(&wants_restart),
        beat: Vec::new(),
    };
    let thread = thread::Builder::new().name("monitor".to_owned()).spawn(move || {
        take_precedence();
        core.run();
    });
    Ok(RunningMonitor {
        thread: Some(thread.map_err(RunError::Failover)?),
        others: vec![errand_thread, mirror_thread],
        stop,
        wants_restart,
        handle: MonitorHandle { requests: sender, wake },
    })
}

/// As configured, else as the plug of the cable says.
fn role_of(configuration: &FailoverConfiguration, tty: Option<&mut Tty>) -> Result<UnitRole, RunError> {
    if let Some(role) = configuration.role() {
        return Ok(role);
    }
    let until = platform::now() + PLUG_PATIENCE;
    if let Some(tty) = tty {
        while platform::now() < until {
            tty.poll(platform::now(), &mut [0; 256]);
            if let Some(role) = tty.lines().and_then(cable_end) {
                return Ok(role);
            }
            platform::sleep(Duration::from_millis(10));
        }
    }
    let tty = configuration.cable().map(|cable| cable.tty().to_owned());
    Err(RunError::UnitRole(tty.unwrap_or_default()))
}

fn settings(configuration: &FailoverConfiguration, role: UnitRole, parts: &MonitorParts<'_>) -> Settings {
    let link = |beats: Beats| LinkSettings { interval: beats.interval, misses: beats.misses };
    let beats = configuration.links().iter().map(|each| each.beats);
    let beats: Vec<_> = beats.chain(configuration.cable().map(|cable| cable.beats())).collect();
    let probing = configuration.probing();
    let target = |target: &crate::configuration::Target| TargetSettings {
        weight: target.weight,
        required: target.required,
    };
    Settings {
        key: MonitorKey::new(derive(parts.key, b"understudy failover beats")),
        unit: configuration.id(role),
        peers: 1,
        role,
        priority: configuration.priority(),
        cable: configuration.cable().map(|cable| link(cable.beats())),
        links: configuration.links().iter().map(|each| link(each.beats)).collect(),
        listen: configuration.listen(),
        preempt: configuration.preempt(),
        update: beats.iter().map(|beats| beats.interval).min().unwrap_or_default(),
        groups: parts.groups.iter().map(|group| group_settings(group, role, parts.unit.name())).collect(),
        targets: configuration.targets().iter().map(target).collect(),
        probing: ProbingSettings {
            interval: probing.interval,
            timeout: probing.interval,
            falls: probing.falls,
            rises: probing.rises,
        },
    }
}

/// A group that names its primary unit overrides the unit's role.
fn group_settings(group: &FailoverGroup, role: UnitRole, unit: &str) -> GroupSettings {
    let role = match group.primary() {
        Some(name) if name == unit => UnitRole::Primary,
        Some(_) => UnitRole::Backup,
        None => role,
    };
    GroupSettings {
        role,
        strategy: match group.strategy() {
            SwitchStrategy::Automatic => Strategy::Automatic,
            SwitchStrategy::Manual => Strategy::Manual,
        },
        compare: match group.compare() {
            Comparison::Count => Compare::Count,
            Comparison::Weighted => Compare::Weighted,
            Comparison::Required => Compare::Required,
        },
        damping: Damping { hold: group.hold(), most: group.hold() * 16 },
        load: group
            .load_margin_percent()
            .map(|margin_percent| LoadSettings { margin_percent, hold: group.hold() }),
    }
}

fn surroundings(
    neighbors: Box<dyn Fn(ipnet::IpNet) -> Vec<IpAddr> + Send>,
    has_link: Box<dyn Fn(usize) -> bool + Send>,
    errands: Errands,
) -> Surroundings {
    let substitutes = errands.clone();
    let substitute = move |address: IpAddr, stand_in: Option<IpAddr>| {
        substitutes.send(move || substitute(address, stand_in));
    };
    Surroundings { neighbors, has_link: links_seen(has_link, errands), substitute: Box::new(substitute) }
}

/// What an errand saw of a port's link the last time: to ask the device may have to wait for the kernel.
fn links_seen(
    has_link: Box<dyn Fn(usize) -> bool + Send>,
    errands: Errands,
) -> Box<dyn Fn(usize) -> bool + Send> {
    let seen: Arc<[AtomicBool]> = (0..PORTS).map(|_| AtomicBool::new(true)).collect();
    let has_link = Arc::new(Mutex::new(has_link));
    Box::new(move |port| {
        let (into, has_link) = (Arc::clone(&seen), Arc::clone(&has_link));
        errands.send(move || {
            if let (Some(seen), Ok(has_link)) = (into.get(port), has_link.lock()) {
                seen.store(has_link(port), Ordering::Relaxed);
            }
        });
        seen.get(port).is_some_and(|seen| seen.load(Ordering::Relaxed))
    })
}

/// Has packets to `address` go by `stand_in`, or directly again.
fn substitute(address: IpAddr, stand_in: Option<IpAddr>) {
    let family = if address.is_ipv4() { "-4" } else { "-6" };
    let mut command = Command::new("ip");
    match stand_in {
        Some(by) => {
            log::warn!("{address} does not answer, and is reached by its other address {by}");
            command.args([family, "route", "replace", &address.to_string(), "via", &by.to_string()]);
        }
        None => {
            log::info!("{address} answers again, and is reached directly");
            command.args([family, "route", "del", &address.to_string()]);
        }
    }
    match command.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => log::warn!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()),
        Err(error) => log::warn!("{command:?}: {error}"),
    }
}

/// A key of its own for each use of the pair's key.
fn derive(key: &[u8; 32], label: &[u8]) -> [u8; 32] {
    let mut derived = [0; 32];
    // It fails for more than 255 blocks of key only; then the key is one that nobody else has.
    let _ = Hkdf::<Sha256>::new(None, key).expand(label, &mut derived);
    derived
}

/// What tells this run of the unit from others; not 0.
fn boot_number() -> u32 {
    let mut bytes = [0; 4];
    if system::fill_random(&mut bytes).is_err() {
        bytes = std::process::id().to_be_bytes();
    }
    u32::from_be_bytes(bytes).max(1)
}

/// A monitor that waits for others to give up the CPU is one that is silent. Not of real-time priority: it shares channels with
/// ordinary threads, one of which may be interrupted in the middle of a message, and would then never get to end it.
fn take_precedence() {
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
    if set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Max, policy).is_err() {
        log::warn!("the monitor gets no precedence; a busy machine may look like a dead one to its peer");
    }
}
