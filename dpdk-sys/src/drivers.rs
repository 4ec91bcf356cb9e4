//! What a static executable holds of DPDK. The build script links these archives, and the tests see that every driver
//! promised here is really there. It must only list; the build script includes this file, so it can not use the crate.
//!
//! Left out on purpose: `mlx4`, `mlx5` (they need rdma-core, which has no complete static libraries), `af_xdp` (libxdp
//! and libbpf), `pcap` (libpcap, D-Bus and systemd). Linked as shared libraries, DPDK has all of them.

/// An archive with Ethernet drivers, and the drivers that it promises.
pub struct DriverArchive {
    /// The archive: `librte_net_NAME.a`.
    pub name: &'static str,
    /// The functions that register its drivers when the program starts.
    pub registrations: &'static [&'static str],
}

const fn archive(name: &'static str, registrations: &'static [&'static str]) -> DriverArchive {
    DriverArchive { name, registrations }
}

/// The Ethernet drivers of a static executable.
pub const DRIVERS: &[DriverArchive] = &[
    // Without hardware: the kernel, other processes, other ports, tests.
    archive("af_packet", &["vdrvinitfn_pmd_af_packet_drv"]),
    archive("bond", &["vdrvinitfn_pmd_bond_drv"]),
    archive("memif", &["vdrvinitfn_pmd_memif_drv"]),
    archive("null", &["vdrvinitfn_pmd_null_drv"]),
    archive("ring", &["vdrvinitfn_pmd_ring_drv"]),
    archive("tap", &["vdrvinitfn_pmd_tap_drv"]),
    archive("vhost", &["vdrvinitfn_pmd_vhost_drv"]),
    // Virtual machines.
    archive("ena", &["pciinitfn_net_ena"]),
    archive("virtio", &["rte_virtio_net_pci_pmd_init", "vdrvinitfn_virtio_user_driver"]),
    archive("vmxnet3", &["pciinitfn_net_vmxnet3"]),
    // Intel cards.
    archive("e1000", &["pciinitfn_net_e1000_em", "pciinitfn_net_e1000_igb", "pciinitfn_net_e1000_igb_vf"]),
    archive("i40e", &["pciinitfn_net_i40e"]),
    archive("iavf", &["pciinitfn_net_iavf"]),
    archive("ice", &["pciinitfn_net_ice"]),
    archive("igc", &["pciinitfn_net_igc"]),
    archive("ixgbe", &["pciinitfn_net_ixgbe", "pciinitfn_net_ixgbe_vf"]),
];

/// Archives besides the drivers: the libraries, the buses, and what the drivers need. `librte_NAME.a` each. Some exist
/// in some releases only: `log` and `argparse` are in none before 24.03.
pub const LIBRARIES: &[&str] = &[
    "argparse",
    "bus_pci",
    "bus_vdev",
    "common_iavf",
    "cryptodev",
    "dmadev",
    "eal",
    "ethdev",
    "gso",
    "hash",
    "ip_frag",
    "kvargs",
    "log",
    "mbuf",
    "mempool",
    "mempool_ring",
    "meter",
    "net",
    "pci",
    "rcu",
    "ring",
    "sched",
    "security",
    "stack",
    "telemetry",
    "timer",
    "vhost",
];

/// Libraries of the system that the archives need.
pub const SYSTEM_LIBRARIES: &[&str] = &["numa", "bsd", "md", "elf", "z"];
