//! Which real server a client gets: by its instance, by what is full, and by what has failed.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod common;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use common::*;
use director::{
    BackupWhen, Configuration, ConfigurationDraft, Predictor, RealServerDraft, RealState, Refusal, Verdict,
    VirtualServerDraft,
};
use model::DropReason;
use packet::{TcpFlags, Tuple};

const SYN: TcpFlags = TcpFlags::SYN;
const ACK: TcpFlags = TcpFlags::ACK;
const RST: TcpFlags = TcpFlags::RST;
const SYN_ACK: TcpFlags = TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0);

const WEB: &str = "192.0.2.100:80";
const GOLD: &str = "192.0.2.100:80:1";
const SECOND: Duration = Duration::from_secs(1);

/// Real servers 11 to 13, of which the public has 11 and 12, and the assigned clients have 13.
fn draft() -> ConfigurationDraft {
    let reals = ["10.1.0.11:80", "10.1.0.12:80", "10.1.0.13:80"];
    let draft = reals.iter().fold(Configuration::builder(), |draft, real| draft.real_server(real));
    draft
        .virtual_server(WEB, Predictor::RoundRobin)
        .virtual_server(GOLD, Predictor::RoundRobin)
        .bind(WEB, &reals[..2])
        .bind(GOLD, &reals[2..])
        .assign(GOLD, &["203.0.113.0/24"])
}

fn with_virtual(
    mut draft: ConfigurationDraft,
    index: usize,
    change: impl FnOnce(&mut VirtualServerDraft),
) -> ConfigurationDraft {
    change(&mut draft.virtual_servers[index]);
    draft
}

fn with_real(
    mut draft: ConfigurationDraft,
    index: usize,
    change: impl FnOnce(&mut RealServerDraft),
) -> ConfigurationDraft {
    change(&mut draft.real_servers[index]);
    draft
}

fn bench(draft: &ConfigurationDraft) -> Bench {
    Bench::new(draft.build().unwrap())
}

fn client(address: &str, port: u16) -> Tuple<Ipv4Addr> {
    v4(address, port, "192.0.2.100", 80)
}

/// A client of the public.
fn public(port: u16) -> Tuple<Ipv4Addr> {
    client("198.51.99.7", port)
}

/// One that is assigned.
fn gold(port: u16) -> Tuple<Ipv4Addr> {
    client("203.0.113.7", port)
}

/// Sends a SYN. Returns the last byte of the real server that it goes to, or why it goes nowhere.
fn ask(bench: &mut Bench, client: Tuple<Ipv4Addr>) -> Result<u8, Verdict> {
    let (verdict, packet) = bench.send(OUTSIDE, tcp(OUTSIDE, client, SYN));
    match verdict {
        Verdict::Forward { .. } => match tuple_of(&packet).2 {
            IpAddr::V4(real) => Ok(real.octets()[3]),
            IpAddr::V6(real) => panic!("{real}"),
        },
        verdict => Err(verdict),
    }
}

/// Has the real server answer the client's SYN.
fn answer(bench: &mut Bench, client: Tuple<Ipv4Addr>, real: u8, flags: TcpFlags) {
    let source = Ipv4Addr::new(10, 1, 0, real);
    let tuple =
        Tuple { source, source_port: 80, destination: client.source, destination_port: client.source_port };
    let (verdict, _) = bench.send(INSIDE, tcp(INSIDE, tuple, flags));
    assert_eq!(verdict, Verdict::Forward { port: OUTSIDE });
}

/// Opens a connection to the end of its handshake.
fn open(bench: &mut Bench, client: Tuple<Ipv4Addr>) -> Result<u8, Verdict> {
    let real = ask(bench, client)?;
    answer(bench, client, real, SYN_ACK);
    let (verdict, _) = bench.send(OUTSIDE, tcp(OUTSIDE, client, ACK));
    assert_eq!(verdict, Verdict::Forward { port: INSIDE });
    Ok(real)
}

/// Ends a connection, and waits until it is forgotten.
fn close(bench: &mut Bench, client: Tuple<Ipv4Addr>) {
    bench.send(OUTSIDE, tcp(OUTSIDE, client, RST));
    bench.wait(10 * SECOND);
}

fn dropped(reason: DropReason) -> Result<u8, Verdict> {
    Err(Verdict::Drop(reason))
}

fn state(bench: &Bench, real: usize) -> RealState {
    bench.settings.shared.real_state(bench.settings.director.real_servers()[real].id())
}

