//! Links with faults.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use failover::Link;
use model::Instant;

/// Numbers from a seed (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

type Arrival = (usize, Link, Vec<u8>);

/// Beats on their way.
pub struct Network {
    pub units: usize,
    has_cable: bool,
    /// Nothing arrives that was sent over this link by the first to the second.
    pub cuts: BTreeSet<(Link, usize, usize)>,
    /// What this unit sends over this link is refused at once.
    pub refused: BTreeSet<(Link, usize)>,
    /// Of thousand beats so many are lost.
    pub loss: u64,
    pub random: Random,
    /// When a beat was lost last.
    pub disturbed_at: Instant,
    under_way: BTreeMap<(Instant, u64), Arrival>,
    count: u64,
}

impl Network {
    pub fn new(units: usize, has_cable: bool) -> Self {
        Self {
            units,
            has_cable,
            cuts: BTreeSet::new(),
            refused: BTreeSet::new(),
            loss: 0,
            random: Random(1),
            disturbed_at: Instant::START,
            under_way: BTreeMap::new(),
            count: 0,
        }
    }

    pub fn cut(&mut self, link: Link) {
        for from in 0..self.units {
            for to in 0..self.units {
                self.cuts.insert((link, from, to));
            }
        }
    }

    pub fn partition(&mut self) {
        self.cut(Link::Cable);
        self.cut(Link::Network(0));
        self.cut(Link::Network(1));
    }

    /// Nothing arrives at `to` that `from` sends, on all links.
    pub fn deafen(&mut self, from: usize, to: usize) {
        for link in [Link::Cable, Link::Network(0), Link::Network(1)] {
            self.cuts.insert((link, from, to));
        }
    }

    pub fn heal(&mut self) {
        self.cuts.clear();
        self.refused.clear();
        self.loss = 0;
    }

    /// Whether replication gets through.
    pub fn connects(&self, from: usize, to: usize) -> bool {
        let is_whole =
            |link| !self.cuts.contains(&(link, from, to)) && !self.cuts.contains(&(link, to, from));
        is_whole(Link::Network(0)) || is_whole(Link::Cable)
    }

    /// Whether some unit can not hear another.
    pub fn is_broken(&self) -> bool {
        let is_cut = |link, from, to| self.cuts.contains(&(link, from, to));
        let is_silent = |from, to| {
            is_cut(Link::Network(0), from, to) && (!self.has_cable || is_cut(Link::Cable, from, to))
        };
        (0..self.units).any(|from| (0..self.units).any(|to| from != to && is_silent(from, to)))
    }

    pub fn send(&mut self, now: Instant, from: usize, link: Link, beat: &[u8]) {
        for to in (0..self.units).filter(|to| *to != from) {
            if self.cuts.contains(&(link, from, to)) || self.random.below(1_000) < self.loss {
                self.disturbed_at = now;
                continue;
            }
            let delay =
                if link == Link::Cable { Duration::from_millis(7) } else { Duration::from_micros(100) };
            self.count += 1;
            self.under_way.insert((now + delay, self.count), (to, link, beat.to_vec()));
        }
    }

    pub fn arrive(&mut self, now: Instant) -> Option<Arrival> {
        let entry = self.under_way.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }

    pub fn next(&self) -> Option<Instant> {
        self.under_way.keys().next().map(|(at, _)| *at)
    }
}
