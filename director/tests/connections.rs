//! Connections from SYN to the end, as packets in and packets out.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod common;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use common::*;
use director::{Configuration, ConnectionFilter, PortIndex, Predictor, RealServerDraft, Verdict};
use model::{DropReason, Protocol};
use packet::{Content, TcpFlags, Transport, Tuple};

const SYN: TcpFlags = TcpFlags::SYN;
const ACK: TcpFlags = TcpFlags::ACK;
const RST: TcpFlags = TcpFlags::RST;
const SYN_ACK: TcpFlags = TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0);
const FIN_ACK: TcpFlags = TcpFlags(TcpFlags::FIN.0 | TcpFlags::ACK.0);

/// One virtual server of each kind over three real servers.
fn web(predictor: Predictor) -> Configuration {
    let reals = ["10.1.0.11:8080", "10.1.0.12:8080", "10.1.0.13:8080"];
    let reals_v6 = ["[2001:db8:1::11]:8080", "[2001:db8:1::12]:8080"];
    let mut builder = Configuration::builder();
    for real in reals.iter().chain(&reals_v6) {
        builder = builder.real_server(real);
    }
    builder = builder.real_server("10.1.0.11:53:udp");
    builder
        .virtual_server("192.0.2.100:80", predictor)
        .virtual_server("[2001:db8:100::100]:80", predictor)
        .virtual_server("192.0.2.100:53:udp", predictor)
        .bind("192.0.2.100:80", &reals)
        .bind("[2001:db8:100::100]:80", &reals_v6)
        .bind("192.0.2.100:53:udp", &["10.1.0.11:53:udp"])
        .build()
        .unwrap()
}

/// Sends a packet that must be forwarded and returns its ends afterwards.
fn forwarded(bench: &mut Bench, port: PortIndex, packet: Vec<u8>) -> (IpAddr, u16, IpAddr, u16) {
    let (verdict, packet) = bench.send(port, packet);
    let other_side = if port == OUTSIDE { INSIDE } else { OUTSIDE };
    assert_eq!(verdict, Verdict::Forward { port: other_side });
    tuple_of(&packet)
}

fn web_client(port: u16) -> Tuple<Ipv4Addr> {
    v4("203.0.113.7", port, "192.0.2.100", 80)
}

/// Opens a connection to the end of its handshake; returns the real server's end as it was chosen.
fn open(bench: &mut Bench, client: Tuple<Ipv4Addr>) -> (IpAddr, u16) {
    let (_, translated, real, real_port) = forwarded(bench, OUTSIDE, tcp(OUTSIDE, client, SYN));
    let IpAddr::V4(real_v4) = real else { panic!() };
    let answer = Tuple {
        source: real_v4,
        source_port: real_port,
        destination: client.source,
        destination_port: translated,
    };
    let back = forwarded(bench, INSIDE, tcp(INSIDE, answer, SYN_ACK));
    assert_eq!(
        back,
        (client.destination.into(), client.destination_port, client.source.into(), client.source_port)
    );
    forwarded(bench, OUTSIDE, tcp(OUTSIDE, client, ACK));
    (real, real_port)
}

fn only_state(bench: &Bench) -> &'static str {
    let connections = bench.connections();
    assert_eq!(connections.len(), 1);
    connections[0].state.name()
}

