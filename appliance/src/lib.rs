//! Composition: configuration, lcores, the worker loop, the kernel path and the management socket.
//!
//! The only crate that knows both DPDK and the director. Clocks, files and sockets are read here and nowhere below.
#![forbid(unsafe_code)]

mod announce;
pub mod configuration;
mod control;
mod eal;
mod error;
mod failover;
mod groups;
mod handover;
mod hold;
mod idle;
mod inspect;
mod interface;
pub mod kernel;
pub mod kernel_path;
pub mod language;
mod lcores;
mod leases;
pub mod management;
mod memory;
mod output;
mod platform;
mod port_setup;
mod replication;
mod restart;
mod rings;
mod running;
pub mod statistics;
mod system;
mod unit;
mod worker;

pub use error::RunError;
pub use failover::{CableError, MonitorHandle, RequestError, Snapshot, run_virtual_cable};
pub use groups::{AddressConflict, AddressConflicts};
pub use leases::Leases;
pub use replication::{KeyError, PairView, Path, PathError, RECEIVED_BYTES, StateSwitch, new_key, read_key};
pub use restart::Restart;
pub use running::{ExplainRequest, KillRequest, Killed, Reconfigure, Running, WorkerRequest};
pub use unit::{Ended, Start, run};
