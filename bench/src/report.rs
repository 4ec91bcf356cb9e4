//! What was found: figures, plots and remarks, written for programs as JSON and for people as Markdown.

use serde::Serialize;

use crate::plot::Plot;

/// What a figure is to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// The figure is met from here on.
    AtLeast(f64),
    /// The figure is met up to here.
    AtMost(f64),
}

/// One figure of the report.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// A path, like `forwarding/ipv4/65536/5tswap`.
    pub name: String,
    /// What `ours` and `peer` are counted in, like `TSC cycles per packet`.
    pub unit: &'static str,
    /// The best of this project's values.
    pub ours: f64,
    /// Who the peer is.
    pub peer_name: Option<String>,
    /// The best of the peer's values.
    pub peer: Option<f64>,
    /// The figure itself where there is a peer: which way round, the goal tells.
    pub ratio: Option<f64>,
    /// The same ratio, of the medians.
    pub ratio_of_medians: Option<f64>,
    /// How far the values lay apart: greatest by least, less one; ours and the peer's.
    pub spread: Option<(f64, f64)>,
    /// Rounds that were kept and that were discarded.
    pub rounds: Option<(usize, usize)>,
    /// What `ratio`, or without a peer `ours`, is to be.
    pub goal: Option<Goal>,
    /// Whether it is; `None` without a goal.
    pub met: Option<bool>,
}

/// What one benchmark found.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// In the order in which they are shown.
    pub figures: Vec<Figure>,
    /// Pictures.
    pub plots: Vec<Plot>,
    /// What a reader must know to read the figures.
    pub remarks: Vec<String>,
}
