//! What one replication core sends, and takes, in a second.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use appliance::{Path, RECEIVED_BYTES};
use dpdk::clock::cycles;
use model::limits::UPDATE_RING;
use model::{ConnectionEnds, ConnectionRecord, Endpoint, Phase, Protocol};
use model::{ShardOrder, ShardReport, UnitState, Update};
use rtrb::RingBuffer;

use super::cable::Cable;
use super::core::{Core, PATIENCE};
use super::error::ReplicationError;
use super::side_by_side;
use crate::clock::{self, cycles_per_second};
use crate::graph::Effort;
use crate::graph::figures::value;
use crate::report::{Figure, Goal};
use crate::rounds::as_f64;

/// Reports taken from a worker at once.
const REPORTS_AT_ONCE: usize = 512;

/// Records that may be on their way: nothing is to fall out of the history.
const MOST_ON_THE_WAY: u64 = 150_000;

/// Bytes of IPv4 and UDP before a datagram.
const HEADERS: u64 = 28;

/// The plain datagrams: as long as the cores' are, with so many records.
const DATAGRAM: [u8; 1_472] = [0; 1_472];
const RECORDS_IN_DATAGRAM: u64 = 54;
const DATAGRAMS_ON_THE_WAY: u64 = 2_000;

/// Plain datagrams between two flushes, about as many as a core has when it is busy.
const PLAIN_AT_ONCE: u64 = 8;

/// What a side needed for its part.
struct Spent {
    cycles: u64,
    /// Bytes on the wire, addresses and all.
    bytes: u64,
}

pub(super) fn run(effort: Effort) -> Result<Vec<Figure>, ReplicationError> {
    let records = u64::from(effort.connections());
    let hertz = cycles_per_second();
    let mut cable = Cable::new()?;
    let ((sent, wall), received) = side_by_side(
        |stop| send(&mut cable.active, records, stop),
        |stop| receive(&mut cable.standby, stop),
    )?;
    let datagrams = records / RECORDS_IN_DATAGRAM;
    let arrived = AtomicU64::new(0);
    let (plain_sent, plain_received) = side_by_side(
        |stop| send_plain(&mut cable.active, datagrams, &arrived, stop),
        |stop| receive_plain(&mut cable.standby, datagrams, &arrived, stop),
    )?;
    let rate = |cycles: u64| as_f64(records) * hertz / as_f64(cycles);
    let of_plain = |cycles| rate(cycles) * as_f64(datagrams * RECORDS_IN_DATAGRAM) / as_f64(records);
    let unit = "records per second";
    let figure = |name: &str, figure, goal| value(format!("replication/{name}"), unit, figure, goal);
    let per_create = as_f64(sent.bytes) / as_f64(records);
    Ok(vec![
        figure("out", rate(sent.cycles), Some(Goal::AtLeast(5e6))),
        figure("in", rate(received.cycles), Some(Goal::AtLeast(3e6))),
        figure("out, plain datagrams", of_plain(plain_sent), None),
        figure("in, plain datagrams", of_plain(plain_received), None),
        figure("from one to the other", as_f64(records) / wall, None),
        value(
            "replication/ipv4 create".to_owned(),
            "bytes on the wire",
            per_create,
            Some(Goal::AtMost(40.0)),
        ),
    ])
}

fn send(path: &mut Path, records: u64, stop: &AtomicBool) -> Result<(Spent, f64), ReplicationError> {
    let mut core = Core::new(path, UnitState::Active, 0);
    let (mut worker, mut reports) = RingBuffer::new(UPDATE_RING);
    let deadline = clock::now() + PATIENCE;
    while !core.replicator.wants_updates() {
        in_time(deadline, "a session")?;
        let now = core.now();
        core.receive(now);
        core.transmit(now);
    }
    let (mut told, mut spent, started) = (0, 0, clock::now());
    let before = wire_bytes(&core);
    loop {
        let on_the_way = core.replicator.status(core.now()).lag_updates;
        if told == records && on_the_way == 0 || stop.load(Ordering::Relaxed) {
            break;
        }
        in_time(deadline, "all records to be acknowledged")?;
        if on_the_way < MOST_ON_THE_WAY {
            for _ in 0..REPORTS_AT_ONCE.min(usize::try_from(records - told).unwrap_or(usize::MAX)) {
                let _ = worker.push(ShardReport::Update(Update::Create(record(told))));
                told += 1;
            }
        }
        let start = cycles();
        let now = core.now();
        let mut any = false;
        while let Ok(report) = reports.pop() {
            core.replicator.report(now, 0, report);
            any = true;
        }
        any |= core.receive(now);
        while core.replicator.poll_order().is_some() {}
        any |= core.transmit(now);
        spent += if any { cycles() - start } else { 0 };
    }
    let bytes = wire_bytes(&core) - before;
    Ok((Spent { cycles: spent, bytes }, started.elapsed().as_secs_f64()))
}

