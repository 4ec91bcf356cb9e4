//! What is not translated: answered, handed to the kernel, held, or dropped for one reason each.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod common;

use common::*;
use director::{
    Configuration, ConnectionState, NextHopTable, PortIndex, Predictor, Route, Unmatched, Verdict,
    VirtualServerDraft,
};
use model::{DropReason, MacAddress};
use packet::{TcpFlags, build};
use proptest::prelude::*;

const SYN: TcpFlags = TcpFlags::SYN;
const ACK: TcpFlags = TcpFlags::ACK;

fn configuration() -> director::ConfigurationDraft {
    Configuration::builder()
        .real_server("10.1.0.11:8080")
        .real_server("10.1.0.99:8080")
        .virtual_server("192.0.2.100:80", Predictor::RoundRobin)
        .virtual_server("192.0.2.101:80", Predictor::RoundRobin)
        .virtual_server("192.0.2.102:80", Predictor::RoundRobin)
        .virtual_server("[2001:db8:100::100]:80", Predictor::RoundRobin)
        .add_virtual_server(VirtualServerDraft {
            in_service: false,
            ..VirtualServerDraft::new("192.0.2.103:80")
        })
        .bind("192.0.2.100:80", &["10.1.0.11:8080"])
        .bind("192.0.2.102:80", &["10.1.0.99:8080"])
}

fn bench(unmatched: Unmatched) -> Bench {
    Bench::with(configuration().build().unwrap(), Options { unmatched, ..Options::default() })
}

fn to_virtual(port: u16) -> packet::Tuple<std::net::Ipv4Addr> {
    v4("203.0.113.7", 40_000, "192.0.2.100", port)
}

#[test]
fn each_packet_that_is_not_translated_has_one_verdict() {
    use DropReason::*;
    let drop = Verdict::Drop;
    let elsewhere = v4("203.0.113.7", 40_000, "198.51.100.99", 80);
    let own = v4("203.0.113.7", 40_000, "198.51.100.1", 22);
    let server = |port| v4("10.1.0.11", port, "203.0.113.7", 40_000);
    let mut other_station = tcp(OUTSIDE, to_virtual(80), SYN);
    other_station[..6].copy_from_slice(&[2, 9, 9, 9, 9, 9]);
    let mut tagged = tcp(OUTSIDE, to_virtual(80), SYN);
    tagged.splice(12..12, [0x81, 0x00, 0x00, 0x05]);
    let mut last_hop = udp(OUTSIDE, v4("203.0.113.7", 1, "192.0.2.100", 80), b"");
    last_hop.truncate(20);
    let mut one_hop_left = tcp(OUTSIDE, to_virtual(80), SYN);
    set_hop_limit(&mut one_hop_left, 1);
    let mut no_hop_left = tcp(OUTSIDE, to_virtual(80), SYN);
    set_hop_limit(&mut no_hop_left, 0);
    let cases: Vec<(&str, PortIndex, Vec<u8>, Verdict)> = vec![
        ("no connection", OUTSIDE, tcp(OUTSIDE, to_virtual(80), ACK), drop(NoConnection)),
        ("no such port", OUTSIDE, tcp(OUTSIDE, to_virtual(81), SYN), drop(NoVirtualServer)),
        ("no such protocol", OUTSIDE, udp(OUTSIDE, to_virtual(80), b""), drop(NoVirtualServer)),
        ("another protocol", OUTSIDE, ip_packet(OUTSIDE, to_virtual(0), 47), drop(NoVirtualServer)),
        (
            "no real server",
            OUTSIDE,
            tcp(OUTSIDE, v4("203.0.113.7", 1, "192.0.2.101", 80), SYN),
            drop(NoRealServer),
        ),
        (
            "out of service",
            OUTSIDE,
            tcp(OUTSIDE, v4("203.0.113.7", 1, "192.0.2.103", 80), SYN),
            drop(VirtualOutOfService),
        ),
        ("last hop", OUTSIDE, one_hop_left, drop(HopLimitExceeded)),
        ("past the last hop", OUTSIDE, no_hop_left, drop(HopLimitExceeded)),
        ("truncated", OUTSIDE, last_hop, drop(FrameTruncated)),
        ("other station", OUTSIDE, other_station, drop(NotOurMac)),
        ("tagged", OUTSIDE, tagged, Verdict::Kernel),
        ("fragment", OUTSIDE, fragment(OUTSIDE, to_virtual(80)), drop(Fragment)),
        ("fragment of a real server", INSIDE, fragment(INSIDE, server(8_080)), drop(Fragment)),
        ("late answer", INSIDE, tcp(INSIDE, server(8_080), ACK), drop(NoConnection)),
        (
            "inside host to a virtual server",
            INSIDE,
            tcp(INSIDE, v4("10.1.0.11", 1, "192.0.2.100", 80), SYN),
            drop(Hairpin),
        ),
        ("real server's own connection", INSIDE, tcp(INSIDE, server(50_000), SYN), Verdict::Kernel),
        (
            "answer to the unit itself",
            INSIDE,
            tcp(INSIDE, v4("10.1.0.11", 8_080, "10.1.0.1", 40_000), ACK),
            Verdict::Kernel,
        ),
        ("elsewhere", OUTSIDE, tcp(OUTSIDE, elsewhere, SYN), Verdict::Kernel),
        ("own address", OUTSIDE, tcp(OUTSIDE, own, SYN), Verdict::Kernel),
        ("ARP for another", OUTSIDE, arp("198.51.100.1"), Verdict::Kernel),
        ("ARP inside", INSIDE, arp("192.0.2.100"), Verdict::Kernel),
    ];
    for (name, port, packet, expected) in cases {
        refused(name, port, packet, expected);
    }
}

