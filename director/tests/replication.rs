//! Two units: connections that one makes, and the other goes on with.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod common;

use std::time::Duration;

use common::pair::{Round, Unit, compare, mirror, repair};
use common::pair_stories::*;
use common::*;
use director::{Configuration, Predictor, TcpWithoutConnection, Verdict};
use model::limits::UPDATES;
use model::{Phase, Protocol, RangeSet, ShardOrder, ShardReport, UnitState, Update};

#[test]
fn connections_go_on_at_the_other_unit() {
    let (mut active, mut standby) = pair();
    let mut sent = Vec::new();
    for last in 1..=20 {
        let (client, client_v6) = (format!("203.0.113.{last}"), format!("2001:db8:9::{last}"));
        let (v4_ends, v6_ends) =
            (v4(&client, 40_000, "192.0.2.100", 80), v6(&client_v6, 40_000, "2001:db8:100::100", 80));
        let asks = v4(&client, 40_000, "192.0.2.100", 53);
        let any_port = v4(&client, 40_000, "192.0.2.101", 7_777);
        open(&mut active, v6_ends);
        open(&mut active, v4_ends);
        open(&mut active, any_port);
        forwarded(&mut active, &client, OUTSIDE, udp(OUTSIDE, asks, b"?"));
        sent.push((client.clone(), tcp(OUTSIDE, v4_ends, ACK)));
        sent.push((client.clone(), tcp(OUTSIDE, any_port, ACK)));
        sent.push((client_v6, tcp(OUTSIDE, v6_ends, ACK)));
        sent.push((client, udp(OUTSIDE, asks, b"?")));
    }
    mirror(&mut active, &mut standby);
    assert_eq!(standby.connections(), 80);
    assert_eq!(standby.table(), active.table());
    agrees(&mut active, &mut standby);

    standby.set_state(UnitState::Active);
    for (client, packet) in sent {
        let before = forwarded(&mut active, &client, OUTSIDE, packet.clone());
        let after = forwarded(&mut standby, &client, OUTSIDE, packet);
        assert_eq!(before, after, "the real server sees no difference");
    }
    let client = web_client(50_000);
    open(&mut standby, client);
    assert_eq!(standby.connections(), 81);
    standby.check();
}

#[test]
fn only_what_is_established_and_replicated_is_told() {
    let (mut active, _) = pair();
    let half_open = web_client(1);
    let inside = forwarded(&mut active, "203.0.113.7", OUTSIDE, tcp(OUTSIDE, half_open, SYN));
    forwarded(&mut active, "203.0.113.7", INSIDE, tcp(INSIDE, answer::<std::net::Ipv4Addr>(inside), SYN_ACK));
    open(&mut active, v4("203.0.113.7", 2, "192.0.2.102", 80));
    assert_eq!((active.reports(), active.marked()), (vec![], 0));

    // A refused connection never was one.
    let refused = web_client(3);
    let inside = forwarded(&mut active, "203.0.113.7", OUTSIDE, tcp(OUTSIDE, refused, SYN));
    forwarded(&mut active, "203.0.113.7", INSIDE, tcp(INSIDE, answer::<std::net::Ipv4Addr>(inside), RST));
    assert_eq!(active.reports(), []);

    let ends = open(&mut active, web_client(4));
    assert_eq!(active.reports(), [ShardReport::Update(create(ends))]);
    forwarded(&mut active, "203.0.113.7", OUTSIDE, tcp(OUTSIDE, web_client(4), FIN));
    assert_eq!(active.reports(), [], "one side goes on");
    // The other unit is to forget it as soon; nobody is told twice.
    for told in [vec![ShardReport::Update(create_in(ends, Phase::Reset))], vec![]] {
        forwarded(&mut active, "203.0.113.7", OUTSIDE, tcp(OUTSIDE, web_client(4), RST));
        assert_eq!(active.reports(), told);
    }
    active.wait(Duration::from_secs(60));
    assert_eq!(active.reports(), [ShardReport::Update(Update::Delete(ends))]);
    assert_eq!((active.marked(), active.connections()), (0, 1));
    active.check();
}

