//! A unit that decides by itself: a monitor beside the shards and the replicator, driven as the real unit drives it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use director::{Configuration, PortIndex, Verdict};
use failover::{Link, Monitor, Order, State, What};
use failover_serial::{CableKey, Channel, ChannelSettings, Received};
use fastrand::Rng;
use model::{Instant, UnitState};

use super::plan::Plan;
use super::ways::Ways;
use crate::network::{Content, Datagram};
use crate::unit::{self, Unit};

/// How long workers may stand still until the watchdog finds it.
const WATCHDOG: Duration = Duration::from_millis(80);

/// Frames that a stopped unit's ports keep for it.
const RING: usize = 256;

/// A frame that waits for its worker.
struct Waiting {
    client: IpAddr,
    port: PortIndex,
    frame: Vec<u8>,
}

/// A running unit.
pub(crate) struct Member {
    index: usize,
    pub(crate) unit: Unit,
    pub(crate) monitor: Monitor,
    channel: Option<Channel>,
    /// Nothing of it moves until then.
    pub(crate) stalled_until: Instant,
    /// Its workers do not.
    pub(crate) workers_stalled_until: Instant,
    worked_at: Instant,
    /// Which targets it can reach.
    pub(crate) reach: Vec<bool>,
    inbox: Vec<Datagram>,
    ring: Vec<Waiting>,
    /// The workers have been told to stop, and the monitor waits to hear that they have.
    is_leaving: bool,
    /// Entries of the journal that were looked at.
    entries: u64,
    /// The state that they led to.
    known: State,
    /// Kept for its memory.
    beat: Vec<u8>,
}

impl Member {
    pub(crate) fn new(
        index: usize,
        plan: &Plan,
        of_unit: unit::Plan,
        configuration: &Arc<Configuration>,
        now: Instant,
        random: &mut Rng,
    ) -> Self {
        let boot = random.u32(1..);
        let settings = |baud| ChannelSettings { baud, ..ChannelSettings::new(CableKey::new([3; 32])) };
        let mut unit = Unit::new(index, of_unit, UnitState::Standby, configuration, now, random);
        unit.set_lease(Instant::START);
        Self {
            index,
            unit,
            monitor: Monitor::new(plan.settings(index), boot, now),
            channel: plan.baud.map(|baud| Channel::new(settings(baud), boot, now)),
            stalled_until: now,
            workers_stalled_until: now,
            worked_at: now,
            reach: vec![true; plan.targets],
            inbox: Vec::new(),
            ring: Vec::new(),
            is_leaving: false,
            entries: 0,
            known: State::Idle,
            beat: Vec::new(),
        }
    }

    pub(crate) fn is_awake(&self, now: Instant) -> bool {
        self.stalled_until <= now
    }

    pub(crate) fn do_workers_turn(&self, now: Instant) -> bool {
        self.is_awake(now) && self.workers_stalled_until <= now
    }

    pub(crate) fn state(&self) -> State {
        self.monitor.state(0)
    }

    /// Whether its workers would forward a frame now.
    pub(crate) fn forwards(&self, now: Instant) -> bool {
        self.do_workers_turn(now) && self.unit.forwards(now)
    }

    /// A datagram arrives at its port.
    pub(crate) fn deliver(&mut self, datagram: Datagram) {
        self.inbox.push(datagram);
    }

    /// A frame arrives at a port. Returns its verdict; none if no worker looks at it now.
    pub(crate) fn process(
        &mut self,
        now: Instant,
        client: IpAddr,
        port: PortIndex,
        frame: &mut [u8],
    ) -> Option<Verdict> {
        if self.do_workers_turn(now) {
            return Some(self.unit.process(now, client, port, frame));
        }
        if self.ring.len() < RING {
            self.ring.push(Waiting { client, port, frame: frame.to_vec() });
        }
        None
    }

    /// Its workers take what waited for them. They may turn before the monitor does.
    pub(crate) fn empty_ring(&mut self, now: Instant) {
        if self.do_workers_turn(now) {
            for mut waiting in std::mem::take(&mut self.ring) {
                self.unit.process(now, waiting.client, waiting.port, &mut waiting.frame);
            }
        }
    }

