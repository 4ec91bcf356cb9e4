//! Why the rivals could not be compared.

use std::io;
use std::process::ExitStatus;

use nix::errno::Errno;

/// Why the rivals could not be compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RivalsError {
    /// A namespace could not be made or entered.
    #[error("can not use a network namespace (that needs root): {0}")]
    Namespace(#[source] Errno),
    /// A socket or a file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A kernel parameter that the namespace does not have, or not with this value.
    #[error("can not set {parameter} to {value}: {source}")]
    Parameter { parameter: String, value: String, source: io::Error },
    /// A program that is not installed, say.
    #[error("{program} does not run: {source}")]
    NotStarted { program: String, source: io::Error },
    /// A program that was to do its work and end well.
    #[error("{program} failed: {said}")]
    Failed { program: String, said: String },
    /// A balancer that was to run to the end.
    #[error("{program} ended by itself with {status}; the end of its log:\n{log}")]
    Ended { program: String, status: ExitStatus, log: String },
    /// A balancer that runs, but does not balance.
    #[error("{balancer} does not carry {what}: {seen}")]
    NotReady { balancer: &'static str, what: &'static str, seen: String },
    /// Nothing came through in a whole window.
    #[error("{balancer}: nothing came through ({failed} attempts failed)")]
    Nothing { balancer: &'static str, failed: u64 },
    /// A line of the kernel's that this program does not understand.
    #[error("{0} can not be read")]
    Unreadable(&'static str),
}

impl From<Errno> for RivalsError {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}
