//! The replication core: joins the workers' shards with the peer, through the protocol in crate `replication`.
//!
//! It runs on a thread of its own and waits for nobody: what has no room is kept back or lost, and found again by the
//! comparison of digests.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use director::Steering;
use model::{Instant, ServerName, ShardOrder, UnitState};
use replication::{Replicator, Status};

use super::links::{CoreLink, ToShard};
use super::paths::{Path, RECEIVED_BYTES};
use super::switch::StateSwitch;
use crate::idle::Idler;
use crate::platform;

/// Reports that are taken from one worker before the next has its turn.
const REPORTS_AT_ONCE: usize = 512;

/// Datagrams that are received from one path before the next has its turn.
const DATAGRAMS_AT_ONCE: usize = 64;

/// How long the peer may take to hear of the last connections of a unit that is to stand by.
const DRAIN_PATIENCE: Duration = Duration::from_millis(500);

/// How often others get a new view, and the connections of virtual servers are counted.
const VIEW_PERIOD: Duration = Duration::from_millis(20);
const COUNT_PERIOD: Duration = Duration::from_millis(500);

/// Counts the connections of each virtual server, of which a unit in that state has to account.
pub(crate) type CountConnections = Box<dyn Fn(UnitState) -> Vec<(ServerName, u64)> + Send>;

/// The pair as the replication core sees it, for others to read.
#[derive(Debug, Default)]
pub struct PairView {
    /// How it goes with the peer; `None` before the core runs.
    pub status: Option<Status>,
    /// The connections of each virtual server on this unit.
    pub here: Vec<(ServerName, u64)>,
    /// And on the other, as it last said.
    pub peer: Vec<(ServerName, u64)>,
}

/// The replication core's thread: one core for each failover group, in turn.
pub(crate) struct ReplicationCores {
    pub(crate) cores: Vec<ReplicationCore>,
    pub(crate) idler: Idler,
    pub(crate) stop: Arc<AtomicBool>,
}

impl ReplicationCores {
    /// Runs until the stop flag is set.
    pub(crate) fn run(mut self) {
        let mut buffer = vec![0; RECEIVED_BYTES];
        // Relaxed: the flag carries no data, and is looked at again at once.
        while !self.stop.load(Ordering::Relaxed) {
            let mut any = false;
            for core in &mut self.cores {
                any |= core.round(&mut buffer);
            }
            if any {
                self.idler.busy();
            } else {
                self.idler.nothing_to_do();
            }
        }
    }
}

/// What keeps one failover group in step.
pub(crate) struct ReplicationCore {
    /// The group's name, for the log.
    pub(crate) name: String,
    pub(crate) replicator: Replicator,
    /// By worker.
    pub(crate) links: Vec<CoreLink>,
    pub(crate) paths: Vec<Path>,
    pub(crate) steering: Steering,
    pub(crate) switch: Arc<StateSwitch>,
    pub(crate) count: CountConnections,
    /// What was counted last.
    pub(crate) counted: Vec<(ServerName, u64)>,
    /// Where others read how it goes.
    pub(crate) view: Arc<Mutex<PairView>>,
    pub(crate) kept_back: Option<ShardOrder>,
    /// When the workers were told to stand by, while the peer has not heard of all that they did before.
    pub(crate) standing_by_since: Option<Instant>,
    /// What is sent next; kept for its memory.
    pub(crate) datagram: Vec<u8>,
    pub(crate) view_at: Instant,
    pub(crate) count_at: Instant,
}

impl ReplicationCore {
    /// Does what there is to do; returns whether there was anything.
    fn round(&mut self, buffer: &mut [u8]) -> bool {
        let now = platform::now();
        let told = self.take_reports(now);
        if !self.follow_switch(now) {
            return true;
        }
        let received = self.receive(now, buffer);
        let ordered = self.give_orders();
        let sent = self.transmit(now);
        self.switch.set_listened(self.replicator.wants_updates());
        self.switch.set_synchronized(self.replicator.is_synchronized(now));
        self.publish(now);
        told || received || ordered || sent
    }

    /// Changes the unit's state if that is wanted. Returns false while nothing else may be done: orders for the new state must
    /// not reach the workers before it does.
    fn follow_switch(&mut self, now: Instant) -> bool {
        if let Some(since) = self.standing_by_since {
            // Nobody else took over in the meantime, and this unit is to go on: at once.
            let goes_on = self.switch.wanted().is_none() && self.send_state(UnitState::Active);
            if goes_on {
                self.standing_by_since = None;
            } else {
                self.end_standing_by(now, since);
            }
            return true;
        }
        match self.switch.wanted() {
            Some(UnitState::Active) => self.become_active(now),
            Some(UnitState::Standby) => {
                if self.send_state(UnitState::Standby) {
                    self.standing_by_since = Some(now);
                }
                true
            }
            None => {
                // It may have been about to change, and have been told to stay.
                self.replicator.set_state(now, self.switch.current());
                true
            }
        }
    }