#[test]
fn tcp_connection_lives_and_ends() {
    let mut bench = Bench::new(web(Predictor::RoundRobin));
    let client = web_client(40_000);
    let (verdict, packet) = bench.send(OUTSIDE, tcp(OUTSIDE, client, SYN));
    assert_eq!(verdict, Verdict::Forward { port: INSIDE });
    assert_eq!(packet[..6], SERVER.0, "to the real server's station");
    assert_eq!(packet[6..12], UNIT_INSIDE.0, "from the unit's");
    assert_eq!(packet[22], 63, "one hop on");
    assert_eq!(tuple_of(&packet), (ip("203.0.113.7"), 40_000, ip("10.1.0.11"), 8_080));
    assert_eq!(only_state(&bench), "syn");

    let server = v4("10.1.0.11", 8_080, "203.0.113.7", 40_000);
    let (_, packet) = bench.send(INSIDE, tcp(INSIDE, server, SYN_ACK));
    assert_eq!(packet[..12], [ROUTER.0, UNIT_OUTSIDE.0].concat());
    assert_eq!(tuple_of(&packet), (ip("192.0.2.100"), 80, ip("203.0.113.7"), 40_000));
    for (port, ends, flags, state) in [
        (OUTSIDE, client, ACK, "established"),
        (INSIDE, server, ACK, "established"),
        (INSIDE, server, FIN_ACK, "half-closed"),
        (OUTSIDE, client, ACK, "half-closed"),
        (OUTSIDE, client, FIN_ACK, "closed"),
        (INSIDE, server, ACK, "closed"),
    ] {
        forwarded(&mut bench, port, tcp(port, ends, flags));
        assert_eq!(only_state(&bench), state);
    }
    bench.wait(Duration::from_secs(9));
    assert_eq!(bench.shard.connections(), 1);
    bench.wait(Duration::from_secs(1));
    assert_eq!(bench.shard.connections(), 0);
    let counters = bench.shard.counters();
    let binding = &counters.bindings[0];
    assert_eq!((binding.admitted.read(), binding.removed.read(), counters.expired.read()), (1, 1, 1));
    assert_eq!((binding.inbound_packets.read(), binding.outbound_packets.read()), (4, 4));
    bench.check();
}

#[test]
fn ipv6_and_udp_are_translated_both_ways() {
    let mut bench = Bench::new(web(Predictor::RoundRobin));
    let client = v6("2001:db8:9::7", 40_000, "2001:db8:100::100", 80);
    let there = forwarded(&mut bench, OUTSIDE, tcp(OUTSIDE, client, SYN));
    assert_eq!(there, (ip("2001:db8:9::7"), 40_000, ip("2001:db8:1::11"), 8_080));
    let server = v6("2001:db8:1::11", 8_080, "2001:db8:9::7", 40_000);
    let back = forwarded(&mut bench, INSIDE, tcp(INSIDE, server, SYN_ACK));
    assert_eq!(back, (ip("2001:db8:100::100"), 80, ip("2001:db8:9::7"), 40_000));

    let asker = v4("203.0.113.7", 40_000, "192.0.2.100", 53);
    let there = forwarded(&mut bench, OUTSIDE, udp(OUTSIDE, asker, b"question"));
    assert_eq!(there, (ip("203.0.113.7"), 40_000, ip("10.1.0.11"), 53));
    let answer = v4("10.1.0.11", 53, "203.0.113.7", 40_000);
    let back = forwarded(&mut bench, INSIDE, udp(INSIDE, answer, b"answer"));
    assert_eq!(back, (ip("192.0.2.100"), 53, ip("203.0.113.7"), 40_000));
    assert_eq!(bench.shard.connections(), 2);
    bench.wait(Duration::from_secs(300));
    assert_eq!(bench.shard.connections(), 0);
    bench.check();
}

