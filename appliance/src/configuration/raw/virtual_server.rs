//! Virtual servers as they are written in `director.json`.

use director::{BackupWhen, Predictor, Refusal, StickyDraft, VirtualServerDraft};
use model::limits::{CONNECTIONS, STICKY_MINUTES, SYN_RESENDS};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::timeouts::RawOwnTimeouts;
use super::{same_values, yes};

/// A virtual server, or one instance of it.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with \"virtual\"")]
#[schemars(rename = "VirtualServer")]
pub(super) struct RawVirtualServer {
    /// `<address>[:port][:bind-id][:protocol]`. What is missing is port 0 (all ports), bind ID 0 and tcp; an IPv6
    /// address stands in brackets. The bind ID says which instance this is: one with another bind ID than 0 serves the
    /// clients that are assigned to it, and the one with bind ID 0 all others.
    #[schemars(example = &"192.0.2.100:80", example = &"192.0.2.100:80:1", example = &"[2001:db8:100::100]:53:udp")]
    r#virtual: String,
    /// How it chooses among its real servers.
    #[serde(default)]
    predictor: RawPredictor,
    /// Whether it takes new connections.
    #[serde(default = "yes")]
    in_service: bool,
    /// Whether the other unit of a pair is told of its connections, so that they go on there.
    #[serde(default = "yes")]
    replicate: bool,
    /// The name of one of the `groups`; the first, if it is missing. All virtual servers of an address are in one group.
    #[serde(default)]
    group: Option<String>,
    /// What it does to new connections, if it serves none: an instance for unwelcome clients, without bindings.
    refuse: Option<RawRefusal>,
    /// How clients return to the real server that they had. Without it, they do not.
    sticky: Option<RawSticky>,
    /// The connections that it may have. Without it, as many as there is room for.
    #[schemars(range(min = 1, max = CONNECTIONS))]
    max_connections: Option<u64>,
    /// The name of another of the `virtual_servers`, or of one of the `real_servers`, that takes the connections that it has
    /// no real server for.
    #[schemars(example = &"192.0.2.100:80", example = &"10.1.0.19:8080")]
    backup: Option<String>,
    /// When the backup comes in.
    #[serde(default)]
    backup_when: RawBackupWhen,
    /// Idle timeouts of its own. What is missing is as in general.
    #[serde(default)]
    timeouts: RawOwnTimeouts,
    /// Resent SYNs after which a connection is ditched and given to another real server; 0 for never.
    #[serde(default = "resends")]
    #[schemars(range(max = SYN_RESENDS))]
    resends: u64,
    /// The half-open connections that it may have. Without it, any number.
    #[schemars(range(min = 1, max = CONNECTIONS))]
    synguard: Option<u64>,
}

/// How clients return to the real server that they had.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with \"minutes\"")]
#[schemars(rename = "Sticky")]
struct RawSticky {
    /// How long a client is remembered after its last connection, in minutes.
    #[schemars(range(min = 1, max = STICKY_MINUTES))]
    minutes: u64,
    /// Bits of an IPv4 client's address that count: clients that have these in common get the same real server.
    #[serde(default = "ipv4_prefix")]
    #[schemars(range(min = 1, max = 32))]
    ipv4_prefix: u64,
    /// The same for IPv6.
    #[serde(default = "ipv6_prefix")]
    #[schemars(range(min = 1, max = 128))]
    ipv6_prefix: u64,
}

/// How a virtual server chooses among its real servers.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "Predictor")]
pub(super) enum RawPredictor {
    /// The real server with the fewest connections.
    #[default]
    #[serde(rename = "leastconns")]
    LeastConnections,
    /// The real server with the fewest connections for its weight.
    #[serde(rename = "weighted-leastconns")]
    WeightedLeastConnections,
    /// The real server that answers SYNs fastest, reckoned with its connections.
    #[serde(rename = "fastest")]
    Fastest,
    /// One after the other.
    #[serde(rename = "roundrobin")]
    RoundRobin,
    /// One after the other, each as often as its weight says.
    #[serde(rename = "weighted-roundrobin")]
    WeightedRoundRobin,
    /// The one that a hash of the client's address names.
    #[serde(rename = "source-hash")]
    SourceHash,
    /// The one that a consistent hash of the client's address names: a change of one real server moves few clients of the
    /// others.
    #[serde(rename = "maglev")]
    Maglev,
}

/// What an instance does to new connections that serves none.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Refusal")]
pub(super) enum RawRefusal {
    /// It drops them.
    Drop,
    /// It answers TCP with a reset, and drops the rest.
    Reset,
}

/// When a virtual server's backup comes in.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "BackupWhen")]
pub(super) enum RawBackupWhen {
    /// When all its real servers have failed, or are out of service.
    #[default]
    Failed,
    /// Also when they have as many connections as they may have.
    Busy,
}

same_values!(RawPredictor, Predictor: LeastConnections, WeightedLeastConnections, Fastest, RoundRobin,
    WeightedRoundRobin, SourceHash, Maglev);
same_values!(RawRefusal, Refusal: Drop, Reset);
same_values!(RawBackupWhen, BackupWhen: Failed, Busy);

const fn resends() -> u64 {
    VirtualServerDraft::RESENDS
}

const fn ipv4_prefix() -> u64 {
    32
}

const fn ipv6_prefix() -> u64 {
    128
}

impl From<RawVirtualServer> for VirtualServerDraft {
    fn from(raw: RawVirtualServer) -> Self {
        Self {
            name: raw.r#virtual,
            predictor: raw.predictor.into(),
            in_service: raw.in_service,
            replicate: raw.replicate,
            group: raw.group,
            refuse: raw.refuse.map(Into::into),
            sticky: raw.sticky.map(Into::into),
            max_connections: raw.max_connections,
            backup: raw.backup,
            backup_when: raw.backup_when.into(),
            timeouts: raw.timeouts.into(),
            resends: raw.resends,
            synguard: raw.synguard,
        }
    }
}

impl From<RawSticky> for StickyDraft {
    fn from(raw: RawSticky) -> Self {
        Self { minutes: raw.minutes, ipv4_prefix: raw.ipv4_prefix, ipv6_prefix: raw.ipv6_prefix }
    }
}
