//! How much is measured: all of it, or as little as shows that it works.

use std::time::Duration;

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// To be quoted.
    Full,
    /// To see whether it works.
    Quick,
}

impl Effort {
    /// What the command line asks for.
    pub(crate) const fn new(quick: bool) -> Self {
        if quick { Self::Quick } else { Self::Full }
    }

    const fn pick<T: Copy>(self, full: T, quick: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }

    /// Rounds of a comparison: many short ones, so that some fall between what the machine has to do else.
    pub(crate) const fn rounds(self) -> usize {
        self.pick(31, 5)
    }

    /// Runs of what is not compared.
    pub(crate) const fn runs(self) -> usize {
        self.pick(5, 1)
    }

    /// Batches in a round of one side: some milliseconds.
    pub(crate) const fn batches(self) -> u32 {
        self.pick(640, 256)
    }

    /// Connections that a unit is given at most.
    pub(crate) const fn connections(self) -> u32 {
        self.pick(16_000_000, 1_000_000)
    }

    /// Time of the unit's clock until connections are forgotten as fast as they come.
    pub(crate) const fn warm_up(self) -> Duration {
        Duration::from_millis(self.pick(1_500, 1_050))
    }
}
