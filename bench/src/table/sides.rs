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
/// Connections that a sweep removes together.
const SWEEP: usize = 32;

/// A table that connections can be put into and taken out of.
pub(super) trait Store {
    /// Adds a connection under both keys.
    fn insert(&mut self, number: u32);
    /// Removes one.
    fn remove(&mut self, number: u32);
    /// Removes many.
    fn remove_all(&mut self, numbers: &[u32]) {
        numbers.iter().for_each(|&number| self.remove(number));
    }
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
        let mut stages = Stages::<N>::new();
        let mut found = 0;
        for batch in keys.chunks(N) {
            stages.run(&self.table, batch);
            for (key, &(hash, candidate)) in batch.iter().zip(&stages.0) {
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
        let mut stages = Stages::<BATCH>::new();
        let mut found = 0;
        for batch in keys.chunks(BATCH) {
            stages.run(&self.table, batch);
            for (key, &(hash, candidate)) in batch.iter().zip(&stages.0) {
                if let Some(connection) = self.table.verify(candidate, key) {
                    black_box(connection.touch());
                    found += 1;
                } else if let Some(id) = self.table.find(hash, key) {
                    black_box(self.table.get_mut(id).map(Connection::touch));
                    found += 1;
                }
            }
        }
        found
    }
}

/// What waits between the stages, for each key of a batch.
struct Stages<const N: usize>([(u64, Option<FlowId>); N]);

impl<const N: usize> Stages<N> {
    const fn new() -> Self {
        Self([(0, None); N])
    }

    /// The first two stages.
    #[inline(always)]
    fn run(&mut self, table: &FlowTable<Connection>, batch: &[Key]) {
        for ((place, _), key) in self.0.iter_mut().zip(batch) {
            *place = hash(key);
            table.prefetch(*place);
        }
        for ((hash, candidate), _) in self.0.iter_mut().zip(batch) {
            *candidate = table.candidate(*hash);
        }
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

    /// As a sweep does: asks for the buckets of many before it removes the first.
    fn remove_all(&mut self, numbers: &[u32]) {
        let mut going = [None; SWEEP];
        for batch in numbers.chunks(SWEEP) {
            for (place, &number) in going.iter_mut().zip(batch) {
                let id = self.ids[number as usize].take();
                let connection = id.and_then(|id| self.table.get(id));
                let hashes = connection.map(|connection| connection.keys().map(|key| hash(&key)));
                hashes.into_iter().flatten().for_each(|hash| self.table.prefetch(hash));
                *place = id.zip(hashes);
            }
            for (id, hashes) in going.iter_mut().filter_map(Option::take) {
                black_box(self.table.remove(id, hashes));
            }
        }
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
