//! What digests do not speak of: a standby knows which clients return where and which real servers have failed, whatever the
//! network does.

#![allow(clippy::cast_possible_truncation, reason = "small numbers")]

mod pair;

use std::time::Duration;

use model::UnitState;
use pair::network::{Faults, Random};
use pair::{Pair, connection, health, settings, sticky};
use replication::Settings;

/// Clients are sent to other servers, and servers fail and are back, for a while. Connections are made, too.
fn live(pair: &mut Pair, seed: u64, milliseconds: u32) {
    let mut random = Random(seed);
    for _ in 0..milliseconds {
        for _ in 0..10 {
            pair.choose(sticky(random.below(500) as u32, random.below(8) as u8));
            pair.create(connection(random.below(3_000) as u32));
        }
        pair.choose(health(random.below(8) as u8, random.below(2) == 0));
        pair.run_ms(1);
    }
}

fn learns_all(pair: &mut Pair, limit_ms: u64) {
    pair.run_until(limit_ms, "the same choices", Pair::choices_are_equal);
}

#[test]
fn what_happens_arrives_at_once() {
    let mut pair = Pair::new(1);
    pair.converge(1_000);
    (0..1_000).for_each(|number| pair.choose(sticky(number, 1)));
    pair.choose(sticky(3, 2));
    pair.choose(health(1, true));
    pair.choose(health(2, true));
    pair.choose(health(2, false));
    learns_all(&mut pair, 3);
    assert_eq!(pair.units[1].shards.choices.sticky.len(), 1_000);
    assert_eq!(pair.status(1).rejected.total(), 0);
}

/// Where no unit has a connection no range differs, and nobody asks for anything.
#[test]
fn a_standby_that_joins_late_learns_them_without_any_pass() {
    let mut pair = Pair::new(2);
    (0..300).for_each(|number| pair.choose(sticky(number, 1)));
    pair.choose(health(1, true));
    learns_all(&mut pair, 1_000);
    pair.converge(1_000);
    pair.run_ms(5_000);
    let told = u64::from(pair.units[0].shards.choices_told);
    assert_eq!((told, pair.units[1].shards.passes_ended), (pair.status(0).sessions, 0));
    assert!(pair.status(0).pass.is_none());
}

#[test]
fn they_are_told_among_the_connections_of_a_pass() {
    let mut pair = Pair::new(3);
    (0..5_000).for_each(|number| pair.create(connection(number)));
    (0..500).for_each(|number| pair.choose(sticky(number, 1)));
    pair.run_until(1_000, "a pass", |pair| pair.status(0).pass.is_some());
    live(&mut pair, 3, 20);
    learns_all(&mut pair, 100);
    pair.converge(1_000);
    assert_eq!(pair.status(1).received.gaps_skipped, 0);
}

/// A standby is not told more than the stream has room for.
#[test]
fn many_of_them_do_not_overrun_the_history() {
    let mut active = settings(2);
    active.history_batches = 64;
    let mut pair = Pair::with(4, active, settings(3));
    (0..50_000).for_each(|number| pair.choose(sticky(number, 1)));
    learns_all(&mut pair, 5_000);
    pair.converge(5_000);
    let told = u64::from(pair.units[0].shards.choices_told);
    assert_eq!((pair.status(0).sent.forgotten, told), (0, pair.status(0).sessions));
}

#[test]
fn a_bad_network_only_delays() {
    for seed in 10..16 {
        let mut pair = Pair::new(seed).faulty(Faults::bad());
        (0..300).for_each(|number| pair.choose(sticky(number, 9)));
        live(&mut pair, seed, 500);
        learns_all(&mut pair, 3_000);
        pair.converge(5_000);
        assert_eq!(pair.status(1).received.gaps_skipped, 0, "seed {seed}");
    }
}

#[test]
fn what_outlives_the_history_is_told_again() {
    let mut active = settings(1);
    active.history_batches = 64;
    let mut pair = Pair::with(20, active, settings(3));
    pair.converge(1_000);
    pair.network.faults.partition = true;
    live(&mut pair, 20, 1_000);
    pair.network.faults.partition = false;
    assert!(pair.status(0).sent.forgotten > 0);
    learns_all(&mut pair, 5_000);
    pair.converge(3_000);
    assert_eq!(pair.status(0).sessions, 1);
}

#[test]
fn a_partition_heals() {
    let mut pair = Pair::new(21);
    pair.converge(1_000);
    pair.network.faults.partition = true;
    (0..300).for_each(|number| pair.choose(sticky(number, 4)));
    pair.choose(health(3, true));
    pair.run_ms(3_000);
    pair.network.faults.partition = false;
    learns_all(&mut pair, 3_000);
}

/// First the standby begins anew, then the active unit, whose standby takes over and tells it.
#[test]
fn either_unit_begins_anew() {
    let mut pair = Pair::new(30);
    live(&mut pair, 30, 100);
    pair.restart(1, settings(2), UnitState::Standby);
    learns_all(&mut pair, 5_000);
    pair.converge(5_000);

    let now = pair.now;
    pair.restart(0, settings(2), UnitState::Standby);
    pair.units[1].replicator.set_state(now, UnitState::Active);
    pair.units[1].choose(now, health(2, false));
    pair.units[1].choose(now, health(9, true));
    pair.converge(5_000);
    learns_all(&mut pair, 1_000);
    assert!(pair.units[0].shards.choices.has_failed.len() > 1);
}

#[test]
fn a_standby_that_watches_is_told_them_all_the_same() {
    let mut pair = Pair::with(31, settings(1), Settings { observes: true, ..settings(3) });
    pair.converge(3_000);
    let before = pair.units[1].shards.applied_creates;
    pair.choose(sticky(1, 2));
    pair.choose(health(2, true));
    pair.create(connection(1));
    learns_all(&mut pair, 3);
    assert_eq!(pair.units[1].shards.applied_creates, before);
}

#[test]
fn a_flush_of_their_own_each_ends_too() {
    let each = |workers| Settings { flush: Duration::ZERO, ..settings(workers) };
    let mut pair = Pair::with(32, each(1), each(2));
    (0..2_000).for_each(|number| pair.choose(sticky(number, 1)));
    learns_all(&mut pair, 10_000);
    assert_eq!(pair.status(0).sent.forgotten, 0);
}
