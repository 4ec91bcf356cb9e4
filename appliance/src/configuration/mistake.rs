//! What can be wrong with the meaning of this unit's document, and what would be right.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use director::PortRole;
use model::MacAddress;
use model::limits::{
    CONNECTIONS, FAILOVER_LINKS, IDLE_TIMEOUT_S, PORTS, REACHABILITY_TARGETS, REPLICATION_PATHS, WORKERS,
};

use super::key_path::KeyPath;
use super::limits::{
    ADDITIONAL_BUFFERS, BAUDS, CPU_LAST, DIGEST_INTERVAL_MS_LEAST, DIGEST_INTERVAL_MS_MOST, FLUSH_US_MOST,
    INTERFACE_NAME, MEMORY_MIB_LEAST, MEMORY_MIB_MOST, MISSES_MOST, MTU_LEAST, MTU_LEAST_IPV6, MTU_MOST,
    SOCKET_PATH, UNIT_NAME,
};

/// What is wrong. Values are as they were written.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnitMistake {
    #[error(
        "{0:?} is not a unit's name; write 1 to {UNIT_NAME} letters, digits, \".\", \"_\" and \"-\", beginning with a letter or digit"
    )]
    UnitName(String),
    #[error(
        "{0:?} is not a name; write 1 to {INTERFACE_NAME} letters, digits, \".\", \"_\" and \"-\", beginning with a letter or digit"
    )]
    Name(String),
    #[error("{0:?} means something else to the kernel; give the port another \"twin\"")]
    ReservedTwin(String),
    #[error("another port has the name {0:?} already; names are used once")]
    DuplicateName(String),
    #[error("another port has the twin {0:?} already; give the port another \"twin\"")]
    DuplicateTwin(String),
    #[error("the interface {0:?} is a port's device already; give the port another \"twin\"")]
    TwinIsDevice(String),
    #[error("another port uses {0:?} already; each port needs its own")]
    DuplicateDevice(String),
    #[error("the port has no device; write one of \"device\", \"vdev\" and \"interface\"")]
    NoDevice,
    #[error("the port has another device already; keep one of \"device\", \"vdev\" and \"interface\"")]
    SeveralDevices,
    #[error("{0:?} is not a PCI address; write it like 0000:01:00.0")]
    PciAddress(String),
    #[error("{0:?} is not a virtual device of DPDK; write it like net_tap0,iface=tap-out")]
    Vdev(String),
    #[error(
        "the unit uses names like {0:?} for its own twins; write another number or driver, like net_tap0"
    )]
    ReservedVdev(String),
    #[error("{0}")]
    Mac(<MacAddress as FromStr>::Err),
    #[error("{0} can not be a port's; write an individual address, like 02:00:5e:10:00:01")]
    MacNotIndividual(MacAddress),
    #[error("{0:?} is not an address with a prefix length; write it like 198.51.100.1/24 or 2001:db8::1/64")]
    Address(String),
    #[error("{0} lacks a prefix length; write it like {0}/{length}", length = if .0.is_ipv4() { 24 } else { 64 })]
    PrefixMissing(IpAddr),
    #[error("{address} can not be the unit's own, as it is {kind}; write a host's address")]
    NotHostAddress { address: IpAddr, kind: &'static str },
    #[error("prefix length 0 would make every address a neighbour; write the network's")]
    PrefixZero,
    #[error("a port has the address {0} already; addresses are used once")]
    DuplicateAddress(IpAddr),
    #[error("{0} bytes are not in {MTU_LEAST} to {MTU_MOST}")]
    Mtu(u64),
    #[error("{0} bytes are too few for a port with IPv6 addresses; write {MTU_LEAST_IPV6} to {MTU_MOST}")]
    MtuIpv6(u64),
    #[error("no port has the role {word:?}; the unit needs at least one", word = role_in_words(*.0))]
    RoleMissing(PortRole),
    #[error("{0} ports are more than the {PORTS} that a unit can have")]
    TooManyPorts(usize),
    #[error("{0} is not a CPU; they are numbered from 0 to at most {CPU_LAST}")]
    Cpu(u64),
    #[error("{0} workers are not in 1 to {WORKERS}")]
    Workers(usize),
    #[error("{0} MiB are not in {MEMORY_MIB_LEAST} to {MEMORY_MIB_MOST}")]
    Memory(u64),
    #[error("{0} additional packet buffers are more than {ADDITIONAL_BUFFERS}")]
    AdditionalBuffers(u64),
    #[error("{0} connections are not in 1 to {CONNECTIONS}")]
    Connections(u64),
    #[error("a unit that stands by needs a peer; write \"replication\", or \"role\": \"active\"")]
    StandbyAlone,
    #[error(
        "nothing says whether this unit of a pair forwards; write \"failover\", so that it finds out by itself, or \"role\": \"active\" at one unit and \"role\": \"standby\" at the other"
    )]
    RoleOpen,
    #[error("{0:?} is not a file's name; write that of the file with the pair's key, like pair.key")]
    KeyFile(String),
    #[error("{0} paths are not in 1 to {REPLICATION_PATHS}")]
    Paths(usize),
    #[error("{0:?} is not an address with a UDP port; write it like 10.9.0.1:7400 or [fd00:9::1]:7400")]
    PathEnd(String),
    #[error(
        "{peer} and {local} are of two address families; write both with IPv4 or both with IPv6 addresses"
    )]
    PathFamilies { local: SocketAddr, peer: SocketAddr },
    #[error("{0} is this unit itself; write the other unit's address")]
    PathToSelf(SocketAddr),
    #[error("another path begins at {0} already; each needs an address or port of its own")]
    DuplicatePath(SocketAddr),
    #[error("{0} microseconds are more than {FLUSH_US_MOST}")]
    Flush(u64),
    #[error("{0} bytes are not in {MTU_LEAST_IPV6} to {MTU_MOST}")]
    PathMtu(u64),
    #[error("{0} ms are not in {DIGEST_INTERVAL_MS_LEAST} to {DIGEST_INTERVAL_MS_MOST}")]
    DigestInterval(u64),
    #[error("{0} s are more than {IDLE_TIMEOUT_S}")]
    StandbyTimeout(u64),
    #[error("a unit that decides by itself needs a peer; write \"replication\" as well")]
    FailoverAlone,
    #[error(
        "a unit with \"failover\" finds its state by itself; leave \"role\" out here, and write it in \"failover\""
    )]
    RoleAndFailover,
    #[error("heartbeats have no way; write \"links\", \"cable\" or both")]
    NoLink,
    #[error("without a cable nothing says which unit this is; write \"role\": \"primary\" or \"backup\"")]
    UnitRoleOpen,
    #[error("{0} is not a unit's ID; write 1 to 255")]
    UnitId(u64),
    #[error("{0} is not a priority; write 0 to 255")]
    Priority(u64),
    #[error("{0:?} is not a serial port; write an absolute path, like /dev/ttyS0")]
    Tty(String),
    #[error("{0} is not a speed of the cable; write one of {BAUDS:?}")]
    Baud(u64),
    #[error("{written} ms are not in {least} to {most}")]
    Milliseconds { written: u64, least: u32, most: u32 },
    #[error("{written} times are not in {least} to {MISSES_MOST}")]
    Times { written: u64, least: u32 },
    #[error(
        "{listen:?} are shorter than the {patience:?} after which a way for heartbeats counts as silent; write more"
    )]
    ListenShort { listen: Duration, patience: Duration },
    #[error("at {baud} baud a heartbeat can not go more often than each {least} ms; write at least that")]
    BeatsTooOften { baud: u32, least: u64 },
    #[error("{0} links are more than {FAILOVER_LINKS}")]
    TooManyLinks(usize),
    #[error("{0} targets are more than {REACHABILITY_TARGETS}")]
    TooManyTargets(usize),
    #[error("{0} is not a weight; write 1 to 1000")]
    Weight(u64),
    #[error("a target is one of \"host\", \"subnet\" and \"port\"; write exactly one of them")]
    NotOneTarget,
    #[error("{0:?} is not a host's address; write it like 198.51.100.254 or 2001:db8::fe")]
    HostAddress(String),
    #[error("{other} can not stand in for {address}; write other addresses of the same family")]
    Alternate { address: IpAddr, other: IpAddr },
    #[error("only a host has other addresses; write \"alternates\" beside \"host\"")]
    AlternatesOfNoHost,
    #[error("{0:?} is not a subnet; write it like 10.1.0.0/24 or 2001:db8:2::/64")]
    Subnet(String),
    #[error("no port is called {0:?}; write the name of one of the ports")]
    UnknownPort(String),
    #[error("{0:?} is not a path for a socket; write an absolute path of at most {SOCKET_PATH} bytes")]
    Socket(String),
}

const fn role_in_words(role: PortRole) -> &'static str {
    match role {
        PortRole::Outside => "outside",
        PortRole::Inside => "inside",
    }
}

/// What was found so far, with where.
#[derive(Debug, Default)]
pub(super) struct Mistakes(Vec<(KeyPath, UnitMistake)>);

impl Mistakes {
    pub(super) fn add(&mut self, path: KeyPath, mistake: UnitMistake) {
        self.0.push((path, mistake));
    }

    /// How many were found.
    pub(super) const fn count(&self) -> usize {
        self.0.len()
    }

    /// The value, or its default after noting what is wrong with it.
    pub(super) fn note<T: Default>(&mut self, path: KeyPath, result: Result<T, UnitMistake>) -> T {
        result.unwrap_or_else(|mistake| {
            self.add(path, mistake);
            T::default()
        })
    }

    /// The mistakes, if there are any, else `value`.
    pub(super) fn none_or<T>(self, value: T) -> Result<T, Vec<(KeyPath, UnitMistake)>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }
}
