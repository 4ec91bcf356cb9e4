//! The servers and what binds them (seed 003, figures 2, 3A and 3B).

use std::net::IpAddr;
use std::ops::Range;
use std::time::Duration;

use ipnet::IpNet;
use model::ServerName;

use super::{Predictor, Timeouts};

/// What clients connect to: one instance of it, for those clients that are assigned to its bind ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualServer {
    pub(super) name: ServerName,
    pub(super) id: u16,
    pub(super) predictor: Predictor,
    pub(super) in_service: bool,
    pub(super) replicate: bool,
    pub(super) group: usize,
    pub(super) bindings: Range<usize>,
    pub(super) refusal: Option<Refusal>,
    pub(super) sticky: Option<Sticky>,
    pub(super) max_connections: Option<u32>,
    pub(super) backup: Option<Backup>,
    pub(super) timeouts: Timeouts,
    pub(super) resends: u8,
    pub(super) synguard: Option<u32>,
}

/// What an instance does to new connections that serves none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It drops them.
    Drop,
    /// It answers TCP with a reset, and drops the rest.
    Reset,
}

/// Clients return to the real server that they had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sticky {
    pub(super) period: Duration,
    pub(super) ipv4_prefix: u8,
    pub(super) ipv6_prefix: u8,
    pub(super) scope: u64,
}

/// What takes the connections that a virtual server has no real server for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// What does.
    pub target: BackupTarget,
    /// When it does.
    pub when: BackupWhen,
}

/// A virtual server's backup. Numbers are indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupTarget {
    /// Another virtual server, with all that it has.
    Virtual(usize),
    /// One real server: by this binding.
    Binding(usize),
}

/// When a virtual server's backup comes in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackupWhen {
    /// All its real servers have failed, or are out of service.
    #[default]
    Failed,
    /// Or have as many connections as they may have.
    Busy,
}

/// What serves connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealServer {
    pub(super) name: ServerName,
    pub(super) id: u16,
    pub(super) weight: u16,
    pub(super) in_service: bool,
    pub(super) max_connections: Option<u32>,
    pub(super) backup: Option<usize>,
    pub(super) threshold: u32,
    pub(super) count_resets: bool,
    pub(super) retry: Duration,
    pub(super) slow_start: Duration,
}

/// A virtual server's permission to use a real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    pub(super) virtual_server: usize,
    pub(super) real_server: usize,
    pub(super) id: u16,
    pub(super) stand_in: Option<StandIn>,
}

/// What a binding that nobody wrote is there for: it gets no connections until those can get none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandIn {
    /// The virtual server's real servers whose backup this one is.
    ForReals,
    /// All of the virtual server's, whose backup the real server is.
    ForVirtual,
}

impl VirtualServer {
    /// Its address, port, bind ID and protocol.
    pub const fn name(&self) -> ServerName {
        self.name
    }

    /// What it is counted by. It stays while the configuration changes.
    pub const fn id(&self) -> u16 {
        self.id
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

    /// Index into [`Configuration::groups`](super::Configuration::groups).
    pub const fn group(&self) -> usize {
        self.group
    }

    /// Where its bindings are in [`Configuration::bindings`](super::Configuration::bindings).
    pub const fn bindings(&self) -> Range<usize> {
        self.bindings.start..self.bindings.end
    }

    /// What it does to new connections, if it serves none: an instance for unwelcome clients.
    pub const fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }

    /// How clients return to the real server that they had, if they do.
    pub const fn sticky(&self) -> Option<Sticky> {
        self.sticky
    }

    /// The connections that it may have, on the whole unit.
    pub const fn max_connections(&self) -> Option<u32> {
        self.max_connections
    }

    /// What takes over its new connections.
    pub const fn backup(&self) -> Option<Backup> {
        self.backup
    }

    /// How long its connections may be idle.
    pub const fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }

    /// Resent SYNs after which a connection is ditched and given to another real server; 0 for never.
    pub const fn resends(&self) -> u8 {
        self.resends
    }

    /// The half-open connections that it may have, on the whole unit.
    pub const fn synguard(&self) -> Option<u32> {
        self.synguard
    }
}

impl Sticky {
    /// How long after a client's last connection began or ended it is remembered.
    pub const fn period(&self) -> Duration {
        self.period
    }

    /// The bits of a client's address that count.
    pub const fn prefix(&self, is_ipv4: bool) -> u8 {
        if is_ipv4 { self.ipv4_prefix } else { self.ipv6_prefix }
    }

    /// What counts of a client's address: the network that it is remembered by.
    pub fn network(&self, client: IpAddr) -> IpNet {
        let prefix = self.prefix(client.is_ipv4());
        // Checked configuration has no prefix that there is not.
        IpNet::new(client, prefix).unwrap_or(client.into()).trunc()
    }

    /// Who shares what is remembered: the virtual server alone, or its buddies. It follows from the name, so that both
    /// units of a pair have the same.
    pub const fn scope(&self) -> u64 {
        self.scope
    }
}

impl RealServer {
    /// Its address, port and protocol. Port 0 keeps the virtual server's port. The bind ID is 0.
    pub const fn name(&self) -> ServerName {
        self.name
    }

    /// What it is counted by. It stays while the configuration changes.
    pub const fn id(&self) -> u16 {
        self.id
    }

    /// Its share where the predictor is weighted: 1 to [`model::limits::WEIGHT`].
    pub const fn weight(&self) -> u16 {
        self.weight
    }

    /// Whether it gets new connections.
    pub const fn is_in_service(&self) -> bool {
        self.in_service
    }

    /// The connections that it may have, on the whole unit.
    pub const fn max_connections(&self) -> Option<u32> {
        self.max_connections
    }

    /// The index of the real server that stands in for it while it has failed or is out of service.
    pub const fn backup(&self) -> Option<usize> {
        self.backup
    }

    /// The consecutive ditched connections that fail it (seed 003, figure 3B, 326); 0 for never.
    pub const fn threshold(&self) -> u32 {
        self.threshold
    }

    /// Whether a reset in answer to a SYN counts as a ditched connection.
    pub const fn count_resets(&self) -> bool {
        self.count_resets
    }

    /// How long after it has failed it is tried with one connection; zero for never.
    pub const fn retry(&self) -> Duration {
        self.retry
    }

    /// How long it takes until it has its whole share after it has come into service; zero for no time.
    pub const fn slow_start(&self) -> Duration {
        self.slow_start
    }
}

impl Binding {
    /// Index into [`Configuration::virtual_servers`](super::Configuration::virtual_servers).
    pub const fn virtual_server(&self) -> usize {
        self.virtual_server
    }

    /// Index into [`Configuration::real_servers`](super::Configuration::real_servers).
    pub const fn real_server(&self) -> usize {
        self.real_server
    }

    /// What its connections are counted by. It stays while the configuration changes.
    pub const fn id(&self) -> u16 {
        self.id
    }

    /// What it is there for, if nobody wrote it.
    pub const fn stand_in(&self) -> Option<StandIn> {
        self.stand_in
    }
}
