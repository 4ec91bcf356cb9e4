//! What the worker does between bursts, in the measure in which it does it (`appliance/src/worker.rs`).

use std::time::Duration;

use director::Shard;
use model::Instant;
use model::limits::EXPIRY_SLOTS;

/// Time between two looks for idle connections, and how many looks go once round the table unless they are cut short.
pub(crate) const EXPIRY_PERIOD: Duration = Duration::from_micros(100);
const EXPIRY_ROUNDS: usize = 10_000;

/// When to look for idle connections again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Housekeeping {
    expire_at: Instant,
}

impl Housekeeping {
    /// Looks, if it is time.
    #[inline]
    pub(crate) fn attend(&mut self, shard: &mut Shard, now: Instant) {
        if now >= self.expire_at {
            self.expire_at = now + EXPIRY_PERIOD;
            expire_once(shard, now);
        }
    }
}

/// One look.
#[inline]
pub(crate) fn expire_once(shard: &mut Shard, now: Instant) {
    let budget = shard.slots().div_ceil(EXPIRY_ROUNDS).min(EXPIRY_SLOTS);
    shard.expire(now, budget);
}
