//! All that an operator may want to know about replication.

use std::time::Duration;

use model::{Instant, UnitState};

use crate::receiver::ReceiverCounters;
use crate::rejection::Rejections;
use crate::sender::SenderCounters;
use crate::synchronization::{Agreement, PassProgress};

/// How this unit and its peer are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The peer has not answered.
    Searching,
    /// The peer is there, and speaks a version too far from ours.
    Incompatible {
        /// The highest version that the peer speaks.
        version: u8,
    },
    /// The peer is there.
    Connected {
        /// The version that both speak.
        version: u8,
        /// Since when.
        since: Instant,
        /// What the peer does.
        peer: UnitState,
    },
}

/// What the peer said about itself last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerStatus {
    /// Standby: nothing was lost since a round of digests in which all ranges agreed.
    pub is_synchronized: bool,
    /// Standby: it learns of connections by watching, and is told only of what it can not see.
    pub observes: bool,
    /// Standby: how its last round of digests came out.
    pub agreement: Agreement,
    /// Active: updates that it has not seen acknowledged.
    pub lag_updates: u32,
    /// Active: the age of the oldest of them.
    pub lag: Duration,
}

/// What was sent and received on one path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathStatus {
    /// When something authentic came last.
    pub heard: Option<Instant>,
    /// Datagrams sent.
    pub datagrams_sent: u64,
    /// Bytes of UDP payload sent.
    pub bytes_sent: u64,
    /// Authentic datagrams received.
    pub datagrams_received: u64,
    /// Bytes of UDP payload in them.
    pub bytes_received: u64,
}

/// The state of replication, as this unit sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// What this unit does.
    pub state: UnitState,
    /// The connection with the peer.
    pub link: Link,
    /// Both units say that they are active.
    pub both_active: bool,
    /// The standby's table is equal to the active unit's, but for updates on their way: from this unit's own
    /// comparison if it stands by, from the peer's word if it is active.
    pub is_synchronized: bool,
    /// What the peer said last.
    pub peer: PeerStatus,
    /// Active: updates that the standby has not acknowledged.
    pub lag_updates: u64,
    /// Active: the age of the oldest of them.
    pub lag: Duration,
    /// Active: smoothed time until an acknowledgement.
    pub round_trip: Option<Duration>,
    /// Active: the stream to the standby.
    pub sent: SenderCounters,
    /// Standby: the stream from the active unit.
    pub received: ReceiverCounters,
    /// What was not taken, by reason.
    pub rejected: Rejections,
    /// Standby: how the last complete round of digests came out.
    pub agreement: Option<Agreement>,
    /// Standby: when all ranges agreed last.
    pub agreed_at: Option<Instant>,
    /// Active: the pass that is under way.
    pub pass: Option<PassProgress>,
    /// Sessions that have begun.
    pub sessions: u64,
    /// Each path.
    pub paths: Vec<PathStatus>,
}
