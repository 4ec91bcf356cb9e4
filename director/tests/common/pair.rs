//! A pair of units on the bench: what the shards of one report is what the shards of the other are ordered.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use director::{Configuration, ReplicationSettings, Shared, Steering, Verdict};
use model::limits::DIGEST_RANGES;
use model::{ConnectionEnds, Digest, Instant, RangeSet, ShardOrder, ShardReport, UnitState, Update};

use super::{Bench, Options, PortIndex};

/// The seed that both units of a test have.
pub(crate) const SETTINGS: ReplicationSettings =
    ReplicationSettings { digest_seed: 42, standby_timeout: Duration::ZERO, observes: false };

/// One unit: a bench for each shard, and the ring between them.
pub(crate) struct Unit {
    pub(crate) shards: Vec<Bench>,
    steering: Steering,
}

/// What a round of digests found on the standby.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Round {
    pub(crate) compared: usize,
    pub(crate) differing: Vec<u16>,
    pub(crate) shards_done: usize,
}

impl Unit {
    pub(crate) fn new(configuration: &Configuration, shards: usize, state: UnitState) -> Self {
        Self::with(configuration, shards, Options { state, ..Options::default() })
    }

    pub(crate) fn with(configuration: &Configuration, shards: usize, options: Options) -> Self {
        let shared = Arc::new(Shared::default());
        let bench = |index| {
            let replication = options.replication.or(Some(SETTINGS));
            let options = Options { shards, index, replication, ..options };
            let mut bench = Bench::beside(configuration.clone(), options, Arc::clone(&shared));
            bench.shard.set_listened(true);
            bench
        };
        Self { shards: (0..shards).map(bench).collect(), steering: Steering::new(shards) }
    }

    /// Sends a packet of `client` to the shard that owns it.
    pub(crate) fn send(&mut self, client: &str, port: PortIndex, packet: Vec<u8>) -> (Verdict, Vec<u8>) {
        let owner = self.steering.owner(super::ip(client));
        self.shards[usize::from(owner)].send(port, packet)
    }

    pub(crate) fn set_state(&mut self, state: UnitState) {
        self.shards.iter_mut().for_each(|bench| bench.shard.set_state(bench.now, state));
    }

    pub(crate) fn wait(&mut self, time: Duration) {
        self.shards.iter_mut().for_each(|bench| bench.wait(time));
    }

    pub(crate) fn now(&self) -> Instant {
        self.shards[0].now
    }

    pub(crate) fn connections(&self) -> usize {
        self.shards.iter().map(|bench| bench.shard.connections()).sum()
    }

    pub(crate) fn marked(&self) -> u64 {
        self.shards.iter().map(|bench| bench.shard.counters().marked()).sum()
    }

    /// A sum over the shards' counters.
    pub(crate) fn count(&self, read: impl Fn(&director::ShardCounters) -> &director::Counter) -> u64 {
        self.shards.iter().map(|bench| read(&bench.shard.counters()).read()).sum()
    }

    /// What is in the tables, as it looks to clients and real servers.
    pub(crate) fn table(&self) -> BTreeSet<String> {
        let all = self.shards.iter().flat_map(Bench::connections);
        all.map(|found| {
            let (client, real) = (found.client, found.real_server);
            format!(
                "{} {client} > {} > {} {real}",
                found.protocol, found.virtual_server, found.translated_port
            )
        })
        .collect()
    }

    pub(crate) fn digests(&self) -> Vec<Digest> {
        let range = |range| self.shards[usize::from(self.steering.owner_of_range(range))].shard.digest(range);
        (0..DIGEST_RANGES).map(|index| range(u16::try_from(index).unwrap())).collect()
    }

    /// All reports that there are, and that work makes.
    pub(crate) fn reports(&mut self) -> Vec<ShardReport> {
        let mut reports = Vec::new();
        for Bench { shard, now, .. } in &mut self.shards {
            loop {
                let before = reports.len();
                reports.extend(std::iter::from_fn(|| shard.take_report()));
                if !shard.work(*now) && reports.len() == before {
                    break;
                }
            }
        }
        reports
    }

