//! All that was found: series of samples with their goals, as figures, as pictures and as a file.

use std::fs;
use std::path::Path;

use serde::Serialize;

use super::error::FailoverError;
use crate::graph::figures::value;
use crate::machine::Machine;
use crate::plot::Plot;
use crate::report::{Figure, Goal, Section};
use crate::rounds::as_f64;

/// A place for what has none on a logarithmic axis.
const LEAST_DRAWN: f64 = 0.01;

/// What a series is to be, all at most.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Goals {
    /// It stands by itself.
    None,
    /// The middle one, and that which one in a hundred exceeds.
    Quantiles { median: f64, p99: f64 },
    /// The greatest.
    Maximum(f64),
    /// The sum of all rounds.
    Total(f64),
    /// The sum of all rounds, which is told only.
    Sum,
}

/// What is measured round by round.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    /// What is done to the pair.
    pub(super) command: &'static str,
    pub(super) goals: Goals,
}

/// A kind with its samples, one of each round.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Series {
    #[serde(flatten)]
    kind: Kind,
    rounds: usize,
    median: f64,
    p99: f64,
    maximum: f64,
    sum: f64,
    samples: Vec<f64>,
}

impl Series {
    fn new(kind: Kind) -> Self {
        Self { kind, rounds: 0, median: 0.0, p99: 0.0, maximum: 0.0, sum: 0.0, samples: Vec::new() }
    }

    fn add(&mut self, sample: f64) {
        self.samples.push(sample);
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        self.rounds = sorted.len();
        (self.median, self.p99) = (quantile(&sorted, 50), quantile(&sorted, 99));
        self.maximum = quantile(&sorted, 100);
        self.sum = sorted.iter().sum();
    }

    fn figures(&self) -> Vec<Figure> {
        let Kind { name, unit, goals, .. } = self.kind;
        let figure = |part: &str, ours, most: Option<f64>| Figure {
            rounds: Some((self.rounds, 0)),
            ..value(format!("{name}{part}"), unit, ours, most.map(Goal::AtMost))
        };
        let (median, p99, maximum) = match goals {
            Goals::Total(most) => return vec![figure("", self.sum, Some(most))],
            Goals::Sum => return vec![figure("", self.sum, None)],
            Goals::None => (None, None, None),
            Goals::Quantiles { median, p99 } => (Some(median), Some(p99), None),
            Goals::Maximum(most) => (None, None, Some(most)),
        };
        vec![
            figure("/median", self.median, median),
            figure("/p99", self.p99, p99),
            figure("/maximum", self.maximum, maximum),
        ]
    }

    /// Its cumulative curve.
    fn line(&self) -> (String, Vec<(f64, f64)>) {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        let count = as_f64(sorted.len() as u64);
        let points =
            (1..).zip(&sorted).map(|(rank, sample)| (sample.max(LEAST_DRAWN), as_f64(rank) * 100.0 / count));
        (self.kind.name.trim_start_matches("failover/").to_owned(), points.collect())
    }
}

/// The least sample that `percent` of all do not exceed.
fn quantile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// All series, and what else a reader must know of this run.
#[derive(Debug, Default, Serialize)]
pub(super) struct Findings {
    series: Vec<Series>,
    notes: Vec<String>,
}

/// What is in `failover.json`.
#[derive(Serialize)]
struct Document<'a> {
    machine: &'a Machine,
    command: &'a str,
    figures: &'a [Figure],
    failures: &'a [String],
    #[serde(flatten)]
    findings: &'a Findings,
}

impl Findings {
    /// Adds the sample of a round.
    pub(super) fn add(&mut self, kind: Kind, sample: f64) {
        if let Some(series) = self.series.iter_mut().find(|series| series.kind.name == kind.name) {
            return series.add(sample);
        }
        let mut series = Series::new(kind);
        series.add(sample);
        self.series.push(series);
    }

    /// Adds a sentence to the report.
    pub(super) fn note(&mut self, note: String) {
        eprintln!("  {note}");
        self.notes.push(note);
    }

    /// The report's section, without its title.
    pub(super) fn section(&self) -> Section {
        let figures = self.series.iter().flat_map(Series::figures).collect();
        let commands =
            self.series.iter().map(|series| format!("`{}`: {}", series.kind.name, series.kind.command));
        let commands = format!("What is done: {}.", commands.collect::<Vec<_>>().join("; "));
        let remarks = std::iter::once(commands).chain(self.notes.iter().cloned()).collect();
        Section { figures, plots: self.plots(), remarks, ..Section::default() }
    }

    /// Writes `failover.json` with all samples.
    pub(super) fn write(
        &self,
        folder: &Path,
        machine: &Machine,
        command: &str,
        failures: &[String],
    ) -> Result<(), FailoverError> {
        let figures = self.section().figures;
        let document = Document { machine, command, figures: &figures, failures, findings: self };
        let mut json = serde_json::to_vec_pretty(&document)?;
        json.push(b'\n');
        fs::create_dir_all(folder)?;
        Ok(fs::write(folder.join("failover.json"), json)?)
    }

    /// The gaps, as cumulative curves: those of whole failures, and those of stalls.
    fn plots(&self) -> Vec<Plot> {
        let plot = |name: &str, title: &str, has: fn(&str) -> bool| {
            let drawn = self.series.iter().filter(|series| series.kind.unit == "ms" && has(series.kind.name));
            Plot {
                name: name.to_owned(),
                title: title.to_owned(),
                horizontal: "milliseconds without an answer".to_owned(),
                vertical: "percent of the rounds that had no more".to_owned(),
                lines: drawn.map(Series::line).collect(),
            }
        };
        let is_gap = |name: &str| name.contains("gap") && !name.contains("stalls");
        let plots = [
            plot("failover-gaps", "Gaps that clients see", is_gap),
            plot("failover-stalls", "Gaps that clients see, by stall", |name| name.contains("stalls")),
        ];
        plots.into_iter().filter(|plot| !plot.lines.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: Kind = Kind {
        name: "failover/x/gap",
        unit: "ms",
        command: "x",
        goals: Goals::Quantiles { median: 10.0, p99: 50.0 },
    };

    #[test]
    fn quantiles_are_samples() {
        let sorted: Vec<f64> = (1..=100).map(f64::from).collect();
        let found = [50, 99, 100].map(|percent| quantile(&sorted, percent));
        assert_eq!(found, [50.0, 99.0, 100.0]);
        assert_eq!(quantile(&sorted[..10], 99), 10.0);
        assert!(quantile(&[], 50).is_nan());
    }

    #[test]
    fn each_figure_has_its_goal() {
        let mut findings = Findings::default();
        let lost = Kind { name: "failover/x/lost", goals: Goals::Total(0.0), ..GAP };
        for (gap, count) in [(7.0, 0.0), (60.0, 1.0), (8.0, 2.0)] {
            findings.add(GAP, gap);
            findings.add(lost, count);
        }
        let figures = findings.section().figures;
        let found: Vec<_> =
            figures.iter().map(|figure| (figure.name.as_str(), figure.ours, figure.met)).collect();
        assert_eq!(
            found,
            [
                ("failover/x/gap/median", 8.0, Some(true)),
                ("failover/x/gap/p99", 60.0, Some(false)),
                ("failover/x/gap/maximum", 60.0, None),
                ("failover/x/lost", 3.0, Some(false)),
            ]
        );
        assert_eq!(findings.section().plots.len(), 1);
    }
}
