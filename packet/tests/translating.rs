//! Packets of connections, before and after: byte for byte, and for all ends and payloads.
#![allow(clippy::unwrap_used, reason = "a wrong test may panic")]

mod common;

use std::net::{Ipv4Addr, Ipv6Addr};

use common::*;
use model::MacAddress;
use packet::build::TcpNumbers;
use packet::{ChecksumDelta, Deltas, Headers, TcpFlags, Translation, Tuple, build, set_ethernet};
use proptest::prelude::*;

/// Another program computed these, whole. By hand, the header checksum of the first after its translation: 0x4500 +
/// 0x0028 + 0x4000 + 0x3f06 + 0xc633 + 0x6407 + 0x0a01 + 0x000b = 0x1f874, folded 0xf875, inverted 0x078a.
const TRANSLATIONS_V4: [(&str, &str, &str); 4] = [
    (
        "a client's SYN",
        "4500 0028 0000 4000 40 06 4e31 c6336407 c0000264
         9c40 0050 00000001 00000000 5002 ffff 26b2 0000",
        "4500 0028 0000 4000 3f 06 078a c6336407 0a01000b
         9c40 1f90 00000001 00000000 5002 ffff bfca 0000",
    ),
    (
        "the real server's answer",
        "4500 0028 0000 4000 40 06 068a 0a01000b c6336407
         1f90 9c40 00001000 00000002 5012 ffff afb9 0000",
        "4500 0028 0000 4000 3f 06 4f31 c0000264 c6336407
         0050 9c40 00001000 00000002 5012 ffff 16a1 0000",
    ),
    (
        "a client's query",
        "4500 001f 0000 4000 40 11 4e2f c6336407 c0000264
         9c40 0035 000b 905a 77686f",
        "4500 001f 0000 4000 3f 11 0788 c6336407 0a01000b
         9c40 14e9 000b 33ff 77686f",
    ),
    (
        "its answer",
        "4500 0020 0000 4000 40 11 0687 0a01000b c6336407
         14e9 9c40 000c 8bdf 6d652121",
        "4500 0020 0000 4000 3f 11 4f2e c0000264 c6336407
         0035 9c40 000c e83a 6d652121",
    ),
];

const TRANSLATIONS_V6: [(&str, &str, &str); 4] = [
    (
        "a client's SYN",
        "60000000 0014 06 40 20010db8000000000000000000000007 20010db8010000000000000000000100
         9c40 0050 00000001 00000000 5002 ffff b5d8 0000",
        "60000000 0014 06 3f 20010db8000000000000000000000007 20010db8000100000000000000000011
         9c40 1f90 00000001 00000000 5002 ffff 9886 0000",
    ),
    (
        "the real server's answer",
        "60000000 0014 06 40 20010db8000100000000000000000011 20010db8000000000000000000000007
         1f90 9c40 00001000 00000002 5012 ffff 8875 0000",
        "60000000 0014 06 3f 20010db8010000000000000000000100 20010db8000000000000000000000007
         0050 9c40 00001000 00000002 5012 ffff a5c7 0000",
    ),
    (
        "a client's query",
        "60000000 000b 11 40 20010db8000000000000000000000007 20010db8010000000000000000000100
         9c40 0035 000b 1f81 77686f",
        "60000000 000b 11 3f 20010db8000000000000000000000007 20010db8000100000000000000000011
         9c40 14e9 000b 0cbb 77686f",
    ),
    (
        "its answer",
        "60000000 000c 11 40 20010db8000100000000000000000011 20010db8000000000000000000000007
         14e9 9c40 000c 649b 6d652121",
        "60000000 000c 11 3f 20010db8010000000000000000000100 20010db8000000000000000000000007
         0035 9c40 000c 7761 6d652121",
    ),
];

/// Outside ends of a connection, and inside ends: inbound for even cases of the tables, outbound for odd ones.
fn connection<A: Copy>(case: usize, client: A, virtual_address: A, real: A) -> (Tuple<A>, Tuple<A>) {
    let (virtual_port, real_port) = if case < 2 { (80, 8_080) } else { (53, 5_353) };
    if case.is_multiple_of(2) {
        (tuple(client, 40_000, virtual_address, virtual_port), tuple(client, 40_000, real, real_port))
    } else {
        (tuple(real, real_port, client, 40_000), tuple(virtual_address, virtual_port, client, 40_000))
    }
}

/// What is there to translate. Both ways of reading it agree, where the quick one finds anything.
fn headers<A: Version>(frame: &[u8]) -> Option<Headers<A>> {
    let thorough = Headers::of(&A::datagram(frame));
    let quick = Headers::read(frame, frame.len());
    assert!(quick.is_none() || quick == thorough);
    thorough
}