#[test]
fn martians_are_dropped() {
    let from = |source: &str| v4(source, 40_000, "192.0.2.100", 80);
    let syn = |source| tcp(OUTSIDE, from(source), SYN);
    for (name, packet) in [
        ("from nowhere", syn("0.0.0.0")),
        ("from loopback", syn("127.0.0.1")),
        ("from multicast", syn("224.0.0.1")),
        ("from broadcast", syn("255.255.255.255")),
        ("from itself", syn("192.0.2.100")),
        ("ping from loopback", echo(OUTSIDE, from("127.0.0.1"))),
    ] {
        refused(name, OUTSIDE, packet, Verdict::Drop(DropReason::Martian));
    }
}

/// Sends a packet that is refused in this way, is not changed, and changes nothing.
fn refused(name: &str, port: PortIndex, packet: Vec<u8>, expected: Verdict) {
    let mut bench = bench(Unmatched::Kernel);
    let before = packet.clone();
    let (verdict, after) = bench.send(port, packet);
    assert_eq!(verdict, expected, "{name}");
    assert_eq!(after, before, "{name}: unchanged");
    assert_eq!(bench.shard.connections(), 0, "{name}");
    bench.check();
}

fn set_hop_limit(frame: &mut [u8], hop_limit: u8) {
    frame[22] = hop_limit;
    fix_header_checksum(frame);
}

fn fix_header_checksum(frame: &mut [u8]) {
    frame[24..26].fill(0);
    let mut sum: u32 =
        frame[14..34].chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    frame[24..26].copy_from_slice(&(!u16::try_from(sum).unwrap()).to_be_bytes());
}

fn fragment(port: PortIndex, tuple: packet::Tuple<std::net::Ipv4Addr>) -> Vec<u8> {
    let mut frame = udp(port, tuple, b"the first part");
    frame[20] = 0x20;
    fix_header_checksum(&mut frame);
    frame
}

fn arp(target: &str) -> Vec<u8> {
    build::arp_request(ROUTER, "198.51.100.254".parse().unwrap(), target.parse().unwrap())
}