fn receive(path: &mut Path, stop: &AtomicBool) -> Result<Spent, ReplicationError> {
    let mut core = Core::new(path, UnitState::Standby, 0);
    let (mut orders, mut worker) = RingBuffer::<ShardOrder>::new(UPDATE_RING);
    let mut spent = 0;
    while !stop.load(Ordering::Relaxed) {
        let start = cycles();
        let now = core.now();
        let mut any = core.receive(now);
        while !orders.is_full()
            && let Some(order) = core.replicator.poll_order()
        {
            let _ = orders.push(order);
            any = true;
        }
        any |= core.transmit(now);
        spent += if any { cycles() - start } else { 0 };
        while worker.pop().is_ok() {}
    }
    Ok(Spent { cycles: spent, bytes: wire_bytes(&core) })
}

fn send_plain(
    path: &mut Path,
    datagrams: u64,
    arrived: &AtomicU64,
    stop: &AtomicBool,
) -> Result<u64, ReplicationError> {
    let (mut sent, mut spent) = (0, 0);
    let deadline = clock::now() + PATIENCE;
    while sent < datagrams && !stop.load(Ordering::Relaxed) {
        in_time(deadline, "plain datagrams")?;
        if sent - arrived.load(Ordering::Relaxed) < DATAGRAMS_ON_THE_WAY {
            let start = cycles();
            path.send(&DATAGRAM);
            sent += 1;
            if sent.is_multiple_of(PLAIN_AT_ONCE) || sent == datagrams {
                path.flush();
            }
            spent += cycles() - start;
        }
    }
    // The other side ends when it has all.
    while arrived.load(Ordering::Relaxed) < datagrams && !stop.load(Ordering::Relaxed) {
        in_time(deadline, "plain datagrams")?;
    }
    Ok(spent)
}

fn receive_plain(
    path: &mut Path,
    datagrams: u64,
    arrived: &AtomicU64,
    stop: &AtomicBool,
) -> Result<u64, ReplicationError> {
    let (mut received, mut spent, mut buffer) = (0, 0, vec![0; RECEIVED_BYTES]);
    while received < datagrams && !stop.load(Ordering::Relaxed) {
        let start = cycles();
        if let Some(datagrams) = path.receive(&mut buffer) {
            received += datagrams.filter(|datagram| datagram.len() == DATAGRAM.len()).count() as u64;
            spent += cycles() - start;
            arrived.store(received, Ordering::Relaxed);
        }
    }
    Ok(spent)
}

fn in_time(deadline: std::time::Instant, what: &'static str) -> Result<(), ReplicationError> {
    if clock::now() < deadline { Ok(()) } else { Err(ReplicationError::InVain(what)) }
}

fn wire_bytes(core: &Core<'_>) -> u64 {
    let status = core.replicator.status(core.now());
    status.paths.iter().map(|path| path.bytes_sent + HEADERS * path.datagrams_sent).sum()
}

/// A record of a connection that is different for each number.
fn record(number: u64) -> ConnectionRecord {
    let [.., b, c, d, high, low] = number.to_be_bytes();
    let end = |address: [u8; 4], port| Endpoint::new(IpAddr::V4(Ipv4Addr::from(address)), port);
    let client = end([10, b, c, d], u16::from_be_bytes([high, low]));
    ConnectionRecord {
        ends: ConnectionEnds {
            protocol: Protocol::Tcp,
            client,
            virtual_server: end([192, 0, 2, 100], 80),
            real_server: end([10, 1, 1, 1], 80),
            translated_port: client.port,
        },
        phase: Phase::Open,
        bind_id: 0,
        group: 0,
        buddy: None,
    }
}
