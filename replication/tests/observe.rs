//! A standby that learns of connections by watching is told only of what it can not see, and has the rest repaired.

#![allow(clippy::cast_possible_truncation, reason = "small numbers")]

mod pair;

use std::collections::VecDeque;
use std::time::Duration;

use model::{ConnectionEnds, ConnectionRecord, Instant, Phase, UnitState};
use pair::network::{Faults, Random};
use pair::{Pair, connection, settings};
use replication::Settings;

/// A standby that watches, with three workers.
fn watching() -> Settings {
    Settings { observes: true, ..settings(3) }
}

/// A pair that has found that neither unit has any connection.
fn calm(seed: u64) -> Pair {
    let mut pair = Pair::with(seed, settings(1), watching());
    pair.converge(3_000);
    pair
}

/// What is on its way to the standby's eyes.
#[derive(Default)]
struct Sight(VecDeque<(Instant, ConnectionRecord)>);

impl Sight {
    fn arrive(&mut self, pair: &mut Pair) {
        while let Some((at, record)) = self.0.pop_front_if(|(at, _)| *at <= pair.now) {
            // What is seen when it is over already is not seen.
            if pair.units[0].shards.has(&record.ends) || at == pair.now {
                pair.units[1].shards.insert(record);
            }
        }
    }
}

/// Creates and deletes connections for a while. The standby sees creates a little later, and some not at all. Returns how
/// many were made.
fn live(pair: &mut Pair, seed: u64, milliseconds: u32, missed_of_100: u64) -> u64 {
    let (mut random, mut sight, mut made) = (Random(seed), Sight::default(), 0);
    for _ in 0..milliseconds {
        for _ in 0..20 {
            let record = connection(random.below(3_000) as u32);
            let now = pair.now;
            if random.below(3) == 0 {
                pair.units[0].delete(now, &record.ends);
            } else if !pair.units[0].shards.has(&record.ends) {
                made += 1;
                pair.units[0].create(now, record.clone());
                if random.below(100) >= missed_of_100 {
                    sight.0.push_back((now + Duration::from_millis(2), record));
                }
            }
        }
        pair.run_ms(1);
        sight.arrive(pair);
    }
    pair.run_ms(2);
    sight.arrive(pair);
    made
}

#[test]
fn what_is_seen_is_not_told() {
    let mut pair = calm(1);
    for number in 0..1_000 {
        pair.create(connection(number));
        pair.units[1].shards.insert(connection(number));
    }
    (0..500).for_each(|number| {
        let now = pair.now;
        pair.units[0].delete(now, &connection(number).ends);
    });
    pair.converge(1_500);
    pair.run_ms(3_000);
    let shards = &pair.units[1].shards;
    assert_eq!((shards.len(), shards.applied_creates, shards.passes_ended), (500, 0, 0));
    assert!(pair.status(0).peer.observes && !pair.status(1).peer.observes);
}

#[test]
fn a_standby_that_misses_some_is_repaired() {
    for seed in 0..4 {
        let mut pair = calm(seed);
        let made = live(&mut pair, seed, 3_000, 3);
        pair.converge(5_000);
        let shards = &pair.units[1].shards;
        assert!(shards.passes_ended > 0, "seed {seed}: nothing was missed");
        let told = shards.applied_creates;
        assert!(told * 3 < made, "seed {seed}: {told} of {made} were told");
    }
}

#[test]
fn a_bad_network_only_delays() {
    for seed in 10..13 {
        let mut pair = Pair::with(seed, settings(1), watching()).faulty(Faults::bad());
        pair.run_until(10_000, "a session", |pair| pair.units[0].replicator.wants_updates());
        live(&mut pair, seed, 1_000, 3);
        pair.converge(8_000);
    }
}

#[test]
fn a_standby_that_sees_nothing_converges_all_the_same() {
    let mut pair = calm(20);
    live(&mut pair, 20, 2_000, 100);
    pair.converge(5_000);
}

#[test]
fn a_standby_that_joins_late_learns_everything() {
    let mut pair = Pair::with(21, settings(1), watching());
    (0..5_000).for_each(|number| pair.create(connection(number)));
    pair.converge(4_000);
    assert_eq!((pair.units[1].shards.len(), pair.units[1].shards.passes_ended), (5_000, 1));
}