#[test]
fn virtual_addresses_are_answered() {
    let mut bench = bench(Unmatched::Drop);
    let (verdict, reply) = bench.send(OUTSIDE, arp("192.0.2.100"));
    assert!(matches!(verdict, Verdict::Answer { .. }));
    assert_eq!(reply[..12], [ROUTER.0, UNIT_OUTSIDE.0].concat());
    assert_eq!(reply[20..28], [&[0, 2][..], &UNIT_OUTSIDE.0].concat());

    let target = "2001:db8:100::100".parse().unwrap();
    let solicitation = build::neighbor_solicitation(ROUTER, "fe80::254".parse().unwrap(), target);
    let (verdict, reply) = bench.send(OUTSIDE, solicitation);
    assert_eq!(verdict, Verdict::Answer { length: 86 });
    assert_eq!(reply[..12], [ROUTER.0, UNIT_OUTSIDE.0].concat());

    for ping in [
        echo(OUTSIDE, v4("203.0.113.7", 0, "192.0.2.100", 0)),
        echo(OUTSIDE, v6("2001:db8:9::7", 0, "2001:db8:100::100", 0)),
    ] {
        let length = ping.len();
        let (verdict, reply) = bench.send(OUTSIDE, ping);
        assert_eq!(verdict, Verdict::Answer { length: length.try_into().unwrap() });
        assert_eq!(reply[..12], [ROUTER.0, UNIT_OUTSIDE.0].concat());
    }
    bench.check();
}

#[test]
fn policy_for_unmatched_packets_is_the_ports() {
    let elsewhere = || tcp(OUTSIDE, v4("203.0.113.7", 1, "8.8.8.8", 80), SYN);
    let own = || tcp(OUTSIDE, v4("203.0.113.7", 1, "198.51.100.1", 22), SYN);
    let to_other_station = || {
        let mut frame = elsewhere();
        frame[..6].copy_from_slice(&MacAddress([2, 9, 9, 9, 9, 9]).0);
        frame
    };
    let dropped = Verdict::Drop;
    for (unmatched, routed, bridged) in [
        (Unmatched::Kernel, Verdict::Kernel, dropped(DropReason::NotOurMac)),
        (Unmatched::Drop, dropped(DropReason::Unmatched), dropped(DropReason::NotOurMac)),
        (Unmatched::Bridge, Verdict::Kernel, Verdict::Forward { port: INSIDE }),
    ] {
        let mut bench = bench(unmatched);
        assert_eq!(bench.send(OUTSIDE, elsewhere()).0, routed);
        assert_eq!(bench.send(OUTSIDE, own()).0, Verdict::Kernel);
        assert_eq!(bench.send(OUTSIDE, to_other_station()).0, bridged);
        let to_all =
            if unmatched == Unmatched::Bridge { Verdict::Flood { port: INSIDE } } else { Verdict::Kernel };
        assert_eq!(bench.send(OUTSIDE, arp("198.51.100.77")).0, to_all);
        bench.check();
    }
}

#[test]
fn segments_without_a_connection_are_reset_where_configured() {
    let mut draft = configuration();
    draft.tcp_without_connection = director::TcpWithoutConnection::Reset;
    let mut bench = Bench::new(draft.build().unwrap());
    for segment in [tcp(OUTSIDE, to_virtual(80), ACK), tcp(OUTSIDE, to_virtual(81), SYN)] {
        let (verdict, reply) = bench.send(OUTSIDE, segment);
        assert_eq!(verdict, Verdict::Answer { length: 54 });
        assert_eq!(reply[47] & TcpFlags::RST.0, TcpFlags::RST.0);
    }
    let reset = tcp(OUTSIDE, to_virtual(80), TcpFlags::RST);
    assert_eq!(bench.send(OUTSIDE, reset).0, Verdict::Drop(DropReason::NoConnection));
    bench.check();
}

