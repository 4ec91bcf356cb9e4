//! Valid packets of each kind, cut and corrupted: refused with a reason, or parsed to offsets that are inside.
#![allow(clippy::unwrap_used, reason = "a wrong test may panic")]

mod common;

use std::net::{Ipv4Addr, Ipv6Addr};

use common::*;
use model::MacAddress;
use packet::build::TcpNumbers;
use packet::{
    Address, Content, Datagram, Deltas, Ethernet, Headers, Packet, Receiver, TcpFlags, Translation,
    Transport, Tuple, build, parse, reply, translate_error,
};
use proptest::prelude::*;

/// Valid frames of every kind, of both versions.
fn frames() -> Vec<Vec<u8>> {
    let mut frames = frames_of(tuple(CLIENT_V4, 40_000, VIRTUAL_V4, 80), 3);
    frames.extend(frames_of(tuple(CLIENT_V6, 40_000, VIRTUAL_V6, 80), 2));
    let v4 = ends(tuple(CLIENT_V4, 40_000, VIRTUAL_V4, 80));
    let v6 = ends(tuple(CLIENT_V6, 40_000, VIRTUAL_V6, 80));
    let plain = build::tcp(&v4, TcpFlags::SYN, TcpNumbers::default(), b"");
    let mut with_options = [&plain[..34], &[1; 4], &plain[34..]].concat();
    with_options[14] = 0x46;
    with_options[17] = 44;
    fix_header(&mut with_options);
    let extended = build::ip(&v6, 60, &hex("1100010400000000 9c40 0035 0008 0000"));
    let about_extended = build::icmp_error(&v6, 1, 0, &extended[14..]);
    let about_options = build::icmp_error(&v4, 3, 0, &with_options[14..]);
    frames.extend([with_options, extended, about_extended, about_options]);
    frames.extend([
        build::arp_request(ROUTER, CLIENT_V4, VIRTUAL_V4),
        build::neighbor_solicitation(ROUTER, CLIENT_V6, VIRTUAL_V6),
        build::neighbor_solicitation(ROUTER, Ipv6Addr::UNSPECIFIED, VIRTUAL_V6),
        build::unsolicited_neighbor_advertisement(ROUTER, CLIENT_V6),
    ]);
    frames
}

fn frames_of<A: Address>(tuple: Tuple<A>, error: u8) -> Vec<Vec<u8>> {
    let ends = ends(tuple);
    let numbers = TcpNumbers { sequence: 1, acknowledgement: 2 };
    let tcp = build::tcp(&ends, TcpFlags::PSH | TcpFlags::ACK, numbers, b"data");
    let udp = build::udp(&ends, b"data");
    let fragment = build::fragment(&ends, 17, 0, true, &udp[udp.len() - 12..]);
    vec![
        build::icmp(&ends, error, 4, 1_280, &tcp[14..]),
        build::icmp(&ends, error, 4, 1_280, &udp[14..]),
        build::icmp(&ends, error, 4, 1_280, &fragment[14..]),
        build::tagged(&build::tagged(&tcp, 5), 6),
        build::tagged(&udp, 5),
        build::echo_request(&ends, b"ping"),
        build::ip(&ends, 47, b"encapsulated"),
        tcp,
        udp,
        fragment,
    ]
}

/// Parses; if that succeeds, checks what is found, and does all that can be done with it.
fn exercise(frame: &[u8], frame_length: usize) {
    let to_whom = frame.first_chunk().map_or(MacAddress::default(), |mac| MacAddress(*mac));
    match Receiver::new(to_whom).ethertype(frame) {
        Some(Ethernet::IPV4) => read_quickly::<Ipv4Addr>(frame, frame_length),
        Some(Ethernet::IPV6) => read_quickly::<Ipv6Addr>(frame, frame_length),
        _ => {}
    }
    let Ok(Packet { content, .. }) = parse(frame, frame_length) else {
        return;
    };
    match content {
        Content::Ipv4(datagram) => check(frame, frame_length, &datagram, REAL_V4),
        Content::Ipv6(datagram) => check(frame, frame_length, &datagram, REAL_V6),
        Content::Arp(_) => {
            let mut reply = frame.to_vec();
            if let Some(length) = reply::arp(&mut reply, UNIT_OUTSIDE) {
                assert!(length <= frame.len());
            }
        }
        Content::Other => {}
    }
}

