//! The safe layer on DPDK's virtual devices: no hardware, no hugepages. EAL starts once for all tests of this file.

#![expect(clippy::unwrap_used, reason = "a failure in a helper is the test's")]

mod buffers;
mod bursts;
mod common;
mod devices;
mod lcores;
mod ports;
