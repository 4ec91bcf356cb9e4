//! Runs of seeds, and what came of them.

use std::time::Duration;

use model::Instant;

use crate::{pair, scripted};

/// Between two steps.
pub(crate) const STEP: Duration = Duration::from_micros(500);

/// Tables are compared so often, in nanoseconds: at each step it would take most of the time.
pub(crate) const COMPARISON: u64 = 8_000_000;

/// Why a seed failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) at: Instant,
    pub(crate) what: String,
}

/// What happened in a run, to see that it was not nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) connections: u32,
    /// Crashes: the unit starts anew, with nothing.
    pub(crate) crashes: u32,
    /// Units that became active.
    pub(crate) takeovers: u32,
    pub(crate) stalls: u32,
    /// Stalls of workers alone.
    pub(crate) worker_stalls: u32,
    /// Links and cables that were cut or disturbed, one at a time.
    pub(crate) cuts: u32,
    /// All of them at once.
    pub(crate) splits: u32,
    /// Switches that were planned: by operators, roles, reachability.
    pub(crate) switches: u32,
    /// Single failures of a pair that was whole, after which it was whole again.
    pub(crate) single_failures: u32,
    /// Connections that had to live through those, and did.
    pub(crate) kept: u64,
    /// Connections that were lost where nothing was promised.
    pub(crate) lost: u32,
    /// How long both units forwarded, as they could not hear each other.
    pub(crate) dual: Duration,
    /// Connections that the units learned by watching since they last started.
    pub(crate) observed: u64,
    /// The longest from the last fault to one active unit, and to equal tables.
    pub(crate) settling: Duration,
    pub(crate) healing: Duration,
}

/// Runs `seed`. One of four is a pair that is told who is active; in the others the units decide.
///
/// # Errors
///
/// What went wrong, if something did.
pub(crate) fn run(seed: u64) -> Result<Summary, Failure> {
    if seed % 4 == 3 { scripted::run(seed) } else { pair::run(seed) }
}

impl Summary {
    /// Adds another run.
    pub(crate) fn add(&mut self, run: &Self) {
        self.connections += run.connections;
        self.crashes += run.crashes;
        self.takeovers += run.takeovers;
        self.stalls += run.stalls;
        self.worker_stalls += run.worker_stalls;
        self.cuts += run.cuts;
        self.splits += run.splits;
        self.switches += run.switches;
        self.single_failures += run.single_failures;
        self.kept += run.kept;
        self.lost += run.lost;
        self.dual += run.dual;
        self.observed += run.observed;
        self.settling = self.settling.max(run.settling);
        self.healing = self.healing.max(run.healing);
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { connections, crashes, takeovers, stalls, worker_stalls, cuts, splits, switches, .. } =
            self;
        writeln!(
            formatter,
            "{takeovers} takeovers; {crashes} crashes, {stalls} stalls, {worker_stalls} of workers only, {cuts} cuts, \
             {splits} splits, {switches} planned switches"
        )?;
        writeln!(
            formatter,
            "{connections} connections, {} of them learned by watching; {} lived through {} single failures and switches, \
             {} were lost to several at once",
            self.observed, self.kept, self.single_failures, self.lost
        )?;
        write!(
            formatter,
            "both forwarded for {:.3?} while they could not hear each other; after the last fault the slowest had one \
             active unit within {:.3?}, and equal tables within {:.3?}",
            self.dual, self.settling, self.healing
        )
    }
}
