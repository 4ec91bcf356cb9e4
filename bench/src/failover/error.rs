//! Why failover could not be measured.

use std::io;

use appliance::management::ClientError;

use crate::rivals::RivalsError;

/// Why failover could not be measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FailoverError {
    /// The namespaces, and what runs in them.
    #[error(transparent)]
    Lab(#[from] RivalsError),
    /// A unit that was asked.
    #[error(transparent)]
    Unit(#[from] ClientError),
    /// A socket or a file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The samples could not be written.
    #[error("can not write the samples: {0}")]
    Json(#[from] serde_json::Error),
    /// It did not come to what was to be measured.
    #[error("waited in vain for {what}; {seen}")]
    InVain { what: String, seen: String },
    /// A unit answers something else than it was asked.
    #[error("a unit answers something else than it was asked")]
    Answer,
    /// A program error.
    #[error("a thread panicked")]
    Panicked,
}
