//! Ports: found by their device's name, configured into queues, started, stopped, closed.
//!
//! A port's control functions may be called from any thread, one at a time. Its queues do not take part in that; they
//! count themselves instead, and nothing here pulls the port from under one that is alive.

mod capabilities;
mod configuration;
mod device;
mod error;
mod setup;
mod steering;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::MacAddress;

use crate::{Eal, Mempool, ReceiveQueue, TransmitQueue};
pub use capabilities::Capabilities;
pub use configuration::PortConfiguration;
use device::Phase;
pub(crate) use device::{Device, QueueTicket};
pub use error::PortError;
pub use steering::{Steering, SteeringError, SteeringField};

/// The state of a port's link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Whether the other end is there.
    pub up: bool,
    /// Megabits per second; 0 or `u32::MAX` when unknown.
    pub speed_mbps: u32,
    /// Whether both ends may send at once.
    pub full_duplex: bool,
}

/// What a port has counted since its start or the last reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortStatistics {
    /// Packets received.
    pub received_packets: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// Packets transmitted.
    pub transmitted_packets: u64,
    /// Bytes transmitted.
    pub transmitted_bytes: u64,
    /// Packets that arrived when the receive queues were full.
    pub missed: u64,
    /// Packets that arrived broken.
    pub receive_errors: u64,
    /// Packets that could not be transmitted.
    pub transmit_errors: u64,
    /// Packets that arrived when the pool was empty.
    pub no_mbuf: u64,
}

/// A port. It is closed when it and its queues are dropped, or by [`close`](Self::close).
#[derive(Debug)]
pub struct Port {
    device: Arc<Device>,
}

impl Port {
    /// Opens the port of a device: a PCI address, or the name of a virtual device without its arguments.
    ///
    /// # Errors
    ///
    /// When there is no such port, or it is open already.
    pub fn find(eal: &Eal, device: &str) -> Result<Self, PortError> {
        Ok(Self { device: Arc::new(Device::open(eal, device)?) })
    }

