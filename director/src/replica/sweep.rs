//! What a standby has beside all that a pass told: it is stale, and goes, a bounded slice at a time.

use std::sync::Arc;

use model::RangeSet;
use model::limits::WALK_SLOTS;
use packet::Address;

use crate::connection::{Connection, Marks};
use crate::lane::Lane;
use crate::shard::Core;
use crate::{Cursor, Shard};

/// A sweep over the tables.
pub(super) struct Sweep {
    pub(super) pass: u8,
    pub(super) ranges: Arc<RangeSet>,
    /// Where it goes on.
    at: Cursor,
}

impl Sweep {
    pub(super) fn new(pass: u8, ranges: Arc<RangeSet>) -> Self {
        Self { pass, ranges, at: Cursor::default() }
    }
}

impl Shard {
    /// Goes on with a sweep. Returns whether there was one.
    pub(super) fn sweep(&mut self) -> bool {
        let Some(mut sweep) = self.core.replica.as_mut().and_then(|replica| replica.sweep.take()) else {
            return false;
        };
        let next = if sweep.at.second_family {
            self.v6.remove_stale(&mut self.core, &sweep)
        } else {
            self.v4.remove_stale(&mut self.core, &sweep)
        };
        match (next, sweep.at.second_family) {
            (Some(slot), _) => sweep.at.slot = slot,
            (None, false) => sweep.at = Cursor { second_family: true, slot: 0 },
            (None, true) => {
                self.core.end_sweep(&sweep);
                return true;
            }
        }
        if let Some(replica) = &mut self.core.replica {
            replica.sweep = Some(sweep);
        }
        true
    }
}

impl Core {
    /// The last slice: what is kept aside. It is little.
    fn end_sweep(&mut self, sweep: &Sweep) {
        let Some(replica) = &mut self.replica else { return };
        let removed = replica.aside.sweep(&mut replica.digests, &sweep.ranges, sweep.pass);
        self.counters.replica.aside_ended.add(removed);
    }

    fn lies_in<A: Address>(&self, connection: &Connection<A>, ranges: &RangeSet) -> bool {
        let replica = self.replica.as_ref();
        replica.is_some_and(|replica| ranges.contains(replica.digests.range(&connection.ends())))
    }
}

impl<A: Address> Lane<A> {
    /// Removes stale connections from the sweep's slot on. Returns the slot to go on at; `None` at the end.
    fn remove_stale(&mut self, core: &mut Core, sweep: &Sweep) -> Option<usize> {
        let end = sweep.at.slot.saturating_add(WALK_SLOTS).min(self.table.slots());
        let mut slot = sweep.at.slot;
        while let Some(id) = self.table.next_occupied(slot, end) {
            slot = id.index() + 1;
            let is_stale = self.table.get(id).is_some_and(|connection| {
                connection.marks.contains(Marks::REPLICATED)
                    && connection.pass != sweep.pass
                    && core.lies_in(connection, &sweep.ranges)
            });
            if is_stale {
                self.remove(core, id);
                core.counters.replica.stale_removed.add(1);
            }
        }
        (end < self.table.slots()).then_some(end)
    }
}
