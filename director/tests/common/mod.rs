//! A shard on the bench: packets go in as bytes, verdicts and bytes come out, and the books are balanced.
#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod pair;
pub(crate) mod pair_stories;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use arrayvec::ArrayVec;
use director::{
    Configuration, ConnectionFilter, ConnectionSummary, Cursor, Frame, NextHopTable, Numbering, Port,
    PortIndex, PortRole, ReplicationSettings, Route, Shard, ShardConfiguration, Shared, Steering, Unmatched,
    Verdict,
};
use model::limits::BATCH;
use model::{Instant, MacAddress, UnitState};
use packet::build::{self, Ends, TcpNumbers};
use packet::{Address, Datagram, TcpFlags, Tuple};

pub(crate) const OUTSIDE: PortIndex = PortIndex(0);
pub(crate) const INSIDE: PortIndex = PortIndex(1);

pub(crate) const UNIT_OUTSIDE: MacAddress = MacAddress([0x02, 0, 0, 0, 0, 0x01]);
pub(crate) const UNIT_INSIDE: MacAddress = MacAddress([0x02, 0, 0, 0, 0, 0x02]);
pub(crate) const ROUTER: MacAddress = MacAddress([0x02, 0, 0, 0, 0, 0x0a]);
pub(crate) const SERVER: MacAddress = MacAddress([0x02, 0, 0, 0, 0, 0x0b]);

/// What became of the packets so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Books {
    pub(crate) received: u64,
    pub(crate) forwarded: u64,
    pub(crate) answered: u64,
    pub(crate) to_kernel: u64,
    pub(crate) handed_over: u64,
    pub(crate) held: u64,
    pub(crate) dropped: u64,
}

/// One shard, with clients behind a router outside and real servers 10.1.0.0/16 and 2001:db8:1::/64 inside.
pub(crate) struct Bench {
    pub(crate) shard: Shard,
    pub(crate) next_hops: NextHopTable,
    pub(crate) now: Instant,
    pub(crate) books: Books,
    /// What the shard was made of, with the configuration that it has now.
    pub(crate) settings: ShardConfiguration,
    numbering: Numbering,
}

#[derive(Clone, Copy)]
pub(crate) struct Options {
    pub(crate) capacity: usize,
    pub(crate) shards: usize,
    pub(crate) index: usize,
    pub(crate) replication: Option<ReplicationSettings>,
    pub(crate) state: UnitState,
    pub(crate) unmatched: Unmatched,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            capacity: 1_000,
            shards: 1,
            index: 0,
            replication: None,
            state: UnitState::Active,
            unmatched: Unmatched::Kernel,
        }
    }
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn ports(unmatched: Unmatched) -> Arc<[Port]> {
    let port = |mac, role, address: &str, bridge_to| Port {
        mac,
        unit_mac: mac,
        role,
        unmatched,
        mtu: 1_500,
        addresses: vec![ip(address)],
        shared_addresses: Vec::new(),
        bridge_to: Some(bridge_to),
    };
    Arc::new([
        port(UNIT_OUTSIDE, PortRole::Outside, "198.51.100.1", INSIDE),
        port(UNIT_INSIDE, PortRole::Inside, "10.1.0.1", OUTSIDE),
    ])
}

pub(crate) fn next_hops() -> NextHopTable {
    let mut table = NextHopTable::new(1);
    let gateway = |address| Route { port: OUTSIDE, gateway: Some(ip(address)) };
    table.add_route("0.0.0.0/0".parse().unwrap(), gateway("198.51.100.254"));
    table.add_route("::/0".parse().unwrap(), gateway("fe80::254"));
    table.add_route("10.1.0.0/16".parse().unwrap(), Route { port: INSIDE, gateway: None });
    table.add_route("2001:db8:1::/64".parse().unwrap(), Route { port: INSIDE, gateway: None });
    table.add_neighbor(OUTSIDE, ip("198.51.100.254"), ROUTER);
    table.add_neighbor(OUTSIDE, ip("fe80::254"), ROUTER);
    for last in 11..=20 {
        table.add_neighbor(INSIDE, ip(&format!("10.1.0.{last}")), SERVER);
        table.add_neighbor(INSIDE, ip(&format!("2001:db8:1::{last}")), SERVER);
    }
    table
}

