//! `unit.json` as it is written: this machine's part.

use model::limits::{CONNECTIONS, CONNECTIONS_DEFAULT, IDLE_TIMEOUT_S, PORTS, REPLICATION_PATHS, WORKERS};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::failover::RawFailover;
use crate::configuration::document::Raw;
use crate::configuration::limits::{
    ADDITIONAL_BUFFERS, CPU_LAST, DIGEST_INTERVAL_MS_LEAST, DIGEST_INTERVAL_MS_MOST, FLUSH_US_MOST,
    MEMORY_MIB_LEAST, MEMORY_MIB_MOST, MTU_DEFAULT, MTU_LEAST, MTU_LEAST_IPV6, MTU_MOST,
};

/// This unit. Its peer has another.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with \"name\" and \"ports\"")]
#[schemars(title = "unit.json")]
pub(in crate::configuration) struct RawUnit {
    /// The unit's name: up to 32 letters, digits, `.`, `_` and `-`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$"), example = &"a")]
    pub(in crate::configuration) name: String,
    /// The ports: at least one outside and one inside.
    #[schemars(length(min = 2, max = PORTS))]
    pub(in crate::configuration) ports: Vec<RawPort>,
    /// Which CPUs the unit uses.
    #[serde(default)]
    pub(in crate::configuration) cores: RawCores,
    /// What a thread does that has no packets. If it is missing, threads spin on CPUs that are isolated from the
    /// kernel's scheduler, and sleep on others.
    pub(in crate::configuration) idle: Option<RawIdle>,
    /// Whether packet buffers are in hugepages.
    #[serde(default)]
    pub(in crate::configuration) hugepages: RawHugepages,
    /// Memory for packet buffers and queues, in MiB. If it is missing, it follows from ports and workers.
    #[schemars(range(min = MEMORY_MIB_LEAST, max = MEMORY_MIB_MOST))]
    pub(in crate::configuration) memory_mib: Option<u64>,
    /// Packet buffers beside those that follow from ports and workers: for devices that keep some for themselves.
    #[serde(default)]
    #[schemars(range(max = ADDITIONAL_BUFFERS))]
    pub(in crate::configuration) additional_buffers: u64,
    /// Connections that the unit can have at a time, over all workers. The failover groups of a pair share them evenly.
    #[serde(default = "connections")]
    #[schemars(range(min = 1, max = CONNECTIONS))]
    pub(in crate::configuration) connections: u64,
    /// Whether the unit forwards from its start, or keeps what its peer tells it until it is told to take over. For a unit of a pair
    /// without `failover`; one that is alone is active.
    pub(in crate::configuration) role: Option<RawState>,
    /// How the pair keeps in step. If it is missing, the unit is alone.
    pub(in crate::configuration) replication: Option<RawReplication>,
    /// How the units find out which of them is active. If it is missing, they are told.
    pub(in crate::configuration) failover: Option<RawFailover>,
    /// Where the unit takes commands. If it is missing: `/run/understudy/<name>.sock`.
    #[schemars(regex(pattern = "^/"), example = &"/run/understudy/a.sock")]
    pub(in crate::configuration) socket: Option<String>,
}

impl Raw for RawUnit {
    const LISTS: &[&str] = &["ports", "addresses", "workers", "paths", "links", "targets", "alternates"];
    const OBJECTS: &[&str] = &["cores", "replication", "failover", "cable", "reachability"];
}

/// A port. It has exactly one of `device`, `vdev` and `interface`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with \"name\", \"role\" and one of \"device\", \"vdev\", \"interface\""
)]
#[schemars(
    rename = "Port",
    extend("oneOf" = [{ "required": ["device"] }, { "required": ["vdev"] }, { "required": ["interface"] }])
)]
pub(in crate::configuration) struct RawPort {
    /// The port's name: up to 15 letters, digits, `.`, `_` and `-`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$"), example = &"outside")]
    pub(in crate::configuration) name: String,
    /// What is behind the port.
    pub(in crate::configuration) role: RawRole,
    /// The PCI address of a device that is bound to a driver of DPDK.
    #[schemars(
        regex(pattern = r"^[0-9A-Fa-f]{4}:[0-9A-Fa-f]{2}:[01][0-9A-Fa-f]\.[0-7]$"),
        example = &"0000:01:00.0"
    )]
    pub(in crate::configuration) device: Option<String>,
    /// A virtual device of DPDK with its arguments.
    #[schemars(regex(pattern = "^net_[^ ]+$"), example = &"net_tap0,iface=tap-out")]
    pub(in crate::configuration) vdev: Option<String>,
    /// An ordinary network interface of Linux. It should have no addresses of its own.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$"), example = &"eth1")]
    pub(in crate::configuration) interface: Option<String>,
    /// The unit's MAC address on the port's link. If it is missing, it is the device's, or derived from it where the
    /// kernel uses that.
    #[schemars(regex(pattern = "^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$"), example = &"02:00:5e:00:01:01")]
    pub(in crate::configuration) mac: Option<String>,
    /// The unit's own addresses on the port's link, with prefix lengths.
    #[serde(default)]
    #[schemars(extend("examples" = [["198.51.100.1/24", "2001:db8:1::1/64"]]))]
    pub(in crate::configuration) addresses: Vec<String>,
    /// The largest IP packet on the port's link, in bytes; at least 1280 where the port has IPv6 addresses.
    #[serde(default = "mtu")]
    #[schemars(range(min = MTU_LEAST, max = MTU_MOST))]
    pub(in crate::configuration) mtu: u64,
    /// What happens to packets that are not for a virtual server.
    #[serde(default)]
    pub(in crate::configuration) unmatched: RawUnmatched,
    /// The kernel interface that stands for the port. If it is missing, it has the port's name.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$"), example = &"outside")]
    pub(in crate::configuration) twin: Option<String>,
}

