//! What can be wrong with a draft, where, and what would be right.

use std::net::IpAddr;
use std::str::FromStr;

use model::{MacAddress, Protocol, ServerNameError, limits};

/// One thing that is wrong with a draft.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Mistake {
    /// Which part of the draft is wrong.
    pub place: Place,
    /// What is wrong with it.
    pub problem: Problem,
}

/// A part of a draft. Numbers are indices into the draft's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The list of virtual servers.
    VirtualServers,
    /// The name of a virtual server.
    VirtualServer(usize),
    /// The list of real servers.
    RealServers,
    /// The name of a real server.
    RealServer(usize),
    /// The weight of a real server.
    Weight(usize),
    /// The list of bindings.
    Bindings,
    /// The virtual server that a binding names.
    BindingVirtual(usize),
    /// The list of real servers of a binding.
    BindingReals(usize),
    /// A real server that a binding names.
    BindingReal {
        /// Which binding.
        binding: usize,
        /// Which of its real servers.
        real: usize,
    },
    /// The failover group that a virtual server names.
    VirtualGroup(usize),
    /// The list of failover groups.
    Groups,
    /// The name of a group.
    Group(usize),
    /// The primary unit of a group.
    GroupPrimary(usize),
    /// The least time between two switches of a group.
    GroupHold(usize),
    /// How much load matters to a group.
    GroupLoadMargin(usize),
    /// The shared addresses of a group on one port.
    SharedAddresses {
        /// Which group.
        group: usize,
        /// Which of its ports with shared addresses.
        port: usize,
    },
    /// A shared address of a group.
    SharedAddress {
        /// Which group.
        group: usize,
        /// Which of its ports with shared addresses.
        port: usize,
        /// Which address there.
        address: usize,
    },
    /// A MAC address of a group.
    GroupMac {
        /// Which group.
        group: usize,
        /// Which of its ports with MAC addresses.
        port: usize,
    },
    /// A timeout.
    Timeout(TimeoutKind),
    /// A timeout of a virtual server.
    VirtualTimeout(usize, TimeoutKind),
    /// A setting of a virtual server.
    VirtualSetting(usize, VirtualSetting),
    /// A setting of a real server.
    RealSetting(usize, RealSetting),
    /// The list of assignments.
    Assignments,
    /// The virtual server that an assignment names.
    AssignmentVirtual(usize),
    /// A client that an assignment names.
    AssignmentClient {
        /// Which assignment.
        assignment: usize,
        /// Which of its clients.
        client: usize,
    },
    /// The list of groups of buddies.
    Buddies,
    /// The name of a group of buddies.
    BuddiesName(usize),
    /// A virtual server that a group of buddies names.
    Buddy {
        /// Which group of buddies.
        buddies: usize,
        /// Which of its virtual servers.
        buddy: usize,
    },
}

/// Which setting of a virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VirtualSetting {
    /// How long clients are remembered.
    StickyMinutes,
    /// The bits of an IPv4 client's address that count.
    StickyIpv4Prefix,
    /// The bits of an IPv6 client's address that count.
    StickyIpv6Prefix,
    /// The connections that it may have.
    MaxConnections,
    /// Its backup.
    Backup,
    /// The resent SYNs that ditch a connection.
    Resends,
    /// The half-open connections that it may have.
    Synguard,
}

/// Which setting of a real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RealSetting {
    /// The connections that it may have.
    MaxConnections,
    /// Its backup.
    Backup,
    /// The ditched connections that fail it.
    Threshold,
    /// When it is tried again.
    Retry,
    /// How long it takes until it has its whole share.
    SlowStart,
}

/// Which of the idle timeouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutKind {
    /// See [`Timeouts::tcp_syn`](super::Timeouts::tcp_syn).
    TcpSyn,
    /// See [`Timeouts::tcp_established`](super::Timeouts::tcp_established).
    TcpEstablished,
    /// See [`Timeouts::tcp_half_closed`](super::Timeouts::tcp_half_closed).
    TcpHalfClosed,
    /// See [`Timeouts::tcp_closed`](super::Timeouts::tcp_closed).
    TcpClosed,
    /// See [`Timeouts::tcp_reset`](super::Timeouts::tcp_reset).
    TcpReset,
    /// See [`Timeouts::udp`](super::Timeouts::udp).
    Udp,
}

