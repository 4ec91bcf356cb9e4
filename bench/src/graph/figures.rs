//! Figures of this module's kind: costs in cycles, and values that stand by themselves.

use crate::report::{CYCLES_PER_PACKET, Figure, Goal, Quotient};
use crate::rounds::Comparison;

/// What a packet costs here, by what it costs the peer.
pub(crate) fn by_peer(name: String, peer_name: &str, sides: &Comparison, goal: Option<Goal>) -> Figure {
    Figure::compared(name, CYCLES_PER_PACKET, peer_name, sides, Quotient::OursByPeer, goal)
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
        met: goal.map(|goal| goal.is_met_by(ours)),
    }
}
