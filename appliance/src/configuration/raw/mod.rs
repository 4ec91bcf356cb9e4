//! The two documents as they are written. Types and keys are checked here, meanings are not.

pub(super) mod director;
pub(super) mod failover;
pub(super) mod group;
pub(super) mod unit;
