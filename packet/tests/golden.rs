//! Packets in and out, byte for byte.

use std::net::{Ipv4Addr, Ipv6Addr};

use model::{DropReason, MacAddress};
use packet::{
    Arp, ArpOperation, Content, Datagram, Deltas, TcpFlags, Transport, Tuple, build, parse, reply,
    set_ethernet, translate,
};

/// Bytes written as a person reads them; spaces and line ends are free.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn v4(frame: &[u8]) -> Datagram<Ipv4Addr> {
    match parse(frame, frame.len()).unwrap().content {
        Content::Ipv4(datagram) => datagram,
        other => panic!("{other:?}"),
    }
}

fn v6(frame: &[u8]) -> Datagram<Ipv6Addr> {
    match parse(frame, frame.len()).unwrap().content {
        Content::Ipv6(datagram) => datagram,
        other => panic!("{other:?}"),
    }
}

/// A SYN of 198.51.100.7:40000 to 192.0.2.100:80. Its checksums were worked out by hand: the IPv4 header's words sum up
/// to 0x4500 + 0x0028 + 0x4000 + 0x4006 + 0xc633 + 0x6407 + 0xc000 + 0x0264 = 0x2b1cc, folded 0xb1ce, inverted 0x4e31.
const SYN: &str = "
    020000000001 02000000000a 0800
    45 00 0028 0000 4000 40 06 4e31 c6336407 c0000264
    9c40 0050 00000001 00000000 50 02 ffff 26b2 0000";

/// The same after translation to 10.1.0.11:8080, one hop on. Header: 0x4500 + 0x0028 + 0x4000 + 0x3f06 + 0xc633 + 0x6407 +
/// 0x0a01 + 0x000b = 0x1f874, folded 0xf875, inverted 0x078a.
const SYN_INSIDE: &str = "
    02000000000b 020000000002 0800
    45 00 0028 0000 4000 3f 06 078a c6336407 0a01000b
    9c40 1f90 00000001 00000000 50 02 ffff bfca 0000";

const OUTSIDE: Tuple<Ipv4Addr> = Tuple {
    source: Ipv4Addr::new(198, 51, 100, 7),
    source_port: 40_000,
    destination: Ipv4Addr::new(192, 0, 2, 100),
    destination_port: 80,
};
const INSIDE: Tuple<Ipv4Addr> = Tuple {
    destination: Ipv4Addr::new(10, 1, 0, 11),
    destination_port: 8_080,
    ..OUTSIDE
};

#[test]
fn syn_is_parsed() {
    let frame = hex(SYN);
    let packet = parse(&frame, frame.len()).unwrap();
    assert_eq!(packet.ethernet.destination, MacAddress([2, 0, 0, 0, 0, 1]));
    assert_eq!(packet.ethernet.source, MacAddress([2, 0, 0, 0, 0, 10]));
    assert_eq!(packet.ethernet.vlan, None);
    assert_eq!(
        v4(&frame),
        Datagram {
            source: OUTSIDE.source,
            destination: OUTSIDE.destination,
            hop_limit: 64,
            ip_offset: 14,
            ip_length: 40,
            transport_offset: 34,
            transport: Transport::Tcp {
                source_port: 40_000,
                destination_port: 80,
                flags: TcpFlags::SYN
            },
        }
    );
}

#[test]
fn syn_is_translated_byte_for_byte() {
    let mut frame = hex(SYN);
    let datagram = v4(&frame);
    translate(&mut frame, &datagram, &INSIDE, Deltas::between(&OUTSIDE, &INSIDE));
    set_ethernet(
        &mut frame,
        MacAddress([2, 0, 0, 0, 0, 2]),
        MacAddress([2, 0, 0, 0, 0, 11]),
    );
    assert_eq!(frame, hex(SYN_INSIDE));
    build::verify_checksums(&frame).unwrap();
}

#[test]
fn tags_options_and_padding_are_seen_through() {
    let plain = hex(SYN);
    let mut tagged = plain[..12].to_vec();
    tagged.extend(hex("88a8 0064 8100 00c8"));
    tagged.extend(&plain[12..]);
    let packet = parse(&tagged, tagged.len()).unwrap();
    assert_eq!(
        (packet.ethernet.vlan, packet.ethernet.ethertype),
        (Some(100), 0x0800)
    );
    assert_eq!(v4(&tagged).ip_offset, 22);

    // One word of options (no-operation four times) makes the header 24 bytes: the sum grows by 0x0100 + 0x0004 + 0x0202.
    let mut with_options =
        hex("020000000001 02000000000a 0800 46 00 002c 0000 4000 40 06 4b2b c6336407 c0000264 01010101");
    with_options.extend(&plain[34..]);
    assert_eq!(v4(&with_options).transport_offset, 38);

    let mut padded = plain.clone();
    padded.extend([0xee; 6]);
    assert_eq!(v4(&padded), v4(&plain));
}

