//! What a shard counted as one of a pair.

use crate::Counter;

/// What one shard counted of replication. On a unit without a peer nothing here moves.
#[derive(Debug, Default)]
pub struct ReplicaCounters {
    /// Active: updates about connections that were queued for the other unit.
    pub updates_told: Counter,
    /// Active: updates that found no room. The digests will show it.
    pub updates_lost: Counter,
    /// Standby: records of connections that were not there, and are now.
    pub created: Counter,
    /// Standby: connections that it was not told of, but learned by watching. They are counted as created, too.
    pub observed: Counter,
    /// Standby: flows of which one side was seen and that gave way to others before the other was. A client that sends
    /// SYNs and nothing else makes many.
    pub half_known_dropped: Counter,
    /// Standby: records of connections that were there already: they move no other counter (seed 001, figure 8).
    pub refreshed: Counter,
    /// Standby: connections that were removed on the other unit's word.
    pub deleted: Counter,
    /// Standby: deletes of connections that were not there.
    pub unknown_deleted: Counter,
    /// Standby: connections removed because a record said otherwise of one of their ends.
    pub replaced: Counter,
    /// Standby: connections removed because a whole pass did not mention them.
    pub stale_removed: Counter,
    /// Standby: records kept aside, as their virtual or real server is not configured here.
    pub set_aside: Counter,
    /// Standby: records that are not kept aside any more. The difference is what is there now.
    pub aside_ended: Counter,
    /// Standby: records that found the table full.
    pub refused_full: Counter,
    /// Standby: records that found no room aside.
    pub refused_aside_full: Counter,
    /// Standby: records of two address families, or of another shard's client.
    pub refused_invalid: Counter,
    /// Buddies that could not be linked: of different clients, too many, or not there.
    pub buddies_refused: Counter,
    /// Orders that are not for the state that the unit is in.
    pub orders_ignored: Counter,
}

impl ReplicaCounters {
    /// Records kept aside now.
    pub fn aside(&self) -> u64 {
        // Ended first: one that goes between the two reads must not make the difference negative.
        let ended = self.aside_ended.read();
        self.set_aside.read() - ended
    }
}
