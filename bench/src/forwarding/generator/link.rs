//! One of the generator's two ports.

use dpdk::{Eal, Mempool, Port, PortConfiguration, ReceiveQueue, TransmitQueue};

use super::GeneratorError;

/// Packets that are sent or received together.
pub(super) const BURST: usize = 64;

/// A port with a queue each way. The queues go first when it is dropped.
pub(super) struct Link {
    pub(super) receive: ReceiveQueue,
    pub(super) transmit: TransmitQueue,
    port: Port,
}

impl Link {
    /// Opens a device by its name and arguments, and starts its port.
    pub(super) fn open(
        eal: &Eal,
        (name, arguments): &(String, String),
        pool: &Mempool,
    ) -> Result<Self, GeneratorError> {
        eal.probe(arguments)?;
        let port = Port::find(eal, name)?;
        let configuration = PortConfiguration {
            receive_queues: 1,
            transmit_queues: 1,
            receive_descriptors: 1_024,
            transmit_descriptors: 1_024,
            mtu: 1_500,
            promiscuous: false,
            steering: None,
        };
        let (receive, transmit) = port.configure(configuration, pool)?;
        port.start()?;
        let queues = receive.into_iter().next().zip(transmit.into_iter().next());
        let (receive, transmit) = queues.ok_or(GeneratorError::NoQueue)?;
        Ok(Self { receive, transmit, port })
    }

    /// Whether the other end is there.
    pub(super) fn is_up(&self) -> bool {
        self.port.link().up
    }
}
