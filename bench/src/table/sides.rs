//! The tables, each as its users use it.
//!
//! All hash by themselves. A lookup is of one key, and ends with the number of a connection that has this very key:
//! `flow-table` compares with the connection itself, the others with a copy of the key of their own.

use std::hint::black_box;

use dashmap::DashMap;
use flow_table::{FlowId, FlowTable};
use hashbrown::HashMap;

use super::connections::{Connection, Hashing, hash, inside, outside};
use crate::peers::rte_hash::{BULK, Key, RteHash};

/// The most keys that go through the stages together.
const BATCH: usize = 128;

/// A table that connections can be put into and taken out of.
pub(super) trait Store {
    /// Adds a connection under both keys.
    fn insert(&mut self, number: u32);
    /// Removes it.
    fn remove(&mut self, number: u32);
}

/// This project's table.
pub(super) struct Ours {
    table: FlowTable<Connection>,
    /// By number: whoever removes a connection, a sweep or a packet, knows where it is.
    ids: Vec<Option<FlowId>>,
}

impl Ours {
    pub(super) fn new(connections: u32) -> Self {
        let mut new = Self {
            table: FlowTable::with_capacity(connections as usize),
            ids: vec![None; connections as usize],
        };
        new.table.populate();
        (0..connections).for_each(|number| new.insert(number));
        new
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.table.memory_bytes()
    }

    /// One key after the other. Returns how many were found.
    pub(super) fn find_each(&self, keys: &[Key]) -> u64 {
        let found = keys.iter().filter_map(|key| self.table.find(hash(key), key));
        found.fold(0, |found, id| {
            black_box(id.index());
            found + 1
        })
    }

    /// Through the stages, `N` keys together.
    pub(super) fn find_staged<const N: usize>(&self, keys: &[Key]) -> u64 {
        let mut found = 0;
        for batch in keys.chunks(N) {
            let (hashes, candidates) = self.candidates::<N>(batch);
            for ((key, hash), candidate) in batch.iter().zip(hashes).zip(candidates) {
                if let Some(id) = self.table.confirm(candidate, hash, key) {
                    black_box(id.index());
                    found += 1;
                }
            }
        }
        found
    }

    /// Through the stages, and each connection found is changed as a packet would.
    pub(super) fn touch_staged(&mut self, keys: &[Key]) -> u64 {
        let mut found = 0;
        for batch in keys.chunks(BATCH) {
            let (hashes, candidates) = self.candidates::<BATCH>(batch);
            for ((key, hash), candidate) in batch.iter().zip(hashes).zip(candidates) {
                let id = self.table.confirm(candidate, hash, key);
                if let Some(connection) = id.and_then(|id| self.table.get_mut(id)) {
                    black_box(connection.touch());
                    found += 1;
                }
            }
        }
        found
    }

    /// The first two stages.
    #[inline(always)]
    fn candidates<const N: usize>(&self, batch: &[Key]) -> ([u64; N], [Option<FlowId>; N]) {
        let mut hashes = [0; N];
        let mut candidates = [None; N];
        for (place, key) in hashes.iter_mut().zip(batch) {
            *place = hash(key);
            self.table.prefetch(*place);
        }
        for (candidate, &hash) in candidates.iter_mut().zip(&hashes).take(batch.len()) {
            *candidate = self.table.candidate(hash);
        }
        (hashes, candidates)
    }
}

impl Store for Ours {
    fn insert(&mut self, number: u32) {
        let connection = Connection::new(number);
        let hashes = connection.keys().map(|key| hash(&key));
        self.ids[number as usize] = self.table.insert(connection, hashes).ok();
    }

    fn remove(&mut self, number: u32) {
        let id = self.ids[number as usize].take();
        let Some((id, connection)) = id.and_then(|id| Some((id, self.table.get(id)?))) else { return };
        let hashes = connection.keys().map(|key| hash(&key));
        black_box(self.table.remove(id, hashes));
    }
}