#[test]
fn headers_alone_are_enough_of_a_long_frame() {
    let ends = build::Ends {
        source_mac: MacAddress::default(),
        destination_mac: MacAddress::default(),
        tuple: OUTSIDE,
    };
    let frame = build::udp(&ends, &[7; 1_000]);
    assert_eq!(parse(&frame[..42], frame.len()), parse(&frame, frame.len()));
}

#[test]
fn malformed_packets_have_their_reasons() {
    use DropReason::*;
    let plain = hex(SYN);
    let changed = |changes: &[(usize, u8)]| {
        let mut frame = plain.clone();
        for &(offset, value) in changes {
            frame[offset] = value;
        }
        frame
    };
    // Where the header changes, the checksum must not be what refuses it.
    let cases = [
        ("ten bytes", plain[..10].to_vec(), FrameTruncated),
        ("no IP header", plain[..30].to_vec(), FrameTruncated),
        ("version 5", changed(&[(14, 0x55)]), IpHeaderInvalid),
        ("header of 16 bytes", changed(&[(14, 0x44)]), IpHeaderInvalid),
        ("total length 19", changed(&[(17, 19)]), IpLengthInvalid),
        ("total length 41", changed(&[(17, 41)]), IpLengthInvalid),
        ("total length 0", changed(&[(17, 0)]), IpLengthInvalid),
        ("bad checksum", changed(&[(25, 0x32)]), IpChecksumInvalid),
        (
            "TCP header of 16 bytes",
            changed(&[(46, 0x40)]),
            TransportHeaderInvalid,
        ),
        (
            "TCP header longer than the packet",
            changed(&[(46, 0x60)]),
            TransportHeaderInvalid,
        ),
        (
            "total length ends in the TCP header",
            changed(&[(17, 39), (25, 0x32)]),
            TransportHeaderInvalid,
        ),
    ];
    for (name, frame, reason) in cases {
        assert_eq!(parse(&frame, frame.len()), Err(reason), "{name}");
    }
}

#[test]
fn fragments_are_told_apart_from_whole_packets() {
    // More fragments, don't fragment off: 0x2000 in place of 0x4000 makes the checksum 0x2000 more.
    let first = hex(SYN.replace("4000 40 06 4e31", "2000 40 06 6e31").as_str());
    assert_eq!(v4(&first).transport, Transport::Fragment { protocol: 6 });
    let later = hex(SYN.replace("4000 40 06 4e31", "0001 40 06 8e30").as_str());
    assert_eq!(v4(&later).transport, Transport::Fragment { protocol: 6 });
}

#[test]
fn ipv6_extension_headers_are_walked() {
    let udp = "9c40 0035 0008 0000";
    let header = |next: &str, length: usize| {
        format!(
            "333300000001 02000000000a 86dd 60000000 {length:04x} {next} 40
             20010db8000000000000000000000007 20010db8010000000000000000000100"
        )
    };
    let cases = [
        ("none", header("11", 8), udp.to_owned(), 54, true),
        (
            "hop by hop, destination",
            header("00", 24),
            format!("3c00 010400000000 1100 010400000000 {udp}"),
            70,
            true,
        ),
        (
            "atomic fragment",
            header("2c", 16),
            format!("1100 0000 00000001 {udp}"),
            62,
            true,
        ),
        (
            "first fragment",
            header("2c", 16),
            format!("1100 0001 00000001 {udp}"),
            62,
            false,
        ),
    ];
    for (name, ip, rest, transport_offset, whole) in cases {
        let datagram = v6(&hex(&(ip + &rest)));
        assert_eq!(datagram.transport_offset, transport_offset, "{name}");
        let expected = if whole {
            Transport::Udp {
                source_port: 40_000,
                destination_port: 53,
            }
        } else {
            Transport::Fragment { protocol: 17 }
        };
        assert_eq!(datagram.transport, expected, "{name}");
    }
    let endless = header("00", 80) + &"0000 010400000000".repeat(10);
    let frame = hex(&endless);
    assert_eq!(parse(&frame, frame.len()), Err(DropReason::IpExtensionInvalid));
}

