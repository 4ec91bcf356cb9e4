//! Why replication could not be measured.

use crate::graph::GraphError;
use crate::rivals::RivalsError;

/// Why replication could not be measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplicationError {
    /// The cable between the units.
    #[error(transparent)]
    Cable(#[from] RivalsError),
    /// A socket.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The units behind the cores.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// It did not come to what was to be measured.
    #[error("replication: waited in vain for {0}")]
    InVain(&'static str),
    /// A program error.
    #[error("replication: a thread panicked")]
    Panicked,
}