#[test]
fn what_was_over_is_soon_forgotten_after_a_takeover_too() {
    let (mut active, mut standby) = pair();
    for port in 1..=2 {
        open(&mut active, web_client(port));
    }
    forwarded(&mut active, "203.0.113.7", OUTSIDE, tcp(OUTSIDE, web_client(1), RST));
    mirror(&mut active, &mut standby);
    assert_eq!(standby.connections(), 2);
    standby.set_state(UnitState::Active);
    standby.wait(Duration::from_secs(60));
    assert_eq!(standby.connections(), 1, "the one that is open");
}

#[test]
fn a_unit_without_a_peer_tells_nothing() {
    let mut bench = Bench::new(configuration());
    bench.shard.set_listened(true);
    let client = v4("203.0.113.7", 1, "192.0.2.100", 53);
    assert_eq!(bench.send(OUTSIDE, udp(OUTSIDE, client, b"?")).0, Verdict::Forward { port: INSIDE });
    bench.shard.order(bench.now, ShardOrder::TellDigests { round: 1 });
    assert!(!bench.shard.work(bench.now));
    assert_eq!(bench.shard.take_report(), None);
    assert_eq!(bench.shard.counters().marked(), 0);
    bench.check();
}

#[test]
fn stale_connections_are_swept_and_missing_ones_come() {
    let (mut active, mut standby) = pair();
    for port in 1..=300 {
        open(&mut active, web_client(port));
    }
    mirror(&mut active, &mut standby);
    // What is told now, nobody hears.
    for port in 1..=20 {
        forwarded(&mut active, "203.0.113.7", OUTSIDE, tcp(OUTSIDE, web_client(port), RST));
    }
    active.wait(Duration::from_secs(10));
    for last in 10..=20 {
        open(&mut active, v4(&format!("203.0.113.{last}"), 1, "192.0.2.100", 80));
        open(&mut active, v6(&format!("2001:db8:9::{last}"), 1, "2001:db8:100::100", 80));
    }
    assert_eq!(active.reports().len(), 20 + 20 + 22, "ends, deletes and creates");
    let round = compare(&mut active, &mut standby);
    assert!(!round.differing.is_empty() && round.differing.len() <= 42, "{round:?}");
    repair(&mut active, &mut standby, 1, round.ranges());
    assert_eq!(standby.count(|counters| &counters.replica.stale_removed), 20);
    assert_eq!(standby.table(), active.table());
    agrees(&mut active, &mut standby);
}

