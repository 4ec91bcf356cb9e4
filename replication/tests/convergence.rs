//! Two units come to have the same connections, whatever the network does.

#![allow(clippy::cast_possible_truncation, reason = "small numbers")]

mod pair;

use std::time::Duration;

use model::UnitState;
use pair::network::{Faults, Random};
use pair::{Pair, connection, settings};
use replication::{Link, Rejection, Settings};

/// Creates and deletes connections at the active unit for a while.
fn live(pair: &mut Pair, seed: u64, steps: u32) {
    let mut random = Random(seed);
    for _ in 0..steps {
        for _ in 0..20 {
            let record = connection(random.below(3_000) as u32);
            let now = pair.now;
            if random.below(3) == 0 {
                pair.units[0].delete(now, &record.ends);
            } else {
                pair.units[0].create(now, record);
            }
        }
        pair.run_ms(1);
    }
}

#[test]
fn a_standby_that_joins_late_learns_everything() {
    let mut pair = Pair::new(1);
    (0..5_000).for_each(|number| pair.create(connection(number)));
    pair.converge(1_000);
    assert_eq!(pair.units[1].shards.len(), 5_000);
    assert_eq!(pair.units[1].shards.passes_ended, 1);
    assert_eq!(pair.status(0).rejected.total() + pair.status(1).rejected.total(), 0);
}

#[test]
fn updates_arrive_within_a_flush_and_a_delay() {
    let mut pair = Pair::new(2);
    pair.converge(1_000);
    pair.create(connection(1));
    pair.run_ms(2);
    assert!(pair.tables_are_equal());
    assert_eq!(pair.status(0).lag_updates, 1, "the acknowledgement waits a little");
    pair.run_ms(2);
    assert_eq!(pair.status(0).lag_updates, 0);
}

#[test]
fn a_bad_network_only_delays() {
    for seed in 0..12 {
        let mut pair = Pair::new(seed).faulty(Faults::bad());
        pair.run_until(10_000, "a session", |pair| pair.units[0].replicator.wants_updates());
        live(&mut pair, seed, 300);
        pair.run_until(100, "equal tables", Pair::tables_are_equal);
        pair.converge(5_000);
        let status = pair.status(1);
        assert!(status.rejected.total() > 0 && status.received.duplicates > 0, "seed {seed}: {status:#?}");
        assert_eq!(status.received.gaps_skipped, 0, "seed {seed}");
    }
}

#[test]
fn a_partition_heals() {
    for seed in 20..26 {
        let mut pair = Pair::new(seed);
        pair.converge(1_000);
        pair.network.faults.partition = true;
        live(&mut pair, seed, 3_000);
        assert_eq!(pair.status(0).link, Link::Searching);
        pair.network.faults.partition = false;
        pair.converge(3_000);
    }
}

#[test]
fn what_outlives_the_history_is_repaired_by_digests() {
    let mut active = settings(2);
    active.history_batches = 64;
    let mut pair = Pair::with(3, active, settings(2));
    pair.converge(1_000);
    pair.network.faults.partition = true;
    live(&mut pair, 3, 1_000);
    pair.network.faults.partition = false;
    assert!(pair.status(0).sent.forgotten > 0);
    pair.converge(3_000);
    assert!(pair.status(1).received.gaps_skipped > 0);
    assert_eq!(pair.status(0).sessions, 1);
}

#[test]
fn stale_connections_of_a_standby_that_rejoins_are_removed() {
    let mut pair = Pair::new(4);
    for number in 0..100 {
        pair.create(connection(number));
        pair.units[1].shards.insert(connection(50 + number));
    }
    pair.converge(1_000);
    assert_eq!(pair.units[1].shards.len(), 100);
}

#[test]
fn a_pass_that_lost_something_removes_nothing() {
    let mut active = settings(1);
    active.history_batches = 64;
    let mut pair = Pair::with(5, active, settings(1));
    (0..5_000).for_each(|number| pair.create(connection(number)));
    pair.units[1].shards.insert(connection(9_000));
    let is_open = |pair: &Pair| pair.status(0).pass.is_some() && pair.units[1].shards.len() > 500;
    pair.run_until(1_000, "a pass", is_open);
    pair.network.faults.partition = true;
    live(&mut pair, 5, 500);
    pair.network.faults = Faults::default();
    pair.run_until(1_000, "a gap", |pair| pair.status(1).received.gaps_skipped > 0);
    let received = pair.status(1).received;
    assert_eq!(
        (received.passes_spoilt, pair.units[1].shards.passes_ended),
        (1, 0),
        "its end is what removes"
    );
    assert!(pair.units[1].shards.has(&connection(9_000).ends));
    // The next one does.
    pair.converge(5_000);
    assert_eq!(pair.units[1].shards.passes_ended, 1);
}

#[test]
fn an_idle_standby_is_not_overrun() {
    let mut pair = Pair::new(6);
    pair.converge(1_000);
    pair.units[1].drains = false;
    live(&mut pair, 6, 300);
    let status = pair.status(0);
    assert!(status.lag_updates > 0 && status.lag.as_millis() >= 100, "{status:#?}");
    pair.units[1].drains = true;
    pair.converge(3_000);
    assert_eq!(pair.status(1).received.gaps_skipped, 0);
}

