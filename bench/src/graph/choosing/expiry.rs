//! A million connections whose time is over at the same moment: how long one look of the worker takes, beside looks that
//! find nothing.

use std::net::Ipv4Addr;
use std::time::Duration;

use model::limits::EXPIRY_SLOTS;

use super::{GraphError, MICROSECONDS};
use crate::clock::cycles_per_second;
use crate::graph::effort::Effort;
use crate::graph::figures::value;
use crate::graph::stalls::LONG_IDLE;
use crate::graph::unit::{Plan, Unit};
use crate::report::{Figure, Goal};

const CONNECTIONS: u32 = 1_000_000;

/// So many times the runs of others: in all of them each look has to be left alone once.
const RUNS: usize = 3;

/// Some tens of microseconds.
const GOAL: Goal = Goal::AtMost(50.0);

pub(super) fn run(effort: Effort) -> Result<Vec<Figure>, GraphError> {
    let (mut idle, mut busy) = (Sweeps::default(), Sweeps::default());
    for _ in 0..RUNS * effort.runs() {
        let mut unit = Unit::established::<Ipv4Addr>(Plan::with_capacity(CONNECTIONS))?;
        // The second time all memory is mapped, and as much of it in the caches as after any sweep.
        sweep(&mut unit);
        idle.0.push(sweep(&mut unit));
        unit.now = unit.now + LONG_IDLE;
        busy.0.push(sweep(&mut unit));
        match unit.shard.connections() {
            0 => {}
            connections => return Err(GraphError::Remaining { connections }),
        }
    }
    let microsecond = cycles_per_second() / 1e6;
    let named = |name: &str, sweeps: &Sweeps, goal| {
        let figure = |kind: &str, unit, cycles: u64, per, goal| {
            value(format!("choosing/expiry/{name}, {kind}"), unit, cycles as f64 / microsecond / per, goal)
        };
        [
            figure("longest look", MICROSECONDS, sweeps.longest(), 1.0, goal),
            figure("longest look with what the machine took", MICROSECONDS, sweeps.disturbed(), 1.0, None),
            figure("the whole", "milliseconds", sweeps.whole(), 1e3, None),
        ]
    };
    let figures = [named("1000000 at once", &busy, Some(GOAL)), named("nothing expires", &idle, None)];
    Ok(figures.into_iter().flatten().collect())
}

/// Cycles of the looks of several sweeps over the same table: each sweep has the same work at the same look.
#[derive(Default)]
struct Sweeps(Vec<Vec<u64>>);

impl Sweeps {
    /// The cycles of each look where nobody disturbed it.
    fn undisturbed(&self) -> impl Iterator<Item = u64> {
        let looks = self.0.first().map_or(0, Vec::len);
        (0..looks).filter_map(|look| self.0.iter().filter_map(|sweep| sweep.get(look).copied()).min())
    }

    fn longest(&self) -> u64 {
        self.undisturbed().max().unwrap_or(0)
    }

    fn whole(&self) -> u64 {
        self.undisturbed().sum()
    }

    /// The median of the sweeps' longest, as they were.
    fn disturbed(&self) -> u64 {
        let mut longest: Vec<u64> = self.0.iter().filter_map(|sweep| sweep.iter().copied().max()).collect();
        longest.sort_unstable();
        longest.get(longest.len() / 2).copied().unwrap_or(0)
    }
}

/// Looks once at all slots. Returns the cycles of each look.
fn sweep(unit: &mut Unit) -> Vec<u64> {
    let looks = unit.shard.slots().div_ceil(EXPIRY_SLOTS);
    let mut cycles = Vec::with_capacity(looks);
    for _ in 0..looks {
        unit.now = unit.now + Duration::from_micros(1);
        let start = dpdk::clock::cycles();
        unit.shard.expire(unit.now, EXPIRY_SLOTS);
        cycles.push(dpdk::clock::cycles() - start);
    }
    cycles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_look_counts_at_its_best() {
        let sweeps = Sweeps(vec![vec![1, 9, 3], vec![2, 4, 90], vec![8, 8, 8]]);
        assert_eq!((sweeps.longest(), sweeps.whole(), sweeps.disturbed()), (4, 8, 9));
    }

    #[test]
    fn a_sweep_forgets_who_is_idle_and_nobody_else() {
        let mut unit = Unit::established::<Ipv4Addr>(Plan::with_capacity(10_000)).unwrap();
        sweep(&mut unit);
        assert_eq!(unit.shard.connections(), 10_000);
        unit.now = unit.now + LONG_IDLE;
        sweep(&mut unit);
        assert_eq!(unit.shard.connections(), 0);
    }
}
