//! How long a standby that joins takes to learn everything, while the active unit forwards.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use director::Direction;
use model::UnitState;

use super::cable::Cable;
use super::core::PATIENCE;
use super::error::ReplicationError;
use super::side::Side;
use super::side_by_side;
use crate::clock;
use crate::graph::Effort;
use crate::graph::figures::value;
use crate::graph::pass::Pass;
use crate::graph::stream::{Stream, random_order};
use crate::graph::unit::{Plan, Unit};
use crate::report::{Figure, Goal};

/// Connections, and seconds that they may take.
const SIZES: [(u32, f64); 2] = [(1_000_000, 2.0), (10_000_000, 20.0)];

/// How long forwarding alone is measured.
const ALONE: Duration = Duration::from_millis(500);

pub(super) fn run(effort: Effort) -> Result<Vec<Figure>, ReplicationError> {
    let mut figures = Vec::new();
    for (connections, goal) in SIZES.into_iter().filter(|(size, _)| *size <= effort.connections()) {
        let (seconds, share) = synchronize(connections)?;
        let name = |what| format!("replication/full sync/{connections}{what}");
        figures.push(value(name(""), "seconds", seconds, Some(Goal::AtMost(goal))));
        figures.push(value(name("/forwarded beside it"), "of what is possible", share, None));
    }
    Ok(figures)
}

/// Returns the seconds that it took, and the packets forwarded meanwhile, by those that could have been without.
fn synchronize(connections: u32) -> Result<(f64, f64), ReplicationError> {
    let plan = Plan { is_paired: true, ..Plan::with_capacity(connections) };
    let mut cable = Cable::new()?;
    let (active, standby) = (Unit::established::<Ipv4Addr>(plan)?, Unit::new(plan)?);
    let order = random_order(plan);
    let is_there = AtomicBool::new(false);
    let (share, seconds) = side_by_side(
        |stop| forward(Side::new(active, &mut cable.active, UnitState::Active, 0), &order, &is_there, stop),
        |stop| {
            join(Side::new(standby, &mut cable.standby, UnitState::Standby, 0), connections, &is_there, stop)
        },
    )?;
    Ok((seconds, share))
}

/// The active unit: forwards alone for a while, then half of that rate until the standby is level.
fn forward(
    mut side: Side<'_>,
    order: &[u32],
    is_there: &AtomicBool,
    stop: &AtomicBool,
) -> Result<f64, ReplicationError> {
    let plan = side.unit.plan;
    let mut stream = Stream::<Ipv4Addr>::new(plan, Direction::Inbound, order);
    let (mut pass, mut batches, started) = (Pass::default(), 0_u32, clock::now());
    let mut forward = |side: &mut Side<'_>| {
        pass.ring.begin();
        stream.fill(&mut pass.ring);
        pass.run(&mut side.unit)
    };
    while started.elapsed() < ALONE {
        forward(&mut side)?;
        batches += 1;
    }
    let per_batch = started.elapsed() / batches;
    is_there.store(true, Ordering::Relaxed);
    let (mut forwarded, started) = (0_u32, clock::now());
    while !stop.load(Ordering::Relaxed) {
        if 2 * per_batch * forwarded <= started.elapsed() {
            forward(&mut side)?;
            forwarded += 1;
        }
        side.round();
    }
    Ok(f64::from(forwarded) * per_batch.as_secs_f64() / started.elapsed().as_secs_f64())
}

/// The standby: begins when the other is there, and ends when it knows that both have the same.
fn join(
    mut side: Side<'_>,
    connections: u32,
    is_there: &AtomicBool,
    stop: &AtomicBool,
) -> Result<f64, ReplicationError> {
    while !is_there.load(Ordering::Relaxed) && !stop.load(Ordering::Relaxed) {
        std::hint::spin_loop();
    }
    let started = clock::now();
    while !side.is_synchronized() {
        side.round();
        if stop.load(Ordering::Relaxed) || started.elapsed() > PATIENCE {
            return Err(ReplicationError::InVain("a standby that has everything"));
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let known = side.unit.shard.connections();
    if known == connections as usize { Ok(seconds) } else { Err(ReplicationError::InVain("all connections")) }
}
