//! DPDK's environment for a table in this process: memory, and no devices.

use std::fs;
use std::num::NonZero;
use std::thread::available_parallelism;

use dpdk::{Eal, EalError};

/// Hugepages that are worth having.
const ENOUGH_HUGEPAGES: u64 = 64;

/// MiB of small pages where there are no hugepages: what the largest table needs.
const SMALL_PAGES_MIB: &str = "2048";

/// Starts EAL, which pins the calling thread to the last CPU, away from the first, which has the machine's interrupts.
pub(super) fn start() -> Result<Eal, EalError> {
    let last_cpu = available_parallelism().map_or(0, |cpus| NonZero::get(cpus) - 1);
    let lcores = format!("0@{last_cpu}");
    let mut arguments = vec![
        "bench",
        "--no-pci",
        "--no-telemetry",
        "--file-prefix",
        "bench-table",
        "--log-level",
        "lib.eal:error",
        "--lcores",
        &lcores,
    ];
    if free_hugepages() >= ENOUGH_HUGEPAGES {
        arguments.push("--in-memory");
    } else {
        arguments.extend(["--no-huge", "-m", SMALL_PAGES_MIB]);
    }
    Eal::start(&arguments.into_iter().map(str::to_owned).collect::<Vec<_>>())
}

/// Hugepages that nobody uses; 0 where the kernel does not say.
fn free_hugepages() -> u64 {
    let information = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = information.lines().find_map(|line| line.strip_prefix("HugePages_Free:"));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}
