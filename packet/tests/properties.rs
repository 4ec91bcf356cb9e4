//! What holds for all packets: incremental checksums equal recomputed ones, and no bytes make the parser panic.

use std::net::{Ipv4Addr, Ipv6Addr};

use model::MacAddress;
use packet::build::{self, Ends, TcpNumbers};
use packet::{
    Address, ChecksumDelta, Content, Datagram, Deltas, Packet, TcpFlags, Transport, Tuple, parse, reply,
};
use packet::{translate, translate_error};
use proptest::prelude::*;

fn tuple<A: Address>(address: impl Strategy<Value = A> + Clone) -> impl Strategy<Value = Tuple<A>> {
    (address.clone(), any::<u16>(), address, any::<u16>()).prop_map(
        |(source, source_port, destination, destination_port)| Tuple {
            source,
            source_port,
            destination,
            destination_port,
        },
    )
}

fn v4() -> impl Strategy<Value = Ipv4Addr> + Clone {
    // Addresses of few bits make the corner cases of one's complement likely.
    prop_oneof![any::<u32>(), 0..4_u32, Just(u32::MAX)].prop_map(Ipv4Addr::from)
}

fn v6() -> impl Strategy<Value = Ipv6Addr> + Clone {
    prop_oneof![any::<u128>(), 0..4_u128, Just(u128::MAX)].prop_map(Ipv6Addr::from)
}

fn ends<A>(tuple: Tuple<A>) -> Ends<A> {
    Ends {
        source_mac: MacAddress([2; 6]),
        destination_mac: MacAddress([4; 6]),
        tuple,
    }
}

/// The datagram of a frame made here.
trait Parsed: Address {
    fn datagram(frame: &[u8]) -> Datagram<Self>;
}

impl Parsed for Ipv4Addr {
    fn datagram(frame: &[u8]) -> Datagram<Self> {
        let Content::Ipv4(datagram) = parse(frame, frame.len()).unwrap().content else {
            panic!()
        };
        datagram
    }
}

impl Parsed for Ipv6Addr {
    fn datagram(frame: &[u8]) -> Datagram<Self> {
        let Content::Ipv6(datagram) = parse(frame, frame.len()).unwrap().content else {
            panic!()
        };
        datagram
    }
}

fn check_translation<A: Parsed>(mut frame: Vec<u8>, before: Tuple<A>, after: Tuple<A>) {
    let original = frame.clone();
    let datagram = A::datagram(&frame);
    let deltas = Deltas::between(&before, &after);
    translate(&mut frame, &datagram, &after, deltas);
    build::verify_checksums(&frame).unwrap();
    let translated = A::datagram(&frame);
    assert_eq!(
        (translated.source, translated.destination),
        (after.source, after.destination)
    );
    assert_eq!(translated.hop_limit, datagram.hop_limit - 1);
    // And back: all but the hop limit is as it was; the transport checksum may be the other form of zero.
    translate(&mut frame, &translated, &before, deltas.inverse());
    build::verify_checksums(&frame).unwrap();
    let transport = usize::from(datagram.transport_offset);
    assert_eq!(
        frame[transport..transport + 4],
        original[transport..transport + 4]
    );
    assert_eq!(A::datagram(&frame).source, before.source);
}

fn check_error<A: Parsed>(
    mut quoted: Vec<u8>,
    quoted_length: usize,
    kind: u8,
    router: A,
    before: Tuple<A>,
    after: Tuple<A>,
) {
    // The quoted packet goes from the virtual server to the client; the error comes back to the virtual server.
    quoted.drain(..14);
    let header = usize::from(
        A::datagram(&build::tcp(
            &ends(before),
            TcpFlags::ACK,
            TcpNumbers::default(),
            &[],
        ))
        .transport_offset,
    ) - 14;
    quoted.truncate((header + 8 + quoted_length).min(quoted.len()));
    let outer = Tuple {
        source: router,
        source_port: 0,
        destination: before.source,
        destination_port: 0,
    };
    let mut frame = build::icmp(&ends(outer), kind, 1, 1_280, &quoted);
    let datagram = A::datagram(&frame);
    let Transport::IcmpError(quote) = datagram.transport else {
        panic!("{datagram:?}")
    };
    assert_eq!(quote.tuple, before);
    translate_error(&mut frame, &datagram, &quote, router, after.source, &after);
    build::verify_checksums(&frame).unwrap();
    let translated = A::datagram(&frame);
    let Transport::IcmpError(quote) = translated.transport else {
        panic!("{translated:?}")
    };
    assert_eq!(quote.tuple, after);
    assert_eq!(translated.destination, after.source);
    // A whole quoted packet is one whose own checksums hold again.
    let mut inner = frame[..14].to_vec();
    inner.extend(&frame[usize::from(quote.ip_offset)..]);
    if quoted_length > 1_000 {
        build::verify_checksums(&inner).unwrap();
    }
}

