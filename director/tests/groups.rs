//! What moves with a failover group and what stays with the unit: MAC addresses, shared addresses, and the lease.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod common;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use common::*;
use director::{
    Configuration, Port, PortIndex, Predictor, ReplicationSettings, ShardConfiguration, Steering, Unmatched,
    Verdict,
};
use model::{DropReason, Instant, MacAddress, UnitState};
use packet::{TcpFlags, Tuple, build};

const SYN: TcpFlags = TcpFlags::SYN;
const SYN_ACK: TcpFlags = TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0);
const ACK: TcpFlags = TcpFlags::ACK;

const GROUP_OUTSIDE: MacAddress = MacAddress([0x02, 0, 0, 0, 1, 0x01]);
const GROUP_INSIDE: MacAddress = MacAddress([0x02, 0, 0, 0, 1, 0x02]);

/// The servers' gateway.
const GATEWAY: &str = "10.1.0.254";
const GATEWAY_V6: &str = "2001:db8:1::ffff";

const STANDBY: Verdict = Verdict::Drop(DropReason::Standby);
const LEASE_OVER: Verdict = Verdict::Drop(DropReason::LeaseOver);

/// A shard of a group with MAC addresses of its own, and a gateway inside that moves.
fn bench(state: UnitState) -> Bench {
    let configuration = Configuration::builder()
        .real_server("10.1.0.11:8080")
        .virtual_server("192.0.2.100:80", Predictor::RoundRobin)
        .bind("192.0.2.100:80", &["10.1.0.11:8080"]);
    let [outside, inside]: &[Port; 2] = &ports(Unmatched::Kernel)[..].to_vec().try_into().unwrap();
    let shared_addresses = vec![ip(GATEWAY), ip(GATEWAY_V6)];
    let ports = [
        Port { mac: GROUP_OUTSIDE, ..outside.clone() },
        Port { mac: GROUP_INSIDE, shared_addresses, ..inside.clone() },
    ];
    let replication =
        Some(ReplicationSettings { digest_seed: 1, standby_timeout: Duration::ZERO, observes: true });
    Bench::of(ShardConfiguration {
        director: Arc::new(configuration.build().unwrap()),
        shared: Arc::default(),
        ports: Arc::new(ports),
        index: 0,
        steering: Steering::new(1),
        capacity: 1_000,
        hash_seed: 1,
        replication,
        state,
    })
}

fn client(port: u16) -> Tuple<Ipv4Addr> {
    v4("203.0.113.7", port, "192.0.2.100", 80)
}

fn answer(port: u16) -> Tuple<Ipv4Addr> {
    v4("10.1.0.11", 8_080, "203.0.113.7", port)
}

fn to(mac: MacAddress, mut frame: Vec<u8>) -> Vec<u8> {
    frame[..6].copy_from_slice(&mac.0);
    frame
}

/// The station that a frame comes from.
fn sender(frame: &[u8]) -> MacAddress {
    MacAddress(frame[6..12].try_into().unwrap())
}

fn arp(target: &str) -> Vec<u8> {
    build::arp_request(SERVER, "10.1.0.11".parse().unwrap(), target.parse().unwrap())
}

fn solicitation(target: &str) -> Vec<u8> {
    build::neighbor_solicitation(SERVER, "2001:db8:1::11".parse().unwrap(), target.parse().unwrap())
}

/// The same, from one that only wants to know whether its neighbour is still there.
fn probe(mac: MacAddress, target: &str) -> Vec<u8> {
    let target: Ipv6Addr = target.parse().unwrap();
    let mut frame = to(mac, solicitation(&target.to_string()));
    let (asker, group) = (frame[22..38].to_vec(), frame[38..54].to_vec());
    assert_eq!((asker.len(), group[..2].to_vec()), (16, vec![0xff, 0x02]));
    frame[38..54].copy_from_slice(&target.octets());
    // The sums of the two addresses differ: the message's checksum does, too.
    let sum =
        |bytes: &[u8]| bytes.chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1])).sum::<u32>();
    let old = u32::from(!u16::from_be_bytes([frame[56], frame[57]]));
    let mut new = old + 0xffff * 16 - sum(&group) + sum(&target.octets());
    while new > 0xffff {
        new = (new & 0xffff) + (new >> 16);
    }
    let checksum = !u16::try_from(new).unwrap();
    frame[56..58].copy_from_slice(&checksum.to_be_bytes());
    frame
}

