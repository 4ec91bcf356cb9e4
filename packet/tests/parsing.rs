//! What is found in frames, and what is wrong with those that are refused.

mod common;

use std::net::{Ipv4Addr, Ipv6Addr};

use common::*;
use model::{DropReason, MacAddress, Protocol};
use packet::{Arp, ArpOperation, Content, Datagram, Quote, TcpFlags, Transport, build, parse};

/// Computed by another program, as all bytes here. The IPv4 header's words by hand: 0x4500 + 0x0028 + 0x4000 + 0x4006 +
/// 0xc633 + 0x6407 + 0xc000 + 0x0264 = 0x2b1cc, folded 0xb1ce, inverted 0x4e31.
const SYN: &str = "020000000001 02000000000a 0800
    4500 0028 0000 4000 40 06 4e31 c6336407 c0000264
    9c40 0050 00000001 00000000 5002 ffff 26b2 0000";

const SYN_V6: &str = "020000000001 02000000000a 86dd
    60000000 0014 06 40 20010db8000000000000000000000007 20010db8010000000000000000000100
    9c40 0050 00000001 00000000 5002 ffff b5d8 0000";

/// An IPv6 header of `length` bytes of payload, from the client to the virtual server.
fn header_v6(next: u8, length: usize) -> String {
    format!(
        "020000000001 02000000000a 86dd 60000000 {length:04x} {next:02x} 40
         20010db8000000000000000000000007 20010db8010000000000000000000100"
    )
}

fn packet_v6(next: u8, payload: &str) -> Vec<u8> {
    hex(&(header_v6(next, hex(payload).len()) + payload))
}

fn refusal(frame: &[u8]) -> Option<DropReason> {
    parse(frame, frame.len()).err()
}

#[test]
fn tcp_is_read_from_both_versions() {
    let frame = hex(SYN);
    let packet = parse(&frame, frame.len()).unwrap();
    assert_eq!(packet.ethernet.destination, UNIT_OUTSIDE);
    assert_eq!(packet.ethernet.source, ROUTER);
    assert_eq!((packet.ethernet.vlan, packet.ethernet.ethertype), (None, 0x0800));
    let flags = TcpFlags::SYN;
    let expected = Datagram {
        source: CLIENT_V4,
        destination: VIRTUAL_V4,
        hop_limit: 64,
        ip_offset: 14,
        ip_length: 40,
        transport_offset: 34,
        transport: Transport::Tcp { source_port: 40_000, destination_port: 80, flags },
    };
    assert_eq!(packet.content, Content::Ipv4(expected));

    let frame = hex(SYN_V6);
    let expected = Datagram {
        source: CLIENT_V6,
        destination: VIRTUAL_V6,
        hop_limit: 64,
        ip_offset: 14,
        ip_length: 60,
        transport_offset: 54,
        transport: Transport::Tcp { source_port: 40_000, destination_port: 80, flags },
    };
    assert_eq!(parse(&frame, frame.len()).unwrap().content, Content::Ipv6(expected));
}

#[test]
fn flags_are_told_apart() {
    let flags = TcpFlags(0x12);
    assert_eq!(flags, TcpFlags::SYN | TcpFlags::ACK);
    assert!(flags.contains(TcpFlags::SYN) && flags.contains(TcpFlags::ACK | TcpFlags::SYN));
    assert!(!flags.contains(TcpFlags::SYN | TcpFlags::FIN));
}

#[test]
fn udp_may_be_shorter_than_its_packet_but_not_longer() {
    let expected = Transport::Udp { source_port: 40_000, destination_port: 53 };
    for (length, ok) in [(7, false), (8, true), (11, true), (12, false), (0, false)] {
        let mut frame = build::udp(&ends(tuple(CLIENT_V4, 40_000, VIRTUAL_V4, 53)), b"who");
        frame[39] = length;
        let found = parse(&frame, frame.len()).map(|_| Ipv4Addr::datagram(&frame).transport);
        let right = if ok { Ok(expected) } else { Err(DropReason::TransportHeaderInvalid) };
        assert_eq!(found, right, "length {length}");
    }
}