/// Valid frames of every kind.
fn frames() -> Vec<Vec<u8>> {
    let v4 = Tuple {
        source: Ipv4Addr::new(198, 51, 100, 7),
        source_port: 40_000,
        destination: Ipv4Addr::new(192, 0, 2, 100),
        destination_port: 80,
    };
    let v6: Tuple<Ipv6Addr> = Tuple {
        source: "2001:db8::7".parse().unwrap(),
        source_port: 40_000,
        destination: "2001:db8:100::100".parse().unwrap(),
        destination_port: 80,
    };
    let numbers = TcpNumbers::default();
    let inner_v4 = build::udp(&ends(v4), b"quoted")[14..].to_vec();
    let inner_v6 = build::udp(&ends(v6), b"quoted")[14..].to_vec();
    let mut tagged = build::udp(&ends(v4), b"tagged");
    tagged.splice(12..12, [0x81, 0, 0, 5]);
    let mut extended = vec![17, 0, 1, 4, 0, 0, 0, 0];
    extended.extend([0x9c, 0x40, 0, 53, 0, 8, 0, 0]);
    vec![
        build::tcp(&ends(v4), TcpFlags::SYN, numbers, b""),
        build::tcp(&ends(v6), TcpFlags::ACK, numbers, b"data"),
        build::udp(&ends(v4), b"data"),
        build::udp(&ends(v6), b"data"),
        tagged,
        build::ip(&ends(v6), 60, &extended),
        build::echo_request(&ends(v4), b"ping"),
        build::echo_request(&ends(v6), b"ping"),
        build::icmp(&ends(v4), 3, 4, 1_280, &inner_v4),
        build::icmp(&ends(v6), 2, 0, 1_280, &inner_v6),
        build::arp_request(MacAddress([2; 6]), v4.source, v4.destination),
        build::neighbor_solicitation(MacAddress([2; 6]), v6.source, v6.destination),
    ]
}

/// Parses, and if that succeeds does all that can be done with the result.
fn exercise(frame: &[u8], frame_length: usize) {
    let Ok(Packet { content, .. }) = parse(frame, frame_length) else {
        return;
    };
    match content {
        Content::Ipv4(datagram) => rewrite_all_ways(frame, &datagram, Ipv4Addr::LOCALHOST),
        Content::Ipv6(datagram) => rewrite_all_ways(frame, &datagram, Ipv6Addr::LOCALHOST),
        Content::Arp(_) => {
            let _ = reply::arp(&mut frame.to_vec(), MacAddress::default());
        }
        Content::Other => {}
    }
}

fn rewrite_all_ways<A: Address>(frame: &[u8], datagram: &Datagram<A>, other: A) {
    assert!(usize::from(datagram.ip_offset) < frame.len());
    let to = Tuple {
        source: other,
        source_port: 1,
        destination: other,
        destination_port: 2,
    };
    let copy = || frame.to_vec();
    match datagram.transport {
        Transport::Tcp { .. } => {
            translate(&mut copy(), datagram, &to, Deltas::default());
            let _ = reply::tcp_reset(&mut copy(), datagram);
        }
        Transport::Udp { .. } => translate(&mut copy(), datagram, &to, Deltas::default()),
        Transport::EchoRequest => reply::echo(&mut copy(), datagram),
        Transport::NeighborSolicitation { target } => {
            let _ = reply::neighbor_advertisement(&mut copy(), datagram, target, MacAddress::default());
        }
        Transport::IcmpError(quote) => translate_error(&mut copy(), datagram, &quote, other, other, &to),
        Transport::Fragment { .. } | Transport::Other { .. } => {}
    }
}

#[test]
fn valid_frames_parse_and_have_right_checksums() {
    for frame in frames() {
        let packet = parse(&frame, frame.len()).unwrap();
        assert_ne!(packet.content, Content::Other);
        if packet.ethernet.vlan.is_none() {
            build::verify_checksums(&frame).unwrap();
        }
    }
}

