//! Lookups that hit, in random order, in batches of a worker's size: this table in stages, this table one key
//! after another, and the standard library's `HashMap` (hashbrown, with the same hash) in one run.
//!
//! `cargo bench -p flow-table --bench lookup`. The time is that of a batch; "elem/s" are lookups.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark has no API, and ends where it fails")]

use std::collections::HashMap;
use std::hint::black_box;

use ahash::RandomState;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use flow_table::{Entry, FlowId, FlowTable};

const BATCH: usize = 128;
const ENTRIES: [usize; 2] = [10_000, 1_000_000];

/// As large as the key of an IPv4 connection.
type Key = [u32; 4];

#[derive(Clone, Copy)]
struct Connection {
    outside: Key,
    inside: Key,
    packets: u64,
    is_established: bool,
}

impl Entry for Connection {
    type Key = Key;

    #[inline]
    fn matches(&self, key: &Key) -> bool {
        self.outside == *key || self.inside == *key
    }
}

impl Connection {
    const fn new(number: u32) -> Self {
        let outside = [number, 0xc000_0201, 80, 6];
        Self { outside, inside: [number, 0x0a00_0001, 8080, 6], packets: 1, is_established: true }
    }
}

/// Both tables with the same connections, and their outside keys in an order that is neither's.
struct Tables {
    hasher: RandomState,
    ours: FlowTable<Connection>,
    standard: HashMap<Key, Connection, RandomState>,
    order: Vec<Key>,
}

impl Tables {
    fn new(entries: usize) -> Self {
        let hasher = RandomState::with_seeds(1, 2, 3, 4);
        let mut ours = FlowTable::with_capacity(entries);
        let mut standard = HashMap::with_capacity_and_hasher(2 * entries, hasher.clone());
        let mut order: Vec<Key> = Vec::with_capacity(entries);
        for number in 0..u32::try_from(entries).unwrap() {
            let connection = Connection::new(number);
            let keys = [connection.outside, connection.inside];
            assert!(ours.insert(connection, keys.map(|key| hasher.hash_one(key))).is_ok());
            standard.extend(keys.map(|key| (key, connection)));
            order.push(connection.outside);
        }
        let shuffle = RandomState::with_seeds(5, 6, 7, 8);
        order.sort_by_cached_key(|key| shuffle.hash_one(key));
        Self { hasher, ours, standard, order }
    }

    fn staged(&self, batch: &[Key; BATCH]) -> u64 {
        let mut hashes = [0; BATCH];
        let mut candidates: [Option<FlowId>; BATCH] = [None; BATCH];
        for (hash, key) in hashes.iter_mut().zip(batch) {
            *hash = self.hasher.hash_one(key);
            self.ours.prefetch(*hash);
        }
        for (candidate, &hash) in candidates.iter_mut().zip(&hashes) {
            *candidate = self.ours.candidate(hash);
        }
        let mut packets = 0;
        for ((key, hash), candidate) in batch.iter().zip(hashes).zip(candidates) {
            packets +=
                self.ours.confirm(candidate, hash, key).and_then(|id| self.ours.get(id)).map_or(0, weigh);
        }
        packets
    }

    fn one_by_one(&self, batch: &[Key; BATCH]) -> u64 {
        let find = |key| self.ours.find(self.hasher.hash_one(key), key).and_then(|id| self.ours.get(id));
        batch.iter().map(|key| find(key).map_or(0, weigh)).sum()
    }

    fn standard(&self, batch: &[Key; BATCH]) -> u64 {
        batch.iter().map(|key| self.standard.get(key).map_or(0, weigh)).sum()
    }
}

fn weigh(connection: &Connection) -> u64 {
    connection.packets + u64::from(connection.is_established)
}

fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    tables: &Tables,
    lookup: fn(&Tables, &[Key; BATCH]) -> u64,
) {
    let mut batches = tables.order.as_chunks().0.iter().cycle();
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let packets = lookup(tables, black_box(batches.next().unwrap()));
            assert_eq!(packets, 2 * BATCH as u64, "every lookup hits");
        });
    });
}

fn lookup(criterion: &mut Criterion) {
    for entries in ENTRIES {
        let tables = Tables::new(entries);
        let mut group = criterion.benchmark_group(format!("lookup/{entries}"));
        group.throughput(Throughput::Elements(BATCH as u64));
        measure(&mut group, "staged", &tables, Tables::staged);
        measure(&mut group, "one by one", &tables, Tables::one_by_one);
        measure(&mut group, "hashbrown", &tables, Tables::standard);
        group.finish();
    }
}

criterion_group!(benches, lookup);
criterion_main!(benches);
