//! From raw ports to checked ones: each by itself, then against those before it.

use std::collections::HashSet;
use std::net::IpAddr;

use director::{PortRole, Unmatched};
use ipnet::IpNet;
use model::MacAddress;

use super::addresses;
use super::check_unit::is_interface_name;
use super::devices::{self, Resources};
use super::key_path::KeyPath;
use super::limits::{MTU_LEAST, MTU_LEAST_IPV6, MTU_MOST};
use super::mistake::{Mistakes, UnitMistake};
use super::raw::unit::{RawPort, RawRole, RawUnmatched};
use super::unit::PortConfiguration;

/// Names that interfaces can not have, or that mean all of them below `/proc/sys/net`.
const RESERVED_TWINS: [&str; 3] = ["all", "default", "lo"];

/// The ports that are right by themselves up to what `mistakes` has.
pub(super) fn check(raw: Vec<RawPort>, mistakes: &mut Mistakes) -> Vec<PortConfiguration> {
    let mut taken = Taken { resources: Resources::of(&raw), ..Taken::default() };
    let ports = raw.into_iter().enumerate();
    let path = |index| KeyPath::root().key("ports").index(index);
    ports.map(|(index, port)| taken.port(port, &path(index), mistakes)).collect()
}

/// What the ports before have, so that no two have the same.
#[derive(Default)]
struct Taken {
    names: HashSet<String>,
    twins: HashSet<String>,
    addresses: HashSet<IpAddr>,
    resources: Resources,
}

impl Taken {
    fn port(&mut self, raw: RawPort, path: &KeyPath, mistakes: &mut Mistakes) -> PortConfiguration {
        let device = devices::check(&raw, path, &mut self.resources, mistakes);
        let name_is_fine = self.name(&raw.name, path, mistakes);
        match &raw.twin {
            Some(twin) => self.twin(twin, path.clone().key("twin"), mistakes),
            // What is wrong with the name is not said again.
            None if name_is_fine => self.twin(&raw.name, path.clone().key("name"), mistakes),
            None => {}
        }
        let mac = raw.mac.as_deref().map(|text| mistakes.note(path.clone().key("mac"), mac(text)));
        let addresses = self.addresses(&raw.addresses, &path.clone().key("addresses"), mistakes);
        let mtu = mistakes.note(path.clone().key("mtu"), mtu(raw.mtu, &addresses));
        PortConfiguration {
            role: raw.role.into(),
            device,
            mac,
            addresses,
            mtu,
            unmatched: raw.unmatched.into(),
            twin: raw.twin.unwrap_or_else(|| raw.name.clone()),
            name: raw.name,
        }
    }

    fn name(&mut self, name: &str, path: &KeyPath, mistakes: &mut Mistakes) -> bool {
        let mistake = if !is_interface_name(name) {
            UnitMistake::Name(name.to_owned())
        } else if !self.names.insert(name.to_owned()) {
            UnitMistake::DuplicateName(name.to_owned())
        } else {
            return true;
        };
        mistakes.add(path.clone().key("name"), mistake);
        false
    }

    fn twin(&mut self, twin: &str, path: KeyPath, mistakes: &mut Mistakes) {
        let mistake = if !is_interface_name(twin) {
            UnitMistake::Name(twin.to_owned())
        } else if RESERVED_TWINS.contains(&twin) {
            UnitMistake::ReservedTwin(twin.to_owned())
        } else if self.resources.is_interface(twin) {
            UnitMistake::TwinIsDevice(twin.to_owned())
        } else if !self.twins.insert(twin.to_owned()) {
            UnitMistake::DuplicateTwin(twin.to_owned())
        } else {
            return;
        };
        mistakes.add(path, mistake);
    }

    fn addresses(&mut self, written: &[String], path: &KeyPath, mistakes: &mut Mistakes) -> Vec<IpNet> {
        let mut read = Vec::new();
        for (index, text) in written.iter().enumerate() {
            match addresses::own_address(text) {
                Err(mistake) => mistakes.add(path.clone().index(index), mistake),
                Ok(address) if !self.is_new(address.addr()) => {
                    mistakes.add(path.clone().index(index), UnitMistake::DuplicateAddress(address.addr()));
                }
                Ok(address) => read.push(address),
            }
        }
        read
    }

    /// Link-local addresses may be the same on each link.
    fn is_new(&mut self, address: IpAddr) -> bool {
        let is_link_local = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
        is_link_local || self.addresses.insert(address)
    }
}

fn mac(text: &str) -> Result<MacAddress, UnitMistake> {
    let mac: MacAddress = text.parse().map_err(UnitMistake::Mac)?;
    if mac.is_group() || mac == MacAddress::default() {
        Err(UnitMistake::MacNotIndividual(mac))
    } else {
        Ok(mac)
    }
}

fn mtu(written: u64, addresses: &[IpNet]) -> Result<u16, UnitMistake> {
    let has_ipv6 = addresses.iter().any(|address| address.addr().is_ipv6());
    match u16::try_from(written) {
        Ok(mtu @ MTU_LEAST..=MTU_MOST) if mtu < MTU_LEAST_IPV6 && has_ipv6 => {
            Err(UnitMistake::MtuIpv6(mtu.into()))
        }
        Ok(mtu @ MTU_LEAST..=MTU_MOST) => Ok(mtu),
        _ => Err(UnitMistake::Mtu(written)),
    }
}

impl From<RawRole> for PortRole {
    fn from(raw: RawRole) -> Self {
        match raw {
            RawRole::Outside => Self::Outside,
            RawRole::Inside => Self::Inside,
        }
    }
}

impl From<RawUnmatched> for Unmatched {
    fn from(raw: RawUnmatched) -> Self {
        match raw {
            RawUnmatched::Kernel => Self::Kernel,
            RawUnmatched::Drop => Self::Drop,
            RawUnmatched::Bridge => Self::Bridge,
        }
    }
}
