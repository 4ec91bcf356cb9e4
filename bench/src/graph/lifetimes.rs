//! Connections per second: whole lives of connections, from SYN to the last ACK and until they are forgotten, by one
//! core.
//!
//! Many connections live at a time, each at another point of its life, so that a batch has packets of all kinds and of
//! both directions. The unit's clock goes on while the unit works, and stands while frames are prepared.

use std::net::Ipv4Addr;
use std::time::Duration;

use arrayvec::ArrayVec;
use director::{Direction, Predictor, TcpWithoutConnection};
use model::limits::{BATCH, UPDATE_RING};
use model::{Instant, ShardReport};
use packet::TcpFlags;
use rtrb::{Consumer, Producer, RingBuffer};

use super::GraphError;
use super::control::Control;
use super::effort::Effort;
use super::figures::value;
use super::housekeeping::Housekeeping;
use super::pass::Pass;
use super::unit::{INSIDE, OUTSIDE, Plan, UNIT, Unit};
use crate::clock::cycles_per_second;
use crate::load::frames::{Template, Version, destination, inbound, outbound};
use crate::load::order::{Random, shuffled};
use crate::report::{Figure, Goal, Quotient, Section};
use crate::rounds::compare;

/// All predictors, as figures call them.
pub(super) const PREDICTORS: [(Predictor, &str); 7] = [
    (Predictor::LeastConnections, "least connections"),
    (Predictor::WeightedLeastConnections, "weighted least connections"),
    (Predictor::Fastest, "fastest"),
    (Predictor::RoundRobin, "round robin"),
    (Predictor::WeightedRoundRobin, "weighted round robin"),
    (Predictor::SourceHash, "source hash"),
    (Predictor::Maglev, "Maglev"),
];

/// Real servers of the two sides: most installations have a few, the other side has many.
const FEW: u16 = 4;
const MANY: u16 = 1_000;

/// Lives that go on at a time.
const CONCURRENT: u32 = 65_536;

/// How long a closed connection is remembered: a tenth of what is usual, so that the table is soon as full as it will
/// be, and still is much larger than the caches.
const TCP_CLOSED_S: u64 = 1;

/// Time of the unit's clock that is measured at once.
const WINDOW: Duration = Duration::from_millis(12);

const CAPACITY: u32 = 8_000_000;

/// The lives of most installations.
const PLAN: Plan = Plan {
    capacity: CAPACITY,
    real_servers: FEW,
    predictor: Predictor::LeastConnections,
    tcp_without_connection: TcpWithoutConnection::Drop,
    tcp_closed_s: TCP_CLOSED_S,
    is_paired: false,
};

const SYN_ACK: TcpFlags = TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0);
const FIN_ACK: TcpFlags = TcpFlags(TcpFlags::FIN.0 | TcpFlags::ACK.0);

/// A life: question, answer, and an end that the client begins.
const LIFE: [(Direction, TcpFlags); 8] = [
    (Direction::Inbound, TcpFlags::SYN),
    (Direction::Outbound, SYN_ACK),
    (Direction::Inbound, TcpFlags::ACK),
    (Direction::Inbound, TcpFlags::ACK),
    (Direction::Outbound, TcpFlags::ACK),
    (Direction::Inbound, FIN_ACK),
    (Direction::Outbound, FIN_ACK),
    (Direction::Inbound, TcpFlags::ACK),
];

/// Lives with few and with many real servers, by each predictor.
///
/// # Errors
///
/// When a packet was not forwarded.
pub(crate) fn run(effort: Effort) -> Result<Section, GraphError> {
    let mut section = Section {
        title: "Connections per second".to_owned(),
        remarks: REMARKS.iter().map(|&remark| remark.to_owned()).collect(),
        ..Section::default()
    };
    let (control, hertz) = (Control::new(), cycles_per_second());
    for (predictor, name) in PREDICTORS {
        let plan = |real_servers| Plan { predictor, real_servers, ..PLAN };
        let mut few = Lives::<Ipv4Addr>::warmed_up(plan(FEW), hertz, effort)?;
        let mut many = Lives::<Ipv4Addr>::warmed_up(plan(MANY), hertz, effort)?;
        let comparison = compare(
            effort.rounds(),
            || many.cycles_per_life(),
            || few.cycles_per_life(),
            || Ok(control.cycles_per_read()),
        )?;
        for (servers, cost, goal) in
            [(FEW, &comparison.peer, Some(Goal::AtLeast(2e6))), (MANY, &comparison.ours, None)]
        {
            let name = format!("lifetimes/{name}/{servers} real servers");
            section.figures.push(value(name, "lifetimes per second", hertz / cost.minimum(), goal));
        }
        section.figures.push(Figure::compared(
            format!("lifetimes/{name}/{MANY} by {FEW} real servers"),
            "TSC cycles per lifetime",
            "the same with 4 real servers",
            &comparison,
            Quotient::OursByPeer,
            Some(Goal::AtMost(2.0)),
        ));
    }
    section.figures.push(replicated(effort, hertz)?);
    Ok(section)
}