#[test]
fn segments_without_a_connection_are_admitted_where_configured() {
    let mut draft = configuration();
    draft.tcp_without_connection = director::TcpWithoutConnection::Admit;
    let mut bench = Bench::new(draft.build().unwrap());
    for flags in [TcpFlags::RST, TcpFlags::RST | ACK, SYN | ACK, TcpFlags::PSH] {
        let stray = tcp(OUTSIDE, to_virtual(80), flags);
        assert_eq!(bench.send(OUTSIDE, stray).0, Verdict::Drop(DropReason::NoConnection));
    }
    assert_eq!(bench.send(OUTSIDE, tcp(OUTSIDE, to_virtual(80), ACK)).0, Verdict::Forward { port: INSIDE });
    assert_eq!(bench.connections()[0].state, ConnectionState::Established);
    bench.check();
}

#[test]
fn packet_waits_for_its_next_hop_and_then_goes() {
    let mut bench = bench(Unmatched::Kernel);
    let client = v4("203.0.113.7", 40_000, "192.0.2.102", 80);
    assert_eq!(bench.send(OUTSIDE, tcp(OUTSIDE, client, SYN)).0, Verdict::Hold { awaited: 0 });
    assert_eq!(bench.shard.awaited(0), (INSIDE, ip("10.1.0.99")));
    assert_eq!(bench.shard.connections(), 0, "nothing changes before it can go");
    bench.next_hops.add_neighbor(INSIDE, ip("10.1.0.99"), SERVER);
    assert_eq!(bench.send(OUTSIDE, tcp(OUTSIDE, client, SYN)).0, Verdict::Forward { port: INSIDE });
    assert_eq!(bench.connections()[0].syn_resends, 0);
    bench.check();
}

#[test]
fn real_server_without_a_known_station_is_passed_over() {
    let draft = Configuration::builder()
        .real_server("10.1.0.99:80")
        .real_server("10.1.0.11:80")
        .virtual_server("192.0.2.100:80", Predictor::RoundRobin)
        .bind("192.0.2.100:80", &["10.1.0.99:80", "10.1.0.11:80"]);
    let mut bench = Bench::new(draft.build().unwrap());
    for port in 0..4 {
        let client = v4("203.0.113.7", 40_000 + port, "192.0.2.100", 80);
        assert_eq!(bench.send(OUTSIDE, tcp(OUTSIDE, client, SYN)).0, Verdict::Forward { port: INSIDE });
    }
    assert!(bench.connections().iter().all(|connection| connection.real_server.address == ip("10.1.0.11")));
    bench.check();
}

#[test]
fn where_nobody_can_be_reached_the_one_that_can_be_asked_for_is() {
    // No route leads to the first one; the second one's is without a station.
    let draft = Configuration::builder()
        .real_server("10.9.0.1:80")
        .real_server("10.1.0.99:80")
        .virtual_server("192.0.2.100:80", Predictor::RoundRobin)
        .bind("192.0.2.100:80", &["10.9.0.1:80", "10.1.0.99:80"]);
    let mut bench = Bench::new(draft.build().unwrap());
    bench.next_hops.add_unreachable("10.9.0.0/16".parse().unwrap());
    let syn = || tcp(OUTSIDE, v4("203.0.113.7", 40_000, "192.0.2.100", 80), SYN);
    assert_eq!(bench.send(OUTSIDE, syn()).0, Verdict::Hold { awaited: 0 });
    assert_eq!(bench.shard.awaited(0), (INSIDE, ip("10.1.0.99")));
    bench.next_hops.add_unreachable("10.1.0.99/32".parse().unwrap());
    assert_eq!(bench.send(OUTSIDE, syn()).0, Verdict::Drop(DropReason::NoRoute));
    bench.next_hops.add_neighbor(INSIDE, ip("10.9.0.1"), SERVER);
    bench.next_hops.add_route("10.9.0.0/16".parse().unwrap(), Route { port: INSIDE, gateway: None });
    assert_eq!(bench.send(OUTSIDE, syn()).0, Verdict::Forward { port: INSIDE });
    bench.check();
}