#[test]
fn arp_request_becomes_its_reply() {
    let mut frame = hex("
        ffffffffffff 02000000000a 0806 0001 0800 06 04 0001
        02000000000a c6336407 000000000000 c0000264");
    let Content::Arp(arp) = parse(&frame, frame.len()).unwrap().content else {
        panic!()
    };
    let expected = Arp {
        operation: ArpOperation::Request,
        sender_mac: MacAddress([2, 0, 0, 0, 0, 10]),
        sender: OUTSIDE.source,
        target: OUTSIDE.destination,
    };
    assert_eq!(arp, expected);
    assert_eq!(reply::arp(&mut frame, MacAddress([2, 0, 0, 0, 0, 1])), Some(42));
    let reply = hex("
        02000000000a 020000000001 0806 0001 0800 06 04 0002
        020000000001 c0000264 02000000000a c6336407");
    assert_eq!(frame, reply);
}

#[test]
fn solicitation_becomes_its_advertisement() {
    let (mac, asker) = (MacAddress([2, 0, 0, 0, 0, 1]), MacAddress([2, 0, 0, 0, 0, 10]));
    let target: Ipv6Addr = "2001:db8:100::100".parse().unwrap();
    let mut frame = build::neighbor_solicitation(asker, "2001:db8::7".parse().unwrap(), target);
    let datagram = v6(&frame);
    assert_eq!(datagram.transport, Transport::NeighborSolicitation { target });
    assert_eq!(
        reply::neighbor_advertisement(&mut frame, &datagram, target, mac),
        Some(86)
    );
    let expected = hex("
        02000000000a 020000000001 86dd 60000000 0020 3a ff
        20010db8010000000000000000000100 20010db8000000000000000000000007
        88 00");
    assert_eq!(frame[..56], expected);
    assert_eq!(
        frame[58..],
        hex("60000000 20010db8010000000000000000000100 0201 020000000001")
    );
    build::verify_checksums(&frame).unwrap();
}

#[test]
fn solicitation_that_crossed_a_router_or_is_corrupt_is_refused() {
    let target = "2001:db8:100::100".parse().unwrap();
    let good = build::neighbor_solicitation(MacAddress([2; 6]), "2001:db8::7".parse().unwrap(), target);
    for (offset, value) in [(21, 254), (55, 1), (56, 0xff), (79, 0)] {
        let mut frame = good.clone();
        frame[offset] = value;
        assert_eq!(
            parse(&frame, frame.len()),
            Err(DropReason::NeighborMessageInvalid),
            "byte {offset}"
        );
    }
}

#[test]
fn segments_of_no_connection_are_reset_as_rfc_9293_says() {
    let ends = build::Ends {
        source_mac: MacAddress([2; 6]),
        destination_mac: MacAddress([4; 6]),
        tuple: OUTSIDE,
    };
    let numbers = build::TcpNumbers {
        sequence: 1_000,
        acknowledgement: 5_000,
    };
    let syn_fin = TcpFlags(TcpFlags::SYN.0 | TcpFlags::FIN.0);
    let rst_ack = TcpFlags(TcpFlags::RST.0 | TcpFlags::ACK.0);
    let cases = [
        (TcpFlags::SYN, &b""[..], Some((rst_ack, 0, 1_001))),
        (syn_fin, b"abc", Some((rst_ack, 0, 1_005))),
        (TcpFlags::ACK, b"abc", Some((TcpFlags::RST, 5_000, 0))),
        (TcpFlags::RST, b"", None),
    ];
    for (flags, payload, expected) in cases {
        let mut frame = build::tcp(&ends, flags, numbers, payload);
        let datagram = v4(&frame);
        let length = reply::tcp_reset(&mut frame, &datagram);
        assert_eq!(length, expected.map(|_| 54));
        let Some((flags, sequence, acknowledgement)) = expected else {
            continue;
        };
        frame.truncate(54);
        build::verify_checksums(&frame).unwrap();
        let answer = v4(&frame);
        assert_eq!(
            (answer.source, answer.destination),
            (OUTSIDE.destination, OUTSIDE.source)
        );
        assert_eq!(
            answer.transport,
            Transport::Tcp {
                source_port: 80,
                destination_port: 40_000,
                flags
            }
        );
        assert_eq!(frame[38..42], u32::to_be_bytes(sequence));
        assert_eq!(frame[42..46], u32::to_be_bytes(acknowledgement));
    }
}
