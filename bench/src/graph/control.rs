//! The control of comparisons: the same work every time, so that a change of its cost is the machine's doing.

use std::hint::black_box;

use crate::load::order::Random;

/// 64 MiB: more than caches hold.
const WORDS: u32 = 8 << 20;

/// Reads in one go: some two milliseconds.
const READS: u32 = 200_000;

/// Memory to read from.
pub(crate) struct Control {
    words: Box<[u64]>,
}

impl Control {
    /// Memory that is really there.
    pub(crate) fn new() -> Self {
        Self { words: (0..u64::from(WORDS)).collect() }
    }

    /// Cycles of a read that depends on no other, at the same random places each time.
    pub(crate) fn cycles_per_read(&self) -> f64 {
        let mut random = Random::new(1);
        let start = dpdk::clock::cycles();
        let mut sum = 0_u64;
        for _ in 0..READS {
            sum = sum.wrapping_add(self.words[random.below(WORDS) as usize]);
        }
        black_box(sum);
        (dpdk::clock::cycles() - start) as f64 / f64::from(READS)
    }
}
