//! Shards that are plain maps: the oracle of what replication makes of a standby.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use model::limits::DIGEST_RANGES;
use model::{ConnectionEnds, ConnectionRecord, Digest, RangeSet, ShardOrder, ShardReport, Update};

/// A connection, and the pass that it was told in last.
struct Entry {
    record: ConnectionRecord,
    pass: u8,
}

#[derive(Default)]
struct Shard {
    entries: HashMap<ConnectionEnds, Entry>,
    pass: u8,
    walk: Option<(u8, VecDeque<ConnectionEnds>)>,
    grants: u32,
}

/// All shards of a unit.
pub struct Shards {
    shards: Vec<Shard>,
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
        Self { shards, reports: VecDeque::new(), applied_creates: 0, refuses: None, passes_ended: 0 }
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
                    shard.walk = Some((pass, ends.copied().collect()));
                    shard.grants = 0;
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
        let Some((pass, ends)) = &mut shard.walk else { return };
        while shard.grants > 0
            && let Some(ends) = ends.pop_front()
        {
            if let Some(entry) = shard.entries.get(&ends) {
                shard.grants -= 1;
                let update = Update::Create(entry.record.clone());
                self.reports.push_back((worker, ShardReport::Update(update)));
            }
        }
        if ends.is_empty() {
            self.reports.push_back((worker, ShardReport::Walked { pass: *pass }));
            shard.walk = None;
        }
    }
}
