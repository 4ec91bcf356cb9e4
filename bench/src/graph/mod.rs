//! The data path alone, in this process: prepared batches go through a shard, and nothing else is in the time.
//!
//! Each file is one benchmark, with a peer in the same run where there is one; `unit` and `pass` are what they share.

pub(crate) mod choosing;
mod control;
mod effort;
mod error;
pub(crate) mod figures;
pub(crate) mod footprint;
pub(crate) mod housekeeping;
pub(crate) mod lifetimes;
pub(crate) mod pass;
mod quiet;
mod rte_hash_loop;
pub(crate) mod scale;
pub(crate) mod smoke;
pub(crate) mod stages;
pub(crate) mod stalls;
pub(crate) mod stream;
mod swap;
pub(crate) mod translation;
pub(crate) mod unit;

pub(crate) use effort::Effort;
pub(crate) use error::GraphError;

use crate::Context;
use crate::affinity::Pinned;
use crate::report::{Outcome, Section};

/// Runs one of the benchmarks, on one CPU.
pub(crate) fn run(context: &Context, benchmark: fn(Effort) -> Result<Section, GraphError>) -> Outcome {
    let _pinned = Pinned::here();
    benchmark(Effort::new(context.quick)).into()
}
