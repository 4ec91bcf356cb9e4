//! The worst stall: how long packets wait for one step of what a worker does beside them, while a million connections
//! expire and while a listing of all of them runs.

use std::net::Ipv4Addr;
use std::time::Duration;

use arrayvec::ArrayVec;
use director::{ConnectionFilter, ConnectionSummary, Cursor};
use model::limits::LISTING_SLICE;

use super::GraphError;
use super::effort::Effort;
use super::figures::value;
use super::housekeeping::{EXPIRY_PERIOD, expire_once};
use super::unit::{Plan, Unit};
use crate::clock::cycles_per_second;
use crate::report::{Goal, Section};

const CONNECTIONS: u32 = 1_000_000;
const MICROSECONDS: &str = "microseconds";
const GOAL: Goal = Goal::AtMost(100.0);

/// Longer than an established connection is kept.
pub(super) const LONG_IDLE: Duration = Duration::from_secs(8_000);

/// The longest steps of expiry and of a listing.
///
/// # Errors
///
/// When connections were lost on the way, or not all expired or were listed.
pub(crate) fn run(effort: Effort) -> Result<Section, GraphError> {
    let runs = effort.runs();
    let microsecond = cycles_per_second() / 1e6;
    let (mut expiry, mut listing) = (Steps::default(), Steps::default());
    for _ in 0..runs {
        let mut unit = Unit::established::<Ipv4Addr>(Plan::with_capacity(CONNECTIONS))?;
        listing.add(list_all(&unit)?);
        expiry.add(expire_all(&mut unit)?);
    }
    let mut section = Section { title: "The worst stall of a worker".to_owned(), ..Section::default() };
    for (name, steps) in [("expiry of 1 million", &expiry), ("listing of 1 million", &listing)] {
        for (kind, cycles) in
            [("longest step", steps.longest()), ("p99.99 of all runs' steps", steps.percentile())]
        {
            let name = format!("stalls/{name}/{kind}");
            section.figures.push(value(name, MICROSECONDS, cycles / microsecond, Some(GOAL)));
        }
    }
    section.remarks.push(format!(
        "Steps as the worker makes them between bursts: {} to expire all, {} to list all. The longest step is the median \
         of the longest of {runs} runs: a single one also has what the machine took away meanwhile.",
        expiry.all.len() / runs,
        listing.all.len() / runs,
    ));
    Ok(section)
}

/// Cycles of the steps of several runs.
#[derive(Default)]
struct Steps {
    all: Vec<u64>,
    longest: Vec<u64>,
}

impl Steps {
    fn add(&mut self, run: Vec<u64>) {
        self.longest.extend(run.iter().copied().max());
        self.all.extend(run);
    }

    /// The median of the runs' longest.
    fn longest(&self) -> f64 {
        at_rank(&self.longest, self.longest.len() / 2)
    }

    /// What one step in ten thousand takes longer than.
    fn percentile(&self) -> f64 {
        at_rank(&self.all, self.all.len() - 1 - self.all.len() / 10_000)
    }
}

fn at_rank(values: &[u64], rank: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(rank).map_or(f64::NAN, |&cycles| cycles as f64)
}

/// Lets all connections be idle for too long, and the worker find out.
fn expire_all(unit: &mut Unit) -> Result<Vec<u64>, GraphError> {
    unit.now = unit.now + LONG_IDLE;
    let mut steps = Vec::with_capacity(65_536);
    while unit.shard.connections() > 0 {
        if steps.len() == steps.capacity() {
            return Err(GraphError::Remaining { connections: unit.shard.connections() });
        }
        unit.now = unit.now + EXPIRY_PERIOD;
        let start = dpdk::clock::cycles();
        expire_once(&mut unit.shard, unit.now);
        steps.push(dpdk::clock::cycles() - start);
    }
    Ok(steps)
}

/// Lists all, a slice at a time.
fn list_all(unit: &Unit) -> Result<Vec<u64>, GraphError> {
    let mut steps = Vec::with_capacity(CONNECTIONS as usize / LISTING_SLICE + 1_024);
    let mut listed = 0;
    let mut page = Box::new(ArrayVec::<ConnectionSummary, LISTING_SLICE>::new());
    let mut cursor = Some(Cursor::default());
    while let Some(from) = cursor {
        page.clear();
        let start = dpdk::clock::cycles();
        cursor = unit.shard.list(unit.now, from, &ConnectionFilter::default(), &mut page);
        steps.push(dpdk::clock::cycles() - start);
        listed += page.len();
    }
    match unit.shard.connections() - listed {
        0 => Ok(steps),
        connections => Err(GraphError::Remaining { connections }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_and_percentile_are_taken_from_all_runs() {
        let mut steps = Steps::default();
        steps.add((1..=10_000).collect());
        steps.add((1..=10_000).map(|step| step * 3).collect());
        steps.add(vec![5]);
        assert_eq!(steps.longest(), 10_000.0);
        assert_eq!(steps.percentile(), 29_994.0);
    }

    #[test]
    fn all_are_listed_and_all_expire() {
        let mut unit = Unit::established::<Ipv4Addr>(Plan::with_capacity(10_000)).unwrap();
        let slices = list_all(&unit).unwrap().len();
        assert!((10_000 / LISTING_SLICE..200).contains(&slices), "{slices} slices");
        assert_eq!(expire_all(&mut unit).unwrap().len(), 10_000, "one slot at a time");
    }
}
