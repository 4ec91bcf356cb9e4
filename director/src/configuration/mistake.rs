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
    /// A bind ID; assignments of clients to them are not supported yet.
    #[error("bind ID {bind_id} can not be used yet; write the name without it")]
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
}