impl Bench {
    pub(crate) fn new(configuration: Configuration) -> Self {
        Self::with(configuration, Options::default())
    }

    pub(crate) fn with(configuration: Configuration, options: Options) -> Self {
        Self::beside(configuration, options, Arc::default())
    }

    /// One of several shards of a unit.
    pub(crate) fn beside(configuration: Configuration, options: Options, shared: Arc<Shared>) -> Self {
        Self::of(ShardConfiguration {
            director: Arc::new(configuration),
            shared,
            ports: ports(options.unmatched),
            index: options.index,
            steering: Steering::new(options.shards),
            capacity: options.capacity,
            hash_seed: 1,
            replication: options.replication,
            state: options.state,
        })
    }

    pub(crate) fn of(settings: ShardConfiguration) -> Self {
        Self {
            shard: Shard::new(settings.clone()),
            next_hops: next_hops(),
            now: Instant::from_millis(1_000),
            books: Books::default(),
            numbering: Numbering::of(&settings.director),
            settings,
        }
    }

    /// Has another configuration apply from now on.
    pub(crate) fn reconfigure(&mut self, next: Configuration) {
        let counters = self.shard.counters();
        let is_vacant = |number| director::is_vacant(std::iter::once(&*counters), number);
        let next = Arc::new(self.numbering.number(next, is_vacant).unwrap());
        self.settings.shared.follow(&self.settings.director, &next);
        self.shard.reconfigure(self.now, self.settings.plan(&next));
        self.settings.director = next;
    }

    /// Processes frames as one batch.
    pub(crate) fn batch(&mut self, port: PortIndex, packets: &mut [Vec<u8>]) -> Vec<Verdict> {
        let mut frames: Vec<_> = packets
            .iter_mut()
            .map(|bytes| Frame { length: bytes.len(), bytes: bytes.as_mut_slice(), port })
            .collect();
        let mut verdicts = ArrayVec::<_, BATCH>::new();
        self.shard.process(self.now, &self.next_hops, &mut frames, &mut verdicts);
        assert_eq!(verdicts.len(), packets.len(), "each frame gets one verdict");
        for (verdict, bytes) in verdicts.iter_mut().zip(packets.iter_mut()) {
            if *verdict == Verdict::AnswerNeighbor {
                let frame = &mut Frame { length: bytes.len(), bytes: bytes.as_mut_slice(), port };
                *verdict = self.shard.answer_neighbor(frame);
            }
        }
        for verdict in &verdicts {
            self.books.enter(*verdict);
        }
        verdicts.to_vec()
    }

    pub(crate) fn send(&mut self, port: PortIndex, packet: Vec<u8>) -> (Verdict, Vec<u8>) {
        let mut packets = [packet];
        let verdict = self.batch(port, &mut packets)[0];
        let [mut packet] = packets;
        if let Verdict::Answer { length } = verdict {
            packet.truncate(length as usize);
        }
        if matches!(verdict, Verdict::Forward { .. } | Verdict::Answer { .. }) {
            build::verify_checksums(&packet).unwrap();
        }
        (verdict, packet)
    }

    pub(crate) fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
        // Twice the table: the sweep may be anywhere in it.
        self.shard.expire(self.now, 2 * self.shard.slots().max(1));
        self.shard.expire(self.now, 2 * self.shard.slots().max(1));
    }

    pub(crate) fn connections(&self) -> Vec<ConnectionSummary> {
        self.list(&ConnectionFilter::default())
    }

    pub(crate) fn list(&self, filter: &ConnectionFilter) -> Vec<ConnectionSummary> {
        let mut all = Vec::new();
        let mut cursor = Some(Cursor::default());
        while let Some(from) = cursor {
            let mut page = ArrayVec::<_, 7>::new();
            cursor = self.shard.list(self.now, from, filter, &mut page);
            all.extend(page);
        }
        all
    }

    /// What must hold at the end of every test.
    pub(crate) fn check(&self) {
        let books = &self.books;
        let ended = books.forwarded
            + books.answered
            + books.to_kernel
            + books.handed_over
            + books.held
            + books.dropped;
        assert_eq!(books.received, ended);
        let counters = self.shard.counters();
        assert_eq!(counters.connections(), self.shard.connections() as u64);
        assert_eq!(self.connections().len(), self.shard.connections());
        let translated: u64 = counters
            .bindings
            .iter()
            .map(|binding| binding.inbound_packets.read() + binding.outbound_packets.read())
            .sum();
        assert!(translated <= books.forwarded);
    }
}

