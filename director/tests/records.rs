//! What a standby makes of the records that it is told: seed 001, figures 7 and 8.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod common;

use std::time::Duration;

use common::pair::{Unit, mirror, repair};
use common::pair_stories::*;
use common::*;
use director::{Configuration, Predictor};
use model::limits::RECORDS_ASIDE;
use model::{ConnectionEnds, RangeSet, ShardOrder, UnitState, Update};

#[test]
fn counters_move_only_when_a_connection_comes_or_goes() {
    let (_, mut standby) = pair();
    let ends = web_ends(1, "10.1.0.11");
    let elsewhere = ConnectionEnds { real_server: endpoint("10.1.0.12", 8_080), ..ends };
    let other_port = ConnectionEnds { translated_port: 2, ..ends };
    // Told, connections, created, refreshed, replaced, deleted, deletes of nothing.
    let steps = [
        (Update::Delete(ends), 0, [0, 0, 0, 0, 1]),
        (create(ends), 1, [1, 0, 0, 0, 1]),
        (create(ends), 1, [1, 1, 0, 0, 1]),
        (Update::Delete(elsewhere), 1, [1, 1, 0, 0, 2]),
        (create(elsewhere), 1, [2, 1, 1, 0, 2]),
        (create(other_port), 1, [3, 1, 2, 0, 2]),
        (create(web_ends(2, "10.1.0.11")), 1, [4, 1, 3, 0, 2]),
        (Update::Delete(other_port), 1, [4, 1, 3, 0, 3]),
        (Update::Delete(web_ends(2, "10.1.0.11")), 0, [4, 1, 3, 1, 3]),
    ];
    for (update, connections, counts) in steps {
        standby.apply(update.clone());
        assert_eq!(standby.connections(), connections, "{update:?}");
        let found = [
            standby.count(|counters| &counters.replica.created),
            standby.count(|counters| &counters.replica.refreshed),
            standby.count(|counters| &counters.replica.replaced),
            standby.count(|counters| &counters.replica.deleted),
            standby.count(|counters| &counters.replica.unknown_deleted),
        ];
        assert_eq!(found, counts, "{update:?}");
        standby.check();
    }
}

#[test]
fn records_that_can_not_be_are_refused() {
    let (_, mut standby) = pair();
    let ends = web_ends(1, "10.1.0.11");
    standby.apply(create(ConnectionEnds { real_server: endpoint("2001:db8:1::11", 8_080), ..ends }));
    let wrong = usize::from(director::Steering::new(2).owner(ends.client.address) == 0);
    let bench = &mut standby.shards[wrong];
    bench.shard.order(bench.now, ShardOrder::Apply(create(ends)));
    assert_eq!(standby.count(|counters| &counters.replica.refused_invalid), 2);
    assert_eq!(standby.connections(), 0);
    standby.check();
}

#[test]
fn full_standby_refuses_and_counts() {
    let options = Options { capacity: 3, state: UnitState::Standby, ..Options::default() };
    let mut standby = Unit::with(&configuration(), 1, options);
    for port in 1..=5 {
        standby.apply(create(web_ends(port, "10.1.0.11")));
    }
    standby.apply(create(web_ends(1, "10.1.0.12")));
    assert_eq!((standby.connections(), standby.count(|counters| &counters.replica.refused_full)), (3, 2));
    standby.check();
}

#[test]
fn what_is_not_configured_is_kept_aside_and_agrees() {
    let mut active = Unit::new(&configuration(), 1, UnitState::Active);
    let poor = Configuration::builder()
        .real_server("10.1.0.11:8080")
        .virtual_server("192.0.2.100:80", Predictor::RoundRobin)
        .bind("192.0.2.100:80", &["10.1.0.11:8080"])
        .build()
        .unwrap();
    let mut standby = Unit::new(&poor, 2, UnitState::Standby);
    for port in 1..=10 {
        open(&mut active, web_client(port));
    }
    open(&mut active, v6("2001:db8:9::7", 1, "2001:db8:100::100", 80));
    mirror(&mut active, &mut standby);
    assert_eq!((standby.connections(), standby.count(|counters| &counters.replica.set_aside)), (5, 6));
    agrees(&mut active, &mut standby);
    // Nothing changes by being told again, and what is gone leaves.
    repair(&mut active, &mut standby, 1, RangeSet::ALL);
    assert_eq!(standby.count(|counters| &counters.replica.aside_ended), 0);
    forwarded(&mut active, "203.0.113.7", OUTSIDE, tcp(OUTSIDE, web_client(1), RST));
    forwarded(&mut active, "203.0.113.7", OUTSIDE, tcp(OUTSIDE, web_client(2), RST));
    active.wait(Duration::from_secs(10));
    mirror(&mut active, &mut standby);
    assert_eq!((standby.connections(), standby.count(|counters| &counters.replica.aside_ended)), (4, 1));
    agrees(&mut active, &mut standby);
    // A pass that does not mention them makes them stale.
    standby.apply(Update::PassBegins { pass: 2 });
    standby.apply(Update::PassEnds { pass: 2, ranges: RangeSet::ALL.into() });
    assert_eq!(standby.reports(), []);
    assert_eq!((standby.connections(), standby.count(|counters| &counters.replica.aside_ended)), (0, 6));
    standby.check();
    // A unit that became active has no use for them.
    standby.apply(create(web_ends(1, "10.1.0.12")));
    standby.set_state(UnitState::Active);
    assert_eq!(standby.count(|counters| &counters.replica.aside_ended), 7);
    standby.check();
}

#[test]
fn aside_is_bounded() {
    let mut standby = Unit::new(&configuration(), 1, UnitState::Standby);
    for port in 1..=u16::try_from(RECORDS_ASIDE).unwrap() + 3 {
        standby.apply(create(web_ends(port, "10.1.0.99")));
    }
    assert_eq!(standby.count(|counters| &counters.replica.set_aside), RECORDS_ASIDE as u64);
    assert_eq!(standby.count(|counters| &counters.replica.refused_aside_full), 3);
    standby.check();
}

#[test]
fn pass_whose_beginning_was_missed_removes_nothing() {
    let (_, mut standby) = pair();
    standby.apply(create(web_ends(1, "10.1.0.11")));
    standby.apply(Update::PassEnds { pass: 4, ranges: RangeSet::ALL.into() });
    standby.apply(Update::PassBegins { pass: 5 });
    standby.apply(Update::PassEnds { pass: 4, ranges: RangeSet::ALL.into() });
    standby.apply(Update::PassEnds { pass: 0, ranges: RangeSet::ALL.into() });
    standby.apply(Update::PassBegins { pass: 6 });
    standby.apply(Update::PassEnds { pass: 6, ranges: RangeSet::EMPTY.into() });
    standby.reports();
    assert_eq!(standby.connections(), 1);
    standby.check();
}
