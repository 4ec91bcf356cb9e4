//! Which real servers can be reached now, and how: what the table of next hops says of each, asked once for each table.
//!
//! It must never outlive the table that it was read from: [`Targets::is_of`] is asked before each use.

use model::DropReason;

use crate::connection::Hop;
use crate::lane::{Unreachable, resolve};
use crate::predictor::Standing;
use crate::{Configuration, NextHopTable};

/// The way to each real server, by the configuration's index.
#[derive(Debug)]
pub(crate) struct Targets {
    /// The table that this was read from; `None` before the first.
    revision: Option<u64>,
    /// The next hop, or what becomes of a packet that needs it.
    hops: Box<[Result<Hop, Unreachable>]>,
}

impl Targets {
    /// No way is known.
    pub(crate) fn new(configuration: &Configuration) -> Self {
        let nowhere = Err(Unreachable::Refused(DropReason::NoRoute));
        Self { revision: None, hops: vec![nowhere; configuration.real_servers().len()].into() }
    }

    /// Whether this was read from `next_hops`, as it is now.
    #[inline]
    pub(crate) fn is_of(&self, next_hops: &NextHopTable) -> bool {
        self.revision == Some(next_hops.revision())
    }

    /// Asks `next_hops` for the way to each real server.
    pub(crate) fn read(&mut self, configuration: &Configuration, next_hops: &NextHopTable) {
        self.revision = Some(next_hops.revision());
        for (hop, real) in self.hops.iter_mut().zip(configuration.real_servers()) {
            *hop = resolve(next_hops, real.name().address);
        }
    }

    /// Whether `real_server` can be reached.
    pub(crate) fn standing(&self, real_server: usize) -> Standing {
        match self.hops[real_server] {
            Ok(_) => Standing::Reachable,
            Err(Unreachable::Awaits { .. }) => Standing::Awaited,
            Err(Unreachable::Refused(_)) => Standing::Unreachable,
        }
    }

    /// The next hop of `real_server`, or what becomes of a packet that needs it.
    #[inline]
    pub(crate) fn hop(&self, real_server: usize) -> Result<Hop, Unreachable> {
        self.hops[real_server]
    }
}
