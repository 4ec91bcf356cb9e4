//! Clients that return to the real server that they had: within the time, among buddies, as networks, and on the other unit.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod common;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use common::pair::Unit;
use common::*;
use director::{Configuration, ConfigurationDraft, Predictor, StickyDraft, Verdict};
use model::{RangeSet, ShardOrder, ShardReport, UnitState};
use packet::{TcpFlags, Tuple};

const SYN: TcpFlags = TcpFlags::SYN;
const ACK: TcpFlags = TcpFlags::ACK;
const RST: TcpFlags = TcpFlags::RST;
const SYN_ACK: TcpFlags = TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0);

const WEB: &str = "192.0.2.100:80";
const SECURE: &str = "192.0.2.100:443";
const MINUTE: Duration = Duration::from_secs(60);

/// Three machines that serve the web and the secure web; both remember clients for ten minutes.
fn draft(prefix: u64) -> ConfigurationDraft {
    let (mut web, mut secure) = (Vec::new(), Vec::new());
    let mut draft = Configuration::builder();
    for last in 11..=13 {
        web.push(format!("10.1.0.{last}:8080"));
        secure.push(format!("10.1.0.{last}:8443"));
    }
    for real in web.iter().chain(&secure) {
        draft = draft.real_server(real);
    }
    let (web, secure): (Vec<_>, Vec<_>) =
        (web.iter().map(String::as_str).collect(), secure.iter().map(String::as_str).collect());
    draft = draft
        .virtual_server(WEB, Predictor::RoundRobin)
        .virtual_server(SECURE, Predictor::RoundRobin)
        .bind(WEB, &web)
        .bind(SECURE, &secure);
    for server in &mut draft.virtual_servers {
        server.sticky = Some(StickyDraft { ipv4_prefix: prefix, ..StickyDraft::minutes(10) });
    }
    draft
}

fn client(last: u8, port: u16, server_port: u16) -> Tuple<Ipv4Addr> {
    v4(&format!("203.0.113.{last}"), port, "192.0.2.100", server_port)
}

/// Opens a connection; returns the last byte of its real server's address.
fn open(bench: &mut Bench, client: Tuple<Ipv4Addr>) -> u8 {
    let (verdict, packet) = bench.send(OUTSIDE, tcp(OUTSIDE, client, SYN));
    assert_eq!(verdict, Verdict::Forward { port: INSIDE });
    let (_, port, real, real_port) = tuple_of(&packet);
    let IpAddr::V4(real) = real else { panic!("{real}") };
    let answer =
        Tuple { source: real, source_port: real_port, destination: client.source, destination_port: port };
    bench.send(INSIDE, tcp(INSIDE, answer, SYN_ACK));
    bench.send(OUTSIDE, tcp(OUTSIDE, client, ACK));
    real.octets()[3]
}

/// Opens a connection and ends it at once.
fn visit(bench: &mut Bench, client: Tuple<Ipv4Addr>) -> u8 {
    let real = open(bench, client);
    bench.send(OUTSIDE, tcp(OUTSIDE, client, RST));
    bench.wait(Duration::from_secs(10));
    real
}

#[test]
fn a_client_returns_within_the_time_and_not_after() {
    let mut bench = Bench::new(draft(32).build().unwrap());
    let first = visit(&mut bench, client(1, 1, 80));
    for port in 2..6 {
        assert_ne!(visit(&mut bench, client(2, port, 80)), first, "another client, whose turn is another's");
        bench.wait(9 * MINUTE);
        assert_eq!(visit(&mut bench, client(1, port, 80)), first);
    }
    bench.wait(11 * MINUTE);
    // Forgotten: it has its turn as everybody has.
    let reals: Vec<_> = (10..13)
        .map(|port| {
            let real = visit(&mut bench, client(1, port, 80));
            bench.wait(11 * MINUTE);
            real
        })
        .collect();
    assert!(reals.iter().any(|&real| real != first), "{reals:?}");
    bench.check();
}

#[test]
fn the_time_begins_when_the_last_connection_ends() {
    let mut bench = Bench::new(draft(32).build().unwrap());
    let first = open(&mut bench, client(1, 1, 80));
    for second in 0..60 * 60 {
        bench.wait(Duration::from_secs(1));
        if second == 30 * 60 {
            assert_eq!(visit(&mut bench, client(1, 2, 80)), first, "beside the one that is open");
        }
    }
    bench.send(OUTSIDE, tcp(OUTSIDE, client(1, 1, 80), RST));
    bench.wait(Duration::from_secs(10));
    bench.wait(9 * MINUTE);
    visit(&mut bench, client(2, 1, 80));
    assert_eq!(
        visit(&mut bench, client(1, 3, 80)),
        first,
        "an hour after the beginning, 9 minutes after the end"
    );
    bench.check();
}

#[test]
fn buddies_give_a_client_the_same_machine() {
    let draft = draft(32).buddies("shop", &[WEB, SECURE]);
    let mut bench = Bench::new(draft.build().unwrap());
    for last in 1..=6 {
        let real = visit(&mut bench, client(last, 1, 80));
        assert_eq!(visit(&mut bench, client(last, 2, 443)), real);
        assert_eq!(visit(&mut bench, client(last, 3, 80)), real);
    }
    bench.check();
}

