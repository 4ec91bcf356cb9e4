//! Scale: what a packet costs as connections become more than any cache holds, each as likely as the other, and by
//! Zipf's law; beside it the same loop on `rte_hash`, and a swap that keeps nothing.

use std::net::Ipv4Addr;

use director::Direction;
use dpdk::Eal;

use super::GraphError;
use super::control::Control;
use super::effort::Effort;
use super::figures::by_peer;
use super::pass::{Graph, Pass};
use super::rte_hash_loop::RteHashLoop;
use super::stream::{Stream, random_order};
use super::swap::StatelessSwap;
use super::unit::{Plan, Unit};
use crate::clock::cycles_per_second;
use crate::load::order::{Random, zipf_picks};
use crate::peers::eal::eal;
use crate::plot::Plot;
use crate::report::{CYCLES_PER_PACKET, Figure, Goal, Quotient, Section};
use crate::rounds::{Turn, Turns, take_turns};

/// Connections. A unit of the first size fits into the caches, and the others are compared with it.
const SMALL: u32 = 1_000;
const SIZES: [u32; 6] = [100_000, 1_000_000, 4_000_000, 6_000_000, 8_000_000, 16_000_000];

/// At so many connections, our cost by that at 1,000 is to be at most so much.
const FLATNESS: (u32, f64) = (8_000_000, 1.5);

/// At so many connections, the cost of the loop on `rte_hash` by ours is to be at least so much. With more connections
/// it is not measured: it takes as much memory again.
const RTE_HASH: (u32, f64) = (6_000_000, 1.8);

/// Packets until a Zipf stream begins anew.
const PICKS: usize = 1 << 21;

/// Bytes of a connection while it is measured, with its shares of index and order: what a size is left out by.
const BYTES_PER_CONNECTION: u64 = 128;

const REMARKS: [&str; 3] = [
    "IPv4 TCP segments from clients, of connections in random order, through the whole graph without a driver. All sides \
     run in turn in one process: a unit of so many connections, one of 1,000, and the peers.",
    "Zipf: exponent 1, over all connections. Of 8 million, the most frequent one has every 16th packet, and the 2,100 \
     most frequent ones half of all.",
    "The loop on rte_hash does the same checks and rewrites by the same code, looks up 64 keys at once, and fetches the \
     connections, one cache line each, ahead.",
];

/// The sides in their turns. The last is not always there.
const OURS: usize = 0;
const ZIPF: usize = 1;
const SWAP: usize = 2;
const SMALL_UNIT: usize = 3;
const PEER: usize = 4;

/// The sides that the picture has.
const LINES: [(&str, usize); 4] =
    [("Understudy", OURS), ("Understudy, Zipf", ZIPF), ("stateless swap", SWAP), ("loop on rte_hash", PEER)];

/// All sizes that there is memory for.
///
/// # Errors
///
/// When something else than forwarding was measured, or the kernel does not say how much memory there is.
pub(crate) fn run(effort: Effort) -> Result<Section, GraphError> {
    let mut scale = Scale::new(eal()?, effort)?;
    scale.measure(SMALL)?;
    for connections in SIZES.into_iter().filter(|&connections| connections <= effort.connections()) {
        let (needed, available) = (u64::from(connections) * BYTES_PER_CONNECTION, available_bytes()?);
        if needed > available {
            scale.section.remarks.push(format!(
                "Left out: {connections} connections need {} MiB, and {} MiB are free.",
                needed >> 20,
                available >> 20
            ));
        } else {
            scale.measure(connections)?;
        }
    }
    Ok(scale.finish())
}

/// What is measured, and what was found so far.
struct Scale<'eal> {
    eal: &'eal Eal,
    effort: Effort,
    section: Section,
    control: Control,
    small: Unit,
    small_order: Vec<u32>,
    /// Millions of packets per second by connections, for each line.
    rates: [Vec<(f64, f64)>; LINES.len()],
    hertz: f64,
}

impl<'eal> Scale<'eal> {
    fn new(eal: &'eal Eal, effort: Effort) -> Result<Self, GraphError> {
        let plan = Plan::with_capacity(SMALL);
        Ok(Self {
            eal,
            effort,
            section: Section {
                title: "Scale".to_owned(),
                remarks: REMARKS.iter().map(|&remark| remark.to_owned()).collect(),
                ..Section::default()
            },
            control: Control::new(),
            small: Unit::established::<Ipv4Addr>(plan)?,
            small_order: random_order(plan),
            rates: Default::default(),
            hertz: cycles_per_second(),
        })
    }