/// What the quick way finds, the thorough way finds, too.
fn read_quickly<A: Address>(frame: &[u8], frame_length: usize) {
    if let Some(quick) = Headers::<A>::read(frame, frame_length) {
        let thorough = parse(frame, frame_length).ok().and_then(|packet| A::datagram_of(packet.content));
        assert_eq!(Some(quick), thorough.and_then(|datagram| Headers::of(&datagram)));
    }
}

fn check<A: Address>(frame: &[u8], frame_length: usize, datagram: &Datagram<A>, other: A) {
    let [ip, length, transport] =
        [datagram.ip_offset, datagram.ip_length, datagram.transport_offset].map(usize::from);
    assert!(ip + 20 <= transport && transport <= ip + length && ip + length <= frame_length);
    assert!(ip + 20 <= frame.len());
    let headers = match datagram.transport {
        Transport::Tcp { .. } => 20,
        Transport::Udp { .. } | Transport::EchoRequest | Transport::IcmpError(_) => 8,
        Transport::NeighborSolicitation { .. } => 24,
        Transport::Fragment { .. } | Transport::Other { .. } => 0,
    };
    assert!(headers == 0 || transport + headers <= frame.len().min(ip + length));
    if let Transport::IcmpError(quote) = datagram.transport {
        let [quoted_ip, quoted_transport] = [quote.ip_offset, quote.transport_offset].map(usize::from);
        assert!(transport + 8 == quoted_ip && quoted_ip + 20 <= quoted_transport);
        assert!(quoted_transport + 4 <= frame.len().min(ip + length));
    }
    rewrite(frame, datagram, other);
}

fn translate<A: Address>(frame: &mut [u8], datagram: &Datagram<A>, to: Tuple<A>) {
    if let Some(Headers { layout, .. }) = Headers::of(datagram) {
        common::translate(frame, layout, &Translation { ends: to.into(), deltas: Deltas::default() });
    }
}

fn rewrite<A: Address>(frame: &[u8], datagram: &Datagram<A>, other: A) {
    let to = tuple(other, 1, other, 2);
    let mut copy = frame.to_vec();
    translate(&mut copy, datagram, to);
    reply::echo(&mut copy, datagram);
    if let Transport::IcmpError(quote) = datagram.transport {
        translate_error(&mut copy, datagram, &quote, other, other, &to);
    }
    // Nothing behind the packet is touched.
    let end = usize::from(datagram.ip_offset) + usize::from(datagram.ip_length);
    assert_eq!(copy.get(end..), frame.get(end..));
    let lengths = [
        reply::tcp_reset(&mut frame.to_vec(), datagram),
        reply::neighbor_advertisement(&mut frame.to_vec(), datagram, other, MacAddress::default()),
    ];
    assert!(lengths.into_iter().flatten().all(|length| length <= frame.len()));
    make_errors(frame, datagram, other);
    // Nor does it matter how much of the frame is there in the end.
    for length in [0, 13, 20, 34, 40, 54, 60] {
        let mut short = frame[..length.min(frame.len())].to_vec();
        translate(&mut short, datagram, to);
        reply::echo(&mut short, datagram);
        let _ = reply::tcp_reset(&mut short, datagram);
        let _ = reply::neighbor_advertisement(&mut short, datagram, other, MacAddress::default());
        make_errors(&short, datagram, other);
        if let Transport::IcmpError(quote) = datagram.transport {
            translate_error(&mut short, datagram, &quote, other, other, &to);
        }
    }
}

/// An error is right, and in the frame, or there is none and the frame is as it was.
fn make_errors<A: Address>(frame: &[u8], datagram: &Datagram<A>, from: A) {
    let with_room = [frame, &[0xee; reply::ERROR_ROOM]].concat();
    for frame in [frame, &with_room] {
        let (mut too_big, mut exceeded) = (frame.to_vec(), frame.to_vec());
        let lengths = [
            reply::packet_too_big(&mut too_big, datagram, from, 1_400),
            reply::time_exceeded(&mut exceeded, datagram, from),
        ];
        for (error, length) in [too_big, exceeded].iter().zip(lengths) {
            match length {
                Some(length) => build::verify_checksums(&error[..length]).unwrap(),
                None => assert_eq!(error, frame),
            }
        }
    }
}

