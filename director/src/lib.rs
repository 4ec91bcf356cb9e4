//! Which server gets a connection, and what happens to each of its packets; one shard is one core's.
//!
//! Frames go in as byte slices and come out with a [`Verdict`] each. Nothing here does I/O, reads a clock, or knows
//! what a network card is: time, next hops and frames are arguments.
#![forbid(unsafe_code)]

mod admission;
mod classify;
mod configuration;
mod connection;
mod counters;
mod forward;
mod lane;
mod listing;
mod next_hops;
mod port;
mod ports;
mod predictor;
mod refusal;
mod replica;
mod services;
mod shard;
mod steering;
mod targets;
mod tcp_state;
mod verdict;
mod waiting;

pub use configuration::*;
pub use counters::{BindingCounters, Counter, ShardCounters};
pub use listing::{ConnectionFilter, ConnectionSummary, Cursor};
pub use next_hops::{NextHop, NextHopTable, Route};
pub use port::Port;
pub use ports::{PortIndex, PortRole, Unmatched};
pub use replica::{ReplicaCounters, ReplicationSettings};
pub use shard::{Shard, ShardConfiguration, Stage};
pub use steering::Steering;
pub use tcp_state::{ConnectionState, Direction};
pub use verdict::{Frame, Verdict};
