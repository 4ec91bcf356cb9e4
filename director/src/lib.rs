//! Which server gets a connection, and what happens to each of its packets; one shard is one core's.
//!
//! Frames go in as byte slices and come out with a [`Verdict`] each. Nothing here does I/O, reads a clock, or knows
//! what a network card is: time, next hops and frames are arguments.
#![forbid(unsafe_code)]

mod admission;
mod choice;
mod classify;
mod configuration;
mod connection;
mod counters;
mod explain;
mod forward;
mod lane;
mod listing;
mod loads;
mod next_hops;
mod plan;
mod port;
mod ports;
mod predictor;
mod reconfigure;
mod refusal;
mod replica;
mod services;
mod shard;
mod shared;
mod steering;
mod sticking;
mod sticky;
mod targets;
mod tcp_state;
mod trial;
mod verdict;
mod waiting;

pub use configuration::*;
pub use counters::{BindingCounters, Counter, ShardCounters};
pub use explain::{Attempt, CANDIDATES, Candidate, Decision, Explanation, Obstacle};
pub use listing::{ConnectionFilter, ConnectionSummary, Cursor};
pub use next_hops::{NextHop, NextHopTable, Route};
pub use plan::Plan;
pub use port::Port;
pub use ports::{PortIndex, PortRole, Unmatched};
pub use reconfigure::KillFilter;
pub use replica::{ReplicaCounters, ReplicationSettings};
pub use shard::{Shard, ShardConfiguration, Stage};
pub use shared::{RealState, Shared, is_vacant};
pub use steering::Steering;
pub use tcp_state::{ConnectionState, Direction};
pub use verdict::{Frame, Verdict};