    /// The device's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.device.name()
    }

    /// What the port can do.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        self.device.capabilities()
    }

    /// Whether the port can choose the queue by a packet's source address alone, and by its destination address alone.
    #[must_use]
    pub fn can_steer(&self) -> bool {
        steering::can_steer(self.capabilities()).is_ok()
    }

    /// Configures the port, which is not started, and makes its queues, which take buffers from `pool`. Descriptor
    /// counts are rounded to what the port can do. Multicast is received, as far as the port can.
    ///
    /// Every packet is freed one by one after transmission: that all buffers of a queue are of one pool, with one
    /// segment each, is nothing that could be promised here.
    ///
    /// # Errors
    ///
    /// When the port can not do what is asked, is started, or still has queues of an earlier configuration.
    pub fn configure(
        &self,
        configuration: PortConfiguration,
        pool: &Mempool,
    ) -> Result<(Vec<ReceiveQueue>, Vec<TransmitQueue>), PortError> {
        let mut state = self.device.open_state()?;
        if state.phase == Phase::Started {
            return Err(PortError::Started(self.name().to_owned()));
        }
        self.device.refuse_live_queues()?;
        state.phase = Phase::Opened;
        state.plan = setup::configure(&self.device, configuration, pool)?;
        state.phase = Phase::Configured;
        let takes_chains = self.capabilities().takes_chains();
        let receive = 0..configuration.receive_queues;
        let transmit = 0..configuration.transmit_queues;
        Ok((
            receive.map(|queue| ReceiveQueue::new(QueueTicket::new(&self.device), queue)).collect(),
            transmit
                .map(|queue| TransmitQueue::new(QueueTicket::new(&self.device), queue, takes_chains))
                .collect(),
        ))
    }

    /// Lets packets flow.
    ///
    /// # Errors
    ///
    /// When the port is not configured, is started, or the driver can not start it.
    pub fn start(&self) -> Result<(), PortError> {
        let mut state = self.device.open_state()?;
        match state.phase {
            Phase::Configured => {}
            Phase::Started => return Err(PortError::Started(self.name().to_owned())),
            Phase::Opened | Phase::Closed => return Err(PortError::NotConfigured(self.name().to_owned())),
        }
        // SAFETY: an open, configured port; the lock is held. No queue touches it before `is_running`.
        let result = unsafe { dpdk_sys::rte_eth_dev_start(self.device.number()) };
        self.device.check("start", result)?;
        state.phase = Phase::Started;
        if let Some(plan) = &state.plan
            && let Err(error) = plan.apply(&self.device)
        {
            self.device.stop(&mut state)?;
            return Err(error);
        }
        // Release: pairs with the load in `QueueTicket::is_running`; whoever sees it sees a started port.
        self.device.running().store(true, Ordering::Release);
        Ok(())
    }

    /// Stops the flow of packets; does nothing when the port is not started. All queues must be dropped before: their
    /// thread could be inside the port.
    ///
    /// # Errors
    ///
    /// When a queue is alive, the port is closed, or the driver can not stop it.
    pub fn stop(&self) -> Result<(), PortError> {
        let mut state = self.device.open_state()?;
        self.device.refuse_live_queues()?;
        self.device.stop(&mut state)
    }

    /// Stops and closes the port. What it counted can still be read. Does nothing when the port is closed.
    ///
    /// # Errors
    ///
    /// When a queue is alive; then the port is closed when it and its queues are dropped.
    pub fn close(&self) -> Result<(), PortError> {
        self.device.close()
    }

    /// The port's MAC address.
    #[must_use]
    pub fn mac(&self) -> MacAddress {
        let mut state = self.device.state();
        if state.phase != Phase::Closed {
            state.mac = self.device.read_mac().unwrap_or(state.mac);
        }
        state.mac
    }

    /// Changes the port's MAC address.
    ///
    /// # Errors
    ///
    /// When the port is not configured or closed, the address is a group's, or the driver can not change it.
    pub fn set_mac(&self, mac: MacAddress) -> Result<(), PortError> {
        let _state = self.device.configured_state()?;
        let mut address = dpdk_sys::rte_ether_addr { addr_bytes: mac.0 };
        // SAFETY: an open port and an address that is only read; the lock is held.
        let result =
            unsafe { dpdk_sys::rte_eth_dev_default_mac_addr_set(self.device.number(), &raw mut address) };
        self.device.check("change the MAC address", result)
    }

    /// Has the port receive what is addressed to `mac`, too.
    ///
    /// # Errors
    ///
    /// When the port is not configured or closed, the address is a group's or nobody's, or the driver has no room for it
    /// or can not do that at all.
    pub fn add_mac(&self, mac: MacAddress) -> Result<(), PortError> {
        let _state = self.device.configured_state()?;
        let mut address = dpdk_sys::rte_ether_addr { addr_bytes: mac.0 };
        // SAFETY: an open port and an address that is only read; the lock is held. Pool 0 is the one that there is
        // without VMDq.
        let result = unsafe { dpdk_sys::rte_eth_dev_mac_addr_add(self.device.number(), &raw mut address, 0) };
        self.device.check("receive for another MAC address", result)
    }

    /// The largest IP packet, in bytes.
    #[must_use]
    pub fn mtu(&self) -> u16 {
        let mut state = self.device.state();
        if state.phase != Phase::Closed {
            state.mtu = self.device.read_mtu().unwrap_or(state.mtu);
        }
        state.mtu
    }

    /// Has the port receive what is addressed to others, or not.
    ///
    /// # Errors
    ///
    /// When the port is not configured or closed, or the driver can not do that.
    pub fn set_promiscuous(&self, promiscuous: bool) -> Result<(), PortError> {
        let _state = self.device.configured_state()?;
        setup::set_promiscuous(&self.device, promiscuous)
    }

    /// The state of the link; down when the port is not configured or closed.
    #[must_use]
    pub fn link(&self) -> Link {
        let state = self.device.state();
        if state.phase.has_queues() { self.device.read_link() } else { Link::default() }
    }

    /// What the port has counted; when it is closed, up to then.
    #[must_use]
    pub fn statistics(&self) -> PortStatistics {
        let mut state = self.device.state();
        self.device.update_statistics(&mut state);
        state.statistics
    }

    /// Lets the port count from 0.
    ///
    /// # Errors
    ///
    /// When the port is not configured or closed, or the driver can not do that.
    pub fn reset_statistics(&self) -> Result<(), PortError> {
        let mut state = self.device.configured_state()?;
        state.statistics = PortStatistics::default();
        // SAFETY: an open port; the lock is held.
        let result = unsafe { dpdk_sys::rte_eth_stats_reset(self.device.number()) };
        self.device.check("reset the statistics", result)
    }
}
