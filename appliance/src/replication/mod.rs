//! How the unit keeps in step with its peer: the thread, rings, sockets and key around crate `replication`.

mod core;
mod key;
mod links;
mod paths;
mod setup;
mod switch;

pub(crate) use core::CountConnections;
pub use core::PairView;
pub use key::{KeyError, new_key, read_key};
pub(crate) use links::WorkerLink;
pub use paths::{Path, PathError, RECEIVED_BYTES};
pub(crate) use setup::{GroupInspection, Replication, RunningCore};
pub use switch::StateSwitch;