impl Books {
    fn enter(&mut self, verdict: Verdict) {
        self.received += 1;
        match verdict {
            Verdict::Forward { .. } | Verdict::Flood { .. } => self.forwarded += 1,
            Verdict::Answer { .. } => self.answered += 1,
            Verdict::Kernel => self.to_kernel += 1,
            Verdict::HandOver { .. } => self.handed_over += 1,
            Verdict::Hold { .. } => self.held += 1,
            Verdict::Drop(_) => self.dropped += 1,
            Verdict::AnswerNeighbor => panic!("the bench answers these itself"),
        }
    }
}

pub(crate) fn v4(
    source: &str,
    source_port: u16,
    destination: &str,
    destination_port: u16,
) -> Tuple<Ipv4Addr> {
    Tuple {
        source: source.parse().unwrap(),
        source_port,
        destination: destination.parse().unwrap(),
        destination_port,
    }
}

pub(crate) fn v6(
    source: &str,
    source_port: u16,
    destination: &str,
    destination_port: u16,
) -> Tuple<Ipv6Addr> {
    Tuple {
        source: source.parse().unwrap(),
        source_port,
        destination: destination.parse().unwrap(),
        destination_port,
    }
}

/// The stations of a frame that arrives on `port`.
fn ends<A>(port: PortIndex, tuple: Tuple<A>) -> Ends<A> {
    let (source_mac, destination_mac) =
        if port == OUTSIDE { (ROUTER, UNIT_OUTSIDE) } else { (SERVER, UNIT_INSIDE) };
    Ends { source_mac, destination_mac, tuple }
}

pub(crate) fn tcp<A: Address>(port: PortIndex, tuple: Tuple<A>, flags: TcpFlags) -> Vec<u8> {
    build::tcp(&ends(port, tuple), flags, TcpNumbers { sequence: 1, acknowledgement: 1 }, b"")
}

pub(crate) fn udp<A: Address>(port: PortIndex, tuple: Tuple<A>, payload: &[u8]) -> Vec<u8> {
    build::udp(&ends(port, tuple), payload)
}

pub(crate) fn echo<A: Address>(port: PortIndex, tuple: Tuple<A>) -> Vec<u8> {
    build::echo_request(&ends(port, tuple), b"ping")
}

/// An ICMP error of `kind` about `about`, a frame.
pub(crate) fn icmp_error<A: Address>(port: PortIndex, tuple: Tuple<A>, kind: u8, about: &[u8]) -> Vec<u8> {
    build::icmp(&ends(port, tuple), kind, 0, 0, &about[14..])
}

pub(crate) fn ip_packet<A: Address>(port: PortIndex, tuple: Tuple<A>, protocol: u8) -> Vec<u8> {
    build::ip(&ends(port, tuple), protocol, b"payload")
}

pub(crate) fn reversed<A>(tuple: Tuple<A>) -> Tuple<A> {
    Tuple {
        source: tuple.destination,
        source_port: tuple.destination_port,
        destination: tuple.source,
        destination_port: tuple.source_port,
    }
}

/// The ends of a TCP or UDP frame.
pub(crate) fn tuple_of(frame: &[u8]) -> (IpAddr, u16, IpAddr, u16) {
    fn ends<A: Address>(datagram: Datagram<A>) -> (IpAddr, u16, IpAddr, u16) {
        let (source_port, destination_port) = match datagram.transport {
            packet::Transport::Tcp { source_port, destination_port, .. }
            | packet::Transport::Udp { source_port, destination_port } => (source_port, destination_port),
            other => panic!("{other:?}"),
        };
        (datagram.source.into(), source_port, datagram.destination.into(), destination_port)
    }
    match packet::parse(frame, frame.len()).unwrap().content {
        packet::Content::Ipv4(datagram) => ends(datagram),
        packet::Content::Ipv6(datagram) => ends(datagram),
        other => panic!("{other:?}"),
    }
}
