//! Packets as bytes: checked parsing, rewriting in place with incremental checksums, replies and announcements.
//!
//! No packet, whatever its bytes, makes anything here panic; what is wrong with it is a `DropReason`. Nothing here
//! knows connections, ports of the unit, or policy.
#![forbid(unsafe_code)]

mod address;
pub mod build;
mod bytes;
mod checksum;
mod headers;
mod parse;
pub mod reply;
mod rewrite;

pub use address::Address;
pub use checksum::ChecksumDelta;
pub use headers::{
    Arp, ArpOperation, Content, Datagram, Ethernet, Packet, Quote, TcpFlags, Transport, Tuple,
};
pub use parse::parse;
pub use rewrite::{Deltas, set_ethernet, translate, translate_error};
