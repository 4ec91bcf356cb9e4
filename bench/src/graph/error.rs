//! Why a benchmark has no result.

/// Why a benchmark has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GraphError {
    /// The unit's configuration is wrong.
    #[error("the configuration was refused: {0}")]
    Configuration(String),
    /// Something else than forwarding would have been measured.
    #[error("{count} frames of a batch were not forwarded")]
    NotForwarded {
        /// How many.
        count: usize,
    },
    /// What was forwarded is wrong.
    #[error("a forwarded frame is wrong: {0}")]
    Checksum(String),
    /// A peer's environment does not start.
    #[error(transparent)]
    Eal(#[from] &'static dpdk::EalError),
    /// A peer has no memory for its table.
    #[error(transparent)]
    NoMemory(#[from] crate::peers::rte_hash::NoMemory),
    /// A peer's table took fewer connections than it was made for.
    #[error("rte_hash has no place for more than {connections} connections")]
    TableFull {
        /// How many it took.
        connections: u32,
    },
    /// A peer does something else.
    #[error("the peer makes another frame than the unit of number {place} of a batch")]
    Differs {
        /// Its place in the batch.
        place: usize,
    },
    /// A walk over all connections did not meet all of them.
    #[error("{connections} connections remain where none was to")]
    Remaining {
        /// How many.
        connections: usize,
    },
    /// The kernel does not tell about memory.
    #[error("can not read how much memory there is: {0}")]
    Status(std::io::Error),
    /// What the kernel tells about memory is not what was expected.
    #[error("the kernel does not say how much memory there is")]
    StatusIncomplete,
}
