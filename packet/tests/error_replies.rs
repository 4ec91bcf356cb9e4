//! ICMP errors that the unit makes of packets: byte for byte, how much they quote, and what they are never about.
#![allow(clippy::unwrap_used, reason = "a wrong test may panic")]

mod common;

use std::net::{Ipv4Addr, Ipv6Addr};

use common::*;
use model::{MacAddress, Protocol};
use packet::build::TcpNumbers;
use packet::reply::{ERROR_ROOM, packet_too_big, time_exceeded};
use packet::{TcpFlags, Transport, Tuple, build};
use proptest::prelude::*;

const GROUP: MacAddress = MacAddress([0x33, 0x33, 0, 0, 0, 1]);
const MTU: u16 = 1_280;
const ETHERNET: usize = 14;

/// What differs between the versions in these tests.
trait Errors: Version {
    const ENDS: [Self; 3];
    /// Bytes of an error in front of what it quotes.
    const HEADERS: usize;
    const LONGEST: usize;
    /// Type and code.
    const TOO_BIG: [u8; 2];
    const EXCEEDED: [u8; 2];
}

impl Errors for Ipv4Addr {
    const ENDS: [Self; 3] = [CLIENT_V4, VIRTUAL_V4, ROUTER_V4];
    const HEADERS: usize = 28;
    const LONGEST: usize = 576;
    const TOO_BIG: [u8; 2] = [3, 4];
    const EXCEEDED: [u8; 2] = [11, 0];
}

impl Errors for Ipv6Addr {
    const ENDS: [Self; 3] = [CLIENT_V6, VIRTUAL_V6, ROUTER_V6];
    const HEADERS: usize = 48;
    const LONGEST: usize = 1_280;
    const TOO_BIG: [u8; 2] = [2, 0];
    const EXCEEDED: [u8; 2] = [3, 0];
}

fn client_to_server<A: Errors>() -> Tuple<A> {
    let [client, server, _] = A::ENDS;
    tuple(client, 40_000, server, 80)
}

fn udp<A: Errors>(payload: usize) -> Vec<u8> {
    build::udp(&ends(client_to_server::<A>()), &vec![0x5a; payload])
}

/// Behind the packet is room, which holds anything.
fn with_room(frame: &[u8]) -> Vec<u8> {
    [frame, &[0xee; ERROR_ROOM]].concat()
}

/// The hop-limit error about `frame`, which has no room but what it has.
fn exceeded<A: Errors>(mut frame: Vec<u8>) -> Option<Vec<u8>> {
    let (datagram, before) = (A::datagram(&frame), frame.clone());
    let length = time_exceeded(&mut frame, &datagram, A::ENDS[2]);
    if length.is_none() {
        assert_eq!(frame, before);
    }
    frame.truncate(length?);
    build::verify_checksums(&frame).unwrap();
    Some(frame)
}

/// The same, with room.
fn exceeded_with_room<A: Errors>(frame: &[u8]) -> Option<Vec<u8>> {
    exceeded::<A>(with_room(frame))
}

/// Another program computed the checksums.
#[test]
fn a_packet_too_big_becomes_the_error_that_names_the_mtu() {
    let packet = "4500 002c 0000 4000 3d 06 512d c0000264 c6336407
        0050 9c40 00001000 00000002 5018 ffff 3dd4 0000 64617461";
    let mut frame = with_room(&hex(&format!("020000000001 02000000000b 0800 {packet}")));
    let datagram = Ipv4Addr::datagram(&frame);
    assert_eq!(packet_too_big(&mut frame, &datagram, ROUTER_V4, 1_280), Some(86));
    let right = "02000000000b 020000000001 0800 4500 0048 0000 4000 40 01 3c47 cb007109 c0000264
        0304 e4b9 0000 0500";
    assert_eq!(frame[..86], hex(&format!("{right} {packet}")));
}

