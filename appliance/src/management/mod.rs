//! The management socket: what a running unit tells those who ask, one JSON line for each question.
//!
//! The server reads counters and asks workers for bounded slices of their tables. It changes nothing, and neither
//! a client that is slow nor one that talks nonsense can hold up a worker, another client or the stop.

mod affinity;
mod client;
mod filter;
mod inspection;
mod line;
mod listing;
pub mod protocol;
pub mod report;
mod server;
mod session;
mod socket;
mod stop;
#[cfg(test)]
mod tests;

pub use client::{Client, ClientError};
pub use inspection::{Inspection, Source, WorkerView};
pub use listing::{ListReply, ListRequest, ListSlice};
pub use server::Server;
pub use socket::{BoundSocket, SocketError};
