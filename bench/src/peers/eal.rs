//! DPDK in this process, for peers that are a part of it.

use std::fs;
use std::sync::OnceLock;

use dpdk::{Eal, EalError};

/// Free hugepages of 2 MB from which on these are used.
const ENOUGH_HUGEPAGES: u64 = 256;

/// DPDK on CPU 1, started at the first call. It leaves no files behind.
///
/// # Errors
///
/// When it did not start, now or at the first call.
pub(crate) fn eal() -> Result<&'static Eal, &'static EalError> {
    static EAL: OnceLock<Result<Eal, EalError>> = OnceLock::new();
    EAL.get_or_init(|| {
        let memory: &[&str] = if free_hugepages() >= ENOUGH_HUGEPAGES {
            &["--in-memory"]
        } else {
            &["--no-huge", "-m", "4096"]
        };
        let fixed = ["bench", "--no-pci", "--no-shconf", "--no-telemetry", "--lcores=0@1"];
        let arguments: Vec<String> =
            fixed.iter().chain(memory).chain(&["--log-level=*:warning"]).map(ToString::to_string).collect();
        Eal::start(&arguments)
    })
    .as_ref()
}

fn free_hugepages() -> u64 {
    let text = fs::read_to_string("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}
