//! This unit's part of the configuration, checked.

use std::path::{Path, PathBuf};

use director::{PortRole, Unmatched};
use ipnet::IpNet;
use model::MacAddress;

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
    pub(super) socket: PathBuf,
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

    /// The management socket: an absolute path that fits a socket's address.
    pub fn socket(&self) -> &Path {
        &self.socket
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
