//! Why replication could not be measured.

use crate::graph::GraphError;
use crate::rivals::RivalsError;

/// Why replication could not be measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplicationError {
    /// The cable between the units.
    #[error(transparent)]
    Cable(#[from] RivalsError),
    /// An end of it.
    #[error(transparent)]
    Path(#[from] appliance::PathError),
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