#[test]
fn what_can_not_be_seen_is_told() {
    let mut pair = calm(30);
    let ends = connection(1).ends;
    let other = ConnectionEnds { translated_port: 9, ..connection(2).ends };
    let records = [
        ConnectionRecord { phase: Phase::ClientClosed, ..connection(1) },
        ConnectionRecord { ends: other, ..connection(2) },
        ConnectionRecord { buddy: Some(Box::new(ends)), ..connection(3) },
    ];
    records.iter().for_each(|record| pair.create(record.clone()));
    pair.create(connection(4));
    pair.run_ms(5);
    let has = |record: &ConnectionRecord| pair.units[1].shards.has(&record.ends);
    assert!(records.iter().all(has) && !has(&connection(4)));
}

#[test]
fn during_a_pass_everything_is_told() {
    let mut pair = calm(31);
    pair.create(connection(1));
    pair.run_until(1_500, "a round that differs", |pair| {
        pair.status(1).agreement.is_some_and(|round| round.differing == 1)
    });
    pair.run_ms(500);
    // The second round waits for the standby's shards, and what comes of it for the active unit's: the pass stays open.
    pair.units[1].drains = false;
    pair.run_ms(700);
    pair.units[0].drains = false;
    pair.units[1].drains = true;
    pair.run_ms(5);
    assert!(pair.status(0).pass.is_some());
    pair.create(connection(2_000));
    pair.run_ms(5);
    assert!(pair.units[1].shards.has(&connection(2_000).ends));
    pair.units[0].drains = true;
    pair.converge(3_000);
}

#[test]
fn what_differs_for_a_moment_is_normal() {
    let mut pair = calm(32);
    for number in 0..5 {
        let before = pair.status(1).agreement;
        assert_eq!(before.map(|round| round.differing), Some(0));
        pair.create(connection(number * 8));
        pair.run_until(1_500, "a round that differs", |pair| {
            assert!(pair.is_synchronized());
            pair.status(1).agreement.is_some_and(|round| round.differing == 1)
        });
        // It is seen at last.
        pair.units[1].shards.insert(connection(number * 8));
        pair.run_until(1_500, "a round that agrees", |pair| {
            assert!(pair.is_synchronized());
            pair.status(1).agreement.is_some_and(|round| round.differing == 0)
        });
    }
    assert_eq!(pair.units[1].shards.passes_ended, 0);
}

#[test]
fn what_differs_twice_is_missing() {
    let mut pair = calm(33);
    pair.create(connection(1));
    pair.run_until(1_500, "a round that differs", |pair| {
        pair.status(1).agreement.is_some_and(|round| round.differing == 1)
    });
    assert!(pair.status(1).is_synchronized, "once may be chance");
    pair.run_until(1_500, "twice is not", |pair| !pair.status(1).is_synchronized);
    pair.converge(3_000);
    assert_eq!(pair.units[1].shards.passes_ended, 1);
}

#[test]
fn what_is_lost_is_found_by_two_rounds() {
    let mut active = settings(1);
    active.history_batches = 64;
    let mut pair = Pair::with(34, active, watching());
    pair.converge(3_000);
    pair.network.faults.partition = true;
    live(&mut pair, 34, 1_000, 0);
    pair.network.faults.partition = false;
    pair.run_until(100, "something lost", |pair| pair.status(1).received.gaps_skipped > 0);
    assert!(!pair.status(1).is_synchronized);
    pair.converge(5_000);
}

#[test]
fn a_standby_that_does_not_watch_is_told_by_one_that_does() {
    let mut pair = calm(35);
    let now = pair.now;
    pair.units[0].replicator.set_state(now, UnitState::Standby);
    pair.units[1].replicator.set_state(now, UnitState::Active);
    pair.run_ms(10);
    pair.units[1].create(pair.now, connection(1));
    pair.run_ms(5);
    assert!(pair.tables_are_equal());
    assert_eq!(pair.units[0].shards.applied_creates, 1);
}