/// A next-hop table of another generation that does not know `missing`.
fn next_hops_without(missing: &str, generation: u32) -> NextHopTable {
    let mut table = NextHopTable::new(generation);
    table.add_route("10.1.0.0/16".parse().unwrap(), Route { port: INSIDE, gateway: None });
    for address in ["10.1.0.11", "10.1.0.12", "10.1.0.13"].iter().filter(|address| **address != missing) {
        table.add_neighbor(INSIDE, ip(address), SERVER);
    }
    table
}

fn three_servers(predictor: Predictor) -> Bench {
    let reals = ["10.1.0.11:80", "10.1.0.12:80", "10.1.0.13:80"];
    let draft = reals.iter().fold(Configuration::builder(), |draft, real| draft.real_server(real));
    let draft = draft.virtual_server("192.0.2.100:80", predictor).bind("192.0.2.100:80", &reals);
    Bench::new(draft.build().unwrap())
}

#[test]
fn real_server_that_comes_back_gets_its_share_and_no_more() {
    for predictor in [Predictor::WeightedRoundRobin, Predictor::RoundRobin] {
        let mut bench = three_servers(predictor);
        let begin = |bench: &mut Bench, ports: std::ops::Range<u16>| {
            for port in ports {
                let client = v4("203.0.113.7", port, "192.0.2.100", 80);
                assert_eq!(
                    bench.send(OUTSIDE, tcp(OUTSIDE, client, SYN)).0,
                    Verdict::Forward { port: INSIDE }
                );
            }
        };
        bench.next_hops = next_hops_without("10.1.0.13", 2);
        begin(&mut bench, 10_000..10_300);
        bench.next_hops = next_hops_without("none", 3);
        begin(&mut bench, 20_000..20_030);
        let of_third =
            bench.connections().iter().filter(|one| one.real_server.address == ip("10.1.0.13")).count();
        assert!((9..=11).contains(&of_third), "{predictor:?}: {of_third} of 30");
        bench.check();
    }
}

#[test]
fn unanswered_client_moves_on_when_its_real_server_is_gone() {
    let mut bench = three_servers(Predictor::RoundRobin);
    let client = v4("203.0.113.7", 40_000, "192.0.2.100", 80);
    let syn = || tcp(OUTSIDE, client, SYN);
    assert_eq!(bench.send(OUTSIDE, syn()).0, Verdict::Forward { port: INSIDE });
    assert_eq!(bench.connections()[0].real_server.address, ip("10.1.0.11"));
    bench.next_hops = next_hops_without("10.1.0.11", 2);
    assert_eq!(bench.send(OUTSIDE, syn()).0, Verdict::Forward { port: INSIDE });
    let connections = bench.connections();
    assert_eq!(connections.len(), 1);
    assert_eq!(connections[0].real_server.address, ip("10.1.0.12"));
    bench.check();
}

#[test]
fn sender_of_a_packet_that_can_not_go_on_is_told() {
    let mut bench = bench(Unmatched::Kernel);
    let big = syn_of(1_501);
    let mut small = syn_of(200);
    set_hop_limit(&mut small, 1);
    for (packet, icmp_type, mtu) in [(big, [3, 4], 1_500_u16), (small, [11, 0], 0)] {
        let (verdict, error) = bench.send(OUTSIDE, packet);
        assert!(matches!(verdict, Verdict::Answer { .. }), "{verdict:?}");
        assert_eq!(error[..12], [ROUTER.0, UNIT_OUTSIDE.0].concat());
        assert_eq!(error[26..30], [198, 51, 100, 1], "from the unit's own address");
        assert_eq!(error[34..36], icmp_type);
        assert_eq!(error[40..42], mtu.to_be_bytes());
    }
    assert_eq!(bench.shard.connections(), 0);
    // Not without end: a second has a budget.
    let verdicts: Vec<_> = (0..1_100).map(|_| bench.send(OUTSIDE, syn_of(1_501)).0).collect();
    assert!(verdicts.contains(&Verdict::Drop(DropReason::PacketTooBig)));
    bench.check();
}

