//! A unit that stands by: what it does with frames, with time, and when it becomes active.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod common;

use std::net::IpAddr;
use std::time::Duration;

use common::pair::mirror;
use common::pair_stories::*;
use common::*;
use director::{ReplicationSettings, Verdict};
use model::{DropReason, Instant, RangeSet, ShardOrder, ShardReport, UnitState, Update};

#[test]
fn standby_times_nothing_out_and_begins_anew_when_it_becomes_active() {
    // The 32 bits of milliseconds wrap after some 50 days.
    for start_days in [0, 49] {
        let (mut active, mut standby) = pair();
        for unit in [&mut active, &mut standby] {
            for bench in &mut unit.shards {
                bench.now = Instant::from_millis(start_days * 86_400_000 + 60_000_000);
            }
        }
        open(&mut active, web_client(1));
        forwarded(
            &mut active,
            "203.0.113.7",
            OUTSIDE,
            udp(OUTSIDE, v4("203.0.113.7", 1, "192.0.2.100", 53), b"?"),
        );
        mirror(&mut active, &mut standby);
        for _ in 0..20 {
            standby.wait(12 * HOUR);
        }
        assert_eq!(standby.connections(), 2);
        standby.set_state(UnitState::Active);
        standby.wait(Duration::from_millis(299_999));
        assert_eq!(standby.connections(), 2);
        standby.wait(Duration::from_millis(1));
        assert_eq!(standby.connections(), 1, "UDP, 300 s after activation");
        standby.wait(Duration::from_millis(7_440_000 - 300_001));
        assert_eq!(standby.connections(), 1);
        standby.wait(Duration::from_millis(1));
        assert_eq!(standby.connections(), 0, "TCP, 7,440 s after activation");
        // Long after, it is as if it had always been active.
        standby.wait(100 * HOUR);
        open(&mut standby, web_client(2));
        standby.wait(Duration::from_millis(7_439_999));
        assert_eq!(standby.connections(), 1);
        standby.wait(Duration::from_millis(1));
        assert_eq!(standby.connections(), 0);
        standby.check();
    }
}

#[test]
fn a_packet_after_activation_counts_more_than_the_activation() {
    let (_, mut standby) = pair();
    standby.apply(create(web_ends(1, "10.1.0.11")));
    standby.set_state(UnitState::Active);
    standby.wait(HOUR);
    forwarded(&mut standby, "203.0.113.7", OUTSIDE, tcp(OUTSIDE, web_client(1), ACK));
    standby.wait(2 * HOUR);
    assert_eq!(standby.connections(), 1);
    standby.wait(HOUR);
    assert_eq!(standby.connections(), 0);
}

#[test]
fn standby_has_a_timeout_of_its_own_and_drops_what_nobody_tells_of() {
    let settings = ReplicationSettings { digest_seed: 1, standby_timeout: 30 * HOUR, observes: false };
    let mut bench =
        Bench::with(configuration(), Options { replication: Some(settings), ..Options::default() });
    let half_open = bench.send(OUTSIDE, tcp(OUTSIDE, web_client(1), SYN)).0;
    assert_eq!(half_open, Verdict::Forward { port: INSIDE });
    bench.shard.set_state(bench.now, UnitState::Standby);
    bench.shard.order(bench.now, ShardOrder::Apply(create(web_ends(2, "10.1.0.11"))));
    bench.wait(Duration::from_secs(60));
    assert_eq!(bench.shard.connections(), 1, "the half-open one is gone");
    bench.wait(20 * HOUR);
    bench.shard.order(bench.now, ShardOrder::Apply(create(web_ends(2, "10.1.0.11"))));
    bench.wait(29 * HOUR);
    assert_eq!(bench.shard.connections(), 1, "it was told again");
    bench.wait(HOUR);
    assert_eq!(bench.shard.connections(), 0);
    assert_eq!(bench.shard.take_report(), None);
    bench.check();
}

/// Connections of years: as long as digests are compared, none is forgotten.
#[test]
fn a_standby_that_compares_digests_forgets_nothing() {
    let settings = ReplicationSettings { digest_seed: 1, standby_timeout: 24 * HOUR, observes: false };
    let mut bench =
        Bench::with(configuration(), Options { replication: Some(settings), ..Options::default() });
    bench.shard.set_state(bench.now, UnitState::Standby);
    bench.shard.order(bench.now, ShardOrder::Apply(create(web_ends(1, "10.1.0.11"))));
    for round in 0..10 {
        bench.wait(20 * HOUR);
        bench.shard.order(bench.now, ShardOrder::ConcludeRound { round });
        assert_eq!(bench.shard.take_report(), Some(ShardReport::RoundCompared { round }));
    }
    bench.wait(23 * HOUR);
    assert_eq!(bench.shard.connections(), 1, "the other unit is silent for a while");
    bench.wait(HOUR);
    assert_eq!(bench.shard.connections(), 0);
}

/// Digests say nothing about what only this unit has, from when it was active.
#[test]
fn a_standby_that_compares_digests_forgets_what_it_never_told_of() {
    let settings = ReplicationSettings { digest_seed: 1, standby_timeout: Duration::ZERO, observes: false };
    let mut bench =
        Bench::with(configuration(), Options { replication: Some(settings), ..Options::default() });
    bench.send(OUTSIDE, tcp(OUTSIDE, web_client(1), SYN));
    bench.shard.set_state(bench.now, UnitState::Standby);
    bench.shard.order(bench.now, ShardOrder::Apply(create(web_ends(2, "10.1.0.11"))));
    for round in 0..120 {
        bench.wait(Duration::from_secs(1));
        bench.shard.order(bench.now, ShardOrder::ConcludeRound { round });
        assert_eq!(bench.shard.take_report(), Some(ShardReport::RoundCompared { round }));
    }
    assert_eq!(bench.shard.connections(), 1, "the half-open one is gone, the other is not");
    bench.check();
}

