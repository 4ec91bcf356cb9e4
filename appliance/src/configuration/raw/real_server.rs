//! Real servers and bindings as they are written in `director.json`.

use director::{BindingDraft, RealServerDraft};
use model::limits::{CONNECTIONS, DITCH_THRESHOLD, RETRY_S, WEIGHT};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::yes;

/// A real server.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with \"real\"")]
#[schemars(rename = "RealServer")]
pub(super) struct RawRealServer {
    /// `<address>[:port][:protocol]`, as for virtual servers, but without a bind ID. Port 0 keeps the port of the virtual
    /// server, or the one that the client chose where the virtual server has all.
    #[schemars(example = &"10.1.0.11:8080", example = &"[2001:db8:1::11]")]
    real: String,
    /// Its share where the predictor is weighted.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = WEIGHT))]
    weight: u64,
    /// Whether it gets new connections.
    #[serde(default = "yes")]
    in_service: bool,
    /// The connections that it may have. Without it, as many as there is room for.
    #[schemars(range(min = 1, max = CONNECTIONS))]
    max_connections: Option<u64>,
    /// The name of another of the `real_servers`, which stands in while this one has failed or is out of service.
    #[schemars(example = &"10.1.0.19:8080")]
    backup: Option<String>,
    /// Consecutive ditched connections that fail it; 0 for never. A connection is ditched when the client's SYN stays
    /// unanswered.
    #[serde(default = "threshold")]
    #[schemars(range(max = DITCH_THRESHOLD))]
    threshold: u64,
    /// Whether a reset in answer to a SYN counts as a ditched connection.
    #[serde(default = "yes")]
    count_resets: bool,
    /// How long after it has failed it is tried again with one connection, in seconds; 0 for never.
    #[serde(default = "retry")]
    #[schemars(range(max = RETRY_S))]
    retry_s: u64,
    /// How long it takes until it has its whole share after it has come into service, in seconds; 0 for no time.
    #[serde(default)]
    #[schemars(range(max = RETRY_S))]
    slow_start_s: u64,
}

/// Real servers that a virtual server uses.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with \"virtual\" and \"real\"")]
#[schemars(rename = "Binding")]
pub(super) struct RawBinding {
    /// The name of one of the `virtual_servers`.
    #[schemars(example = &"192.0.2.100:80")]
    r#virtual: String,
    /// Names of `real_servers` of the same address family and protocol.
    #[schemars(length(min = 1), extend("examples" = [["10.1.0.11:8080", "10.1.0.12:8080"]]))]
    real: Vec<String>,
}

const fn one() -> u64 {
    1
}

const fn threshold() -> u64 {
    RealServerDraft::THRESHOLD
}

const fn retry() -> u64 {
    RealServerDraft::RETRY_S
}

impl From<RawRealServer> for RealServerDraft {
    fn from(raw: RawRealServer) -> Self {
        Self {
            name: raw.real,
            weight: raw.weight,
            in_service: raw.in_service,
            max_connections: raw.max_connections,
            backup: raw.backup,
            threshold: raw.threshold,
            count_resets: raw.count_resets,
            retry_s: raw.retry_s,
            slow_start_s: raw.slow_start_s,
        }
    }
}

impl From<RawBinding> for BindingDraft {
    fn from(raw: RawBinding) -> Self {
        Self { virtual_server: raw.r#virtual, real_servers: raw.real }
    }
}
