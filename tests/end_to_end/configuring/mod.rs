//! The configuration of running units: commands in the middle of traffic, what is written, and what the other unit of a pair has
//! of it.

mod addresses;
mod pair;
mod traffic;
mod written;