#[test]
fn orders_for_the_other_state_change_nothing() {
    let (mut active, mut standby) = pair();
    active.order_all(&ShardOrder::Apply(create(web_ends(1, "10.1.0.11"))));
    standby.order_all(&ShardOrder::TellDigests { round: 1 });
    standby.order_all(&ShardOrder::Walk { pass: 1, ranges: RangeSet::ALL.into() });
    assert_eq!((active.reports(), standby.reports()), (vec![], vec![]));
    assert_eq!((active.connections(), active.count(|counters| &counters.replica.orders_ignored)), (0, 1));
    assert_eq!(standby.count(|counters| &counters.replica.orders_ignored), 4);
}

#[test]
fn a_new_state_ends_what_is_under_way() {
    let (mut active, _) = pair();
    for port in 1..=10 {
        open(&mut active, web_client(port));
    }
    active.order_all(&ShardOrder::Walk { pass: 1, ranges: RangeSet::ALL.into() });
    active.order_all(&ShardOrder::TellDigests { round: 1 });
    active.set_state(UnitState::Standby);
    assert_eq!(active.reports(), []);
    active.apply(Update::PassBegins { pass: 1 });
    active.apply(Update::PassEnds { pass: 1, ranges: RangeSet::ALL.into() });
    active.set_state(UnitState::Active);
    assert_eq!(active.reports(), [], "the sweep is over");
    assert_eq!((active.connections(), active.marked()), (10, 10));
    active.check();
}

#[test]
fn standby_gives_the_kernel_its_own_and_drops_the_rest() {
    const STANDBY: Verdict = Verdict::Drop(DropReason::Standby);
    let (_, mut standby) = pair();
    standby.apply(create(web_ends(1, "10.1.0.11")));
    let own = |port| v4("203.0.113.7", 1, "198.51.100.1", port);
    let server = v4("10.1.0.11", 8_080, "203.0.113.7", 1);
    let mut other_station = tcp(OUTSIDE, own(22), SYN);
    other_station[..6].copy_from_slice(&[2, 9, 9, 9, 9, 9]);
    let mut group = udp(OUTSIDE, v4("203.0.113.7", 1, "224.0.0.5", 1), b"");
    group[..6].copy_from_slice(&[1, 0, 0x5e, 0, 0, 5]);
    let mut tagged = tcp(OUTSIDE, own(22), SYN);
    tagged.splice(12..12, [0x81, 0x00, 0x00, 0x05]);
    let mut short = tcp(OUTSIDE, own(22), SYN);
    short.truncate(20);
    let cases = [
        ("a known connection", OUTSIDE, tcp(OUTSIDE, web_client(1), ACK), STANDBY),
        ("its answer", INSIDE, tcp(INSIDE, server, ACK), STANDBY),
        ("a new connection", OUTSIDE, tcp(OUTSIDE, web_client(2), SYN), STANDBY),
        ("IPv6", OUTSIDE, tcp(OUTSIDE, v6("2001:db8:9::7", 1, "2001:db8:100::100", 80), SYN), STANDBY),
        ("ping of a virtual address", OUTSIDE, echo(OUTSIDE, web_client(0)), STANDBY),
        ("to be routed", OUTSIDE, tcp(OUTSIDE, v4("203.0.113.7", 1, "198.51.100.99", 1), SYN), STANDBY),
        ("another station's", OUTSIDE, other_station, STANDBY),
        ("own address", OUTSIDE, tcp(OUTSIDE, own(22), SYN), Verdict::Kernel),
        ("ping of an own address", OUTSIDE, echo(OUTSIDE, own(0)), Verdict::Kernel),
        ("answer to the unit", INSIDE, tcp(INSIDE, v4("10.1.0.11", 1, "10.1.0.1", 2), ACK), Verdict::Kernel),
        ("group", OUTSIDE, group, Verdict::Kernel),
        ("tagged", OUTSIDE, tagged, Verdict::Kernel),
        ("truncated", OUTSIDE, short, Verdict::Drop(DropReason::FrameTruncated)),
        ("ARP for an own address", OUTSIDE, arp("198.51.100.1"), Verdict::Kernel),
        ("ARP for a virtual address", OUTSIDE, arp("192.0.2.100"), STANDBY),
        ("neighbour discovery", OUTSIDE, solicitation("2001:db8:2::1"), Verdict::Kernel),
        ("neighbour discovery of a virtual address", OUTSIDE, solicitation("2001:db8:100::100"), STANDBY),
    ];
    for (name, port, packet, expected) in cases {
        for bench in &mut standby.shards {
            assert_eq!(bench.send(port, packet.clone()), (expected, packet.clone()), "{name}");
        }
    }
    assert_eq!(standby.connections(), 1);
    standby.check();
}

fn arp(target: &str) -> Vec<u8> {
    let IpAddr::V4(target) = ip(target) else { panic!() };
    packet::build::arp_request(ROUTER, "198.51.100.254".parse().unwrap(), target)
}

fn solicitation(target: &str) -> Vec<u8> {
    packet::build::neighbor_solicitation(ROUTER, "fe80::254".parse().unwrap(), target.parse().unwrap())
}
