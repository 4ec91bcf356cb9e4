//! What ports are made of: exactly one device each, and no device twice.

use std::collections::HashSet;

use super::check_unit::is_interface_name;
use super::key_path::KeyPath;
use super::mistake::{Mistakes, UnitMistake};
use super::raw::unit::RawPort;
use super::unit::PortDevice;

/// The beginning of the names that the unit gives to its twins.
const TWIN_DEVICE: &str = "net_tap_twin";

/// Bytes of a device's name in DPDK: `RTE_DEV_NAME_MAX_LEN` without the final zero.
const DEVICE_NAME: usize = 63;

/// The devices of the ports before, and the kernel's interfaces of all ports.
#[derive(Default)]
pub(super) struct Resources {
    used: HashSet<String>,
    interfaces: HashSet<String>,
}

impl Resources {
    /// Nothing is used yet; the interfaces are known from the beginning, as a twin may stand before them.
    pub(super) fn of(ports: &[RawPort]) -> Self {
        let of_vdev = |port: &RawPort| port.vdev.as_deref().and_then(interface_of).map(str::to_owned);
        let interfaces = ports.iter().flat_map(|port| [port.interface.clone(), of_vdev(port)]).flatten();
        Self { used: HashSet::new(), interfaces: interfaces.collect() }
    }

    pub(super) fn is_interface(&self, name: &str) -> bool {
        self.interfaces.contains(name)
    }

    /// Takes a device for a port.
    fn take(&mut self, device: &PortDevice) -> Result<(), UnitMistake> {
        let names = match device {
            PortDevice::Pci(address) => [Some(address.as_str()), None],
            PortDevice::Vdev(vdev) => [Some(name_of(vdev)), interface_of(vdev)],
            PortDevice::Interface(interface) => [Some(interface.as_str()), None],
        };
        for name in names.into_iter().flatten() {
            if !self.used.insert(name.to_owned()) {
                return Err(UnitMistake::DuplicateDevice(name.to_owned()));
            }
        }
        Ok(())
    }
}

/// The port's device. Where something is wrong, it is noted, and the device is whatever was written.
pub(super) fn check(
    port: &RawPort,
    path: &KeyPath,
    resources: &mut Resources,
    mistakes: &mut Mistakes,
) -> PortDevice {
    let pci = port.device.as_deref().map(|text| ("device", pci(text)));
    let vdev = port.vdev.as_deref().map(|text| ("vdev", vdev(text)));
    let interface = port.interface.as_deref().map(|text| ("interface", interface(text)));
    let mut written = [pci, vdev, interface].into_iter().flatten();
    let device = match written.next() {
        None => {
            mistakes.add(path.clone(), UnitMistake::NoDevice);
            None
        }
        Some((key, read)) => {
            let taken = read.and_then(|device| resources.take(&device).map(|()| device));
            mistakes.note(path.clone().key(key), taken.map(Some))
        }
    };
    for (key, _) in written {
        mistakes.add(path.clone().key(key), UnitMistake::SeveralDevices);
    }
    device.unwrap_or_else(|| PortDevice::Interface(String::new()))
}

/// `0000:01:00.0`: domain, bus, device, function.
fn pci(text: &str) -> Result<PortDevice, UnitMistake> {
    let is_right = text.len() == 12
        && text.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b':',
            8 => (b'0'..=b'1').contains(&byte),
            10 => byte == b'.',
            11 => (b'0'..=b'7').contains(&byte),
            _ => byte.is_ascii_hexdigit(),
        });
    if is_right {
        Ok(PortDevice::Pci(text.to_ascii_lowercase()))
    } else {
        Err(UnitMistake::PciAddress(text.to_owned()))
    }
}

fn vdev(text: &str) -> Result<PortDevice, UnitMistake> {
    let name = name_of(text);
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let has_driver = name.strip_prefix("net_").is_some_and(|driver| !driver.is_empty() && is_word(driver));
    if name.len() > DEVICE_NAME || !has_driver || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Err(UnitMistake::Vdev(text.to_owned()))
    } else if name.starts_with(TWIN_DEVICE) {
        Err(UnitMistake::ReservedVdev(name.to_owned()))
    } else {
        Ok(PortDevice::Vdev(text.to_owned()))
    }
}

fn interface(text: &str) -> Result<PortDevice, UnitMistake> {
    if is_interface_name(text) {
        Ok(PortDevice::Interface(text.to_owned()))
    } else {
        Err(UnitMistake::Name(text.to_owned()))
    }
}

/// The name of a virtual device, without its arguments.
fn name_of(vdev: &str) -> &str {
    vdev.split(',').next().unwrap_or_default()
}

/// The kernel's interface that a virtual device makes or uses.
fn interface_of(vdev: &str) -> Option<&str> {
    vdev.split(',').skip(1).find_map(|argument| argument.strip_prefix("iface="))
}
