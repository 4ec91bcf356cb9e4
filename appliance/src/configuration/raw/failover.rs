//! The section "failover" of `unit.json` as it is written: how the units find out which of them is active.

use model::limits::{FAILOVER_LINKS, REACHABILITY_TARGETS};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::configuration::limits::{
    BAUD_DEFAULT, BEAT_MS_LEAST, BEAT_MS_MOST, MISSES_LEAST, MISSES_MOST, PROBE_MS_LEAST, WAIT_MS_LEAST,
    WAIT_MS_MOST,
};

/// How the units find out which of them is active.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with \"links\", \"cable\" or both")]
#[schemars(rename = "Failover")]
pub(in crate::configuration) struct RawFailover {
    /// Which of the two this unit is: the primary one is active when all else is equal. If it is missing, the plug of the
    /// cable says it.
    pub(in crate::configuration) role: Option<RawUnitRole>,
    /// Tells the units apart. If it is missing: 1 for the primary one, 2 for the backup.
    #[schemars(range(min = 1, max = 255))]
    pub(in crate::configuration) id: Option<u64>,
    /// Among several units that could take over, the one with the highest priority does.
    #[serde(default = "priority")]
    #[schemars(range(max = 255))]
    pub(in crate::configuration) priority: u64,
    /// How long a unit that starts listens for an active one, in milliseconds (timer t1).
    #[serde(default = "listen_ms")]
    #[schemars(range(min = WAIT_MS_LEAST, max = WAIT_MS_MOST))]
    pub(in crate::configuration) listen_ms: u64,
    /// How long a unit that asks the active one to stand by waits for an answer, in milliseconds (timer t3).
    #[serde(default = "preempt_ms")]
    #[schemars(range(min = WAIT_MS_LEAST, max = WAIT_MS_MOST))]
    pub(in crate::configuration) preempt_ms: u64,
    /// The failover cable.
    pub(in crate::configuration) cable: Option<RawCable>,
    /// The network links that heartbeats go over; best one that nothing else uses, and one through the switches of the ports.
    #[serde(default)]
    #[schemars(length(max = FAILOVER_LINKS))]
    pub(in crate::configuration) links: Vec<RawLink>,
    /// What this unit has to reach. The unit that reaches more takes over.
    #[serde(default)]
    pub(in crate::configuration) reachability: RawReachability,
}

/// What a unit is configured to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "UnitRole")]
pub(in crate::configuration) enum RawUnitRole {
    /// It is active when all else is equal.
    Primary,
    /// It takes over.
    Backup,
}

/// The failover cable.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with \"tty\"")]
#[schemars(rename = "Cable")]
pub(in crate::configuration) struct RawCable {
    /// The serial port that the cable is plugged into.
    #[schemars(regex(pattern = "^/"), example = &"/dev/ttyS0")]
    pub(in crate::configuration) tty: String,
    /// Bits a second: 9600, 19200, 38400, 57600, 115200, 230400, 460800 or 921600.
    #[serde(default = "baud")]
    pub(in crate::configuration) baud: u64,
    /// Time between two heartbeats, in milliseconds.
    #[serde(default = "cable_interval_ms")]
    #[schemars(range(min = BEAT_MS_LEAST, max = BEAT_MS_MOST))]
    pub(in crate::configuration) interval_ms: u64,
    /// Heartbeats that may be missing until the cable counts as silent.
    #[serde(default = "cable_misses")]
    #[schemars(range(min = MISSES_LEAST, max = MISSES_MOST))]
    pub(in crate::configuration) misses: u64,
}

/// A network link that heartbeats go over.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with \"local\" and \"peer\"")]
#[schemars(rename = "Link")]
pub(in crate::configuration) struct RawLink {
    /// The address and UDP port of this unit.
    #[schemars(example = &"10.9.0.1:7500", example = &"[fd00:9::1]:7500")]
    pub(in crate::configuration) local: String,
    /// The address and UDP port of the other unit.
    #[schemars(example = &"10.9.0.2:7500", example = &"[fd00:9::2]:7500")]
    pub(in crate::configuration) peer: String,
    /// Time between two heartbeats, in milliseconds.
    #[serde(default = "link_interval_ms")]
    #[schemars(range(min = BEAT_MS_LEAST, max = BEAT_MS_MOST))]
    pub(in crate::configuration) interval_ms: u64,
    /// Heartbeats that may be missing until the link counts as silent.
    #[serde(default = "link_misses")]
    #[schemars(range(min = MISSES_LEAST, max = MISSES_MOST))]
    pub(in crate::configuration) misses: u64,
}

/// What this unit has to reach, and how it looks.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "an object with \"targets\"")]
#[schemars(rename = "Reachability")]
pub(in crate::configuration) struct RawReachability {
    /// Time between two probes of a target, in milliseconds.
    #[schemars(range(min = PROBE_MS_LEAST, max = BEAT_MS_MOST))]
    pub(in crate::configuration) interval_ms: u64,
    /// Probes without an answer after which a target counts as lost.
    #[schemars(range(min = 1, max = MISSES_MOST))]
    pub(in crate::configuration) falls: u64,
    /// Answers in a row after which it counts as reached again.
    #[schemars(range(min = 1, max = MISSES_MOST))]
    pub(in crate::configuration) rises: u64,
    /// Hosts, subnets and ports. The other unit may have others.
    #[schemars(length(max = REACHABILITY_TARGETS))]
    pub(in crate::configuration) targets: Vec<RawTarget>,
}

/// One thing to reach. It has exactly one of `host`, `subnet` and `port`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with one of \"host\", \"subnet\", \"port\"")]
#[schemars(
    rename = "Target",
    extend("oneOf" = [{ "required": ["host"] }, { "required": ["subnet"] }, { "required": ["port"] }])
)]
pub(in crate::configuration) struct RawTarget {
    /// A host or gateway, which is asked for an echo (ICMP) or, where it is on a port's link, by ARP.
    #[schemars(example = &"198.51.100.254")]
    pub(in crate::configuration) host: Option<String>,
    /// Other addresses of the host, in order: packets to it go by the first one that answers.
    #[serde(default)]
    #[schemars(extend("examples" = [["10.2.0.11"]]))]
    pub(in crate::configuration) alternates: Vec<String>,
    /// A subnet on a port's link: it is reached while any of its hosts that the kernel knows answers.
    #[schemars(example = &"10.1.0.0/24")]
    pub(in crate::configuration) subnet: Option<String>,
    /// A port of this unit, that is to have a link.
    #[schemars(example = &"outside")]
    pub(in crate::configuration) port: Option<String>,
    /// How much it counts where weights are compared.
    #[serde(default = "weight")]
    #[schemars(range(min = 1, max = 1000))]
    pub(in crate::configuration) weight: u64,
    /// Whether a unit that does not reach it is worse than one that does, whatever else either reaches.
    #[serde(default)]
    pub(in crate::configuration) required: bool,
}

impl Default for RawReachability {
    fn default() -> Self {
        Self { interval_ms: 200, falls: 3, rises: 3, targets: Vec::new() }
    }
}

const fn priority() -> u64 {
    100
}

const fn listen_ms() -> u64 {
    1_000
}

const fn preempt_ms() -> u64 {
    1_000
}

const fn baud() -> u64 {
    BAUD_DEFAULT as u64
}

const fn cable_interval_ms() -> u64 {
    20
}

const fn cable_misses() -> u64 {
    3
}

const fn link_interval_ms() -> u64 {
    5
}

const fn link_misses() -> u64 {
    5
}

const fn weight() -> u64 {
    1
}
