//! The world of a pair: time, and what holds at every step.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use director::Configuration;
use failover::{Cause, Command, Order, State};
use fastrand::Rng;
use model::{Instant, UnitState};

use super::cable::Cable;
use super::hearing::Hearing;
use super::lan::Switch;
use super::member::Member;
use super::plan::Plan;
use super::promise::Promise;
use super::upsets::Upsets;
use super::ways::Ways;
use crate::clients::{Clients, Open};
use crate::network::{Faults, Network};
use crate::run::{Failure, STEP, Summary};
use crate::{servers, unit};

/// A pair counts as whole when it was for so long: until then not all ways need have been heard.
pub(super) const WHOLE: Duration = Duration::from_millis(100);

/// Clients act once in so many steps.
const LEISURE: u64 = 4;

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(super) random: Rng,
    pub(super) plan: Plan,
    of_units: [unit::Plan; 2],
    configuration: Arc<Configuration>,
    pub(super) ways: Ways,
    pub(super) switch: Switch,
    pub(super) clients: Clients,
    /// None: it does not run.
    pub(super) members: [Option<Member>; 2],
    pub(super) hearing: Hearing,
    pub(super) promise: Promise,
    pub(super) upsets: Upsets,
    /// Since when everything is in order.
    pub(super) whole_since: Option<Instant>,
    /// When anything was out of order last.
    pub(super) disturbed_at: Instant,
    /// Whether each unit has the connections.
    pub(super) has_tables: [bool; 2],
    /// When an operator insisted.
    pub(super) forced_at: Option<Instant>,
    steps: u64,
    pub(super) summary: Summary,
}

impl World {
    pub(crate) fn new(seed: u64) -> Result<Self, Failure> {
        let now = Instant::from_millis(1_000);
        let mut random = Rng::with_seed(seed);
        let configuration = servers::configuration()
            .map_err(|mistakes| Failure { at: now, what: format!("the configuration: {mistakes:?}") })?;
        let plan = Plan::random(&mut random);
        let faults = Faults::random(&mut random);
        let faults = if plan.is_clear { faults.lossless() } else { faults.uncut() };
        let observes = seed % 4 == 1;
        let of_units = [(); 2].map(|()| unit::Plan::random(&mut random, observes));
        let network = Network::new(random.fork(), faults);
        let cable = plan.baud.map(|baud| Cable::new(random.fork(), baud));
        let mut world = Self {
            now,
            ways: Ways::new(&plan, network, cable),
            switch: Switch::new(random.fork(), observes),
            clients: Clients::new(random.fork()),
            members: [None, None],
            hearing: Hearing::default(),
            promise: Promise::default(),
            upsets: Upsets::new(now),
            whole_since: None,
            disturbed_at: now,
            has_tables: [false; 2],
            forced_at: None,
            steps: 0,
            summary: Summary::default(),
            random,
            plan,
            of_units,
            configuration,
        };
        world.start(0);
        world.start(1);
        // Mostly nobody waits for t1.
        if world.random.u8(0..4) > 0 {
            world.command(0, Command::Active { force: true });
        }
        Ok(world)
    }

    /// A unit starts, with nothing.
    pub(super) fn start(&mut self, index: usize) {
        let (plan, of_unit) = (&self.plan, self.of_units[index]);
        let member = Member::new(index, plan, of_unit, &self.configuration, self.now, &mut self.random);
        self.members[index] = Some(member);
        self.has_tables[index] = false;
        self.hearing.start();
    }

    pub(crate) fn step(&mut self, is_busy: bool) -> Result<(), Failure> {
        self.now = self.now + STEP;
        self.steps += 1;
        let now = self.now;
        self.ways.network.step(now);
        self.switch.step(now);
        self.hearing.step(now, &self.ways, self.are_awake());
        // Workers may turn before their monitor does: what the lease says now is all that holds them.
        self.check_forwarding()?;
        self.members.iter_mut().flatten().for_each(|member| member.empty_ring(now));
        if is_busy {
            self.serve()?;
        }
        self.deliver();
        for index in 0..2 {
            self.turn(index)?;
        }
        self.check_forwarding()?;
        self.check_replication()?;
        self.watch_wholeness()
    }

    fn are_awake(&self) -> bool {
        self.members.iter().all(|member| member.as_ref().is_some_and(|member| member.is_awake(self.now)))
    }

    fn serve(&mut self) -> Result<(), Failure> {
        let now = self.now;
        let mut lan = self.switch.connect(&mut self.members);
        if self.steps.is_multiple_of(LEISURE) {
            self.clients.step(now, &mut lan);
        }
        let lost = self.clients.talk(now, &mut lan);
        if self.switch.doubled > 0 && self.hearing.is_mutual() {
            return self.fail("both units forwarded a frame".to_owned());
        }
        self.switch.doubled = 0;
        match lost {
            None => Ok(()),
            Some((connection, why)) => match self.promise.broken_by(&connection) {
                Some(cause) => self.fail(format!("{connection:?} was lost by {cause}: {why}")),
                None => {
                    self.summary.lost += 1;
                    Ok(())
                }
            },
        }
    }

