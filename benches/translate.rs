//! The stages of a shard on prepared batches, against the stateless swap of the same headers: both in one run, one
//! thread, 64-byte frames of established connections in shuffled order, no driver.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use arrayvec::ArrayVec;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use director::{
    Configuration, Frame, NextHopTable, Port, PortIndex, PortRole, Predictor, Route, Shard,
    ShardConfiguration, Steering, Unmatched, Verdict,
};
use model::limits::BATCH;
use model::{Instant, MacAddress};
use packet::build::{self, Ends, TcpNumbers};
use packet::{Content, Deltas, TcpFlags, Tuple};

const OUTSIDE: PortIndex = PortIndex(0);
const INSIDE: PortIndex = PortIndex(1);
const UNIT: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
const ROUTER: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);
const VIRTUAL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 100);
const NOW: Instant = Instant::from_millis(1_000);

/// A shard that has `connections` established connections, and a client's segment of each, shuffled.
fn loaded(connections: usize) -> (Shard, NextHopTable, Vec<Vec<u8>>) {
    let director = Configuration::builder()
        .real_server("10.1.0.11:80")
        .virtual_server("192.0.2.100:80", Predictor::RoundRobin)
        .bind("192.0.2.100:80", &["10.1.0.11:80"])
        .build()
        .expect("a good configuration");
    let port = |role| Port {
        mac: UNIT,
        role,
        unmatched: Unmatched::Kernel,
        mtu: 1_500,
        addresses: Vec::new(),
        bridge_to: None,
    };
    let mut shard = Shard::new(ShardConfiguration {
        director: Arc::new(director),
        ports: Arc::new([port(PortRole::Outside), port(PortRole::Inside)]),
        index: 0,
        steering: Steering::new(1),
        capacity: connections,
        hash_seed: 1,
    });
    let mut next_hops = NextHopTable::new(1);
    next_hops.add_route("10.1.0.0/16".parse().expect("a network"), Route { port: INSIDE, gateway: None });
    next_hops.add_neighbor(INSIDE, IpAddr::V4(Ipv4Addr::new(10, 1, 0, 11)), ROUTER);
    let mut clients: Vec<u32> = (0..u32::try_from(connections).expect("fits")).collect();
    for client in &clients {
        let mut syn = [segment(*client, TcpFlags::SYN)];
        assert_eq!(process(&mut shard, &next_hops, &mut syn)[0], Verdict::Forward { port: INSIDE });
    }
    shuffle(&mut clients);
    let segments = clients.iter().map(|&client| segment(client, TcpFlags::ACK)).collect();
    (shard, next_hops, segments)
}

fn segment(client: u32, flags: TcpFlags) -> Vec<u8> {
    let source = Ipv4Addr::from(0xc612_0000 + client / 1_024);
    let source_port = 1_024 + u16::try_from(client % 1_024).expect("fits");
    let tuple = Tuple { source, source_port, destination: VIRTUAL, destination_port: 80 };
    let ends = Ends { source_mac: ROUTER, destination_mac: UNIT, tuple };
    build::tcp(&ends, flags, TcpNumbers::default(), &[0; 6])
}

/// Fisher and Yates with a fixed seed: replaying connections in the order of their insertion would flatter the table.
fn shuffle(items: &mut [u32]) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for last in (1..items.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let other = usize::try_from(state >> 33).expect("31 bits") % (last + 1);
        items.swap(last, other);
    }
}

fn process(shard: &mut Shard, next_hops: &NextHopTable, packets: &mut [Vec<u8>]) -> ArrayVec<Verdict, BATCH> {
    let mut verdicts = ArrayVec::new();
    let mut frames: ArrayVec<Frame<'_>, BATCH> =
        packets.iter_mut().map(|bytes| Frame { length: bytes.len(), bytes, port: OUTSIDE }).collect();
    shard.process(NOW, next_hops, &mut frames, &mut verdicts);
    verdicts
}

/// The peer: parse, swap both ends, write the headers back.
fn swap(packets: &mut [Vec<u8>]) {
    for frame in packets {
        let Ok(packet) = packet::parse(frame, frame.len()) else { continue };
        let (Content::Ipv4(datagram), ethernet) = (packet.content, packet.ethernet) else { continue };
        let packet::Transport::Tcp { source_port, destination_port, .. } = datagram.transport else {
            continue;
        };
        let swapped = Tuple {
            source: datagram.destination,
            source_port: destination_port,
            destination: datagram.source,
            destination_port: source_port,
        };
        packet::translate(frame, &datagram, &swapped, Deltas::default());
        packet::set_ethernet(frame, ethernet.destination, ethernet.source);
    }
}

/// Frames are copied back into place before each pass, the same on both sides, as a translation changes them.
fn benchmark(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("translate");
    group.throughput(Throughput::Elements(BATCH as u64));
    for connections in [1_000, 100_000, 1_000_000] {
        let (mut shard, next_hops, segments) = loaded(connections);
        let mut work: Vec<Vec<u8>> = segments[..BATCH].to_vec();
        let mut batches = segments.chunks_exact(BATCH).cycle();
        let mut refill = |work: &mut [Vec<u8>]| {
            for (frame, original) in work.iter_mut().zip(batches.next().expect("endless")) {
                frame.copy_from_slice(original);
            }
        };
        group.bench_function(BenchmarkId::new("shard", connections), |bencher| {
            bencher.iter(|| {
                refill(&mut work);
                black_box(process(&mut shard, &next_hops, &mut work))
            });
        });
        group.bench_function(BenchmarkId::new("stateless swap", connections), |bencher| {
            bencher.iter(|| {
                refill(&mut work);
                swap(black_box(&mut work));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