#[test]
fn forwarded_frames_leave_with_the_groups_address_and_are_accepted_for_both() {
    let mut bench = bench(UnitState::Active);
    let cases = [(1, GROUP_OUTSIDE, GROUP_INSIDE), (2, UNIT_OUTSIDE, UNIT_INSIDE)];
    for (port, outside, inside) in cases {
        for (side, to_mac, tuple, flags, output, mac) in [
            (OUTSIDE, outside, client(port), SYN, INSIDE, GROUP_INSIDE),
            (INSIDE, inside, answer(port), SYN_ACK, OUTSIDE, GROUP_OUTSIDE),
            (OUTSIDE, outside, client(port), ACK, INSIDE, GROUP_INSIDE),
        ] {
            let (verdict, frame) = bench.send(side, to(to_mac, tcp(side, tuple, flags)));
            assert_eq!((verdict, sender(&frame)), (Verdict::Forward { port: output }, mac));
        }
    }
    let (verdict, frame) = bench.send(OUTSIDE, to(GROUP_OUTSIDE, echo(OUTSIDE, client(0))));
    assert!(matches!(verdict, Verdict::Answer { .. }));
    assert_eq!(sender(&frame), GROUP_OUTSIDE);
    bench.check();
}

#[test]
fn neighbours_are_told_the_groups_address_for_what_moves_and_nothing_by_a_standby() {
    let asked: [(&str, PortIndex, Vec<u8>, Option<MacAddress>); 7] = [
        ("the gateway", INSIDE, arp(GATEWAY), Some(GROUP_INSIDE)),
        ("the gateway, by IPv6", INSIDE, solicitation(GATEWAY_V6), Some(GROUP_INSIDE)),
        ("the same, again", INSIDE, probe(GROUP_INSIDE, GATEWAY_V6), Some(GROUP_INSIDE)),
        ("a virtual address", OUTSIDE, arp("192.0.2.100"), Some(GROUP_OUTSIDE)),
        ("a virtual address, again", OUTSIDE, to(GROUP_OUTSIDE, arp("192.0.2.100")), Some(GROUP_OUTSIDE)),
        ("the gateway, on the wrong side", OUTSIDE, arp(GATEWAY), None),
        ("the unit's own", INSIDE, arp("10.1.0.1"), None),
    ];
    for (name, port, frame, mac) in asked {
        let mut active = bench(UnitState::Active);
        let (verdict, answer) = active.send(port, frame.clone());
        match mac {
            Some(mac) => {
                assert!(matches!(verdict, Verdict::Answer { .. }), "{name}: {verdict:?}");
                assert_eq!(sender(&answer), mac, "{name}");
            }
            None => assert_eq!((verdict, answer), (Verdict::Kernel, frame.clone()), "{name}"),
        }
        active.check();
        let is_own = name == "the unit's own";
        for (fenced, refused) in [(false, STANDBY), (true, LEASE_OVER)] {
            let mut other = if fenced { fenced_bench() } else { bench(UnitState::Standby) };
            let expected = if is_own { Verdict::Kernel } else { refused };
            assert_eq!(other.send(port, frame.clone()), (expected, frame.clone()), "{name}");
            other.check();
        }
    }
}

/// Active, but its lease is over.
fn fenced_bench() -> Bench {
    let mut bench = bench(UnitState::Active);
    bench.shard.set_lease(bench.now);
    bench
}

#[test]
fn what_is_to_a_shared_address_is_the_kernels_while_the_group_is_active() {
    let server = |address: &str, port| v4("10.1.0.11", 8_080, address, port);
    let shared = [
        ("ping", to(GROUP_INSIDE, echo(INSIDE, server(GATEWAY, 0)))),
        ("as if it were an answer", to(GROUP_INSIDE, tcp(INSIDE, server(GATEWAY, 1), ACK))),
    ];
    for (name, frame) in shared {
        let mut active = bench(UnitState::Active);
        assert_eq!(active.send(INSIDE, frame.clone()).0, Verdict::Kernel, "{name}");
        assert_eq!(bench(UnitState::Standby).send(INSIDE, frame.clone()).0, STANDBY, "{name}");
        assert_eq!(fenced_bench().send(INSIDE, frame).0, LEASE_OVER, "{name}");
        active.check();
    }
    let own = [
        ("ping", to(UNIT_INSIDE, echo(INSIDE, server("10.1.0.1", 0)))),
        ("answer to the unit", to(UNIT_INSIDE, tcp(INSIDE, server("10.1.0.1", 1), ACK))),
    ];
    for (name, frame) in own {
        for mut bench in [bench(UnitState::Active), bench(UnitState::Standby), fenced_bench()] {
            assert_eq!(bench.send(INSIDE, frame.clone()).0, Verdict::Kernel, "{name}");
            bench.check();
        }
    }
}

