//! Failover groups: what moves together from one unit of a pair to the other.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use model::MacAddress;

/// Virtual servers, and the addresses and MAC addresses that go with them, of which one unit at a time is the active
/// one. Each group has its own connections and its own state, so that each unit may be active for some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailoverGroup {
    pub(super) name: String,
    pub(super) primary: Option<String>,
    pub(super) strategy: SwitchStrategy,
    pub(super) compare: Comparison,
    pub(super) hold: Duration,
    pub(super) load_margin_percent: Option<u8>,
    pub(super) advertise: bool,
    /// By port, each port once.
    pub(super) shared_addresses: Vec<(String, Vec<IpNet>)>,
    /// By port, each port once.
    pub(super) macs: Vec<(String, MacAddress)>,
}

/// Who switches back to the primary unit when both units could be active (seed 002, the roles of its clusters).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SwitchStrategy {
    /// The pair itself, as soon as the primary unit is ready.
    Automatic,
    /// An operator.
    #[default]
    Manual,
}

/// How what each unit can reach is compared (seed 002, figure 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comparison {
    /// By the number of targets.
    Count,
    /// By the sum of the targets' weights.
    Weighted,
    /// By the required targets first, then by the sum of weights.
    #[default]
    Required,
}

impl FailoverGroup {
    /// The name of the group that there is where none is written.
    pub const DEFAULT_NAME: &str = "default";

    /// The time between two switches of the pair's own accord that is in effect where none is written.
    pub const HOLD_DEFAULT: Duration = Duration::from_secs(30);

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of the unit that is to be active when all else is equal, if one is preferred for this group.
    pub fn primary(&self) -> Option<&str> {
        self.primary.as_deref()
    }

    /// Who switches back to the primary unit.
    pub const fn strategy(&self) -> SwitchStrategy {
        self.strategy
    }

    /// How what each unit can reach is compared.
    pub const fn compare(&self) -> Comparison {
        self.compare
    }

    /// The least time between two switches that the pair makes of its own accord while both units live.
    pub const fn hold(&self) -> Duration {
        self.hold
    }

    /// How much less loaded the other unit has to be for the group to go there, in percentage points: 1 to 100. `None`
    /// leaves load out of it.
    pub const fn load_margin_percent(&self) -> Option<u8> {
        self.load_margin_percent
    }

    /// Whether the kernel has the virtual addresses while the group is active, so that a routing daemon advertises them.
    pub const fn advertises(&self) -> bool {
        self.advertise
    }

    /// The addresses that move with the group, by the name of the port that they are on, with their networks.
    pub fn shared_addresses(&self) -> impl Iterator<Item = (&str, &[IpNet])> {
        self.shared_addresses.iter().map(|(port, addresses)| (port.as_str(), addresses.as_slice()))
    }

    /// Those on one port.
    pub fn shared_addresses_on(&self, port: &str) -> &[IpNet] {
        self.shared_addresses().find(|&(name, _)| name == port).map_or(&[], |(_, addresses)| addresses)
    }

    /// The group's MAC addresses that are not to follow from the pair's key, by the name of the port.
    pub fn macs(&self) -> impl Iterator<Item = (&str, MacAddress)> {
        self.macs.iter().map(|&(ref port, mac)| (port.as_str(), mac))
    }

    /// That of one port.
    pub fn mac_on(&self, port: &str) -> Option<MacAddress> {
        self.macs().find(|&(name, _)| name == port).map(|(_, mac)| mac)
    }

    /// Whether the address moves with the group and is no virtual one.
    pub fn shares(&self, address: IpAddr) -> bool {
        self.shared_addresses().any(|(_, addresses)| addresses.iter().any(|shared| shared.addr() == address))
    }
}

impl Default for FailoverGroup {
    fn default() -> Self {
        Self {
            name: Self::DEFAULT_NAME.to_owned(),
            primary: None,
            strategy: SwitchStrategy::default(),
            compare: Comparison::default(),
            hold: Self::HOLD_DEFAULT,
            load_margin_percent: None,
            advertise: false,
            shared_addresses: Vec::new(),
            macs: Vec::new(),
        }
    }
}
