//! ICMP errors about packets of connections: byte for byte, and against full computation for all that they may quote.
#![allow(clippy::unwrap_used, reason = "a wrong test may panic")]

mod common;

use std::net::{Ipv4Addr, Ipv6Addr};

use common::*;
use packet::build::TcpNumbers;
use packet::{TcpFlags, Transport, Tuple, build, translate_error};
use proptest::prelude::*;

/// A router tells the virtual server that what it sent the client is too big; the real server must hear of it. The
/// quoted packet has crossed three hops. Another program computed all checksums.
const ERRORS_V4: [(&str, &str, &str); 2] = [
    (
        "all quoted",
        "4500 0048 0000 4000 40 01 3c47 cb007109 c0000264
         0304 e4b9 0000 0500
         4500 002c 0000 4000 3d 06 512d c0000264 c6336407
         0050 9c40 00001000 00000002 5018 ffff 3dd4 0000 64617461",
        "4500 0048 0000 4000 3f 01 f59f cb007109 0a01000b
         0304 2c61 0000 0500
         4500 002c 0000 4000 3d 06 0986 0a01000b c6336407
         1f90 9c40 00001000 00000002 5018 ffff d6ec 0000 64617461",
    ),
    (
        "eight bytes of TCP quoted",
        "4500 0038 0000 4000 40 01 3c57 cb007109 c0000264
         0304 4b6b 0000 0500
         4500 002c 0000 4000 3d 06 512d c0000264 c6336407
         0050 9c40 00001000",
        "4500 0038 0000 4000 3f 01 f5af cb007109 0a01000b
         0304 2c2b 0000 0500
         4500 002c 0000 4000 3d 06 0986 0a01000b c6336407
         1f90 9c40 00001000",
    ),
];

const ERRORS_V6: [(&str, &str, &str); 2] = [
    (
        "all quoted",
        "60000000 0048 3a 40 20010db8009900000000000000000009 20010db8010000000000000000000100
         0200 3432 0000 0500
         60000000 0018 06 3d 20010db8010000000000000000000100 20010db8000000000000000000000007
         0050 9c40 00001000 00000002 5018 ffff ccfa 0000 64617461",
        "60000000 0048 3a 3f 20010db8009900000000000000000009 20010db8000100000000000000000011
         0200 3620 0000 0500
         60000000 0018 06 3d 20010db8000100000000000000000011 20010db8000000000000000000000007
         1f90 9c40 00001000 00000002 5018 ffff afa8 0000 64617461",
    ),
    (
        "just the ports quoted",
        "60000000 0034 3a 40 20010db8009900000000000000000009 20010db8010000000000000000000100
         0200 3a1e 0000 0500
         60000000 0018 06 3d 20010db8010000000000000000000100 20010db8000000000000000000000007
         0050 9c40",
        "60000000 0034 3a 3f 20010db8009900000000000000000009 20010db8000100000000000000000011
         0200 1eba 0000 0500
         60000000 0018 06 3d 20010db8000100000000000000000011 20010db8000000000000000000000007
         1f90 9c40",
    ),
];

/// Translates the error in `frame`: it comes to be from `source`, and about `quoted`.
fn translate<A: Version>(frame: &mut [u8], source: A, quoted: &Tuple<A>) {
    let datagram = A::datagram(frame);
    let Transport::IcmpError(quote) = datagram.transport else { panic!("{datagram:?}") };
    translate_error(frame, &datagram, &quote, source, quoted.source, quoted);
}

fn check_table<A: Version>(table: &[(&str, &str, &str)], ethertype: &str, [router, real, client]: [A; 3]) {
    for (name, before, after) in table {
        // Padding is not the packet's, whatever it holds: here it reaches to where a checksum would be.
        let padding = "9a".repeat(24);
        let frame = |text: &str| hex(&format!("020000000001 02000000000a {ethertype} {text} {padding}"));
        let mut error = frame(before);
        build::verify_checksums(&error).unwrap();
        translate(&mut error, router, &tuple(real, 8_080, client, 40_000));
        assert_eq!(error, frame(after), "{name}");
        build::verify_checksums(&error).unwrap();
    }
}