#[test]
fn what_is_to_the_other_address_is_not_the_standbys() {
    let mut standby = bench(UnitState::Standby);
    let own = v4("203.0.113.7", 1, "198.51.100.1", 22);
    for (name, frame, expected) in [
        ("to the group", to(GROUP_OUTSIDE, tcp(OUTSIDE, own, SYN)), STANDBY),
        ("to the unit", to(UNIT_OUTSIDE, tcp(OUTSIDE, own, SYN)), Verdict::Kernel),
        ("for a virtual server", to(UNIT_OUTSIDE, tcp(OUTSIDE, client(1), SYN)), STANDBY),
    ] {
        assert_eq!(standby.send(OUTSIDE, frame.clone()), (expected, frame), "{name}");
    }
    standby.check();
}

#[test]
fn a_shard_forwards_up_to_the_end_of_its_lease_and_again_when_it_is_extended() {
    let mut bench = bench(UnitState::Active);
    let (end, tick) = (bench.now + Duration::from_millis(50), Duration::from_nanos(1));
    let forward = |port| Verdict::Forward { port };
    bench.shard.set_lease(end);
    let send = |bench: &mut Bench, now, side, frame| {
        bench.now = now;
        bench.send(side, frame).0
    };
    let (syn, syn_ack) =
        (to(GROUP_OUTSIDE, tcp(OUTSIDE, client(1), SYN)), to(GROUP_INSIDE, tcp(INSIDE, answer(1), SYN_ACK)));
    let before = Instant::from_nanos(end.as_nanos() - 1);
    assert_eq!(send(&mut bench, before, OUTSIDE, syn.clone()), forward(INSIDE));
    assert_eq!(send(&mut bench, end, INSIDE, syn_ack.clone()), LEASE_OVER);
    assert_eq!(send(&mut bench, end + tick, OUTSIDE, syn.clone()), LEASE_OVER);
    assert_eq!(bench.shard.state(), UnitState::Active);
    assert_eq!(bench.shard.connections(), 1, "it keeps what it has, and makes nothing");
    bench.shard.set_lease(Instant::END);
    assert_eq!(send(&mut bench, end + tick, INSIDE, syn_ack.clone()), forward(OUTSIDE));
    // A lease makes nobody active.
    bench.shard.set_state(bench.now, UnitState::Standby);
    bench.shard.set_lease(Instant::END);
    assert_eq!(send(&mut bench, end + tick, OUTSIDE, syn), STANDBY);
    // And one that is over holds for the state that comes after it.
    bench.shard.set_lease(Instant::START);
    bench.shard.set_state(bench.now, UnitState::Active);
    assert_eq!(send(&mut bench, end + tick, INSIDE, syn_ack.clone()), LEASE_OVER);
    bench.shard.set_lease(Instant::END);
    assert_eq!(send(&mut bench, end + tick, INSIDE, syn_ack), forward(OUTSIDE));
    bench.check();
}

/// A unit that watches while it stands by learns nothing from what it is not allowed to forward.
#[test]
fn nothing_is_learned_after_the_lease() {
    let mut bench = fenced_bench();
    for (side, frame) in [
        (OUTSIDE, to(GROUP_OUTSIDE, tcp(OUTSIDE, client(1), SYN))),
        (INSIDE, to(SERVER, tcp(INSIDE, v4("203.0.113.7", 1, "10.1.0.11", 8_080), SYN))),
        (INSIDE, to(GROUP_INSIDE, tcp(INSIDE, answer(1), SYN_ACK))),
    ] {
        assert_eq!(bench.send(side, frame).0, LEASE_OVER);
    }
    assert_eq!((bench.shard.connections(), bench.shard.reports()), (0, 0));
    bench.check();
}
