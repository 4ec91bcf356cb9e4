//! The failover cable: framing, acknowledged delivery in which heartbeats go first, and the mirrored configuration.
//!
//! docs/CABLE.md specifies it. Sans-I/O: bytes and lines of a tty come in, bytes go out. Nothing here reads a clock, a
//! device or a source of randomness, and nothing that comes from outside can make it panic.
#![forbid(unsafe_code)]

mod channel;
mod datagram;
mod delivery;
mod frame;
mod incoming;
mod key;
mod lines;
mod mirror;
mod outgoing;
mod status;

pub use channel::{BAUD_LEAST, BAUD_MOST, CABLE_MESSAGE_BYTES, Channel, ChannelSettings, Received};
pub use datagram::{DatagramChannel, DatagramSettings};
pub use frame::VERSION;
pub use incoming::MESSAGE_BYTES_MOST;
pub use key::CableKey;
pub use lines::{Lines, cable_end, cable_status, is_swapped};
pub use mirror::{
    CHANGE_BYTES_MOST, DOCUMENT_BYTES_MOST, Mirror, MirrorEvent, MirrorSettings, MirrorStatus,
    TransferProgress, digest_of,
};
pub use status::{ChannelCounters, ChannelStatus, Condition, Rejection, Rejections};