#[test]
fn assigned_clients_get_their_instance() {
    let mut bench = bench(&draft());
    assert_eq!(ask(&mut bench, gold(1)), Ok(13));
    assert_eq!(ask(&mut bench, gold(2)), Ok(13));
    assert_eq!(ask(&mut bench, public(1)), Ok(11));
    assert_eq!(ask(&mut bench, public(2)), Ok(12));
    bench.check();
}

#[test]
fn without_an_instance_for_all_the_others_get_nothing() {
    let mut draft = draft();
    draft.virtual_servers.remove(0);
    draft.bindings.remove(0);
    let mut bench = bench(&draft);
    assert_eq!(ask(&mut bench, gold(1)), Ok(13));
    assert_eq!(ask(&mut bench, public(1)), dropped(DropReason::NoVirtualServer));
}

#[test]
fn of_two_assignments_the_longer_prefix_counts_and_of_equal_ones_the_port() {
    let all = "192.0.2.100:0:2";
    let draft = |network: &str| {
        let draft = draft().real_server("10.1.0.14").virtual_server(all, Predictor::RoundRobin);
        draft.bind(all, &["10.1.0.14"]).assign(all, &[network])
    };
    assert_eq!(ask(&mut bench(&draft("203.0.113.7/32")), gold(1)), Ok(14));
    assert_eq!(ask(&mut bench(&draft("203.0.113.0/24")), gold(1)), Ok(13));
    assert_eq!(ask(&mut bench(&draft("203.0.0.0/16")), gold(1)), Ok(13));
    assert_eq!(ask(&mut bench(&draft("198.51.99.0/24")), public(1)), Ok(14), "before the instance for all");
}

#[test]
fn a_new_assignment_is_for_new_connections() {
    let mut bench = bench(&draft());
    assert_eq!(open(&mut bench, gold(1)), Ok(13));
    let mut next = draft();
    next.assignments.clear();
    bench.reconfigure(next.build().unwrap());
    assert_eq!(ask(&mut bench, gold(2)), Ok(11));
    let (verdict, packet) = bench.send(OUTSIDE, tcp(OUTSIDE, gold(1), ACK));
    assert_eq!(verdict, Verdict::Forward { port: INSIDE });
    assert_eq!(tuple_of(&packet).2, ip("10.1.0.13"));
    bench.check();
}

#[test]
fn unwelcome_clients_are_dropped_or_reset() {
    let refusing = |refusal| {
        let mut draft = with_virtual(draft(), 1, |server| server.refuse = Some(refusal));
        draft.bindings.remove(1);
        bench(&draft)
    };
    let mut drops = refusing(Refusal::Drop);
    assert_eq!(ask(&mut drops, gold(1)), dropped(DropReason::Unwelcome));
    assert_eq!(ask(&mut drops, public(1)), Ok(11));
    assert_eq!(drops.shard.counters().refused[1].read(), 1);
    let mut resets = refusing(Refusal::Reset);
    let (verdict, packet) = resets.send(OUTSIDE, tcp(OUTSIDE, gold(1), SYN));
    assert!(matches!(verdict, Verdict::Answer { .. }));
    assert_eq!(tuple_of(&packet), (ip("192.0.2.100"), 80, ip("203.0.113.7"), 1));
    assert_eq!(resets.shard.connections(), 0);
    drops.check();
    resets.check();
}

#[test]
fn a_real_server_gets_no_more_than_its_maximum() {
    let mut bench = bench(&with_real(draft(), 0, |server| server.max_connections = Some(1)));
    let reals: Vec<_> = (1..5).map(|port| open(&mut bench, public(port)).unwrap()).collect();
    assert_eq!(reals, [11, 12, 12, 12]);
    close(&mut bench, public(1));
    let reals: Vec<_> = (11..14).map(|port| open(&mut bench, public(port)).unwrap()).collect();
    assert_eq!(reals.iter().filter(|&&real| real == 11).count(), 1, "{reals:?}");
    bench.check();
}

#[test]
fn a_virtual_server_gets_no_more_than_its_maximum() {
    let mut bench = bench(&with_virtual(draft(), 0, |server| server.max_connections = Some(2)));
    assert!(open(&mut bench, public(1)).is_ok() && open(&mut bench, public(2)).is_ok());
    assert_eq!(ask(&mut bench, public(3)), dropped(DropReason::Busy));
    assert_eq!(open(&mut bench, gold(1)), Ok(13));
    close(&mut bench, public(1));
    assert!(ask(&mut bench, public(4)).is_ok());
    assert_eq!(ask(&mut bench, public(5)), dropped(DropReason::Busy));
    bench.check();
}

