//! The monitor's thread: hears beats, lets the monitor decide, and has the rest of the unit follow.
//!
//! A turn takes microseconds and waits for nobody: the lease of the whole unit hangs on it.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender};
use failover::{Command, Link, Monitor, Order, Refusal, State};
use model::{Instant, UnitState};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::EventFd;
use nix::sys::time::TimeSpec;

use super::cable::Cable;
use super::links::{Arrived, DATAGRAM_BYTES, NetworkLink};
use super::mirror::MirrorLink;
use super::prober::{Finding, Prober};
use super::snapshot::Snapshot;
use super::watchdog::Watchdog;
use crate::leases::Leases;
use crate::replication::StateSwitch;
use crate::statistics::WorkerCounters;
use crate::{platform, system};

/// Between two looks while others carry something out, and while they do not.
const SHORT_WAIT: Duration = Duration::from_micros(100);
const LONG_WAIT: Duration = Duration::from_millis(10);
const SHORTEST_WAIT: Duration = Duration::from_micros(20);

/// How long the other unit may take to take over from one that stops.
const GOODBYE: Duration = Duration::from_secs(1);

/// How long the workers of a unit that stops send on what they kept.
const PASSING_ON: Duration = Duration::from_millis(20);

/// How long workers may take to begin to forward.
const COMING_PATIENCE: Duration = Duration::from_secs(1);

/// Answers of probed hosts that are taken in a turn: anybody may send some.
const ECHOES_AT_ONCE: usize = 64;

/// How long workers that turn may take to stop when one does not.
const STUCK_PATIENCE: Duration = Duration::from_millis(10);

/// Between two looks at how full this unit is.
const LOAD_PERIOD: Duration = Duration::from_millis(100);

/// Datagrams that are taken from one link before the next has its turn.
const DATAGRAMS_AT_ONCE: usize = 64;

/// What somebody asks of the monitor.
pub(crate) enum Request {
    /// An operator's command for a group.
    Command { group: usize, command: Command, answer: Sender<Result<(), Refusal>> },
    /// How it stands.
    Show { answer: Sender<Snapshot> },
    /// Whether the other unit says that it is active for a group.
    IsPeerActive { group: usize, answer: Sender<bool> },
}

/// A failover group, as far as it is carried out here.
pub(crate) struct GroupCore {
    pub(crate) switch: Arc<StateSwitch>,
    /// When the workers were told to stop, while the monitor waits to hear that they have.
    pub(crate) leaving_since: Option<Instant>,
    /// When the workers were told to forward, while they have not all followed.
    pub(crate) coming_since: Option<Instant>,
}

/// The monitor and all that it hears and moves.
pub(crate) struct MonitorCore {
    pub(crate) monitor: Monitor,
    pub(crate) links: Vec<NetworkLink>,
    pub(crate) cable: Option<Cable>,
    pub(crate) prober: Prober,
    pub(crate) mirror: MirrorLink,
    pub(crate) watchdog: Watchdog,
    pub(crate) is_faulty: bool,
    pub(crate) workers: Vec<Arc<WorkerCounters>>,
    pub(crate) groups: Vec<GroupCore>,
    pub(crate) leases: Arc<Leases>,
    /// How much of its room for connections a group has taken, in percent.
    pub(crate) load: Box<dyn Fn(usize) -> u8 + Send>,
    pub(crate) load_at: Instant,
    /// Whether this unit's ports see what the other one gets, too.
    pub(crate) observes: bool,
    pub(crate) requests: Receiver<Request>,
    pub(crate) wake: Arc<EventFd>,
    pub(crate) stop: Arc<AtomicBool>,
    /// Set when the unit is to start anew with another configuration.
    pub(crate) wants_restart: Arc<AtomicBool>,
    /// Kept for its memory.
    pub(crate) beat: Vec<u8>,
}

impl MonitorCore {
    /// Runs until the stop flag is set.
    pub(crate) fn run(mut self) {
        self.wait_for_workers();
        // Relaxed: the flag carries no data, and is looked at again at once.
        while !self.stop.load(Ordering::Relaxed) {
            self.turn(platform::now());
            self.wait();
        }
        self.say_goodbye();
    }

    /// A unit whose workers still make room for connections is of no use to anybody, and says nothing yet.
    fn wait_for_workers(&self) {
        let have_turned = || self.workers.iter().all(|worker| worker.rounds.read() > 0);
        while !have_turned() && !self.stop.load(Ordering::Relaxed) {
            platform::sleep(Duration::from_millis(1));
        }
    }

    fn turn(&mut self, now: Instant) {
        self.receive(now);
        self.observe(now);
        self.take_requests(now);
        self.monitor.turn(now);
        self.carry_out(now);
        self.publish_leases();
        self.transmit(now);
        // What was sent has extended them.
        self.publish_leases();
        self.mirror(now);
        self.probe(now);
    }