    /// All sides at one size.
    fn measure(&mut self, connections: u32) -> Result<(), GraphError> {
        let plan = Plan::with_capacity(connections);
        let mut unit = Unit::established::<Ipv4Addr>(plan)?;
        let mut peer = self.peer(plan)?;
        let uniform = random_order(plan);
        let picks = zipf_picks(&uniform, PICKS, &mut Random::new(u64::from(connections)));
        let [mut ours, mut zipf, mut swap, mut rte_hash] =
            [&uniform, &picks, &uniform, &uniform].map(|order| Side::new(plan, order, self.effort));
        let mut small = Side::new(self.small.plan, &self.small_order, self.effort);
        let sides = if peer.is_some() { PEER + 1 } else { PEER };
        if let Some(peer) = &mut peer {
            check_peer(&mut unit, peer, &uniform)?;
        }
        let turns = take_turns(self.effort.rounds(), sides, |turn| match (turn, &mut peer) {
            (Turn::Control, _) => Ok(self.control.cycles_per_read()),
            (Turn::Side(ZIPF), _) => zipf.cycles_per_packet(&mut unit),
            (Turn::Side(SWAP), _) => swap.cycles_per_packet(&mut StatelessSwap),
            (Turn::Side(SMALL_UNIT), _) => small.cycles_per_packet(&mut self.small),
            (Turn::Side(PEER), Some(peer)) => rte_hash.cycles_per_packet(peer),
            (Turn::Side(_), _) => ours.cycles_per_packet(&mut unit),
        })?;
        self.note(connections, &turns);
        Ok(())
    }

    /// The loop on `rte_hash`, where it is measured and has memory.
    fn peer(&mut self, plan: Plan) -> Result<Option<RteHashLoop<'eal>>, GraphError> {
        if plan.capacity > RTE_HASH.0 {
            return Ok(None);
        }
        match RteHashLoop::established(self.eal, plan) {
            Err(GraphError::NoMemory(reason)) => {
                self.section.remarks.push(format!("At {} connections: {reason}.", plan.capacity));
                Ok(None)
            }
            other => other.map(Some),
        }
    }

    fn note(&mut self, connections: u32, turns: &Turns) {
        let name = |name: &str| format!("scale/{connections}/{name}");
        let goal = |(at, goal): (u32, f64)| (at == connections).then_some(goal);
        let figures = &mut self.section.figures;
        if connections != SMALL {
            let small = "the same at 1,000 connections";
            let flat = goal(FLATNESS).map(Goal::AtMost);
            figures.push(by_peer(name("uniform"), small, &turns.compare(OURS, SMALL_UNIT), flat));
            figures.push(by_peer(name("zipf"), small, &turns.compare(ZIPF, SMALL_UNIT), None));
        }
        figures.push(by_peer(name("stateless swap"), "stateless swap", &turns.compare(OURS, SWAP), None));
        if turns.sides.len() > PEER {
            figures.push(Figure::compared(
                name("rte_hash"),
                CYCLES_PER_PACKET,
                "the same loop on rte_hash",
                &turns.compare(OURS, PEER),
                Quotient::PeerByOurs,
                goal(RTE_HASH).map(Goal::AtLeast),
            ));
        }
        for (points, (_, side)) in self.rates.iter_mut().zip(LINES) {
            if let Some(cost) = turns.sides.get(side) {
                points.push((f64::from(connections), self.hertz / cost.minimum() / 1e6));
            }
        }
    }

    fn finish(mut self) -> Section {
        let lines = LINES.into_iter().zip(self.rates).map(|((name, _), points)| (name.to_owned(), points));
        self.section.plots.push(Plot {
            name: "scale".to_owned(),
            title: "One core, IPv4 TCP, 64-byte frames, without a driver".to_owned(),
            horizontal: "connections".to_owned(),
            vertical: "million packets per second".to_owned(),
            lines: lines.collect(),
        });
        self.section
    }
}

/// A stream with the buffers that it comes in.
struct Side<'a> {
    pass: Pass,
    stream: Stream<'a, Ipv4Addr>,
    batches: u32,
}

impl<'a> Side<'a> {
    fn new(plan: Plan, order: &'a [u32], effort: Effort) -> Self {
        let stream = Stream::new(plan, Direction::Inbound, order);
        Self { pass: Pass::default(), stream, batches: effort.batches() }
    }

    fn cycles_per_packet(&mut self, graph: &mut impl Graph) -> Result<f64, GraphError> {
        let stream = &mut self.stream;
        let cycles = self.pass.cycles_per_packet(graph, self.batches, |ring| stream.fill(ring))?;
        self.pass.verify_checksums()?;
        Ok(cycles)
    }
}

/// A peer that does something else would not be one: of the same frames it has to make the same, byte for byte.
fn check_peer(unit: &mut Unit, peer: &mut RteHashLoop<'_>, order: &[u32]) -> Result<(), GraphError> {
    for direction in [Direction::Inbound, Direction::Outbound] {
        let [mut ours, mut theirs] = [(); 2].map(|()| {
            let stream = Stream::<Ipv4Addr>::new(unit.plan, direction, order);
            (Pass::default(), stream)
        });
        ours.0.cycles_per_packet(unit, 1, |ring| ours.1.fill(ring))?;
        theirs.0.cycles_per_packet(peer, 1, |ring| theirs.1.fill(ring))?;
        let differ = |&place: &usize| ours.0.ring.bytes(place) != theirs.0.ring.bytes(place);
        if let Some(place) = (0..ours.0.ring.len()).find(differ) {
            return Err(GraphError::Differs { place });
        }
    }
    Ok(())
}

/// Memory that programs may still take.
fn available_bytes() -> Result<u64, GraphError> {
    let text = std::fs::read_to_string("/proc/meminfo").map_err(GraphError::Status)?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.map(|kib| kib * 1_024).ok_or(GraphError::StatusIncomplete)
}
