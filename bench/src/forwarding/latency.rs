//! How long a packet is on its way through the program under test, at several loads.

use super::error::BedError;
use super::generator::{Answer, Order};
use super::memif::Bed;
use super::testpmd::Mode;
use crate::Context;
use crate::plot::Plot;
use crate::report::{Figure, Outcome, Quotient, Section};
use crate::rounds::{Comparison, Costs, as_f64};

const CONNECTIONS: u32 = 65_536;

/// Parts of the highest rate, in percent.
const LOADS: [u32; 3] = [10, 50, 90];

/// The quantiles that make figures.
const FIGURES: [(&str, f64); 3] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)];

/// The sides: ours first.
const SIDES: [(&str, Option<Mode>); 3] =
    [("understudy", None), ("testpmd 5tswap", Some(Mode::FiveTupleSwap)), ("testpmd io", Some(Mode::Io))];

const UNIT: &str = "ns there and back";

/// The measurements of one load: by side, then by round.
struct Load {
    percent: u32,
    /// Packets that are due in a round.
    due: f64,
    sides: Vec<Vec<Answer>>,
}

/// Measures all loads.
pub(crate) fn run(context: &Context) -> Outcome {
    Outcome::from(measure(context))
}

fn measure(context: &Context) -> Result<Section, BedError> {
    let (rounds, milliseconds) = if context.quick { (2, 200) } else { (5, 600) };
    let mut bed = Bed::start(&context.understudy, CONNECTIONS)?;
    let highest = highest_rate(&mut bed, context)?;
    let mut loads = Vec::new();
    for percent in LOADS {
        let rate = highest * f64::from(percent) / 100.0;
        let order = Order::Pace { rate, milliseconds };
        let mut sides = vec![Vec::new(); SIDES.len()];
        for round in 0..rounds {
            for place in 0..SIDES.len() {
                let side = (round + place) % SIDES.len();
                sides[side].push(carry_out(&mut bed, SIDES[side].1, order)?);
            }
        }
        loads.push(Load { percent, due: rate * as_f64(milliseconds) / 1e3, sides });
    }
    Ok(section(highest, &loads))
}

fn carry_out(bed: &mut Bed, mode: Option<Mode>, order: Order) -> Result<Answer, BedError> {
    match mode {
        None => bed.ours(order),
        Some(mode) => bed.peer(mode, order),
    }
}

/// The rate, in packets per second, that all sides can do.
fn highest_rate(bed: &mut Bed, context: &Context) -> Result<f64, BedError> {
    let mut slowest: f64 = 0.0;
    for (_, mode) in SIDES {
        // Of three, the best: what it can do when nobody disturbs it.
        let mut best = f64::INFINITY;
        for _ in 0..3 {
            best = best.min(match mode {
                None => bed.flood_ours(100)?,
                Some(mode) => bed.flood_peer(mode, 100)?,
            });
        }
        slowest = slowest.max(best);
    }
    Ok(context.machine.tsc_hz / slowest)
}

fn section(highest: f64, loads: &[Load]) -> Section {
    let mut section =
        Section { title: "Latency".to_owned(), remarks: remarks(highest), ..Section::default() };
    for load in loads {
        section.remarks.push(losses(load));
        for (name, quantile) in FIGURES {
            for peer in 1..SIDES.len() {
                section.figures.push(figure(load, name, quantile, peer));
            }
        }
    }
    section.plots = loads.iter().map(plot).collect();
    section
}

fn remarks(highest: f64) -> Vec<String> {
    vec![
        format!(
            "The generator of the memif benchmark sends at a steady rate, and stamps each packet with the moment of its sending; \
             what is measured is the time until it has it back: through two memifs, so io is what the way itself costs. Loads are \
             parts of {:.1} million packets per second, which all sides can do. Times are those of {CONNECTIONS} connections in \
             shuffled order, in HDR histograms of three digits.",
            highest / 1e6
        ),
        "The least of the rounds' quantiles are compared, then their medians. Ratios: ours by the peer's, so less than 1 is \
         faster. The unit's worker polls without pause, as it does on a CPU that is isolated for it; its control thread shares \
         the generator's CPU here, and yields it."
            .to_owned(),
    ]
}

/// What could not be sent in time, and what did not come back.
fn losses(load: &Load) -> String {
    let lost = SIDES.iter().zip(&load.sides).map(|((name, _), answers)| {
        let due: f64 = answers.iter().map(|_| load.due).sum();
        let sent: u64 = answers.iter().map(|answer| answer.sent).sum();
        let lost: u64 = answers.iter().map(|answer| answer.lost).sum();
        let percent = |part: u64, whole: f64| as_f64(part) / whole.max(1.0) * 100.0;
        format!("{name}: {:.1} % sent, {:.3} % of that lost", percent(sent, due), percent(lost, as_f64(sent)))
    });
    let lost = lost.collect::<Vec<_>>().join("; ");
    format!("Load {} %, of the packets that were due: {lost}.", load.percent)
}

fn figure(load: &Load, name: &str, quantile: f64, peer: usize) -> Figure {
    let sides = Comparison {
        ours: quantiles(&load.sides[0], quantile),
        peer: quantiles(&load.sides[peer], quantile),
        discarded: 0,
    };
    let path = format!("latency/{}-percent/{name}/{}", load.percent, SIDES[peer].0.replace("testpmd ", ""));
    eprintln!("  {path}: ours {:.0}, {:.0} ns", sides.ours.minimum(), sides.peer.minimum());
    Figure::compared(path, UNIT, SIDES[peer].0, &sides, Quotient::OursByPeer, None)
}

/// A quantile of each round.
fn quantiles(answers: &[Answer], quantile: f64) -> Costs {
    let of_round = |answer: &Answer| {
        let found = answer.quantiles.iter().find(|(each, _)| (each - quantile).abs() < 1e-9);
        found.map_or(f64::NAN, |(_, time)| *time)
    };
    answers.iter().map(of_round).collect()
}

/// Each side's quantiles, by the part of packets that are slower.
fn plot(load: &Load) -> Plot {
    let lines = SIDES.iter().zip(&load.sides).map(|((name, _), answers)| {
        let wanted = answers.first().map(|answer| &answer.quantiles).into_iter().flatten();
        // What is slower still is the machine's own doing, and would flatten all else.
        let points = wanted.filter(|(quantile, _)| *quantile <= 0.999).map(|(quantile, _)| {
            let time = quantiles(answers, *quantile).minimum();
            (1.0 / (1.0 - quantile), time / 1e3)
        });
        ((*name).to_owned(), points.collect())
    });
    Plot {
        name: format!("latency-{}-percent", load.percent),
        title: format!("Time there and back at {} % load", load.percent),
        horizontal: "one packet in so many is slower: 2 is the median, 100 is p99, 1k is p99.9".to_owned(),
        vertical: "microseconds".to_owned(),
        lines: lines.collect(),
    }
}
