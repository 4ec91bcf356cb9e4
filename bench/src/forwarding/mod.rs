//! Benchmark 1: `understudy` and `dpdk-testpmd` forward the same frames on the same devices, on the same CPU.
//!
//! Only one of them forwards at a time: testpmd is stopped, or the unit's process is suspended.

mod error;
mod pcap;
mod process;
mod reading;
mod replay;
mod testpmd;
mod traffic;
mod unit;

pub(crate) use replay::run;