#[test]
fn each_state_has_its_own_idle_timeout() {
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let client = web_client(40_000);
    let server = v4("10.1.0.11", 8_080, "203.0.113.7", 40_000);
    type Packets<'a> = &'a [(PortIndex, TcpFlags)];
    let handshake: Packets<'_> = &[(OUTSIDE, SYN), (INSIDE, SYN_ACK), (OUTSIDE, ACK)];
    let cases: &[(&str, Packets<'_>, Duration)] = &[
        ("syn", &[(OUTSIDE, SYN)], minutes(1)),
        ("established", &[], minutes(124)),
        ("half-closed", &[(OUTSIDE, FIN_ACK)], minutes(4)),
        ("closed", &[(OUTSIDE, FIN_ACK), (INSIDE, FIN_ACK)], Duration::from_secs(10)),
        ("reset", &[(INSIDE, RST)], Duration::from_secs(10)),
    ];
    for &(state, packets, timeout) in cases {
        let mut bench = Bench::new(web(Predictor::RoundRobin));
        let first = if state == "syn" { &[] } else { handshake };
        for &(port, flags) in first.iter().chain(packets) {
            forwarded(&mut bench, port, tcp(port, if port == OUTSIDE { client } else { server }, flags));
        }
        assert_eq!(only_state(&bench), state);
        bench.wait(timeout - Duration::from_millis(1));
        assert_eq!(bench.shard.connections(), 1, "{state}");
        bench.wait(Duration::from_millis(1));
        assert_eq!(bench.shard.connections(), 0, "{state}");
        bench.check();
    }
}

#[test]
fn syn_resends_are_counted_and_keep_the_real_server() {
    let mut bench = Bench::new(web(Predictor::RoundRobin));
    // The second of each two is a copy, not one that the client sent again.
    let waits = [0, 1_000, 0, 2_000, 0].map(Duration::from_millis);
    let mut ends = vec![forwarded(&mut bench, OUTSIDE, tcp(OUTSIDE, web_client(40_000), SYN))];
    for wait in waits {
        bench.wait(wait);
        ends.push(forwarded(&mut bench, OUTSIDE, tcp(OUTSIDE, web_client(40_000), SYN)));
    }
    assert!(ends.iter().all(|&end| end == ends[0]));
    assert_eq!(bench.connections()[0].syn_resends, 2);
    assert_eq!(bench.shard.counters().bindings[0].admitted.read(), 1);
    bench.check();
}

#[test]
fn client_may_reuse_its_port_once_the_connection_is_over() {
    let mut bench = Bench::new(web(Predictor::RoundRobin));
    let client = web_client(40_000);
    let (first, _) = open(&mut bench, client);
    forwarded(&mut bench, OUTSIDE, tcp(OUTSIDE, client, RST));
    let (second, _) = open(&mut bench, client);
    assert_ne!(first, second, "round robin went on");
    assert_eq!(only_state(&bench), "established");
    let counters = bench.shard.counters();
    let admitted: u64 = counters.bindings.iter().map(|binding| binding.admitted.read()).sum();
    assert_eq!((admitted, counters.connections()), (2, 1));
    bench.check();
}

#[test]
fn predictors_share_out_connections() {
    let weighted = |predictor| {
        Configuration::builder()
            .add_real_server(RealServerDraft { weight: 3, ..RealServerDraft::new("10.1.0.11:80") })
            .real_server("10.1.0.12:80")
            .virtual_server("192.0.2.100:80", predictor)
            .bind("192.0.2.100:80", &["10.1.0.11:80", "10.1.0.12:80"])
            .build()
            .unwrap()
    };
    for (predictor, expected) in [
        (Predictor::RoundRobin, [11, 12, 11, 12, 11, 12, 11, 12]),
        (Predictor::LeastConnections, [11, 12, 11, 12, 11, 12, 11, 12]),
        (Predictor::WeightedRoundRobin, [11, 11, 12, 11, 11, 11, 12, 11]),
        (Predictor::WeightedLeastConnections, [11, 11, 12, 11, 11, 11, 12, 11]),
    ] {
        let mut bench = Bench::new(weighted(predictor));
        let chosen: Vec<_> =
            (0..8).map(|client| last_octet(open(&mut bench, web_client(40_000 + client)).0)).collect();
        assert_eq!(chosen, expected, "{predictor:?}");
        bench.check();
    }
}

fn last_octet(address: IpAddr) -> u8 {
    let IpAddr::V4(address) = address else { panic!() };
    address.octets()[3]
}

#[test]
fn leastconns_prefers_the_server_whose_connections_ended() {
    let mut bench = Bench::new(web(Predictor::LeastConnections));
    let clients: Vec<_> = (0..6).map(|client| web_client(40_000 + client)).collect();
    let servers: Vec<_> = clients.iter().map(|&client| open(&mut bench, client).0).collect();
    for (client, _) in clients.iter().zip(&servers).filter(|(_, server)| **server == ip("10.1.0.12")) {
        forwarded(&mut bench, OUTSIDE, tcp(OUTSIDE, *client, RST));
    }
    bench.wait(Duration::from_secs(10));
    assert_eq!(bench.shard.connections(), 4);
    for client in 50_000..50_002 {
        assert_eq!(open(&mut bench, web_client(client)).0, ip("10.1.0.12"));
    }
    bench.check();
}

#[test]
fn full_table_refuses_new_connections_and_keeps_old_ones() {
    let options = Options { capacity: 3, ..Options::default() };
    let mut bench = Bench::with(web(Predictor::RoundRobin), options);
    for client in 0..3 {
        open(&mut bench, web_client(40_000 + client));
    }
    let (verdict, _) = bench.send(OUTSIDE, tcp(OUTSIDE, web_client(50_000), SYN));
    assert_eq!(verdict, Verdict::Drop(DropReason::TableFull));
    let (verdict, _) =
        bench.send(OUTSIDE, tcp(OUTSIDE, v6("2001:db8:9::7", 1, "2001:db8:100::100", 80), SYN));
    assert_eq!(verdict, Verdict::Drop(DropReason::TableFull), "both families share the bound");
    let counters = bench.shard.counters();
    assert_eq!((counters.refused[0].read(), counters.refused[1].read()), (1, 1));
    forwarded(&mut bench, OUTSIDE, tcp(OUTSIDE, web_client(40_001), ACK));
    forwarded(&mut bench, OUTSIDE, tcp(OUTSIDE, web_client(40_001), RST));
    bench.wait(Duration::from_secs(10));
    open(&mut bench, web_client(50_000));
    bench.check();
}

/// Two virtual servers over the same real endpoints.
fn twins(reals: &[&str]) -> Configuration {
    let mut builder = Configuration::builder();
    for real in reals {
        builder = builder.real_server(real);
    }
    builder
        .virtual_server("192.0.2.100:80", Predictor::RoundRobin)
        .virtual_server("192.0.2.101:80", Predictor::RoundRobin)
        .bind("192.0.2.100:80", reals)
        .bind("192.0.2.101:80", reals)
        .build()
        .unwrap()
}

#[test]
fn connections_that_would_collide_at_a_real_server_go_to_another() {
    let mut bench = Bench::new(twins(&["10.1.0.11:80", "10.1.0.12:80"]));
    let (first, _) = open(&mut bench, v4("203.0.113.7", 40_000, "192.0.2.100", 80));
    let (second, _) = open(&mut bench, v4("203.0.113.7", 40_000, "192.0.2.101", 80));
    assert_ne!(first, second);
    assert_eq!(bench.shard.counters().client_ports_translated.read(), 0);
    bench.check();
}

#[test]
fn with_one_real_server_the_client_port_is_translated_too() {
    let mut bench = Bench::new(twins(&["10.1.0.11:80"]));
    let (one, other) =
        (v4("203.0.113.7", 40_000, "192.0.2.100", 80), v4("203.0.113.7", 40_000, "192.0.2.101", 80));
    // `open` checks that the answers come back to the port that the client used.
    open(&mut bench, one);
    open(&mut bench, other);
    let ports: Vec<_> = bench.connections().iter().map(|connection| connection.translated_port).collect();
    assert!(ports.contains(&40_000) && ports[0] != ports[1], "{ports:?}");
    assert_eq!(bench.shard.counters().client_ports_translated.read(), 1);
    let (_, translated, ..) = forwarded(&mut bench, OUTSIDE, tcp(OUTSIDE, other, ACK));
    assert_ne!(translated, 40_000);
    bench.check();
}

#[test]
fn icmp_errors_about_translated_packets_are_translated() {
    const UNREACHABLE: u8 = 3;
    let mut bench = Bench::new(web(Predictor::RoundRobin));
    let client = web_client(40_000);
    open(&mut bench, client);
    let server = v4("10.1.0.11", 8_080, "203.0.113.7", 40_000);

    // A router on the way to the client complains about a packet of the virtual server.
    let seen_outside = tcp(OUTSIDE, reversed(client), ACK);
    let error = icmp_error(OUTSIDE, v4("198.51.100.254", 0, "192.0.2.100", 0), UNREACHABLE, &seen_outside);
    let (verdict, error) = bench.send(OUTSIDE, error);
    assert_eq!(verdict, Verdict::Forward { port: INSIDE });
    assert_eq!(quoted(&error), (ip("198.51.100.254"), ip("10.1.0.11"), server));

    // The real server complains about a packet of the client: it speaks as the virtual server.
    let seen_inside = tcp(INSIDE, reversed(server), ACK);
    let error = icmp_error(INSIDE, v4("10.1.0.11", 0, "203.0.113.7", 0), UNREACHABLE, &seen_inside);
    let (verdict, error) = bench.send(INSIDE, error);
    assert_eq!(verdict, Verdict::Forward { port: OUTSIDE });
    assert_eq!(quoted(&error), (ip("192.0.2.100"), ip("203.0.113.7"), client));

    // An error about a connection that nobody knows.
    let unknown = tcp(OUTSIDE, reversed(web_client(1)), ACK);
    let error = icmp_error(OUTSIDE, v4("198.51.100.254", 0, "192.0.2.100", 0), UNREACHABLE, &unknown);
    assert_eq!(bench.send(OUTSIDE, error).0, Verdict::Drop(DropReason::IcmpErrorUnmatched));
    bench.check();
}

/// The addresses of an ICMP error, and the ends of what it quotes.
fn quoted(frame: &[u8]) -> (IpAddr, IpAddr, Tuple<Ipv4Addr>) {
    let Content::Ipv4(datagram) = packet::parse(frame, frame.len()).unwrap().content else { panic!() };
    let Transport::IcmpError(quote) = datagram.transport else { panic!("{datagram:?}") };
    (datagram.source.into(), datagram.destination.into(), quote.tuple)
}

#[test]
fn listing_pages_and_filters() {
    let mut bench = Bench::new(web(Predictor::RoundRobin));
    for client in 0..30 {
        open(&mut bench, web_client(40_000 + client));
    }
    open(&mut bench, v4("203.0.113.8", 1, "192.0.2.100", 80));
    forwarded(&mut bench, OUTSIDE, tcp(OUTSIDE, v6("2001:db8:9::7", 1, "2001:db8:100::100", 80), SYN));
    let count = |filter: ConnectionFilter| bench.list(&filter).len();
    let endpoint = |address, port| Some(model::Endpoint::new(ip(address), port));
    let all = ConnectionFilter::default();
    assert_eq!(count(all), 32);
    assert_eq!(count(ConnectionFilter { client: Some("203.0.113.8/32".parse().unwrap()), ..all }), 1);
    assert_eq!(count(ConnectionFilter { client: Some("2001:db8::/32".parse().unwrap()), ..all }), 1);
    assert_eq!(count(ConnectionFilter { virtual_server: endpoint("192.0.2.100", 80), ..all }), 31);
    assert_eq!(count(ConnectionFilter { virtual_server: endpoint("192.0.2.100", 81), ..all }), 0);
    assert_eq!(count(ConnectionFilter { real_server: endpoint("10.1.0.11", 0), ..all }), 11);
    let tcp_only = bench.connections().iter().all(|connection| connection.protocol == Protocol::Tcp);
    assert!(tcp_only);
    bench.check();
}
