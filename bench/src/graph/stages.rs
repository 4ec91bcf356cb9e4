//! Cost per stage: what a packet costs from one end of a stage to the next.

use std::net::Ipv4Addr;

use director::{Direction, Frame};

use super::GraphError;
use super::effort::Effort;
use super::figures::value;
use super::pass::{Graph, Outputs, Pass};
use super::stream::{Stream, random_order};
use super::unit::{Plan, Unit};
use crate::plot::Plot;
use crate::report::{CYCLES_PER_PACKET, Figure, Section};

const SIZES: [u32; 5] = [1_000, 10_000, 100_000, 1_000_000, 8_000_000];

/// The stages, in their order: those of [`director::Stage`], and what the worker does with verdicts.
const STAGES: [&str; 4] = ["parse and hash", "lookup", "verify and rewrite", "transmit"];

/// The stages of IPv4 TCP segments from clients.
///
/// # Errors
///
/// When a packet was not forwarded.
pub(crate) fn run(effort: Effort) -> Result<Section, GraphError> {
    let mut section = Section {
        title: "Cost per stage".to_owned(),
        remarks: vec![REMARK.to_owned()],
        ..Section::default()
    };
    let mut lines = STAGES.map(|stage| (stage.to_owned(), Vec::new()));
    for connections in SIZES.into_iter().filter(|&connections| connections <= effort.connections()) {
        let costs = of_stages(connections, effort)?;
        let whole: f64 = costs.iter().sum();
        for ((stage, points), cost) in lines.iter_mut().zip(costs) {
            points.push((f64::from(connections), cost));
            section.figures.push(share(format!("stages/{connections}/{stage}"), cost, whole));
        }
    }
    section.plots.push(Plot {
        name: "stages".to_owned(),
        title: "Cost per stage: IPv4 TCP from clients, without a driver".to_owned(),
        horizontal: "connections".to_owned(),
        vertical: CYCLES_PER_PACKET.to_owned(),
        lines: lines.to_vec(),
    });
    Ok(section)
}

const REMARK: &str = "A batch passes each stage whole before the next begins. The counter is read between them, \
    without waiting for what is under way, so that what is fetched for a stage may be paid for in the one before. Of all \
    rounds, the one is shown that took the least altogether.";

/// A stage's part of the whole.
fn share(name: String, cost: f64, whole: f64) -> Figure {
    Figure {
        peer_name: Some("the whole graph".to_owned()),
        peer: Some(whole),
        ratio: Some(cost / whole),
        ..value(name, CYCLES_PER_PACKET, cost, None)
    }
}

/// Cycles per packet of each stage, in the best round.
fn of_stages(connections: u32, effort: Effort) -> Result<[f64; STAGES.len()], GraphError> {
    let plan = Plan::with_capacity(connections);
    let mut unit = Unit::established::<Ipv4Addr>(plan)?;
    let order = random_order(plan);
    let mut stream = Stream::<Ipv4Addr>::new(plan, Direction::Inbound, &order);
    let mut pass = Pass::default();
    let mut best = [f64::INFINITY; STAGES.len()];
    for _ in 0..effort.rounds() {
        let mut observed = Observed { unit: &mut unit, cycles: [0; STAGES.len()], packets: 0 };
        pass.cycles_per_packet(&mut observed, effort.batches(), |ring| stream.fill(ring))?;
        let costs = observed.per_packet();
        if costs.iter().sum::<f64>() < best.iter().sum() {
            best = costs;
        }
    }
    Ok(best)
}

/// A unit that is watched.
struct Observed<'a> {
    unit: &'a mut Unit,
    cycles: [u64; STAGES.len()],
    packets: usize,
}

impl Graph for Observed<'_> {
    #[inline]
    fn pass(&mut self, frames: &mut [Frame<'_>], outputs: &mut Outputs) {
        let Unit { shard, next_hops, now, verdicts, .. } = &mut *self.unit;
        let mut stages = self.cycles.iter_mut();
        let mut before = dpdk::clock::cycles();
        let mut note = || {
            let now = dpdk::clock::cycles();
            if let Some(cycles) = stages.next() {
                *cycles += now - before;
            }
            before = now;
        };
        shard.process_observed(*now, next_hops, frames, verdicts, |_| note());
        outputs.sort(verdicts);
        note();
        self.packets += frames.len();
    }
}

impl Observed<'_> {
    fn per_packet(&self) -> [f64; STAGES.len()] {
        self.cycles.map(|cycles| cycles as f64 / self.packets as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_of_each_batch_is_observed() {
        let plan = Plan::with_capacity(256);
        let mut unit = Unit::established::<Ipv4Addr>(plan).unwrap();
        let order = random_order(plan);
        let mut stream = Stream::<Ipv4Addr>::new(plan, Direction::Inbound, &order);
        let mut observed = Observed { unit: &mut unit, cycles: [0; STAGES.len()], packets: 0 };
        Pass::default().cycles_per_packet(&mut observed, 2, |ring| stream.fill(ring)).unwrap();
        assert_eq!(observed.packets, 256);
        let costs = observed.per_packet();
        assert!(costs.iter().all(|&cost| cost > 0.0), "{costs:?}");
    }
}
