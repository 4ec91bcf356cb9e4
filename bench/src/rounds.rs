//! How two sides are compared on a machine that others use, too: in turn, several times, by ratios.
//!
//! It must never keep a round that the machine disturbed: a control, run between the pairs, tells which.

use serde::Serialize;

/// How far a control may be from the best of its kind before the round beside it is discarded.
const DISTURBED: f64 = 1.05;

/// Values of one side, one of each round; smaller is better (a cost: cycles, nanoseconds).
#[derive(Clone, Debug, Default, Serialize)]
pub struct Costs(Vec<f64>);

impl Costs {
    /// The least: what the machine did when nobody disturbed it.
    pub fn minimum(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The middle one; of an even number, the mean of the two.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => f64::NAN,
            length if length % 2 == 1 => sorted[middle],
            _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
        }
    }

    /// The greatest by the least, less one.
    pub fn spread(&self) -> f64 {
        let greatest = self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        greatest / self.minimum() - 1.0
    }
}

/// Both sides' costs of the rounds that were kept.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Comparison {
    /// This project's.
    pub ours: Costs,
    /// What it is compared with.
    pub peer: Costs,
    /// Rounds that the machine disturbed and that are not in the values.
    pub discarded: usize,
}

/// Runs `ours` and `peer` in turn, `rounds` times, each time with a `control` before it. Rounds whose control cost 5 %
/// more than the best control are discarded, but never all of them.
///
/// # Errors
///
/// The first error of any side.
pub fn compare<E>(
    rounds: usize,
    mut ours: impl FnMut() -> Result<f64, E>,
    mut peer: impl FnMut() -> Result<f64, E>,
    mut control: impl FnMut() -> Result<f64, E>,
) -> Result<Comparison, E> {
    let mut all = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let quiet = control()?;
        // Who goes first changes, so that neither always gets the warmer machine.
        let (ours, peer) = if round % 2 == 0 {
            let ours = ours()?;
            (ours, peer()?)
        } else {
            let peer = peer()?;
            (ours()?, peer)
        };
        all.push((quiet, ours, peer));
    }
    let best = all.iter().map(|round| round.0).fold(f64::INFINITY, f64::min);
    let mut comparison = Comparison::default();
    for (quiet, ours, peer) in all {
        if quiet <= best * DISTURBED {
            comparison.ours.0.push(ours);
            comparison.peer.0.push(peer);
        } else {
            comparison.discarded += 1;
        }
    }
    Ok(comparison)
}
