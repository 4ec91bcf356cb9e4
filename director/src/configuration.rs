//! What is balanced: virtual servers, real servers, bindings and timeouts; checked once, immutable after.
//!
//! A [`ConfigurationDraft`] is what somebody wrote; [`Configuration`] is what it means, and has no invalid values.
//! Nothing here knows how a document looks or where it came from.

mod assignments;
mod check;
mod check_bindings;
mod check_clients;
mod check_groups;
mod check_servers;
mod client_table;
mod draft;
mod groups;
mod mistake;
mod names;
mod numbering;
mod servers;
#[cfg(test)]
mod tests;
mod timeouts;

use std::sync::Arc;

use model::ServerName;

pub(crate) use client_table::ClientTable;

pub use assignments::{Assigned, Assignments};
pub use draft::{
    AssignmentDraft, BindingDraft, BuddiesDraft, ConfigurationDraft, GroupDraft, RealServerDraft,
    StickyDraft, TimeoutsDraft, VirtualServerDraft, VirtualTimeoutsDraft,
};
pub use groups::{Comparison, FailoverGroup, SwitchStrategy};
pub use mistake::{Mistake, Place, Problem, RealSetting, TimeoutKind, VirtualSetting};
pub use numbering::{NoNumber, Numbered, Numbering};
pub use servers::{
    Backup, BackupTarget, BackupWhen, Binding, RealServer, Refusal, StandIn, Sticky, VirtualServer,
};
pub use timeouts::Timeouts;

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
    assignments: Arc<Assignments>,
    timeouts: Timeouts,
    tcp_without_connection: TcpWithoutConnection,
    hash_seed: u64,
    client_tables: client_table::ClientTables,
}

/// How a virtual server chooses among its real servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Predictor {
    /// The real server with the fewest connections.
    #[default]
    LeastConnections,
    /// The real server with the fewest connections for its weight.
    WeightedLeastConnections,
    /// The real server that answers SYNs fastest, reckoned with its connections.
    Fastest,
    /// One after the other.
    RoundRobin,
    /// One after the other, each as often as its weight says.
    WeightedRoundRobin,
    /// The one that the client's address names, by a plain hash.
    SourceHash,
    /// The one that the client's address names, by Maglev's consistent hash: a change of one real server moves few of the
    /// others' clients (Eisenbud et al., "Maglev", NSDI 2016, section 3.4).
    Maglev,
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

    /// Which clients get another instance of a virtual server than the one with bind ID 0.
    pub fn assignments(&self) -> &Assignments {
        &self.assignments
    }

    /// What the hashes of clients' addresses begin with: the same on both units of a pair, so that they choose alike.
    pub const fn hash_seed(&self) -> u64 {
        self.hash_seed
    }

    /// The index of a virtual server.
    pub fn find_virtual(&self, name: ServerName) -> Option<usize> {
        self.virtual_servers.iter().position(|server| server.name() == name)
    }

    /// The index of a real server.
    pub fn find_real(&self, name: ServerName) -> Option<usize> {
        self.real_servers.iter().position(|server| server.name() == name)
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
            assignments: Arc::default(),
            timeouts: Timeouts::default(),
            tcp_without_connection: TcpWithoutConnection::default(),
            hash_seed: 0,
            client_tables: client_table::ClientTables::default(),
        }
    }
}
