//! Configuration as transactions: who gets whose, and what happens when something comes in between.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod pair;

use std::time::Duration;

use failover_serial::{ChannelSettings, DOCUMENT_BYTES_MOST, MirrorEvent, digest_of};
use model::UnitState;
use pair::{Pair, Unit, in_sync, key};

const SECOND: Duration = Duration::from_secs(1);
const BEAT_INTERVAL: Duration = Duration::from_millis(50);

fn document(kilobytes: usize) -> Vec<u8> {
    let mut chance = fastrand::Rng::with_seed(3);
    std::iter::repeat_with(|| chance.alphanumeric() as u8).take(kilobytes * 1_024).collect()
}

fn pair(active: (u32, &[u8]), standby: (u32, &[u8])) -> Pair {
    Pair::with_documents(active, standby).beating(BEAT_INTERVAL)
}

fn documents_received(unit: &Unit) -> usize {
    unit.events.iter().filter(|event| matches!(event, MirrorEvent::Document { .. })).count()
}

/// Both have `generation` and the same document.
fn assert_same(pair: &Pair, generation: u32) {
    let [one, other] = &pair.units;
    assert_eq!((one.generation(), other.generation()), (generation, generation));
    assert!(one.document == other.document);
    assert_eq!(one.mirror.status().mark.digest, digest_of(&one.document));
}

#[test]
fn a_command_is_acknowledged_by_its_generation() {
    let mut pair = pair((5, b"a"), (5, b"a"));
    pair.run_until(SECOND, in_sync);
    let now = pair.now;
    pair.units[0].change(now, b" bind");
    assert!(!pair.units[0].mirror.status().in_sync);
    assert_eq!(pair.units[0].mirror.status().peer_has, Some(5));
    let took = pair.run_until(SECOND, in_sync);
    assert!(took < Duration::from_millis(100), "{took:?}");
    assert_eq!(pair.units[0].events, [MirrorEvent::Acknowledged { generation: 6 }]);
    assert_eq!(documents_received(&pair.units[1]), 0);
    assert_same(&pair, 6);
}

#[test]
fn many_commands_keep_their_order() {
    let mut pair = pair((5, b"a"), (5, b"a"));
    pair.run_until(SECOND, in_sync);
    for round in 0..10_u8 {
        let now = pair.now;
        (0..5).for_each(|number| pair.units[0].change(now, &[round, number]));
        pair.run(SECOND / 20);
    }
    pair.run_until(SECOND * 3, in_sync);
    assert_eq!(documents_received(&pair.units[1]), 0);
    assert_same(&pair, 55);
}

#[test]
fn more_commands_than_are_kept_become_a_document() {
    let mut pair = pair((5, b"a"), (5, b"a"));
    pair.run_until(SECOND, in_sync);
    let now = pair.now;
    (0..100).for_each(|number| pair.units[0].change(now, &[number]));
    pair.run_until(SECOND * 3, in_sync);
    assert_eq!(documents_received(&pair.units[1]), 1);
    assert_same(&pair, 105);
}

#[test]
fn without_beats_too() {
    let mut pair = Pair::with_documents((2, &document(2)), (1, b"a"));
    pair.run_until(SECOND * 5, in_sync);
    assert_same(&pair, 2);
}

#[test]
fn commands_while_a_document_is_under_way_follow_it() {
    let mut pair = pair((2, &document(20)), (1, b"a"));
    pair.run(SECOND);
    let now = pair.now;
    (0..3).for_each(|number| pair.units[0].change(now, &[number]));
    pair.run_until(SECOND * 5, in_sync);
    assert_eq!(documents_received(&pair.units[1]), 1, "it did not begin anew");
    assert_same(&pair, 5);
}

#[test]
fn another_document_while_one_is_under_way_takes_its_place() {
    let mut pair = pair((2, &document(20)), (1, b"a"));
    pair.run(SECOND);
    let now = pair.now;
    pair.units[0].load(now, 3, &document(5));
    pair.run_until(SECOND * 3, in_sync);
    assert_eq!(documents_received(&pair.units[1]), 1, "the older one never came to its end");
    assert_same(&pair, 3);
}

#[test]
fn of_the_same_generation_the_active_units_wins() {
    let mut pair = pair((4, b"active's"), (4, b"standby's"));
    pair.run_until(SECOND, in_sync);
    assert_same(&pair, 4);
    assert_eq!(pair.units[1].document, b"active's");
}

