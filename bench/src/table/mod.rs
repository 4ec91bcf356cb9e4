//! Benchmark 4, the table alone: `flow-table` against DPDK's `rte_hash`, hashbrown and dashmap.
//!
//! Each table has the same connections under both of their keys, as a translator needs; keys of 16 bytes; one thread.
//! A lookup is of one key, keys in random order, those of both directions in turn. It must never compare a number that
//! a table did not earn: the keys that are there must all be found, and no others.

mod connections;
mod sides;
mod timing;

use std::thread;

use dpdk::{Eal, EalError};

use crate::peers::rte_hash::{Key, NoMemory, Readers, RteHash, heap_bytes};
use crate::plot::Plot;
use crate::report::{Figure, Goal, Quotient, Section};
use crate::rounds::{Comparison, compare};
use connections::{Connection, Hashing, absent, inside, outside, shuffled};
use sides::{Concurrent, Hashbrown, Ours, Store, find_in_concurrent, find_in_hashbrown, touch_in_hashbrown};
use timing::{Control, Cycle, change, lookup};

/// Connections in the tables.
const SIZES: [u32; 6] = [1_000, 10_000, 100_000, 1_000_000, 6_000_000, 10_000_000];
/// The size that the goals are about.
const GOAL_SIZE: u32 = 6_000_000;
/// How often both sides are measured.
const ROUNDS: usize = 7;

/// Why the tables were not compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    /// A table does not do what it is there for.
    #[error("a table found {found} keys of {expected}: it is broken, or used wrongly")]
    Wrong {
        /// Keys found.
        found: u64,
        /// Keys that are there.
        expected: u64,
    },
    /// The peer has no memory.
    #[error(transparent)]
    NoMemory(#[from] NoMemory),
    /// The peer's environment does not start.
    #[error(transparent)]
    Eal(#[from] &'static EalError),
    /// Where, is on stderr.
    #[error("the comparison of tables panicked")]
    Panicked,
}

/// Compares the tables at all sizes.
///
/// # Errors
///
/// When a table is broken, or EAL, whose memory `rte_hash` is in, does not start. Where the peer gets no memory, the
/// section says so and goes on.
pub(crate) fn run() -> Result<Section, TableError> {
    // A thread of its own: EAL pins the one that starts it, and what others start later would inherit that.
    thread::scope(|scope| scope.spawn(run_here).join().unwrap_or(Err(TableError::Panicked)))
}

fn run_here() -> Result<Section, TableError> {
    let eal = crate::peers::eal::eal()?;
    let mut results = Results::default();
    for size in SIZES {
        match Case::new(eal, size).compare(&mut results) {
            Err(TableError::NoMemory(reason)) => results.section.remarks.push(format!("{size}: {reason}")),
            other => other?,
        }
    }
    Ok(results.finish())
}

/// What is compared at one size.
struct Case<'eal> {
    eal: &'eal Eal,
    size: u32,
    /// All connections in random order, by number.
    numbers: Vec<u32>,
    /// One key of each, in another order; the directions in turn.
    present: Vec<Key>,
    absent: Vec<Key>,
    ours: Ours,
    control: Control,
}

impl<'eal> Case<'eal> {
    fn new(eal: &'eal Eal, size: u32) -> Self {
        let numbers = shuffled(size);
        let either = |(place, &number): (usize, &u32)| {
            if place % 2 == 0 { outside(number) } else { inside(number) }
        };
        Self {
            eal,
            size,
            present: numbers.iter().enumerate().map(either).collect(),
            absent: numbers.iter().map(|&number| absent(number)).collect(),
            numbers,
            ours: Ours::new(size),
            control: Control::new(),
        }
    }

    /// The peers in turn, so that one is in memory at a time.
    fn compare(mut self, results: &mut Results) -> Result<(), TableError> {
        self.rte_hash(results)?;
        self.rte_hash_lock_free(results)?;
        self.hashbrown(results)?;
        self.dashmap(results)
    }

    fn rte_hash(&mut self, results: &mut Results) -> Result<(), TableError> {
        let before = heap_bytes(self.eal);
        let mut peer = RteHash::new(self.eal, 2 * self.size as usize, Readers::None)?;
        results.memory(self, heap_bytes(self.eal) - before);
        self.fill(&mut peer);
        let mut connections: Vec<_> = (0..self.size).map(Connection::new).collect();

        let one = self.hits(Ours::find_each, |keys| peer.find_each(keys))?;
        results.add(self, "hits", ("one by one", "rte_hash one by one"), &one, None);
        let bulk = self.hits(Ours::find_staged::<32>, |keys| peer.find_in_bulk::<32>(keys))?;
        results.add(self, "hits", ("batches of 32", "rte_hash bulk 32"), &bulk, None);
        let bulk = self.hits(Ours::find_staged::<64>, |keys| peer.find_in_bulk::<64>(keys))?;
        results.add(self, "hits", ("batches of 64", "rte_hash bulk 64"), &bulk, None);
        let bulk = self.hits(Ours::find_staged::<128>, |keys| peer.find_in_bulk::<32>(keys))?;
        results.add(self, "hits", ("batches of 128", "rte_hash bulk 32"), &bulk, Some(Goal::AtLeast(2.0)));
        results.absolute(self, &bulk);
        let bulk = self.hits(Ours::find_staged::<128>, |keys| peer.find_in_bulk::<64>(keys))?;
        results.add(self, "hits", ("batches of 128", "rte_hash bulk 64"), &bulk, Some(Goal::AtLeast(1.3)));
        let bulk = self.misses(|keys| peer.find_in_bulk::<64>(keys))?;
        results.add(self, "misses", ("batches of 128", "rte_hash bulk 64"), &bulk, None);
        let touched = self.touches(|keys| peer.touch_in_bulk(&mut connections, keys))?;
        results.add(self, "touch", ("batches of 128", "rte_hash bulk 64"), &touched, None);
        self.changes(results, "rte_hash", &mut peer)
    }