#[test]
fn errors_are_translated_byte_for_byte() {
    check_table(&ERRORS_V4, "0800", [ROUTER_V4, REAL_V4, CLIENT_V4]);
    check_table(&ERRORS_V6, "86dd", [ROUTER_V6, REAL_V6, CLIENT_V6]);
}

#[test]
fn errors_of_real_servers_come_to_be_the_virtual_server_s() {
    let quoted = tuple(CLIENT_V4, 40_000, REAL_V4, 53);
    let about = build::udp(&ends(quoted), b"query");
    let mut frame = build::icmp_error(&ends(tuple(REAL_V4, 0, CLIENT_V4, 0)), 3, 3, &about[14..]);
    let datagram = Ipv4Addr::datagram(&frame);
    let Transport::IcmpError(quote) = datagram.transport else { panic!("{datagram:?}") };
    let quoted = tuple(CLIENT_V4, 40_000, VIRTUAL_V4, 53);
    translate_error(&mut frame, &datagram, &quote, VIRTUAL_V4, CLIENT_V4, &quoted);
    let about = build::udp(&ends(quoted), b"query");
    let mut expected = build::icmp_error(&ends(tuple(VIRTUAL_V4, 0, CLIENT_V4, 0)), 3, 3, &about[14..]);
    Ipv4Addr::set_hop_limit(&mut expected, 63);
    assert_eq!(frame, expected);
}

#[test]
fn an_absent_udp_checksum_is_quoted_as_absent() {
    let mut about = build::udp(&ends(tuple(VIRTUAL_V4, 53, CLIENT_V4, 40_000)), b"answer");
    about[40..42].fill(0);
    let mut frame = build::icmp_error(&ends(tuple(ROUTER_V4, 0, VIRTUAL_V4, 0)), 11, 1, &about[14..]);
    translate(&mut frame, ROUTER_V4, &tuple(REAL_V4, 5_353, CLIENT_V4, 40_000));
    assert_eq!(frame[68..70], [0, 0]);
    build::verify_checksums(&frame).unwrap();
}

#[test]
fn half_a_quoted_checksum_stays_as_it_is() {
    let about = build::tcp(
        &ends(tuple(VIRTUAL_V4, 80, CLIENT_V4, 40_000)),
        TcpFlags::ACK,
        TcpNumbers::default(),
        b"",
    );
    let mut frame = build::icmp_error(&ends(tuple(ROUTER_V4, 0, VIRTUAL_V4, 0)), 3, 4, &about[14..51]);
    let half = frame[frame.len() - 1];
    translate(&mut frame, ROUTER_V4, &tuple(REAL_V4, 8_080, CLIENT_V4, 40_000));
    assert_eq!(frame[frame.len() - 1], half);
    build::verify_checksums(&frame).unwrap();
}

#[test]
fn a_quote_beyond_the_contiguous_bytes_is_translated_as_far_as_they_go() {
    let about = build::tcp(
        &ends(tuple(VIRTUAL_V4, 80, CLIENT_V4, 40_000)),
        TcpFlags::ACK,
        TcpNumbers::default(),
        &[7; 100],
    );
    let mut frame = build::icmp_error(&ends(tuple(ROUTER_V4, 0, VIRTUAL_V4, 0)), 3, 4, &about[14..]);
    let (first, _) = frame.split_at_mut(66);
    let content = packet::parse(first, 14 + 20 + 8 + 140).unwrap().content;
    let packet::Content::Ipv4(datagram) = content else { panic!("{content:?}") };
    let Transport::IcmpError(quote) = datagram.transport else { panic!("{datagram:?}") };
    let after = tuple(REAL_V4, 8_080, CLIENT_V4, 40_000);
    translate_error(first, &datagram, &quote, ROUTER_V4, REAL_V4, &after);
    build::verify_checksums(&frame).unwrap();
}

