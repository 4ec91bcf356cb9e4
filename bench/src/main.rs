//! Measures Understudy against its peers and writes `report.json`, `report.md` and plots. Run by `scripts/bench`.
//!
//! Development only: the product never names this crate.

mod graph;
mod load;
mod plot;
mod report;
mod rounds;

fn main() {}
