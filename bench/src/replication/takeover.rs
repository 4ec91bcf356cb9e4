//! What a worker needs to begin forwarding with what it was told: the same time, whatever is in its table.

use std::net::Ipv4Addr;

use director::Direction;
use dpdk::clock::cycles;
use model::UnitState;

use super::error::ReplicationError;
use crate::clock::cycles_per_second;
use crate::graph::Effort;
use crate::graph::figures::value;
use crate::graph::pass::Pass;
use crate::graph::stream::{Stream, random_order};
use crate::graph::unit::{Plan, Unit};
use crate::report::{Figure, Goal};
use crate::rounds::as_f64;

const SMALL: u32 = 1_000;
const LARGE: u32 = 10_000_000;

/// Takeovers, of which the best counts.
const TIMES: u32 = 2_000;

/// TSC cycles of a takeover, and with the first batch of packets.
struct Best {
    change: u64,
    with_packets: u64,
}

pub(super) fn run(effort: Effort) -> Result<Vec<Figure>, ReplicationError> {
    let hertz = cycles_per_second();
    let nanoseconds = |cycles: u64| as_f64(cycles) * 1e9 / hertz;
    let large = LARGE.min(effort.connections());
    let (few, many) = (best(SMALL)?, best(large)?);
    let figure = |name: String, best: u64| {
        value(format!("replication/takeover/{name}"), "nanoseconds", nanoseconds(best), None)
    };
    let ratio = as_f64(many.change) / as_f64(few.change);
    Ok(vec![
        figure(format!("{SMALL}"), few.change),
        figure(format!("{large}"), many.change),
        value(format!("replication/takeover/{large} by {SMALL}"), "times", ratio, Some(Goal::AtMost(1.1))),
        figure(format!("{SMALL}, and 128 first packets"), few.with_packets),
        figure(format!("{large}, and 128 first packets"), many.with_packets),
    ])
}

fn best(connections: u32) -> Result<Best, ReplicationError> {
    let _pinned = crate::affinity::Pinned::here();
    let plan = Plan { is_paired: true, ..Plan::with_capacity(connections) };
    let mut unit = Unit::established::<Ipv4Addr>(plan)?;
    let order = random_order(plan);
    let mut stream = Stream::<Ipv4Addr>::new(plan, Direction::Inbound, &order);
    let (mut pass, mut best) = (Pass::default(), Best { change: u64::MAX, with_packets: u64::MAX });
    for _ in 0..TIMES {
        unit.shard.set_state(unit.now, UnitState::Standby);
        pass.ring.begin();
        stream.fill(&mut pass.ring);
        let start = cycles();
        unit.shard.set_state(unit.now, UnitState::Active);
        let change = cycles() - start;
        let with_packets = change + pass.run(&mut unit)?;
        best.change = best.change.min(change);
        best.with_packets = best.with_packets.min(with_packets);
    }
    Ok(best)
}
