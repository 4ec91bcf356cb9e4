//! The vocabulary that Understudy's crates share: endpoints, protocols, time, limits, the reasons for a drop.
//!
//! Plain values only. Nothing here does I/O, reads a clock or knows how a packet is laid out.
#![forbid(unsafe_code)]

mod address;
mod drop_reason;
mod endpoint;
mod instant;
pub mod limits;
mod server_name;

pub use address::MacAddress;
pub use drop_reason::DropReason;
pub use endpoint::{Endpoint, Protocol};
pub use instant::Instant;
pub use server_name::{ServerName, ServerNameError};
