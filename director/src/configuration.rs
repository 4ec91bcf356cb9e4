//! What is balanced: virtual servers, real servers, bindings and timeouts; checked once, immutable after.
//!
//! A [`ConfigurationDraft`] is what somebody wrote; [`Configuration`] is what it means, and has no invalid values.
//! Nothing here knows how a document looks or where it came from.

mod check;
mod check_groups;
mod draft;
mod groups;
mod mistake;
mod names;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::time::Duration;

use model::ServerName;

pub use draft::{
    BindingDraft, ConfigurationDraft, GroupDraft, RealServerDraft, TimeoutsDraft, VirtualServerDraft,
};
pub use groups::{Comparison, FailoverGroup, SwitchStrategy};
pub use mistake::{Mistake, Place, Problem, TimeoutKind};

/// Checked configuration. Each binding names servers that exist and suit each other; all sizes are within
/// [`model::limits`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    virtual_servers: Vec<VirtualServer>,
    real_servers: Vec<RealServer>,
    bindings: Vec<Binding>,
    groups: Vec<FailoverGroup>,
    /// The group whose virtual servers are served; `None` for those of all groups.
    served: Option<usize>,
    timeouts: Timeouts,
    tcp_without_connection: TcpWithoutConnection,
}

/// What clients connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualServer {
    name: ServerName,
    predictor: Predictor,
    in_service: bool,
    replicate: bool,
    group: usize,
    bindings: Range<usize>,
}

/// What serves connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealServer {
    name: ServerName,
    weight: u16,
    in_service: bool,
}

/// A virtual server's permission to use a real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    virtual_server: usize,
    real_server: usize,
}

/// How a virtual server chooses among its real servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Predictor {
    /// The real server with the fewest connections.
    #[default]
    LeastConnections,
    /// The real server with the fewest connections for its weight.
    WeightedLeastConnections,
    /// One after the other.
    RoundRobin,
    /// One after the other, each as often as its weight says.
    WeightedRoundRobin,
}

/// What happens to a TCP segment to a virtual server that neither belongs to a connection nor begins one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TcpWithoutConnection {
    /// It is dropped and counted.
    #[default]
    Drop,
    /// It is answered with a reset (RFC 9293 section 3.10.7.1), so that the client notices at once.
    Reset,
    /// A segment that acknowledges something is taken into a new connection, as established: LVS' `sloppy_tcp`. For a
    /// unit that takes the place of another kind of balancer in the middle of traffic.
    Admit,
}

/// How long a connection may be idle, by its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    tcp_syn: Duration,
    tcp_established: Duration,
    tcp_half_closed: Duration,
    tcp_closed: Duration,
    tcp_reset: Duration,
    udp: Duration,
}

impl Configuration {
    /// A draft without servers, to be filled and [built](ConfigurationDraft::build).
    pub fn builder() -> ConfigurationDraft {
        ConfigurationDraft::default()
    }

    /// The virtual servers, in the order in which they were written.
    pub fn virtual_servers(&self) -> &[VirtualServer] {
        &self.virtual_servers
    }

    /// The real servers, in the order in which they were written.
    pub fn real_servers(&self) -> &[RealServer] {
        &self.real_servers
    }

    /// The bindings: those of the first virtual server, then those of the second, and so on.
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// The failover groups, in the order in which they were written: 1 to [`model::limits::FAILOVER_GROUPS`].
    pub fn groups(&self) -> &[FailoverGroup] {
        &self.groups
    }

    /// The part that the shards of a group get: the virtual servers of all other groups are unknown there. Servers and
    /// bindings keep their places, so that what is counted for one is counted at the same place for each group.
    #[must_use]
    pub fn of_group(&self, group: usize) -> Self {
        Self { served: (self.groups.len() > 1).then_some(group), ..self.clone() }
    }

    /// Whether this part has the virtual server.
    pub(crate) fn serves(&self, server: &VirtualServer) -> bool {
        self.served.is_none_or(|group| group == server.group)
    }

    /// How long connections may be idle.
    pub const fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }

    /// What happens to TCP segments of no connection.
    pub const fn tcp_without_connection(&self) -> TcpWithoutConnection {
        self.tcp_without_connection
    }
}

impl VirtualServer {
    /// Its address, port and protocol. The bind ID is 0.
    pub const fn name(&self) -> ServerName {
        self.name
    }

    /// How it chooses among its real servers.
    pub const fn predictor(&self) -> Predictor {
        self.predictor
    }

    /// Whether it takes new connections.
    pub const fn is_in_service(&self) -> bool {
        self.in_service
    }

    /// Whether the other unit of a pair is told of its connections (seed 001, figure 6A).
    pub const fn replicate(&self) -> bool {
        self.replicate
    }

    /// Index into [`Configuration::groups`].
    pub const fn group(&self) -> usize {
        self.group
    }

    /// Where its bindings are in [`Configuration::bindings`].
    pub const fn bindings(&self) -> Range<usize> {
        self.bindings.start..self.bindings.end
    }
}

impl RealServer {
    /// Its address, port and protocol. Port 0 keeps the virtual server's port. The bind ID is 0.
    pub const fn name(&self) -> ServerName {
        self.name
    }

    /// Its share where the predictor is weighted: 1 to [`model::limits::WEIGHT`].
    pub const fn weight(&self) -> u16 {
        self.weight
    }

    /// Whether it gets new connections.
    pub const fn is_in_service(&self) -> bool {
        self.in_service
    }
}

impl Binding {
    /// Index into [`Configuration::virtual_servers`].
    pub const fn virtual_server(&self) -> usize {
        self.virtual_server
    }

    /// Index into [`Configuration::real_servers`].
    pub const fn real_server(&self) -> usize {
        self.real_server
    }
}

impl Timeouts {
    /// From the client's SYN until the handshake is done.
    pub const fn tcp_syn(&self) -> Duration {
        self.tcp_syn
    }

    /// Established connections. RFC 5382 REQ-5: not less than 2 hours and 4 minutes.
    pub const fn tcp_established(&self) -> Duration {
        self.tcp_established
    }

    /// After the FIN of one side. RFC 5382 REQ-5: not less than 4 minutes.
    pub const fn tcp_half_closed(&self) -> Duration {
        self.tcp_half_closed
    }

    /// After the FINs of both sides.
    pub const fn tcp_closed(&self) -> Duration {
        self.tcp_closed
    }

    /// After a reset.
    pub const fn tcp_reset(&self) -> Duration {
        self.tcp_reset
    }

    /// UDP. RFC 4787 REQ-5: 5 minutes or more are recommended.
    pub const fn udp(&self) -> Duration {
        self.udp
    }
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            virtual_servers: Vec::new(),
            real_servers: Vec::new(),
            bindings: Vec::new(),
            groups: vec![FailoverGroup::default()],
            served: None,
            timeouts: Timeouts::default(),
            tcp_without_connection: TcpWithoutConnection::default(),
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            tcp_syn: Duration::from_secs(60),
            tcp_established: Duration::from_secs(7_440),
            tcp_half_closed: Duration::from_secs(240),
            tcp_closed: Duration::from_secs(10),
            tcp_reset: Duration::from_secs(10),
            udp: Duration::from_secs(300),
        }
    }
}
