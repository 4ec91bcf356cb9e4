//! Replies in place of what they answer.
#![allow(clippy::unwrap_used, reason = "a wrong test may panic")]

mod common;

use std::net::{Ipv4Addr, Ipv6Addr};

use common::*;
use model::MacAddress;
use packet::build::TcpNumbers;
use packet::{TcpFlags, Transport, build, parse, reply};
use proptest::prelude::*;

const GROUP: MacAddress = MacAddress([0x33, 0x33, 0, 0, 0, 1]);

#[test]
fn arp_request_becomes_its_reply() {
    let request = "ffffffffffff 02000000000a 0806 0001 0800 0604 0001
        02000000000a c6336407 000000000000 c0000264";
    let reply = "02000000000a 020000000001 0806 0001 0800 0604 0002
        020000000001 c0000264 02000000000a c6336407";
    let mut frame = hex(request);
    assert_eq!(reply::arp(&mut frame, UNIT_OUTSIDE), Some(42));
    assert_eq!(frame, hex(reply));

    // Padding is sent back, but empty, and no more than Ethernet asks for.
    let mut frame = [hex(request), vec![0xee; 22]].concat();
    assert_eq!(reply::arp(&mut frame, UNIT_OUTSIDE), Some(60));
    assert_eq!(frame[..60], [hex(reply), vec![0; 18]].concat());

    let mut frame = build::tagged(&hex(request), 5);
    assert_eq!(reply::arp(&mut frame, UNIT_OUTSIDE), Some(46));
    assert_eq!(frame, build::tagged(&hex(reply), 5));
}

#[test]
fn arp_replies_and_other_frames_are_not_answered() {
    for mut frame in [
        build::arp_reply(ROUTER, CLIENT_V4, UNIT_OUTSIDE, VIRTUAL_V4),
        build::arp_request(GROUP, CLIENT_V4, VIRTUAL_V4),
        build::udp(&ends(tuple(CLIENT_V4, 1, VIRTUAL_V4, 2)), b""),
        vec![0; 10],
    ] {
        let before = frame.clone();
        assert_eq!(reply::arp(&mut frame, UNIT_OUTSIDE), None);
        assert_eq!(frame, before);
    }
}

/// Of a neighbour of the virtual server, to its group; of a host that wants its address; of one that knows its MAC
/// address, to just it. Another program computed the checksums.
const SOLICITATIONS: [(&str, &str); 3] = [
    (
        "3333ff000100 02000000000a 86dd
         60000000 0020 3a ff 20010db8000000000000000000000007 ff0200000000000000000001ff000100
         8700 191c 00000000 20010db8010000000000000000000100 0101 02000000000a",
        "02000000000a 020000000001 86dd
         60000000 0020 3a ff 20010db8010000000000000000000100 20010db8000000000000000000000007
         8800 8670 60000000 20010db8010000000000000000000100 0201 020000000001",
    ),
    (
        "3333ff000100 02000000000a 86dd
         60000000 0018 3a ff 00000000000000000000000000000000 ff0200000000000000000001ff000100
         8700 49ef 00000000 20010db8010000000000000000000100",
        "333300000001 020000000001 86dd
         60000000 0018 3a ff 20010db8010000000000000000000100 ff020000000000000000000000000001
         8800 f936 20000000 20010db8010000000000000000000100",
    ),
    (
        "020000000001 02000000000a 86dd
         60000000 0018 3a ff 20010db8000000000000000000000007 20010db8010000000000000000000100
         8700 eb7a 00000000 20010db8010000000000000000000100",
        "02000000000a 020000000001 86dd
         60000000 0018 3a ff 20010db8010000000000000000000100 20010db8000000000000000000000007
         8800 8a7a 60000000 20010db8010000000000000000000100",
    ),
];

fn advertise(frame: &mut [u8]) -> Option<usize> {
    let datagram = Ipv6Addr::datagram(frame);
    let Transport::NeighborSolicitation { target } = datagram.transport else { panic!("{datagram:?}") };
    reply::neighbor_advertisement(frame, &datagram, target, UNIT_OUTSIDE)
}

#[test]
fn solicitations_become_their_advertisements() {
    for (solicitation, advertisement) in SOLICITATIONS {
        let mut frame = hex(solicitation);
        assert_eq!(advertise(&mut frame), Some(frame.len()));
        assert_eq!(frame, hex(advertisement));
        build::verify_checksums(&frame).unwrap();

        let mut frame = build::tagged(&hex(solicitation), 5);
        assert_eq!(advertise(&mut frame), Some(frame.len()));
        assert_eq!(frame, build::tagged(&hex(advertisement), 5));
    }
}

#[test]
fn where_a_probe_leaves_room_the_advertisement_names_the_station() {
    let mut frame = [hex(SOLICITATIONS[1].0), vec![0xee; 8]].concat();
    assert_eq!(advertise(&mut frame), Some(86));
    assert_eq!(frame, build::unsolicited_neighbor_advertisement(UNIT_OUTSIDE, VIRTUAL_V6));
}

