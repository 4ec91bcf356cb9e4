//! What a port can do.

use std::ffi::CStr;

use dpdk_sys::rte_eth_dev_info;

/// What a port can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The driver's name, like `net_ixgbe`.
    pub driver: String,
    /// The most receive queues.
    pub max_receive_queues: u16,
    /// The most transmit queues.
    pub max_transmit_queues: u16,
    /// Whether the driver pairs receive and transmit queues, so that there must be as many of each.
    pub equal_queues: bool,
    /// What the port can do with received packets: a mask of `RTE_ETH_RX_OFFLOAD`.
    pub receive_offloads: u64,
    /// What the port can do with transmitted packets: a mask of `RTE_ETH_TX_OFFLOAD`.
    pub transmit_offloads: u64,
    /// What the port can hash to choose a receive queue: a mask of `RTE_ETH_RSS`.
    pub hash_functions: u64,
    /// Bytes of the hash key; 0 when the driver does not say.
    pub hash_key_bytes: u8,
    /// Entries of the redirection table, which maps hashes to receive queues; 0 when there is none.
    pub redirection_table_size: u16,
    /// The smallest MTU.
    pub min_mtu: u16,
    /// The largest MTU.
    pub max_mtu: u16,
}

impl Capabilities {
    /// # Safety
    ///
    /// `info` was filled by DPDK, so that the driver's name is a text.
    pub(super) unsafe fn new(info: &rte_eth_dev_info) -> Self {
        // SAFETY: a NUL-terminated text in the driver's code, as the caller promises.
        let driver = unsafe { CStr::from_ptr(info.driver_name) }.to_string_lossy().into_owned();
        Self {
            max_receive_queues: info.max_rx_queues,
            max_transmit_queues: info.max_tx_queues,
            equal_queues: driver == "net_tap",
            receive_offloads: info.rx_offload_capa,
            transmit_offloads: info.tx_offload_capa,
            hash_functions: info.flow_type_rss_offloads,
            hash_key_bytes: info.hash_key_size,
            redirection_table_size: info.reta_size,
            min_mtu: info.min_mtu,
            max_mtu: max_mtu(info.max_mtu, info.max_rx_pktlen),
            driver,
        }
    }

    /// Whether a received frame may take several buffers.
    pub(super) const fn can_scatter(&self) -> bool {
        self.receive_offloads & dpdk_sys::RTE_ETH_RX_OFFLOAD_SCATTER != 0
    }

    /// Whether a packet of several segments can be transmitted.
    pub(super) const fn takes_chains(&self) -> bool {
        self.transmit_offloads & dpdk_sys::RTE_ETH_TX_OFFLOAD_MULTI_SEGS != 0
    }
}

/// The largest MTU by both of what drivers say: the MTU, where 65535 is no statement, and the length of a frame. The
/// difference of the two is the overhead, which is header and checksum where they do not say.
fn max_mtu(stated: u16, frame_bytes: u32) -> u16 {
    const HEADER_AND_CHECKSUM: u32 = 14 + 4;
    let is_stated = stated != u16::MAX && frame_bytes > u32::from(stated);
    let overhead = if is_stated { frame_bytes - u32::from(stated) } else { HEADER_AND_CHECKSUM };
    stated.min(u16::try_from(frame_bytes.saturating_sub(overhead)).unwrap_or(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_mtu_respects_both_statements() {
        for (stated, frame_bytes, expected) in [
            (9_000, 9_026, 9_000),
            (u16::MAX, 1_522, 1_504),
            (u16::MAX, u32::MAX, u16::MAX),
            (9_000, 1_518, 1_500),
            (u16::MAX, 0, 0),
        ] {
            assert_eq!(max_mtu(stated, frame_bytes), expected, "{stated} {frame_bytes}");
        }
    }
}
