//! Connections that are not timed out without each other: seed 001, figure 3C, pointer 354.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod common;

use common::pair::mirror;
use common::pair_stories::*;
use common::*;
use model::{ConnectionEnds, ConnectionRecord, Phase, Protocol, UnitState, Update};

#[test]
fn buddies_are_told_and_outlive_each_other() {
    let (mut active, mut standby) = pair();
    let (control, data) = (open(&mut active, web_client(1)), open(&mut active, web_client(2)));
    let third = open(&mut active, web_client(3));
    let stranger = open(&mut active, v4("203.0.113.8", 1, "192.0.2.100", 80));
    mirror(&mut active, &mut standby);
    assert!(!active.join(&control, &stranger) && !active.join(&control, &web_ends(99, "10.1.0.11")));
    assert!(active.join(&control, &data) && active.join(&data, &third));
    mirror(&mut active, &mut standby);
    assert_eq!((standby.connections(), standby.count(|counters| &counters.replica.created)), (4, 4));
    standby.set_state(UnitState::Active);
    for unit in [&mut active, &mut standby] {
        for _ in 0..10 {
            unit.wait(HOUR);
            forwarded(unit, "203.0.113.7", OUTSIDE, tcp(OUTSIDE, web_client(2), ACK));
        }
        assert_eq!(unit.connections(), 3, "the stranger is gone");
        unit.wait(3 * HOUR);
        assert_eq!(unit.connections(), 0);
        unit.check();
    }
}

#[test]
fn a_buddy_that_is_not_there_is_made() {
    let (_, mut standby) = pair();
    let (control, data) = (web_ends(1, "10.1.0.11"), web_ends(2, "10.1.0.12"));
    let record = |ends, buddy| {
        Update::Create(ConnectionRecord { ends, phase: Phase::Open, bind_id: 0, group: 0, buddy })
    };
    standby.apply(record(control, Some(Box::new(data))));
    assert_eq!(standby.connections(), 2);
    standby.apply(record(data, Some(Box::new(control))));
    assert_eq!((standby.connections(), standby.count(|counters| &counters.replica.refreshed)), (2, 1));
    // Buddies that contradict the connection, or are another client's.
    standby.apply(record(control, Some(Box::new(web_ends(1, "10.1.0.12")))));
    let other_client = ConnectionEnds { client: endpoint("203.0.113.8", 1), ..data };
    standby.apply(record(data, Some(Box::new(other_client))));
    standby.apply(record(data, Some(Box::new(web_ends(5, "10.1.0.99")))));
    assert_eq!(standby.count(|counters| &counters.replica.buddies_refused), 3);
    standby.check();
    // The order in which they go does not matter.
    standby.apply(record(control, Some(Box::new(data))));
    standby.apply(Update::Delete(data));
    standby.set_state(UnitState::Active);
    standby.wait(3 * HOUR);
    assert_eq!(standby.connections(), 0);
    standby.check();
}

#[test]
fn buddies_of_half_open_connections_are_told_when_they_are_established() {
    let (mut active, mut standby) = pair();
    let control = open(&mut active, web_client(1));
    let client = web_client(2);
    let inside = forwarded(&mut active, "203.0.113.7", OUTSIDE, tcp(OUTSIDE, client, SYN));
    let data = ends_of(Protocol::Tcp, client, inside);
    assert!(active.join(&control, &data));
    mirror(&mut active, &mut standby);
    assert_eq!(standby.connections(), 1, "of a buddy that is not told itself, nothing is told");
    forwarded(&mut active, "203.0.113.7", INSIDE, tcp(INSIDE, answer::<std::net::Ipv4Addr>(inside), SYN_ACK));
    forwarded(&mut active, "203.0.113.7", OUTSIDE, tcp(OUTSIDE, client, ACK));
    mirror(&mut active, &mut standby);
    agrees(&mut active, &mut standby);
    standby.set_state(UnitState::Active);
    for _ in 0..10 {
        standby.wait(HOUR);
        forwarded(&mut standby, "203.0.113.7", OUTSIDE, tcp(OUTSIDE, client, ACK));
    }
    assert_eq!(standby.connections(), 2);
}
