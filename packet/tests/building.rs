//! Frames made from nothing, byte for byte.

mod common;

use common::*;
use model::MacAddress;
use packet::build::TcpNumbers;
use packet::{TcpFlags, build};

#[test]
fn announcements_are_what_neighbours_expect() {
    // RFC 5227 section 3: a broadcast request of an address for itself.
    let announcement = "ffffffffffff 020000000001 0806 0001 0800 0604 0001
        020000000001 c0000264 000000000000 c0000264 000000000000000000000000000000000000";
    assert_eq!(build::gratuitous_arp(UNIT_OUTSIDE, VIRTUAL_V4), hex(announcement));

    // RFC 4861 section 7.2.6: to all nodes, not solicited, overriding; another program computed the checksum.
    let announcement = "333300000001 020000000001 86dd
        60000000 0020 3a ff 20010db8010000000000000000000100 ff020000000000000000000000000001
        8800 f52c 20000000 20010db8010000000000000000000100 0201 020000000001";
    assert_eq!(build::unsolicited_neighbor_advertisement(UNIT_OUTSIDE, VIRTUAL_V6), hex(announcement));
}

#[test]
fn questions_are_what_neighbours_answer() {
    let request = "ffffffffffff 02000000000a 0806 0001 0800 0604 0001
        02000000000a c6336407 000000000000 c0000264 000000000000000000000000000000000000";
    assert_eq!(build::arp_request(ROUTER, CLIENT_V4, VIRTUAL_V4), hex(request));
    let reply = "02000000000a 020000000001 0806 0001 0800 0604 0002
        020000000001 c0000264 02000000000a c6336407 000000000000000000000000000000000000";
    assert_eq!(build::arp_reply(UNIT_OUTSIDE, VIRTUAL_V4, ROUTER, CLIENT_V4), hex(reply));

    let solicitation = "3333ff000100 02000000000a 86dd
        60000000 0020 3a ff 20010db8000000000000000000000007 ff0200000000000000000001ff000100
        8700 191c 00000000 20010db8010000000000000000000100 0101 02000000000a";
    assert_eq!(build::neighbor_solicitation(ROUTER, CLIENT_V6, VIRTUAL_V6), hex(solicitation));
    let probe = "3333ff000100 02000000000a 86dd
        60000000 0018 3a ff 00000000000000000000000000000000 ff0200000000000000000001ff000100
        8700 49ef 00000000 20010db8010000000000000000000100";
    let unspecified = std::net::Ipv6Addr::UNSPECIFIED;
    assert_eq!(build::neighbor_solicitation(ROUTER, unspecified, VIRTUAL_V6), hex(probe));
}

#[test]
fn packets_are_byte_for_byte_these() {
    let ends = build::Ends {
        source_mac: ROUTER,
        destination_mac: UNIT_OUTSIDE,
        tuple: tuple(CLIENT_V4, 40_000, VIRTUAL_V4, 80),
    };
    let numbers = TcpNumbers { sequence: 1, acknowledgement: 0 };
    let syn = "020000000001 02000000000a 0800 4500 0028 0000 4000 40 06 4e31 c6336407 c0000264
        9c40 0050 00000001 00000000 5002 ffff 26b2 0000";
    assert_eq!(build::tcp(&ends, TcpFlags::SYN, numbers, b""), hex(syn));
    let tagged = syn.replace("0800 4500", "8100 600a 0800 4500");
    assert_eq!(build::tagged(&hex(syn), 0x600a), hex(&tagged));
    let fragment = "020000000001 02000000000a 0800 4500 0018 0000 20b9 40 11 6d7d c6336407 c0000264 61626364";
    assert_eq!(build::fragment(&ends, 17, 185, true, b"abcd"), hex(fragment));
}

#[test]
fn a_udp_checksum_of_zero_is_written_as_the_other_zero() {
    let ends = build::Ends {
        source_mac: MacAddress::default(),
        destination_mac: MacAddress::default(),
        tuple: tuple(CLIENT_V4, 40_000, VIRTUAL_V4, 53),
    };
    let frame = build::udp(&ends, &[0, 0]);
    let balanced = build::udp(&ends, &frame[40..42]);
    assert_eq!(balanced[40..42], [0xff, 0xff]);
    build::verify_checksums(&balanced).unwrap();
}
