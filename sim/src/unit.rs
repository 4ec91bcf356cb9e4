//! A unit as the simulation has it: shards, a replicator, and the queues between them, without threads.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arrayvec::ArrayVec;
use director::{
    Configuration, ConnectionFilter, ConnectionSummary, Cursor, Frame, NextHopTable, PortIndex,
    ReplicationSettings, Shard, ShardConfiguration, Steering, Verdict,
};
use fastrand::Rng;
use model::limits::BATCH;
use model::{ConnectionEnds, Endpoint, Instant, ShardOrder, ShardReport, UnitState, Update};
use replication::{Link, PairKey, Replicator, Settings};

use crate::network::{Content, Datagram, Network};
use crate::servers::{self, PATHS};

/// How long the other unit may take to hear of the last connections of one that is to stand by.
const DRAIN_PATIENCE: Duration = Duration::from_millis(500);

/// What both units know.
const KEY: [u8; 32] = [7; 32];

/// How a unit is built.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) shards: usize,
    /// Room of the queues between shards and replicator.
    pub(crate) queue: usize,
    /// Batches that the replicator keeps for repetition.
    pub(crate) history: usize,
    /// Whether it watches while it stands by.
    pub(crate) observes: bool,
}

/// A running unit.
pub(crate) struct Unit {
    pub(crate) state: UnitState,
    index: usize,
    plan: Plan,
    steering: Steering,
    shards: Vec<Queued>,
    replicator: Replicator,
    next_hops: NextHopTable,
    kept_back: Option<ShardOrder>,
    /// The state that it is to go to, as far as it decides by itself.
    wanted: Option<UnitState>,
    /// When its workers were told to stand by, while the other unit has not heard of all that they did before.
    standing_by_since: Option<Instant>,
    lease: Instant,
    pub(crate) ledger: Ledger,
}

/// A shard and the queues to and from it.
struct Queued {
    shard: Shard,
    reports: VecDeque<ShardReport>,
    orders: VecDeque<ToShard>,
}

/// What a shard's worker is sent.
enum ToShard {
    Order(ShardOrder),
    /// From here on the unit is in this state.
    State(UnitState),
}

/// What was told and taken over since the last change of state.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// When that was.
    pub(crate) since: Instant,
    pub(crate) updates_told: u64,
    pub(crate) updates_applied: u64,
    deleted: HashSet<ConnectionEnds>,
    pub(crate) resurrected: Option<ConnectionEnds>,
}

impl Plan {
    pub(crate) fn random(random: &mut Rng, observes: bool) -> Self {
        Self {
            shards: random.usize(1..=3),
            // Sometimes so small that a burst does not fit.
            queue: if random.u8(0..4) == 0 { 64 } else { 4_096 },
            history: if random.u8(0..4) == 0 { 64 } else { 4_096 },
            observes,
        }
    }
}

impl Unit {
    pub(crate) fn new(
        index: usize,
        plan: Plan,
        state: UnitState,
        configuration: &Arc<Configuration>,
        now: Instant,
        random: &mut Rng,
    ) -> Self {
        let steering = Steering::new(plan.shards);
        let key = PairKey::new(KEY);
        let shard = |number| {
            Shard::new(ShardConfiguration {
                director: Arc::clone(configuration),
                shared: Arc::default(),
                ports: servers::ports(),
                index: number,
                steering,
                capacity: 32_768,
                hash_seed: index as u64,
                replication: Some(ReplicationSettings {
                    digest_seed: key.digest_seed(),
                    standby_timeout: Duration::ZERO,
                    observes: plan.observes,
                }),
                state,
            })
        };
        let shards = (0..plan.shards).map(|number| Queued {
            shard: shard(number),
            reports: VecDeque::new(),
            orders: VecDeque::new(),
        });
        let settings = Settings {
            paths: PATHS,
            datagram_bytes: 1_472,
            history_batches: plan.history,
            digest_interval: Duration::from_millis(100),
            observes: plan.observes,
            ..Settings::new(key.clone(), plan.shards)
        };
        let mut sessions = random.fork();
        Self {
            state,
            index,
            plan,
            steering,
            shards: shards.collect(),
            replicator: Replicator::new(settings, state, move || sessions.u64(..), now),
            next_hops: servers::next_hops(),
            kept_back: None,
            wanted: None,
            standing_by_since: None,
            lease: Instant::END,
            ledger: Ledger { since: now, ..Ledger::default() },
        }
    }

    /// Has the unit forward, or stand by, at once.
    pub(crate) fn set_state(&mut self, now: Instant, state: UnitState) {
        if self.state == state {
            return;
        }
        self.replicator.set_state(now, state);
        while self.give_orders() || self.is_behind() {
            self.obey(now);
            self.take_reports(now);
        }
        self.shards.iter_mut().for_each(|queued| queued.shard.set_state(now, state));
        self.go_to(now, state);
    }