#[test]
fn frames_cut_at_any_byte_never_panic() {
    for frame in frames() {
        for length in 0..frame.len() {
            exercise(&frame[..length], length);
            // The same bytes as the beginning of a chained frame.
            exercise(&frame[..length], frame.len());
            exercise(&frame[..length], 9_000);
        }
    }
}

#[test]
fn any_byte_of_any_value_never_panics() {
    for frame in frames() {
        for offset in 0..frame.len() {
            for value in 0..=255 {
                let mut corrupt = frame.clone();
                corrupt[offset] = value;
                exercise(&corrupt, corrupt.len());
            }
        }
    }
}

#[test]
fn echo_reply_has_right_checksums_and_the_payload() {
    for frame in frames() {
        let mut reply = frame.clone();
        match parse(&frame, frame.len()).unwrap().content {
            Content::Ipv4(datagram) if datagram.transport == Transport::EchoRequest => {
                reply::echo(&mut reply, &datagram)
            }
            Content::Ipv6(datagram) if datagram.transport == Transport::EchoRequest => {
                reply::echo(&mut reply, &datagram)
            }
            _ => continue,
        }
        build::verify_checksums(&reply).unwrap();
        assert_eq!(reply[reply.len() - 4..], *b"ping");
        assert_eq!(reply[..6], frame[6..12]);
    }
}

proptest! {
    #[test]
    fn deltas_compose_and_invert(old in any::<[u16; 3]>(), new in any::<[u16; 3]>(), rest in any::<u16>()) {
        let checksum = |words: [u16; 3]| {
            let mut sum: u32 = words.iter().map(|&word| u32::from(word)).sum::<u32>() + u32::from(rest);
            while sum > 0xffff { sum = (sum & 0xffff) + (sum >> 16); }
            !u16::try_from(sum).unwrap()
        };
        let same = |a: u16, b: u16| a == b || (a.min(b) == 0 && a.max(b) == 0xffff);
        let delta = ChecksumDelta::between(old, new);
        prop_assert!(same(delta.apply(checksum(old)), checksum(new)));
        prop_assert!(same(delta.inverse().apply(checksum(new)), checksum(old)));
        prop_assert!(same(delta.combine(delta.inverse()).apply(rest), rest));
    }

    #[test]
    fn translation_keeps_checksums_right(
        a in tuple(v4()), b in tuple(v4()), c in tuple(v6()), d in tuple(v6()), payload in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let numbers = TcpNumbers { sequence: 1, acknowledgement: 2 };
        check_translation(build::tcp(&ends(a), TcpFlags::ACK, numbers, &payload), a, b);
        check_translation(build::udp(&ends(a), &payload), a, b);
        check_translation(build::tcp(&ends(c), TcpFlags::ACK, numbers, &payload), c, d);
        check_translation(build::udp(&ends(c), &payload), c, d);
    }

    #[test]
    fn absent_udp_checksum_stays_absent(a in tuple(v4()), b in tuple(v4())) {
        let mut frame = build::udp(&ends(a), b"data");
        frame[40..42].fill(0);
        let datagram = Ipv4Addr::datagram(&frame);
        translate(&mut frame, &datagram, &b, Deltas::between(&a, &b));
        prop_assert_eq!(&frame[40..42], &[0, 0]);
    }

    #[test]
    fn errors_keep_all_checksums_right(
        a in tuple(v4()), b in tuple(v4()), r in v4(), c in tuple(v6()), d in tuple(v6()), q in v6(),
        length in prop_oneof![0..40_usize, Just(2_000)], payload in prop::collection::vec(any::<u8>(), 0..30),
    ) {
        let numbers = TcpNumbers { sequence: 1, acknowledgement: 2 };
        check_error(build::tcp(&ends(a), TcpFlags::ACK, numbers, &payload), length, 3, r, a, b);
        check_error(build::udp(&ends(a), &payload), length, 11, r, a, b);
        check_error(build::tcp(&ends(c), TcpFlags::ACK, numbers, &payload), length, 2, q, c, d);
        check_error(build::udp(&ends(c), &payload), length, 1, q, c, d);
    }

    #[test]
    fn noise_never_panics(frame in prop::collection::vec(any::<u8>(), 0..200), ethertype in prop_oneof![Just(0x0800_u16), Just(0x86dd), Just(0x0806), Just(0x8100)]) {
        let mut frame = frame;
        if frame.len() >= 14 { frame[12..14].copy_from_slice(&ethertype.to_be_bytes()); }
        exercise(&frame, frame.len());
    }
}