    fn deliver(&mut self) {
        while let Some(datagram) = self.ways.network.receive(self.now) {
            if let Some(member) = &mut self.members[datagram.to] {
                member.deliver(datagram);
            }
        }
    }

    fn turn(&mut self, index: usize) -> Result<(), Failure> {
        let now = self.now;
        let is_other_running = self.members[1 - index].is_some();
        let Some(member) = self.members[index].as_mut().filter(|member| member.is_awake(now)) else {
            return Ok(());
        };
        let before = member.state();
        let had_all = before == State::Standby && member.unit.is_synchronized(now);
        let orders = match member.turn(now, &mut self.ways, is_other_running) {
            Ok(orders) => orders,
            Err(what) => return self.fail(format!("unit {index}: {what}")),
        };
        if before == State::Standby && member.state() == State::Preempt {
            self.summary.switches += 1;
            let has_all = self.members[index].as_ref().is_some_and(|member| member.unit.is_synchronized(now));
            self.has_tables[index] |= had_all || has_all;
            self.check_switch(index)?;
            if self.is_whole() {
                self.promise_a_planned_switch();
            }
        }
        for order in orders {
            match order {
                Order::Activate { cause, .. } => {
                    self.check_promotion(index, cause)?;
                    self.summary.takeovers += 1;
                    self.switch.announce(now, index);
                }
                Order::Announce { .. } => self.switch.announce(now, index),
                Order::StandBy { .. } => {}
            }
        }
        self.follow_tables(index);
        Ok(())
    }

    /// A standby has the connections when it is synchronized, and keeps them when nobody tells it anything any more.
    fn follow_tables(&mut self, index: usize) {
        let Some(member) = &self.members[index] else { return };
        if member.state() == State::Active {
            self.has_tables[index] = true;
        } else if member.state() != State::Preempt && member.unit.is_told(self.now) {
            // One that is about to take over had all when it asked, and is told the rest while the other stands by.
            self.has_tables[index] = member.unit.is_synchronized(self.now);
        }
    }

    /// An operator's command. Returns whether it is carried out.
    pub(super) fn command(&mut self, index: usize, command: Command) -> bool {
        let is_whole = self.is_whole();
        let Some(member) = &mut self.members[index] else { return false };
        let is_done = member.monitor.command(self.now, 0, command).is_ok();
        if let Command::Active { force: true } | Command::StandBy { force: true } = command {
            self.forced_at = Some(self.now);
            self.promise.void();
        } else if is_done && is_whole && command != Command::Reset {
            self.promise_a_planned_switch();
        }
        is_done
    }

    /// Nothing that the active unit has is lost by it, but where the standby has only what it watches: it may have missed
    /// something.
    fn promise_a_planned_switch(&mut self) {
        let is_watching = self.of_units[0].observes;
        if let Some((active, standby)) = self.roles().filter(|_| self.is_whole()) {
            let kept = self.known_to(if is_watching { standby } else { active });
            self.promise.extend(kept, "a planned switch");
        }
    }

    /// The established connections that this unit has.
    fn known_to(&self, member: &Member) -> BTreeSet<Open> {
        let table = member.unit.connections(self.now);
        self.clients.open().iter().filter(|open| table.contains(&open.ends())).copied().collect()
    }

    /// The active unit and the standby, if the pair is in order.
    pub(super) fn roles(&self) -> Option<(&Member, &Member)> {
        let [Some(first), Some(second)] = &self.members else { return None };
        let (active, standby) = match (first.state(), second.state()) {
            (State::Active, State::Standby) => (first, second),
            (State::Standby, State::Active) => (second, first),
            _ => return None,
        };
        let is_in_order = active.forwards(self.now)
            && standby.do_workers_turn(self.now)
            && active.unit.is_complete(UnitState::Active)
            && standby.unit.is_complete(UnitState::Standby)
            && active.unit.is_synchronized(self.now)
            && standby.unit.is_synchronized(self.now);
        is_in_order.then_some((active, standby))
    }

    /// Whether everything is in order, and has been for a while.
    pub(super) fn is_whole(&self) -> bool {
        self.whole_since.is_some_and(|since| self.now.since(since) >= WHOLE)
    }

    /// The connections that a single failure must not cost.
    pub(super) fn replicated(&self) -> Option<BTreeSet<Open>> {
        let (_, standby) = self.roles().filter(|_| self.is_whole())?;
        Some(self.known_to(standby))
    }