#[test]
fn solicitations_of_no_single_station_are_not_answered() {
    let mut frame = build::neighbor_solicitation(GROUP, CLIENT_V6, VIRTUAL_V6);
    assert_eq!(advertise(&mut frame), None);
}

const PINGS: [(&str, &str); 2] = [
    (
        "020000000001 02000000000a 0800 4500 0020 0000 4000 40 01 4e3e c6336407 c0000264
         0800 1927 0007 0001 70696e67",
        "02000000000a 020000000001 0800 4500 0020 0000 4000 40 01 4e3e c0000264 c6336407
         0000 2127 0007 0001 70696e67",
    ),
    (
        "020000000001 02000000000a 86dd
         60000000 000c 3a 40 20010db8000000000000000000000007 20010db8010000000000000000000100
         8000 4367 0007 0001 70696e67",
        "02000000000a 020000000001 86dd
         60000000 000c 3a 40 20010db8010000000000000000000100 20010db8000000000000000000000007
         8100 4267 0007 0001 70696e67",
    ),
];

/// Answers `frame`, of which only the headers are contiguous.
fn answer<A: Version>(frame: &mut [u8]) {
    let datagram = A::datagram(frame);
    let headers = usize::from(datagram.transport_offset) + 8;
    reply::echo(&mut frame[..headers], &datagram);
}

#[test]
fn echo_requests_become_their_replies_whatever_their_hop_limit() {
    for hop_limit in [64, 1, 255] {
        let mut frame = hex(PINGS[0].0);
        Ipv4Addr::set_hop_limit(&mut frame, hop_limit);
        answer::<Ipv4Addr>(&mut frame);
        assert_eq!(frame, hex(PINGS[0].1));
        build::verify_checksums(&frame).unwrap();

        let mut frame = hex(PINGS[1].0);
        Ipv6Addr::set_hop_limit(&mut frame, hop_limit);
        answer::<Ipv6Addr>(&mut frame);
        assert_eq!(frame, hex(PINGS[1].1));
        build::verify_checksums(&frame).unwrap();
    }
}

#[test]
fn an_echo_reply_of_zeros_has_the_checksum_that_receivers_accept() {
    let mut frame = build::icmp(&ends(tuple(CLIENT_V4, 0, VIRTUAL_V4, 0)), 8, 0, 0, &[0; 24]);
    answer::<Ipv4Addr>(&mut frame);
    // Over zeros, a sum with a checksum of zero would be zero, and its complement not: refused.
    assert_eq!(frame[34..38], [0, 0, 0xff, 0xff]);
    assert_eq!(checksum(&frame[34..]), 0);
    build::verify_checksums(&frame).unwrap();
}

#[test]
fn only_echo_requests_are_turned_around() {
    let frame = build::udp(&ends(tuple(CLIENT_V4, 1, VIRTUAL_V4, 2)), b"data");
    let mut same = frame.clone();
    reply::echo(&mut same, &Ipv4Addr::datagram(&frame));
    assert_eq!(same, frame);
}

/// What answers a segment with `flags`, sequence number 1000, acknowledgement number 5000 and `payload`.
fn reset<A: Version>(client: A, server: A, flags: TcpFlags, payload: &[u8]) -> Option<Vec<u8>> {
    let numbers = TcpNumbers { sequence: 1_000, acknowledgement: 5_000 };
    let mut frame = build::tcp(&ends(tuple(client, 40_000, server, 80)), flags, numbers, payload);
    let datagram = A::datagram(&frame);
    let length = reply::tcp_reset(&mut frame, &datagram)?;
    frame.truncate(length);
    build::verify_checksums(&frame).unwrap();
    Some(frame)
}

/// The same, made as what it must be.
fn expected<A: Version>(client: A, server: A, flags: TcpFlags, numbers: TcpNumbers) -> Vec<u8> {
    let ends = build::Ends {
        source_mac: UNIT_OUTSIDE,
        destination_mac: ROUTER,
        tuple: tuple(server, 80, client, 40_000),
    };
    build::tcp(&ends, flags, numbers, b"")
}

/// Header and pseudo header apart, the window of a reset is zero.
fn without_window(mut frame: Vec<u8>) -> Vec<u8> {
    let tcp = frame.len() - 20;
    frame[tcp + 14..tcp + 18].fill(0);
    frame
}