/// A SYN with data that fills an IP packet of `length` bytes.
fn syn_of(length: u16) -> Vec<u8> {
    let mut syn = tcp(OUTSIDE, to_virtual(80), SYN);
    syn.resize(14 + usize::from(length), 0);
    syn[16..18].copy_from_slice(&length.to_be_bytes());
    fix_header_checksum(&mut syn);
    syn
}

#[test]
fn clients_of_other_shards_are_handed_over_in_both_directions() {
    let mut bench =
        Bench::with(configuration().build().unwrap(), Options { shards: 4, ..Options::default() });
    let mut owned = 0;
    for last in 1..=64_u8 {
        let client = format!("203.0.113.{last}");
        let (there, _) = bench.send(OUTSIDE, tcp(OUTSIDE, v4(&client, 1, "192.0.2.100", 80), SYN));
        let (back, _) = bench.send(INSIDE, tcp(INSIDE, v4("10.1.0.11", 8_080, &client, 1), ACK));
        match (there, back) {
            (Verdict::HandOver { shard }, Verdict::HandOver { shard: same }) => assert_eq!(shard, same),
            (Verdict::Forward { .. }, Verdict::Forward { .. }) => owned += 1,
            other => panic!("{client}: {other:?}"),
        }
    }
    assert!((8..=24).contains(&owned), "{owned} of 64 clients are this shard's");
    bench.check();
}

fn frames() -> Vec<(PortIndex, Vec<u8>)> {
    let client = to_virtual(80);
    let answer = v4("10.1.0.11", 8_080, "203.0.113.7", 40_000);
    let about = tcp(OUTSIDE, reversed(client), ACK);
    vec![
        (OUTSIDE, tcp(OUTSIDE, client, SYN)),
        (OUTSIDE, tcp(OUTSIDE, client, ACK)),
        (INSIDE, tcp(INSIDE, answer, ACK)),
        (OUTSIDE, udp(OUTSIDE, client, b"data")),
        (OUTSIDE, echo(OUTSIDE, client)),
        (OUTSIDE, icmp_error(OUTSIDE, v4("198.51.100.254", 0, "192.0.2.100", 0), 3, &about)),
        (OUTSIDE, tcp(OUTSIDE, v6("2001:db8:9::7", 1, "2001:db8:100::100", 80), SYN)),
        (OUTSIDE, arp("192.0.2.100")),
        (
            OUTSIDE,
            build::neighbor_solicitation(
                ROUTER,
                "fe80::1".parse().unwrap(),
                "2001:db8:100::100".parse().unwrap(),
            ),
        ),
    ]
}

#[test]
fn frames_cut_at_any_byte_or_corrupted_never_panic_and_balance() {
    let mut bench = bench(Unmatched::Kernel);
    for (port, frame) in frames() {
        for length in 0..=frame.len() {
            bench.batch(port, &mut [frame[..length].to_vec()]);
        }
        for offset in 0..frame.len() {
            for bit in 0..8 {
                let mut corrupt = frame.clone();
                corrupt[offset] ^= 1 << bit;
                bench.batch(port, &mut [corrupt]);
            }
        }
    }
    bench.check();
}

proptest! {
    #[test]
    fn noise_in_batches_balances(noise in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..120)), 1..60)) {
        let mut bench = bench(Unmatched::Bridge);
        for (outside, bytes) in noise {
            bench.batch(if outside { OUTSIDE } else { INSIDE }, &mut [bytes]);
        }
        bench.check();
    }
}