    fn rte_hash_lock_free(&mut self, results: &mut Results) -> Result<(), TableError> {
        let mut peer = RteHash::new(self.eal, 2 * self.size as usize, Readers::LockFree)?;
        self.fill(&mut peer);
        let bulk = self.hits(Ours::find_staged::<128>, |keys| peer.find_in_bulk::<32>(keys))?;
        results.add(self, "hits", ("batches of 128", "rte_hash lock-free bulk 32"), &bulk, None);
        let bulk = self.hits(Ours::find_staged::<128>, |keys| peer.find_in_bulk::<64>(keys))?;
        results.add(self, "hits", ("batches of 128", "rte_hash lock-free bulk 64"), &bulk, None);
        Ok(())
    }

    fn hashbrown(&mut self, results: &mut Results) -> Result<(), TableError> {
        let mut peer = Hashbrown::with_capacity_and_hasher(2 * self.size as usize, Hashing::default());
        self.fill(&mut peer);
        let mut connections: Vec<_> = (0..self.size).map(Connection::new).collect();
        let hits = self.hits(Ours::find_staged::<128>, |keys| find_in_hashbrown(&peer, keys))?;
        results.add(self, "hits", ("batches of 128", "hashbrown"), &hits, None);
        let misses = self.misses(|keys| find_in_hashbrown(&peer, keys))?;
        results.add(self, "misses", ("batches of 128", "hashbrown"), &misses, None);
        let touched = self.touches(|keys| touch_in_hashbrown(&peer, &mut connections, keys))?;
        results.add(self, "touch", ("batches of 128", "hashbrown"), &touched, None);
        self.changes(results, "hashbrown", &mut peer)
    }

    fn dashmap(&mut self, results: &mut Results) -> Result<(), TableError> {
        let mut peer = Concurrent::with_capacity_and_hasher(2 * self.size as usize, Hashing::default());
        self.fill(&mut peer);
        let hits = self.hits(Ours::find_staged::<128>, |keys| find_in_concurrent(&peer, keys))?;
        results.add(self, "hits", ("batches of 128", "dashmap"), &hits, Some(Goal::AtLeast(4.0)));
        let misses = self.misses(|keys| find_in_concurrent(&peer, keys))?;
        results.add(self, "misses", ("batches of 128", "dashmap"), &misses, None);
        self.changes(results, "dashmap", &mut peer)
    }

    fn fill(&self, peer: &mut impl Store) {
        (0..self.size).for_each(|number| peer.insert(number));
    }

    /// Lookups of keys that are there.
    fn hits(
        &self,
        ours: impl Fn(&Ours, &[Key]) -> u64,
        peer: impl Fn(&[Key]) -> u64,
    ) -> Result<Comparison, TableError> {
        let (mut our_keys, mut peer_keys) = (Cycle::new(&self.present), Cycle::new(&self.present));
        compare(
            ROUNDS,
            || lookup(&mut our_keys, true, |keys| ours(&self.ours, keys)),
            || lookup(&mut peer_keys, true, &peer),
            || Ok(self.control.run()),
        )
    }

    /// Lookups of keys that are not there.
    fn misses(&self, peer: impl Fn(&[Key]) -> u64) -> Result<Comparison, TableError> {
        let (mut our_keys, mut peer_keys) = (Cycle::new(&self.absent), Cycle::new(&self.absent));
        compare(
            ROUNDS,
            || lookup(&mut our_keys, false, |keys| self.ours.find_staged::<128>(keys)),
            || lookup(&mut peer_keys, false, &peer),
            || Ok(self.control.run()),
        )
    }

    /// Lookups of keys that are there, each with a change of the connection.
    fn touches(&mut self, mut peer: impl FnMut(&[Key]) -> u64) -> Result<Comparison, TableError> {
        let (mut our_keys, mut peer_keys) = (Cycle::new(&self.present), Cycle::new(&self.present));
        compare(
            ROUNDS,
            || lookup(&mut our_keys, true, |keys| self.ours.touch_staged(keys)),
            || lookup(&mut peer_keys, true, &mut peer),
            || Ok(self.control.run()),
        )
    }

