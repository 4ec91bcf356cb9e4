//! How sides are compared on a machine that others use, too: in turn, several times, by ratios.
//!
//! It must never keep a round that the machine disturbed: a control, run between the rounds, tells which.

use serde::Serialize;

/// How far a control may be from the best of its kind before the rounds beside it are discarded.
const DISTURBED: f64 = 1.05;

/// Values of one side, one of each round; smaller is better (a cost: cycles, nanoseconds).
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Costs(Vec<f64>);

impl Costs {
    /// The least: what the machine did when nobody disturbed it.
    pub(crate) fn minimum(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The middle one; of an even number, the mean of the two.
    pub(crate) fn median(&self) -> f64 {
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
    pub(crate) fn spread(&self) -> f64 {
        let greatest = self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        greatest / self.minimum() - 1.0
    }

    /// How many values there are.
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<f64> for Costs {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// Both sides' costs of the rounds that were kept.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Comparison {
    /// This project's.
    pub(crate) ours: Costs,
    /// What it is compared with.
    pub(crate) peer: Costs,
    /// Rounds that the machine disturbed and that are not in the values.
    pub(crate) discarded: usize,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The control's: work that is always the same.
    Control,
    /// That of the side with this number.
    Side(usize),
}

/// The costs of several sides, of the rounds that were kept.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Turns {
    /// By side.
    pub(crate) sides: Vec<Costs>,
    /// The control's: of each kept round, the one before it.
    pub(crate) control: Costs,
    /// Rounds that the machine disturbed and that are not in the values.
    pub(crate) discarded: usize,
}

impl Turns {
    /// One side against another.
    pub(crate) fn compare(&self, ours: usize, peer: usize) -> Comparison {
        self.against(ours, &self.sides[peer])
    }

    /// One side against the control.
    pub(crate) fn compare_with_control(&self, ours: usize) -> Comparison {
        self.against(ours, &self.control)
    }

    fn against(&self, ours: usize, peer: &Costs) -> Comparison {
        Comparison { ours: self.sides[ours].clone(), peer: peer.clone(), discarded: self.discarded }
    }
}

/// Runs `ours` and `peer` in turn, as [`take_turns`] does.
///
/// # Errors
///
/// The first error of any side.
pub(crate) fn compare<E>(
    rounds: usize,
    mut ours: impl FnMut() -> Result<f64, E>,
    mut peer: impl FnMut() -> Result<f64, E>,
    mut control: impl FnMut() -> Result<f64, E>,
) -> Result<Comparison, E> {
    let turns = take_turns(rounds, 2, |turn| match turn {
        Turn::Control => control(),
        Turn::Side(0) => ours(),
        Turn::Side(_) => peer(),
    })?;
    Ok(turns.compare(0, 1))
}

/// Runs `sides` sides in turn, with a control before and after each round. Rounds beside a control that cost 5 % more than
/// the best are discarded, but never all of them. Goes on until `rounds` rounds are kept, but not for more than half as many
/// again.
///
/// # Errors
///
/// The first error of any side.
pub(crate) fn take_turns<E>(
    rounds: usize,
    sides: usize,
    mut measure: impl FnMut(Turn) -> Result<f64, E>,
) -> Result<Turns, E> {
    let mut controls = vec![measure(Turn::Control)?];
    let mut costs: Vec<Vec<f64>> = Vec::new();
    while quiet_rounds(&controls).len() < rounds && costs.len() < rounds + rounds / 2 {
        let mut of_round = vec![0.0; sides];
        // Who goes first changes, so that nobody always gets the warmer machine.
        for place in 0..sides {
            let side = (costs.len() + place) % sides;
            of_round[side] = measure(Turn::Side(side))?;
        }
        costs.push(of_round);
        controls.push(measure(Turn::Control)?);
    }
    let kept = quiet_rounds(&controls);
    Ok(Turns {
        sides: (0..sides).map(|side| kept.iter().map(|&round| costs[round][side]).collect()).collect(),
        control: kept.iter().map(|&round| controls[round]).collect(),
        discarded: costs.len() - kept.len(),
    })
}

/// The rounds that the machine did not disturb. Round i is between controls i and i + 1.
fn quiet_rounds(controls: &[f64]) -> Vec<usize> {
    let noise: Vec<f64> = controls.windows(2).map(|pair| pair[0].max(pair[1])).collect();
    // Of the quietest round, not of the quietest control: so one round at least is kept.
    let best = noise.iter().copied().fold(f64::INFINITY, f64::min);
    (0..noise.len()).filter(|&round| noise[round] <= best * DISTURBED).collect()
}

/// A count as a floating-point number. Counts here are far below 2^53, where that begins to round.
pub(crate) const fn as_f64(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    {
        count as f64
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn costs(values: &[f64]) -> Costs {
        values.iter().copied().collect()
    }

    #[test]
    fn costs_are_summed_up() {
        let odd = costs(&[30.0, 10.0, 20.0]);
        assert_eq!((odd.minimum(), odd.median(), odd.spread()), (10.0, 20.0, 2.0));
        assert_eq!(costs(&[4.0, 1.0, 2.0, 3.0]).median(), 2.5);
        assert!(costs(&[]).median().is_nan());
    }

    #[test]
    fn sides_take_turns_and_who_goes_first_changes() {
        let mut seen = Vec::new();
        let turns = take_turns::<Infallible>(3, 2, |turn| {
            seen.push(turn);
            Ok(1.0)
        });
        let (control, ours, peer) = (Turn::Control, Turn::Side(0), Turn::Side(1));
        assert_eq!(
            seen,
            [control, ours, peer, control, peer, ours, control, ours, peer, control],
            "a control between any two rounds"
        );
        assert_eq!(turns.map(|turns| turns.sides[1].len()), Ok(3));
    }

    #[test]
    fn rounds_beside_a_disturbed_control_are_discarded_and_repeated() {
        let mut controls = [10.0, 10.0, 20.0, 10.2, 10.3, 10.1, 10.0].into_iter();
        let mut ours = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0].into_iter();
        let mut peer = [6.0, 7.0, 8.0, 9.0, 10.0, 11.0].into_iter();
        let compared = compare(
            4,
            || ours.next().ok_or("asked too often"),
            || peer.next().ok_or("asked too often"),
            || controls.next().ok_or("asked too often"),
        )
        .unwrap();
        assert_eq!(compared.ours.0, [1.0, 4.0, 5.0, 6.0]);
        assert_eq!(compared.peer.0, [6.0, 9.0, 10.0, 11.0]);
        assert_eq!(compared.discarded, 2);
    }

    #[test]
    fn a_machine_that_is_never_quiet_does_not_hold_it_up() {
        let mut control = 1.0;
        let turns = take_turns::<Infallible>(4, 1, |turn| {
            if turn == Turn::Control {
                control *= 2.0;
            }
            Ok(control)
        })
        .unwrap_or_default();
        assert_eq!((turns.sides[0].0.as_slice(), turns.discarded), ([2.0].as_slice(), 5));
        assert_eq!(turns.control.0, [2.0], "the quietest round is kept");
    }

    #[test]
    fn an_error_ends_it() {
        let result = compare(3, || Ok(1.0), || Err("broken"), || Ok(1.0));
        assert_eq!(result.unwrap_err(), "broken");
    }
}
