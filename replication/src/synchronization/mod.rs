//! How two units come to agree, and know it: rounds of digests, and passes over the ranges that differ.

mod comparing;
mod telling;

pub use comparing::Agreement;
pub(crate) use comparing::Comparing;
pub use telling::PassProgress;
pub(crate) use telling::Telling;