impl RteHash<'_> {
    /// One key after the other.
    pub(super) fn find_each(&self, keys: &[Key]) -> u64 {
        keys.iter().filter_map(|key| self.find(key)).fold(0, |found, number| {
            black_box(number);
            found + 1
        })
    }

    /// `N` keys in one call.
    pub(super) fn find_in_bulk<const N: usize>(&self, keys: &[Key]) -> u64 {
        let mut numbers = [0; BULK];
        keys.chunks(N)
            .map(|bulk| {
                let hits = self.bulk::<N>(bulk, &mut numbers);
                black_box(&numbers);
                u64::from(hits.count_ones())
            })
            .sum()
    }

    /// 64 keys in one call; the connections found are fetched together and then changed as packets would.
    pub(super) fn touch_in_bulk(&self, connections: &mut [Connection], keys: &[Key]) -> u64 {
        let mut numbers = [0; BULK];
        let mut found = 0;
        for bulk in keys.chunks(BULK) {
            let hits = self.bulk::<BULK>(bulk, &mut numbers);
            let is_hit = |place: usize| hits >> place & 1 == 1;
            for (_, &number) in (0..bulk.len()).zip(&numbers).filter(|(place, _)| is_hit(*place)) {
                prefetch(&raw const connections[number]);
            }
            for ((place, key), &number) in bulk.iter().enumerate().zip(&numbers) {
                if is_hit(place) && flow_table::Entry::matches(&connections[number], key) {
                    black_box(connections[number].touch());
                    found += 1;
                }
            }
        }
        found
    }

    #[inline(always)]
    fn bulk<const N: usize>(&self, keys: &[Key], numbers: &mut [usize; BULK]) -> u64 {
        let mut pointers = [&keys[0]; N];
        for (pointer, key) in pointers.iter_mut().zip(keys) {
            *pointer = key;
        }
        self.find_bulk(&pointers[..keys.len()], numbers)
    }
}

impl Store for RteHash<'_> {
    fn insert(&mut self, number: u32) {
        for key in [outside(number), inside(number)] {
            black_box(RteHash::insert(self, &key, number));
        }
    }

    fn remove(&mut self, number: u32) {
        for key in [outside(number), inside(number)] {
            black_box(RteHash::remove(self, &key));
        }
    }
}

/// The map of Rust's standard library.
pub(super) type Hashbrown = HashMap<Key, u32, Hashing>;

pub(super) fn find_in_hashbrown(map: &Hashbrown, keys: &[Key]) -> u64 {
    keys.iter().filter_map(|key| map.get(key)).fold(0, |found, number| {
        black_box(*number);
        found + 1
    })
}

pub(super) fn touch_in_hashbrown(map: &Hashbrown, connections: &mut [Connection], keys: &[Key]) -> u64 {
    let numbers = keys.iter().filter_map(|key| map.get(key));
    numbers.fold(0, |found, &number| {
        black_box(connections[number as usize].touch());
        found + 1
    })
}

impl Store for Hashbrown {
    fn insert(&mut self, number: u32) {
        for key in [outside(number), inside(number)] {
            black_box(HashMap::insert(self, key, number));
        }
    }

    fn remove(&mut self, number: u32) {
        for key in [outside(number), inside(number)] {
            black_box(HashMap::remove(self, &key));
        }
    }
}

/// The concurrent map that most Rust programs take.
pub(super) type Concurrent = DashMap<Key, u32, Hashing>;

pub(super) fn find_in_concurrent(map: &Concurrent, keys: &[Key]) -> u64 {
    keys.iter().filter_map(|key| map.get(key)).fold(0, |found, number| {
        black_box(*number);
        found + 1
    })
}

impl Store for Concurrent {
    fn insert(&mut self, number: u32) {
        for key in [outside(number), inside(number)] {
            black_box(DashMap::insert(self, key, number));
        }
    }

    fn remove(&mut self, number: u32) {
        for key in [outside(number), inside(number)] {
            black_box(DashMap::remove(self, &key));
        }
    }
}

/// Asks for a cache line.
#[inline(always)]
fn prefetch<T>(target: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, which faults on no address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(target.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = target;
}
