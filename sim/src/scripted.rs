//! A pair whose units are told which of them is active: what replication has to bear, more often than units would make it.
//!
//! Faults first, safety at every step; then all is healed, and both units must come to agree.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use director::{Configuration, PortIndex, Verdict};
use fastrand::Rng;
use model::{Instant, UnitState};

use crate::clients::{Carried, Clients, Lan};
use crate::network::{Faults, Network};
use crate::run::{COMPARISON, Failure, STEP, Summary};
use crate::servers;
use crate::unit::{Plan, Unit};

/// How long there are faults, and how long healing may take at most.
const FAULTY: Duration = Duration::from_secs(4);
const HEALING: Duration = Duration::from_secs(12);

struct World {
    now: Instant,
    random: Rng,
    configuration: Arc<Configuration>,
    network: Network,
    clients: Clients,
    units: [Unit; 2],
    plans: [Plan; 2],
    /// The unit that clients and servers send their packets to.
    active: usize,
    /// Until then the other one believes that it is active, too.
    split_until: Option<Instant>,
    summary: Summary,
}

/// Runs `seed`.
///
/// # Errors
///
/// What went wrong, if something did.
pub(crate) fn run(seed: u64) -> Result<Summary, Failure> {
    let mut world = World::new(seed)?;
    let end = world.now + FAULTY;
    while world.now < end {
        world.upset();
        world.step(true)?;
    }
    world.heal()
}

/// Clients and servers send to the unit that is active.
impl Lan for Unit {
    fn carry(&mut self, now: Instant, client: IpAddr, port: PortIndex, mut frame: Vec<u8>) -> Carried {
        match self.process(now, client, port, &mut frame) {
            Verdict::Forward { .. } => Carried::Forwarded(frame),
            verdict => Carried::Refused(verdict),
        }
    }
}

impl World {
    fn new(seed: u64) -> Result<Self, Failure> {
        let now = Instant::from_millis(1_000);
        let mut random = Rng::with_seed(seed);
        let configuration = servers::configuration()
            .map_err(|mistakes| Failure { at: now, what: format!("the configuration: {mistakes:?}") })?;
        let faults = Faults::random(&mut random);
        let plans = [Plan::random(&mut random, false), Plan::random(&mut random, false)];
        let state = |index| if index == 0 { UnitState::Active } else { UnitState::Standby };
        let units = [0, 1]
            .map(|index| Unit::new(index, plans[index], state(index), &configuration, now, &mut random));
        Ok(Self {
            now,
            network: Network::new(random.fork(), faults),
            clients: Clients::new(random.fork()),
            random,
            configuration,
            units,
            plans,
            active: 0,
            split_until: None,
            summary: Summary::default(),
        })
    }

    /// Now and then a unit starts again, or the two change places.
    fn upset(&mut self) {
        let active = self.active;
        if self.split_until.is_some_and(|until| until <= self.now) {
            self.end_split();
        }
        match self.random.u32(0..10_000) {
            0..3 => self.restart(1 - active),
            3..6 => {
                // The active unit dies; it comes back as the standby.
                self.units[1 - active].set_state(self.now, UnitState::Active);
                (self.active, self.split_until) = (1 - active, None);
                self.restart(active);
                self.summary.takeovers += 1;
            }
            6..8 => {
                self.units[active].set_state(self.now, UnitState::Standby);
                self.units[1 - active].set_state(self.now, UnitState::Active);
                (self.active, self.split_until) = (1 - active, None);
                self.summary.takeovers += 1;
            }
            8..10 => {
                // The standby is active for a moment: the other may never hear of that.
                self.units[1 - active].set_state(self.now, UnitState::Active);
                self.split_until = Some(self.now + Duration::from_millis(self.random.u64(1..100)));
            }
            _ => {}
        }
    }

    fn end_split(&mut self) {
        self.split_until = None;
        self.units[1 - self.active].set_state(self.now, UnitState::Standby);
    }

    /// The unit starts again as a standby, without anything that it knew.
    fn restart(&mut self, index: usize) {
        self.split_until = None;
        self.network.forget(index);
        let plan = self.plans[index];
        self.units[index] =
            Unit::new(index, plan, UnitState::Standby, &self.configuration, self.now, &mut self.random);
        self.summary.crashes += 1;
    }

    fn step(&mut self, is_busy: bool) -> Result<(), Failure> {
        self.now = self.now + STEP;
        self.network.step(self.now);
        let active = self.active;
        if is_busy {
            self.clients.step(self.now, &mut self.units[active]);
        }
        while let Some(datagram) = self.network.receive(self.now) {
            self.units[datagram.to].receive(self.now, datagram);
        }
        for unit in &mut self.units {
            unit.step(self.now, &mut self.network);
        }
        self.check(active)
    }

    /// What holds at every step, whatever the faults.
    fn check(&self, active: usize) -> Result<(), Failure> {
        let standby = &self.units[1 - active];
        if let Some(ends) = standby.ledger.resurrected {
            return self.fail(format!("a connection came back after it was deleted: {ends:?}"));
        }
        let (told, applied) = (self.units[active].ledger.updates_told, standby.ledger.updates_applied);
        if applied > told {
            return self.fail(format!("{applied} updates were applied, of {told}"));
        }
        if !self.units.iter().all(Unit::counters_equal_tables) {
            return self.fail("the counters of a unit are not what its tables have".to_owned());
        }
        Ok(())
    }

    /// Without faults and with nothing new, both units must come to have the same.
    fn heal(mut self) -> Result<Summary, Failure> {
        self.network.heal();
        self.end_split();
        let healed = self.now;
        loop {
            self.step(false)?;
            let all_synchronized = self.units.iter().all(|unit| unit.is_synchronized(self.now));
            if all_synchronized && self.now.as_nanos().is_multiple_of(COMPARISON) && self.tables_are_equal() {
                self.summary.healing = self.now.since(healed);
                self.summary.connections = self.clients.opened();
                return Ok(self.summary);
            }
            if self.now.since(healed) > HEALING {
                return self.fail(self.difference());
            }
        }
    }

    fn tables_are_equal(&self) -> bool {
        self.units[0].connections(self.now) == self.units[1].connections(self.now)
    }

    fn difference(&self) -> String {
        let [a, b] = [&self.units[0], &self.units[1]];
        let (of_a, of_b) = (a.connections(self.now), b.connections(self.now));
        format!(
            "no agreement {HEALING:?} after the last fault: unit 0 is {:?}, has {}, synchronized {}; unit 1 is {:?}, has \
             {}, synchronized {}; only on 0: {:?}; only on 1: {:?}\nunit 0: {}\nunit 1: {}",
            a.state,
            of_a.len(),
            a.is_synchronized(self.now),
            b.state,
            of_b.len(),
            b.is_synchronized(self.now),
            of_a.difference(&of_b).take(5).collect::<Vec<_>>(),
            of_b.difference(&of_a).take(5).collect::<Vec<_>>(),
            a.status(self.now),
            b.status(self.now),
        )
    }

    fn fail<T>(&self, what: String) -> Result<T, Failure> {
        Err(Failure { at: self.now, what })
    }
}
