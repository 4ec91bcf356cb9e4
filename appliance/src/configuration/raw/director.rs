//! `director.json` as it is written: what is balanced.

use director::{
    BindingDraft, ConfigurationDraft, Predictor, RealServerDraft, TcpWithoutConnection, TimeoutsDraft,
    VirtualServerDraft,
};
use model::limits::{FAILOVER_GROUPS, IDLE_TIMEOUT_S, REAL_SERVERS, VIRTUAL_SERVERS, WEIGHT};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::group::RawGroup;
use crate::configuration::document::Raw;

/// What is balanced. It is the same on both units of a pair.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "an object")]
#[schemars(title = "director.json")]
pub(in crate::configuration) struct RawDirector {
    /// Counts the changes of this document: of two units with different ones, the one with the higher generation has the newer.
    /// Raise it with every change.
    pub(in crate::configuration) generation: u32,
    /// What clients connect to.
    #[schemars(length(max = VIRTUAL_SERVERS))]
    virtual_servers: Vec<RawVirtualServer>,
    /// What serves connections.
    #[schemars(length(max = REAL_SERVERS))]
    real_servers: Vec<RawRealServer>,
    /// Which virtual server uses which real servers. Several entries may name the same virtual server.
    bindings: Vec<RawBinding>,
    /// What moves together from one unit of a pair to the other. Without any, all virtual servers are in one group, named
    /// "default".
    #[schemars(length(max = FAILOVER_GROUPS))]
    groups: Vec<RawGroup>,
    /// How long connections may be idle, in seconds.
    timeouts: RawTimeouts,
    /// What happens to a TCP segment to a virtual server that neither belongs to a connection nor begins one.
    tcp_without_connection: RawTcpWithoutConnection,
}

impl Raw for RawDirector {
    const LISTS: &[&str] = &["virtual_servers", "real_servers", "bindings", "real", "groups"];
    const OBJECTS: &[&str] = &["timeouts", "shared_addresses", "mac"];
    const OBJECTS_OF_LISTS: &[&str] = &["shared_addresses"];
}

/// A virtual server.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with \"virtual\"")]
#[schemars(rename = "VirtualServer")]
struct RawVirtualServer {
    /// `<address>[:port][:bind-id][:protocol]`. What is missing is port 0 (all ports), bind ID 0 and tcp; an IPv6
    /// address stands in brackets. Bind IDs other than 0 can not be used yet.
    #[schemars(example = &"192.0.2.100:80", example = &"[2001:db8:100::100]:53:udp")]
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
}

/// A real server.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with \"real\"")]
#[schemars(rename = "RealServer")]
struct RawRealServer {
    /// `<address>[:port][:bind-id][:protocol]`, as for virtual servers. Port 0 keeps the port of the virtual server, or
    /// the one that the client chose where the virtual server has all.
    #[schemars(example = &"10.1.0.11:8080", example = &"[2001:db8:1::11]")]
    real: String,
    /// Its share where the predictor is weighted.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = WEIGHT))]
    weight: u64,
    /// Whether it gets new connections.
    #[serde(default = "yes")]
    in_service: bool,
}

/// Real servers that a virtual server uses.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with \"virtual\" and \"real\"")]
#[schemars(rename = "Binding")]
struct RawBinding {
    /// The name of one of the `virtual_servers`.
    #[schemars(example = &"192.0.2.100:80")]
    r#virtual: String,
    /// Names of `real_servers` of the same address family and protocol.
    #[schemars(length(min = 1), extend("examples" = [["10.1.0.11:8080", "10.1.0.12:8080"]]))]
    real: Vec<String>,
}

/// How a virtual server chooses among its real servers.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "Predictor")]
enum RawPredictor {
    /// The real server with the fewest connections.
    #[default]
    #[serde(rename = "leastconns")]
    LeastConnections,
    /// The real server with the fewest connections for its weight.
    #[serde(rename = "weighted-leastconns")]
    WeightedLeastConnections,
    /// One after the other.
    #[serde(rename = "roundrobin")]
    RoundRobin,
    /// One after the other, each as often as its weight says.
    #[serde(rename = "weighted-roundrobin")]
    WeightedRoundRobin,
}

