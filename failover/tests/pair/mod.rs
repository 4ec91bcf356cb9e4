//! Units, the links between them and a clock, all in one process and from one seed.
//!
//! At every step it is checked that no two units may forward for a group, but for the time in which beats are lost.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "a harness: each test file uses a part of it, and what fails in it is the test"
)]

mod network;

use std::time::Duration;

use failover::{Cause, Command, Link, LinkSettings, Monitor, MonitorKey, Order, Settings, State};
use model::{CableStatus, Instant, UnitRole};

pub use network::Network;

pub const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// How long an active unit takes to stand by, and a standby to be synchronized.
const DRAIN: Duration = Duration::from_micros(500);
const SYNCHRONIZATION: Duration = ms(50);

/// Two units may be active for so long after beats were lost: one beat, its way, and the proof of a new boot.
const GRACE: Duration = ms(40);

/// A standby that is not synchronized any more believes for so long that it may be because the active unit dies: twice the
/// patience, and a turn.
const BELIEF: Duration = ms(60);

pub fn settings(unit: u8) -> Settings {
    let role = if unit == 1 { UnitRole::Primary } else { UnitRole::Backup };
    let mut settings = Settings::new(MonitorKey::new([9; 32]), unit, role);
    settings.cable = Some(LinkSettings::CABLE);
    settings.groups[0].strategy = failover::Strategy::Manual;
    settings
}

/// One unit, as the appliance would run it.
pub struct Unit {
    pub settings: Settings,
    pub monitor: Monitor,
    pub boot: u32,
    pub is_running: bool,
    pub stalled_until: Instant,
    /// It was stalled while others did not hear it.
    is_stall_excused: bool,
    /// The lease that workers see, per group.
    pub leases: Vec<Instant>,
    pub orders: Vec<Order>,
    draining: Vec<(Instant, usize)>,
    /// Since when each group could have been synchronized, and with which boot.
    following: Vec<Option<(Instant, u32)>>,
    pub loses_synchronization: bool,
    /// It says that it is synchronized whatever is cut: the last digests were equal.
    pub claims_synchronization: bool,
    /// Whether it has the connections of each group.
    tables: Vec<bool>,
    /// When it lost those of each group.
    outdated_at: Vec<Instant>,
    inbox: Vec<(Link, Vec<u8>)>,
}

impl Unit {
    fn new(settings: Settings, boot: u32, now: Instant) -> Self {
        let count = settings.groups.len();
        Self {
            monitor: Monitor::new(settings.clone(), boot, now),
            settings,
            boot,
            is_running: true,
            stalled_until: now,
            is_stall_excused: false,
            leases: vec![Instant::START; count],
            orders: Vec::new(),
            draining: Vec::new(),
            following: vec![None; count],
            loses_synchronization: false,
            claims_synchronization: false,
            tables: vec![false; count],
            outdated_at: vec![Instant::START; count],
            inbox: Vec::new(),
        }
    }

    fn awake(&self, now: Instant) -> bool {
        self.is_running && self.stalled_until <= now
    }

    fn deadline(&self) -> Instant {
        let drained = self.draining.iter().map(|(at, _)| *at).min();
        drained.map_or(self.monitor.deadline(), |at| at.min(self.monitor.deadline())).max(self.stalled_until)
    }
}

pub struct World {
    pub now: Instant,
    pub units: Vec<Unit>,
    pub network: Network,
    pub boots: u32,
    /// Targets that each unit can reach now.
    pub reach: Vec<Vec<bool>>,
    pub dual: Duration,
    is_dual_excused: bool,
    pub max_dual: Duration,
    stopped_at: Vec<Instant>,
}

impl World {
    pub fn new(settings: Vec<Settings>) -> Self {
        let now = Instant::from_millis(1_000);
        let count = settings.len();
        let has_cable = settings.iter().any(|settings| settings.cable.is_some());
        let reach = settings.iter().map(|settings| vec![true; settings.targets.len()]).collect();
        let units = settings.into_iter().zip(101..).map(|(settings, boot)| Unit::new(settings, boot, now));
        Self {
            now,
            units: units.collect(),
            network: Network::new(count, has_cable),
            boots: 200,
            reach,
            dual: Duration::ZERO,
            is_dual_excused: false,
            max_dual: Duration::ZERO,
            stopped_at: vec![now; count],
        }
    }

    pub fn pair() -> Self {
        Self::new(vec![settings(1), settings(2)])
    }

    /// A pair of which unit 0 is active and unit 1 is synchronized.
    pub fn settled() -> Self {
        let mut world = Self::pair();
        world.settle();
        world
    }

    pub fn settle(&mut self) {
        self.run(ms(1_300));
        assert_eq!(self.active(0), vec![0]);
    }

