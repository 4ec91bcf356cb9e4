//! An open port as its handle and its queues share it: its number, its phase, and the count of live queues.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dpdk_sys::rte_eth_dev_info;
use model::MacAddress;

use super::steering::Plan;
use super::{Capabilities, Link, PortError, PortStatistics};
use crate::Eal;
use crate::eal::{self, Runtime};

/// An open port.
#[derive(Debug)]
pub(crate) struct Device {
    number: u16,
    name: String,
    capabilities: Capabilities,
    /// True from start to stop.
    running: AtomicBool,
    live_queues: AtomicUsize,
    state: Mutex<State>,
    runtime: Arc<Runtime>,
}

/// What changes, under the lock that also keeps control functions apart.
#[derive(Debug)]
pub(super) struct State {
    pub(super) phase: Phase,
    /// What makes the port steer, at each start.
    pub(super) plan: Option<Plan>,
    /// The last known values, for when the port is closed.
    pub(super) mac: MacAddress,
    pub(super) mtu: u16,
    pub(super) statistics: PortStatistics,
}

/// How far a port has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Opened,
    Configured,
    Started,
    Closed,
}

impl Phase {
    pub(super) const fn has_queues(self) -> bool {
        matches!(self, Self::Configured | Self::Started)
    }
}

impl Device {
    pub(super) fn open(eal: &Eal, name: &str) -> Result<Self, PortError> {
        let runtime = Arc::clone(eal.runtime());
        let mut control = runtime.control();
        let number = find_number(name).ok_or_else(|| PortError::NotFound {
            device: name.to_owned(),
            known: eal::ports().filter_map(eal::port_name).collect(),
        })?;
        if control.open.contains_key(&number) {
            return Err(PortError::AlreadyOpen(name.to_owned()));
        }
        let info = read_info(number).map_err(|source| PortError::Driver {
            device: name.to_owned(),
            operation: "say what it can do",
            source,
        })?;
        // SAFETY: DPDK has just filled it.
        let capabilities = unsafe { Capabilities::new(&info) };
        control.open.insert(number, name.to_owned());
        drop(control);
        let state = State {
            phase: Phase::Opened,
            plan: None,
            mac: MacAddress::default(),
            mtu: 0,
            statistics: PortStatistics::default(),
        };
        Ok(Self {
            number,
            name: name.to_owned(),
            capabilities,
            running: AtomicBool::new(false),
            live_queues: AtomicUsize::new(0),
            state: Mutex::new(state),
            runtime,
        })
    }

    pub(super) const fn number(&self) -> u16 {
        self.number
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    pub(super) const fn running(&self) -> &AtomicBool {
        &self.running
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock, and the phase is true between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state of a port that is not closed.
    pub(super) fn open_state(&self) -> Result<MutexGuard<'_, State>, PortError> {
        let state = self.state();
        if state.phase == Phase::Closed { Err(PortError::Closed(self.name.clone())) } else { Ok(state) }
    }

    /// The state of a port that is configured, started or not. Drivers may look into queues.
    pub(super) fn configured_state(&self) -> Result<MutexGuard<'_, State>, PortError> {
        let state = self.open_state()?;
        if state.phase.has_queues() { Ok(state) } else { Err(PortError::NotConfigured(self.name.clone())) }
    }

    /// What the driver says. It has pointers, so it is asked anew each time.
    pub(super) fn info(&self) -> Result<rte_eth_dev_info, PortError> {
        read_info(self.number).map_err(|source| self.error("say what it can do", source))
    }

    /// An error for a negative result.
    pub(super) fn check(&self, operation: &'static str, result: i32) -> Result<(), PortError> {
        eal::os_result(result).map_err(|source| self.error(operation, source))
    }

    fn error(&self, operation: &'static str, source: io::Error) -> PortError {
        PortError::Driver { device: self.name.clone(), operation, source }
    }

    pub(super) fn read_mac(&self) -> Option<MacAddress> {
        let mut address = dpdk_sys::rte_ether_addr { addr_bytes: [0; 6] };
        // SAFETY: an open port, and room for the address.
        let result = unsafe { dpdk_sys::rte_eth_macaddr_get(self.number, &raw mut address) };
        (result == 0).then_some(MacAddress(address.addr_bytes))
    }

    pub(super) fn read_mtu(&self) -> Option<u16> {
        let mut mtu = 0;
        // SAFETY: an open port, and room for the number.
        let result = unsafe { dpdk_sys::rte_eth_dev_get_mtu(self.number, &raw mut mtu) };
        (result == 0).then_some(mtu)
    }

    pub(super) fn read_link(&self) -> Link {
        let mut link = dpdk_sys::shim_link { speed_mbps: 0, up: 0, full_duplex: 0 };
        // SAFETY: an open port, and room for the state.
        if unsafe { dpdk_sys::shim_link_get(self.number, &raw mut link) } != 0 {
            return Link::default();
        }
        Link { up: link.up != 0, speed_mbps: link.speed_mbps, full_duplex: link.full_duplex != 0 }
    }