/// Another program computed the checksums.
#[test]
fn a_packet_whose_hops_are_used_up_becomes_the_error_about_it() {
    let packet = "60000000 0014 06 01 20010db8000000000000000000000007 20010db8010000000000000000000100
        9c40 0050 00000001 00000000 5002 ffff b5d8 0000";
    let mut frame = with_room(&hex(&format!("020000000001 02000000000a 86dd {packet}")));
    let datagram = Ipv6Addr::datagram(&frame);
    assert_eq!(time_exceeded(&mut frame, &datagram, ROUTER_V6), Some(122));
    let right = "02000000000a 020000000001 86dd
        60000000 0044 3a 40 20010db8009900000000000000000009 20010db8000000000000000000000007
        0300 3a6b 00000000";
    assert_eq!(frame[..122], hex(&format!("{right} {packet}")));
}

#[test]
fn what_may_be_fragmented_is_not_too_big() {
    let mut frame = with_room(&udp::<Ipv4Addr>(600));
    frame[20] = 0;
    fix_header(&mut frame);
    let (datagram, before) = (Ipv4Addr::datagram(&frame), frame.clone());
    assert_eq!(packet_too_big(&mut frame, &datagram, ROUTER_V4, MTU), None);
    assert_eq!(frame, before);
    assert!(exceeded::<Ipv4Addr>(frame).is_some());
}

fn check_room<A: Errors>() {
    // The shortest packet: its frame takes all the room that its headers need, and none less will do.
    let short = udp::<A>(0);
    for room in 0..=ERROR_ROOM {
        let frame = [&short[..], &vec![0xee; room]].concat();
        let error = exceeded::<A>(frame);
        assert_eq!(error.is_some(), room >= A::HEADERS, "{room}");
        if let Some(error) = error {
            assert_eq!(error[ETHERNET + A::HEADERS..], short[ETHERNET..]);
        }
    }
    // A longer one makes room by being quoted in part, but not of its headers.
    assert_eq!(exceeded::<A>(udp::<A>(A::HEADERS - 1)), None);
    let long = udp::<A>(A::HEADERS + 3);
    let error = exceeded::<A>(long.clone()).unwrap();
    assert_eq!(error[ETHERNET + A::HEADERS..], long[ETHERNET..long.len() - A::HEADERS]);
}

#[test]
fn an_error_is_made_where_there_is_room_for_it() {
    check_room::<Ipv4Addr>();
    check_room::<Ipv6Addr>();
}

#[test]
fn a_packet_in_segments_is_quoted_from_the_first() {
    let whole = udp::<Ipv4Addr>(1_000);
    let datagram = Ipv4Addr::datagram(&whole);
    let mut first = whole[..200].to_vec();
    assert_eq!(time_exceeded(&mut first, &datagram, ROUTER_V4), Some(200));
    build::verify_checksums(&first).unwrap();
    assert_eq!(first[ETHERNET + 28..], whole[ETHERNET..172]);
}

#[test]
fn options_and_extension_headers_are_quoted_with_eight_bytes_of_what_follows() {
    let plain = udp::<Ipv4Addr>(0);
    let mut frame = [&plain[..34], &[1; 4], &plain[34..], &[0xee; 28]].concat();
    (frame[14], frame[17]) = (0x46, 32);
    fix_header(&mut frame);
    assert_eq!(exceeded::<Ipv4Addr>(frame[..73].to_vec()), None);
    assert_eq!(exceeded::<Ipv4Addr>(frame).unwrap().len(), 74);

    let ends = ends(client_to_server::<Ipv6Addr>());
    let frame = with_room(&build::ip(&ends, 60, &hex("1100010400000000 9c40 0035 0008 0000")));
    assert_eq!(exceeded::<Ipv6Addr>(frame[..117].to_vec()), None);
    let error = exceeded::<Ipv6Addr>(frame).unwrap();
    let Transport::IcmpError(quote) = Ipv6Addr::datagram(&error).transport else { panic!("{error:?}") };
    assert_eq!(quote.tuple, tuple(CLIENT_V6, 40_000, VIRTUAL_V6, 53));
}

