//! The protocol of the management socket: a JSON request on a line, a JSON response on a line.
//!
//! Requests refuse unknown keys: what a unit does not understand it must not half do. Responses may gain keys
//! without a new version, so readers skip those that they do not know.

use serde::{Deserialize, Serialize};

use super::report::{
    ConnectionPage, CountersReport, NeighborReport, PortReport, RealReport, StatusReport, VirtualReport,
};

pub use super::filter::{ClientNetwork, EndpointPattern, FilterError, PageCursor};

/// The version that this unit speaks.
pub const VERSION: u32 = 1;

/// The longest request line, in bytes, without its newline.
pub const REQUEST_BYTES: usize = 4_096;

/// The most connections in one response. A longer list comes in pages.
pub const PAGE_CONNECTIONS: usize = 1_000;

/// The connections in a response when the request does not say.
pub const DEFAULT_CONNECTIONS: usize = 100;

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The version of the protocol that the client speaks.
    pub version: u32,
    /// What it wants to see.
    pub show: Show,
}

impl Request {
    /// A request in this version.
    pub const fn new(show: Show) -> Self {
        Self { version: VERSION, show }
    }
}

/// What can be shown: `"status"`, or `{"connections": {"limit": 10}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Show {
    /// The unit as a whole.
    Status,
    /// Virtual servers.
    Virtual,
    /// Real servers.
    Real,
    /// Connections, a page at a time.
    Connections(ConnectionQuery),
    /// What became of all packets.
    Counters,
    /// Ports.
    Ports,
    /// The neighbours on the ports' links.
    Neighbors,
}

/// Which connections to show. What is left out matches all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionQuery {
    /// The client's network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientNetwork>,
    /// The virtual server.
    #[serde(rename = "virtual", skip_serializing_if = "Option::is_none")]
    pub virtual_server: Option<EndpointPattern>,
    /// The real server.
    #[serde(rename = "real", skip_serializing_if = "Option::is_none")]
    pub real_server: Option<EndpointPattern>,
    /// The most connections to send; more than [`PAGE_CONNECTIONS`] count as that.
    pub limit: usize,
    /// Where the page before ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<PageCursor>,
}

impl Default for ConnectionQuery {
    fn default() -> Self {
        Self {
            client: None,
            virtual_server: None,
            real_server: None,
            limit: DEFAULT_CONNECTIONS,
            after: None,
        }
    }
}

/// What a unit answers: `{"version": 1, "status": {...}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// The version of the protocol that the unit speaks.
    pub version: u32,
    /// The answer.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Response {
    /// A response in this version.
    pub const fn new(outcome: Outcome) -> Self {
        Self { version: VERSION, outcome }
    }
}

/// The answer to a [`Show`] of the same name, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is what its report says")]
pub enum Outcome {
    Status(StatusReport),
    Virtual(Vec<VirtualReport>),
    Real(Vec<RealReport>),
    Connections(ConnectionPage),
    Counters(Box<CountersReport>),
    Ports(Vec<PortReport>),
    Neighbors(Vec<NeighborReport>),
    Error(ErrorReport),
}

/// Why a request was not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReport {
    /// For programs.
    pub kind: ErrorKind,
    /// For people.
    pub message: String,
}

/// The kinds of [`ErrorReport`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The request is not one of this protocol.
    Malformed,
    /// The request is of a version that this unit does not speak.
    Version,
    /// The unit has as many clients as it takes.
    TooManyClients,
    /// A worker did not answer in time.
    WorkerSilent,
    /// The unit is being stopped.
    Stopping,
    /// A kind that this reader does not know yet.
    #[serde(other)]
    Other,
}