/// What is wrong. Names are as they were written.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A list is longer than the program's limit.
    #[error("{count} {what} are more than the {limit} that a unit can have")]
    TooMany {
        /// How many there are.
        count: usize,
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// A name does not parse.
    #[error(transparent)]
    Name(#[from] ServerNameError),
    /// A real server with a bind ID.
    #[error("a real server has no bind ID, and this one has {bind_id}; write the name without it")]
    BindId {
        /// The bind ID.
        bind_id: u16,
    },
    /// No server can have this address.
    #[error("{address} is {kind} and no server can have it; write an ordinary unicast address")]
    Address {
        /// The address.
        address: IpAddr,
        /// What sort of address it is, with its article.
        kind: &'static str,
    },
    /// A server is defined twice.
    #[error("{name} is the same {role} server as {first} before it; remove one of them")]
    DuplicateServer {
        /// The second definition's name.
        name: String,
        /// The first definition's name.
        first: String,
        /// Virtual or real.
        role: &'static str,
    },
    /// A real server has the address of a virtual server.
    #[error(
        "{address} is the address of the virtual server {virtual_server}; a real server needs one of its own"
    )]
    RealIsVirtual {
        /// The address.
        address: IpAddr,
        /// The virtual server's name.
        virtual_server: String,
    },
    /// A weight is out of range.
    #[error("weight {0} is not in 1 to {max}; to give a server no new connections, take it out of service", max = limits::WEIGHT)]
    Weight(u64),
    /// A binding without real servers.
    #[error("no real servers are bound; name at least one or remove the binding")]
    NoRealServers,
    /// A binding names a server that is not defined.
    #[error("no {role} server {name}; {defined}")]
    Unknown {
        /// The name.
        name: String,
        /// Virtual or real.
        role: &'static str,
        /// Those that are defined, in words.
        defined: String,
    },
    /// A real server is bound to a virtual server of the other address family.
    #[error(
        "{real_server} is {found}, but the virtual server {virtual_server} is {wanted}; bind real servers of the same address family"
    )]
    Family {
        /// The real server's name.
        real_server: String,
        /// Its address family.
        found: &'static str,
        /// The virtual server's name.
        virtual_server: String,
        /// Its address family.
        wanted: &'static str,
    },
    /// A real server is bound to a virtual server of another protocol.
    #[error(
        "{real_server} is {found}, but the virtual server {virtual_server} is {wanted}; bind real servers of the same protocol"
    )]
    Protocol {
        /// The real server's name.
        real_server: String,
        /// Its protocol.
        found: Protocol,
        /// The virtual server's name.
        virtual_server: String,
        /// Its protocol.
        wanted: Protocol,
    },
    /// A real server with a port is bound to a virtual server of all ports.
    #[error(
        "{real_server} has a port, but the virtual server {virtual_server} has all ports (port 0); bind real servers of port 0, which keep the port that the client chose"
    )]
    AllPorts {
        /// The real server's name.
        real_server: String,
        /// The virtual server's name.
        virtual_server: String,
    },
    /// A virtual server is bound to the same endpoint twice.
    #[error(
        "{real_server} is bound to the virtual server {virtual_server} already, as {first}; remove one of them"
    )]
    DuplicateBinding {
        /// The real server's name.
        real_server: String,
        /// The virtual server's name.
        virtual_server: String,
        /// The name of the real server that was bound first.
        first: String,
    },
    /// A failover group can not have this name.
    #[error(
        "{0:?} is not a group's name; write 1 to {max} letters, digits, \".\", \"_\" and \"-\", beginning with a letter or digit",
        max = limits::GROUP_NAME
    )]
    GroupName(String),
    /// A failover group is defined twice.
    #[error("another group has the name {0:?} already; names are used once")]
    DuplicateGroup(String),
    /// No unit can have this name.
    #[error("{0:?} is not a unit's name; write the \"name\" of one of the units, as its unit.json has it")]
    Primary(String),
    /// The time between two switches is out of range.
    #[error("{0} s are more than {max}", max = limits::FAILOVER_HOLD_S)]
    Hold(u64),
    /// A difference in load is out of range.
    #[error("{0} percent are not in 1 to 100; leave it out where load does not matter")]
    LoadMargin(u64),
    /// A virtual server names a group that is not defined.
    #[error("no group {name:?}; defined are {defined}")]
    UnknownGroup {
        /// The name.
        name: String,
        /// Those that are defined.
        defined: String,
    },
    /// An address would be in two places.
    #[error(
        "{address} is in the group {group:?} already, as {first} is; write the same group for all virtual servers of an address"
    )]
    AddressOfTwoGroups {
        /// The address.
        address: IpAddr,
        /// The group that it is in.
        group: String,
        /// The virtual server that it is there for.
        first: String,
    },
    /// A real server would answer to two gateways.
    #[error(
        "{address} serves the group {group:?} already, for {first}; a real server's gateway moves with one group, so bind it in one only"
    )]
    RealOfTwoGroups {
        /// The real server's address.
        address: IpAddr,
        /// The group that it serves.
        group: String,
        /// The virtual server that it is bound to there.
        first: String,
    },
    /// A shared address is no address with a network.
    #[error("{0:?} is not an address with a prefix length; write it like 10.1.0.1/24 or 2001:db8:1::1/64")]
    NotNetwork(String),
    /// A shared address that no host can have.
    #[error("{address} can not be shared, as it is {kind}; write a host's address")]
    NotHost {
        /// The address.
        address: IpAddr,
        /// What sort of address it is, with its article.
        kind: &'static str,
    },
    /// An address is shared twice.
    #[error("{address} is shared on the port {port:?} already; addresses are used once")]
    DuplicateShared {
        /// The address.
        address: IpAddr,
        /// The port that has it.
        port: String,
    },
    /// A shared address is a server's.
    #[error("{address} is the address of the {role} server {name}; write another")]
    SharedIsServers {
        /// The address.
        address: IpAddr,
        /// Virtual or real.
        role: &'static str,
        /// The server's name.
        name: String,
    },
    /// A MAC address does not parse.
    #[error("{0}")]
    Mac(<MacAddress as FromStr>::Err),
    /// A MAC address that no station has.
    #[error("{0} can not be a group's; write an individual address, like 02:00:5e:10:00:01")]
    MacNotIndividual(MacAddress),
    /// Two groups would have the same MAC address.
    #[error("{mac} is the address of the group {group:?} on this port already; each group needs its own")]
    DuplicateMac {
        /// The MAC address.
        mac: MacAddress,
        /// The group that has it.
        group: String,
    },
    /// A timeout is out of range.
    #[error("{0} is not in 1 to {max} seconds", max = limits::IDLE_TIMEOUT_S)]
    Timeout(u64),
    /// A number is out of range.
    #[error("{value} is not in {least} to {most}")]
    Range {
        /// The number.
        value: u64,
        /// The least that is possible.
        least: u64,
        /// The most that is possible.
        most: u64,
    },
    /// A server stands in for itself, or two for each other.
    #[error("{name} would stand in for itself, by {chain}; break the circle")]
    BackupCircle {
        /// The server.
        name: String,
        /// The backups from one to the next.
        chain: String,
    },
    /// Servers stand in for each other in too long a chain.
    #[error("more than {most} servers stand in for each other, from {name} on; shorten the chain", most = limits::BACKUP_CHAIN)]
    BackupChain {
        /// The first.
        name: String,
    },
    /// A virtual server's backup can not take its connections.
    #[error("{backup} can not stand in for {name}: {why}")]
    BackupUnfit {
        /// The server.
        name: String,
        /// Its backup.
        backup: String,
        /// Why not.
        why: &'static str,
    },
    /// A virtual server's backup is no server.
    #[error("neither a virtual nor a real server is named {0}; define the backup first")]
    UnknownBackup(String),
    /// An instance that serves nobody has something to do with serving.
    #[error(
        "it refuses all connections, so it can have no real servers; remove the bindings, or the refusal"
    )]
    RefusesAndServes,
    /// A client is no network.
    #[error("{0:?} is neither an address nor a network; write it like 198.51.100.7 or 198.51.100.0/24")]
    Client(String),
    /// A network has bits that do not count.
    #[error("{written} has bits set that its prefix leaves out; write {meant}")]
    ClientBits {
        /// As it was written.
        written: String,
        /// As it is probably meant.
        meant: String,
    },
    /// A client of the other address family.
    #[error(
        "{client} is {found}, but {virtual_server} is {wanted}; assign clients of the same address family"
    )]
    ClientFamily {
        /// The client.
        client: String,
        /// Its address family.
        found: &'static str,
        /// The virtual server's name.
        virtual_server: String,
        /// Its address family.
        wanted: &'static str,
    },
    /// An assignment to the instance that is there for all who are assigned to none (seed 003, step 22).
    #[error(
        "{0} has bind ID 0, which serves all clients that are not assigned; assign to an instance with another, like {0}:1"
    )]
    AssignedToGeneral(String),
    /// An assignment to an instance that does not exist (seed 003, figure 4, step 406).
    #[error(
        "no virtual server {name} to assign clients to; {defined}; define the instance first: virtual {name}"
    )]
    AssignedToNothing {
        /// The name.
        name: String,
        /// Those that are defined, in words.
        defined: String,
    },
    /// A client is assigned to two instances of one virtual server.
    #[error("{client} is assigned to {first} already; a client gets one instance")]
    AssignedTwice {
        /// The client.
        client: String,
        /// The other instance.
        first: String,
    },
    /// A group of buddies can not have this name.
    #[error(
        "{0:?} is not the name of a group of buddies; write 1 to {max} letters, digits, \".\", \"_\" and \"-\", beginning with a letter or digit",
        max = limits::GROUP_NAME
    )]
    BuddiesName(String),
    /// A group of buddies is defined twice.
    #[error("another group of buddies has the name {0:?} already; names are used once")]
    DuplicateBuddies(String),
    /// A virtual server is in two groups of buddies.
    #[error("{name} is a buddy in {group:?} already; a virtual server is in one group of buddies")]
    BuddyTwice {
        /// The virtual server's name.
        name: String,
        /// The other group of buddies.
        group: String,
    },
    /// A buddy does not remember its clients.
    #[error(
        "{0} is not sticky, so it has nothing to share with its buddies; make it sticky first, or take it out of the group of buddies first"
    )]
    BuddyNotSticky(String),
    /// Buddies remember different parts of clients' addresses.
    #[error(
        "{name} counts other bits of clients' addresses than its buddy {first}; give them the same prefixes"
    )]
    BuddyPrefixes {
        /// The virtual server's name.
        name: String,
        /// The first of the group.
        first: String,
    },
    /// Buddies in two failover groups.
    #[error("{name} is in another failover group than its buddy {first}; buddies are in one")]
    BuddyGroups {
        /// The virtual server's name.
        name: String,
        /// The first of the group.
        first: String,
    },
}
