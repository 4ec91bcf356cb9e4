//! What was found: figures, plots and remarks, written for programs as JSON and for people as Markdown.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use crate::machine::Machine;
use crate::markdown;
use crate::plot::{Plot, PlotError};
use crate::rounds::Comparison;

/// What a figure is to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    /// The figure is met from here on.
    AtLeast(f64),
    /// The figure is met up to here.
    AtMost(f64),
}

impl Goal {
    /// Whether `figure` is what it is to be.
    pub(crate) fn is_met_by(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(least) => figure >= least,
            Self::AtMost(most) => figure <= most,
        }
    }
}

/// Which way round two sides' costs are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quotient {
    /// The peer's by ours: how many times as fast this project is.
    PeerByOurs,
    /// Ours by the peer's: how many times the peer's cost ours is.
    OursByPeer,
}

impl Quotient {
    fn of(self, ours: f64, peer: f64) -> f64 {
        match self {
            Self::PeerByOurs => peer / ours,
            Self::OursByPeer => ours / peer,
        }
    }
}

/// The unit of what moving packets costs; reports show it as time and rate, too.
pub(crate) const CYCLES_PER_PACKET: &str = "TSC cycles per packet";

/// One figure of the report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    /// A path, like `forwarding/ipv4/65536/5tswap`.
    pub(crate) name: String,
    /// What `ours` and `peer` are counted in, like `TSC cycles per packet`.
    pub(crate) unit: &'static str,
    /// The best of this project's values.
    pub(crate) ours: f64,
    /// Who the peer is.
    pub(crate) peer_name: Option<String>,
    /// The best of the peer's values.
    pub(crate) peer: Option<f64>,
    /// The figure itself where there is a peer: which way round, the goal tells.
    pub(crate) ratio: Option<f64>,
    /// The same ratio, of the medians.
    pub(crate) ratio_of_medians: Option<f64>,
    /// How far the values lay apart: greatest by least, less one; ours and the peer's.
    pub(crate) spread: Option<(f64, f64)>,
    /// Rounds that were kept and that were discarded.
    pub(crate) rounds: Option<(usize, usize)>,
    /// What `ratio`, or without a peer `ours`, is to be.
    pub(crate) goal: Option<Goal>,
    /// Whether it is; `None` without a goal.
    pub(crate) met: Option<bool>,
}

impl Figure {
    /// A figure from both sides' costs.
    pub(crate) fn compared(
        name: impl Into<String>,
        unit: &'static str,
        peer_name: impl Into<String>,
        sides: &Comparison,
        quotient: Quotient,
        goal: Option<Goal>,
    ) -> Self {
        let ratio = quotient.of(sides.ours.minimum(), sides.peer.minimum());
        Self {
            name: name.into(),
            unit,
            ours: sides.ours.minimum(),
            peer_name: Some(peer_name.into()),
            peer: Some(sides.peer.minimum()),
            ratio: Some(ratio),
            ratio_of_medians: Some(quotient.of(sides.ours.median(), sides.peer.median())),
            spread: Some((sides.ours.spread(), sides.peer.spread())),
            rounds: Some((sides.ours.len(), sides.discarded)),
            goal,
            met: goal.map(|goal| goal.is_met_by(ratio)),
        }
    }
}

/// What one benchmark found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Section {
    /// The heading.
    pub(crate) title: String,
    /// In the order in which they are shown.
    pub(crate) figures: Vec<Figure>,
    /// Pictures.
    pub(crate) plots: Vec<Plot>,
    /// What a reader must know to read the figures.
    pub(crate) remarks: Vec<String>,
}

/// What became of one benchmark: all that it found, and what of it failed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// What it found.
    pub(crate) section: Section,
    /// What went wrong, each in a sentence.
    pub(crate) failures: Vec<String>,
}

impl<E: std::error::Error> From<Result<Section, E>> for Outcome {
    fn from(result: Result<Section, E>) -> Self {
        match result {
            Ok(section) => Self { section, failures: Vec::new() },
            Err(error) => Self { section: Section::default(), failures: vec![in_full(&error)] },
        }
    }
}

