//! DPDK's environment in this process, for peers that are a part of DPDK: memory, and no devices.

use std::fs;
use std::num::NonZero;
use std::sync::OnceLock;
use std::thread::available_parallelism;

use dpdk::{Eal, EalError};

/// Hugepages that are worth having.
const ENOUGH_HUGEPAGES: u64 = 64;

/// MiB of small pages where there are no hugepages: what the largest table needs.
const SMALL_PAGES_MIB: &str = "2048";

/// The environment, started at the first call, which pins the calling thread to the last CPU, away from the first, which
/// has the machine's interrupts.
///
/// # Errors
///
/// When it did not start, now or at the first call.
pub(crate) fn eal() -> Result<&'static Eal, &'static EalError> {
    static EAL: OnceLock<Result<Eal, EalError>> = OnceLock::new();
    EAL.get_or_init(start).as_ref()
}

fn start() -> Result<Eal, EalError> {
    let last_cpu = available_parallelism().map_or(0, |cpus| NonZero::get(cpus) - 1);
    let lcores = format!("0@{last_cpu}");
    let mut arguments = vec![
        "bench",
        "--no-pci",
        "--no-telemetry",
        "--file-prefix",
        "bench",
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