    /// Connections that go and come.
    fn changes(
        &mut self,
        results: &mut Results,
        name: &'static str,
        peer: &mut impl Store,
    ) -> Result<(), TableError> {
        for (what, way) in [("removals", "batches of 32"), ("insertions", "one by one")] {
            let (mut ours, mut theirs) = (Cycle::new(&self.numbers), Cycle::new(&self.numbers));
            let choose = |(removing, inserting)| if what == "removals" { removing } else { inserting };
            let compared = compare(
                ROUNDS,
                || Ok(choose(change(&mut ours, &mut self.ours))),
                || Ok(choose(change(&mut theirs, peer))),
                || Ok::<_, TableError>(self.control.run()),
            )?;
            results.add(self, what, (way, name), &compared, None);
        }
        Ok(())
    }
}

/// The section as it comes to be.
#[derive(Default)]
struct Results {
    section: Section,
    /// Of lookups that hit: who, and nanoseconds by connections.
    lines: Vec<(String, Vec<(f64, f64)>)>,
}

impl Results {
    /// `ours` and `peer` say how each was used.
    fn add(
        &mut self,
        case: &Case<'_>,
        what: &str,
        (ours, peer): (&str, &str),
        compared: &Comparison,
        goal: Option<Goal>,
    ) {
        let goal = goal.filter(|_| case.size == GOAL_SIZE);
        let unit = match what {
            "insertions" | "removals" => "ns per connection, both keys",
            _ => "ns per lookup",
        };
        let name = format!("table/{what}/{}/{ours}/{peer}", case.size);
        let figure = Figure::compared(name, unit, peer, compared, Quotient::PeerByOurs, goal);
        self.section.figures.push(figure);
        if what == "hits" {
            self.point(&format!("flow-table, {ours}"), case.size, compared.ours.minimum());
            self.point(peer, case.size, compared.peer.minimum());
        }
    }

    /// The lookup's own goal.
    fn absolute(&mut self, case: &Case<'_>, compared: &Comparison) {
        if case.size == GOAL_SIZE {
            let name = format!("table/hits/{}/batches of 128", case.size);
            self.alone(name, "ns per lookup", compared.ours.minimum(), Goal::AtMost(10.0));
        }
    }

    fn memory(&mut self, case: &Case<'_>, peer_bytes: usize) {
        let each = |bytes: usize| bytes as f64 / f64::from(case.size);
        let ours = each(case.ours.memory_bytes());
        // Where the peer's connections are is not the peer's: a cache line of an array.
        let peer = each(peer_bytes) + size_of::<Connection>() as f64;
        if case.size == GOAL_SIZE {
            let name = "table/memory of an IPv4 connection, index included".to_owned();
            self.alone(name, "bytes", ours, Goal::AtMost(128.0));
        }
        self.section.figures.push(Figure {
            name: format!("table/memory/{}/rte_hash", case.size),
            unit: "bytes per connection, index included",
            ours,
            peer_name: Some("rte_hash, and a cache line for the connection".to_owned()),
            peer: Some(peer),
            ratio: Some(peer / ours),
            ratio_of_medians: None,
            spread: None,
            rounds: None,
            goal: None,
            met: None,
        });
    }

    /// A figure that is judged by itself.
    fn alone(&mut self, name: String, unit: &'static str, ours: f64, goal: Goal) {
        self.section.figures.push(Figure {
            name,
            unit,
            ours,
            peer_name: None,
            peer: None,
            ratio: None,
            ratio_of_medians: None,
            spread: None,
            rounds: None,
            goal: Some(goal),
            met: Some(goal.is_met_by(ours)),
        });
    }

    /// A point of the picture; of several at one place, the least.
    fn point(&mut self, line: &str, size: u32, cost: f64) {
        let place = self.lines.iter().position(|(name, _)| name == line).unwrap_or(self.lines.len());
        if place == self.lines.len() {
            self.lines.push((line.to_owned(), Vec::new()));
        }
        let points = &mut self.lines[place].1;
        match points.last_mut().filter(|point| point.0 == f64::from(size)) {
            Some(point) => point.1 = point.1.min(cost),
            None => points.push((f64::from(size), cost)),
        }
    }

    fn finish(self) -> Section {
        let remarks = [
            "A connection is in each table under both of its keys, of 16 bytes; a lookup is of one key.",
            "flow-table compares the key with the connection itself, so that a lookup ends with the connection in the \
             cache; the others compare with a copy of their own and give the connection's number. `touch` fetches and \
             changes the connection on both sides.",
            "The tables written in Rust have one hash, a multiplication to 128 bits, folded; rte_hash has CRC-32C, its \
             default, and is made for a quarter more keys than it gets. flow-table is full.",
            "flow-table removes as a sweep does, which asks for the buckets of 32 connections before it removes the first; \
             the others have no way to do so.",
        ];
        let plot = Plot {
            name: "table".to_owned(),
            title: "A lookup that hits, random order, one core".to_owned(),
            horizontal: "connections (two keys each)".to_owned(),
            vertical: "ns per lookup".to_owned(),
            lines: self.lines,
        };
        let mut section = self.section;
        section.title = "The table alone".to_owned();
        section.remarks.splice(0..0, remarks.map(str::to_owned));
        section.plots.push(plot);
        section
    }
}