/// Which CPUs the unit uses. Several threads may share one.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with \"control\" and \"workers\"")]
#[schemars(rename = "Cores")]
pub(in crate::configuration) struct RawCores {
    /// The CPU of the control thread.
    #[serde(default)]
    #[schemars(range(max = CPU_LAST))]
    pub(in crate::configuration) control: u64,
    /// The CPU of each worker. If it is missing: one worker on CPU 1, or on CPU 0 where there is no other.
    #[schemars(length(min = 1, max = WORKERS), inner(range(max = CPU_LAST)), extend("examples" = [[1, 2]]))]
    pub(in crate::configuration) workers: Option<Vec<u64>>,
    /// The CPU of the thread that talks to the other unit. If it is missing: that of the control thread.
    #[schemars(range(max = CPU_LAST))]
    pub(in crate::configuration) replication: Option<u64>,
}

/// How the pair keeps in step.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with \"key_file\" and \"paths\"")]
#[schemars(rename = "Replication")]
pub(in crate::configuration) struct RawReplication {
    /// The file with the key of the pair, 64 hexadecimal digits as `understudy key` prints them, the same on both units.
    /// A path that does not begin with `/` is one in this folder.
    #[schemars(length(min = 1), example = &"pair.key")]
    pub(in crate::configuration) key_file: String,
    /// The ways to the other unit: one or two, best over a link of their own.
    #[schemars(length(min = 1, max = REPLICATION_PATHS))]
    pub(in crate::configuration) paths: Vec<RawPath>,
    /// How long an update may wait for others to share a datagram, in microseconds. 0 sends each at once.
    #[serde(default = "flush_us")]
    #[schemars(range(max = FLUSH_US_MOST))]
    pub(in crate::configuration) flush_us: u64,
    /// The largest IP packet on the paths, in bytes.
    #[serde(default = "mtu")]
    #[schemars(range(min = MTU_LEAST_IPV6, max = MTU_MOST))]
    pub(in crate::configuration) mtu: u64,
    /// Time between two comparisons of the two units' tables, in milliseconds.
    #[serde(default = "digest_interval_ms")]
    #[schemars(range(min = DIGEST_INTERVAL_MS_LEAST, max = DIGEST_INTERVAL_MS_MOST))]
    pub(in crate::configuration) digest_interval_ms: u64,
    /// How long a standby keeps a connection that nobody tells it about again, in seconds. 0 keeps it until it is told
    /// that it is gone.
    #[serde(default = "standby_timeout_s")]
    #[schemars(range(max = IDLE_TIMEOUT_S))]
    pub(in crate::configuration) standby_timeout_s: u64,
    /// How this unit learns of the active unit's connections while it stands by.
    #[serde(default)]
    pub(in crate::configuration) sync: RawSync,
}

/// How a standby learns of connections.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Sync")]
pub(in crate::configuration) enum RawSync {
    /// It is told of each.
    #[default]
    Records,
    /// It watches: its ports get copies of the active unit's frames, from a mirror port or a hub. It is told only of what
    /// it can not see, or missed.
    Observe,
}

/// A way to the other unit.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with \"local\" and \"peer\"")]
#[schemars(rename = "Path")]
pub(in crate::configuration) struct RawPath {
    /// The address and UDP port of this unit. With several failover groups, each but the first takes the next port, here and
    /// at the other unit.
    #[schemars(example = &"10.9.0.1:7400", example = &"[fd00:9::1]:7400")]
    pub(in crate::configuration) local: String,
    /// The address and UDP port of the other unit.
    #[schemars(example = &"10.9.0.2:7400", example = &"[fd00:9::2]:7400")]
    pub(in crate::configuration) peer: String,
}

/// Whether the unit forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "State")]
pub(in crate::configuration) enum RawState {
    /// It forwards.
    Active,
    /// It keeps what the other unit tells it, and forwards nothing.
    Standby,
}

/// What is behind a port.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Role")]
pub(in crate::configuration) enum RawRole {
    /// Clients.
    Outside,
    /// Real servers.
    Inside,
}

/// What happens to packets that are not for a virtual server.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Unmatched")]
pub(in crate::configuration) enum RawUnmatched {
    /// They go to the kernel, which routes or answers them.
    #[default]
    Kernel,
    /// They are dropped and counted.
    Drop,
    /// They leave by the port on the other side, unchanged.
    Bridge,
}

/// What a thread does that has no packets.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Idle")]
pub(in crate::configuration) enum RawIdle {
    /// It sleeps for short times: others can use the CPU.
    Sleep,
    /// It looks for packets all the time: the shortest delay.
    Spin,
}

/// Whether packet buffers are in hugepages.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Hugepages")]
pub(in crate::configuration) enum RawHugepages {
    /// If enough are free.
    #[default]
    Auto,
    /// No.
    Never,
    /// Yes; without them the unit does not start.
    Require,
}

const fn connections() -> u64 {
    CONNECTIONS_DEFAULT as u64
}

const fn mtu() -> u64 {
    MTU_DEFAULT as u64
}

/// A millisecond: what a standby may lack at any time, for datagrams that are full under load.
const fn flush_us() -> u64 {
    1_000
}

const fn digest_interval_ms() -> u64 {
    1_000
}

/// A day: longer than any connection is silent that is still wanted.
const fn standby_timeout_s() -> u64 {
    86_400
}
