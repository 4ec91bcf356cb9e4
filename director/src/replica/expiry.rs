//! When a connection is idle for too long, with what replication says about it.

use model::{Instant, UnitState};
use packet::Address;

use crate::connection::{Connection, Marks};
use crate::shard::Core;

/// How long any connection can have been idle at most: a unit that became active has seen none of the packets before
/// (seed 001, step 930), and a standby that compared digests was told of all. That costs nothing, whatever the table's size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdleBound {
    /// When that was; `None` where it does not matter any more.
    activated: Option<Instant>,
    /// Milliseconds since then.
    age_ms: u32,
}

impl IdleBound {
    pub(crate) const NONE: Self = Self { activated: None, age_ms: u32::MAX };

    pub(crate) const fn since(activated: Instant) -> Self {
        Self { activated: Some(activated), age_ms: 0 }
    }

    /// Goes on to `now`. Once the activation is longer ago than the `longest_ms` timeout it does not matter any more.
    fn advance(&mut self, now: Instant, longest_ms: u32) {
        let Some(activated) = self.activated else { return };
        match u32::try_from(now.since(activated).as_millis()) {
            Ok(age_ms) if age_ms <= longest_ms => self.age_ms = age_ms,
            _ => *self = Self::NONE,
        }
    }
}

impl Core {
    /// To be called before [`is_idle`](Self::is_idle) is asked.
    pub(crate) fn advance_idle_bound(&mut self, now: Instant) {
        let of_standby = self.replica.as_ref().and_then(|replica| replica.standby_timeout_ms);
        self.idle_bound.advance(now, self.plan.longest_ms().max(of_standby.unwrap_or(0)));
    }

    /// Whether a connection is idle for too long. A standby sees no packets: what it was told of stays until it is told
    /// otherwise, or for a time of its own.
    ///
    /// Connections whose binding the configuration does not have any more are.
    #[inline]
    pub(crate) fn is_idle<A: Address>(&self, connection: &Connection<A>) -> bool {
        let Some(timeouts) = self.plan.timeouts(connection.binding) else { return true };
        let stands_by = self.state == UnitState::Standby;
        let is_replicated = connection.marks.contains(Marks::REPLICATED);
        if stands_by && !is_replicated {
            // It is from when this unit was active. No digest speaks for it.
            return connection.idle_ms(self.now_ms) >= timeouts.milliseconds(connection.state);
        }
        let idle_ms = connection.idle_ms(self.now_ms).min(self.idle_bound.age_ms);
        if stands_by {
            let timeout_ms = self.replica.as_ref().and_then(|replica| replica.standby_timeout_ms);
            return timeout_ms.is_some_and(|timeout_ms| idle_ms >= timeout_ms);
        }
        idle_ms >= timeouts.milliseconds(connection.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn activation_bounds_idle_times_until_it_is_long_ago() {
        let activated = Instant::from_millis(u64::from(u32::MAX) - 5);
        let mut bound = IdleBound::since(activated);
        for (after_ms, expected) in [(0, 0), (10, 10), (1_000, 1_000), (1_001, u32::MAX), (500, u32::MAX)] {
            bound.advance(activated + Duration::from_millis(after_ms), 1_000);
            assert_eq!(bound.age_ms, expected, "after {after_ms} ms");
        }
    }
}
