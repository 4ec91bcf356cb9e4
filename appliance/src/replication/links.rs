//! The rings between the replication core and the workers.
//!
//! A full ring never blocks a worker: what its shard can not tell stays there, and what does not fit there is lost and
//! found again by the comparison of digests.

use std::sync::Arc;

use director::Shard;
use model::limits::UPDATE_RING;
use model::{Instant, ShardOrder, ShardReport, UnitState};
use rtrb::{Consumer, Producer, RingBuffer};

use super::switch::StateSwitch;

/// Orders that a worker carries out between two bursts: some microseconds.
const ORDERS_AT_ONCE: usize = 64;

/// What the replication core sends a worker.
pub(crate) enum ToShard {
    /// For its shard.
    Order(ShardOrder),
    /// From here on the unit is in this state.
    State(UnitState),
}

/// A worker's end.
pub(crate) struct WorkerLink {
    worker: usize,
    reports: Producer<ShardReport>,
    orders: Consumer<ToShard>,
    switch: Arc<StateSwitch>,
}

/// The replication core's end of the rings to one worker.
pub(crate) struct CoreLink {
    reports: Consumer<ShardReport>,
    orders: Producer<ToShard>,
}

/// The two rings between `worker` and the replication core.
pub(crate) fn shard_rings(worker: usize, switch: &Arc<StateSwitch>) -> (WorkerLink, CoreLink) {
    let (reports, core_reports) = RingBuffer::new(UPDATE_RING);
    let (core_orders, orders) = RingBuffer::new(UPDATE_RING);
    let link = WorkerLink { worker, reports, orders, switch: Arc::clone(switch) };
    (link, CoreLink { reports: core_reports, orders: core_orders })
}

impl WorkerLink {
    /// Passes on what the shard has to tell, as far as there is room.
    #[inline]
    pub(crate) fn tell(&mut self, shard: &mut Shard) {
        let count = shard.reports().min(self.reports.slots());
        if count > 0
            && let Ok(room) = self.reports.write_chunk_uninit(count)
        {
            room.fill_from_iter(shard.take_reports(count));
        }
    }

    /// Carries out the next orders, and a slice of what is under way. Returns whether there was anything to do.
    pub(crate) fn obey(&mut self, shard: &mut Shard, now: Instant) -> bool {
        shard.set_listened(self.switch.is_listened());
        if shard.is_busy() && self.switch.wanted() == Some(UnitState::Active) {
            // A takeover does not wait for the end of a sweep, which takes the longer the larger the table is.
            shard.abandon_sweep();
        }
        let mut taken = 0;
        while taken < ORDERS_AT_ONCE && !shard.is_busy() {
            if matches!(self.orders.peek(), Ok(ToShard::State(UnitState::Standby))) {
                // What it has told goes first; as it forwards nothing any more, that becomes less.
                self.tell(shard);
                if shard.reports() > 0 {
                    break;
                }
            }
            match self.orders.pop() {
                Ok(ToShard::Order(order)) => shard.order(now, order),
                Ok(ToShard::State(state)) => {
                    // What it told before is told; with its state it forgets the rest.
                    self.tell(shard);
                    shard.set_state(now, state);
                    self.switch.followed(self.worker, state);
                }
                Err(_) => break,
            }
            taken += 1;
        }
        let worked = shard.work(now);
        self.tell(shard);
        worked || taken > 0
    }
}

impl CoreLink {
    /// The next thing that the worker's shard told.
    pub(crate) fn receive(&mut self) -> Option<ShardReport> {
        self.reports.pop().ok()
    }

    /// Whether nothing of what the worker's shard told is left.
    pub(crate) fn is_drained(&self) -> bool {
        self.reports.is_empty()
    }

    /// Whether the worker can be sent something.
    pub(crate) fn has_room(&self) -> bool {
        !self.orders.is_full()
    }

    /// Sends the worker something, for which there must be [room](Self::has_room).
    pub(crate) fn send(&mut self, message: ToShard) {
        let sent = self.orders.push(message);
        debug_assert!(sent.is_ok(), "the caller looked for room");
    }
}
