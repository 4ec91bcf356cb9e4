//! Why a port does not do what it was asked to.

use std::io;

use super::SteeringError;

/// Why a port does not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// No device of this name has a port.
    #[error("DPDK has no port {device:?}; it has {}", list(.known))]
    NotFound {
        /// The name asked for.
        device: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// A port is open once.
    #[error("the port {0} is open already; use it, or drop it and its queues")]
    AlreadyOpen(String),
    /// A closed port does nothing any more.
    #[error("the port {0} is closed; remove and probe its device, and find it again")]
    Closed(String),
    /// A started port can not be configured, nor started again.
    #[error("the port {0} is started; stop it first")]
    Started(String),
    /// Queues come with the configuration.
    #[error("the port {0} is not configured; configure it first")]
    NotConfigured(String),
    /// A thread may be inside a queue that is alive.
    #[error("the port {device} has {queues} queues in use; drop them first")]
    QueuesInUse {
        /// The device's name.
        device: String,
        /// How many there are.
        queues: usize,
    },
    /// More queues than the port has, or none.
    #[error("the port {device} can not have {asked} {direction} queues; take 1 to {limit}")]
    Queues {
        /// The device's name.
        device: String,
        /// Receive or transmit.
        direction: &'static str,
        /// Queues asked for.
        asked: u16,
        /// The most there can be.
        limit: u16,
    },
    /// A driver that pairs receive and transmit queues.
    #[error(
        "the port {device} needs as many receive as transmit queues, as its driver {driver} pairs them; it was asked \
         for {receive} and {transmit}"
    )]
    UnequalQueues {
        /// The device's name.
        device: String,
        /// The driver's name.
        driver: String,
        /// Receive queues asked for.
        receive: u16,
        /// Transmit queues asked for.
        transmit: u16,
    },
    /// An MTU beyond the port's.
    #[error("the port {device} can not have an MTU of {asked}; take {least} to {most}")]
    Mtu {
        /// The device's name.
        device: String,
        /// The MTU asked for.
        asked: u16,
        /// The smallest possible.
        least: u16,
        /// The largest possible.
        most: u16,
    },
    /// Frames that need several buffers, on a port that receives into one.
    #[error(
        "the port {device} receives a frame into one buffer, and frames of an MTU of {mtu} do not fit into {room} \
         bytes; make a pool whose data room is {needed} at least"
    )]
    FrameTooLarge {
        /// The device's name.
        device: String,
        /// The MTU asked for.
        mtu: u16,
        /// Bytes of a buffer behind its headroom.
        room: usize,
        /// The data room that would do, headroom included.
        needed: usize,
    },
    /// The port can not steer as asked.
    #[error("the port {device} can not steer packets by address: {source}")]
    Steering {
        /// The device's name.
        device: String,
        /// Why.
        source: SteeringError,
    },
    /// The driver does not do it.
    #[error("the port {device} can not {operation}: {source}; what the driver says about it is on stderr")]
    Driver {
        /// The device's name.
        device: String,
        /// What it was asked to do.
        operation: &'static str,
        /// What it answered.
        source: io::Error,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