fn check_answered<A: Errors>() {
    let ends = ends(client_to_server::<A>());
    let udp = udp::<A>(8);
    let message = &udp[udp.len() - 16..];
    let ping = [A::EXCEEDED[0], 0, 0, 0, 0, 0, 0, 0];
    let (icmp, request) = if A::HEADERS == 28 { (1, 8) } else { (58, 128) };
    let about = |protocol, units, more, part: &[u8]| {
        exceeded_with_room::<A>(&build::fragment(&ends, protocol, units, more, part)).is_some()
    };
    // Errors, informational messages, and protocols of which it is not known what they are.
    assert_eq!(exceeded_with_room::<A>(&build::icmp_error(&ends, A::EXCEEDED[0], 0, &udp[ETHERNET..])), None);
    assert_eq!(exceeded_with_room::<A>(&build::icmp_error(&ends, A::EXCEEDED[0], 0, &[0; 8])), None);
    assert_eq!(exceeded_with_room::<A>(&build::icmp(&ends, request + 5, 0, 0, &[0; 8])), None);
    assert_eq!(exceeded_with_room::<A>(&build::ip(&ends, 47, &[0; 8])), None);
    assert!(exceeded_with_room::<A>(&build::echo_request(&ends, b"ping")).is_some());
    // First fragments of what is answered.
    assert!(about(17, 0, true, message));
    assert!(about(icmp, 0, true, &[request, 0, 0, 0, 0, 0, 0, 0]));
    assert!(!about(icmp, 0, true, &ping));
    assert!(!about(47, 0, true, message));
    assert!(!about(17, 0, true, &message[..4]));
    // Later ones.
    assert!(!about(17, 1, true, message));
    assert!(!about(17, 2, false, message));
    assert!(!about(icmp, 1, false, &[request, 0, 0, 0, 0, 0, 0, 0]));
}

#[test]
fn only_what_is_surely_no_error_is_answered() {
    check_answered::<Ipv4Addr>();
    check_answered::<Ipv6Addr>();
    assert_eq!(
        exceeded_with_room::<Ipv6Addr>(&build::neighbor_solicitation(ROUTER, CLIENT_V6, VIRTUAL_V6)),
        None
    );
}

/// A solicitation goes to a group; this one to a host, so that nothing but its kind is a hindrance.
#[test]
fn neighbour_discovery_is_not_answered() {
    let probe = "020000000001 02000000000a 86dd
         60000000 0018 3a ff 20010db8000000000000000000000007 20010db8010000000000000000000100
         8700 eb7a 00000000 20010db8010000000000000000000100";
    assert_eq!(exceeded_with_room::<Ipv6Addr>(&hex(probe)), None);
}

fn answered_between<A: Errors>(stations: [MacAddress; 2], source: A, destination: A) -> bool {
    let ends = build::Ends {
        source_mac: stations[0],
        destination_mac: stations[1],
        tuple: tuple(source, 1, destination, 2),
    };
    exceeded_with_room::<A>(&build::udp(&ends, b"data")).is_some()
}

#[test]
fn packets_from_or_to_no_single_host_are_not_answered() {
    let stations = [ROUTER, UNIT_OUTSIDE];
    assert!(answered_between(stations, CLIENT_V4, VIRTUAL_V4));
    assert!(answered_between(stations, CLIENT_V6, VIRTUAL_V6));
    for group in [[GROUP, UNIT_OUTSIDE], [ROUTER, GROUP], [ROUTER, MacAddress::BROADCAST]] {
        assert!(!answered_between(group, CLIENT_V4, VIRTUAL_V4));
        assert!(!answered_between(group, CLIENT_V6, VIRTUAL_V6));
    }
    for martian in [Ipv4Addr::UNSPECIFIED, Ipv4Addr::LOCALHOST, Ipv4Addr::BROADCAST, [224, 0, 0, 1].into()] {
        assert!(!answered_between(stations, martian, VIRTUAL_V4), "{martian}");
    }
    for martian in [Ipv6Addr::UNSPECIFIED, Ipv6Addr::LOCALHOST, "ff02::1".parse().unwrap()] {
        assert!(!answered_between(stations, martian, VIRTUAL_V6), "{martian}");
    }
    assert!(!answered_between(stations, CLIENT_V4, Ipv4Addr::new(224, 0, 0, 1)));
    assert!(!answered_between(stations, CLIENT_V6, "ff0e::1".parse().unwrap()));
}

