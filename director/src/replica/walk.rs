//! What an active shard tells anew: all connections of some ranges, and the digests of all, a bounded slice at a time.

use std::sync::Arc;

use flow_table::FlowId;
use model::limits::{DIGEST_RANGES, WALK_SLOTS};
use model::{ConnectionRecord, RangeSet, ShardReport, Update};
use packet::Address;

use super::Replica;
use crate::connection::{Connection, Marks};
use crate::lane::Lane;
use crate::plan::Plan;
use crate::{Cursor, Shard, Steering};

/// A walk over the tables.
pub(super) struct Walk {
    pub(super) pass: u8,
    pub(super) ranges: Arc<RangeSet>,
    /// Where it goes on.
    at: Cursor,
    /// Connections that may be told yet.
    pub(super) grants: u32,
    /// All is told, but that it is.
    is_over: bool,
}

/// A round of digests that is being told.
#[derive(Clone, Copy)]
pub(super) struct Telling {
    pub(super) round: u32,
    /// The range whose digest is told next.
    pub(super) range: u16,
}

impl Walk {
    pub(super) fn new(pass: u8, ranges: Arc<RangeSet>) -> Self {
        // One over no ranges is for another shard.
        let is_over = ranges.is_empty();
        Self { pass, ranges, at: Cursor::default(), grants: 0, is_over }
    }

    /// Goes on at slot `next` of the same table, or behind it.
    fn go_on(&mut self, next: Option<usize>) {
        match next {
            Some(slot) => self.at.slot = slot,
            None if !self.at.second_family => self.at = Cursor { second_family: true, slot: 0 },
            None => self.is_over = true,
        }
    }
}

impl Shard {
    /// Goes on with a walk. Returns whether it got on.
    pub(super) fn walk(&mut self) -> bool {
        let Some(replica) = &mut self.core.replica else { return false };
        let Some(mut walk) = replica.walk.take() else { return false };
        let before = walk.at;
        if !walk.is_over {
            let next = if walk.at.second_family {
                self.v6.tell_some(&self.core.plan, replica, &mut walk)
            } else {
                self.v4.tell_some(&self.core.plan, replica, &mut walk)
            };
            walk.go_on(next);
        }
        if walk.is_over && replica.outbox.has_unhurried_room() {
            return replica.outbox.push(ShardReport::Walked { pass: walk.pass });
        }
        let got_on = walk.at != before;
        replica.walk = Some(walk);
        got_on
    }
}

impl Replica {
    /// Goes on with telling digests. Returns whether it got on.
    pub(super) fn tell_digests(&mut self, steering: Steering, index: u16) -> bool {
        let Some(Telling { round, range: first }) = self.telling.take() else { return false };
        let mut range = first;
        while self.outbox.has_unhurried_room() {
            if usize::from(range) >= DIGEST_RANGES {
                return self.outbox.push(ShardReport::DigestsTold { round });
            }
            if steering.owner_of_range(range) == index {
                let digest = self.digests.of(range);
                self.outbox.push(ShardReport::Update(Update::Digest { range, digest }));
            }
            range += 1;
        }
        self.telling = Some(Telling { round, range });
        range != first
    }
}

impl<A: Address> Lane<A> {
    /// Tells the connections of the walk's ranges from its slot on. Returns the slot to go on at; `None` at the end.
    fn tell_some(&self, plan: &Plan, replica: &mut Replica, walk: &mut Walk) -> Option<usize> {
        let end = walk.at.slot.saturating_add(WALK_SLOTS).min(self.table.slots());
        let mut slot = walk.at.slot;
        while let Some(id) = self.table.next_occupied(slot, end) {
            slot = id.index() + 1;
            let Some(record) = self.record_in(plan, replica, id, &walk.ranges) else { continue };
            if walk.grants == 0 || !replica.outbox.has_unhurried_room() {
                return Some(id.index());
            }
            walk.grants -= 1;
            replica.outbox.push(ShardReport::Update(Update::Create(record)));
        }
        (end < self.table.slots()).then_some(end)
    }

    /// What the other unit is told of connection `id`, if it is told, and the connection lies in `ranges`.
    fn record_in(
        &self,
        plan: &Plan,
        replica: &Replica,
        id: FlowId,
        ranges: &RangeSet,
    ) -> Option<ConnectionRecord> {
        // Before the whole record is put together: most lie in other ranges.
        let ends = self.table.get(id)?.ends();
        ranges.contains(replica.digests.range(&ends)).then(|| self.record(plan, id)).flatten()
    }

    /// What the other unit is told of connection `id`, if it is told. Of buddies, it is told of those that it knows.
    pub(super) fn record(&self, plan: &Plan, id: FlowId) -> Option<ConnectionRecord> {
        let connection =
            self.table.get(id).filter(|connection| connection.marks.contains(Marks::REPLICATED))?;
        let buddy = connection
            .marks
            .contains(Marks::BUDDY)
            .then(|| self.table.get(self.buddies.next(id)?))
            .flatten()
            .filter(|buddy| buddy.marks.contains(Marks::REPLICATED))
            .map(Connection::ends);
        Some(plan.record(connection, buddy))
    }
}
