//! The kernel's side of the ports: twin interfaces, and next hops read from the kernel's routes and
//! neighbours.
//!
//! Each DPDK port has a twin interface in the kernel. [`setup_twin`] gives one its addresses; a [`Watcher`]
//! follows the kernel's tables over netlink, publishes them as a [`NextHopTable`](director::NextHopTable),
//! and has the kernel resolve neighbours for the workers. Nothing here touches a packet, and no worker waits
//! for anything here.

mod editor;
mod error;
mod neighbor;
mod netlink;
mod parameter;
mod resolver;
mod route;
mod schedule;
mod tables;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod text;
mod twin;
mod watcher;

pub(crate) use editor::AddressEditor;
pub use error::KernelError;
pub use neighbor::{Neighbor, NeighborState};
pub use resolver::Resolver;
pub use twin::{Twin, setup_twin};
pub use watcher::Watcher;
