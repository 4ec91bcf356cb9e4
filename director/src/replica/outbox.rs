//! What a shard has to tell the replication core, until its worker takes it. It never grows.

use std::collections::VecDeque;

use model::ShardReport;
use model::limits::{UPDATES, WALK_SLOTS};

/// What a walk and digests may fill. The rest is for live updates, which are lost where there is no room.
const UNHURRIED: usize = UPDATES / 4;

const _: () = assert!(UNHURRIED >= WALK_SLOTS);

/// Reports in order.
pub(super) struct Outbox(VecDeque<ShardReport>);

impl Outbox {
    pub(super) fn new() -> Self {
        Self(VecDeque::with_capacity(UPDATES))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is room for nothing more.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= UPDATES
    }

    /// Whether there is room for what may as well wait.
    pub(super) fn has_unhurried_room(&self) -> bool {
        self.0.len() < UNHURRIED
    }

    /// Queues `report`. Returns whether there was room.
    pub(super) fn push(&mut self, report: ShardReport) -> bool {
        let has_room = !self.is_full();
        if has_room {
            self.0.push_back(report);
        }
        has_room
    }

    pub(super) fn pop(&mut self) -> Option<ShardReport> {
        let report = self.0.pop_front();
        if self.0.is_empty() {
            // It goes on at the start, so that a queue which is emptied often stays in the nearest cache.
            self.0.clear();
        }
        report
    }

    /// The next reports, as many as there are but no more than `most`.
    pub(super) fn drain(&mut self, most: usize) -> impl Iterator<Item = ShardReport> {
        let count = most.min(self.0.len());
        self.0.drain(..count)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