/// Lives of which a standby is told, by lives of which nobody is.
fn replicated(effort: Effort, hertz: f64) -> Result<Figure, GraphError> {
    let mut told = Lives::<Ipv4Addr>::warmed_up(Plan { is_paired: true, ..PLAN }, hertz, effort)?;
    let mut untold = Lives::<Ipv4Addr>::warmed_up(PLAN, hertz, effort)?;
    let control = Control::new();
    let comparison = compare(
        effort.rounds(),
        || told.cycles_per_life(),
        || untold.cycles_per_life(),
        || Ok(control.cycles_per_read()),
    )?;
    Ok(Figure::compared(
        "lifetimes/replicated by not replicated",
        "TSC cycles per lifetime",
        "the same without a standby",
        &comparison,
        Quotient::PeerByOurs,
        Some(Goal::AtLeast(0.95)),
    ))
}

const REMARKS: [&str; 4] = [
    "A life has 8 packets: SYN, SYN-ACK, ACK, data from each side, FIN from each side, the last ACK. 65,536 connections \
     live at a time, each at another point of its life; their packets come mixed, in batches of 128.",
    "Looking for connections whose time is over, and forgetting them, is in the time, in the measure in which the \
     worker does it. Closed connections are kept for 1 s (10 s is the default), so that some two million are in the \
     table beside those that live.",
    "With a standby the worker puts a record of each connection that is established, and of each that is gone, into \
     the ring to the replication core. What that core does with it is not in the time: it is another core.",
    "Published for VPP's nat44-ed on such a machine: 1.85 million new TCP sessions per second, SYN alone.",
];

/// Connections on their way through life.
struct Lives<A> {
    unit: Unit,
    /// The ring to the replication core.
    told: (Producer<ShardReport>, Consumer<ShardReport>),
    pass: Pass,
    housekeeping: Housekeeping,
    templates: [Template<A>; LIFE.len()],
    lives: Vec<Life<A>>,
    /// The order in which lives get their packets, and who is next.
    order: Vec<u32>,
    next: usize,
    next_connection: u32,
    hertz: f64,
    /// TSC cycles that the unit worked.
    worked: u64,
    completed: u64,
}

#[derive(Clone, Copy)]
struct Life<A> {
    connection: u32,
    /// Who answers; learned from where the SYN went.
    real: A,
    step: usize,
}

impl<A: Version> Lives<A> {
    fn warmed_up(plan: Plan, hertz: f64, effort: Effort) -> Result<Self, GraphError> {
        let mut lives = Self::begin(plan, CONCURRENT, hertz)?;
        lives.live_for(effort.warm_up())?;
        Ok(lives)
    }

    fn begin(plan: Plan, concurrent: u32, hertz: f64) -> Result<Self, GraphError> {
        let life = |connection| Life { connection, real: A::VIRTUAL, step: 0 };
        let template = |(direction, flags)| match direction {
            Direction::Inbound => Template::new(UNIT[0], flags),
            Direction::Outbound => Template::new(UNIT[1], flags),
        };
        let mut lives = Self {
            unit: Unit::new(plan)?,
            told: RingBuffer::new(UPDATE_RING),
            pass: Pass::default(),
            housekeeping: Housekeeping::default(),
            templates: LIFE.map(template),
            lives: (0..concurrent).map(life).collect(),
            order: shuffled(concurrent, &mut Random::new(u64::from(concurrent))),
            next: 0,
            next_connection: concurrent,
            hertz,
            worked: 0,
            completed: 0,
        };
        lives.stagger()?;
        Ok(lives)
    }

    /// Brings each life to another point, one after the other round the steps.
    fn stagger(&mut self) -> Result<(), GraphError> {
        for step in 1..LIFE.len() {
            let ahead: Vec<u32> =
                self.order.iter().copied().filter(|&life| life as usize % LIFE.len() >= step).collect();
            for batch in ahead.chunks(BATCH) {
                self.advance(batch)?;
            }
        }
        self.completed = 0;
        Ok(())
    }