#[test]
fn tags_are_looked_behind_up_to_two() {
    let plain = hex(SYN);
    let single = build::tagged(&plain, 0x6064);
    let packet = parse(&single, single.len()).unwrap();
    assert_eq!((packet.ethernet.vlan, packet.ethernet.ethertype), (Some(100), 0x0800));
    assert_eq!(Ipv4Addr::datagram(&single).ip_offset, 18);

    let mut double = build::tagged(&single, 0x00c8);
    double[12..14].copy_from_slice(&[0x88, 0xa8]);
    let packet = parse(&double, double.len()).unwrap();
    assert_eq!((packet.ethernet.vlan, packet.ethernet.ethertype), (Some(200), 0x0800));
    let datagram = Ipv4Addr::datagram(&double);
    assert_eq!((datagram.ip_offset, datagram.transport_offset, datagram.ip_length), (22, 42, 40));

    let triple = build::tagged(&double, 300);
    let packet = parse(&triple, triple.len()).unwrap();
    assert_eq!((packet.ethernet.vlan, packet.content), (Some(300), Content::Other));

    let v6 = build::tagged(&hex(SYN_V6), 0);
    assert_eq!(parse(&v6, v6.len()).unwrap().ethernet.vlan, Some(0));
    assert_eq!(Ipv6Addr::datagram(&v6).ip_offset, 18);
    assert_eq!(refusal(&single[..16]), Some(DropReason::FrameTruncated));
}

