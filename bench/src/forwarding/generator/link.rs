//! The generator's ports.

use dpdk::{Eal, Mempool, Port, PortConfiguration, ReceiveQueue, TransmitQueue};

use super::GeneratorError;

/// Packets that are sent or received together.
pub(super) const BURST: usize = 64;

/// One queue each way, and places in each.
const CONFIGURATION: PortConfiguration = PortConfiguration {
    receive_queues: 1,
    transmit_queues: 1,
    receive_descriptors: 1_024,
    transmit_descriptors: 1_024,
    mtu: 1_500,
    promiscuous: false,
    steering: None,
};

/// Opens a device by its arguments, which begin with its name, and starts its port.
pub(super) fn open(
    eal: &Eal,
    arguments: &str,
    pool: &Mempool,
) -> Result<(Port, ReceiveQueue, TransmitQueue), GeneratorError> {
    eal.probe(arguments)?;
    let port = Port::find(eal, arguments.split(',').next().unwrap_or_default())?;
    let (receive, transmit) = port.configure(CONFIGURATION, pool)?;
    port.start()?;
    let queues = receive.into_iter().next().zip(transmit.into_iter().next());
    let (receive, transmit) = queues.ok_or(GeneratorError::NoQueue)?;
    Ok((port, receive, transmit))
}