    /// First all that the peer told goes to the workers. Returns false until it has.
    fn become_active(&mut self, now: Instant) -> bool {
        self.replicator.set_state(now, UnitState::Active);
        self.give_orders();
        if self.kept_back.is_some() || !self.send_state(UnitState::Active) {
            return false;
        }
        // What was synchronized is the other way round from here on.
        self.switch.set_synchronized(false);
        self.switch.gone_to(UnitState::Active);
        log::info!("the unit is active now for the group {}", self.name);
        true
    }

    /// The workers have been told to stand by. The peer hears of all that they did before, unless that takes too long.
    fn end_standing_by(&mut self, now: Instant, since: Instant) {
        let is_drained = self.switch.have_followed(UnitState::Standby)
            && self.links.iter().all(CoreLink::is_drained)
            && self.replicator.status(now).lag_updates == 0;
        if is_drained || now.since(since) >= DRAIN_PATIENCE {
            self.standing_by_since = None;
            self.replicator.set_state(now, UnitState::Standby);
            self.switch.set_synchronized(false);
            self.switch.gone_to(UnitState::Standby);
            log::info!("the unit is standby now for the group {}", self.name);
        }
    }

    /// Returns false if a worker has no room for it: then none is sent it.
    fn send_state(&mut self, state: UnitState) -> bool {
        let has_room = self.links.iter().all(CoreLink::has_room);
        if has_room {
            self.links.iter_mut().for_each(|link| link.send(ToShard::State(state)));
        }
        has_room
    }

    fn take_reports(&mut self, now: Instant) -> bool {
        let mut any = false;
        for (worker, link) in self.links.iter_mut().enumerate() {
            for _ in 0..REPORTS_AT_ONCE {
                let Some(report) = link.receive() else { break };
                self.replicator.report(now, worker, report);
                any = true;
            }
        }
        any
    }

    fn receive(&mut self, now: Instant, buffer: &mut [u8]) -> bool {
        let mut any = false;
        for (index, path) in self.paths.iter_mut().enumerate() {
            let mut received = 0;
            while received < DATAGRAMS_AT_ONCE
                && let Some(datagrams) = path.receive(buffer)
            {
                for datagram in datagrams {
                    self.replicator.receive(now, index, datagram);
                    received += 1;
                }
                any = true;
            }
        }
        any
    }

    /// Gives the workers their orders, until one has no room: the replicator keeps the rest, and so slows the peer down.
    fn give_orders(&mut self) -> bool {
        let mut any = false;
        while let Some(order) = self.kept_back.take().or_else(|| self.replicator.poll_order()) {
            let owner = self.owner(&order);
            let concerned = match owner {
                Some(owner) => &mut self.links[owner..=owner],
                None => &mut self.links[..],
            };
            if !concerned.iter().all(CoreLink::has_room) {
                self.kept_back = Some(order);
                break;
            }
            match concerned {
                [link] => link.send(ToShard::Order(order)),
                links => links.iter_mut().for_each(|link| link.send(ToShard::Order(order.clone()))),
            }
            any = true;
        }
        any
    }

    /// The worker that an order is for; `None` if it is for all.
    fn owner(&self, order: &ShardOrder) -> Option<usize> {
        match order {
            ShardOrder::Apply(update) => self.steering.owner_of_update(update).map(usize::from),
            _ => None,
        }
    }

    fn transmit(&mut self, now: Instant) -> bool {
        let mut any = false;
        while let Some(transmit) = self.replicator.poll_transmit(now, &mut self.datagram) {
            self.paths[transmit.path].send(&self.datagram);
            any = true;
        }
        self.paths.iter_mut().for_each(Path::flush);
        any
    }

    fn publish(&mut self, now: Instant) {
        if now >= self.count_at {
            self.count_at = now + COUNT_PERIOD;
            self.counted = (self.count)(self.switch.current());
            self.replicator.set_counts(&self.counted);
        }
        if now >= self.view_at {
            self.view_at = now + VIEW_PERIOD;
            // Whoever reads holds the lock for a moment only; the next view is as good.
            if let Ok(mut view) = self.view.try_lock() {
                view.status = Some(self.replicator.status(now));
                view.here.clone_from(&self.counted);
                view.peer.clear();
                view.peer.extend_from_slice(self.replicator.peer_counts());
            }
        }
    }
}