fn translate<A: Version>(frame: &mut [u8], to: &Tuple<A>, deltas: Deltas) {
    let layout = headers::<A>(frame).unwrap().layout;
    common::translate(frame, layout, &Translation { ends: (*to).into(), deltas });
}

fn check_table<A: Version>(
    table: &[(&str, &str, &str)],
    ethertype: &str,
    [client, virtual_address, real]: [A; 3],
) {
    for (case, (name, before, after)) in table.iter().enumerate() {
        let (from, to) = connection(case, client, virtual_address, real);
        let mut frame = hex(&format!("020000000001 02000000000a {ethertype} {before}"));
        build::verify_checksums(&frame).unwrap();
        translate(&mut frame, &to, Deltas::between(&from, &to));
        set_ethernet(&mut frame, UNIT_INSIDE, SERVER);
        assert_eq!(frame, hex(&format!("02000000000b 020000000002 {ethertype} {after}")), "{name}");
        build::verify_checksums(&frame).unwrap();
    }
}

#[test]
fn packets_are_translated_byte_for_byte_in_both_directions() {
    check_table(&TRANSLATIONS_V4, "0800", [CLIENT_V4, VIRTUAL_V4, REAL_V4]);
    check_table(&TRANSLATIONS_V6, "86dd", [CLIENT_V6, VIRTUAL_V6, REAL_V6]);
}

#[test]
fn what_a_connection_keeps_for_one_direction_serves_the_other() {
    let (outside, inside) = connection(0, CLIENT_V4, VIRTUAL_V4, REAL_V4);
    let reversed = |tuple: Tuple<Ipv4Addr>| {
        common::tuple(tuple.destination, tuple.destination_port, tuple.source, tuple.source_port)
    };
    let mut frame = build::tcp(&ends(reversed(inside)), TcpFlags::ACK, TcpNumbers::default(), b"answer");
    translate(&mut frame, &reversed(outside), Deltas::between(&outside, &inside).inverse());
    build::verify_checksums(&frame).unwrap();
    assert_eq!(Ipv4Addr::datagram(&frame).source, VIRTUAL_V4);
}

#[test]
fn only_untagged_tcp_and_udp_packets_have_headers_to_translate() {
    let (from, _) = connection(0, CLIENT_V4, VIRTUAL_V4, REAL_V4);
    let segment = build::tcp(&ends(from), TcpFlags::SYN, TcpNumbers::default(), b"");
    assert!(headers::<Ipv4Addr>(&segment).is_some());
    for frame in [
        build::echo_request(&ends(from), b"ping"),
        build::fragment(&ends(from), 6, 0, true, &[0; 24]),
        build::ip(&ends(from), 47, &[0; 24]),
        build::tagged(&segment, 7),
    ] {
        assert_eq!(headers::<Ipv4Addr>(&frame), None);
    }
}

#[test]
fn an_absent_udp_checksum_stays_absent() {
    let (from, to) = connection(2, CLIENT_V4, VIRTUAL_V4, REAL_V4);
    let mut frame = build::udp(&ends(from), b"data");
    frame[40..42].fill(0);
    translate(&mut frame, &to, Deltas::between(&from, &to));
    assert_eq!(frame[40..42], [0, 0]);
    build::verify_checksums(&frame).unwrap();
}

#[test]
fn a_packet_with_options_is_translated_where_it_is() {
    let (from, to) = connection(0, CLIENT_V4, VIRTUAL_V4, REAL_V4);
    let plain = build::tcp(&ends(from), TcpFlags::SYN, TcpNumbers::default(), b"");
    let mut frame = [&plain[..34], &[1; 4], &plain[34..]].concat();
    frame[14] = 0x46;
    frame[17] = 44;
    fix_header(&mut frame);
    translate(&mut frame, &to, Deltas::between(&from, &to));
    build::verify_checksums(&frame).unwrap();
    assert_eq!(Ipv4Addr::datagram(&frame).destination, REAL_V4);
    assert_eq!(frame[34..38], [1; 4]);
}

#[test]
fn a_hop_limit_that_has_run_out_does_not_start_again() {
    let (from, to) = connection(0, CLIENT_V4, VIRTUAL_V4, REAL_V4);
    let mut frame = build::udp(&ends(from), b"");
    Ipv4Addr::set_hop_limit(&mut frame, 0);
    translate(&mut frame, &to, Deltas::between(&from, &to));
    build::verify_checksums(&frame).unwrap();
    assert_eq!(Ipv4Addr::datagram(&frame).hop_limit, 0);
}

#[test]
fn a_frame_too_short_for_addresses_keeps_its_bytes() {
    let mut frame = [7; 11];
    set_ethernet(&mut frame, MacAddress([1; 6]), MacAddress([2; 6]));
    assert_eq!(frame, [7; 11]);
}

