//! Which unit is active for which failover group, and why.
//!
//! docs/FAILOVER.md says what is promised. Sans-I/O: beats, probes' answers and operators' commands come in, beats and
//! orders go out. Nothing here reads a clock, a socket or a source of randomness, and nothing that comes from outside
//! can make it panic.
#![forbid(unsafe_code)]

mod command;
mod damping;
mod group;
mod journal;
mod keepalive;
mod lease;
mod machine;
mod monitor;
mod peer;
mod promised;
mod reachability;
mod rejection;
mod settings;
mod status;
mod wire;

pub use command::{Command, Refusal};
pub use journal::{Cause, Entry, Inputs, LinkInput, PeerInput, What};
pub use machine::{Action, Event, Facts, Guard, Row, State, SubState, TABLE, Transition, step};
pub use monitor::{Monitor, Order};
pub use reachability::Score;
pub use rejection::{Rejection, Rejections};
pub use settings::{
    Compare, Damping, GroupSettings, Link, LinkSettings, LoadSettings, MonitorKey, ProbingSettings, Settings,
    Strategy, TargetSettings,
};
pub use status::{GroupStatus, LinkStatus, PeerGroupStatus, PeerStatus, Status, TargetStatus, UnitStatus};
pub use wire::VERSION;
