//! How much of it is done.

use std::path::Path;
use std::time::Duration;

use crate::Context;

/// How much of it is done, and to which program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort<'a> {
    pub(super) understudy: &'a Path,
    /// Of deaths, hangs and planned switches.
    pub(super) rounds: usize,
    /// Of what fails beside the active unit, of each kind.
    pub(super) faults: usize,
    /// How long stalls go on.
    pub(super) stalls: Duration,
}

impl<'a> Effort<'a> {
    pub(super) fn new(context: &'a Context) -> Self {
        let (rounds, faults) = if context.quick { (10, 3) } else { (100, 10) };
        let seconds = match (context.quick, context.long) {
            (true, _) => 20,
            (false, false) => 300,
            (false, true) => 3_600,
        };
        Self { understudy: &context.understudy, rounds, faults, stalls: Duration::from_secs(seconds) }
    }
}
