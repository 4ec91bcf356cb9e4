//! Scale: what a packet costs as connections become more than any cache holds, each as likely as the other, and by
//! Zipf's law.

use std::net::Ipv4Addr;

use director::Direction;

use super::GraphError;
use super::control::Control;
use super::figures::{by_peer, of_peer};
use super::hash_nat::HashNat;
use super::pass::Pass;
use super::stream::{Stream, random_order};
use super::swap::StatelessSwap;
use super::tsc::cycles_per_second;
use super::unit::{Plan, Unit};
use crate::load::order::{Random, zipf_picks};
use crate::peers::rte_hash::BULK;
use crate::plot::Plot;
use crate::report::{Goal, Section};
use crate::rounds::{Comparison, Costs, compare};

/// Connections, and the goal for the cost by that of the small unit.
const SIZES: [(u32, Option<f64>); 5] =
    [(100_000, None), (1_000_000, None), (4_000_000, None), (8_000_000, Some(1.5)), (16_000_000, None)];

/// Connections of the unit that the others are compared with: all of them are in the caches.
const SMALL: u32 = 1_000;

/// Connections of the comparison with DPDK's table.
const HASH_CONNECTIONS: u32 = 6_000_000;

const ROUNDS: usize = 11;
const BATCHES: u32 = 2_048;

/// Packets until a Zipf stream begins anew.
const PICKS: usize = 1 << 21;

/// Bytes of a connection while it is measured, with its share of index and order: what a size is left out by.
const BYTES_PER_CONNECTION: u64 = 128;

/// All sizes that there is memory for.
///
/// # Errors
///
/// When something else than forwarding was measured, or the kernel does not say how much memory there is.
pub(crate) fn run() -> Result<Section, GraphError> {
    let mut scale = Scale::new()?;
    for (connections, goal) in SIZES {
        let needed = u64::from(connections) * BYTES_PER_CONNECTION;
        let available = available_bytes()?;
        if needed > available {
            scale.section.remarks.push(format!(
                "Left out: {connections} connections need {} MiB, and {} MiB are free.",
                needed >> 20,
                available >> 20
            ));
        } else {
            scale.measure(connections, goal.map(Goal::AtMost))?;
        }
    }
    scale.measure_against_rte_hash()?;
    Ok(scale.finish())
}

const REMARKS: [&str; 2] = [
    "IPv4 TCP segments from clients, of connections in random order, through the whole graph without a driver. Both \
     sides run in turn in one process: a large table's unit, and one of 1,000 connections.",
    "Zipf: exponent 1, over all connections. Of 8 million, the most frequent one has every 16th packet, and the 2,100 \
     most frequent ones half of all.",
];

