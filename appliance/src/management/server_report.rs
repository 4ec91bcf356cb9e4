//! What `show virtual` and `show real` show.
//!
//! Counts are since the unit's start, or since they were cleared. What an older unit does not say has its default here.

use serde::{Deserialize, Serialize};

use super::report::{NextHopReport, Traffic};

/// Whether a server takes new connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerState {
    /// It does.
    #[default]
    InService,
    /// An operator took it out of service; the connections that it has go on.
    OutOfService,
    /// A real server does not answer; of a virtual server, all real servers that are in service do not.
    Failed,
    /// A real server failed, and the next connection finds out whether it answers again.
    Testing,
}

/// One virtual server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualReport {
    /// Its name.
    pub name: String,
    /// Which instance it is: 0 for the clients that are not assigned.
    #[serde(default)]
    pub bind_id: u16,
    /// The failover group that it is in.
    pub group: String,
    /// Whether it is meant to take new connections.
    pub in_service: bool,
    /// Whether it does.
    #[serde(default)]
    pub state: ServerState,
    /// How it chooses real servers.
    pub predictor: String,
    /// What it does to clients if it serves none: `drop` or `reset`.
    #[serde(default)]
    pub refuse: Option<String>,
    /// How clients return to the real server that they had, if they do.
    #[serde(default)]
    pub sticky: Option<StickyReport>,
    /// Who takes the connections that it has no real server for.
    #[serde(default)]
    pub backup: Option<BackupReport>,
    /// Networks of clients that are assigned to it.
    #[serde(default)]
    pub assigned: u64,
    /// Real servers bound to it, with those that stand in.
    pub real_servers: usize,
    /// Those of them that are in service.
    pub real_servers_in_service: usize,
    /// Connections that it has.
    pub connections: u64,
    /// Connections that it may have.
    #[serde(default)]
    pub max_connections: Option<u32>,
    /// Connections that go on although it is out of service, or the real server is that serves them.
    #[serde(default)]
    pub draining: u64,
    /// Half-open connections; they are counted where they are limited.
    #[serde(default)]
    pub half_open: Option<u32>,
    /// Half-open connections that it may have.
    #[serde(default)]
    pub synguard: Option<u32>,
    /// Connections that it admitted.
    pub admitted: u64,
    /// New connections that it refused.
    pub refused: u64,
    /// From clients to real servers.
    pub inbound: Traffic,
    /// From real servers to clients.
    pub outbound: Traffic,
}

/// How clients return to the real server that they had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StickyReport {
    /// How long a client is remembered.
    pub minutes: u64,
    /// Bits of an IPv4 client's address that count.
    pub ipv4_prefix: u8,
    /// Bits of an IPv6 client's address that count.
    pub ipv6_prefix: u8,
}

/// Who stands in for a virtual server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupReport {
    /// A virtual or a real server.
    pub name: String,
    /// When it does: `failed` or `busy`.
    pub when: String,
}

/// One real server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RealReport {
    /// Its name.
    pub name: String,
    /// Whether it is meant to take new connections.
    pub in_service: bool,
    /// Whether it does.
    #[serde(default)]
    pub state: ServerState,
    /// Seconds since it failed, if it has and has not come back.
    #[serde(default)]
    pub failed_since_s: Option<u64>,
    /// Connections that it did not answer.
    #[serde(default)]
    pub ditched: u64,
    /// Such connections in a row that fail it; 0 for never.
    #[serde(default)]
    pub threshold: u32,
    /// Seconds after which it is tried again when it has failed; 0 for never.
    #[serde(default)]
    pub retry_s: u64,
    /// The real server that stands in for it.
    #[serde(default)]
    pub backup: Option<String>,
    /// Its weight.
    pub weight: u16,
    /// Connections that it has.
    pub connections: u64,
    /// Connections that it may have.
    #[serde(default)]
    pub max_connections: Option<u32>,
    /// Connections that go on although it is out of service.
    #[serde(default)]
    pub draining: u64,
    /// Connections that it was given.
    pub admitted: u64,
    /// From clients to it.
    pub inbound: Traffic,
    /// From it to clients.
    pub outbound: Traffic,
    /// The way to it.
    pub next_hop: NextHopReport,
    /// The virtual servers that it is bound to, or stands in at.
    pub virtual_servers: Vec<String>,
    /// The same with what it does for each.
    #[serde(default)]
    pub bindings: Vec<BindingReport>,
}

/// What a real server does for a virtual one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindingReport {
    /// The virtual server.
    #[serde(rename = "virtual")]
    pub virtual_server: String,
    /// Whether it is there only for when others fail.
    pub stand_in: bool,
    /// Connections that it has there.
    pub connections: u64,
}
