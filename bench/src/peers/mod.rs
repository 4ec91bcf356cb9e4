//! What this project is compared with inside one process.

pub(crate) mod eal;
pub(crate) mod prefetch;
pub(crate) mod rte_hash;
