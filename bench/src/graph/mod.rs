//! The data path alone, in this process: prepared batches go through a shard, and nothing else is in the time.
//!
//! Each file is one benchmark, with a peer in the same run where there is one; `unit` and `pass` are what they share.

mod control;
mod error;
mod figures;
mod footprint;
mod housekeeping;
mod lifetimes;
mod pass;
mod scale;
pub(crate) mod smoke;
mod stalls;
mod stream;
mod swap;
mod translation;
mod tsc;
mod unit;

pub(crate) use error::GraphError;

use crate::report::Section;

/// Runs all of them.
///
/// # Errors
///
/// The first benchmark's that did not do what it was to measure.
pub(crate) fn run() -> Result<Vec<Section>, GraphError> {
    Ok(vec![translation::run()?, scale::run()?, lifetimes::run()?, stalls::run()?, footprint::run()?])
}
