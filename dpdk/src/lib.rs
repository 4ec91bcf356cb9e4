//! The safe layer over DPDK: EAL, ports and their queues, packet buffers, lcores, the cycle counter.
//!
//! What must hold is in the types. EAL outlives whatever was made with it, since each of these holds it. A port can
//! not stop or close while one of its queues is alive, a queue is used by one thread at a time, and a buffer has one
//! owner, who may be any thread. EAL's memory is never given back, so that a buffer may outlive all else; the end of
//! the process does that.
//!
//! Bursts move buffers in and out of an [`ArrayVec`], in one call and without allocation. Nothing here logs: EAL
//! writes its own messages to stderr, as far as its `--log-level` argument says.

pub mod clock;
mod descriptors;
mod eal;
pub mod lcore;
mod mbuf;
mod mempool;
mod port;
mod queue;

use arrayvec::ArrayVec;

pub use descriptors::close_all_on_exec;
pub use eal::{Eal, EalError};
pub use mbuf::{ContiguousError, Mbuf, Segments, free_burst};
pub use mempool::{Mempool, MempoolConfiguration, MempoolError};
pub use port::{
    Capabilities, Link, Port, PortConfiguration, PortError, PortStatistics, Steering, SteeringError,
    SteeringField,
};
pub use queue::{ReceiveQueue, TransmitQueue};

/// Buffers that are received or transmitted together.
pub type Burst<const N: usize> = ArrayVec<Mbuf, N>;
