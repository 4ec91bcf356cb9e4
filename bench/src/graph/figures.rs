//! Figures of costs: smaller is better, and ratios are ours by the peer's unless a name says otherwise.

use crate::report::{Figure, Goal};
use crate::rounds::Comparison;

/// Cycles of the counter that programs read, whatever the clock of the core.
pub(crate) const CYCLES: &str = "TSC cycles per packet";

/// A cost beside a peer's; the goal is for their ratio.
pub(crate) fn by_peer(name: String, peer_name: &str, comparison: &Comparison, goal: Option<Goal>) -> Figure {
    let Comparison { ours, peer, discarded } = comparison;
    let ratio = ours.minimum() / peer.minimum();
    Figure {
        peer_name: Some(peer_name.to_owned()),
        peer: Some(peer.minimum()),
        ratio: Some(ratio),
        ratio_of_medians: Some(ours.median() / peer.median()),
        spread: Some((ours.spread(), peer.spread())),
        rounds: Some((ours.len(), *discarded)),
        met: goal.map(|goal| is_met(goal, ratio)),
        ..value(name, CYCLES, ours.minimum(), goal)
    }
}

/// The same the other way round: the peer's cost by ours.
pub(crate) fn of_peer(figure: Figure, goal: Option<Goal>) -> Figure {
    let ratio = figure.ratio.map(f64::recip);
    Figure {
        ratio,
        ratio_of_medians: figure.ratio_of_medians.map(f64::recip),
        goal,
        met: goal.zip(ratio).map(|(goal, ratio)| is_met(goal, ratio)),
        ..figure
    }
}

/// A value that stands by itself; the goal is for it.
pub(crate) fn value(name: String, unit: &'static str, ours: f64, goal: Option<Goal>) -> Figure {
    Figure {
        name,
        unit,
        ours,
        peer_name: None,
        peer: None,
        ratio: None,
        ratio_of_medians: None,
        spread: None,
        rounds: None,
        goal,
        met: goal.map(|goal| is_met(goal, ours)),
    }
}

fn is_met(goal: Goal, value: f64) -> bool {
    match goal {
        Goal::AtLeast(least) => value >= least,
        Goal::AtMost(most) => value <= most,
    }
}