#[test]
fn the_newer_one_wins_even_from_the_standby() {
    let mut pair = pair((4, b"older"), (6, b"newer"));
    pair.run_until(SECOND, in_sync);
    assert_same(&pair, 6);
    assert_eq!(pair.units[0].document, b"newer");
}

#[test]
fn a_refusal_says_why_and_is_tried_again() {
    let mut pair = pair((5, b"a"), (5, b"a"));
    pair.run_until(SECOND, in_sync);
    pair.units[1].refuses = Some("no such port");
    let now = pair.now;
    pair.units[0].change(now, b" bind");
    pair.run(SECOND * 2);
    let refused = MirrorEvent::Refused { reason: "no such port".to_owned() };
    assert_eq!(pair.units[0].events, [refused.clone(), refused], "the command, then the whole");
    let status = pair.units[0].mirror.status();
    assert_eq!((status.peer_has, status.in_sync), (Some(5), false));
    assert_eq!(status.last_error.unwrap(), "the other unit refused generation 6: no such port");
    pair.units[1].refuses = None;
    pair.run_until(SECOND * 35, in_sync);
    assert_same(&pair, 6);
}

#[test]
fn a_standby_that_restarts_in_the_middle() {
    let mut pair = pair((2, &document(20)), (1, b"a"));
    pair.run(SECOND);
    let settings = ChannelSettings::new(key());
    let mut restarted = Unit::new(settings, 0x33, UnitState::Standby, (1, b"a"));
    restarted.beat_interval = Some(BEAT_INTERVAL);
    pair.units[1] = restarted;
    let took = pair.run_until(SECOND * 6, in_sync);
    println!("after the restart of the standby: {took:?}");
    assert_same(&pair, 2);
    assert_eq!(pair.units[0].channel.status().peer_boot, Some(0x33));
}

#[test]
fn an_active_unit_that_restarts_in_the_middle_goes_on() {
    let whole = document(20);
    let mut pair = pair((2, &whole), (1, b"a"));
    pair.run(SECOND);
    let arrived = pair.units[1].mirror.status().receiving.unwrap().sent;
    let mut restarted = Unit::new(ChannelSettings::new(key()), 0x33, UnitState::Active, (2, &whole));
    restarted.beat_interval = Some(BEAT_INTERVAL);
    pair.units[0] = restarted;
    pair.run(SECOND / 5);
    assert!(pair.units[1].mirror.status().receiving.unwrap().sent >= arrived);
    pair.run_until(SECOND * 3, in_sync);
    assert_same(&pair, 2);
}

#[test]
fn what_was_agreed_is_agreed_after_both_change_their_roles() {
    let mut pair = pair((2, b"a"), (1, b"b"));
    pair.run_until(SECOND, in_sync);
    let now = pair.now;
    pair.units[0].mirror.set_state(now, UnitState::Standby);
    pair.units[1].mirror.set_state(now, UnitState::Active);
    pair.units[1].change(now, b" more");
    pair.run_until(SECOND, in_sync);
    assert_same(&pair, 3);
}

#[test]
fn a_document_that_is_too_long_is_not_sent() {
    let mut pair = pair((2, &vec![b' '; DOCUMENT_BYTES_MOST + 1]), (1, b"a"));
    pair.run(SECOND);
    let status = pair.units[0].mirror.status();
    assert!(status.last_error.unwrap().contains("at most 8388608 can be mirrored"));
    assert_eq!(pair.units[1].generation(), 1);
}

#[test]
fn a_message_with_another_key_changes_nothing() {
    let mut pair = pair((5, b"a"), (5, b"a"));
    pair.run_until(SECOND, in_sync);
    let mut stranger = Unit::new(
        ChannelSettings::new(failover_serial::CableKey::new([9; 32])),
        0x44,
        UnitState::Active,
        (9, b"evil"),
    );
    let message = stranger.mirror.poll_transmit(pair.now).unwrap();
    pair.units[1].mirror.receive(pair.now, &message);
    let status = pair.units[1].mirror.status();
    assert_eq!((status.not_authentic, status.peer_has), (1, Some(5)));
    assert_eq!(status.last_error.unwrap(), "a message of the other unit is not authentic");
}