#[test]
fn options_and_padding_are_seen_through() {
    let plain = hex(SYN);
    // One word of options (no operation, four times): the sum grows by 0x0100 + 0x0004 + 0x0202.
    let mut with_options = hex("020000000001 02000000000a 0800
        4600 002c 0000 4000 40 06 4b2b c6336407 c0000264 01010101");
    with_options.extend(&plain[34..]);
    let datagram = Ipv4Addr::datagram(&with_options);
    assert_eq!((datagram.transport_offset, datagram.ip_length), (38, 44));
    let mut corrupt = with_options.clone();
    corrupt[35] = 2;
    assert_eq!(refusal(&corrupt), Some(DropReason::IpChecksumInvalid));

    let mut padded = plain.clone();
    padded.extend([0xee; 6]);
    assert_eq!(parse(&padded, padded.len()), parse(&plain, plain.len()));
}

#[test]
fn headers_are_enough_of_a_long_frame() {
    let payload = [7; 1_000];
    let (v4, v6) = (tuple(CLIENT_V4, 40_000, VIRTUAL_V4, 53), tuple(CLIENT_V6, 40_000, VIRTUAL_V6, 53));
    let cases = [
        (build::udp(&ends(v4), &payload), 42),
        (build::udp(&ends(v6), &payload), 62),
        (build::tcp(&ends(v4), TcpFlags::ACK, Default::default(), &payload), 54),
        (build::tcp(&ends(v6), TcpFlags::ACK, Default::default(), &payload), 74),
        (build::echo_request(&ends(v4), &payload), 42),
        (build::echo_request(&ends(v6), &payload), 62),
        (build::icmp_error(&ends(v4), 3, 1, &build::udp(&ends(v4), &payload)[14..]), 66),
        (build::icmp_error(&ends(v6), 1, 4, &build::udp(&ends(v6), &payload)[14..]), 106),
    ];
    for (frame, headers) in cases {
        let whole = parse(&frame, frame.len());
        assert!(whole.is_ok());
        assert_eq!(parse(&frame[..headers], frame.len()), whole);
        assert_eq!(parse(&frame[..headers - 1], frame.len()), Err(DropReason::FrameTruncated));
        // Were that all of it, the length field would be wrong.
        assert_eq!(parse(&frame[..headers], headers), Err(DropReason::IpLengthInvalid));
    }
}

#[test]
fn malformed_ipv4_has_its_reason() {
    use DropReason::*;
    let plain = hex(SYN);
    let changed = |changes: &[(usize, u8)]| {
        let mut frame = plain.clone();
        for &(offset, value) in changes {
            frame[offset] = value;
        }
        fix_header(&mut frame);
        frame
    };
    let mut wrong_sum = plain.clone();
    wrong_sum[25] ^= 1;
    let cases = [
        ("13 bytes", plain[..13].to_vec(), FrameTruncated),
        ("IP header cut", plain[..33].to_vec(), FrameTruncated),
        ("version 5", changed(&[(14, 0x55)]), IpHeaderInvalid),
        ("header of 16 bytes", changed(&[(14, 0x44)]), IpHeaderInvalid),
        ("total length in the header", changed(&[(17, 19)]), IpLengthInvalid),
        ("total length beyond the frame", changed(&[(17, 41)]), IpLengthInvalid),
        ("total length 0", changed(&[(17, 0)]), IpLengthInvalid),
        ("checksum", wrong_sum, IpChecksumInvalid),
        ("TCP header of 16 bytes", changed(&[(46, 0x40)]), TransportHeaderInvalid),
        ("TCP header longer than the packet", changed(&[(46, 0x60)]), TransportHeaderInvalid),
        ("total length in the TCP header", changed(&[(17, 39)]), TransportHeaderInvalid),
        ("no transport header", changed(&[(17, 20)]), TransportHeaderInvalid),
    ];
    for (name, frame, reason) in cases {
        assert_eq!(refusal(&frame), Some(reason), "{name}");
    }
}

#[test]
fn malformed_ipv6_has_its_reason() {
    use DropReason::*;
    let plain = hex(SYN_V6);
    let changed = |offset: usize, value: u8| {
        let mut frame = plain.clone();
        frame[offset] = value;
        frame
    };
    let cases = [
        ("IP header cut", plain[..53].to_vec(), FrameTruncated),
        ("version 4", changed(14, 0x40), IpHeaderInvalid),
        ("payload beyond the frame", changed(19, 21), IpLengthInvalid),
        ("payload ends in the TCP header", changed(19, 19), TransportHeaderInvalid),
        ("extension header beyond the packet", packet_v6(0, "0601 010400000000"), IpExtensionInvalid),
        ("extension header cut", packet_v6(60, "0600 0104"), IpExtensionInvalid),
    ];
    for (name, frame, reason) in cases {
        assert_eq!(refusal(&frame), Some(reason), "{name}");
    }
    // The 16 bits of `ip_length` do not hold a packet this long.
    let longest = build::udp(&ends(tuple(CLIENT_V6, 1, VIRTUAL_V6, 2)), &[0; 65_535 - 8]);
    assert_eq!(refusal(&longest), Some(IpLengthInvalid));
    let shorter = build::udp(&ends(tuple(CLIENT_V6, 1, VIRTUAL_V6, 2)), &[0; 65_535 - 8 - 40]);
    assert_eq!(Ipv6Addr::datagram(&shorter).ip_length, 65_535);
}

#[test]
fn fragments_are_told_apart_from_whole_packets() {
    let tuple_v4 = tuple(CLIENT_V4, 40_000, VIRTUAL_V4, 80);
    for (units, more) in [(0, true), (185, true), (370, false)] {
        let frame = build::fragment(&ends(tuple_v4), 17, units, more, &[0; 16]);
        let datagram = Ipv4Addr::datagram(&frame);
        assert_eq!(datagram.transport, Transport::Fragment { protocol: 17 });
        assert_eq!(datagram.transport_offset, 34);
        let frame = build::fragment(&ends(tuple(CLIENT_V6, 1, VIRTUAL_V6, 2)), 6, units, more, &[0; 16]);
        let datagram = Ipv6Addr::datagram(&frame);
        assert_eq!(datagram.transport, Transport::Fragment { protocol: 6 });
        assert_eq!(datagram.transport_offset, 62);
    }
    // Don't fragment is no fragment; more fragments is. A field 0x2000 less makes a checksum 0x2000 more.
    let first = hex(&SYN.replace("4000 40 06 4e31", "2000 40 06 6e31"));
    assert_eq!(Ipv4Addr::datagram(&first).transport, Transport::Fragment { protocol: 6 });
}

/// A UDP header, and what it is parsed to.
const QUERY: &str = "9c40 0035 0008 0000";
const PARSED_QUERY: Transport<Ipv6Addr> = Transport::Udp { source_port: 40_000, destination_port: 53 };

#[test]
fn ipv6_extension_headers_are_walked() {
    let eight = "3c00010400000000".repeat(7) + "1100010400000000";
    let cases = [
        ("none", 17, "", 54),
        ("hop by hop, destination", 0, "3c00010400000000 1100010400000000", 70),
        ("16 bytes of options", 60, "1101 010c000000000000000000000000", 70),
        ("routing at its end", 43, "1100030000000000", 62),
        ("atomic fragment", 44, "1100000000000001", 62),
        ("eight", 60, &eight, 118),
    ];
    for (name, next, extensions, transport_offset) in cases {
        let datagram = Ipv6Addr::datagram(&packet_v6(next, &(extensions.to_owned() + QUERY)));
        assert_eq!(
            (datagram.transport_offset, datagram.transport),
            (transport_offset, PARSED_QUERY),
            "{name}"
        );
    }
    let nine = packet_v6(60, &("3c00010400000000".to_owned() + &eight + QUERY));
    assert_eq!(refusal(&nine), Some(DropReason::IpExtensionInvalid));
    assert_eq!(parse(&nine[..60], nine.len()), Err(DropReason::FrameTruncated));
}

#[test]
fn ipv6_extension_headers_that_hide_the_transport_end_the_walk() {
    let (fragment, other) = (Transport::Fragment { protocol: 17 }, |protocol| Transport::Other { protocol });
    let cases = [
        ("first fragment", 44, "1100000100000001", 62, fragment),
        ("last fragment", 44, "1100002000000001", 62, fragment),
        ("segments left", 43, "1102040100000000", 54, other(43)),
        ("authentication", 51, "1101000000000000", 54, other(51)),
        ("authentication behind another", 60, "3300010400000000 1101000000000000", 62, other(51)),
        ("no next header", 59, "", 54, other(59)),
    ];
    for (name, next, extensions, transport_offset, transport) in cases {
        let datagram = Ipv6Addr::datagram(&packet_v6(next, &(extensions.to_owned() + QUERY)));
        assert_eq!((datagram.transport_offset, datagram.transport), (transport_offset, transport), "{name}");
    }
}

#[test]
fn icmp_is_told_apart() {
    let ends_v4 = ends(tuple(CLIENT_V4, 0, VIRTUAL_V4, 0));
    let ends_v6 = ends(tuple(CLIENT_V6, 0, VIRTUAL_V6, 0));
    let transport = |frame: &[u8]| Ipv4Addr::datagram(frame).transport;
    assert_eq!(transport(&build::echo_request(&ends_v4, b"ping")), Transport::EchoRequest);
    assert_eq!(transport(&build::icmp(&ends_v4, 0, 0, 0, b"")), Transport::Other { protocol: 1 });
    assert_eq!(transport(&build::icmp(&ends_v4, 3, 1, 0, b"")), Transport::Other { protocol: 1 });
    assert_eq!(transport(&build::ip(&ends_v4, 47, b"GRE")), Transport::Other { protocol: 47 });
    // Each version has its own ICMP.
    assert_eq!(transport(&build::ip(&ends_v4, 58, &[128; 8])), Transport::Other { protocol: 58 });
    assert_eq!(refusal(&build::ip(&ends_v4, 1, &[8, 0, 0, 0])), Some(DropReason::TransportHeaderInvalid));
    let transport = |frame: &[u8]| Ipv6Addr::datagram(frame).transport;
    assert_eq!(transport(&build::echo_request(&ends_v6, b"ping")), Transport::EchoRequest);
    assert_eq!(transport(&build::icmp(&ends_v6, 129, 0, 0, b"")), Transport::Other { protocol: 58 });
    assert_eq!(transport(&build::ip(&ends_v6, 1, &[8; 8])), Transport::Other { protocol: 1 });
}

#[test]
fn errors_tell_the_packet_that_they_quote() {
    let quoted = tuple(VIRTUAL_V4, 80, CLIENT_V4, 40_000);
    let about = build::tcp(&ends(quoted), TcpFlags::ACK, Default::default(), b"data");
    let outer = ends(tuple(ROUTER_V4, 0, VIRTUAL_V4, 0));
    let quote = Quote { protocol: Protocol::Tcp, tuple: quoted, ip_offset: 42, transport_offset: 62 };
    for icmp_type in [3, 11, 12] {
        // All of it, what RFC 792 promises, and just the ports.
        for length in [44, 28, 24] {
            let frame = build::icmp_error(&outer, icmp_type, 0, &about[14..14 + length]);
            assert_eq!(Ipv4Addr::datagram(&frame).transport, Transport::IcmpError(quote));
        }
    }

    let quoted = tuple(VIRTUAL_V6, 53, CLIENT_V6, 40_000);
    let about = build::udp(&ends(quoted), b"data");
    let outer = ends(tuple(ROUTER_V6, 0, VIRTUAL_V6, 0));
    let quote = Quote { protocol: Protocol::Udp, tuple: quoted, ip_offset: 62, transport_offset: 102 };
    for icmp_type in 1..=4 {
        let frame = build::icmp_error(&outer, icmp_type, 0, &about[14..]);
        assert_eq!(Ipv6Addr::datagram(&frame).transport, Transport::IcmpError(quote));
    }
}

#[test]
fn first_fragments_are_quoted_with_their_ports_and_later_ones_not() {
    let message = hex("0035 9c40 000c 0000 00000000");
    let outer = ends(tuple(ROUTER_V6, 0, VIRTUAL_V6, 0));
    for (units, more, is_known) in [(0, true, true), (0, false, true), (2, true, false), (2, false, false)] {
        let quoted = tuple(VIRTUAL_V4, 53, CLIENT_V4, 40_000);
        let about = build::fragment(&ends(quoted), 17, units, more, &message);
        let frame = build::icmp_error(&ends(tuple(ROUTER_V4, 0, VIRTUAL_V4, 0)), 11, 0, &about[14..]);
        let quote = Quote { protocol: Protocol::Udp, tuple: quoted, ip_offset: 42, transport_offset: 62 };
        let expected = if is_known { Transport::IcmpError(quote) } else { Transport::Other { protocol: 1 } };
        assert_eq!(Ipv4Addr::datagram(&frame).transport, expected);

        let quoted = tuple(VIRTUAL_V6, 53, CLIENT_V6, 40_000);
        let about = build::fragment(&ends(quoted), 17, units, more, &message);
        let frame = build::icmp_error(&outer, 2, 0, &about[14..]);
        let quote = Quote { protocol: Protocol::Udp, tuple: quoted, ip_offset: 62, transport_offset: 110 };
        let expected = if is_known { Transport::IcmpError(quote) } else { Transport::Other { protocol: 58 } };
        assert_eq!(Ipv6Addr::datagram(&frame).transport, expected);
    }
}

#[test]
fn errors_about_other_packets_are_other_packets() {
    let quoted = tuple(VIRTUAL_V4, 80, CLIENT_V4, 40_000);
    let outer = ends(tuple(ROUTER_V4, 0, VIRTUAL_V4, 0));
    let tcp = build::tcp(&ends(quoted), TcpFlags::ACK, Default::default(), b"")[14..].to_vec();
    let mut version_5 = tcp.clone();
    version_5[0] = 0x55;
    let mut long_header = tcp.clone();
    long_header[0] = 0x4f;
    let cases = [
        ("a ping", 3, build::echo_request(&ends(quoted), b"")[14..].to_vec()),
        ("no ports", 3, tcp[..23].to_vec()),
        ("no whole header", 3, tcp[..19].to_vec()),
        ("version 5", 3, version_5),
        ("a header longer than the quote", 3, long_header),
        ("a redirect", 5, tcp.clone()),
        ("a source quench", 4, tcp),
    ];
    for (name, icmp_type, about) in cases {
        let frame = build::icmp_error(&outer, icmp_type, 0, &about);
        let transport = Ipv4Addr::datagram(&frame).transport;
        assert_eq!(transport, Transport::Other { protocol: 1 }, "{name}");
        // What follows the packet in the frame is no part of the quote.
        let padded = [frame, vec![0; 60]].concat();
        assert_eq!(Ipv4Addr::datagram(&padded).transport, transport, "{name}");
    }
}

#[test]
fn ipv6_quotes_are_read_up_to_their_end_only() {
    let outer = ends(tuple(ROUTER_V6, 0, VIRTUAL_V6, 0));
    let whole = packet_v6(60, "1100010400000000 0035 9c40 0008 0000")[14..].to_vec();
    let transport_offset = 14 + 40 + 8 + 48;
    for length in 0..=whole.len() {
        let frame = build::icmp_error(&outer, 1, 0, &whole[..length]);
        let padded = [frame, vec![0; 60]].concat();
        let is_known = match Ipv6Addr::datagram(&padded).transport {
            Transport::IcmpError(quote) => {
                assert_eq!(quote.transport_offset, transport_offset);
                true
            }
            transport => {
                assert_eq!(transport, Transport::Other { protocol: 58 });
                false
            }
        };
        assert_eq!(is_known, length >= 40 + 8 + 4, "{length} bytes");
    }
}

#[test]
fn arp_is_read() {
    let frame = build::arp_request(ROUTER, CLIENT_V4, VIRTUAL_V4);
    let request =
        Arp { operation: ArpOperation::Request, sender_mac: ROUTER, sender: CLIENT_V4, target: VIRTUAL_V4 };
    assert_eq!(parse(&frame, frame.len()).unwrap().content, Content::Arp(request));
    let frame = build::arp_reply(ROUTER, CLIENT_V4, UNIT_OUTSIDE, VIRTUAL_V4);
    let reply = Arp { operation: ArpOperation::Reply, ..request };
    assert_eq!(parse(&frame, frame.len()).unwrap().content, Content::Arp(reply));
    let tagged = build::tagged(&frame, 5);
    assert_eq!(parse(&tagged, tagged.len()).unwrap().content, Content::Arp(reply));

    // Another hardware, another protocol, lengths of other addresses, a sender that is a group.
    for (offset, value) in [(15, 6), (16, 0x86), (18, 8), (19, 16), (22, 0x01)] {
        let mut frame = frame.clone();
        frame[offset] = value;
        assert_eq!(refusal(&frame), Some(DropReason::NeighborMessageInvalid), "byte {offset}");
    }
    assert_eq!(refusal(&frame[..41]), Some(DropReason::FrameTruncated));
}

/// A solicitation of the client for the virtual server.
const SOLICITATION: &str = "3333ff000100 02000000000a 86dd
    60000000 0020 3a ff 20010db8000000000000000000000007 ff0200000000000000000001ff000100
    87 00 191c 00000000 20010db8010000000000000000000100 0101 02000000000a";

/// The question of a host without an address whether that of the virtual server is free.
const PROBE: &str = "3333ff000100 02000000000a 86dd
    60000000 0018 3a ff 00000000000000000000000000000000 ff0200000000000000000001ff000100
    87 00 49ef 00000000 20010db8010000000000000000000100";

#[test]
fn solicitations_are_read() {
    for text in [SOLICITATION, PROBE] {
        let frame = hex(text);
        let transport = Ipv6Addr::datagram(&frame).transport;
        assert_eq!(transport, Transport::NeighborSolicitation { target: VIRTUAL_V6 });
        // Its checksum covers all of it, so all of it must be there.
        let part = parse(&frame[..frame.len() - 1], frame.len());
        assert_eq!(part, Err(DropReason::FrameTruncated));
    }
}

/// Computes the ICMPv6 checksum of an untagged frame without extension headers anew.
fn fix_message(frame: &mut [u8]) {
    frame[56..58].fill(0);
    let pseudo_header = [&frame[22..54], &[0, 0], &frame[18..20], &[0, 0, 0, 58]].concat();
    let checksum = checksum(&[&pseudo_header, &frame[54..]].concat());
    frame[56..58].copy_from_slice(&checksum.to_be_bytes());
}

#[test]
fn solicitations_that_could_be_forged_are_refused() {
    let invalid = Some(DropReason::NeighborMessageInvalid);
    let cases = [
        ("as it is", SOLICITATION.to_owned(), None),
        ("a probe as it is", PROBE.to_owned(), None),
        ("crossed a router", SOLICITATION.replace("3a ff", "3a fe"), invalid),
        ("code 1", SOLICITATION.replace("87 00", "87 01"), invalid),
        ("option without length", SOLICITATION.replace("0101", "0100"), invalid),
        ("option beyond the end", SOLICITATION.replace("0101", "0102"), invalid),
        ("half an option", SOLICITATION.replace("0020", "0019"), invalid),
        ("unknown option", SOLICITATION.replace("0101", "fd01"), None),
        ("target a group", SOLICITATION.replace("00000000 2001", "00000000 ff01"), invalid),
        ("probe to all nodes", PROBE.replace("0001ff000100", "000000000001"), invalid),
        ("probe that names its sender", PROBE.replace("0018", "0020") + "0101 02000000000a", invalid),
        ("probe with another option", PROBE.replace("0018", "0020") + "0e01 123456789abc", None),
        ("no target", PROBE[..PROBE.len() - 32].replace("0018", "0008"), invalid),
    ];
    for (name, text, refused) in cases {
        let mut frame = hex(&text);
        frame.truncate(54 + usize::from(frame[19]));
        fix_message(&mut frame);
        assert_eq!(refusal(&frame), refused, "{name}");
        frame[57] ^= 1;
        assert_eq!(refusal(&frame), invalid, "{name}, and the checksum is wrong");
    }
}

#[test]
fn other_ethertypes_are_not_looked_into() {
    let frame = hex("0180c2000000 02000000000a 0026 424203");
    let packet = parse(&frame, frame.len()).unwrap();
    assert_eq!(packet.content, Content::Other);
    assert_eq!(packet.ethernet.destination, MacAddress([0x01, 0x80, 0xc2, 0, 0, 0]));
}
