//! The vocabulary that Understudy's crates share: endpoints, protocols, time, limits, the reasons for a drop,
//! and what two units tell each other about connections.
//!
//! Plain values only. Nothing here does I/O, reads a clock or knows how a packet is laid out.
#![forbid(unsafe_code)]

mod address;
mod drop_reason;
mod endpoint;
mod exchange;
mod instant;
pub mod limits;
mod pair;
mod reasons;
mod record;
mod server_name;

pub use address::MacAddress;
pub use drop_reason::DropReason;
pub use endpoint::{Endpoint, Protocol};
pub use exchange::{ShardOrder, ShardReport, UnitState};
pub use instant::Instant;
pub use pair::{CableStatus, ConfigurationMark, UnitRole};
pub use record::{
    ConnectionEnds, ConnectionRecord, Digest, HealthRecord, Phase, RangeSet, StickyRecord, Update,
};
pub use server_name::{ServerName, ServerNameError};