#[test]
fn a_unit_that_takes_over_applies_all_that_arrived() {
    let mut pair = Pair::new(7);
    pair.converge(1_000);
    for number in 0..200 {
        // Every fourth is lost, and nothing is ever heard of that.
        pair.network.faults.partition = number % 4 == 0;
        pair.create(connection(number));
        pair.settle();
        pair.run_ms(1);
        pair.network.faults = Faults { partition: false, deaf: Some(0), ..Faults::default() };
    }
    let now = pair.now;
    pair.units[1].replicator.set_state(now, UnitState::Active);
    pair.units[1].work(now);
    let known = pair.units[1].shards.len();
    // Unheard, the active unit sends what its standby had room for.
    assert!((90..128).contains(&known), "{known}");
    assert!(pair.status(1).received.gaps_skipped > 0);
}

#[test]
fn roles_change_over() {
    let mut pair = Pair::new(8);
    (0..500).for_each(|number| pair.create(connection(number)));
    pair.converge(1_000);
    let now = pair.now;
    pair.units[0].replicator.set_state(now, UnitState::Standby);
    pair.units[1].replicator.set_state(now, UnitState::Active);
    pair.run_ms(10);
    assert!(pair.units[1].replicator.wants_updates() && !pair.units[0].replicator.wants_updates());
    pair.units[1].create(pair.now, connection(1_000));
    pair.converge(2_000);
    assert_eq!(pair.units[0].shards.len(), 501);
}

/// A batch of the time before this unit was active arrives when it stands by again: what was deleted since stays away.
#[test]
fn what_is_late_by_a_change_of_roles_is_not_applied() {
    let mut pair = Pair::new(11);
    pair.converge(1_000);
    let now = pair.now + Duration::from_millis(1);
    pair.units[0].create(pair.now, connection(1));
    let mut late = Vec::new();
    assert!(pair.units[0].replicator.poll_transmit(now, &mut late).is_some());

    let change_over = |pair: &mut Pair, active: usize| {
        let now = pair.now;
        pair.units[1 - active].replicator.set_state(now, UnitState::Standby);
        pair.units[active].replicator.set_state(now, UnitState::Active);
    };
    change_over(&mut pair, 1);
    pair.run_ms(10);
    change_over(&mut pair, 0);
    let now = pair.now;
    pair.units[1].replicator.receive(now, 0, &mut late);
    pair.units[1].work(now);
    assert_eq!((pair.units[1].shards.len(), pair.units[1].shards.applied_creates), (0, 0));
    assert_eq!(pair.status(1).rejected.of(Rejection::UnknownSession), 1);
    pair.converge(1_000);
}

/// The active unit never hears that its standby was active for a moment.
#[test]
fn a_moment_as_the_active_unit_that_nobody_saw_is_no_harm() {
    for milliseconds in [5, 300] {
        let mut pair = Pair::new(12);
        pair.converge(1_000);
        pair.network.faults.partition = true;
        let now = pair.now;
        pair.units[1].replicator.set_state(now, UnitState::Active);
        pair.run_ms(milliseconds);
        let now = pair.now;
        pair.units[1].replicator.set_state(now, UnitState::Standby);
        pair.network.faults.partition = false;
        (0..100).for_each(|number| pair.create(connection(number)));
        pair.converge(4_000);
    }
}

#[test]
fn who_has_no_peer_is_not_synchronized() {
    let mut pair = Pair::new(13);
    pair.converge(1_000);
    pair.network.faults.partition = true;
    pair.run_ms(3_000);
    assert!(!pair.status(0).is_synchronized && !pair.status(1).is_synchronized);
}

/// A connection that the standby never takes: passes become rare.
#[test]
fn passes_that_do_not_help_become_rare() {
    let mut pair = Pair::new(14);
    pair.converge(1_000);
    pair.units[1].shards.refuses = Some(connection(7).ends);
    (0..50).for_each(|number| pair.create(connection(number)));
    let before = pair.units[1].shards.passes_ended;
    pair.run_ms(20_000);
    let passes = pair.units[1].shards.passes_ended - before;
    assert!((3..15).contains(&passes), "{passes} passes");
    assert_eq!(pair.units[1].shards.len(), 49);
    // And when there is room, all is told.
    pair.units[1].shards.refuses = None;
    pair.converge(20_000);
}

#[test]
fn a_full_sync_of_single_records_ends() {
    let each = |workers| Settings { flush: Duration::ZERO, ..settings(workers) };
    let mut pair = Pair::with(15, each(1), each(2));
    (0..2_000).for_each(|number| pair.create(connection(number)));
    pair.converge(10_000);
    assert_eq!(pair.status(0).sent.forgotten, 0);
}

#[test]
fn two_active_units_do_not_listen_to_each_other() {
    let mut pair = Pair::new(9);
    pair.converge(1_000);
    let now = pair.now;
    pair.units[1].replicator.set_state(now, UnitState::Active);
    pair.create(connection(1));
    pair.run_ms(50);
    assert!(pair.status(0).both_active && pair.status(1).both_active);
    assert!(!pair.units[0].replicator.wants_updates());
    assert_eq!(pair.units[1].shards.len(), 0);
}

#[test]
fn the_second_path_takes_over() {
    let two = |workers| replication::Settings { paths: 2, ..settings(workers) };
    let mut pair = Pair::with(10, two(1), two(2));
    pair.converge(1_000);
    pair.network.faults.cut_path = Some(0);
    live(&mut pair, 10, 600);
    pair.run_until(100, "equal tables", Pair::tables_are_equal);
    assert_eq!(pair.status(0).sessions, 1);
    assert!(pair.status(1).paths[1].bytes_received > pair.status(1).paths[0].bytes_received);
}