    fn watch_wholeness(&mut self) -> Result<(), Failure> {
        let are_well = self
            .members
            .iter()
            .all(|member| member.as_ref().is_some_and(|member| member.do_workers_turn(self.now)));
        self.disturbed_at =
            if are_well { self.disturbed_at.max(self.ways.disturbed_at(self.now)) } else { self.now };
        let is_in_order = self.roles().is_some() && !self.upsets.is_under_way();
        self.whole_since = is_in_order.then(|| self.whole_since.unwrap_or(self.now).max(self.disturbed_at));
        if !self.is_whole() {
            return Ok(());
        }
        let Some((kept, why)) = self.promise.end() else { return Ok(()) };
        let mut lan = self.switch.connect(&mut self.members);
        match self.clients.use_all(self.now, &mut lan, &kept) {
            Ok(count) => {
                self.summary.single_failures += 1;
                self.summary.kept += count;
                Ok(())
            }
            Err((connection, lost)) => self.fail(format!("{connection:?} was lost by {why}: {lost}")),
        }
    }

    /// Two units forward only while they can not hear each other.
    fn check_forwarding(&mut self) -> Result<(), Failure> {
        let forwards = |member: &Option<Member>| member.as_ref().is_some_and(|it| it.forwards(self.now));
        if !self.members.iter().all(forwards) {
            return Ok(());
        }
        if self.hearing.is_mutual() {
            return self.fail("both units forward, and can hear each other".to_owned());
        }
        self.summary.dual += STEP / 2;
        Ok(())
    }

    /// Who has no connections takes over only if the other is not there, or an operator insists, and nobody does without a
    /// reason.
    fn check_promotion(&self, index: usize, cause: Cause) -> Result<(), Failure> {
        let (now, reaction) = (self.now, self.plan.reaction());
        let of_itself = matches!(
            cause,
            Cause::Silence | Cause::PowerOff | Cause::Restarted | Cause::NobodyActive | Cause::Resumed
        );
        if of_itself && now.since(self.disturbed_at) > reaction {
            return self.fail(format!("unit {index} takes over ({cause:?}), and nothing had happened"));
        }
        let is_forced = cause == Cause::Fault || self.forced_at.is_some_and(|at| now.since(at) < reaction);
        // One that can not forward is worth nothing, whatever it has.
        let is_other_faulty = self.members[1 - index].as_ref().is_some_and(|other| other.is_faulty(now));
        let has_heard = |member: &Option<Member>| {
            member.as_ref().is_some_and(|member| now.since(member.stalled_until) >= WHOLE)
        };
        let can_hear = self.hearing.is_mutual() && self.members.iter().all(has_heard);
        if self.has_tables[1 - index] && !self.has_tables[index] && can_hear && !is_forced && !is_other_faulty
        {
            return self
                .fail(format!("unit {index} takes over ({cause:?}) with nothing from one that has all"));
        }
        Ok(())
    }

    /// Who takes over from one that lives has its connections, unless an operator insists or its workers stand still.
    fn check_switch(&self, index: usize) -> Result<(), Failure> {
        let (now, [Some(first), Some(second)]) = (self.now, &self.members) else { return Ok(()) };
        let (member, other) = if index == 0 { (first, second) } else { (second, first) };
        let is_forced = self.forced_at.is_some_and(|at| now.since(at) < self.plan.reaction());
        let has_all = member.unit.is_complete(UnitState::Standby) && member.unit.is_synchronized(now);
        if has_all || is_forced || other.is_faulty(now) {
            return Ok(());
        }
        self.fail(format!("unit {index} is about to take over, and not synchronized"))
    }

    fn check_replication(&self) -> Result<(), Failure> {
        for member in self.members.iter().flatten() {
            if let Some(ends) =
                member.unit.ledger.resurrected.filter(|_| member.unit.state == UnitState::Standby)
            {
                return self.fail(format!("a connection came back after it was deleted: {ends:?}"));
            }
            if !member.unit.counters_equal_tables() {
                return self.fail("the counters of a unit are not what its tables have".to_owned());
            }
        }
        let [Some(first), Some(second)] = &self.members else { return Ok(()) };
        let (active, standby) = match (first.unit.state, second.unit.state) {
            (UnitState::Active, UnitState::Standby) => (&first.unit.ledger, &second.unit.ledger),
            (UnitState::Standby, UnitState::Active) => (&second.unit.ledger, &first.unit.ledger),
            _ => return Ok(()),
        };
        let (told, applied) = (active.updates_told, standby.updates_applied);
        if applied > told && active.since <= standby.since {
            return self.fail(format!("{applied} updates were applied, of {told}"));
        }
        Ok(())
    }

    pub(super) fn fail<T>(&self, what: String) -> Result<T, Failure> {
        Err(Failure { at: self.now, what: format!("{what}\n{}", self.journals()) })
    }
}
