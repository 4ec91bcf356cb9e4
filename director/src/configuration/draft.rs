//! What somebody wrote: names are text, numbers are unchecked.

use super::{
    BackupWhen, Comparison, Configuration, FailoverGroup, Mistake, Predictor, Refusal, SwitchStrategy,
    TcpWithoutConnection, Timeouts, check,
};

/// What is to be balanced, not checked yet. The methods take names as text, so a configuration reads like its document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigurationDraft {
    /// The virtual servers.
    pub virtual_servers: Vec<VirtualServerDraft>,
    /// The real servers.
    pub real_servers: Vec<RealServerDraft>,
    /// Which virtual server may use which real servers. A virtual server may stand in several.
    pub bindings: Vec<BindingDraft>,
    /// Which clients get which instance of a virtual server.
    pub assignments: Vec<AssignmentDraft>,
    /// Virtual servers at which a client gets the same real server.
    pub buddies: Vec<BuddiesDraft>,
    /// The failover groups; none are one without anything special.
    pub groups: Vec<GroupDraft>,
    /// How long connections may be idle.
    pub timeouts: TimeoutsDraft,
    /// What happens to TCP segments of no connection.
    pub tcp_without_connection: TcpWithoutConnection,
    /// What the hashes of clients' addresses begin with.
    pub hash_seed: u64,
}

/// A virtual server as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualServerDraft {
    /// Its name: `<address>[:port][:bind-id][:protocol]`.
    pub name: String,
    /// How it chooses among its real servers.
    pub predictor: Predictor,
    /// Whether it takes new connections.
    pub in_service: bool,
    /// Whether the other unit of a pair is told of its connections.
    pub replicate: bool,
    /// The name of its failover group; `None` is the first.
    pub group: Option<String>,
    /// What it does to new connections, if it serves none.
    pub refuse: Option<Refusal>,
    /// How clients return to the real server that they had, if they do.
    pub sticky: Option<StickyDraft>,
    /// The connections that it may have.
    pub max_connections: Option<u64>,
    /// The name of another virtual server or of a real server.
    pub backup: Option<String>,
    /// When the backup comes in.
    pub backup_when: BackupWhen,
    /// Idle timeouts of its own.
    pub timeouts: VirtualTimeoutsDraft,
    /// Resent SYNs after which a connection is ditched; 0 for never.
    pub resends: u64,
    /// The half-open connections that it may have.
    pub synguard: Option<u64>,
}

/// How clients return to the real server that they had, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StickyDraft {
    /// How long a client is remembered.
    pub minutes: u64,
    /// Bits of an IPv4 client's address that count.
    pub ipv4_prefix: u64,
    /// Bits of an IPv6 client's address that count.
    pub ipv6_prefix: u64,
}

/// Idle timeouts of one virtual server as written, in seconds; what is missing is as in general.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VirtualTimeoutsDraft {
    /// See [`Timeouts::tcp_syn`].
    pub tcp_syn_s: Option<u64>,
    /// See [`Timeouts::tcp_established`].
    pub tcp_established_s: Option<u64>,
    /// See [`Timeouts::tcp_half_closed`].
    pub tcp_half_closed_s: Option<u64>,
    /// See [`Timeouts::tcp_closed`].
    pub tcp_closed_s: Option<u64>,
    /// See [`Timeouts::tcp_reset`].
    pub tcp_reset_s: Option<u64>,
    /// See [`Timeouts::udp`].
    pub udp_s: Option<u64>,
}

/// A real server as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealServerDraft {
    /// Its name: `<address>[:port][:bind-id][:protocol]`.
    pub name: String,
    /// Its share where the predictor is weighted.
    pub weight: u64,
    /// Whether it gets new connections.
    pub in_service: bool,
    /// The connections that it may have.
    pub max_connections: Option<u64>,
    /// The name of the real server that stands in for it.
    pub backup: Option<String>,
    /// Consecutive ditched connections that fail it; 0 for never.
    pub threshold: u64,
    /// Whether a reset in answer to a SYN counts as a ditched connection.
    pub count_resets: bool,
    /// When it is tried again after it failed, in seconds; 0 for never.
    pub retry_s: u64,
    /// How long it takes until it has its whole share after it came into service, in seconds.
    pub slow_start_s: u64,
}

/// Real servers of a virtual server, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingDraft {
    /// The virtual server's name.
    pub virtual_server: String,
    /// The real servers' names.
    pub real_servers: Vec<String>,
}

/// Clients of an instance of a virtual server, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignmentDraft {
    /// The virtual server's name, with its bind ID.
    pub virtual_server: String,
    /// Addresses, or networks like 198.51.100.0/24.
    pub clients: Vec<String>,
}

/// Virtual servers at which a client gets the same real server, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuddiesDraft {
    /// The name of the group of buddies.
    pub name: String,
    /// The virtual servers' names.
    pub virtual_servers: Vec<String>,
}

/// A failover group as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDraft {
    /// Its name.
    pub name: String,
    /// The name of the unit that is preferred, if any.
    pub primary: Option<String>,
    /// Who switches back to the primary unit.
    pub strategy: SwitchStrategy,
    /// How what each unit can reach is compared.
    pub compare: Comparison,
    /// The least time between two switches, in seconds.
    pub hold_s: u64,
    /// How much less loaded the other unit has to be, if load matters.
    pub load_margin_percent: Option<u64>,
    /// Whether the kernel has the virtual addresses while the group is active.
    pub advertise: bool,
    /// Addresses that move with the group, with their prefix lengths, by the name of their port. Each port once.
    pub shared_addresses: Vec<(String, Vec<String>)>,
    /// The group's MAC address on ports where it is not to follow from the pair's key. Each port once.
    pub macs: Vec<(String, String)>,
}

