//! How soon a standby has everything after load, over a cable that loses datagrams.

use std::net::Ipv4Addr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use director::TcpWithoutConnection;
use model::limits::{BATCH, DIGEST_RANGES};
use model::{Digest, UnitState};
use packet::TcpFlags;

use super::cable::Cable;
use super::core::PATIENCE;
use super::error::ReplicationError;
use super::side::Side;
use super::side_by_side;
use crate::clock;
use crate::graph::Effort;
use crate::graph::figures::value;
use crate::graph::housekeeping::Housekeeping;
use crate::graph::pass::Pass;
use crate::graph::unit::{INSIDE, OUTSIDE, Plan, UNIT, Unit};
use crate::load::frames::{Template, destination, inbound, outbound};
use crate::report::{Figure, Goal};

/// Of 1,000 datagrams so many are lost, each way.
const LOST_PER_MILLE: u32 = 50;

/// Connections that are opened each second; each is closed again, by the client's RST, when so many younger ones are
/// open.
const PER_SECOND: u32 = 100_000;
const OPEN: u32 = 50_000;

/// When the tables are to be equal.
const SOON: Duration = Duration::from_millis(100);

const SYN_ACK: TcpFlags = TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0);

/// What the active unit has when the load stops, and when that was.
type Stopped = OnceLock<(Instant, Vec<Digest>)>;

pub(super) fn run(effort: Effort) -> Result<Vec<Figure>, ReplicationError> {
    let seconds = if effort == Effort::Full { 5 } else { 1 };
    let plan = Plan {
        is_paired: true,
        tcp_without_connection: TcpWithoutConnection::Drop,
        tcp_closed_s: 1,
        ..Plan::with_capacity(1_000_000)
    };
    let mut cable = Cable::new()?;
    let (active, standby) = (Unit::new(plan)?, Unit::new(plan)?);
    let stopped = Stopped::new();
    let (opened, (differing, until_equal)) = side_by_side(
        |stop| {
            let side = Side::new(active, &mut cable.active, UnitState::Active, LOST_PER_MILLE);
            load(side, seconds * PER_SECOND, &stopped, stop)
        },
        |stop| {
            follow(Side::new(standby, &mut cable.standby, UnitState::Standby, LOST_PER_MILLE), &stopped, stop)
        },
    )?;
    let name = |what| format!("replication/5 % loss/{what}");
    Ok(vec![
        value(name("ranges that differ after 100 ms"), "hash ranges", differing, Some(Goal::AtMost(0.0))),
        value(name("until all is equal"), "milliseconds", until_equal, None),
        value(name("offered"), "connections per second", opened, None),
    ])
}

/// The active unit. Returns the connections that it opened in a second.
fn load(
    mut side: Side<'_>,
    connections: u32,
    stopped: &Stopped,
    stop: &AtomicBool,
) -> Result<f64, ReplicationError> {
    let started = clock::now();
    while !side.core.replicator.wants_updates() {
        side.round();
        if started.elapsed() > PATIENCE {
            return Err(ReplicationError::InVain("a session"));
        }
    }
    let (mut clients, mut housekeeping, started) = (Clients::new(), Housekeeping::default(), clock::now());
    while clients.opened < connections {
        let due = started.elapsed().as_secs_f64() * f64::from(PER_SECOND);
        if f64::from(clients.opened) < due {
            clients.open(&mut side.unit)?;
        }
        side.round();
        housekeeping.attend(&mut side.unit.shard, side.unit.now);
    }
    let seconds = started.elapsed().as_secs_f64();
    let _ = stopped.set((clock::now(), digests(&side)));
    while !stop.load(Ordering::Relaxed) {
        side.round();
    }
    Ok(f64::from(clients.opened) / seconds)
}

/// The standby. Returns how many ranges differed after [`SOON`], and the milliseconds until none did.
fn follow(mut side: Side<'_>, stopped: &Stopped, stop: &AtomicBool) -> Result<(f64, f64), ReplicationError> {
    let mut differing_soon = None;
    while !stop.load(Ordering::Relaxed) {
        side.round();
        let Some((at, expected)) = stopped.get() else { continue };
        let elapsed = at.elapsed();
        let differing = digests(&side).iter().zip(expected).filter(|(own, told)| own != told).count() as f64;
        if elapsed >= SOON || differing == 0.0 {
            differing_soon.get_or_insert(differing);
        }
        if differing == 0.0 {
            return Ok((differing_soon.unwrap_or(0.0), elapsed.as_secs_f64() * 1e3));
        }
        if elapsed > PATIENCE {
            break;
        }
    }
    Err(ReplicationError::InVain("equal tables"))
}

fn digests(side: &Side<'_>) -> Vec<Digest> {
    let ranges = 0..u16::try_from(DIGEST_RANGES).unwrap_or(u16::MAX);
    ranges.map(|range| side.unit.shard.digest(range)).collect()
}

/// Clients that open connections, and close the oldest.
struct Clients {
    pass: Pass,
    steps: [Template<Ipv4Addr>; 4],
    opened: u32,
}

impl Clients {
    fn new() -> Self {
        let steps = [(0, TcpFlags::SYN), (1, SYN_ACK), (0, TcpFlags::ACK), (0, TcpFlags::RST)];
        let steps = steps.map(|(unit, flags)| Template::new(UNIT[unit], flags));
        Self { pass: Pass::default(), steps, opened: 0 }
    }

    /// Opens a batch of connections, and closes as many.
    fn open(&mut self, unit: &mut Unit) -> Result<(), ReplicationError> {
        let batch: Vec<u32> = (self.opened..).take(BATCH / 4).collect();
        self.send(unit, 0, &batch)?;
        let real = |place| destination(self.pass.ring.bytes(place)).unwrap_or(Ipv4Addr::UNSPECIFIED);
        let reals: Vec<_> = (0..batch.len()).map(real).collect();
        self.pass.ring.begin();
        for (&connection, real) in batch.iter().zip(reals) {
            self.pass.ring.push(INSIDE, |buffer| self.steps[1].write(&outbound(connection, real), buffer));
        }
        self.pass.run(unit)?;
        self.send(unit, 2, &batch)?;
        let old: Vec<u32> = batch.iter().filter_map(|connection| connection.checked_sub(OPEN)).collect();
        self.opened += u32::try_from(batch.len()).unwrap_or(0);
        self.send(unit, 3, &old)
    }

    fn send(&mut self, unit: &mut Unit, step: usize, batch: &[u32]) -> Result<(), ReplicationError> {
        self.pass.ring.begin();
        for &connection in batch {
            self.pass.ring.push(OUTSIDE, |buffer| self.steps[step].write(&inbound(connection), buffer));
        }
        self.pass.run(unit)?;
        Ok(())
    }
}
