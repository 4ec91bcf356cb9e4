//! What the benchmarks send: connections by number, the order in which they come, and the buffers that hold their
//! frames. The same numbers and seeds give the same frames, in every run.
//!
//! Nothing here belongs to a timed part.

pub(crate) mod frames;
pub(crate) mod order;
pub(crate) mod ring;