    /// Runs for so long.
    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            self.step();
            let due = self.units.iter().filter(|unit| unit.is_running).map(Unit::deadline);
            let next = due.chain(self.network.next()).min().unwrap_or(end);
            // Workers and sessions change by the millisecond.
            let next = next.max(self.now + Duration::from_nanos(1)).min(self.now + ms(1));
            self.check_leases(next.min(end));
            if next > end {
                self.now = end;
                return;
            }
            self.now = next;
        }
    }

    /// Runs until `holds`, and says how long it took.
    pub fn run_until(&mut self, most: Duration, holds: impl Fn(&Self) -> bool) -> Duration {
        let start = self.now;
        while !holds(self) {
            assert!(self.now.since(start) < most, "not within {most:?}:\n{}", self.journals());
            self.run(Duration::from_micros(250));
        }
        self.now.since(start)
    }

    fn step(&mut self) {
        while let Some((to, link, beat)) = self.network.arrive(self.now) {
            if self.units[to].is_running {
                self.units[to].inbox.push((link, beat));
            }
        }
        for index in 0..self.units.len() {
            if self.units[index].awake(self.now) {
                self.turn(index);
            }
        }
    }

    fn turn(&mut self, index: usize) {
        let now = self.now;
        self.synchronize(index);
        let unit = &mut self.units[index];
        for (link, beat) in std::mem::take(&mut unit.inbox) {
            unit.monitor.receive(now, link, &beat);
        }
        let drained: Vec<_> =
            unit.draining.iter().filter(|(at, _)| *at <= now).map(|(_, group)| *group).collect();
        unit.draining.retain(|(at, _)| *at > now);
        drained.into_iter().for_each(|group| unit.monitor.stood_by(now, group));
        while let Some(target) = unit.monitor.poll_probe(now) {
            if self.reach[index][target] {
                unit.monitor.probe_answered(now, target);
            }
        }
        unit.monitor.turn(now);
        let mut promoted = Vec::new();
        while let Some(order) = unit.monitor.poll_order() {
            unit.orders.push(order);
            match order {
                Order::StandBy { group } => unit.draining.push((now + DRAIN, group)),
                Order::Activate { group, cause } => promoted.push((group, cause)),
                Order::Announce { .. } => {}
            }
        }
        promoted.into_iter().for_each(|(group, cause)| self.check_promotion(index, group, cause));
        let unit = &mut self.units[index];
        let mut beat = Vec::new();
        while let Some(link) = unit.monitor.poll_transmit(now, &mut beat) {
            if self.network.refused.contains(&(link, index)) {
                unit.monitor.not_sent(link);
            } else {
                self.network.send(now, index, link, &beat);
            }
        }
        for (group, lease) in unit.leases.iter_mut().enumerate() {
            *lease = unit.monitor.lease(group);
        }
    }

    /// Replication: a standby is synchronized a while after it reaches an active unit.
    fn synchronize(&mut self, index: usize) {
        let now = self.now;
        for group in 0..self.units[index].leases.len() {
            let partner = (0..self.units.len()).find(|other| {
                let is_active = self.units[*other].monitor.state(group) == State::Active;
                *other != index
                    && self.units[*other].is_running
                    && is_active
                    && self.network.connects(index, *other)
            });
            let is_led = (0..self.units.len()).any(|other| {
                let is_active = self.units[other].monitor.state(group) == State::Active;
                other != index && self.units[other].is_running && is_active
            });
            let unit = &mut self.units[index];
            let is_standby = matches!(unit.monitor.state(group), State::Standby | State::Preempt);
            let boot = partner
                .filter(|_| is_standby && !unit.loses_synchronization)
                .map(|other| self.units[other].boot);
            let unit = &mut self.units[index];
            unit.following[group] = match (unit.following[group], boot) {
                (Some((since, old)), Some(boot)) if old == boot => Some((since, boot)),
                (_, Some(boot)) => Some((now, boot)),
                (_, None) => None,
            };
            let is_synchronized =
                unit.following[group].is_some_and(|(since, _)| now.since(since) >= SYNCHRONIZATION);
            if is_standby {
                if unit.loses_synchronization || (unit.following[group].is_none() && is_led) {
                    if std::mem::take(&mut unit.tables[group]) {
                        unit.outdated_at[group] = now;
                    }
                } else if unit.following[group].is_some() {
                    unit.tables[group] = is_synchronized;
                }
                // While it drains, its replication is still that of an active unit whose standby is synchronized.
                let is_draining = unit.draining.iter().any(|(_, leaving)| *leaving == group);
                let claims = is_draining || unit.claims_synchronization;
                unit.monitor.set_synchronized(now, group, is_synchronized || claims);
            } else if unit.monitor.state(group) == State::Active {
                let told = (0..self.units.len()).any(|other| {
                    let following = self.units[other].following[group];
                    other != index && following.is_some_and(|(since, _)| now.since(since) >= SYNCHRONIZATION)
                });
                self.units[index].monitor.set_synchronized(now, group, told);
            }
        }
    }

    /// A unit with nothing in its tables must not take over while one that has all lives and is heard.
    fn check_promotion(&mut self, index: usize, group: usize, cause: Cause) {
        let now = self.now;
        let has_tables = |unit: &Unit| unit.tables[group];
        let is_forced = matches!(cause, Cause::Command | Cause::Asked | Cause::Fault);
        let calm = now.since(self.network.disturbed_at) >= GRACE;
        // One that has been faulty for long is no better, whatever it has.
        let is_sound = |unit: &Unit| unit.monitor.status(now).unit.fault.is_none();
        // Of three, one that has just started anew may not be known yet to one that was stalled.
        let peers = self.units[index].monitor.status(now).peers;
        let is_known = |unit: &Unit| peers.iter().any(|peer| peer.boot == unit.boot) || self.units.len() < 3;
        let better = |(other, unit): (usize, &Unit)| {
            other != index
                && is_known(unit)
                && is_sound(unit)
                && unit.awake(now)
                && now.since(unit.stalled_until) >= GRACE
                && has_tables(unit)
        };
        let this = &self.units[index];
        let has_nothing = !has_tables(this) && now.since(this.outdated_at[group]) >= BELIEF;
        if has_nothing && !is_forced && calm && self.units.iter().enumerate().any(better) {
            panic!("unit {index} is promoted with nothing\n{}", self.journals());
        }
        self.units[index].tables[group] = true;
    }

    /// Two units that may forward at once: never, unless beats were lost lately.
    fn check_leases(&mut self, next: Instant) {
        let groups = self.units[0].leases.len();
        if self.network.is_broken() {
            self.network.disturbed_at = self.now;
        }
        for group in 0..groups {
            let may_forward = |unit: &&Unit| unit.is_running && unit.leases[group] > self.now;
            let holders: Vec<_> = self.units.iter().filter(may_forward).collect();
            if holders.len() < 2 {
                self.dual = Duration::ZERO;
                continue;
            }
            let calm = self.now.since(self.network.disturbed_at);
            if self.dual.is_zero() {
                self.is_dual_excused = calm < GRACE;
            }
            // One that was active before they could hear each other, and is stalled, does not hear now either.
            let is_stalled = holders.iter().any(|unit| !unit.awake(self.now));
            let until = holders.into_iter().map(|unit| unit.leases[group]).min().unwrap().min(next);
            self.dual += until.since(self.now);
            self.max_dual = self.max_dual.max(self.dual);
            let began_unheard = self.units.iter().any(|unit| !unit.awake(self.now) && unit.is_stall_excused);
            if is_stalled && (self.is_dual_excused || began_unheard) {
                self.network.disturbed_at = self.now;
                continue;
            }
            // A third unit that two others do not know yet may cost them one beat, and its proof.
            let most = if self.units.len() > 2 { ms(7) } else { Duration::ZERO };
            assert!(
                calm < GRACE || self.dual <= most,
                "two active, {calm:?} after the last loss, at {:?}\n{}",
                self.now,
                self.journals()
            );
        }
    }

    /// Units that may forward for this group.
    pub fn active(&self, group: usize) -> Vec<usize> {
        let is_active = |index: &usize| {
            let unit = &self.units[*index];
            unit.is_running && unit.leases[group] > self.now
        };
        (0..self.units.len()).filter(is_active).collect()
    }

    pub fn state(&self, unit: usize) -> State {
        self.units[unit].monitor.state(0)
    }

    pub fn kill(&mut self, unit: usize) {
        self.units[unit].is_running = false;
        self.stopped_at[unit] = self.now;
    }

    /// Its end of the cable loses power with it.
    pub fn kill_with_cable(&mut self, unit: usize) {
        self.kill(unit);
        let now = self.now;
        for other in (0..self.units.len()).filter(|other| *other != unit) {
            self.units[other].monitor.set_cable_status(now, CableStatus::OtherSidePoweredOff);
        }
    }

    pub fn start(&mut self, unit: usize) {
        self.boots += 1;
        self.units[unit] = Unit::new(self.units[unit].settings.clone(), self.boots, self.now);
    }

    pub fn stall(&mut self, unit: usize, duration: Duration) {
        let calm = self.now.since(self.network.disturbed_at);
        let goes_on = !self.units[unit].awake(self.now) && self.units[unit].is_stall_excused;
        self.units[unit].is_stall_excused = goes_on || calm < GRACE;
        self.units[unit].stalled_until = self.now + duration;
    }

    pub fn command(&mut self, unit: usize, command: Command) -> Result<(), failover::Refusal> {
        let is_listening = self.state(unit) == State::Listen;
        let outcome = self.units[unit].monitor.command(self.now, 0, command);
        if is_listening && outcome.is_ok() {
            // The operator said that nobody else is active.
            self.network.disturbed_at = self.now;
        }
        outcome
    }

    /// Transitions of a unit, as text.
    pub fn transitions(&self, unit: usize) -> Vec<String> {
        let transition = |entry: &failover::Entry| match entry.what {
            failover::What::Transition { transition, cause, .. } => {
                Some(format!("{transition} {}", cause.name()))
            }
            _ => None,
        };
        self.units[unit].monitor.journal().filter_map(transition).collect()
    }

    pub fn journals(&self) -> String {
        let mut text = String::new();
        for unit in &self.units {
            text += &format!("unit {} (boot {})\n", unit.settings.unit, unit.boot);
            for entry in unit.monitor.journal() {
                text += &format!("  {:>12.3} {:?}\n", entry.at.as_nanos() as f64 / 1e6, entry.what);
            }
        }
        text
    }
}
