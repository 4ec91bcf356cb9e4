//! What can be checked on any machine, however busy: that packets allocate nothing, and how many instructions they take.

mod allocations;
pub(crate) mod allocator;
pub(crate) mod instructions;
mod scenarios;

use super::GraphError;

/// What is not as it was, or could not be found out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SmokeError {
    /// A packet path allocates.
    #[error("{count} allocations {scenario}: the data path must not allocate")]
    Allocated {
        /// On what occasion.
        scenario: String,
        /// How often.
        count: u64,
    },
    /// A path was not the one that was to be looked at.
    #[error("a packet got the verdict {verdict} {scenario}, which is not what this is about")]
    Unexpected {
        /// On what occasion.
        scenario: String,
        /// The verdict.
        verdict: String,
    },
    /// The instructions were not counted.
    #[error("can not run valgrind (on Debian: apt-get install valgrind): {0}")]
    Valgrind(std::io::Error),
    /// Valgrind said something else than a count.
    #[error("valgrind counted nothing: {0}")]
    NotCounted(String),
    /// The kept figures are not there, or can not be written.
    #[error("{path}: {source}")]
    Kept {
        /// The file.
        path: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The kept figures are no figures.
    #[error("the kept figures: {0}")]
    Figures(#[from] serde_json::Error),
    /// Packets take more instructions.
    #[error("packets take more instructions: {}; if that is as it has to be, renew the figures with --bless", .0.join(", "))]
    Slower(Vec<String>),
    /// The unit did not do what it was to do.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

/// All checks. With `bless`, what is found becomes what is kept.
///
/// # Errors
///
/// The first check that fails.
pub(crate) fn smoke(bless: bool) -> Result<(), SmokeError> {
    allocations::check()?;
    println!("allocations per packet: none");
    instructions::check(bless)
}
