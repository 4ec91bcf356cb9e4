//! That a static executable has every driver that dpdk-sys promises: nothing refers to a driver, so that one that the
//! linker left out would be missed by nobody until an operator has that card.
#![cfg(feature = "static")]
#![expect(clippy::unwrap_used, reason = "a failure in a helper is the test's")]

use std::fs;

use dpdk::{Eal, Port};
use dpdk_sys::drivers::DRIVERS;

/// A driver is in the executable when the function is that registers it at the start of the program. The executable's
/// symbols tell: a profile that strips them can not run this.
#[test]
fn each_promised_driver_registers_itself() {
    let symbols = Symbols::of_this_executable();
    let missing: Vec<String> = DRIVERS
        .iter()
        .flat_map(|archive| archive.registrations.iter().map(move |function| (archive.name, *function)))
        .filter(|(_, function)| !symbols.contain(function))
        .map(|(archive, function)| format!("{function} of librte_net_{archive}.a"))
        .collect();
    assert!(missing.is_empty(), "not in this executable: {}", missing.join(", "));
    assert!(!symbols.contain("pciinitfn_net_mlx5"), "what is not there is missed");
}

#[test]
fn virtual_devices_are_opened_by_their_drivers() {
    let arguments = ["test", "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "-m", "64"];
    let eal = Eal::start(&arguments.map(str::to_owned)).unwrap();
    let process = std::process::id();
    for (devargs, driver) in [
        ("net_null0", "net_null"),
        ("net_ring0", "net_ring"),
        (&*format!("net_tap0,iface=dpdk{process}"), "net_tap"),
        ("net_af_packet0,iface=lo", "net_af_packet"),
        (&format!("net_memif0,socket-abstract=yes,socket=dpdk{process}"), "net_memif"),
        ("net_bonding0,mode=1", "net_bonding"),
        ("net_vhost0,iface=/nowhere/vhost", "net_vhost"),
    ] {
        eal.probe(devargs).unwrap();
        let name = devargs.split(',').next().unwrap();
        assert_eq!(Port::find(&eal, name).unwrap().capabilities().driver, driver, "{devargs}");
    }
}

/// The names of an executable's symbols, each between two NULs.
struct Symbols(Vec<u8>);

impl Symbols {
    fn of_this_executable() -> Self {
        let program = fs::read(std::env::current_exe().unwrap()).unwrap();
        let number = |at: usize, bytes: usize| {
            program[at..at + bytes].iter().rev().fold(0, |number, &byte| number << 8 | usize::from(byte))
        };
        // The header of a 64-bit ELF file says where the section headers are, how long each is, and how many.
        let (headers, header_bytes, count) = (number(0x28, 8), number(0x3a, 2), number(0x3c, 2));
        let sections = (0..count).map(|index| headers + index * header_bytes);
        // Tables of strings are of type 3. Those that are not loaded (no flags) name symbols and sections.
        let tables = sections.filter(|&header| number(header + 4, 4) == 3 && number(header + 8, 8) == 0);
        let bytes = |header: usize| {
            let (start, length) = (number(header + 24, 8), number(header + 32, 8));
            program[start..start + length].iter().copied()
        };
        Self(tables.flat_map(bytes).collect())
    }

    fn contain(&self, name: &str) -> bool {
        let entry = [b"\0", name.as_bytes(), b"\0"].concat();
        self.0.windows(entry.len()).any(|window| window == entry)
    }
}
