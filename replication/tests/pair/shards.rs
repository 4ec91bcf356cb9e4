//! Shards that are plain maps: the oracle of what replication makes of a standby.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use model::limits::DIGEST_RANGES;
use model::{
    ConnectionEnds, ConnectionRecord, Digest, HealthRecord, RangeSet, ServerName, ShardOrder, ShardReport,
    StickyRecord, Update,
};

/// A connection, and the pass that it was told in last.
struct Entry {
    record: ConnectionRecord,
    pass: u8,
}

#[derive(Default)]
struct Shard {
    entries: HashMap<ConnectionEnds, Entry>,
    pass: u8,
    walk: Option<(u8, VecDeque<Told>)>,
    grants: u32,
}

/// What a walk tells.
enum Told {
    Connection(ConnectionEnds),
    Choice(Update),
}

/// All that digests do not speak of: the real server that each client returns to, and the states of real servers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choices {
    pub sticky: HashMap<(u64, IpAddr), StickyRecord>,
    pub has_failed: HashMap<ServerName, bool>,
}

impl Choices {
    pub fn take(&mut self, update: &Update) {
        match update {
            Update::Sticky(record) => drop(self.sticky.insert((record.scope, record.client), *record)),
            Update::Health(record) => drop(self.has_failed.insert(record.real_server, record.has_failed)),
            other => unreachable!("{other:?}"),
        }
    }

    fn all(&self) -> VecDeque<Told> {
        let health = |(&real_server, &has_failed)| Update::Health(HealthRecord { real_server, has_failed });
        let health = self.has_failed.iter().map(health);
        self.sticky.values().copied().map(Update::Sticky).chain(health).map(Told::Choice).collect()
    }
}

/// All shards of a unit.
pub struct Shards {
    shards: Vec<Shard>,
    /// Shared by all shards.
    pub choices: Choices,
    /// Walks over no ranges that were ordered.
    pub choices_told: u32,
    reports: VecDeque<(usize, ShardReport)>,
    pub applied_creates: u64,
    /// A connection that there is no room for.
    pub refuses: Option<ConnectionEnds>,
    pub passes_ended: u32,
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn range_of(ends: &ConnectionEnds) -> u16 {
    (hash(ends.client.address) % DIGEST_RANGES as u64) as u16
}

impl Shards {
    pub fn new(workers: usize) -> Self {
        let shards = (0..workers).map(|_| Shard::default()).collect();
        Self {
            shards,
            choices: Choices::default(),
            choices_told: 0,
            reports: VecDeque::new(),
            applied_creates: 0,
            refuses: None,
            passes_ended: 0,
        }
    }

    fn owner(&self, range: u16) -> usize {
        usize::from(range) % self.shards.len()
    }

    /// Inserts a connection; returns its worker.
    pub fn insert(&mut self, record: ConnectionRecord) -> usize {
        let worker = self.owner(range_of(&record.ends));
        let shard = &mut self.shards[worker];
        shard.entries.insert(record.ends, Entry { record, pass: shard.pass });
        worker
    }

    pub fn remove(&mut self, ends: &ConnectionEnds) -> Option<usize> {
        let worker = self.owner(range_of(ends));
        self.shards[worker].entries.remove(ends).map(|_| worker)
    }

    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.entries.len()).sum()
    }

    pub fn has(&self, ends: &ConnectionEnds) -> bool {
        self.shards[self.owner(range_of(ends))].entries.contains_key(ends)
    }

    pub fn all(&self) -> BTreeMap<String, ConnectionRecord> {
        let entries = self.shards.iter().flat_map(|shard| shard.entries.values());
        entries.map(|entry| (format!("{:?}", entry.record.ends), entry.record.clone())).collect()
    }

    pub fn reports(&mut self) -> Vec<(usize, ShardReport)> {
        (0..self.shards.len()).for_each(|worker| self.walk(worker));
        self.reports.drain(..).collect()
    }

    pub fn carry_out(&mut self, order: ShardOrder) {
        match order {
            ShardOrder::Apply(update) => self.apply(update),
            ShardOrder::ConcludeRound { round } => {
                let workers = 0..self.shards.len();
                self.reports.extend(workers.map(|worker| (worker, ShardReport::RoundCompared { round })));
            }
            ShardOrder::TellDigests { round } => {
                (0..self.shards.len()).for_each(|worker| self.tell_digests(worker, round));
            }
            ShardOrder::Walk { pass, ranges } => {
                for shard in &mut self.shards {
                    let ends = shard.entries.keys().filter(|ends| ranges.contains(range_of(ends)));
                    shard.walk = Some((pass, ends.copied().map(Told::Connection).collect()));
                    shard.grants = 0;
                }
                if ranges.is_empty() {
                    self.choices_told += 1;
                    self.shards[0].walk = Some((pass, self.choices.all()));
                }
            }
            ShardOrder::Grant { connections } => {
                self.shards.iter_mut().for_each(|shard| shard.grants += connections);
            }
        }
    }

    fn apply(&mut self, update: Update) {
        match update {
            Update::Create(record) => {
                self.applied_creates += 1;
                if self.refuses != Some(record.ends) {
                    self.insert(record);
                }
            }
            Update::Delete(ends) => drop(self.remove(&ends)),
            Update::Digest { range, digest } => {
                let worker = self.owner(range);
                let agrees = self.digests(worker).get(&range).copied().unwrap_or_default() == digest;
                self.reports.push_back((worker, ShardReport::Compared { range, agrees }));
            }
            Update::Sticky(_) | Update::Health(_) => self.choices.take(&update),
            Update::DigestsTold => unreachable!("it is an order of its own"),
            Update::PassBegins { pass } => self.shards.iter_mut().for_each(|shard| shard.pass = pass),
            Update::PassEnds { pass, ranges } => self.end_pass(pass, &ranges),
        }
    }

    fn end_pass(&mut self, pass: u8, ranges: &Arc<RangeSet>) {
        self.passes_ended += 1;
        for shard in &mut self.shards {
            shard.entries.retain(|ends, entry| entry.pass == pass || !ranges.contains(range_of(ends)));
        }
    }

    fn digests(&self, worker: usize) -> HashMap<u16, Digest> {
        let mut digests = HashMap::<u16, Digest>::new();
        for ends in self.shards[worker].entries.keys() {
            let digest = digests.entry(range_of(ends)).or_default();
            digest.sum = digest.sum.wrapping_add(hash(ends));
            digest.connections += 1;
        }
        digests
    }

    fn tell_digests(&mut self, worker: usize, round: u32) {
        let digests = self.digests(worker);
        let workers = self.shards.len();
        for range in (0..DIGEST_RANGES as u16).filter(|&range| usize::from(range) % workers == worker) {
            let digest = digests.get(&range).copied().unwrap_or_default();
            self.reports.push_back((worker, ShardReport::Update(Update::Digest { range, digest })));
        }
        self.reports.push_back((worker, ShardReport::DigestsTold { round }));
    }

    fn walk(&mut self, worker: usize) {
        let shard = &mut self.shards[worker];
        let Some((pass, untold)) = &mut shard.walk else { return };
        while shard.grants > 0
            && let Some(told) = untold.pop_front()
        {
            let update = match told {
                Told::Connection(ends) => {
                    let Some(entry) = shard.entries.get(&ends) else { continue };
                    Update::Create(entry.record.clone())
                }
                Told::Choice(update) => update,
            };
            shard.grants -= 1;
            self.reports.push_back((worker, ShardReport::Update(update)));
        }
        if untold.is_empty() {
            self.reports.push_back((worker, ShardReport::Walked { pass: *pass }));
            shard.walk = None;
        }
    }
}
