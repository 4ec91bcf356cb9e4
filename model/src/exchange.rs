//! What the replication core and the workers' shards say to each other.

use std::sync::Arc;

use crate::{RangeSet, Update};

/// Whether a unit forwards. Not to be confused with its configured role, primary or backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum UnitState {
    /// It keeps what the other unit tells it, and forwards nothing.
    Standby = 0,
    /// It forwards, and tells the other unit.
    Active = 1,
}

impl UnitState {
    /// The word that configuration and commands use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standby => "standby",
            Self::Active => "active",
        }
    }
}

/// What the replication core asks of a shard. Orders to one shard are carried out one after the other.
#[derive(Clone, Debug, PartialEq)]
pub enum ShardOrder {
    /// Standby: take over what the active unit told. What concerns a connection or a range goes to the shard that owns it,
    /// [`Update::Sticky`] to the shard that owns its address, be that a client's or a network's first, [`Update::Health`] to
    /// the first shard: all shards share what those two change. The rest goes to all shards. [`Update::DigestsTold`] is
    /// nothing to a shard.
    Apply(Update),
    /// Standby: report [`ShardReport::RoundCompared`] once all comparisons that were ordered before are reported.
    ConcludeRound {
        /// Which round of comparisons ends here.
        round: u32,
    },
    /// Active: tell the digests of all ranges that the shard owns, then [`ShardReport::DigestsTold`]. A new round ends the
    /// one before.
    TellDigests {
        /// Which round it is.
        round: u32,
    },
    /// Active: tell all replicated connections of `ranges`, as far as there are grants, then [`ShardReport::Walked`].
    /// A new walk ends the one before, of which nothing more is told.
    ///
    /// A walk over no ranges is for all that no digest speaks of: tell all sticky entries, and of each real server whether
    /// it has failed, one shard all of it or each a part, as far as there are grants, then [`ShardReport::Walked`]. There is
    /// one in each stream, after its first round of digests, and another when something of the stream was lost.
    Walk {
        /// The pass that it is for, or a number like one.
        pass: u8,
        /// Whose connections.
        ranges: Arc<RangeSet>,
    },
    /// Active: the walk may tell so many connections more, or sticky entries and servers. What is told because it happens
    /// just now needs no grant.
    Grant {
        /// Connections.
        connections: u32,
    },
}

/// What a shard tells the replication core, in the order in which it happened.
#[derive(Clone, Debug, PartialEq)]
pub enum ShardReport {
    /// Active: for the stream to the standby.
    Update(Update),
    /// Active: this shard's digests have all been told.
    DigestsTold {
        /// The round that they were of.
        round: u32,
    },
    /// Active: this shard's walk is over.
    Walked {
        /// The pass that it was for.
        pass: u8,
    },
    /// Standby: how a digest compares with the shard's own.
    Compared {
        /// The range.
        range: u16,
        /// Whether they are equal.
        agrees: bool,
    },
    /// Standby: all comparisons before [`ShardOrder::ConcludeRound`] have been told.
    RoundCompared {
        /// The round that they were of.
        round: u32,
    },
}