    fn go_to(&mut self, now: Instant, state: UnitState) {
        self.state = state;
        self.ledger = Ledger { since: now, ..Ledger::default() };
    }

    /// Asks for `state`: the unit goes there step by step, as its workers can follow.
    pub(crate) const fn want(&mut self, state: UnitState) {
        self.wanted = Some(state);
    }

    /// Changes the state if that is wanted. Returns false while nothing else may be done: orders for the new state must not
    /// reach the workers before it does.
    fn follow(&mut self, now: Instant) -> bool {
        if let Some(since) = self.standing_by_since {
            let is_told = self.have_followed(UnitState::Standby)
                && self.shards.iter().all(|queued| queued.reports.is_empty())
                && self.replicator.status(now).lag_updates == 0;
            if is_told || now.since(since) >= DRAIN_PATIENCE {
                self.standing_by_since = None;
                self.replicator.set_state(now, UnitState::Standby);
                self.go_to(now, UnitState::Standby);
            }
            return true;
        }
        match self.wanted.filter(|wanted| *wanted != self.state) {
            None => true,
            Some(UnitState::Standby) => {
                if self.send_state(UnitState::Standby) {
                    self.standing_by_since = Some(now);
                }
                true
            }
            Some(UnitState::Active) => {
                self.replicator.set_state(now, UnitState::Active);
                self.give_orders();
                let is_done = self.kept_back.is_none() && self.send_state(UnitState::Active);
                if is_done {
                    self.go_to(now, UnitState::Active);
                }
                is_done
            }
        }
    }

    /// The state reaches the shards behind all orders that were given before. Returns false if one has no room for it.
    fn send_state(&mut self, state: UnitState) -> bool {
        let has_room = self.shards.iter().all(|queued| queued.orders.len() < self.plan.queue);
        if has_room {
            self.shards.iter_mut().for_each(|queued| queued.orders.push_back(ToShard::State(state)));
        }
        has_room
    }

    /// Whether all shards are in `state`.
    fn have_followed(&self, state: UnitState) -> bool {
        self.shards.iter().all(|queued| queued.shard.state() == state)
    }

    /// Whether the unit and all of its shards are in `state`.
    pub(crate) fn is_complete(&self, state: UnitState) -> bool {
        self.state == state && self.have_followed(state)
    }

    /// Its workers may forward until then.
    pub(crate) fn set_lease(&mut self, lease: Instant) {
        self.lease = lease;
        self.shards.iter_mut().for_each(|queued| queued.shard.set_lease(lease));
    }

    /// Whether a worker that turned now would forward.
    pub(crate) fn forwards(&self, now: Instant) -> bool {
        now < self.lease && self.shards.iter().any(|queued| queued.shard.state() == UnitState::Active)
    }

    /// Whether there are orders that were not carried out.
    fn is_behind(&self) -> bool {
        let is_behind = |queued: &Queued| !queued.orders.is_empty() || queued.shard.is_busy();
        self.kept_back.is_some() || self.shards.iter().any(is_behind)
    }

    /// Processes a frame on the shard that owns the client; returns its verdict.
    pub(crate) fn process(
        &mut self,
        now: Instant,
        client: IpAddr,
        port: PortIndex,
        bytes: &mut [u8],
    ) -> Verdict {
        let owner = usize::from(self.steering.owner(client));
        let mut frames = [Frame { length: bytes.len(), bytes, port }];
        let mut verdicts = ArrayVec::<_, BATCH>::new();
        self.shards[owner].shard.process(now, &self.next_hops, &mut frames, &mut verdicts);
        verdicts[0]
    }

    pub(crate) fn receive(&mut self, now: Instant, mut datagram: Datagram) {
        self.replicator.receive(now, datagram.path, &mut datagram.bytes);
    }

    /// All that the unit does by itself in a step.
    pub(crate) fn step(&mut self, now: Instant, network: &mut Network) {
        self.work(now);
        self.communicate(now, network);
    }

    /// What the workers do.
    pub(crate) fn work(&mut self, now: Instant) {
        for queued in &mut self.shards {
            queued.shard.set_listened(self.replicator.wants_updates());
            queued.shard.expire(now, 512);
        }
        self.obey(now);
    }

    /// What the replication core does.
    pub(crate) fn communicate(&mut self, now: Instant, network: &mut Network) {
        self.take_reports(now);
        if !self.follow(now) {
            return;
        }
        self.give_orders();
        let mut bytes = Vec::new();
        while let Some(transmit) = self.replicator.poll_transmit(now, &mut bytes) {
            let (to, path) = (1 - self.index, transmit.path);
            let content = Content::Replication;
            network.send(now, Datagram { to, path, content, bytes: bytes.clone() });
        }
    }

