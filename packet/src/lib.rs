//! Packets as bytes: checked parsing, rewriting in place with incremental checksums, replies and announcements.
//!
//! No packet, whatever its bytes, makes anything here panic; what is wrong with it is a `DropReason`. Nothing here
//! knows connections, ports of the unit, or policy, and nothing but `build` allocates.
#![forbid(unsafe_code)]

mod address;
mod arp;
pub mod build;
mod bytes;
mod checksum;
mod claim;
mod compose;
mod ethernet;
mod headers;
mod icmp;
mod in_place;
mod ipv4;
mod ipv6;
mod ipv6_extensions;
mod neighbor;
mod packet;
mod parse;
pub mod reply;
mod rewrite;
mod tcp;
mod udp;
mod verify;
mod wire_tuple;

pub use address::Address;
pub use arp::{Arp, ArpOperation};
pub use checksum::ChecksumDelta;
pub use claim::Claim;
pub use ethernet::{Ethernet, Receiver, set_ethernet};
pub use headers::{Headers, Layout};
pub use in_place::{InPlace, Tcp, TransportProtocol, Udp};
pub use packet::{Content, Datagram, Packet, Quote, Transport, Tuple};
pub use parse::parse;
pub use rewrite::{Deltas, Translation, translate_error};
pub use tcp::TcpFlags;
pub use wire_tuple::WireTuple;