#[test]
fn valid_frames_parse_and_have_right_checksums() {
    for frame in frames() {
        let packet = parse(&frame, frame.len()).unwrap();
        assert_ne!(packet.content, Content::Other);
        exercise(&frame, frame.len());
    }
}

#[test]
fn frames_cut_at_any_byte_are_refused_or_parsed_inside() {
    for frame in frames() {
        for length in 0..frame.len() {
            exercise(&frame[..length], length);
            // The same bytes as the beginning of a longer frame.
            exercise(&frame[..length], frame.len());
            exercise(&frame[..length], 9_000);
        }
        // A packet cut short is never taken for a whole one.
        if !matches!(parse(&frame, frame.len()).unwrap().content, Content::Arp(_)) {
            for length in 0..frame.len() {
                assert!(parse(&frame[..length], length).is_err());
            }
        }
    }
}

/// Corruption of an IPv4 header is found by its checksum, so it is also made with a checksum that is right.
#[test]
fn frames_with_any_byte_of_any_value_are_refused_or_parsed_inside() {
    for frame in frames() {
        let is_ipv4 = frame[12..15] == [8, 0, 0x45];
        for offset in 0..frame.len() {
            for value in 0..=255 {
                let mut corrupt = frame.clone();
                corrupt[offset] = value;
                exercise(&corrupt, corrupt.len());
                let headers = corrupt.len().min(70);
                exercise(&corrupt[..headers], corrupt.len());
                if is_ipv4 && (15..34).contains(&offset) {
                    fix_header(&mut corrupt);
                    exercise(&corrupt, corrupt.len());
                }
            }
        }
    }
}

/// The sum of 16-bit words finds each change of one byte, but for one from 0x00 to 0xff of both bytes of a word.
#[test]
fn the_oracle_finds_every_corrupt_byte() {
    let v4 = ends(tuple(CLIENT_V4, 40_000, VIRTUAL_V4, 80));
    let v6 = ends(tuple(CLIENT_V6, 40_000, VIRTUAL_V6, 80));
    let frames = [
        build::tcp(&v4, TcpFlags::ACK, TcpNumbers::default(), b"data"),
        build::udp(&v4, b"data"),
        build::echo_request(&v4, b"ping"),
        build::tcp(&v6, TcpFlags::ACK, TcpNumbers::default(), b"data"),
        build::udp(&v6, b"data"),
        build::echo_request(&v6, b"ping"),
        build::neighbor_solicitation(ROUTER, CLIENT_V6, VIRTUAL_V6),
    ];
    for frame in frames {
        build::verify_checksums(&frame).unwrap();
        // Traffic class, flow label and hop limit of IPv6 are under no checksum.
        let first = if frame[12] == 8 { 14 } else { 22 };
        for offset in first..frame.len() {
            let mut corrupt = frame.clone();
            corrupt[offset] ^= 0x20;
            assert!(build::verify_checksums(&corrupt).is_err(), "byte {offset} of {frame:02x?}");
        }
    }
    let mut absent = build::udp(&v6, b"data");
    absent[60..62].fill(0);
    assert!(build::verify_checksums(&absent).is_err());
}

proptest! {
    #[test]
    fn noise_is_refused_or_parsed_inside(
        frame in prop::collection::vec(any::<u8>(), 0..200),
        ethertype in prop_oneof![Just(0x0800_u16), Just(0x86dd), Just(0x0806), Just(0x8100)],
        first in prop_oneof![Just(0x45_u8), Just(0x60), any::<u8>()],
        is_whole: bool,
    ) {
        let mut frame = frame;
        if frame.len() > 34 {
            frame[12..14].copy_from_slice(&ethertype.to_be_bytes());
            frame[14] = first;
            if first == 0x45 {
                fix_header(&mut frame);
            }
        }
        exercise(&frame, if is_whole { frame.len() } else { 70_000 });
    }
}

#[test]
fn addresses_of_the_other_version_are_not_advertised() {
    let mut frame = build::udp(&ends(tuple(CLIENT_V4, 1, VIRTUAL_V4, 2)), &[0; 60]);
    let datagram = Ipv4Addr::datagram(&frame);
    assert_eq!(reply::neighbor_advertisement(&mut frame, &datagram, VIRTUAL_V4, UNIT_OUTSIDE), None);
}
