//! Why a transaction was not carried out.

use std::io;
use std::path::PathBuf;

use director::NoNumber;

/// Why a transaction was not carried out: nothing has changed, unless it is said.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransactionError {
    /// A command is wrong, or what it leads to is.
    #[error("{0}")]
    Wrong(String),
    /// What it leads to can not be had without a new start.
    #[error("{0}")]
    NeedsStart(String),
    /// Live connections would lose their binding.
    #[error(
        "{0} live connections would be cut off; take servers out of service first (`out-of-service`) and wait until `show real` says that none remain, or repeat it with --force"
    )]
    Orphans(u64),
    /// There is no room for what it adds.
    #[error(transparent)]
    NoNumber(#[from] NoNumber),
    /// Somebody else has written the document.
    #[error(
        "{} was edited since this unit read or wrote it; what was edited would be lost. Read it in with a new start of the unit, or write over it with --force", .0.display()
    )]
    Edited(PathBuf),
    /// The document can not be written.
    #[error("{} can not be written: {source}", .path.display())]
    Disk {
        /// The document.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The document that waits for a new start is newer than what would be changed.
    #[error("this unit is about to start anew with another configuration; try again then")]
    AwaitsStart,
    /// There are no higher generations.
    #[error(
        "the generation of the configuration can not grow any more; lower it in director.json on both units"
    )]
    LastGeneration,
    /// A worker has not taken the configuration before.
    #[error(
        "worker {0} has not taken the last change yet; the unit may be overloaded, or that worker is stuck"
    )]
    Late(usize),
    /// A worker has not taken this one.
    #[error(
        "the configuration is changed, but worker {0} has not taken it in time; it will as soon as it goes on"
    )]
    Unfinished(usize),
}
