//! What is sent through the programs under test: segments of established TCP connections, in shuffled order.
//!
//! The same plan gives the same frames in every run.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use director::Steering;
use model::MacAddress;
use packet::build::{self, Ends, TcpNumbers};
use packet::{Address, TcpFlags, Tuple};

/// Where the clients' router is, outside.
pub(super) const ROUTER: MacAddress = MacAddress([2, 0, 0, 0, 0xaa, 1]);

/// The virtual servers' and the real servers' ports.
pub(super) const VIRTUAL_PORT: u16 = 80;
pub(super) const REAL_PORT: u16 = 8_080;

/// The shortest frame in a file: with its checksum, 64 bytes on the wire.
const SHORTEST: usize = 60;
/// Bytes of an Ethernet header and of a TCP header without options.
const ETHERNET: usize = 14;
const TCP: usize = 20;

/// Bytes of frames without their checksum, which take turns: "IMIX", of 64, 570 and 1,518 bytes on the wire, 7 : 4 : 1.
const IMIX: [usize; 12] = [60, 566, 60, 566, 60, 60, 1_514, 60, 566, 60, 566, 60];

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Version 4.
    Ipv4,
    /// Version 6.
    Ipv6,
}

/// How long frames are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lengths {
    /// As short as Ethernet, IP and TCP allow: 64 bytes on the wire with IPv4, 78 with IPv6.
    Shortest,
    /// 64, 570 and 1,518 bytes on the wire, 7 : 4 : 1.
    Imix,
    /// 1,518 bytes on the wire.
    Longest,
}

/// Which way frames go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// From clients to the virtual server.
    Inbound,
    /// From the first real server to clients.
    Outbound,
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traffic {
    pub(super) family: Family,
    pub(super) connections: u32,
    pub(super) lengths: Lengths,
}

/// Clients that only one worker owns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner {
    pub(super) steering: Steering,
    pub(super) worker: usize,
}

impl Traffic {
    /// One frame of each connection, in shuffled order, to the station `unit`. There are more of few connections, so
    /// that the frames' own memory is always at least that of a thousand.
    pub(super) fn frames(
        &self,
        direction: Direction,
        unit: MacAddress,
        owner: Option<Owner>,
    ) -> Vec<Vec<u8>> {
        const FEWEST: usize = 1_000;
        let clients = self.clients(owner);
        let repeated = FEWEST.div_ceil(clients.len().max(1)).max(1);
        let mut frames = Vec::with_capacity(clients.len() * repeated);
        for (number, client) in (0_usize..).zip(shuffled(clients).repeat(repeated)) {
            let wanted = match self.lengths {
                Lengths::Shortest => SHORTEST,
                Lengths::Imix => IMIX[number % IMIX.len()],
                Lengths::Longest => 1_514,
            };
            frames.push(match self.family {
                Family::Ipv4 => {
                    let client = (ipv4_client(client.0), client.1);
                    frame(direction, unit, client, (virtual_ipv4(), real_ipv4(1)), wanted, 20)
                }
                Family::Ipv6 => {
                    let client = (ipv6_client(client.0), client.1);
                    frame(direction, unit, client, (virtual_ipv6(), real_ipv6(1)), wanted, 40)
                }
            });
        }
        frames
    }

    /// The number of each connection's client address, and its port.
    fn clients(&self, owner: Option<Owner>) -> Vec<(u32, u16)> {
        let is_owned = |number: u32| {
            owner.is_none_or(|owner| {
                usize::from(owner.steering.owner(self.client_address(number))) == owner.worker
            })
        };
        // A client address has one connection, until all addresses have one.
        let addresses = (0..CLIENTS).filter(|&number| is_owned(number));
        let ports = FIRST_CLIENT_PORT..u16::MAX;
        let all = ports.flat_map(|port| addresses.clone().map(move |number| (number, port)));
        all.take(self.connections as usize).collect()
    }

    fn client_address(&self, number: u32) -> IpAddr {
        match self.family {
            Family::Ipv4 => ipv4_client(number).into(),
            Family::Ipv6 => ipv6_client(number).into(),
        }
    }
}

/// Client addresses that are used.
const CLIENTS: u32 = 65_536;
const FIRST_CLIENT_PORT: u16 = 1_024;

/// Clients are in the networks that benchmarks have for themselves (RFC 2544 appendix C.2.2, RFC 5180 section 8).
pub(super) const CLIENT_NETWORKS: [&str; 2] = ["198.18.0.0/15", "2001:2::/48"];

fn ipv4_client(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(198, 18, 0, 0).to_bits() + number)
}

fn ipv6_client(number: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0).to_bits() + u128::from(number))
}

pub(super) const fn virtual_ipv4() -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, 100)
}

pub(super) const fn virtual_ipv6() -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0x100, 0, 0, 0, 0, 0x100)
}

/// The real servers, numbered from 1.
pub(super) fn real_ipv4(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 1, 0, 10 + number)
}