/// Idle timeouts as written, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeoutsDraft {
    /// See [`Timeouts::tcp_syn`].
    pub tcp_syn_s: u64,
    /// See [`Timeouts::tcp_established`].
    pub tcp_established_s: u64,
    /// See [`Timeouts::tcp_half_closed`].
    pub tcp_half_closed_s: u64,
    /// See [`Timeouts::tcp_closed`].
    pub tcp_closed_s: u64,
    /// See [`Timeouts::tcp_reset`].
    pub tcp_reset_s: u64,
    /// See [`Timeouts::udp`].
    pub udp_s: u64,
}

impl ConfigurationDraft {
    /// Adds a virtual server that is in service.
    #[must_use]
    pub fn virtual_server(self, name: &str, predictor: Predictor) -> Self {
        self.add_virtual_server(VirtualServerDraft { predictor, ..VirtualServerDraft::new(name) })
    }

    /// Adds a virtual server.
    #[must_use]
    pub fn add_virtual_server(mut self, server: VirtualServerDraft) -> Self {
        self.virtual_servers.push(server);
        self
    }

    /// Adds a real server that has weight 1 and is in service.
    #[must_use]
    pub fn real_server(self, name: &str) -> Self {
        self.add_real_server(RealServerDraft::new(name))
    }

    /// Adds a real server.
    #[must_use]
    pub fn add_real_server(mut self, server: RealServerDraft) -> Self {
        self.real_servers.push(server);
        self
    }

    /// Lets a virtual server use real servers.
    #[must_use]
    pub fn bind(mut self, virtual_server: &str, real_servers: &[&str]) -> Self {
        self.bindings.push(BindingDraft {
            virtual_server: virtual_server.to_owned(),
            real_servers: real_servers.iter().map(|&name| name.to_owned()).collect(),
        });
        self
    }

    /// Adds a failover group.
    #[must_use]
    pub fn add_group(mut self, group: GroupDraft) -> Self {
        self.groups.push(group);
        self
    }

    /// Sets how long connections may be idle.
    #[must_use]
    pub const fn timeouts(mut self, timeouts: TimeoutsDraft) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Sets what happens to TCP segments of no connection.
    #[must_use]
    pub const fn tcp_without_connection(mut self, action: TcpWithoutConnection) -> Self {
        self.tcp_without_connection = action;
        self
    }

    /// Has clients get an instance of a virtual server.
    #[must_use]
    pub fn assign(mut self, virtual_server: &str, clients: &[&str]) -> Self {
        self.assignments.push(AssignmentDraft {
            virtual_server: virtual_server.to_owned(),
            clients: clients.iter().map(|&client| client.to_owned()).collect(),
        });
        self
    }

    /// Has clients get the same real server at several virtual servers.
    #[must_use]
    pub fn buddies(mut self, name: &str, virtual_servers: &[&str]) -> Self {
        self.buddies.push(BuddiesDraft {
            name: name.to_owned(),
            virtual_servers: virtual_servers.iter().map(|&server| server.to_owned()).collect(),
        });
        self
    }

    /// Checks everything.
    ///
    /// # Errors
    ///
    /// All mistakes, in the order of the draft.
    pub fn build(&self) -> Result<Configuration, Vec<Mistake>> {
        check::check(self)
    }
}

impl VirtualServerDraft {
    /// The resent SYNs after which a connection is ditched unless something else is written: the client has waited for 7
    /// seconds then.
    pub const RESENDS: u64 = 3;

    /// A virtual server that is in service, is replicated, and has the default predictor.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            predictor: Predictor::default(),
            in_service: true,
            replicate: true,
            group: None,
            refuse: None,
            sticky: None,
            max_connections: None,
            backup: None,
            backup_when: BackupWhen::default(),
            timeouts: VirtualTimeoutsDraft::default(),
            resends: Self::RESENDS,
            synguard: None,
        }
    }
}

impl StickyDraft {
    /// For so many minutes, each client by itself.
    pub const fn minutes(minutes: u64) -> Self {
        Self { minutes, ipv4_prefix: 32, ipv6_prefix: 128 }
    }
}

impl RealServerDraft {
    /// The consecutive ditched connections that fail a real server unless something else is written.
    pub const THRESHOLD: u64 = 8;

    /// When a failed real server is tried again unless something else is written, in seconds.
    pub const RETRY_S: u64 = 60;

    /// A real server that has weight 1 and is in service.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            weight: 1,
            in_service: true,
            max_connections: None,
            backup: None,
            threshold: Self::THRESHOLD,
            count_resets: true,
            retry_s: Self::RETRY_S,
            slow_start_s: 0,
        }
    }
}

impl GroupDraft {
    /// A group of that name in which all else is as if it were not written.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            primary: None,
            strategy: SwitchStrategy::default(),
            compare: Comparison::default(),
            hold_s: FailoverGroup::HOLD_DEFAULT.as_secs(),
            load_margin_percent: None,
            advertise: false,
            shared_addresses: Vec::new(),
            macs: Vec::new(),
        }
    }
}

impl Default for TimeoutsDraft {
    fn default() -> Self {
        let timeouts = Timeouts::default();
        Self {
            tcp_syn_s: timeouts.tcp_syn.as_secs(),
            tcp_established_s: timeouts.tcp_established.as_secs(),
            tcp_half_closed_s: timeouts.tcp_half_closed.as_secs(),
            tcp_closed_s: timeouts.tcp_closed.as_secs(),
            tcp_reset_s: timeouts.tcp_reset.as_secs(),
            udp_s: timeouts.udp.as_secs(),
        }
    }
}
