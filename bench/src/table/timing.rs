//! Nanoseconds for each lookup, insertion or removal, over windows of a long sequence.

use dpdk::clock::{cycles, cycles_per_second};

use super::TableError;
use super::sides::Store;
use crate::peers::rte_hash::Key;

/// Slices of a measurement, whose median counts: so what else the machine does between two of them is not in it.
const SLICES: usize = 16;
/// Lookups in one slice.
const LOOKUPS: usize = 1 << 15;
/// Connections that come and go in one slice.
const CHANGES: usize = 1 << 11;

/// A sequence that is gone through again and again, a window at a time.
#[derive(Clone, Copy)]
pub(super) struct Cycle<'a, T> {
    all: &'a [T],
    next: usize,
}

impl<'a, T> Cycle<'a, T> {
    pub(super) const fn new(all: &'a [T]) -> Self {
        Self { all, next: 0 }
    }

    /// The next ones, at most `count`: fewer at the end of the sequence.
    fn window(&mut self, count: usize) -> &'a [T] {
        let end = self.all.len().min(self.next + count);
        let window = &self.all[self.next..end];
        self.next = if end == self.all.len() { 0 } else { end };
        window
    }
}

/// What a lookup costs. `find` returns how many of the keys it found, which must be all or none.
pub(super) fn lookup(
    keys: &mut Cycle<'_, Key>,
    are_there: bool,
    mut find: impl FnMut(&[Key]) -> u64,
) -> Result<f64, TableError> {
    let mut costs = Vec::with_capacity(SLICES);
    while costs.len() < SLICES {
        let (mut done, mut found, mut spent) = (0, 0, 0);
        while done < LOOKUPS {
            let window = keys.window(LOOKUPS - done);
            let start = cycles();
            found += find(window);
            spent += cycles() - start;
            done += window.len();
        }
        let expected = if are_there { done as u64 } else { 0 };
        if found != expected {
            return Err(TableError::Wrong { found, expected });
        }
        costs.push(nanoseconds(spent, done));
    }
    Ok(median(costs))
}

/// What it costs to remove a connection, and what to insert one: each time some go, then the same come again.
pub(super) fn change(numbers: &mut Cycle<'_, u32>, store: &mut impl Store) -> (f64, f64) {
    let (mut removals, mut insertions) = (Vec::with_capacity(SLICES), Vec::with_capacity(SLICES));
    while removals.len() < SLICES {
        let (mut done, mut removing, mut inserting) = (0, 0, 0);
        while done < CHANGES {
            // At most half of the connections, so that the table stays nearly as full as it is meant to be.
            let window = numbers.window((CHANGES - done).min(numbers.all.len().div_ceil(2)));
            let start = cycles();
            store.remove_all(window);
            let between = cycles();
            window.iter().for_each(|&number| store.insert(number));
            removing += between - start;
            inserting += cycles() - between;
            done += window.len();
        }
        removals.push(nanoseconds(removing, done));
        insertions.push(nanoseconds(inserting, done));
    }
    (median(removals), median(insertions))
}

/// What the machine is asked between two measurements: independent reads all over 64 MiB, which nothing but the
/// machine makes slower.
pub(super) struct Control {
    memory: Vec<u64>,
}

impl Control {
    pub(super) fn new() -> Self {
        Self { memory: (0..8 << 20).collect() }
    }

    pub(super) fn run(&self) -> f64 {
        const READS: usize = 1 << 14;
        let slice = |slice: usize| {
            let (start, mut sum) = (cycles(), 0_u64);
            for step in slice * READS..(slice + 1) * READS {
                // A multiplicative sequence visits the memory without an order that a prefetcher knows.
                sum = sum.wrapping_add(self.memory[step.wrapping_mul(0x9e37_79b9) & (self.memory.len() - 1)]);
            }
            std::hint::black_box(sum);
            nanoseconds(cycles() - start, READS)
        };
        median((0..SLICES).map(slice).collect())
    }
}

fn median(mut costs: Vec<f64>) -> f64 {
    costs.sort_by(f64::total_cmp);
    costs[costs.len() / 2]
}

#[expect(clippy::cast_precision_loss, reason = "a measurement has fewer digits")]
fn nanoseconds(cycles: u64, count: usize) -> f64 {
    cycles as f64 / cycles_per_second() as f64 * 1e9 / count as f64
}