#[test]
fn a_real_server_that_has_failed_loses_its_clients() {
    let mut bench = Bench::new(draft(32).build().unwrap());
    let first = visit(&mut bench, client(1, 1, 80));
    let real = bench.settings.director.real_servers()[usize::from(first - 11)].clone();
    bench.settings.shared.fail(bench.now, &real);
    let second = visit(&mut bench, client(1, 2, 80));
    assert_ne!(second, first);
    bench.settings.shared.restore(real.id());
    assert_eq!(visit(&mut bench, client(1, 3, 80)), second, "it stays where it is now");
    bench.check();
}

#[test]
fn a_client_that_has_its_port_in_use_there_gets_another_port() {
    let mut draft = draft(32).buddies("shop", &[WEB, SECURE]);
    // Both to the same endpoint.
    draft.bindings[1].real_servers = draft.bindings[0].real_servers.clone();
    let mut bench = Bench::new(draft.build().unwrap());
    let first = open(&mut bench, client(1, 1, 80));
    assert_eq!(open(&mut bench, client(1, 1, 443)), first);
    assert_eq!(bench.shard.counters().client_ports_translated.read(), 1);
    bench.check();
}

/// The first client of each shard, and its real server.
fn visit_by_shards(unit: &mut Unit, network: &str, port: u16) -> Vec<IpAddr> {
    let visit = |last: u8| {
        let address = format!("{network}.{last}");
        let tuple = v4(&address, port, "192.0.2.100", 80);
        let (verdict, packet) = unit.send(&address, OUTSIDE, tcp(OUTSIDE, tuple, SYN));
        assert_eq!(verdict, Verdict::Forward { port: INSIDE });
        tuple_of(&packet).2
    };
    (1..=20).map(visit).collect()
}

#[test]
fn a_network_returns_whichever_shard_its_clients_are_of() {
    let mut unit = Unit::new(&draft(24).build().unwrap(), 4, UnitState::Active);
    for network in ["203.0.113", "198.51.99", "203.0.114"] {
        let reals = visit_by_shards(&mut unit, network, 1);
        assert!(reals.iter().all(|real| *real == reals[0]), "{reals:?}");
        assert_eq!(visit_by_shards(&mut unit, network, 2), reals);
    }
}

/// Hands all that `one` reports to the other unit.
fn tell(one: &mut Unit, other: &mut Unit) {
    for report in one.reports() {
        if let ShardReport::Update(update) = report {
            other.apply(update);
        }
    }
}

#[test]
fn a_standby_remembers_what_it_was_told_of_connections() {
    let configuration = draft(32).build().unwrap();
    let mut active = Unit::new(&configuration, 1, UnitState::Active);
    let mut standby = Unit::new(&configuration, 1, UnitState::Standby);
    let first: Vec<_> = (1..=9).map(|last| open(&mut active.shards[0], client(last, 1, 80))).collect();
    tell(&mut active, &mut standby);
    standby.set_state(UnitState::Active);
    let second: Vec<_> = (1..=9).map(|last| open(&mut standby.shards[0], client(last, 2, 80))).collect();
    assert_eq!(first, second);
}

#[test]
fn a_standby_that_comes_late_is_told_of_clients_without_connections_and_of_real_servers_that_failed() {
    let configuration = draft(32).build().unwrap();
    let mut active = Unit::new(&configuration, 2, UnitState::Active);
    let mut standby = Unit::new(&configuration, 3, UnitState::Standby);
    let reals = visit_by_shards(&mut active, "203.0.113", 1);
    active.wait(2 * MINUTE);
    assert_eq!(active.connections(), 0, "they were never answered, and are over");
    active.reports();
    let failed = configuration.real_servers()[0].clone();
    active.shards[0].settings.shared.fail(active.now(), &failed);

    active.order_all(&ShardOrder::Walk { pass: 7, ranges: RangeSet::EMPTY.into() });
    active.order_all(&ShardOrder::Grant { connections: 5 });
    tell(&mut active, &mut standby);
    assert_eq!(standby.shards[0].settings.shared.sticky_entries(), 5, "as many as there are grants");
    active.order_all(&ShardOrder::Grant { connections: 100 });
    let reports = active.reports();
    let walked = reports.iter().filter(|report| matches!(report, ShardReport::Walked { pass: 7 }));
    assert_eq!(walked.count(), 1, "the other shard had walked before");
    for report in reports {
        if let ShardReport::Update(update) = report {
            standby.apply(update);
        }
    }
    let shared = &standby.shards[0].settings.shared;
    assert!(shared.failed_at(failed.id()).is_some());
    assert_eq!(shared.sticky_entries(), 20);

    active.shards[0].settings.shared.restore(failed.id());
    tell(&mut active, &mut standby);
    assert!(standby.shards[0].settings.shared.failed_at(failed.id()).is_none());
    standby.set_state(UnitState::Active);
    assert_eq!(visit_by_shards(&mut standby, "203.0.113", 2), reals);
}
