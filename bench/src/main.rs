//! Measures Understudy against its peers and writes `report.json`, `report.md` and plots. Run by `scripts/bench`.
//!
//! Development only: the product never names this crate.

mod clock;
mod plot;
mod report;
mod rivals;
mod rounds;

fn main() {}