#[test]
fn a_maximum_counts_the_connections_that_were_there_before() {
    let mut bench = bench(&draft());
    assert_eq!(open(&mut bench, public(1)), Ok(11));
    assert_eq!(open(&mut bench, public(2)), Ok(12));
    let limited = with_real(draft(), 0, |server| server.max_connections = Some(1));
    bench.reconfigure(limited.build().unwrap());
    assert_eq!(open(&mut bench, public(3)), Ok(12));
    assert_eq!(open(&mut bench, public(4)), Ok(12));
    bench.reconfigure(draft().build().unwrap());
    let reals: Vec<_> = (5..9).map(|port| open(&mut bench, public(port)).unwrap()).collect();
    assert!(reals.contains(&11));
    assert_eq!(bench.settings.shared.real_connections(0), 0, "nobody counts any more");
    bench.check();
}

#[test]
fn preferred_clients_fall_back_to_the_general_servers_when_theirs_are_busy() {
    let preferred = |when| {
        let draft = with_real(draft(), 2, |server| server.max_connections = Some(1));
        bench(&with_virtual(draft, 1, |server| {
            server.backup = Some(WEB.to_owned());
            server.backup_when = when;
        }))
    };
    let mut busy = preferred(BackupWhen::Busy);
    let reals: Vec<_> = (1..4).map(|port| open(&mut busy, gold(port))).collect();
    assert_eq!(reals, [Ok(13), Ok(11), Ok(12)]);
    let mut failed = preferred(BackupWhen::Failed);
    assert_eq!(open(&mut failed, gold(1)), Ok(13));
    assert_eq!(open(&mut failed, gold(2)), dropped(DropReason::Busy), "not as configured");
    let real = failed.settings.director.real_servers()[2].clone();
    failed.settings.shared.fail(failed.now, &real);
    assert!(open(&mut failed, gold(3)).is_ok());
    busy.check();
    failed.check();
}

#[test]
fn the_backup_of_a_real_server_comes_in_while_it_has_failed() {
    let mut bench = bench(&with_real(draft(), 0, |server| server.backup = Some("10.1.0.13:80".to_owned())));
    let round = |bench: &mut Bench, from: u16| {
        let mut reals: Vec<_> = (from..from + 6).map(|port| open(bench, public(port)).unwrap()).collect();
        reals.sort_unstable();
        reals.dedup();
        reals
    };
    assert_eq!(round(&mut bench, 1), [11, 12]);
    let real = bench.settings.director.real_servers()[0].clone();
    bench.settings.shared.fail(bench.now, &real);
    assert_eq!(round(&mut bench, 11), [12, 13]);
    bench.settings.shared.restore(real.id());
    assert_eq!(round(&mut bench, 21), [11, 12]);
    bench.check();
}

#[test]
fn a_virtual_server_has_a_real_server_as_its_backup() {
    let mut bench =
        bench(&with_virtual(draft(), 1, |server| server.backup = Some("10.1.0.11:80".to_owned())));
    assert_eq!(open(&mut bench, gold(1)), Ok(13));
    let real = bench.settings.director.real_servers()[2].clone();
    bench.settings.shared.fail(bench.now, &real);
    assert_eq!(open(&mut bench, gold(2)), Ok(11));
    bench.check();
}

#[test]
fn a_connection_that_is_not_answered_is_given_to_another_real_server() {
    let mut bench = bench(&draft());
    assert_eq!(ask(&mut bench, public(1)), Ok(11));
    for wait in [1, 2] {
        bench.wait(wait * SECOND);
        assert_eq!(ask(&mut bench, public(1)), Ok(11), "resent");
    }
    bench.wait(4 * SECOND);
    assert_eq!(ask(&mut bench, public(1)), Ok(12), "ditched");
    assert_eq!(bench.settings.shared.ditched(0), 1);
    assert_eq!(bench.shard.connections(), 1);
    answer(&mut bench, public(1), 12, SYN_ACK);
    assert_eq!(state(&bench, 0), RealState::Up, "one is not enough");
    bench.check();
}

#[test]
fn copies_of_a_syn_ditch_nothing() {
    let mut bench = bench(&draft());
    for _ in 0..50 {
        assert_eq!(ask(&mut bench, public(1)), Ok(11));
        bench.wait(Duration::from_millis(100));
    }
    assert_eq!(bench.settings.shared.ditched(0), 0);
}

/// Has real server 11 ditch so many connections, one after the other.
fn ditch(bench: &mut Bench, times: u16, from: u16) {
    let mut port = from;
    let mut ditched = 0;
    while ditched < times {
        port += 1;
        let real = ask(bench, public(port)).unwrap();
        if real != 11 {
            answer(bench, public(port), real, SYN_ACK);
            continue;
        }
        bench.wait(SECOND);
        assert_ne!(ask(bench, public(port)), Ok(11));
        ditched += 1;
    }
}