/// What happens to a TCP segment of no connection.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "TcpWithoutConnection")]
enum RawTcpWithoutConnection {
    /// It is dropped and counted.
    #[default]
    Drop,
    /// It is answered with a reset.
    Reset,
    /// If it acknowledges something, it is taken into a new connection, as established; others are dropped.
    Admit,
}

macro_rules! timeouts {
    ($($(#[doc = $text:literal])+ $key:ident;)+) => {
        /// How long connections may be idle, in seconds.
        #[derive(Debug, Deserialize, Serialize, JsonSchema)]
        #[serde(deny_unknown_fields, default, expecting = "an object")]
        #[schemars(rename = "Timeouts")]
        struct RawTimeouts {
            $($(#[doc = $text])+ #[schemars(range(min = 1, max = IDLE_TIMEOUT_S))] $key: u64,)+
        }

        impl Default for RawTimeouts {
            fn default() -> Self {
                let timeouts = TimeoutsDraft::default();
                Self { $($key: timeouts.$key,)+ }
            }
        }

        impl From<RawTimeouts> for TimeoutsDraft {
            fn from(raw: RawTimeouts) -> Self {
                Self { $($key: raw.$key,)+ }
            }
        }
    };
}

timeouts! {
    /// From the client's SYN until the handshake is done.
    tcp_syn_s;
    /// Established TCP connections. RFC 5382 asks for 7440 or more.
    tcp_established_s;
    /// TCP connections after the FIN of one side. RFC 5382 asks for 240 or more.
    tcp_half_closed_s;
    /// TCP connections after the FINs of both sides.
    tcp_closed_s;
    /// TCP connections after a reset.
    tcp_reset_s;
    /// UDP. RFC 4787 recommends 300 or more.
    udp_s;
}

const fn yes() -> bool {
    true
}

const fn one() -> u64 {
    1
}

impl From<RawDirector> for ConfigurationDraft {
    fn from(raw: RawDirector) -> Self {
        Self {
            virtual_servers: raw.virtual_servers.into_iter().map(Into::into).collect(),
            real_servers: raw.real_servers.into_iter().map(Into::into).collect(),
            bindings: raw.bindings.into_iter().map(Into::into).collect(),
            groups: raw.groups.into_iter().map(Into::into).collect(),
            timeouts: raw.timeouts.into(),
            tcp_without_connection: match raw.tcp_without_connection {
                RawTcpWithoutConnection::Drop => TcpWithoutConnection::Drop,
                RawTcpWithoutConnection::Reset => TcpWithoutConnection::Reset,
                RawTcpWithoutConnection::Admit => TcpWithoutConnection::Admit,
            },
        }
    }
}

impl From<RawVirtualServer> for VirtualServerDraft {
    fn from(raw: RawVirtualServer) -> Self {
        let predictor = match raw.predictor {
            RawPredictor::LeastConnections => Predictor::LeastConnections,
            RawPredictor::WeightedLeastConnections => Predictor::WeightedLeastConnections,
            RawPredictor::RoundRobin => Predictor::RoundRobin,
            RawPredictor::WeightedRoundRobin => Predictor::WeightedRoundRobin,
        };
        Self {
            name: raw.r#virtual,
            predictor,
            in_service: raw.in_service,
            replicate: raw.replicate,
            group: raw.group,
        }
    }
}

impl From<RawRealServer> for RealServerDraft {
    fn from(raw: RawRealServer) -> Self {
        Self { name: raw.real, weight: raw.weight, in_service: raw.in_service }
    }
}

impl From<RawBinding> for BindingDraft {
    fn from(raw: RawBinding) -> Self {
        Self { virtual_server: raw.r#virtual, real_servers: raw.real }
    }
}