    /// All that the unit does in a step. Returns what the monitor ordered.
    ///
    /// # Errors
    ///
    /// A change of state that the journal does not explain.
    pub(crate) fn turn(
        &mut self,
        now: Instant,
        ways: &mut Ways,
        is_other_running: bool,
    ) -> Result<Vec<Order>, String> {
        if self.do_workers_turn(now) {
            self.worked_at = now;
            self.unit.work(now);
        }
        self.receive(now, ways, is_other_running);
        self.unit.communicate(now, &mut ways.network);
        self.observe(now);
        self.monitor.turn(now);
        let orders = self.take_orders();
        self.unit.set_lease(self.monitor.lease(0));
        self.transmit(now, ways);
        while let Some(target) = self.monitor.poll_probe(now) {
            if self.reach[target] {
                self.monitor.probe_answered(now, target);
            }
        }
        self.explain(&orders)?;
        Ok(orders)
    }

    fn receive(&mut self, now: Instant, ways: &mut Ways, is_other_running: bool) {
        for datagram in std::mem::take(&mut self.inbox) {
            match datagram.content {
                Content::Beat => self.monitor.receive(now, Link::Network(datagram.path), &datagram.bytes),
                Content::Replication => self.unit.receive(now, datagram),
            }
        }
        let (Some(channel), Some(cable)) = (&mut self.channel, &mut ways.cable) else { return };
        channel.receive(now, &cable.receive(now, self.index));
        while let Some(received) = channel.poll_received() {
            if let Received::Beat(beat) = received {
                self.monitor.receive(now, Link::Cable, &beat);
            }
        }
        self.monitor.set_cable_status(now, cable.status(self.index, is_other_running));
    }

    /// Whether its workers have stood still for so long that it is noticed.
    pub(crate) fn is_faulty(&self, now: Instant) -> bool {
        now.since(self.worked_at) >= WATCHDOG
    }

    fn observe(&mut self, now: Instant) {
        self.monitor.set_synchronized(now, 0, self.unit.is_synchronized(now));
        if self.is_leaving && self.unit.is_complete(UnitState::Standby) {
            self.is_leaving = false;
            self.monitor.stood_by(now, 0);
        }
        let is_faulty = self.is_faulty(now);
        self.monitor.set_faulty(now, is_faulty.then_some("a worker does not turn"));
    }

    fn take_orders(&mut self) -> Vec<Order> {
        let mut orders = Vec::new();
        while let Some(order) = self.monitor.poll_order() {
            match order {
                Order::Activate { .. } => {
                    self.is_leaving = false;
                    self.unit.want(UnitState::Active);
                }
                Order::StandBy { .. } => {
                    self.is_leaving = true;
                    self.unit.want(UnitState::Standby);
                }
                Order::Announce { .. } => {}
            }
            orders.push(order);
        }
        orders
    }

    fn transmit(&mut self, now: Instant, ways: &mut Ways) {
        let (index, to) = (self.index, 1 - self.index);
        while let Some(link) = self.monitor.poll_transmit(now, &mut self.beat) {
            match (link, &mut self.channel) {
                (Link::Network(path), _) => {
                    let bytes = self.beat.clone();
                    ways.network.send(now, Datagram { to, path, content: Content::Beat, bytes });
                }
                (Link::Cable, Some(channel)) => channel.send_beat(now, &self.beat),
                (Link::Cable, None) => {}
            }
        }
        let (Some(channel), Some(cable)) = (&mut self.channel, &mut ways.cable) else { return };
        let mut wire = Vec::new();
        while channel.poll_transmit(now, &mut wire) {
            cable.send(now, index, &wire);
        }
    }

    /// Something to mirror, which shares the cable with beats.
    pub(crate) fn send_message(&mut self, bytes: usize) {
        if let Some(channel) = self.channel.as_mut().filter(|channel| channel.has_room()) {
            channel.send_message(vec![0; bytes]);
        }
    }

    /// Each change of state is one of the journal's, and each order follows from one.
    fn explain(&mut self, orders: &[Order]) -> Result<(), String> {
        if self.known == self.state() && orders.is_empty() {
            return Ok(());
        }
        let (mut state, mut activations, seen) = (self.known, 0, self.entries);
        for entry in self.monitor.journal().filter(|entry| entry.number > seen) {
            self.entries = entry.number;
            if let What::Transition { from, to, .. } = entry.what {
                if from != state {
                    return Err(format!("the journal says {from:?} to {to:?} after {state:?}"));
                }
                activations += usize::from(to == State::Active && from != State::Active);
                state = to;
            }
        }
        self.known = self.state();
        let activated = orders.iter().filter(|order| matches!(order, Order::Activate { .. })).count();
        if state != self.state() || activated > activations {
            return Err(format!("{:?} by {orders:?}, with no reason in the journal", self.state()));
        }
        Ok(())
    }
}