/// A packet, as a story tells it.
#[derive(Clone, Debug)]
struct Story {
    ports: (u16, u16),
    protocol: Protocol,
    payload: Vec<u8>,
    hop_limit: u8,
    tags: usize,
    padding: usize,
    mtu: u16,
}

fn stories() -> impl Strategy<Value = Story> {
    let payload = prop::collection::vec(any::<u8>(), 0..1_500);
    let protocol = prop_oneof![Just(Protocol::Tcp), Just(Protocol::Udp)];
    (any::<(u16, u16)>(), protocol, payload, any::<u8>(), 0..3_usize, 0..20_usize, any::<u16>()).prop_map(
        |(ports, protocol, payload, hop_limit, tags, padding, mtu)| Story {
            ports,
            protocol,
            payload,
            hop_limit,
            tags,
            padding,
            mtu,
        },
    )
}

impl Story {
    fn tuple<A: Errors>(&self) -> Tuple<A> {
        tuple(A::ENDS[0], self.ports.0, A::ENDS[1], self.ports.1)
    }

    /// The IP packet, and the frame that it came in, with room.
    fn frame<A: Errors>(&self) -> (Vec<u8>, Vec<u8>) {
        let ends = ends(self.tuple::<A>());
        let mut frame = match self.protocol {
            Protocol::Tcp => build::tcp(&ends, TcpFlags::ACK, TcpNumbers::default(), &self.payload),
            Protocol::Udp => build::udp(&ends, &self.payload),
        };
        A::set_hop_limit(&mut frame, self.hop_limit);
        let packet = frame[ETHERNET..].to_vec();
        for _ in 0..self.tags {
            frame = build::tagged(&frame, 5);
        }
        frame.extend(vec![0xaa; self.padding]);
        (packet, with_room(&frame))
    }

    /// Checks an error about `packet`: what it says, to whom, and that it quotes as much as it may.
    fn check<A: Errors>(&self, packet: &[u8], error: &[u8], header: [u8; 4], kind: [u8; 2]) {
        build::verify_checksums(error).unwrap();
        let datagram = A::datagram(error);
        assert_eq!((datagram.source, datagram.destination), (A::ENDS[2], A::ENDS[0]));
        assert_eq!(datagram.hop_limit, 64);
        let Transport::IcmpError(quote) = datagram.transport else { panic!("{datagram:?}") };
        assert_eq!((quote.protocol, quote.tuple), (self.protocol, self.tuple::<A>()));
        let message = usize::from(datagram.transport_offset);
        assert_eq!(error[message..message + 2], kind);
        assert_eq!(error[message + 4..message + 8], header);
        let quoted = packet.len().min(A::LONGEST - A::HEADERS);
        assert_eq!(error[message + 8..], packet[..quoted]);
        assert_eq!(error.len(), usize::from(datagram.ip_offset) + A::HEADERS + quoted);
        assert_eq!(error[..12], [ROUTER.0, UNIT_OUTSIDE.0].concat());
    }

    fn tell<A: Errors>(&self) {
        let (packet, frame) = self.frame::<A>();
        let datagram = A::datagram(&frame);
        let mut error = frame.clone();
        let length = packet_too_big(&mut error, &datagram, A::ENDS[2], self.mtu).unwrap();
        error.truncate(length);
        self.check::<A>(&packet, &error, u32::from(self.mtu).to_be_bytes(), A::TOO_BIG);
        let mut error = frame.clone();
        let length = time_exceeded(&mut error, &datagram, A::ENDS[2]).unwrap();
        error.truncate(length);
        self.check::<A>(&packet, &error, [0; 4], A::EXCEEDED);
    }
}

proptest! {
    #[test]
    fn errors_are_right_and_quote_the_packet_as_it_was(story in stories()) {
        story.tell::<Ipv4Addr>();
        story.tell::<Ipv6Addr>();
    }
}