    pub(crate) fn order_all(&mut self, order: &ShardOrder) {
        self.shards.iter_mut().for_each(|bench| order_one(bench, order.clone()));
    }

    /// Applies an update of the other unit where it belongs.
    pub(crate) fn apply(&mut self, update: Update) {
        match self.steering.owner_of_update(&update) {
            Some(owner) => order_one(&mut self.shards[usize::from(owner)], ShardOrder::Apply(update)),
            None => self.order_all(&ShardOrder::Apply(update)),
        }
    }

    pub(crate) fn join(&mut self, one: &ConnectionEnds, other: &ConnectionEnds) -> bool {
        let owner = self.steering.owner(one.client.address);
        self.shards[usize::from(owner)].shard.join(one, other)
    }

    pub(crate) fn check(&self) {
        self.shards.iter().for_each(Bench::check);
        let digested: u32 = self.digests().iter().map(|digest| digest.connections).sum();
        let aside: u64 = self.shards.iter().map(|bench| bench.shard.counters().replica.aside()).sum();
        assert_eq!(u64::from(digested), self.marked() + aside, "what is marked or aside is in the digests");
    }
}

fn order_one(bench: &mut Bench, order: ShardOrder) {
    while bench.shard.is_busy() {
        assert!(bench.shard.work(bench.now), "a busy shard gets on");
    }
    bench.shard.order(bench.now, order);
}

/// Brings all live updates of `active` to `standby`.
pub(crate) fn mirror(active: &mut Unit, standby: &mut Unit) {
    for report in active.reports() {
        let ShardReport::Update(update) = report else { panic!("nobody asked for {report:?}") };
        standby.apply(update);
    }
}

/// A round of digests.
pub(crate) fn compare(active: &mut Unit, standby: &mut Unit) -> Round {
    active.order_all(&ShardOrder::TellDigests { round: 1 });
    let mut round = Round::default();
    let mut told = 0;
    for report in active.reports() {
        match report {
            ShardReport::Update(update) => standby.apply(update),
            ShardReport::DigestsTold { .. } => told += 1,
            other => panic!("{other:?}"),
        }
        round.hear(standby);
    }
    assert_eq!(told, active.shards.len());
    standby.order_all(&ShardOrder::ConcludeRound { round: 1 });
    round.hear(standby);
    assert_eq!((round.compared, round.shards_done), (DIGEST_RANGES, standby.shards.len()));
    round
}

impl Round {
    fn hear(&mut self, standby: &mut Unit) {
        for report in standby.reports() {
            match report {
                ShardReport::Compared { range, agrees } => {
                    self.compared += 1;
                    self.differing.extend((!agrees).then_some(range));
                }
                ShardReport::RoundCompared { .. } => self.shards_done += 1,
                other => panic!("{other:?}"),
            }
        }
    }

    /// The ranges that differ.
    pub(crate) fn ranges(&self) -> RangeSet {
        let mut ranges = RangeSet::EMPTY;
        self.differing.iter().for_each(|&range| ranges.set(range, true));
        ranges
    }
}

/// A pass over the ranges that `round` found to differ, or over all; in small grants.
pub(crate) fn repair(active: &mut Unit, standby: &mut Unit, pass: u8, ranges: RangeSet) {
    let ranges = Arc::new(ranges);
    standby.apply(Update::PassBegins { pass });
    active.order_all(&ShardOrder::Walk { pass, ranges: Arc::clone(&ranges) });
    let mut walked = 0;
    while walked < active.shards.len() {
        active.order_all(&ShardOrder::Grant { connections: 3 });
        for report in active.reports() {
            match report {
                ShardReport::Update(update) => standby.apply(update),
                ShardReport::Walked { pass: walked_pass } => {
                    assert_eq!(walked_pass, pass);
                    walked += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    standby.apply(Update::PassEnds { pass, ranges });
    assert_eq!(standby.reports(), []);
}
