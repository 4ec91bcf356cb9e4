//! What the two units of a pair tell each other: about connections, about clients that return to a real server, and about
//! real servers that have failed.
//!
//! Connections are named by their ends, never by cores or slots: the units may differ in both.

use std::net::IpAddr;
use std::sync::Arc;

use crate::limits::DIGEST_RANGES;
use crate::{Endpoint, Protocol, ServerName};

/// The ends of a connection: what it is called on either unit (seed 001, figure 5, fields 502 to 512).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionEnds {
    /// The transport protocol.
    pub protocol: Protocol,
    /// The client's end.
    pub client: Endpoint,
    /// The end that the client talks to.
    pub virtual_server: Endpoint,
    /// The end that answers. All three are of one address family.
    pub real_server: Endpoint,
    /// The client's port as the real server sees it: another than the client's where that was taken.
    pub translated_port: u16,
}

/// All that the other unit needs to go on with a connection (seed 001, figure 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionRecord {
    /// The connection.
    pub ends: ConnectionEnds,
    /// How far it has come.
    pub phase: Phase,
    /// Which instance of the virtual server it came by.
    pub bind_id: u16,
    /// The failover group that it belongs to.
    pub group: u16,
    /// A connection that it is not timed out without (seed 001, figure 3C, pointer 354), with the same client
    /// address. It has a record of its own, too. In a box: few have one, and all records are moved about.
    pub buddy: Option<Box<ConnectionEnds>>,
}

/// A client that returns to a real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StickyRecord {
    /// Which virtual servers it returns by: the number of one of them, or of buddies, that both units' configuration makes.
    pub scope: u64,
    /// The client's address, or the first of its network's.
    pub client: IpAddr,
    /// The real server that it returns to, of the same address family.
    pub real_server: Endpoint,
    /// For how long from now on, in seconds. With 0 it returns no more.
    pub period_s: u32,
}

/// Whether a real server has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HealthRecord {
    /// The real server.
    pub real_server: ServerName,
    /// It has failed; otherwise it is back.
    pub has_failed: bool,
}

/// How far a replicated connection has come. The value is the one on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Phase {
    /// Data flows.
    Open = 0,
    /// TCP: the client sent FIN.
    ClientClosed = 1,
    /// TCP: the real server sent FIN.
    ServerClosed = 2,
    /// TCP: both sides sent FIN.
    Closed = 3,
    /// TCP: one side sent RST.
    Reset = 4,
}

impl Phase {
    /// The phase with this value on the wire.
    pub const fn from_wire(value: u8) -> Option<Self> {
        match value {
            0 => Some(Self::Open),
            1 => Some(Self::ClientClosed),
            2 => Some(Self::ServerClosed),
            3 => Some(Self::Closed),
            4 => Some(Self::Reset),
            _ => None,
        }
    }
}

/// What the connections of one hash range add up to: equal sums mean, all but certainly, equal connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// The wrapping sum of the connections' keyed hashes.
    pub sum: u64,
    /// How many they are.
    pub connections: u32,
}

/// What the active unit's stream to the standby is made of, in order. All that concerns one connection, and one hash
/// range, comes from one worker, and so in the order in which it happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Update {
    /// The connection is there: new, or told again.
    Create(ConnectionRecord),
    /// The connection is gone.
    Delete(ConnectionEnds),
    /// The client returns to that real server, as of now. What is told last of a scope and a client counts. Neither digests
    /// nor passes speak of it: it is told when it happens, and all are told [once in a stream](crate::ShardOrder::Walk).
    Sticky(StickyRecord),
    /// The real server has failed, or is back. It is told as [`Update::Sticky`] is.
    Health(HealthRecord),
    /// What hash range `range` adds up to at this point of the stream.
    Digest {
        /// Below [`DIGEST_RANGES`].
        range: u16,
        /// Its digest on the active unit.
        digest: Digest,
    },
    /// All digests of a round have been told.
    DigestsTold,
    /// From here on the connections of some ranges are told anew, among the other updates.
    PassBegins {
        /// Tells passes apart: 1 to 255, then 1 again.
        pass: u8,
    },
    /// All connections of these ranges have been told since the pass began: what the standby has beside them is stale.
    PassEnds {
        /// As it began.
        pass: u8,
        /// The ranges.
        ranges: Arc<RangeSet>,
    },
}

/// A set of hash ranges.
#[derive(Clone, PartialEq, Eq)]
pub struct RangeSet([u64; DIGEST_RANGES / 64]);

impl RangeSet {
    /// No range.
    pub const EMPTY: Self = Self([0; DIGEST_RANGES / 64]);
    /// Every range.
    pub const ALL: Self = Self([u64::MAX; DIGEST_RANGES / 64]);

    /// Whether `range` is in the set; one that does not exist is not.
    pub fn contains(&self, range: u16) -> bool {
        self.0.get(usize::from(range / 64)).is_some_and(|word| word & 1 << (range % 64) != 0)
    }

    /// Adds or removes `range`. One that does not exist changes nothing.
    pub fn set(&mut self, range: u16, is_in: bool) {
        if let Some(word) = self.0.get_mut(usize::from(range / 64)) {
            let bit = 1 << (range % 64);
            *word = if is_in { *word | bit } else { *word & !bit };
        }
    }

    /// The ranges that are in both sets.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] & other.0[word]))
    }

    /// How many ranges are in the set.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no range is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    /// The set as words, range 0 in the lowest bit of the first.
    pub const fn words(&self) -> &[u64; DIGEST_RANGES / 64] {
        &self.0
    }

    /// The set with these words.
    pub const fn from_words(words: [u64; DIGEST_RANGES / 64]) -> Self {
        Self(words)
    }
}

impl Default for RangeSet {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl std::fmt::Debug for RangeSet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "RangeSet({} of {DIGEST_RANGES})", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_come_and_go() {
        let mut ranges = RangeSet::EMPTY;
        for range in [0, 63, 64, 4_095] {
            ranges.set(range, true);
            assert!(ranges.contains(range));
        }
        ranges.set(64, false);
        ranges.set(u16::MAX, true);
        assert!(!ranges.contains(64) && !ranges.contains(u16::MAX));
        assert_eq!((ranges.len(), RangeSet::ALL.len()), (3, DIGEST_RANGES));
        assert_eq!(RangeSet::from_words(*ranges.words()), ranges);
        assert_eq!(ranges.common(&RangeSet::ALL), ranges);
        let mut other = RangeSet::EMPTY;
        [63, 64].into_iter().for_each(|range| other.set(range, true));
        assert!(ranges.common(&other).contains(63) && ranges.common(&other).len() == 1);
        assert!(RangeSet::EMPTY.is_empty() && !ranges.is_empty());
    }

    #[test]
    fn phases_survive_the_wire() {
        for phase in [Phase::Open, Phase::ClientClosed, Phase::ServerClosed, Phase::Closed, Phase::Reset] {
            assert_eq!(Phase::from_wire(phase as u8), Some(phase));
        }
        assert_eq!(Phase::from_wire(5), None);
    }
}