    /// Beats come first: all else may depend on them.
    fn receive(&mut self, now: Instant) {
        let mut buffer = [0; DATAGRAM_BYTES];
        for (index, link) in self.links.iter_mut().enumerate() {
            for _ in 0..DATAGRAMS_AT_ONCE {
                match link.poll(now, &mut buffer) {
                    Some(Arrived::Beat(beat)) => self.monitor.receive(now, Link::Network(index), beat),
                    Some(Arrived::Mirror(datagram)) => self.mirror.receive_datagram(now, datagram),
                    None => break,
                }
            }
        }
        self.receive_by_cable(now);
        for _ in 0..ECHOES_AT_ONCE {
            let Some(finding) = self.prober.poll() else { break };
            note(&mut self.monitor, now, finding);
        }
    }

    fn receive_by_cable(&mut self, now: Instant) {
        let Some(cable) = &mut self.cable else { return };
        cable.poll(now);
        while let Some(received) = cable.poll_received() {
            match received {
                failover_serial::Received::Beat(beat) => self.monitor.receive(now, Link::Cable, &beat),
                failover_serial::Received::Message(message) => self.mirror.receive_message(message),
            }
        }
        if let Some(status) = cable.take_status() {
            self.monitor.set_cable_status(now, status);
        }
    }

    /// What the monitor has to know of this unit.
    fn observe(&mut self, now: Instant) {
        for (index, group) in self.groups.iter_mut().enumerate() {
            self.monitor.set_synchronized(now, index, group.switch.is_synchronized());
            let is_there =
                |since| now.since(since) >= COMING_PATIENCE || group.switch.is_complete(UnitState::Active);
            if group.coming_since.is_some_and(is_there) {
                group.coming_since = None;
                self.leases.hold(index, false);
            }
            let Some(since) = group.leaving_since else { continue };
            // A worker that does not turn would never say that it has stopped; its lease is over, so it can not go on.
            let is_stuck = self.is_faulty && now.since(since) >= STUCK_PATIENCE;
            if is_stuck || group.switch.is_complete(UnitState::Standby) {
                group.leaving_since = None;
                self.monitor.stood_by(now, index);
            }
        }
        let workers = &self.workers;
        let rounds = |worker: usize| workers[worker].rounds.read();
        let waited = |worker: usize| system::waited_for_cpu(workers[worker].thread());
        if let Some(still) = self.watchdog.look(now, rounds, waited) {
            self.is_faulty = still.is_some();
            self.monitor.set_faulty(now, still.map(|_| "a worker does not turn"));
        }
        if now >= self.load_at {
            self.load_at = now + LOAD_PERIOD;
            for group in 0..self.groups.len() {
                self.monitor.set_load(now, group, (self.load)(group));
            }
        }
        self.monitor.set_configuration(self.mirror.mark());
    }

    fn take_requests(&mut self, now: Instant) {
        while let Ok(request) = self.requests.try_recv() {
            match request {
                Request::Command { group, command, answer } => {
                    let _ = answer.try_send(self.monitor.command(now, group, command));
                }
                Request::Show { answer } => {
                    let _ = answer.try_send(self.snapshot(now));
                }
                Request::IsPeerActive { group, answer } => {
                    let _ = answer.try_send(self.monitor.is_peer_active(group));
                }
            }
        }
        // A full counter is no error: there is something to read either way.
        let _ = self.wake.read();
    }

    fn carry_out(&mut self, now: Instant) {
        while let Some(order) = self.monitor.poll_order() {
            match order {
                Order::Activate { group, cause } => {
                    // Until the workers have followed.
                    self.leases.hold(group, true);
                    self.groups[group].leaving_since = None;
                    self.groups[group].coming_since = Some(now);
                    self.groups[group].switch.want(UnitState::Active);
                    self.groups[group].switch.announce();
                    log::info!("group {group}: the unit takes over ({})", cause.name());
                }
                Order::StandBy { group } => {
                    // Where both units see all frames, the other one has these already.
                    self.leases.hold(group, !self.observes);
                    self.groups[group].coming_since = None;
                    self.groups[group].leaving_since = Some(now);
                    self.groups[group].switch.want(UnitState::Standby);
                    log::info!("group {group}: the unit stands by");
                }
                Order::Announce { group } => self.groups[group].switch.announce(),
            }
        }
        self.end_handovers(now);
    }

    /// What was held for a unit that takes over goes to it as soon as it has.
    fn end_handovers(&mut self, now: Instant) {
        for group in 0..self.groups.len() {
            if self.monitor.state(group) != State::Active && self.monitor.is_peer_active(group) {
                self.leases.pass_on(group, now);
            }
        }
    }

    fn publish_leases(&self) {
        for group in 0..self.groups.len() {
            self.leases.set(group, self.monitor.lease(group));
        }
    }

