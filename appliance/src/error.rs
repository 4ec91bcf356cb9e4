//! Why a unit can not run.

use std::io;

/// Why a unit can not run, told so that the operator knows what to do.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Ports, hugepages and interfaces need root.
    #[error("root is needed to open ports and make interfaces; run it with sudo")]
    NotRoot,
    /// A configured CPU is not there.
    #[error("CPU {cpu} of \"cores\" in unit.json can not be used; this process may use CPUs {usable}")]
    Cpu {
        /// The configured CPU.
        cpu: usize,
        /// Those that can be used, as a list.
        usable: String,
    },
    /// Hugepages are required, and there are too few.
    #[error(
        "unit.json requires hugepages: {needed_mib} MiB are needed, {free_mib} MiB are free; reserve more in \
         /proc/sys/vm/nr_hugepages, or write \"hugepages\": \"auto\""
    )]
    Hugepages {
        /// What the packet buffers need.
        needed_mib: usize,
        /// What there is.
        free_mib: u64,
    },
    /// Signal handlers could not be installed.
    #[error("can not handle SIGINT and SIGTERM: {0}")]
    Signal(#[source] io::Error),
    /// The management socket is in use, or can not be made.
    #[error(transparent)]
    Socket(#[from] crate::management::SocketError),
    /// DPDK did not start.
    #[error(transparent)]
    Eal(#[from] dpdk::EalError),
    /// No memory for packets.
    #[error(transparent)]
    Memory(#[from] dpdk::MempoolError),
    /// A port does not exist or can not do what it must.
    #[error("port {name:?}: {source}")]
    Port {
        /// The port's configured name.
        name: String,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The kernel's side of a port could not be set up or followed.
    #[error(transparent)]
    Kernel(#[from] crate::kernel::KernelError),
    /// The pair's key is not there.
    #[error(transparent)]
    Key(#[from] crate::replication::KeyError),
    /// A way to the other unit can not be used.
    #[error(transparent)]
    Path(#[from] crate::replication::PathError),
    /// The operating system gives no thread.
    #[error("can not start the replication core: {0}")]
    Replication(#[source] io::Error),
    /// The operating system gives no thread for the monitor.
    #[error("can not start the monitor: {0}")]
    Failover(#[source] io::Error),
    /// Nothing says whether the unit is the primary or the backup one.
    #[error(
        "the plug of the failover cable at {0} does not say which unit this is; plug it in, or write \"role\": \"primary\" or \"backup\" in \"failover\""
    )]
    UnitRole(std::path::PathBuf),
    /// A thread that runs as long as the unit does has ended.
    #[error("a worker, the replication core or the monitor has ended by itself; the unit stopped")]
    EndedByItself,
    /// A worker could not be started, or ended by itself.
    #[error("a worker failed: {0}")]
    Worker(#[from] dpdk::lcore::LcoreError),
}
