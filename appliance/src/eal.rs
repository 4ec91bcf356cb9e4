//! What EAL is started with.

use crate::configuration::{Hugepages, PortDevice, UnitConfiguration};
use crate::error::RunError;
use crate::{memory, system};

/// EAL's arguments for a unit.
pub(crate) struct EalArguments {
    arguments: Vec<String>,
    hugepages: bool,
}

impl EalArguments {
    /// The unit's own arguments, then `more`. `free_hugepage_bytes` is what the kernel has to give.
    pub(crate) fn new(
        unit: &UnitConfiguration,
        free_hugepage_bytes: u64,
        more: &[String],
    ) -> Result<Self, RunError> {
        let needed = unit.memory_mib().unwrap_or_else(|| memory::eal_mebibytes(memory::buffers_of(unit)));
        let free_mib = free_hugepage_bytes >> 20;
        let hugepages = match unit.hugepages() {
            Hugepages::Never => false,
            Hugepages::Auto => free_mib >= needed as u64,
            Hugepages::Require if free_mib >= needed as u64 => true,
            Hugepages::Require => return Err(RunError::Hugepages { needed_mib: needed, free_mib }),
        };
        let mut arguments = vec![
            "understudy".to_owned(),
            "--lcores".to_owned(),
            lcores(unit),
            "--no-telemetry".to_owned(),
            "--file-prefix".to_owned(),
            system::file_prefix(),
            // The tap driver would complain about each kernel feature that it does without; a failure comes back as an
            // error. EAL gives a driver that it loads later the level of the first pattern that it was told.
            "--log-level=pmd.net.tap:critical".to_owned(),
            "--log-level=*:warning".to_owned(),
            "--log-level=pmd.net.tap:critical".to_owned(),
        ];
        // Either way nothing is left behind, and no other DPDK process on the host is disturbed.
        if hugepages {
            arguments.push("--in-memory".to_owned());
        } else {
            arguments.extend(["--no-huge", "--no-shconf", "-m"].map(str::to_owned));
            arguments.push(needed.to_string());
        }
        let devices: Vec<&str> = unit.ports().iter().filter_map(|port| pci_address(port.device())).collect();
        if devices.is_empty() {
            arguments.push("--no-pci".to_owned());
        }
        // Only what the configuration names is taken from the kernel's hands.
        for device in devices {
            arguments.extend(["-a".to_owned(), device.to_owned()]);
        }
        arguments.extend_from_slice(more);
        Ok(Self { arguments, hugepages })
    }

    pub(crate) const fn uses_hugepages(&self) -> bool {
        self.hugepages
    }

    pub(crate) fn as_slice(&self) -> &[String] {
        &self.arguments
    }
}

/// Lcore 0 is the control core, lcore 1 + i is worker i; several lcores may share a CPU.
fn lcores(unit: &UnitConfiguration) -> String {
    let cores = unit.cores();
    let mut text = format!("0@{}", cores.control);
    for (index, cpu) in cores.workers.iter().enumerate() {
        text += &format!(",{}@{cpu}", index + 1);
    }
    text
}

fn pci_address(device: &PortDevice) -> Option<&str> {
    match device {
        PortDevice::Pci(address) => Some(address),
        PortDevice::Vdev(_) | PortDevice::Interface(_) => None,
    }
}
