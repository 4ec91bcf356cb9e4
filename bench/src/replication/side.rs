//! One unit of a pair: a shard, and the replication core that serves it, in turn on one thread.

use appliance::Path;
use model::{Instant, ShardOrder, UnitState};

use super::core::Core;
use crate::graph::unit::Unit;

/// Orders carried out before the next thing has its turn.
const ORDERS_AT_ONCE: usize = 4_096;

/// A shard and its replication core.
pub(super) struct Side<'a> {
    pub(super) unit: Unit,
    pub(super) core: Core<'a>,
    /// The shard's clock was there before the core's.
    ahead: Instant,
    kept_back: Option<ShardOrder>,
}

impl<'a> Side<'a> {
    pub(super) fn new(mut unit: Unit, path: &'a mut Path, state: UnitState, lost_per_mille: u32) -> Self {
        let ahead = unit.now;
        unit.shard.set_state(ahead, state);
        Self { unit, core: Core::new(path, state, lost_per_mille), ahead, kept_back: None }
    }

    /// All that there is to do beside packets.
    pub(super) fn round(&mut self) {
        let now = self.core.now();
        self.unit.now = self.ahead + now.since(Instant::START);
        self.core.receive(now);
        self.carry_out(now);
        let shard = &mut self.unit.shard;
        shard.set_listened(self.core.replicator.wants_updates());
        shard.work(self.unit.now);
        self.report(now);
        self.core.transmit(now);
    }

    fn carry_out(&mut self, now: Instant) {
        for _ in 0..ORDERS_AT_ONCE {
            let Some(order) = self.kept_back.take().or_else(|| self.core.replicator.poll_order()) else {
                break;
            };
            if self.unit.shard.is_busy() {
                self.kept_back = Some(order);
                break;
            }
            self.unit.shard.order(self.unit.now, order);
            self.report(now);
        }
    }

    fn report(&mut self, now: Instant) {
        while let Some(report) = self.unit.shard.take_report() {
            self.core.replicator.report(now, 0, report);
        }
    }

    /// Whether this unit knows that both have the same.
    pub(super) fn is_synchronized(&self) -> bool {
        self.core.replicator.status(self.core.now()).is_synchronized
    }
}