    fn transmit(&mut self, now: Instant) {
        while let Some(link) = self.monitor.poll_transmit(now, &mut self.beat) {
            match (link, &mut self.cable) {
                (Link::Network(index), _) => {
                    if !self.links[index].send_beat(&self.beat) {
                        self.monitor.not_sent(link);
                    }
                }
                (Link::Cable, Some(cable)) => cable.send_beat(now, &self.beat),
                (Link::Cable, None) => {}
            }
        }
        if let Some(cable) = &mut self.cable {
            cable.transmit(now);
        }
    }

    /// Configuration goes over the cable; where there is none, or it is not whole, over the links.
    fn mirror(&mut self, now: Instant) {
        let is_active = self.monitor.state(0) == State::Active;
        let state = if is_active { UnitState::Active } else { UnitState::Standby };
        self.mirror.set_standing(state, self.monitor.peer_configuration());
        self.mirror.turn(now, self.cable.as_mut(), &self.links);
        if self.mirror.wants_restart(now) && self.is_idle() {
            self.wants_restart.store(true, Ordering::Relaxed);
        }
    }

    fn probe(&mut self, now: Instant) {
        while let Some(target) = self.monitor.poll_probe(now) {
            if let Some(finding) = self.prober.probe(target) {
                note(&mut self.monitor, now, finding);
            }
        }
    }

    /// Waits for a byte, a datagram, a request, or the time to do something.
    fn wait(&self) {
        let now = platform::now();
        let is_busy =
            self.groups.iter().any(|group| group.leaving_since.is_some() || group.coming_since.is_some());
        let deadlines = [
            Some(self.monitor.deadline()),
            Some(self.watchdog.deadline()),
            Some(self.mirror.deadline()),
            self.cable.as_ref().and_then(Cable::deadline),
        ];
        let links = self.links.iter().filter_map(NetworkLink::deadline);
        let next = deadlines.into_iter().flatten().chain(links).min();
        let longest = if is_busy { SHORT_WAIT } else { LONG_WAIT };
        // Never not at all: a thread that goes before all others and spins keeps them from its CPU.
        let wait = next.map_or(longest, |next| next.since(now).clamp(SHORTEST_WAIT, longest));
        let mut descriptors: Vec<PollFd<'_>> = Vec::with_capacity(16);
        let links = self.links.iter().filter_map(NetworkLink::descriptor);
        let cable = self.cable.as_ref().and_then(Cable::descriptor);
        let all = links.chain(cable).chain(self.prober.descriptors()).chain([self.wake.as_fd()]);
        descriptors.extend(all.map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN)));
        // An interrupted wait is a short one.
        let _ = ppoll(&mut descriptors, Some(TimeSpec::from_duration(wait)), None);
        if platform::now().since(now) < SHORTEST_WAIT {
            // Something is there to be read at once, time and again: whatever it is, others need the CPU, too.
            platform::sleep(SHORTEST_WAIT);
        }
    }

    /// The unit stops: what it is active for, the other takes over now and not when it has noticed the silence.
    fn say_goodbye(&mut self) {
        let until = platform::now() + GOODBYE;
        let give_up = |group: &usize| {
            self.monitor.command(platform::now(), *group, Command::StandBy { force: false }).is_ok()
        };
        let given_up: Vec<usize> = (0..self.groups.len()).filter(give_up).collect();
        let is_leaving = |core: &Self| {
            let goes = |group: &GroupCore| group.leaving_since.is_some();
            core.groups.iter().any(goes) || !given_up.iter().all(|&group| core.monitor.is_peer_active(group))
        };
        while is_leaving(self) && platform::now() < until {
            self.turn(platform::now());
            platform::sleep(SHORT_WAIT);
        }
        // Workers pass on what they kept.
        let until = platform::now() + if given_up.is_empty() { Duration::ZERO } else { PASSING_ON };
        while platform::now() < until {
            self.turn(platform::now());
            platform::sleep(SHORT_WAIT);
        }
    }

    /// Whether the unit forwards for no group, and none is on its way here or away.
    fn is_idle(&self) -> bool {
        let is_idle = |(index, group): (usize, &GroupCore)| {
            let is_settled = group.coming_since.is_none() && group.leaving_since.is_none();
            is_settled && self.monitor.state(index) == State::Standby && self.monitor.is_peer_active(index)
        };
        self.groups.iter().enumerate().all(is_idle)
    }

    fn snapshot(&self, now: Instant) -> Snapshot {
        Snapshot {
            now,
            status: self.monitor.status(now),
            journal: self.monitor.journal().cloned().collect(),
            cable: self.cable.as_ref().map(Cable::status),
            mark: self.mirror.mark(),
            mirror: self.mirror.status(),
            stand_ins: (0..model::limits::REACHABILITY_TARGETS)
                .map(|target| self.prober.stand_in(target))
                .collect(),
        }
    }
}

fn note(monitor: &mut Monitor, now: Instant, finding: Finding) {
    match finding {
        Finding::Answered(target) => monitor.probe_answered(now, target),
        Finding::Link(target, is_up) => monitor.set_target(now, target, is_up),
    }
}
