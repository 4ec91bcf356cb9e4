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
}
