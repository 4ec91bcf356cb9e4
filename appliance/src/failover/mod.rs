//! Who is active: the monitor's thread, and all that joins it with the cable, the links, the probed hosts and the rest of the unit.
//!
//! Crate `failover` decides; here it is carried out. The monitor never waits for anything that the others hold: what may
//! take long, it has done by the errand thread.

mod cable;
mod core;
mod echo;
mod errands;
mod links;
mod mirror;
mod prober;
mod setup;
mod snapshot;
mod tty;
mod virtual_cable;
mod watchdog;

pub(crate) use mirror::Mirrored;
pub use setup::{MonitorHandle, RequestError};
pub(crate) use setup::{MonitorParts, RunningMonitor, start};
pub use snapshot::Snapshot;
pub use virtual_cable::{CableError, run_virtual_cable};
