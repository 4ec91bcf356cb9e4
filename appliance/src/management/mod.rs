//! The management socket: what a running unit tells those who ask, one JSON line for each question.
//!
//! The server reads counters and asks workers for bounded slices of their tables. What it changes, it
//! changes because it is asked to: whether the unit forwards, and the configuration. Neither a client that is slow nor one that talks nonsense can hold up a worker,
//! another client or the stop.

mod affinity;
mod ask;
pub mod change_report;
mod client;
mod commands;
mod explain;
mod failover;
pub mod failover_report;
mod filter;
mod inspection;
mod line;
mod listing;
mod merge;
mod pair;
pub mod protocol;
pub mod report;
mod server;
pub mod server_report;
mod servers;
mod session;
mod socket;
mod stop;
#[cfg(test)]
mod tests;
mod totals;
mod who_is_active;

pub(crate) use affinity::Cpus;
pub use client::{Client, ClientError};
pub use inspection::{GroupOfPair, Inspection, Pair, Source, WorkerView};
pub use listing::{ListReply, ListRequest, ListSlice};
pub use server::Server;
pub use socket::{BoundSocket, SocketError};
pub(crate) use totals::Baselines;