/// Addresses and ports of few bits make the corner cases of one's complement likely.
fn v4() -> impl Strategy<Value = Ipv4Addr> + Clone {
    prop_oneof![any::<u32>(), 0..4_u32, Just(u32::MAX)].prop_map(Ipv4Addr::from)
}

fn v6() -> impl Strategy<Value = Ipv6Addr> + Clone {
    prop_oneof![any::<u128>(), 0..4_u128, Just(u128::MAX)].prop_map(Ipv6Addr::from)
}

fn tuples<A: Version>(address: impl Strategy<Value = A> + Clone) -> impl Strategy<Value = Tuple<A>> {
    let port = prop_oneof![any::<u16>(), Just(0), Just(u16::MAX)];
    let end = (address, port);
    (end.clone(), end).prop_map(|((source, source_port), (destination, destination_port))| {
        common::tuple(source, source_port, destination, destination_port)
    })
}

/// Which of the checksums is made zero by choice of the payload's first word.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Zero {
    Neither,
    Before,
    After,
}

fn zero() -> impl Strategy<Value = Zero> {
    prop_oneof![Just(Zero::Neither), Just(Zero::Before), Just(Zero::After)]
}

/// Translates what `build` makes for `before`; full computation, what `build` makes for `after`, is the oracle.
fn check<A: Version>(
    build: impl Fn(&Tuple<A>, &[u8]) -> Vec<u8>,
    checksum_at: usize,
    (before, after): (&Tuple<A>, &Tuple<A>),
    payload: &[u8],
    zero: Zero,
) {
    let mut payload = [&[0, 0], payload].concat();
    let transport = usize::from(A::datagram(&build(before, &payload)).transport_offset);
    let checksum_at = transport + checksum_at;
    let balanced = match zero {
        Zero::Neither => None,
        Zero::Before => Some(build(before, &payload)),
        Zero::After => Some(build(after, &payload)),
    };
    if let Some(frame) = balanced {
        payload[..2].copy_from_slice(&frame[checksum_at..checksum_at + 2]);
        let frame = build(if zero == Zero::Before { before } else { after }, &payload);
        assert!([[0, 0], [0xff, 0xff]].contains(&[frame[checksum_at], frame[checksum_at + 1]]));
    }
    let mut frame = build(before, &payload);
    let deltas = Deltas::between(before, after);
    translate(&mut frame, after, deltas);
    let mut expected = build(after, &payload);
    A::set_hop_limit(&mut expected, 63);
    assert_eq!(frame, expected);

    // And back, with what is kept for the other direction.
    translate(&mut frame, before, deltas.inverse());
    let mut expected = build(before, &payload);
    A::set_hop_limit(&mut expected, 62);
    assert_eq!(frame, expected);
}

fn check_both<A: Version>(ends: (&Tuple<A>, &Tuple<A>), payload: &[u8], zero: Zero) {
    let numbers = TcpNumbers { sequence: 1, acknowledgement: 2 };
    let tcp =
        |tuple: &Tuple<A>, payload: &[u8]| build::tcp(&common::ends(*tuple), TcpFlags::ACK, numbers, payload);
    let udp = |tuple: &Tuple<A>, payload: &[u8]| build::udp(&common::ends(*tuple), payload);
    check(tcp, 16, ends, payload, zero);
    check(udp, 6, ends, payload, zero);
}

proptest! {
    #[test]
    fn translation_equals_full_computation(
        a in tuples(v4()),
        b in tuples(v4()),
        c in tuples(v6()),
        d in tuples(v6()),
        payload in prop::collection::vec(any::<u8>(), 0..40),
        zero in zero(),
    ) {
        check_both((&a, &b), &payload, zero);
        check_both((&a, &a), &payload, zero);
        check_both((&c, &d), &payload, zero);
    }

    #[test]
    fn differences_add_up_and_can_be_taken_back(
        old in any::<[u16; 3]>(),
        new in any::<[u16; 3]>(),
        rest in 1..=u16::MAX,
    ) {
        // The checksum of words that are not all zero, which no packet's are.
        let of = |words: [u16; 3]| {
            checksum(&[words[0], words[1], words[2], rest].map(u16::to_be_bytes).concat())
        };
        let delta = ChecksumDelta::between(old, new);
        prop_assert_eq!(delta.apply(of(old)), of(new));
        prop_assert_eq!(delta.inverse().apply(of(new)), of(old));
        prop_assert_eq!(delta.combine(ChecksumDelta::between(new, old)).apply(of(old)), of(old));
        let steps = [0, 1, 2].map(|word| ChecksumDelta::between([old[word]], [new[word]]));
        let all = steps.into_iter().fold(ChecksumDelta::ZERO, ChecksumDelta::combine);
        prop_assert_eq!(all.apply(of(old)), of(new));
    }
}
