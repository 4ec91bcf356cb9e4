//! Allocations per packet, for packets of all kinds, and of all that is done beside them: none.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use arrayvec::ArrayVec;
use director::{ConnectionFilter, ConnectionSummary, Cursor, TcpWithoutConnection, Verdict};
use model::limits::{BATCH, LISTING_SLICE};
use model::{RangeSet, ShardOrder, ShardReport, UnitState, Update};

use super::SmokeError;
use super::allocator::allocations;
use super::scenarios::{CONNECTIONS, Fate, Scenario, of_version};
use crate::graph::unit::{Plan, Unit};
use crate::load::ring::Ring;

/// Longer than anything is kept.
const LONG_IDLE: Duration = Duration::from_secs(8_000);

/// Between two kinds of packets: what a shard may say of errors is limited by the second.
const PAUSE: Duration = Duration::from_secs(1);

/// Slots that are looked at in one go.
const SLOTS: usize = 512;

/// Sends packets of all kinds through units of all policies.
///
/// # Errors
///
/// The first kind that allocates, or that is treated otherwise than it should be.
pub(super) fn check() -> Result<(), SmokeError> {
    use TcpWithoutConnection::{Admit, Drop, Reset};
    for tcp_without_connection in [Drop, Reset, Admit] {
        let plan = Plan { tcp_without_connection, ..Plan::with_capacity(4 * CONNECTIONS) };
        let mut unit = Unit::new(plan)?;
        for scenario in of_version::<Ipv4Addr>(plan).into_iter().chain(of_version::<Ipv6Addr>(plan)) {
            play(&mut unit, &scenario)?;
        }
        check_walks(&mut unit)?;
    }
    check_pair()
}

fn play(unit: &mut Unit, scenario: &Scenario) -> Result<(), SmokeError> {
    unit.now = unit.now + PAUSE;
    let mut ring = Ring::new();
    let mut verdicts = ArrayVec::new();
    for frames in scenario.frames.chunks(BATCH) {
        ring.begin();
        for frame in frames {
            ring.push(scenario.port, |buffer| {
                buffer[..frame.len()].copy_from_slice(frame);
                frame.len()
            });
        }
        let mut batch = ring.frames();
        let before = allocations();
        unit.shard.process(unit.now, &unit.next_hops, &mut batch, &mut verdicts);
        if scenario.fate == Fate::AnswerNeighbor {
            verdicts = batch.iter_mut().map(|frame| unit.shard.answer_neighbor(frame)).collect();
        }
        none_since(before, &scenario.name)?;
        let expected = if scenario.fate == Fate::AnswerNeighbor { Fate::Answer } else { scenario.fate };
        expect(expected, &verdicts, &scenario.name)?;
    }
    Ok(())
}

/// Lists all connections, lets them expire, and has the places used again.
fn check_walks(unit: &mut Unit) -> Result<(), SmokeError> {
    let mut page = ArrayVec::<ConnectionSummary, LISTING_SLICE>::new();
    let mut cursor = Some(Cursor::default());
    let before = allocations();
    while let Some(from) = cursor {
        page.clear();
        cursor = unit.shard.list(unit.now, from, &ConnectionFilter::default(), &mut page);
    }
    none_since(before, "in a listing")?;
    unit.now = unit.now + LONG_IDLE;
    let before = allocations();
    while unit.shard.connections() > 0 {
        unit.shard.expire(unit.now, SLOTS);
    }
    none_since(before, "in expiry")?;
    for scenario in of_version::<Ipv4Addr>(unit.plan).iter().take(1) {
        play(unit, scenario)?;
    }
    Ok(())
}

/// Has a standby take over what a unit tells, live and once more, and go on with it.
fn check_pair() -> Result<(), SmokeError> {
    let plan = Plan { is_paired: true, ..Plan::with_capacity(4 * CONNECTIONS) };
    let (mut active, mut standby) = (Unit::new(plan)?, Unit::new(plan)?);
    active.shard.set_listened(true);
    standby.shard.set_state(standby.now, UnitState::Standby);
    let scenarios: Vec<_> =
        of_version::<Ipv4Addr>(plan).into_iter().chain(of_version::<Ipv6Addr>(plan)).collect();
    for scenario in &scenarios {
        play(&mut active, scenario)?;
        carry(&mut active, &mut standby)?;
    }
    tell_again(&mut active, &mut standby)?;
    if standby.shard.counters().marked() != active.shard.counters().marked() {
        return Err(SmokeError::Unexpected {
            scenario: "a standby".to_owned(),
            verdict: format!("{} connections", standby.shard.connections()),
        });
    }
    let before = allocations();
    standby.shard.set_state(active.now, UnitState::Active);
    none_since(before, "in a takeover")?;
    standby.now = active.now;
    check_walks(&mut standby)
}

/// Brings all reports of `active` to `standby`, and has both get on with what is under way.
fn carry(active: &mut Unit, standby: &mut Unit) -> Result<(), SmokeError> {
    let before = allocations();
    loop {
        let mut gets_on = active.shard.work(active.now) | standby.shard.work(active.now);
        while !standby.shard.is_busy()
            && let Some(report) = active.shard.take_report()
        {
            gets_on = true;
            if let ShardReport::Update(update) = report {
                standby.shard.order(active.now, ShardOrder::Apply(update));
            }
        }
        while standby.shard.take_report().is_some() {}
        if !gets_on {
            break;
        }
    }
    none_since(before, "in replication")
}

/// Digests, and a pass over all ranges.
fn tell_again(active: &mut Unit, standby: &mut Unit) -> Result<(), SmokeError> {
    let ranges = Arc::new(RangeSet::ALL);
    standby.shard.order(active.now, ShardOrder::Apply(Update::PassBegins { pass: 1 }));
    for order in [
        ShardOrder::Walk { pass: 1, ranges: Arc::clone(&ranges) },
        ShardOrder::Grant { connections: u32::MAX },
        ShardOrder::TellDigests { round: 1 },
    ] {
        active.shard.order(active.now, order);
    }
    carry(active, standby)?;
    standby.shard.order(active.now, ShardOrder::Apply(Update::PassEnds { pass: 1, ranges }));
    carry(active, standby)
}

fn none_since(before: u64, scenario: &str) -> Result<(), SmokeError> {
    match allocations() - before {
        0 => Ok(()),
        count => Err(SmokeError::Allocated { scenario: scenario.to_owned(), count }),
    }
}

fn expect(fate: Fate, verdicts: &[Verdict], scenario: &str) -> Result<(), SmokeError> {
    match verdicts.iter().find(|verdict| !fate.is(**verdict)) {
        None => Ok(()),
        Some(verdict) => {
            Err(SmokeError::Unexpected { scenario: scenario.to_owned(), verdict: format!("{verdict:?}") })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_packet_allocates() {
        check().unwrap();
    }

    #[test]
    fn an_allocation_is_told() {
        let before = allocations();
        drop(std::hint::black_box(vec![0; 100]));
        assert!(matches!(none_since(before, "here"), Err(SmokeError::Allocated { count: 1, .. })));
    }

    #[test]
    fn another_fate_than_expected_is_told() {
        let plan = Plan::with_capacity(100);
        let mut unit = Unit::new(plan).unwrap();
        let mut first = of_version::<Ipv4Addr>(plan).swap_remove(0);
        assert!(matches!(play(&mut unit, &first), Err(SmokeError::Unexpected { .. })), "the table is full");
        first.fate = Fate::Drop;
        assert!(play(&mut unit, &first).is_err(), "the first hundred have connections");
    }
}
