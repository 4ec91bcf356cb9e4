//! End-to-end tests: the real program in a network of namespaces, with real clients and servers. They need root.
//!
//! Every test ends with the checks in `Lab`'s drop: received = forwarded + answered + to kernel + dropped, a clean stop.

#![forbid(unsafe_code)]

mod lab;

mod admission;
mod af_packet;
mod bad_start;
mod choosing;
mod commands;
mod configuring;
mod deciding;
mod failover;
mod failover_groups;
mod http;
mod icmp;
mod kernel_path;
mod life;
mod limits;
mod listing;
mod load;
mod resets;
mod udp;
mod unmatched;