/// With real server 11 of which each resent SYN ditches, which fails after three, and is tried again after a minute.
fn fragile() -> ConfigurationDraft {
    let draft = with_virtual(draft(), 0, |server| server.resends = 1);
    with_real(draft, 0, |server| {
        server.threshold = 3;
        server.retry_s = 60;
    })
}

#[test]
fn consecutive_ditched_connections_fail_a_real_server_and_one_that_is_answered_brings_it_back() {
    let mut bench = bench(&fragile());
    ditch(&mut bench, 2, 100);
    assert_eq!(state(&bench, 0), RealState::Up);
    // One that is answered in between: it begins to count again.
    let port = (200..210).find(|&port| ask(&mut bench, public(port)) == Ok(11)).unwrap();
    answer(&mut bench, public(port), 11, SYN_ACK);
    ditch(&mut bench, 2, 300);
    assert_eq!(state(&bench, 0), RealState::Up);
    ditch(&mut bench, 1, 400);
    assert_eq!(state(&bench, 0), RealState::Failed);
    assert!((500..510).all(|port| open(&mut bench, public(port)) == Ok(12)));

    bench.wait(59 * SECOND);
    assert_eq!(state(&bench, 0), RealState::Failed);
    bench.wait(SECOND);
    assert_eq!(state(&bench, 0), RealState::Testing);
    let reals: Vec<_> = (600..606).map(|port| ask(&mut bench, public(port)).unwrap()).collect();
    assert_eq!(
        reals.iter().filter(|&&real| real == 11).count(),
        1,
        "one live connection tries it: {reals:?}"
    );
    let tested = 600 + u16::try_from(reals.iter().position(|&real| real == 11).unwrap()).unwrap();
    answer(&mut bench, public(tested), 11, SYN_ACK);
    assert_eq!(state(&bench, 0), RealState::Up);
    let reals: Vec<_> = (700..706).map(|port| ask(&mut bench, public(port)).unwrap()).collect();
    assert_eq!(reals.iter().filter(|&&real| real == 11).count(), 3, "{reals:?}");
    bench.check();
}

#[test]
fn a_real_server_that_does_not_answer_its_trial_has_failed_again() {
    let mut bench = bench(&fragile());
    ditch(&mut bench, 3, 100);
    bench.wait(60 * SECOND);
    let port = (600..610).find(|&port| ask(&mut bench, public(port)) == Ok(11)).unwrap();
    assert_eq!(state(&bench, 0), RealState::Tested);
    bench.wait(SECOND);
    assert_eq!(ask(&mut bench, public(port)), Ok(12), "its client gets another one");
    assert_eq!(state(&bench, 0), RealState::Failed);
    bench.wait(60 * SECOND);
    assert_eq!(state(&bench, 0), RealState::Testing);
    // This time the client gives up.
    let port = (700..710).find(|&port| ask(&mut bench, public(port)) == Ok(11)).unwrap();
    assert_eq!(state(&bench, 0), RealState::Tested, "by {port}");
    bench.wait(60 * SECOND);
    assert_eq!(state(&bench, 0), RealState::Failed);
    bench.check();
}

#[test]
fn resets_in_answer_to_a_syn_count_if_they_are_to() {
    for counts in [true, false] {
        let mut bench = bench(&with_real(fragile(), 0, |server| server.count_resets = counts));
        for port in 1..=12 {
            let Ok(11) = ask(&mut bench, public(port)) else { continue };
            answer(&mut bench, public(port), 11, TcpFlags(RST.0 | ACK.0));
        }
        assert_eq!(state(&bench, 0), if counts { RealState::Failed } else { RealState::Up });
        bench.check();
    }
}

#[test]
fn a_client_that_tries_closed_ports_of_a_server_of_all_ports_does_not_fail_it() {
    let draft = Configuration::builder()
        .virtual_server("192.0.2.100", Predictor::RoundRobin)
        .real_server("10.1.0.11")
        .bind("192.0.2.100", &["10.1.0.11"]);
    let mut bench = bench(&draft);
    for port in 1..=50 {
        let client = v4("198.51.99.7", 4_000, "192.0.2.100", port);
        assert_eq!(ask(&mut bench, client), Ok(11));
        let refused = v4("10.1.0.11", port, "198.51.99.7", 4_000);
        bench.send(INSIDE, tcp(INSIDE, refused, TcpFlags(RST.0 | ACK.0)));
    }
    assert_eq!(state(&bench, 0), RealState::Up);
}

