//! Benchmark 1: `understudy` and `dpdk-testpmd` forward the same frames on the same devices, on the same CPU.
//!
//! Only one of them forwards at a time: testpmd is stopped, or the unit's process is suspended.

mod driver;
mod error;
pub(crate) mod generator;
pub(crate) mod latency;
pub(crate) mod memif;
mod pcap;
mod process;
mod reading;
pub(crate) mod replay;
mod testpmd;
mod traffic;
mod unit;
pub(crate) mod workers;
