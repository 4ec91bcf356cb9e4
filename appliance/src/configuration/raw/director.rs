//! `director.json` as it is written: what is balanced.

use director::{ConfigurationDraft, TcpWithoutConnection};
use model::limits::{BUDDY_GROUPS, FAILOVER_GROUPS, REAL_SERVERS, VIRTUAL_SERVERS};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clients::{RawAssignment, RawBuddies};
use super::group::RawGroup;
use super::real_server::{RawBinding, RawRealServer};
use super::same_values;
use super::timeouts::RawTimeouts;
use super::virtual_server::RawVirtualServer;
use crate::configuration::document::Raw;

/// What is balanced. It is the same on both units of a pair.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "an object")]
#[schemars(title = "director.json")]
pub(in crate::configuration) struct RawDirector {
    /// Counts the changes of this document: of two units with different ones, the one with the higher generation has the newer.
    /// Raise it with every change by hand; commands raise it themselves.
    pub(in crate::configuration) generation: u32,
    /// Whether this is what a unit told the other one of its running configuration, and nobody has written it to the disk
    /// yet. Units set it; leave it out.
    pub(in crate::configuration) unwritten: bool,
    /// What clients connect to.
    #[schemars(length(max = VIRTUAL_SERVERS))]
    virtual_servers: Vec<RawVirtualServer>,
    /// What serves connections.
    #[schemars(length(max = REAL_SERVERS))]
    real_servers: Vec<RawRealServer>,
    /// Which virtual server uses which real servers. Several entries may name the same virtual server.
    bindings: Vec<RawBinding>,
    /// Which clients get which instance of a virtual server. Several entries may name the same instance.
    assignments: Vec<RawAssignment>,
    /// Virtual servers at which a client gets the same real server.
    #[schemars(length(max = BUDDY_GROUPS))]
    buddies: Vec<RawBuddies>,
    /// What moves together from one unit of a pair to the other. Without any, all virtual servers are in one group, named
    /// "default".
    #[schemars(length(max = FAILOVER_GROUPS))]
    groups: Vec<RawGroup>,
    /// How long connections may be idle, in seconds.
    timeouts: RawTimeouts,
    /// What happens to a TCP segment to a virtual server that neither belongs to a connection nor begins one.
    tcp_without_connection: RawTcpWithoutConnection,
    /// What the hashes of clients' addresses begin with, for the predictors source-hash and maglev.
    hash_seed: u64,
}

impl Raw for RawDirector {
    const LISTS: &[&str] = &[
        "virtual_servers",
        "real_servers",
        "bindings",
        "real",
        "assignments",
        "clients",
        "buddies",
        "virtual",
        "groups",
    ];
    const OBJECTS: &[&str] = &["timeouts", "sticky", "shared_addresses", "mac"];
    const OBJECTS_OF_LISTS: &[&str] = &["shared_addresses"];
}

/// What happens to a TCP segment of no connection.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "TcpWithoutConnection")]
pub(super) enum RawTcpWithoutConnection {
    /// It is dropped and counted.
    #[default]
    Drop,
    /// It is answered with a reset.
    Reset,
    /// If it acknowledges something, it is taken into a new connection, as established; others are dropped.
    Admit,
}

same_values!(RawTcpWithoutConnection, TcpWithoutConnection: Drop, Reset, Admit);

impl From<RawDirector> for ConfigurationDraft {
    fn from(raw: RawDirector) -> Self {
        Self {
            virtual_servers: raw.virtual_servers.into_iter().map(Into::into).collect(),
            real_servers: raw.real_servers.into_iter().map(Into::into).collect(),
            bindings: raw.bindings.into_iter().map(Into::into).collect(),
            assignments: raw.assignments.into_iter().map(Into::into).collect(),
            buddies: raw.buddies.into_iter().map(Into::into).collect(),
            groups: raw.groups.into_iter().map(Into::into).collect(),
            timeouts: raw.timeouts.into(),
            tcp_without_connection: raw.tcp_without_connection.into(),
            hash_seed: raw.hash_seed,
        }
    }
}
