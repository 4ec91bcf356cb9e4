//! Why forwarding could not be measured.

use std::io;
use std::process::ExitStatus;

/// Why forwarding could not be measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BedError {
    /// A program is missing or may not be run.
    #[error("can not start {name}: {source}")]
    NotStarted {
        /// The program.
        name: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A program ended by itself.
    #[error("{name} ended with {status}:\n{log}")]
    Ended {
        /// The program.
        name: &'static str,
        /// How.
        status: ExitStatus,
        /// The end of its log.
        log: String,
    },
    /// A program does not say what is waited for.
    #[error("{name} does not answer to {command:?}; its log ends with:\n{log}")]
    Silent {
        /// The program.
        name: &'static str,
        /// What it was asked.
        command: String,
        /// The end of its log.
        log: String,
    },
    /// A program says something unexpected.
    #[error("{name} answers {answer:?} to {command:?}")]
    Unexpected {
        /// The program.
        name: &'static str,
        /// What it was asked.
        command: String,
        /// What it answered.
        answer: String,
    },
    /// The unit does not come to the state that the benchmark needs.
    #[error("the unit has no {what}: {seen}")]
    NotReady {
        /// What it should have.
        what: String,
        /// What it has.
        seen: String,
    },
    /// More packets were lost than can be overlooked.
    #[error("{name} lost {lost} of {received} packets{why}")]
    Lossy {
        /// The program.
        name: &'static str,
        /// Packets received and not forwarded.
        lost: u64,
        /// Packets received.
        received: u64,
        /// What the program says about it.
        why: String,
    },
    /// A port did not take packets.
    #[error("{name} could not send {dropped} packets")]
    Dropped {
        /// The program.
        name: &'static str,
        /// Packets that were not sent.
        dropped: u64,
    },
    /// Nothing moved.
    #[error("{0} forwarded nothing")]
    Idle(&'static str),
    /// A file or a pipe failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What should be JSON is none.
    #[error("not JSON as expected: {0}")]
    Json(#[from] serde_json::Error),
}
