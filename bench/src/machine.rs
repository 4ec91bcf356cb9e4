//! The machine's state, without which no figure can be read.

use std::fs;
use std::process::Command;

use serde::Serialize;

use crate::clock;

/// The machine's state when the benchmarks began.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    /// When: passed in by whoever runs the benchmarks.
    pub(crate) date: Option<String>,
    /// The CPU's name.
    pub(crate) cpu_model: String,
    /// CPUs that can be used.
    pub(crate) cpus: usize,
    /// How far the cycle counter goes in a second.
    pub(crate) tsc_hz: f64,
    /// What chooses the CPUs' clock, where the kernel does.
    pub(crate) governor: Option<String>,
    /// Mebibytes of memory.
    pub(crate) memory_mib: u64,
    /// Hugepages of 2 MB.
    pub(crate) hugepages: u64,
    /// The kernel's version.
    pub(crate) kernel: String,
    /// DPDK's version.
    pub(crate) dpdk: Option<String>,
}

impl Machine {
    /// Looks at the machine.
    pub(crate) fn look(date: Option<String>) -> Self {
        let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Self {
            date,
            cpu_model: field(&cpus, "model name").unwrap_or("unknown").to_owned(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            tsc_hz: clock::cycles_per_second(),
            governor: line_of("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            memory_mib: number(&memory, "MemTotal") / 1_024,
            hugepages: number(&memory, "HugePages_Total"),
            kernel: line_of("/proc/sys/kernel/osrelease").unwrap_or_default(),
            dpdk: dpdk_version(),
        }
    }

    /// A name for each value, in the order in which they are shown.
    pub(crate) fn in_words(&self) -> Vec<(&'static str, String)> {
        let unknown = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
        let governor =
            self.governor.clone().unwrap_or_else(|| "none: the clock is not the kernel's".to_owned());
        vec![
            ("date", unknown(&self.date)),
            ("CPU", format!("{}, {} CPUs", self.cpu_model, self.cpus)),
            ("TSC", format!("{:.3} GHz", self.tsc_hz / 1e9)),
            ("governor", governor),
            ("memory", format!("{} MiB", self.memory_mib)),
            ("hugepages", format!("{} of 2 MB", self.hugepages)),
            ("kernel", self.kernel.clone()),
            ("DPDK", unknown(&self.dpdk)),
        ]
    }
}

/// The value behind `name :` in a file of /proc.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    })
}

fn number(text: &str, name: &str) -> u64 {
    let value = field(text, name).and_then(|value| value.split(' ').next());
    value.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn line_of(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn dpdk_version() -> Option<String> {
    let output = Command::new("pkg-config").args(["--modversion", "libdpdk"]).output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| version.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_proc_are_read() {
        let text =
            "MemTotal:       24616104 kB\nHugePages_Total:    1200\nmodel name\t: Some CPU @ 2.6 GHz\n";
        assert_eq!(number(text, "MemTotal"), 24_616_104);
        assert_eq!(number(text, "HugePages_Total"), 1_200);
        assert_eq!(field(text, "model name"), Some("Some CPU @ 2.6 GHz"));
        assert_eq!(number(text, "absent"), 0);
    }
}