pub(super) fn real_ipv6(number: u8) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0x10 + u16::from(number))
}

/// The station of a real server.
pub(super) const fn real_mac(number: u8) -> MacAddress {
    MacAddress([2, 0, 0, 0, 0xbb, number])
}

/// A segment of the connection from `client` to the virtual server, as it is seen inside or outside.
fn frame<A: Address>(
    direction: Direction,
    unit: MacAddress,
    client: (A, u16),
    (virtual_address, real): (A, A),
    wanted: usize,
    ip_header: usize,
) -> Vec<u8> {
    let (source_mac, tuple) = match direction {
        Direction::Inbound => (
            ROUTER,
            Tuple {
                source: client.0,
                source_port: client.1,
                destination: virtual_address,
                destination_port: VIRTUAL_PORT,
            },
        ),
        Direction::Outbound => (
            real_mac(1),
            Tuple { source: real, source_port: REAL_PORT, destination: client.0, destination_port: client.1 },
        ),
    };
    // The shortest frames carry no data, and padding where Ethernet demands it.
    let payload = if wanted == SHORTEST { 0 } else { wanted - (ETHERNET + ip_header + TCP) };
    let ends = Ends { source_mac, destination_mac: unit, tuple };
    let numbers = TcpNumbers { sequence: 1, acknowledgement: 1 };
    let mut frame = build::tcp(&ends, TcpFlags::ACK, numbers, &vec![0x55; payload]);
    frame.resize(frame.len().max(SHORTEST), 0);
    frame
}

/// The same in an order that is always the same (Fisher and Yates; the numbers are Marsaglia's xorshift).
fn shuffled<T>(mut all: Vec<T>) -> Vec<T> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    for last in (1..all.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let chosen = state % (last as u64 + 1);
        all.swap(last, usize::try_from(chosen).unwrap_or(last));
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const UNIT: MacAddress = MacAddress([2, 0x70, 0x63, 0x61, 0x70, 0]);

    fn traffic(family: Family, connections: u32, lengths: Lengths) -> Traffic {
        Traffic { family, connections, lengths }
    }

    #[test]
    fn each_connection_has_one_frame_with_right_checksums() {
        for (family, connections, length) in
            [(Family::Ipv4, 1_000, 60), (Family::Ipv4, 70_000, 60), (Family::Ipv6, 2_000, 74)]
        {
            for direction in [Direction::Inbound, Direction::Outbound] {
                let frames = traffic(family, connections, Lengths::Shortest).frames(direction, UNIT, None);
                assert_eq!(frames.len(), connections as usize);
                assert_eq!(frames.iter().collect::<HashSet<_>>().len(), frames.len(), "no two are the same");
                for frame in frames.iter().step_by(97) {
                    assert_eq!((frame.len(), &frame[..6]), (length, &UNIT.0[..]));
                    build::verify_checksums(frame).unwrap();
                }
            }
        }
    }

    #[test]
    fn the_order_is_shuffled_and_always_the_same() {
        let traffic = traffic(Family::Ipv4, 1_000, Lengths::Shortest);
        let frames = traffic.frames(Direction::Inbound, UNIT, None);
        let mut sorted = frames.clone();
        sorted.sort();
        assert_ne!(frames, sorted);
        assert_eq!(frames, traffic.frames(Direction::Inbound, UNIT, None));
    }

    #[test]
    fn lengths_are_those_of_the_wire_without_their_checksum() {
        let count = |lengths, wanted: usize| {
            let frames = traffic(Family::Ipv4, 1_200, lengths).frames(Direction::Inbound, UNIT, None);
            frames.iter().filter(|frame| frame.len() == wanted).count()
        };
        assert_eq!([60, 566, 1_514].map(|length| count(Lengths::Imix, length)), [700, 400, 100]);
        assert_eq!(count(Lengths::Longest, 1_514), 1_200);
        assert_eq!(count(Lengths::Shortest, 60), 1_200);
    }

    #[test]
    fn one_connection_has_many_frames() {
        let frames = traffic(Family::Ipv4, 1, Lengths::Shortest).frames(Direction::Inbound, UNIT, None);
        assert_eq!(frames.len(), 1_000);
        assert!(frames.iter().all(|frame| *frame == frames[0]));
    }

    #[test]
    fn workers_share_no_clients() {
        let traffic = traffic(Family::Ipv4, 3_000, Lengths::Shortest);
        let steering = Steering::new(2);
        let of = |worker| traffic.frames(Direction::Inbound, UNIT, Some(Owner { steering, worker }));
        let (first, second) = (of(0), of(1));
        assert_eq!((first.len(), second.len()), (3_000, 3_000));
        for (worker, frames) in [(0, &first), (1, &second)] {
            for frame in frames {
                let source: [u8; 4] = frame[26..30].try_into().unwrap();
                assert_eq!(steering.owner(source), worker);
            }
        }
    }
}
