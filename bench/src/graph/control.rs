//! The control of comparisons: the same work every time, so that a change of its cost is the machine's doing.

use std::hint::black_box;

use super::quiet;
use crate::load::order::Random;

/// 64 MiB: more than caches hold.
const WORDS: u32 = 8 << 20;

/// Pieces of work, and reads in each: some two milliseconds together.
const PIECES: usize = 200;
const READS: u32 = 1_000;

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
        let mut cycles = [0; PIECES];
        for piece in &mut cycles {
            let start = dpdk::clock::cycles();
            let read = |sum: u64, _| sum.wrapping_add(self.words[random.below(WORDS) as usize]);
            black_box((0..READS).fold(0, read));
            *piece = dpdk::clock::cycles() - start;
        }
        quiet::mean(&mut cycles) / f64::from(READS)
    }
}
