//! The data path alone, in this process: prepared batches go through a shard, and nothing else is in the time.
//!
//! Each file is one benchmark, with a peer in the same run where there is one; `unit` and `pass` are what they share.

mod control;
mod error;
mod figures;
pub(crate) mod footprint;
mod hash_nat;
mod housekeeping;
pub(crate) mod lifetimes;
mod pass;
pub(crate) mod scale;
pub(crate) mod smoke;
pub(crate) mod stalls;
mod stream;
mod swap;
pub(crate) mod translation;
mod tsc;
mod unit;

pub(crate) use error::GraphError;