#[test]
fn late_standby_gets_all_while_connections_come_and_go() {
    let configuration = configuration();
    let mut active = Unit::new(&configuration, 3, UnitState::Active);
    let mut standby = Unit::new(&configuration, 2, UnitState::Standby);
    active.shards.iter_mut().for_each(|bench| bench.shard.set_listened(false));
    let client = |last: u8, port| v4(&format!("203.0.113.{last}"), port, "192.0.2.100", 80);
    for last in 0..100 {
        open(&mut active, client(last, 1));
        open(&mut active, v6(&format!("2001:db8:9::{last}"), 1, "2001:db8:100::100", 80));
    }
    assert_eq!(active.reports(), [], "nobody listens");
    active.shards.iter_mut().for_each(|bench| bench.shard.set_listened(true));
    standby.apply(Update::PassBegins { pass: 9 });
    let ranges = std::sync::Arc::new(RangeSet::ALL);
    active.order_all(&ShardOrder::Walk { pass: 9, ranges: ranges.clone() });
    assert_eq!(active.reports(), [], "nothing was granted");
    let mut walked = 0;
    for last in 0..100 {
        if last % 2 == 0 {
            active.order_all(&ShardOrder::Grant { connections: 1 });
        }
        forwarded(&mut active, &format!("203.0.113.{last}"), OUTSIDE, tcp(OUTSIDE, client(last, 1), RST));
        open(&mut active, client(last, 2));
        active.wait(Duration::from_secs(1));
        for report in active.reports() {
            match report {
                ShardReport::Update(update) => standby.apply(update),
                ShardReport::Walked { pass: 9 } => walked += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(walked, 0, "the grants are for half of them");
    active.order_all(&ShardOrder::Grant { connections: 1_000 });
    active.wait(Duration::from_secs(10));
    for report in active.reports() {
        match report {
            ShardReport::Update(update) => standby.apply(update),
            ShardReport::Walked { pass: 9 } => walked += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(walked, 3);
    standby.apply(Update::PassEnds { pass: 9, ranges });
    standby.reports();
    assert_eq!(standby.table(), active.table());
    agrees(&mut active, &mut standby);
}

#[test]
fn updates_that_find_no_room_are_counted_and_a_pass_repairs() {
    let (mut active, mut standby) = pair();
    let asks = |port| v4("203.0.113.7", port, "192.0.2.100", 53);
    let clients = u16::try_from(UPDATES).unwrap();
    for port in 0..800 {
        forwarded(&mut active, "203.0.113.7", OUTSIDE, udp(OUTSIDE, asks(port), b"?"));
        forwarded(
            &mut active,
            "203.0.113.8",
            OUTSIDE,
            udp(OUTSIDE, v4("203.0.113.8", port, "192.0.2.100", 53), b"?"),
        );
        if active.connections() == 1_000 {
            break;
        }
    }
    active.wait(Duration::from_secs(300));
    assert_eq!(active.connections(), 0);
    for port in 0..10 {
        forwarded(&mut active, "203.0.113.7", OUTSIDE, udp(OUTSIDE, asks(clients + port), b"?"));
    }
    let (told, lost) = (
        active.count(|counters| &counters.replica.updates_told),
        active.count(|counters| &counters.replica.updates_lost),
    );
    assert_eq!((told, lost), (UPDATES as u64, 2_010 - UPDATES as u64));
    mirror(&mut active, &mut standby);
    assert_eq!(standby.connections(), 976);
    let round = compare(&mut active, &mut standby);
    assert_ne!(round, Round { compared: round.compared, shards_done: 2, differing: vec![] });
    repair(&mut active, &mut standby, 1, round.ranges());
    assert_eq!(standby.connections(), 10);
    agrees(&mut active, &mut standby);
}

#[test]
fn what_is_admitted_midway_is_told_at_once() {
    let draft = Configuration::builder()
        .real_server("10.1.0.11:8080")
        .virtual_server("192.0.2.100:80", Predictor::RoundRobin)
        .bind("192.0.2.100:80", &["10.1.0.11:8080"])
        .tcp_without_connection(TcpWithoutConnection::Admit);
    let mut active = Unit::new(&draft.build().unwrap(), 1, UnitState::Active);
    let inside = forwarded(&mut active, "203.0.113.7", OUTSIDE, tcp(OUTSIDE, web_client(1), ACK));
    let ends = ends_of(Protocol::Tcp, web_client(1), inside);
    assert_eq!(active.reports(), [ShardReport::Update(create(ends))]);
    // The client uses its port again.
    forwarded(&mut active, "203.0.113.7", OUTSIDE, tcp(OUTSIDE, web_client(1), RST));
    let again = open(&mut active, web_client(1));
    assert_eq!(again, ends);
    let reports =
        [create_in(ends, Phase::Reset), Update::Delete(ends), create(ends)].map(ShardReport::Update);
    assert_eq!(active.reports(), reports);
    active.check();
}

#[test]
fn walk_that_ends_where_there_is_no_room_tells_nothing_twice() {
    let (mut active, _) = pair();
    // As many as a walk may fill the outbox with.
    let asks = |port| v4("203.0.113.7", port, "192.0.2.100", 53);
    let all = u16::try_from(UPDATES / 4).unwrap();
    for port in 0..all {
        forwarded(&mut active, "203.0.113.7", OUTSIDE, udp(OUTSIDE, asks(port), b"?"));
    }
    assert_eq!(active.reports().len(), usize::from(all));
    let bench = &mut active.shards[0];
    bench.shard.order(bench.now, ShardOrder::Walk { pass: 1, ranges: RangeSet::ALL.into() });
    bench.shard.order(bench.now, ShardOrder::Grant { connections: u32::from(all) });
    while bench.shard.work(bench.now) {}
    let reports: Vec<_> = std::iter::from_fn(|| bench.shard.take_report()).collect();
    assert_eq!(reports.len(), usize::from(all), "there is no room to say that it is over");
    assert!(bench.shard.work(bench.now));
    let last: Vec<_> = std::iter::from_fn(|| bench.shard.take_report()).collect();
    assert_eq!(last, [ShardReport::Walked { pass: 1 }]);
}
