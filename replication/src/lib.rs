//! How the standby unit comes to know every connection of the active one.
//!
//! docs/REPLICATION.md specifies the protocol. Sans-I/O: datagrams and reports of the shards come in, datagrams and
//! orders to the shards go out. Nothing here reads a clock, a socket or a source of randomness, and nothing that comes
//! from outside can make it panic.
#![forbid(unsafe_code)]

mod counts;
mod handshake;
mod path_set;
mod receiver;
mod rejection;
mod replay;
mod replicator;
mod seal;
mod sender;
mod settings;
mod status;
mod synchronization;
mod wire;

pub use receiver::ReceiverCounters;
pub use rejection::{Rejection, Rejections};
pub use replicator::{Replicator, Transmit};
pub use sender::SenderCounters;
pub use settings::{DATAGRAM_BYTES_LEAST, DATAGRAM_BYTES_MOST, PATHS, PairKey, Settings};
pub use status::{Link, PathStatus, PeerStatus, Status};
pub use synchronization::{Agreement, PassProgress};
pub use wire::VERSION;