    fn obey(&mut self, now: Instant) {
        let Self { shards, plan, ledger, state, wanted, .. } = self;
        // A takeover does not wait for the end of a sweep.
        let is_in_a_hurry = *wanted == Some(UnitState::Active) && *state == UnitState::Standby;
        for queued in shards {
            if is_in_a_hurry && queued.shard.is_busy() {
                queued.shard.abandon_sweep();
            }
            while !queued.shard.is_busy() {
                match queued.orders.pop_front() {
                    Some(ToShard::Order(order)) => {
                        ledger.note_order(&order);
                        queued.shard.order(now, order);
                    }
                    Some(ToShard::State(state)) => {
                        // What it told before is told; with its state it forgets the rest.
                        queued.tell(plan.queue);
                        queued.shard.set_state(now, state);
                    }
                    None => break,
                }
            }
            queued.shard.work(now);
            queued.tell(plan.queue);
        }
    }

    fn take_reports(&mut self, now: Instant) {
        for (worker, queued) in self.shards.iter_mut().enumerate() {
            for report in queued.reports.drain(..) {
                self.ledger.note_report(&report);
                self.replicator.report(now, worker, report);
            }
        }
    }

    fn give_orders(&mut self) -> bool {
        let mut any = false;
        while let Some(order) = self.kept_back.take().or_else(|| self.replicator.poll_order()) {
            let owner = match &order {
                ShardOrder::Apply(update) => self.steering.owner_of_update(update),
                _ => None,
            };
            let queue = self.plan.queue;
            let is_concerned = |index: usize| owner.is_none_or(|owner| usize::from(owner) == index);
            let mut concerned = self.shards.iter_mut().enumerate().filter(|(index, _)| is_concerned(*index));
            if concerned.any(|(_, queued)| queued.orders.len() >= queue) {
                self.kept_back = Some(order);
                break;
            }
            for (_, queued) in self.shards.iter_mut().enumerate().filter(|(index, _)| is_concerned(*index)) {
                queued.orders.push_back(ToShard::Order(order.clone()));
            }
            any = true;
        }
        any
    }

    /// All connections of the unit that the other should have, too: the clients' and the real servers' ends of those that
    /// are established.
    pub(crate) fn connections(&self, now: Instant) -> BTreeSet<(Endpoint, Endpoint)> {
        let mut all = Vec::new();
        for queued in &self.shards {
            let mut cursor = Some(Cursor::default());
            while let Some(from) = cursor {
                let mut page = ArrayVec::<ConnectionSummary, 64>::new();
                cursor = queued.shard.list(now, from, &ConnectionFilter::default(), &mut page);
                let established = page.iter().filter(|connection| connection.state.name() != "syn");
                all.extend(established.map(|connection| (connection.client, connection.real_server)));
            }
        }
        all.into_iter().collect()
    }

    /// How many of them the other unit was told of, or told.
    pub(crate) fn replicated(&self) -> usize {
        let marked = self.shards.iter().map(|queued| queued.shard.counters().marked()).sum::<u64>();
        usize::try_from(marked).unwrap_or(usize::MAX)
    }

    /// Whether the counters say what the tables have.
    pub(crate) fn counters_equal_tables(&self) -> bool {
        self.shards
            .iter()
            .all(|queued| queued.shard.counters().connections() == queued.shard.connections() as u64)
    }

    /// Connections that it learned by watching.
    pub(crate) fn observed(&self) -> u64 {
        self.shards.iter().map(|queued| queued.shard.counters().replica.observed.read()).sum()
    }

    /// How replication goes, for whoever looks for the reason of a failure.
    pub(crate) fn status(&self, now: Instant) -> String {
        let counters: Vec<_> = self.shards.iter().map(|queued| queued.shard.counters()).collect();
        let replica: Vec<_> = counters.iter().map(|counters| &counters.replica).collect();
        format!("{:?} {replica:?}", self.replicator.status(now))
    }

    /// Whether this unit believes that the two tables are equal.
    pub(crate) fn is_synchronized(&self, now: Instant) -> bool {
        self.replicator.is_synchronized(now)
    }

    /// Whether it stands by, and is told what the active unit does.
    pub(crate) fn is_told(&self, now: Instant) -> bool {
        self.state == UnitState::Standby
            && matches!(self.replicator.status(now).link, Link::Connected { peer: UnitState::Active, .. })
    }
}

impl Queued {
    fn tell(&mut self, room: usize) {
        while self.reports.len() < room {
            let Some(report) = self.shard.take_report() else { break };
            self.reports.push_back(report);
        }
    }
}

impl Ledger {
    fn note_report(&mut self, report: &ShardReport) {
        if matches!(report, ShardReport::Update(Update::Create(_) | Update::Delete(_))) {
            self.updates_told += 1;
        }
    }

    fn note_order(&mut self, order: &ShardOrder) {
        match order {
            ShardOrder::Apply(Update::Create(record)) => {
                self.updates_applied += 1;
                if self.deleted.contains(&record.ends) {
                    self.resurrected = Some(record.ends);
                }
            }
            ShardOrder::Apply(Update::Delete(ends)) => {
                self.updates_applied += 1;
                self.deleted.insert(*ends);
            }
            _ => {}
        }
    }
}