fn v4() -> impl Strategy<Value = Ipv4Addr> + Clone {
    prop_oneof![any::<u32>(), 0..4_u32, Just(u32::MAX)].prop_map(Ipv4Addr::from)
}

fn v6() -> impl Strategy<Value = Ipv6Addr> + Clone {
    prop_oneof![any::<u128>(), 0..4_u128, Just(u128::MAX)].prop_map(Ipv6Addr::from)
}

/// What an error is about, before or after translation.
#[derive(Clone, Copy, Debug)]
struct About<'a> {
    is_tcp: bool,
    payload: &'a [u8],
    /// Bytes of the IP packet that are quoted.
    length: usize,
}

impl About<'_> {
    /// The error of `source` to the sender of a packet with ends `quoted`.
    fn error<A: Version>(&self, icmp_type: u8, source: A, quoted: Tuple<A>) -> Vec<u8> {
        let about = if self.is_tcp {
            build::tcp(&ends(quoted), TcpFlags::ACK, TcpNumbers::default(), self.payload)
        } else {
            build::udp(&ends(quoted), self.payload)
        };
        let about = &about[14..];
        let outer = ends(tuple(source, 0, quoted.source, 0));
        build::icmp(&outer, icmp_type, 4, 1_280, &about[..self.length.min(about.len())])
    }

    fn check<A: Version>(&self, icmp_type: u8, sources: (A, A), quoted: (Tuple<A>, Tuple<A>)) {
        let mut frame = self.error(icmp_type, sources.0, quoted.0);
        translate(&mut frame, sources.1, &quoted.1);
        let mut expected = self.error(icmp_type, sources.1, quoted.1);
        A::set_hop_limit(&mut expected, 63);
        assert_eq!(frame, expected);
    }
}

proptest! {
    #[test]
    fn translation_equals_full_computation(
        is_tcp: bool,
        payload in prop::collection::vec(any::<u8>(), 0..30),
        transport_bytes in prop_oneof![4..40_usize, Just(1_000)],
        four in (v4(), v4(), v4(), v4(), v4(), v4()),
        six in (v6(), v6(), v6(), v6(), v6(), v6()),
        ports in any::<[u16; 4]>(),
    ) {
        // Half a checksum can not be updated; that has a test of its own.
        let half = if is_tcp { 17 } else { 7 };
        let transport_bytes = if transport_bytes == half { half + 1 } else { transport_bytes };
        let (r, s, a, b, c, d) = four;
        let quoted = (tuple(a, ports[0], b, ports[1]), tuple(c, ports[2], d, ports[3]));
        let about = About { is_tcp, payload: &payload, length: 20 + transport_bytes };
        about.check(3, (r, s), quoted);
        let (r, s, a, b, c, d) = six;
        let quoted = (tuple(a, ports[0], b, ports[1]), tuple(c, ports[2], d, ports[3]));
        let about = About { is_tcp, payload: &payload, length: 40 + transport_bytes };
        about.check(2, (r, s), quoted);
    }

    /// The quoted datagram's checksum is zero before or after, and so written as 0xffff.
    #[test]
    fn quoted_udp_checksums_are_never_made_absent(
        (r, a, b, c) in (v4(), v4(), v4(), v4()),
        ports in any::<[u16; 4]>(),
        before: bool,
    ) {
        let quoted = (tuple(a, ports[0], b, ports[1]), tuple(c, ports[2], b, ports[3]));
        let balanced = build::udp(&ends(if before { quoted.0 } else { quoted.1 }), &[0, 0]);
        let about = About { is_tcp: false, payload: &balanced[40..42], length: 30 };
        let zeroed = about.error(11, r, if before { quoted.0 } else { quoted.1 });
        prop_assert_eq!(&zeroed[68..70], &[0xff, 0xff]);
        about.check(11, (r, r), quoted);
    }
}
