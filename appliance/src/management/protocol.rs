//! The protocol of the management socket: a JSON request on a line, a JSON response on a line.
//!
//! Requests refuse unknown keys: what a unit does not understand it must not half do. Responses may gain keys
//! without a new version, so readers skip those that they do not know.

use model::UnitState;
use serde::{Deserialize, Serialize};

use super::change_report::{
    ChangeReport, ClearReport, ConfigurationReport, ExplainReport, KillReport, WriteReport,
};
use super::failover_report::{FailoverStatusReport, RehearsalReport, SwitchReport};
use super::report::{
    ConnectionPage, CountersReport, NeighborReport, PortReport, RealReport, ReplicationReport, StatusReport,
    VirtualReport,
};

pub use super::filter::{ClientNetwork, EndpointPattern, FilterError, PageCursor};

/// The version that this unit speaks.
pub const VERSION: u32 = 1;

/// The longest request line, in bytes, without its newline: a hundred thousand assignments in one transaction fit.
pub const REQUEST_BYTES: usize = 16 << 20;

/// The most connections in one response. A longer list comes in pages.
pub const PAGE_CONNECTIONS: usize = 1_000;

/// The connections in a response when the request does not say.
pub const DEFAULT_CONNECTIONS: usize = 100;

/// What a client asks: `{"version": 1, "show": "status"}`, `{"version": 1, "failover": {"action": "active"}}` or
/// `{"version": 1, "commands": ["virtual 192.0.2.100:80 is"]}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawRequest", into = "RawRequest")]
pub struct Request {
    /// The version of the protocol that the client speaks.
    pub version: u32,
    /// What it wants.
    pub command: Command,
}

/// What a client wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// To see something.
    Show(Show),
    /// The units of the pair to change places.
    Failover(FailoverRequest),
    /// Commands of the language to be carried out.
    Language(CommandRequest),
}

/// Commands of the language: any number of configuration commands, which are one transaction, or one other command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandRequest {
    /// The commands, as text.
    pub commands: Vec<String>,
    /// Whether only to say what a transaction would change.
    pub dry_run: bool,
    /// Whether a transaction may take live connections their binding.
    pub force: bool,
}

/// What is to be done with the units of a pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailoverRequest {
    /// What.
    pub action: Action,
    /// The failover group; all of them if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Whether to do it where connections break.
    #[serde(default)]
    pub force: bool,
}

/// What can be done with the units of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// This unit forwards.
    Active,
    /// This unit stops, and the other one forwards.
    Standby,
    /// What keeps this unit from taking over by itself is forgotten.
    Reset,
    /// The other unit forwards for a moment, then this one again.
    Rehearse,
}

/// Whether a unit forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It forwards.
    Active,
    /// It keeps what its peer tells it.
    Standby,
}

impl State {
    /// The word for it.
    pub fn name(self) -> &'static str {
        UnitState::from(self).name()
    }
}

impl From<UnitState> for State {
    fn from(state: UnitState) -> Self {
        match state {
            UnitState::Active => Self::Active,
            UnitState::Standby => Self::Standby,
        }
    }
}

impl From<State> for UnitState {
    fn from(state: State) -> Self {
        match state {
            State::Active => Self::Active,
            State::Standby => Self::Standby,
        }
    }
}

/// A request as it is written: with one command.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRequest {
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    show: Option<Show>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failover: Option<FailoverRequest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commands: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "is_false")]
    dry_run: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    force: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl TryFrom<RawRequest> for Request {
    type Error = &'static str;

    fn try_from(raw: RawRequest) -> Result<Self, Self::Error> {
        let RawRequest { version, show, failover, commands, dry_run, force } = raw;
        let is_plain = !dry_run && !force;
        let command = match (show, failover, commands) {
            (Some(show), None, None) if is_plain => Command::Show(show),
            (None, Some(request), None) if is_plain => Command::Failover(request),
            (None, None, Some(commands)) => Command::Language(CommandRequest { commands, dry_run, force }),
            (_, _, None) if !is_plain => return Err("\"dry_run\" and \"force\" belong to \"commands\""),
            _ => return Err("expected one of \"show\", \"failover\" and \"commands\""),
        };
        Ok(Self { version, command })
    }
}

impl From<Request> for RawRequest {
    fn from(Request { version, command }: Request) -> Self {
        let nothing =
            Self { version, show: None, failover: None, commands: None, dry_run: false, force: false };
        match command {
            Command::Show(show) => Self { show: Some(show), ..nothing },
            Command::Failover(request) => Self { failover: Some(request), ..nothing },
            Command::Language(CommandRequest { commands, dry_run, force }) => {
                Self { commands: Some(commands), dry_run, force, ..nothing }
            }
        }
    }
}

impl Request {
    /// A request in this version.
    pub const fn new(command: Command) -> Self {
        Self { version: VERSION, command }
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
    /// How the unit keeps in step with its peer.
    Replication,
    /// Who is active, and why.
    Failover,
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

/// The answer to a [`Show`] of the same name, or to a [`Command`], or why there is none.
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
    Replication(Box<ReplicationReport>),
    Failover(Box<FailoverStatusReport>),
    Switched(Vec<SwitchReport>),
    Reset(Vec<String>),
    Rehearsed(Vec<RehearsalReport>),
    Changed(ChangeReport),
    Written(WriteReport),
    Killed(KillReport),
    Cleared(ClearReport),
    Configuration(Box<ConfigurationReport>),
    Explained(Box<ExplainReport>),
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
    /// The unit is of no pair.
    Alone,
    /// It makes no sense now, or would break connections.
    Refused,
    /// Not all workers did what was asked in time.
    Unfinished,
    /// A command is wrong: a bad word, or a server that there is not. It changed nothing.
    Command,
    /// The unit stands by: commands are for the active one.
    NotActive,
    /// Live connections would lose their binding, and it was not forced.
    Orphans,
    /// The unit is being stopped.
    Stopping,
    /// A kind that this reader does not know yet.
    #[serde(other)]
    Other,
}