#[test]
fn a_guard_bounds_half_open_connections() {
    let mut bench = bench(&with_virtual(draft(), 0, |server| server.synguard = Some(2)));
    let first = ask(&mut bench, public(1)).unwrap();
    assert!(ask(&mut bench, public(2)).is_ok());
    assert_eq!(ask(&mut bench, public(3)), dropped(DropReason::SynGuard));
    answer(&mut bench, public(1), first, SYN_ACK);
    assert_eq!(ask(&mut bench, public(3)), dropped(DropReason::SynGuard), "the client has not confirmed yet");
    bench.send(OUTSIDE, tcp(OUTSIDE, public(1), ACK));
    assert!(ask(&mut bench, public(4)).is_ok());
    assert_eq!(ask(&mut bench, public(5)), dropped(DropReason::SynGuard));
    bench.wait(60 * SECOND);
    assert_eq!(bench.settings.shared.half_open(0), 0, "they have timed out");
    assert!(ask(&mut bench, public(6)).is_ok());
    bench.check();
}

#[test]
fn a_virtual_server_has_timeouts_of_its_own() {
    let mut bench = bench(&with_virtual(draft(), 1, |server| server.timeouts.tcp_established_s = Some(5)));
    assert!(open(&mut bench, gold(1)).is_ok() && open(&mut bench, public(1)).is_ok());
    bench.wait(5 * SECOND);
    assert_eq!(
        bench.connections().iter().map(|each| each.client.address).collect::<Vec<_>>(),
        [ip("198.51.99.7")]
    );
    bench.check();
}

#[test]
fn bindings_that_go_take_their_connections_with_them_and_no_others() {
    let mut bench = bench(&draft());
    assert_eq!(open(&mut bench, public(1)), Ok(11));
    assert_eq!(open(&mut bench, public(2)), Ok(12));
    let mut next = draft();
    next.bindings[0].real_servers.remove(0);
    bench.reconfigure(next.build().unwrap());
    assert_eq!(bench.shard.connections(), 2, "they go with the next round");
    bench.wait(Duration::ZERO);
    assert_eq!(bench.connections()[0].real_server.address, ip("10.1.0.12"));
    assert_eq!(bench.shard.connections(), 1);
    assert_eq!(open(&mut bench, public(3)), Ok(12));
    bench.reconfigure(draft().build().unwrap());
    let reals: Vec<_> = (4..8).map(|port| open(&mut bench, public(port)).unwrap()).collect();
    assert!(reals.contains(&11));
    bench.check();
}

#[test]
fn out_of_service_drains() {
    let mut bench = bench(&draft());
    assert_eq!(open(&mut bench, public(1)), Ok(11));
    bench.reconfigure(with_real(draft(), 0, |server| server.in_service = false).build().unwrap());
    assert!((2..8).all(|port| open(&mut bench, public(port)) == Ok(12)));
    let (verdict, _) = bench.send(OUTSIDE, tcp(OUTSIDE, public(1), ACK));
    assert_eq!(verdict, Verdict::Forward { port: INSIDE });
    assert_eq!(bench.shard.counters().connections_of([0]), 1);
    bench.check();
}

#[test]
fn a_real_server_that_comes_back_into_service_begins_slowly() {
    let slow = with_real(draft(), 0, |real| real.slow_start_s = 3_600);
    let mut bench = bench(&slow);
    let share = |bench: &mut Bench, from: u16| {
        (from..from + 20).filter(|&port| open(bench, public(port)) == Ok(11)).count()
    };
    assert_eq!(share(&mut bench, 1_000), 10, "it was there from the start");
    bench.reconfigure(with_real(slow.clone(), 0, |real| real.in_service = false).build().unwrap());
    assert_eq!(share(&mut bench, 2_000), 0);
    bench.reconfigure(slow.build().unwrap());
    assert!((1..=4).contains(&share(&mut bench, 3_000)), "it has just come back");
    bench.check();
}

#[test]
fn connections_are_killed_by_a_filter() {
    let mut bench = bench(&draft());
    for port in 1..=100 {
        open(&mut bench, public(port)).unwrap();
        open(&mut bench, gold(port)).unwrap();
    }
    let filter = director::KillFilter {
        client: Some("203.0.113.0/24".parse().unwrap()),
        ..director::KillFilter::default()
    };
    let (mut killed, mut cursor) = (0, Some(director::Cursor::default()));
    while let Some(from) = cursor {
        let (some, next) = bench.shard.kill(bench.now, from, &filter, 7);
        killed += some;
        cursor = next;
    }
    assert_eq!((killed, bench.shard.connections()), (100, 100));
    bench.check();
}