#[test]
fn segments_of_no_connection_are_reset_as_rfc_9293_says() {
    let all = |sequence, acknowledgement| TcpNumbers { sequence, acknowledgement };
    let cases = [
        (TcpFlags::SYN, &b""[..], Some((TcpFlags::RST | TcpFlags::ACK, all(0, 1_001)))),
        (TcpFlags::SYN | TcpFlags::FIN, b"abc", Some((TcpFlags::RST | TcpFlags::ACK, all(0, 1_005)))),
        (TcpFlags::default(), b"abc", Some((TcpFlags::RST | TcpFlags::ACK, all(0, 1_003)))),
        (TcpFlags::ACK, b"abc", Some((TcpFlags::RST, all(5_000, 0)))),
        (TcpFlags::SYN | TcpFlags::ACK, b"", Some((TcpFlags::RST, all(5_000, 0)))),
        (TcpFlags::FIN | TcpFlags::ACK, b"", Some((TcpFlags::RST, all(5_000, 0)))),
        (TcpFlags::RST, b"", None),
        (TcpFlags::RST | TcpFlags::ACK, b"abc", None),
    ];
    for (flags, payload, answer) in cases {
        let v4 = answer.map(|(flags, numbers)| expected(CLIENT_V4, VIRTUAL_V4, flags, numbers));
        let found = reset(CLIENT_V4, VIRTUAL_V4, flags, payload);
        assert_eq!(found.map(without_window), v4.map(without_window), "{flags:?}");
        let v6 = answer.map(|(flags, numbers)| expected(CLIENT_V6, VIRTUAL_V6, flags, numbers));
        let found = reset(CLIENT_V6, VIRTUAL_V6, flags, payload);
        assert_eq!(found.map(without_window), v6.map(without_window), "{flags:?}");
    }
}

#[test]
fn a_reset_is_byte_for_byte_this() {
    let found = reset(CLIENT_V4, VIRTUAL_V4, TcpFlags::ACK, b"data").unwrap();
    let right = "02000000000a 020000000001 0800
        4500 0028 0000 4000 40 06 4e31 c0000264 c6336407
        0050 9c40 00001388 00000000 5004 0000 1329 0000";
    assert_eq!(found, hex(right));
}

#[test]
fn a_reset_has_neither_the_options_nor_the_extension_headers_of_what_it_answers() {
    let ends_v6 = ends(tuple(CLIENT_V6, 0, VIRTUAL_V6, 0));
    let syn = hex("0600010400000000 9c40 0050 000003e8 00000000 6002 ffff 0000 0000 020405b4");
    let frame = build::ip(&ends_v6, 60, &syn);
    let mut tagged = build::tagged(&frame, 9);
    let datagram = Ipv6Addr::datagram(&tagged);
    assert_eq!(reply::tcp_reset(&mut tagged, &datagram), Some(78));
    tagged.truncate(78);
    build::verify_checksums(&tagged).unwrap();
    let flags = TcpFlags::RST | TcpFlags::ACK;
    let right = expected(CLIENT_V6, VIRTUAL_V6, flags, TcpNumbers { sequence: 0, acknowledgement: 1_001 });
    assert_eq!(without_window(tagged), without_window(build::tagged(&right, 9)));
}

#[test]
fn segments_from_or_to_no_single_host_are_not_answered() {
    let group = Ipv4Addr::new(224, 0, 0, 1);
    assert_eq!(reset(CLIENT_V4, group, TcpFlags::SYN, b""), None);
    assert_eq!(reset(Ipv4Addr::BROADCAST, VIRTUAL_V4, TcpFlags::SYN, b""), None);
    assert_eq!(reset(Ipv6Addr::UNSPECIFIED, VIRTUAL_V6, TcpFlags::SYN, b""), None);
    for stations in [(GROUP, UNIT_OUTSIDE), (ROUTER, GROUP)] {
        let ends = build::Ends {
            source_mac: stations.0,
            destination_mac: stations.1,
            tuple: tuple(CLIENT_V4, 1, VIRTUAL_V4, 2),
        };
        let mut frame = build::tcp(&ends, TcpFlags::SYN, TcpNumbers::default(), b"");
        let datagram = Ipv4Addr::datagram(&frame);
        assert_eq!(reply::tcp_reset(&mut frame, &datagram), None);
    }
}

proptest! {
    /// Their checksums are right, and but for the two forms of zero those of full computation.
    #[test]
    fn echo_replies_have_right_checksums(
        word in prop_oneof![any::<u32>(), Just(0)],
        payload in prop::collection::vec(prop_oneof![Just(0), any::<u8>()], 0..40),
        balanced: bool,
    ) {
        let mut payload = [&[0, 0], &payload[..]].concat();
        let (v4, v6) = (tuple(CLIENT_V4, 0, VIRTUAL_V4, 0), tuple(CLIENT_V6, 0, VIRTUAL_V6, 0));
        if balanced {
            let reply = build::icmp(&ends(v4), 0, 0, word, &payload);
            payload[..2].copy_from_slice(&reply[36..38]);
        }
        let mut frame = build::icmp(&ends(v4), 8, 0, word, &payload);
        answer::<Ipv4Addr>(&mut frame);
        build::verify_checksums(&frame).unwrap();
        let full = build::icmp(&ends(v4), 0, 0, word, &payload);
        prop_assert!(frame[36..38] == full[36..38] || full[36..38] == [0, 0] && frame[36..38] == [0xff, 0xff]);

        let mut frame = build::icmp(&ends(v6), 128, 0, word, &payload);
        answer::<Ipv6Addr>(&mut frame);
        build::verify_checksums(&frame).unwrap();
        prop_assert!(parse(&frame, frame.len()).is_ok());
    }
}