/// What is measured, and what was found so far.
struct Scale {
    section: Section,
    control: Control,
    small: Unit,
    small_order: Vec<u32>,
    /// Millions of packets per second by connections.
    rates: [(&'static str, Vec<(f64, f64)>); 3],
    hertz: f64,
}

impl Scale {
    fn new() -> Result<Self, GraphError> {
        let plan = Plan::with_capacity(SMALL);
        Ok(Self {
            section: Section {
                title: "Scale".to_owned(),
                remarks: REMARKS.iter().map(|&remark| remark.to_owned()).collect(),
                ..Section::default()
            },
            control: Control::new(),
            small: Unit::established::<Ipv4Addr>(plan)?,
            small_order: random_order(plan),
            rates: [
                ("Understudy", Vec::new()),
                ("Understudy, Zipf", Vec::new()),
                ("stateless swap", Vec::new()),
            ],
            hertz: cycles_per_second(),
        })
    }

    fn measure(&mut self, connections: u32, goal: Option<Goal>) -> Result<(), GraphError> {
        let plan = Plan::with_capacity(connections);
        let mut unit = Unit::established::<Ipv4Addr>(plan)?;
        let uniform = random_order(plan);
        let by_small = self.against_small(&mut unit, &uniform)?;
        let by_swap = self.against_swap(&mut unit, &uniform)?;
        let picks = zipf_picks(&uniform, PICKS, &mut Random::new(u64::from(connections)));
        let zipf = self.against_small(&mut unit, &picks)?;
        let small = "the same at 1,000 connections";
        for (name, peer, comparison, goal) in [
            ("uniform", small, &by_small, goal),
            ("uniform/stateless swap", "stateless swap", &by_swap, None),
            ("zipf", small, &zipf, None),
        ] {
            let name = format!("scale/{connections}/{name}");
            self.section.figures.push(by_peer(name, peer, comparison, goal));
        }
        if self.rates[0].1.is_empty() {
            self.note_rates(SMALL, [&by_small.peer, &zipf.peer, &by_swap.peer]);
        }
        self.note_rates(connections, [&by_small.ours, &zipf.ours, &by_swap.peer]);
        Ok(())
    }

    fn against_small(&mut self, unit: &mut Unit, order: &[u32]) -> Result<Comparison, GraphError> {
        let (small_plan, plan) = (self.small.plan, unit.plan);
        let mut ours = Side::new(plan, order);
        let mut small = Side::new(small_plan, &self.small_order);
        compare(
            ROUNDS,
            || ours.cycles_per_packet(unit),
            || small.cycles_per_packet(&mut self.small),
            || Ok(self.control.cycles_per_read()),
        )
    }

    fn against_swap(&self, unit: &mut Unit, order: &[u32]) -> Result<Comparison, GraphError> {
        let (mut ours, mut peer) = (Side::new(unit.plan, order), Side::new(unit.plan, order));
        compare(
            ROUNDS,
            || ours.cycles_per_packet(unit),
            || peer.cycles_per_packet(&mut StatelessSwap),
            || Ok(self.control.cycles_per_read()),
        )
    }

    /// The same loop on DPDK's table.
    fn measure_against_rte_hash(&mut self) -> Result<(), GraphError> {
        let plan = Plan::with_capacity(HASH_CONNECTIONS);
        let mut nat = match HashNat::established(plan) {
            Ok(nat) => nat,
            Err(reason) => {
                self.section.remarks.push(format!("Left out: the same loop on rte_hash ({reason})."));
                return Ok(());
            }
        };
        let mut unit = Unit::established::<Ipv4Addr>(plan)?;
        let order = random_order(plan);
        let (mut ours, mut peer) = (Side::new(plan, &order), Side::new(plan, &order));
        let comparison = compare(
            ROUNDS,
            || ours.cycles_per_packet(&mut unit),
            || peer.cycles_per_packet(&mut nat),
            || Ok(self.control.cycles_per_read()),
        )?;
        let name = format!("scale/{HASH_CONNECTIONS}/rte_hash bulk {BULK}");
        let figure = by_peer(name, "the same loop on rte_hash", &comparison, None);
        self.section.figures.push(of_peer(figure, Some(Goal::AtLeast(1.8))));
        Ok(())
    }

    fn note_rates(&mut self, connections: u32, costs: [&Costs; 3]) {
        for ((_, points), cost) in self.rates.iter_mut().zip(costs) {
            points.push((f64::from(connections), self.hertz / cost.minimum() / 1e6));
        }
    }

    fn finish(mut self) -> Section {
        let lines = self.rates.into_iter().map(|(name, points)| (name.to_owned(), points)).collect();
        self.section.plots.push(Plot {
            name: "scale".to_owned(),
            title: "One core, IPv4 TCP, 64-byte frames, without a driver".to_owned(),
            horizontal: "connections".to_owned(),
            vertical: "million packets per second".to_owned(),
            lines,
        });
        self.section
    }
}

/// A stream with the buffers that it comes in.
struct Side<'a> {
    pass: Pass,
    stream: Stream<'a, Ipv4Addr>,
}

impl<'a> Side<'a> {
    fn new(plan: Plan, order: &'a [u32]) -> Self {
        Self { pass: Pass::default(), stream: Stream::new(plan, Direction::Inbound, order) }
    }

    fn cycles_per_packet(&mut self, graph: &mut impl super::pass::Graph) -> Result<f64, GraphError> {
        let stream = &mut self.stream;
        let cycles = self.pass.cycles_per_packet(graph, BATCHES, |ring| stream.fill(ring))?;
        self.pass.verify_checksums()?;
        Ok(cycles)
    }
}

/// Memory that programs may still take.
fn available_bytes() -> Result<u64, GraphError> {
    let text = std::fs::read_to_string("/proc/meminfo").map_err(GraphError::Status)?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.map(|kib| kib * 1_024).ok_or(GraphError::StatusIncomplete)
}
