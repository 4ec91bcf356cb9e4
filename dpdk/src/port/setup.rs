//! Carrying out a port's configuration.

use std::mem::MaybeUninit;

use dpdk_sys::{rte_eth_conf, rte_eth_dev_info};

use super::device::Device;
use super::steering::{HashChoice, Plan};
use super::{PortConfiguration, PortError};
use crate::Mempool;

/// Configures the port and sets up its queues. Returns what makes it steer when it has been started.
/// The caller holds the device's lock and has made sure that it is stopped and no queue is alive.
pub(super) fn configure(
    device: &Device,
    configuration: PortConfiguration,
    pool: &Mempool,
) -> Result<Option<Plan>, PortError> {
    let capabilities = device.capabilities();
    configuration.check(device.name(), capabilities, pool.segment_room())?;
    let mut hash = HashChoice::new(&configuration, capabilities);
    let raw = raw_configuration(device, &configuration, pool, hash.as_mut());
    // SAFETY: an open, stopped port without queues, as the caller promises; the key lives in `hash`.
    let result = unsafe {
        dpdk_sys::rte_eth_dev_configure(
            device.number(),
            configuration.receive_queues,
            configuration.transmit_queues,
            &raw const raw,
        )
    };
    device.check("be configured", result)?;
    set_mtu(device, configuration.mtu)?;
    set_up_queues(device, &configuration, pool, &raw)?;
    set_promiscuous(device, configuration.promiscuous)?;
    // Neighbour discovery is multicast. A port that can not filter it receives it anyway.
    // SAFETY: an open port.
    let _ = unsafe { dpdk_sys::rte_eth_allmulticast_enable(device.number()) };
    let steering = configuration.steering.zip(hash);
    Ok(steering.map(|(steering, hash)| Plan::new(steering, hash, capabilities)))
}

fn raw_configuration(
    device: &Device,
    configuration: &PortConfiguration,
    pool: &Mempool,
    hash: Option<&mut HashChoice>,
) -> rte_eth_conf {
    let capabilities = device.capabilities();
    // SAFETY: numbers and pointers, for all of which zero is a value.
    let mut raw: rte_eth_conf = unsafe { MaybeUninit::zeroed().assume_init() };
    raw.rxmode.mtu = configuration.mtu.into();
    if configuration.needs_scatter(pool.segment_room()) {
        raw.rxmode.offloads |= dpdk_sys::RTE_ETH_RX_OFFLOAD_SCATTER;
    }
    if capabilities.takes_chains() {
        raw.txmode.offloads |= dpdk_sys::RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
    }
    if let Some(hash) = hash {
        raw.rxmode.mq_mode = dpdk_sys::rte_eth_rx_mq_mode::RTE_ETH_MQ_RX_RSS;
        raw.rxmode.offloads |= capabilities.receive_offloads & dpdk_sys::RTE_ETH_RX_OFFLOAD_RSS_HASH;
        raw.rx_adv_conf.rss_conf = hash.as_raw();
    }
    raw
}

/// The MTU of interfaces that have one of their own, beside DPDK's.
fn set_mtu(device: &Device, mtu: u16) -> Result<(), PortError> {
    // SAFETY: an open, configured port.
    let result = unsafe { dpdk_sys::rte_eth_dev_set_mtu(device.number(), mtu) };
    accept_unsupported(device, "change the MTU", result)
}

fn set_up_queues(
    device: &Device,
    configuration: &PortConfiguration,
    pool: &Mempool,
    raw: &rte_eth_conf,
) -> Result<(), PortError> {
    let info = device.info()?;
    let (receive, transmit) = descriptors(device, configuration)?;
    // SAFETY: an open port.
    let node = unsafe { dpdk_sys::rte_eth_dev_socket_id(device.number()) };
    // All bits set stands for any NUMA node, here as in DPDK.
    let node = u32::from_ne_bytes(node.to_ne_bytes());
    for queue in 0..configuration.receive_queues {
        let settings = receive_settings(&info, raw);
        // SAFETY: an open, stopped port that is configured for this queue; the pool lives to the end of the process.
        let result = unsafe {
            dpdk_sys::rte_eth_rx_queue_setup(
                device.number(),
                queue,
                receive,
                node,
                &raw const settings,
                pool.as_ptr(),
            )
        };
        device.check("set up a receive queue", result)?;
    }
    for queue in 0..configuration.transmit_queues {
        let mut settings = info.default_txconf;
        settings.offloads = raw.txmode.offloads;
        // SAFETY: an open, stopped port that is configured for this queue.
        let result = unsafe {
            dpdk_sys::rte_eth_tx_queue_setup(device.number(), queue, transmit, node, &raw const settings)
        };
        device.check("set up a transmit queue", result)?;
    }
    Ok(())
}

fn receive_settings(info: &rte_eth_dev_info, raw: &rte_eth_conf) -> dpdk_sys::rte_eth_rxconf {
    let mut settings = info.default_rxconf;
    settings.offloads = raw.rxmode.offloads;
    settings
}

/// The descriptor counts, rounded to what the port can do.
fn descriptors(device: &Device, configuration: &PortConfiguration) -> Result<(u16, u16), PortError> {
    let (mut receive, mut transmit) = (configuration.receive_descriptors, configuration.transmit_descriptors);
    // SAFETY: an open port, and two numbers to change.
    let result = unsafe {
        dpdk_sys::rte_eth_dev_adjust_nb_rx_tx_desc(device.number(), &raw mut receive, &raw mut transmit)
    };
    accept_unsupported(device, "say how many descriptors it can have", result)?;
    Ok((receive, transmit))
}

/// Changes what the port filters. One that can not filter receives everything, which is no error.
pub(super) fn set_promiscuous(device: &Device, promiscuous: bool) -> Result<(), PortError> {
    // SAFETY: an open port.
    let result = unsafe {
        if promiscuous {
            dpdk_sys::rte_eth_promiscuous_enable(device.number())
        } else if dpdk_sys::rte_eth_promiscuous_get(device.number()) == 1 {
            dpdk_sys::rte_eth_promiscuous_disable(device.number())
        } else {
            0
        }
    };
    accept_unsupported(device, "change promiscuous mode", result)
}

/// Drivers of virtual devices leave out what does not exist there.
fn accept_unsupported(device: &Device, operation: &'static str, result: i32) -> Result<(), PortError> {
    match device.check(operation, result) {
        Err(PortError::Driver { source, .. }) if source.kind() == std::io::ErrorKind::Unsupported => Ok(()),
        other => other,
    }
}