/// An error with all its causes.
pub(crate) fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        // Some errors say their cause themselves.
        if text.contains(&cause) { text } else { format!("{text}: {cause}") }
    })
}

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportError {
    /// A file could not be written.
    #[error("can not write the report: {0}")]
    Io(#[from] io::Error),
    /// The figures could not be put into JSON.
    #[error("can not write the figures: {0}")]
    Json(#[from] serde_json::Error),
    /// A picture could not be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
}

/// What is in `report.json`.
#[derive(Serialize)]
struct Document<'a> {
    machine: &'a Machine,
    figures: Vec<&'a Figure>,
    failures: Vec<&'a String>,
}

/// Writes `report.json`, `report.md` and the pictures into a folder.
///
/// # Errors
///
/// When a file can not be written.
pub(crate) fn write(folder: &Path, machine: &Machine, outcomes: &[Outcome]) -> Result<(), ReportError> {
    fs::create_dir_all(folder)?;
    let document = Document {
        machine,
        figures: outcomes.iter().flat_map(|outcome| &outcome.section.figures).collect(),
        failures: outcomes.iter().flat_map(|outcome| &outcome.failures).collect(),
    };
    let mut json = serde_json::to_vec_pretty(&document)?;
    json.push(b'\n');
    fs::write(folder.join("report.json"), json)?;
    for plot in outcomes.iter().flat_map(|outcome| &outcome.section.plots) {
        plot.draw(folder)?;
    }
    fs::write(folder.join("report.md"), markdown::render(machine, outcomes))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides() -> Comparison {
        Comparison {
            ours: [20.0, 22.0, 30.0].into_iter().collect(),
            peer: [40.0, 42.0, 44.0].into_iter().collect(),
            discarded: 1,
        }
    }

    #[test]
    fn a_ratio_is_of_minima_and_its_goal_is_checked() {
        for (quotient, goal, ratio, of_medians, met) in [
            (Quotient::PeerByOurs, Goal::AtLeast(2.0), 2.0, 42.0 / 22.0, true),
            (Quotient::PeerByOurs, Goal::AtLeast(2.1), 2.0, 42.0 / 22.0, false),
            (Quotient::OursByPeer, Goal::AtMost(0.5), 0.5, 22.0 / 42.0, true),
            (Quotient::OursByPeer, Goal::AtMost(0.4), 0.5, 22.0 / 42.0, false),
        ] {
            let figure = Figure::compared("x", CYCLES_PER_PACKET, "peer", &sides(), quotient, Some(goal));
            assert_eq!(figure.ratio, Some(ratio));
            assert_eq!(figure.ratio_of_medians, Some(of_medians));
            assert_eq!((figure.met, figure.rounds), (Some(met), Some((3, 1))), "{quotient:?} {goal:?}");
        }
        let without = Figure::compared("x", "s", "peer", &sides(), Quotient::PeerByOurs, None);
        assert_eq!((without.goal, without.met), (None, None));
    }

    #[test]
    fn a_benchmark_that_fails_leaves_its_reason() {
        let failed: Result<Section, io::Error> = Err(io::Error::other("no such device"));
        assert_eq!(Outcome::from(failed).failures, ["no such device"]);
        let found: Result<Section, io::Error> =
            Ok(Section { title: "Found".to_owned(), ..Section::default() });
        let found = Outcome::from(found);
        assert!(found.failures.is_empty() && found.section.title == "Found");
    }

    #[test]
    fn causes_are_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] io::Error);
        #[derive(Debug, thiserror::Error)]
        #[error("outer: {0}")]
        struct Telling(#[source] io::Error);
        assert_eq!(in_full(&Outer(io::Error::other("inner"))), "outer: inner");
        assert_eq!(in_full(&Telling(io::Error::other("inner"))), "outer: inner");
    }
}
