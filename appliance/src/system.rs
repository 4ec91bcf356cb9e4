//! What the unit asks of the machine at start.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;

use crate::configuration::{Cores, Idle, UnitConfiguration};
use crate::error::RunError;

/// What keeps this process' runtime folder apart from those of other DPDK programs.
pub(crate) fn file_prefix() -> String {
    format!("understudy-{}", std::process::id())
}

/// The empty folder that EAL makes for a process, whatever it is told, and never removes: dropping this does. It may be
/// elsewhere, by another prefix in the EAL arguments: then it stays.
pub(crate) struct RuntimeFolder;

impl Drop for RuntimeFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir(Path::new("/var/run/dpdk").join(file_prefix()));
    }
}

/// Checks that the process may run on each configured CPU: EAL would only say that its arguments are bad.
pub(crate) fn check_cpus(cores: &Cores) -> Result<(), RunError> {
    let Ok(allowed) = sched_getaffinity(Pid::from_raw(0)) else { return Ok(()) };
    let is_usable = |cpu: &usize| allowed.is_set(*cpu).unwrap_or(false);
    let Some(&cpu) = cores.workers.iter().chain([&cores.control]).find(|cpu| !is_usable(cpu)) else {
        return Ok(());
    };
    let usable: Vec<String> = (0..CpuSet::count()).filter(is_usable).map(|cpu| cpu.to_string()).collect();
    Err(RunError::Cpu { cpu, usable: usable.join(", ") })
}

/// Bytes of free hugepages of all sizes.
pub(crate) fn free_hugepage_bytes() -> u64 {
    let Ok(sizes) = fs::read_dir("/sys/kernel/mm/hugepages") else { return 0 };
    sizes
        .flatten()
        .filter_map(|size| {
            let kibibytes: u64 =
                size.file_name().to_str()?.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok()?;
            let free: u64 =
                fs::read_to_string(size.path().join("free_hugepages")).ok()?.trim().parse().ok()?;
            Some(free * kibibytes * 1_024)
        })
        .sum()
}

/// A flag that SIGINT and SIGTERM set.
pub(crate) fn stop_on_signals() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// A seed for the connection table's hash that a client can not guess.
pub(crate) fn random_seed() -> u64 {
    // The standard library keys each RandomState from the operating system's random source.
    RandomState::new().hash_one(std::process::id())
}

/// How long a thread of this process has waited for a CPU in all; zero if the kernel does not say.
pub(crate) fn waited_for_cpu(thread: i32) -> Duration {
    let schedule = fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).unwrap_or_default();
    let nanoseconds = schedule.split_whitespace().nth(1).and_then(|waited| waited.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

/// Fills `bytes` with random numbers of the operating system, fit for keys.
pub(crate) fn fill_random(bytes: &mut [u8]) -> io::Result<()> {
    fs::File::open("/dev/urandom")?.read_exact(bytes)
}

/// Whether a polling thread on `cpu` may sleep: as configured, else unless the CPU is isolated for it.
pub(crate) fn may_sleep(unit: &UnitConfiguration, cpu: usize) -> bool {
    match unit.idle() {
        Some(Idle::Sleep) => true,
        Some(Idle::Spin) => false,
        None => {
            !is_isolated(cpu, &fs::read_to_string("/sys/devices/system/cpu/isolated").unwrap_or_default())
        }
    }
}

/// Whether a kernel CPU list like `2-5,8` has `cpu`.
fn is_isolated(cpu: usize, list: &str) -> bool {
    list.trim().split(',').any(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        match (first.parse::<usize>(), last.parse::<usize>()) {
            (Ok(first), Ok(last)) => (first..=last).contains(&cpu),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_lists_are_read() {
        for (cpu, list, expected) in [
            (0, "", false),
            (0, "\n", false),
            (3, "2-5,8\n", true),
            (8, "2-5,8\n", true),
            (6, "2-5,8", false),
        ] {
            assert_eq!(is_isolated(cpu, list), expected, "{cpu} in {list:?}");
        }
    }
}
