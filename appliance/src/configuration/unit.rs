//! This unit's part of the configuration, checked.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use director::{PortRole, Unmatched};
use ipnet::IpNet;
use model::{MacAddress, UnitState};

use super::failover::FailoverConfiguration;

/// This unit: its ports, CPUs and sizes. All values are in range, and names are used once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitConfiguration {
    pub(super) name: String,
    pub(super) ports: Vec<PortConfiguration>,
    pub(super) cores: Cores,
    pub(super) idle: Option<Idle>,
    pub(super) hugepages: Hugepages,
    pub(super) memory_mib: Option<usize>,
    pub(super) additional_buffers: usize,
    pub(super) connections: usize,
    pub(super) state: UnitState,
    pub(super) replication: Option<ReplicationConfiguration>,
    pub(super) failover: Option<FailoverConfiguration>,
    pub(super) socket: PathBuf,
}

/// How the unit keeps in step with its peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicationConfiguration {
    pub(super) key_file: PathBuf,
    pub(super) paths: Vec<ReplicationPath>,
    pub(super) flush: Duration,
    pub(super) mtu: u16,
    pub(super) digest_interval: Duration,
    pub(super) standby_timeout: Option<Duration>,
    pub(super) sync: SyncMode,
}

/// How a standby learns of the active unit's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncMode {
    /// It is told of each.
    Records,
    /// It watches copies of the active unit's frames, and is told of the rest.
    Observe,
}

/// A way to the other unit. Both ends are of one address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicationPath {
    /// This unit's end.
    pub local: SocketAddr,
    /// The other unit's end.
    pub peer: SocketAddr,
}

impl ReplicationPath {
    /// The way of a failover group: each has ports of its own, counted up from those that are written.
    pub(crate) fn of_group(self, group: usize) -> Self {
        Self { local: with_port(self.local, group), peer: with_port(self.peer, group) }
    }
}

/// An end with a port that is so many higher. Configuration is checked to have room for it.
fn with_port(mut end: SocketAddr, higher: usize) -> SocketAddr {
    let port = usize::from(end.port()).saturating_add(higher);
    end.set_port(u16::try_from(port).unwrap_or(u16::MAX));
    end
}

/// A port of the unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortConfiguration {
    pub(super) name: String,
    pub(super) role: PortRole,
    pub(super) device: PortDevice,
    pub(super) mac: Option<MacAddress>,
    pub(super) addresses: Vec<IpNet>,
    pub(super) mtu: u16,
    pub(super) unmatched: Unmatched,
    pub(super) twin: String,
}

/// What a port is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortDevice {
    /// A PCI device that is bound to a driver of DPDK: `0000:01:00.0`, in lower case.
    Pci(String),
    /// A virtual device of DPDK with its arguments: `net_tap0,iface=tap-out`.
    Vdev(String),
    /// A network interface of Linux.
    Interface(String),
}

/// The CPUs of the unit's threads. Several may share one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cores {
    /// The control thread's.
    pub control: usize,
    /// Each worker's: 1 to [`model::limits::WORKERS`] of them.
    pub workers: Vec<usize>,
    /// That of the thread that talks to the other unit.
    pub replication: usize,
}

/// What a thread does that has no packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// It sleeps for short times.
    Sleep,
    /// It looks for packets all the time.
    Spin,
}

/// Whether packet buffers are in hugepages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hugepages {
    /// If enough are free.
    Auto,
    /// No.
    Never,
    /// Yes, or the unit does not start.
    Require,
}

impl UnitConfiguration {
    /// The unit's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The ports, in the order in which they were written: 2 to [`model::limits::PORTS`], at least one on each side.
    pub fn ports(&self) -> &[PortConfiguration] {
        &self.ports
    }

    /// The CPUs of the unit's threads.
    pub const fn cores(&self) -> &Cores {
        &self.cores
    }

    /// What threads do that have no packets; `None` leaves it to whether their CPU is isolated.
    pub const fn idle(&self) -> Option<Idle> {
        self.idle
    }

    /// Whether packet buffers are in hugepages.
    pub const fn hugepages(&self) -> Hugepages {
        self.hugepages
    }

    /// Memory for packet buffers and queues, in MiB; `None` leaves it to what ports and workers need.
    pub const fn memory_mib(&self) -> Option<usize> {
        self.memory_mib
    }

    /// Packet buffers beside those that ports and workers need.
    pub const fn additional_buffers(&self) -> usize {
        self.additional_buffers
    }

    /// Connections over all workers: 1 to [`model::limits::CONNECTIONS`].
    pub const fn connections(&self) -> usize {
        self.connections
    }

    /// Whether the unit forwards from its start.
    pub const fn state(&self) -> UnitState {
        self.state
    }

    /// Whether the unit, while it stands by, watches what its ports see of the active unit's frames.
    pub fn observes(&self) -> bool {
        self.replication.as_ref().is_some_and(|replication| replication.sync == SyncMode::Observe)
    }

    /// How the unit keeps in step with its peer; `None` if it has none.
    pub const fn replication(&self) -> Option<&ReplicationConfiguration> {
        self.replication.as_ref()
    }

    /// How the unit finds out whether it is active; `None` if somebody tells it.
    pub const fn failover(&self) -> Option<&FailoverConfiguration> {
        self.failover.as_ref()
    }

    /// The management socket: an absolute path that fits a socket's address.
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

impl ReplicationConfiguration {
    /// The file with the pair's key; one that is not absolute is in the configuration's folder.
    pub fn key_file(&self) -> &Path {
        &self.key_file
    }

    /// The ways to the other unit: 1 to [`model::limits::REPLICATION_PATHS`].
    pub fn paths(&self) -> &[ReplicationPath] {
        &self.paths
    }

    /// How long an update may wait for others to share a datagram.
    pub const fn flush(&self) -> Duration {
        self.flush
    }

    /// The largest IP packet on the paths, in bytes.
    pub const fn mtu(&self) -> u16 {
        self.mtu
    }

    /// Time between two comparisons of the two units' tables.
    pub const fn digest_interval(&self) -> Duration {
        self.digest_interval
    }

    /// How long a standby keeps a connection that nobody tells it about again; `None` is for ever.
    pub const fn standby_timeout(&self) -> Option<Duration> {
        self.standby_timeout
    }

    /// How the unit learns of connections while it stands by.
    pub const fn sync(&self) -> SyncMode {
        self.sync
    }
}

impl SyncMode {
    /// The word that configuration and commands use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Observe => "observe",
        }
    }
}

impl PortConfiguration {
    /// The port's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is behind the port.
    pub const fn role(&self) -> PortRole {
        self.role
    }

    /// What the port is made of.
    pub const fn device(&self) -> &PortDevice {
        &self.device
    }

    /// The unit's MAC address on the port's link, if it is not to follow from the device's. An individual address.
    pub const fn mac(&self) -> Option<MacAddress> {
        self.mac
    }

    /// The unit's own addresses on the port's link, with their networks.
    pub fn addresses(&self) -> &[IpNet] {
        &self.addresses
    }

    /// The largest IP packet on the port's link, in bytes; at least 1280 where the port has IPv6 addresses.
    pub const fn mtu(&self) -> u16 {
        self.mtu
    }

    /// What happens to packets that are not for a virtual server.
    pub const fn unmatched(&self) -> Unmatched {
        self.unmatched
    }

    /// The name of the kernel interface that stands for the port.
    pub fn twin(&self) -> &str {
        &self.twin
    }
}
