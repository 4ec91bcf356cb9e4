//! How failover stands at a moment, for whoever looks.

use std::net::IpAddr;

use failover::{Entry, Status};
use failover_serial::{ChannelStatus, MirrorStatus};
use model::{ConfigurationMark, Instant};

/// How failover stands at a moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The moment.
    pub now: Instant,
    /// What the monitor knows.
    pub status: Status,
    /// What it did, the oldest first.
    pub journal: Vec<Entry>,
    /// How the cable is, if there is one.
    pub cable: Option<ChannelStatus>,
    /// This unit's configuration, and how far the other unit has it.
    pub mark: ConfigurationMark,
    /// How far the other unit has this unit's configuration.
    pub mirror: MirrorStatus,
    /// By target: the address that stands in for its own.
    pub stand_ins: Vec<Option<IpAddr>>,
}