    pub(super) fn update_statistics(&self, state: &mut State) {
        // Some drivers look into queues, which a port has from its configuration on.
        if !state.phase.has_queues() {
            return;
        }
        let mut raw = MaybeUninit::<dpdk_sys::rte_eth_stats>::zeroed();
        // SAFETY: an open, configured port, and room for the counters, which are plain numbers.
        if unsafe { dpdk_sys::rte_eth_stats_get(self.number, raw.as_mut_ptr()) } != 0 {
            return;
        }
        // SAFETY: zeroed numbers, then filled.
        let raw = unsafe { raw.assume_init() };
        state.statistics = PortStatistics {
            received_packets: raw.ipackets,
            received_bytes: raw.ibytes,
            transmitted_packets: raw.opackets,
            transmitted_bytes: raw.obytes,
            missed: raw.imissed,
            receive_errors: raw.ierrors,
            transmit_errors: raw.oerrors,
            no_mbuf: raw.rx_nombuf,
        };
    }

    /// Stops the port if it is started. No queue may be alive.
    pub(super) fn stop(&self, state: &mut State) -> Result<(), PortError> {
        if state.phase != Phase::Started {
            return Ok(());
        }
        self.running.store(false, Ordering::Release);
        // SAFETY: an open port, which no queue uses; the lock is held.
        let result = unsafe { dpdk_sys::rte_eth_dev_stop(self.number) };
        self.check("stop", result)?;
        state.phase = Phase::Configured;
        Ok(())
    }

    /// An error if a queue is alive. The caller holds the lock, under which alone queues are made.
    pub(super) fn refuse_live_queues(&self) -> Result<(), PortError> {
        // Acquire: pairs with the decrement in `QueueTicket::drop`; what a queue did is over when it is not counted.
        match self.live_queues.load(Ordering::Acquire) {
            0 => Ok(()),
            queues => Err(PortError::QueuesInUse { device: self.name.clone(), queues }),
        }
    }

    /// Stops and closes the port if it is open. Fails when a queue is alive.
    pub(super) fn close(&self) -> Result<(), PortError> {
        let mut control = self.runtime.control();
        let mut state = self.state();
        if state.phase == Phase::Closed {
            return Ok(());
        }
        self.refuse_live_queues()?;
        self.update_statistics(&mut state);
        state.mac = self.read_mac().unwrap_or(state.mac);
        state.mtu = self.read_mtu().unwrap_or(state.mtu);
        // A port that does not stop is closed all the same: nobody will use it any more.
        let _ = self.stop(&mut state);
        state.phase = Phase::Closed;
        // SAFETY: an open port, which no queue uses; both locks are held.
        unsafe { dpdk_sys::rte_eth_dev_close(self.number) };
        control.open.remove(&self.number);
        Ok(())
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // Queues hold the device, so there are none, and this does not fail.
        let _ = self.close();
    }
}

/// A queue's share of a device, by which the device knows that the queue is alive.
#[derive(Debug)]
pub(crate) struct QueueTicket {
    device: Arc<Device>,
}

impl QueueTicket {
    pub(super) fn new(device: &Arc<Device>) -> Self {
        // Relaxed: made under the lock, and handed to other threads by what synchronizes itself.
        device.live_queues.fetch_add(1, Ordering::Relaxed);
        Self { device: Arc::clone(device) }
    }

    #[inline]
    pub(crate) fn port(&self) -> u16 {
        self.device.number
    }

    /// Whether the port is started. It does not stop while this ticket lives.
    #[inline]
    pub(crate) fn is_running(&self) -> bool {
        // Acquire: pairs with the store in `Port::start`.
        self.device.running.load(Ordering::Acquire)
    }
}

impl Drop for QueueTicket {
    fn drop(&mut self) {
        // Release: pairs with the load in `Device::refuse_live_queues`.
        self.device.live_queues.fetch_sub(1, Ordering::Release);
    }
}

fn find_number(name: &str) -> Option<u16> {
    let name = CString::new(name).ok()?;
    let mut number = 0;
    // SAFETY: a NUL-terminated name, and room for the number.
    let result = unsafe { dpdk_sys::rte_eth_dev_get_port_by_name(name.as_ptr(), &raw mut number) };
    (result == 0).then_some(number)
}

fn read_info(number: u16) -> io::Result<rte_eth_dev_info> {
    let mut info = MaybeUninit::zeroed();
    // SAFETY: a port's number, and room for what the driver says.
    let result = unsafe { dpdk_sys::rte_eth_dev_info_get(number, info.as_mut_ptr()) };
    eal::os_result(result)?;
    // SAFETY: zeroed numbers and pointers, then filled.
    Ok(unsafe { info.assume_init() })
}
