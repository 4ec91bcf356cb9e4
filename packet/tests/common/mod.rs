//! Frames as people read them, and checksums computed the slow way.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses a part, and a wrong test may panic")]

use std::net::{Ipv4Addr, Ipv6Addr};

use model::{MacAddress, Protocol};
use packet::build::Ends;
use packet::{Address, Content, Datagram, InPlace, Layout, Tcp, Translation, Tuple, Udp, parse};

pub(crate) const ROUTER: MacAddress = MacAddress([2, 0, 0, 0, 0, 0x0a]);
pub(crate) const SERVER: MacAddress = MacAddress([2, 0, 0, 0, 0, 0x0b]);
pub(crate) const UNIT_OUTSIDE: MacAddress = MacAddress([2, 0, 0, 0, 0, 0x01]);
pub(crate) const UNIT_INSIDE: MacAddress = MacAddress([2, 0, 0, 0, 0, 0x02]);

pub(crate) const CLIENT_V4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
pub(crate) const VIRTUAL_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 100);
pub(crate) const REAL_V4: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 11);
pub(crate) const ROUTER_V4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
pub(crate) const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7);
pub(crate) const VIRTUAL_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x100, 0, 0, 0, 0, 0x100);
pub(crate) const REAL_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x11);
pub(crate) const ROUTER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x99, 0, 0, 0, 0, 9);

/// Bytes in hexadecimal; spaces and line ends are free.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

pub(crate) fn tuple<A>(source: A, source_port: u16, destination: A, destination_port: u16) -> Tuple<A> {
    Tuple { source, source_port, destination, destination_port }
}

/// The ends of a frame from the router outside.
pub(crate) fn ends<A>(tuple: Tuple<A>) -> Ends<A> {
    Ends { source_mac: ROUTER, destination_mac: UNIT_OUTSIDE, tuple }
}

/// What the tests need to do the same for both versions of IP.
pub(crate) trait Version: Address {
    /// The datagram of a frame that is right.
    fn datagram(frame: &[u8]) -> Datagram<Self>;

    /// Sets the hop limit of an untagged frame, and computes the header checksum anew.
    fn set_hop_limit(frame: &mut [u8], hop_limit: u8);
}

impl Version for Ipv4Addr {
    fn datagram(frame: &[u8]) -> Datagram<Self> {
        match parse(frame, frame.len()).unwrap().content {
            Content::Ipv4(datagram) => datagram,
            other => panic!("{other:?}"),
        }
    }

    fn set_hop_limit(frame: &mut [u8], hop_limit: u8) {
        frame[22] = hop_limit;
        fix_header(frame);
    }
}

impl Version for Ipv6Addr {
    fn datagram(frame: &[u8]) -> Datagram<Self> {
        match parse(frame, frame.len()).unwrap().content {
            Content::Ipv6(datagram) => datagram,
            other => panic!("{other:?}"),
        }
    }

    fn set_hop_limit(frame: &mut [u8], hop_limit: u8) {
        frame[21] = hop_limit;
    }
}

/// Computes the IPv4 header checksum of an untagged frame anew.
pub(crate) fn fix_header(frame: &mut [u8]) {
    let length = usize::from(frame[14] & 0x0f) * 4;
    frame[24..26].fill(0);
    let checksum = checksum(&frame[14..14 + length]);
    frame[24..26].copy_from_slice(&checksum.to_be_bytes());
}

/// RFC 1071, word by word.
pub(crate) fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for word in bytes.chunks(2) {
        sum += u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0));
        if sum > 0xffff {
            sum -= 0xffff;
        }
    }
    !u16::try_from(sum).unwrap()
}

/// Translates a packet in place, as far as it is all there.
pub(crate) fn translate<A: Address>(frame: &mut [u8], layout: Layout, translation: &Translation<A>) {
    let offset = layout.transport_offset;
    match layout.protocol {
        Protocol::Tcp => InPlace::<A, Tcp>::cut(frame, offset).map(|mut it| it.translate(translation)),
        Protocol::Udp => InPlace::<A, Udp>::cut(frame, offset).map(|mut it| it.translate(translation)),
    };
}
