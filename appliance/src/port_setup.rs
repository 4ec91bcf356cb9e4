//! Opening the ports and their kernel twins.

use std::sync::Arc;

use arrayvec::ArrayVec;
use director::{Port, PortIndex, PortRole, Unmatched};
use dpdk::{Eal, Mempool, PortConfiguration, ReceiveQueue, Steering, SteeringField, TransmitQueue};
use model::MacAddress;

use crate::configuration::{self, PortDevice, UnitConfiguration};
use crate::error::RunError;
use crate::interface::{self, TakenInterface};
use crate::kernel::setup_twin;
use crate::kernel_path::TwinQueues;
use crate::memory::{RECEIVE_DESCRIPTORS, TRANSMIT_DESCRIPTORS};

/// A port that is open, and how it is known.
#[derive(Clone, Debug)]
pub(crate) struct OpenPort {
    pub(crate) device: Arc<dpdk::Port>,
    /// Held, so that the twin stays open.
    _twin: Arc<dpdk::Port>,
    pub(crate) device_name: String,
    /// The unit's address on the port's link.
    pub(crate) mac: MacAddress,
    pub(crate) steers: bool,
    /// The last field, so that the interface is given back when the device is closed.
    _interface: Option<Arc<TakenInterface>>,
}

/// The queues of all ports, until the workers and the kernel path take them.
pub(crate) struct PortQueues {
    /// By port, then by worker.
    receive: Vec<Vec<Option<ReceiveQueue>>>,
    transmit: Vec<Vec<Option<TransmitQueue>>>,
    /// By port.
    pub(crate) twins: Vec<TwinQueues>,
    /// Held here too, and last: a device is closed only when its queues are gone.
    interfaces: Vec<Arc<TakenInterface>>,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Opens all ports of the unit and makes their twins. `group_macs` are what each port receives beside its own address.
pub(crate) fn open_all(
    eal: &Eal,
    unit: &UnitConfiguration,
    group_macs: &[Vec<MacAddress>],
    pool: &Mempool,
) -> Result<(Vec<OpenPort>, PortQueues), RunError> {
    let mut open = Vec::new();
    let mut queues =
        PortQueues { receive: Vec::new(), transmit: Vec::new(), twins: Vec::new(), interfaces: Vec::new() };
    for (index, (port, macs)) in unit.ports().iter().zip(group_macs).enumerate() {
        let opened = open_one(eal, unit, (port, macs), index, pool, &mut queues);
        open.push(opened.map_err(|source| RunError::Port { name: port.name().to_owned(), source })?);
    }
    Ok((open, queues))
}

fn open_one(
    eal: &Eal,
    unit: &UnitConfiguration,
    (port, group_macs): (&configuration::PortConfiguration, &[MacAddress]),
    index: usize,
    pool: &Mempool,
    queues: &mut PortQueues,
) -> Result<OpenPort, Failure> {
    let workers = unit.cores().workers.len();
    let interface = take_interface(port.device())?;
    queues.interfaces.extend(interface.clone());
    let device_name = probe(eal, port.device(), index, workers)?;
    let device = dpdk::Port::find(eal, &device_name)?;
    let mac = unit_mac(port.mac(), &device);
    let steers = workers > 1 && device.can_steer();
    let count = u16::try_from(workers)?;
    let (receive, transmit) = device.configure(
        PortConfiguration {
            receive_queues: count,
            transmit_queues: count,
            receive_descriptors: RECEIVE_DESCRIPTORS,
            transmit_descriptors: TRANSMIT_DESCRIPTORS,
            mtu: port.mtu(),
            // Copies of the active unit's frames are for its MAC addresses, or its neighbours'.
            promiscuous: unit.observes() || needs_promiscuous(port, &device, mac, group_macs),
            steering: steers.then_some(Steering { field: steering_field(port.role()), queues: count }),
        },
        pool,
    )?;
    if mac != device.mac() && !is_kernel_owned(&device) {
        device.set_mac(mac)?;
    }
    receive_for(&device, port.name(), group_macs)?;
    device.start()?;
    queues.receive.push(receive.into_iter().map(Some).collect());
    queues.transmit.push(transmit.into_iter().map(Some).collect());

    let (twin, twin_queues) = open_twin(eal, port, index, mac, pool)?;
    queues.twins.push(twin_queues);
    log::info!(
        "port {}: {} ({}), MAC address {mac}, clients steered by {}",
        port.name(),
        device_name,
        device.capabilities().driver,
        if steers { "the port" } else { "software" }
    );
    Ok(OpenPort {
        device: Arc::new(device),
        _twin: Arc::new(twin),
        device_name,
        mac,
        steers,
        _interface: interface,
    })
}

/// Makes the kernel interface that stands for the port, with the port's addresses.
fn open_twin(
    eal: &Eal,
    port: &configuration::PortConfiguration,
    index: usize,
    mac: MacAddress,
    pool: &Mempool,
) -> Result<(dpdk::Port, TwinQueues), Failure> {
    let name = format!("net_tap_twin{index}");
    if interface::exists(port.twin()) {
        return Err(format!(
            "the kernel has an interface {:?} already; give the port another \"twin\" name or remove it",
            port.twin()
        )
        .into());
    }
    eal.probe(&format!("{name},iface={}", port.twin()))?;
    let twin = dpdk::Port::find(eal, &name)?;
    let (receive, transmit) = twin.configure(
        PortConfiguration {
            receive_queues: 1,
            transmit_queues: 1,
            receive_descriptors: RECEIVE_DESCRIPTORS,
            transmit_descriptors: TRANSMIT_DESCRIPTORS,
            mtu: port.mtu(),
            promiscuous: false,
            steering: None,
        },
        pool,
    )?;
    twin.start()?;
    setup_twin(port.twin(), mac, port.mtu(), port.addresses())?;
    let one = "a port has as many queues as it was configured with";
    let receive = receive.into_iter().next().ok_or(one)?;
    let transmit = transmit.into_iter().next().ok_or(one)?;
    Ok((twin, TwinQueues { receive, transmit, waiting: ArrayVec::new() }))
}

/// Makes the interface ready that the port is to use, if it is to use one.
fn take_interface(device: &PortDevice) -> Result<Option<Arc<TakenInterface>>, Failure> {
    match device {
        PortDevice::Interface(name) => Ok(Some(Arc::new(TakenInterface::take(name)?))),
        PortDevice::Pci(_) | PortDevice::Vdev(_) => Ok(None),
    }
}

/// Makes the port's device known to DPDK and returns its name there.
fn probe(eal: &Eal, device: &PortDevice, index: usize, workers: usize) -> Result<String, Failure> {
    match device {
        // EAL probed it at start.
        PortDevice::Pci(address) => Ok(address.clone()),
        PortDevice::Vdev(specification) => {
            eal.probe(specification)?;
            let name = specification.split(',').next().unwrap_or_default();
            Ok(name.to_owned())
        }
        PortDevice::Interface(interface) => {
            let name = format!("net_af_packet{index}");
            eal.probe(&format!("{name},iface={interface},qpairs={workers},framecnt=2048"))?;
            Ok(name)
        }
    }
}

/// Whether the kernel has an interface of its own with the device's MAC address. It would answer and route packets
/// to that address a second time, so the unit uses another.
fn is_kernel_owned(device: &dpdk::Port) -> bool {
    ["net_tap", "net_af_packet", "net_af_xdp"].contains(&device.capabilities().driver.as_str())
}

fn unit_mac(configured: Option<MacAddress>, device: &dpdk::Port) -> MacAddress {
    match configured {
        Some(mac) => mac,
        None if is_kernel_owned(device) => device.mac().to_locally_administered(),
        None => device.mac(),
    }
}

fn needs_promiscuous(
    port: &configuration::PortConfiguration,
    device: &dpdk::Port,
    mac: MacAddress,
    group_macs: &[MacAddress],
) -> bool {
    let has_others = mac != device.mac() || !group_macs.is_empty();
    port.unmatched() == Unmatched::Bridge || is_kernel_owned(device) && has_others
}

/// Has the device receive what is addressed to the groups, too: all that comes, if it can not tell them from others.
fn receive_for(device: &dpdk::Port, name: &str, group_macs: &[MacAddress]) -> Result<(), Failure> {
    if is_kernel_owned(device) {
        return Ok(());
    }
    for &mac in group_macs {
        if let Err(error) = device.add_mac(mac) {
            log::info!("port {name} receives whatever comes: {error}");
            return Ok(device.set_promiscuous(true)?);
        }
    }
    Ok(())
}

const fn steering_field(role: PortRole) -> SteeringField {
    match role {
        PortRole::Outside => SteeringField::Source,
        PortRole::Inside => SteeringField::Destination,
    }
}

/// The unit's view of the open ports, before any group.
pub(crate) fn shard_ports(unit: &UnitConfiguration, open: &[OpenPort]) -> Vec<Port> {
    let opposite = |role: PortRole| unit.ports().iter().position(|port| port.role() != role);
    let indices = 0..;
    unit.ports()
        .iter()
        .zip(open)
        .map(|(port, open)| Port {
            mac: open.mac,
            unit_mac: open.mac,
            role: port.role(),
            unmatched: port.unmatched(),
            mtu: port.mtu(),
            addresses: port.addresses().iter().map(ipnet::IpNet::addr).collect(),
            shared_addresses: Vec::new(),
            bridge_to: opposite(port.role())
                .and_then(|position| indices.clone().nth(position))
                .map(PortIndex),
        })
        .collect()
}

impl PortQueues {
    /// The queues of one worker on all ports, in the ports' order.
    pub(crate) fn take(&mut self, worker: usize) -> (Vec<(PortIndex, ReceiveQueue)>, Vec<TransmitQueue>) {
        let receive = self.receive.iter_mut().filter_map(|queues| queues[worker].take());
        let transmit = self.transmit.iter_mut().filter_map(|queues| queues[worker].take());
        ((0..).map(PortIndex).zip(receive).collect(), transmit.collect())
    }
}