    /// Cycles of work for each life that ended in a window.
    fn cycles_per_life(&mut self) -> Result<f64, GraphError> {
        let (worked, completed) = (self.worked, self.completed);
        self.live_for(WINDOW)?;
        Ok((self.worked - worked) as f64 / (self.completed - completed) as f64)
    }

    /// Lets the unit work so long.
    fn live_for(&mut self, time: Duration) -> Result<(), GraphError> {
        let end = self.unit.now + time;
        while self.unit.now < end {
            let mut batch = ArrayVec::<u32, BATCH>::new();
            while !batch.is_full() {
                batch.push(self.order[self.next]);
                self.next = if self.next + 1 == self.order.len() { 0 } else { self.next + 1 };
            }
            self.advance(&batch)?;
        }
        Ok(())
    }

    /// The next packet of each of `batch`.
    fn advance(&mut self, batch: &[u32]) -> Result<(), GraphError> {
        self.pass.ring.begin();
        for &index in batch {
            let Life { connection, real, step } = self.lives[index as usize];
            let (port, tuple) = match LIFE[step].0 {
                Direction::Inbound => (OUTSIDE, inbound(connection)),
                Direction::Outbound => (INSIDE, outbound(connection, real)),
            };
            let template = &self.templates[step];
            self.pass.ring.push(port, |buffer| template.write(&tuple, buffer));
        }
        self.work()?;
        for (place, &index) in batch.iter().enumerate() {
            self.follow(place, index as usize);
        }
        Ok(())
    }

    /// The timed part.
    fn work(&mut self) -> Result<(), GraphError> {
        let mut cycles = self.pass.run(&mut self.unit)?;
        let start = dpdk::clock::cycles();
        self.housekeeping.attend(&mut self.unit.shard, self.unit.now);
        self.tell();
        cycles += dpdk::clock::cycles() - start;
        self.worked += cycles;
        // The other core's part.
        while self.told.1.pop().is_ok() {}
        self.unit.now = Instant::START + Duration::from_secs_f64(1.0 + self.worked as f64 / self.hertz);
        Ok(())
    }

    /// What the worker does with what its shard has to tell.
    fn tell(&mut self) {
        let count = self.unit.shard.reports().min(self.told.0.slots());
        if let Ok(room) = self.told.0.write_chunk_uninit(count) {
            room.fill_from_iter(self.unit.shard.take_reports(count));
        }
    }

    /// Notes what became of a life's packet; who is at the end begins another life.
    fn follow(&mut self, place: usize, index: usize) {
        let life = &mut self.lives[index];
        if life.step == 0 {
            life.real = destination(self.pass.ring.bytes(place)).unwrap_or(A::VIRTUAL);
        }
        life.step += 1;
        if life.step == LIFE.len() {
            *life = Life { connection: self.next_connection, real: A::VIRTUAL, step: 0 };
            self.next_connection += 1;
            self.completed += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock of one cycle a nanosecond. Everybody who has died is forgotten after a second.
    #[test]
    fn who_was_born_lives_or_has_been_forgotten() {
        const CONCURRENT: u32 = 1_024;
        for (predictor, _) in PREDICTORS {
            let mut lives =
                Lives::<Ipv4Addr>::begin(Plan { predictor, real_servers: 16, ..PLAN }, CONCURRENT, 1e9)
                    .unwrap();
            // Of the eighths, one has not begun yet, and one has its last packet before it.
            let alive = CONCURRENT as usize * 7 / 8;
            assert_eq!(lives.unit.shard.connections(), alive);
            for _ in 0..100 {
                let batch: Vec<u32> = lives.order.iter().copied().take(BATCH).collect();
                lives.advance(&batch).unwrap();
                lives.order.rotate_left(BATCH);
            }
            assert!(lives.completed > 1_000, "{} lives", lives.completed);
            let counters = lives.unit.shard.counters();
            let forgotten = counters.expired.read();
            let admitted: u64 = counters.bindings.iter().map(|binding| binding.admitted.read()).sum();
            assert_eq!(admitted, lives.unit.shard.connections() as u64 + forgotten);
            lives.unit.now = lives.unit.now + Duration::from_secs(2);
            let slots = lives.unit.shard.slots();
            lives.unit.shard.expire(lives.unit.now, slots);
            assert!(lives.unit.shard.connections() <= CONCURRENT as usize, "the dead are forgotten");
        }
    }
}
