//! The section "failover" of this unit's configuration, checked.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use model::UnitRole;

/// How the unit finds out whether it is active. It has a cable, or at least one link, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailoverConfiguration {
    pub(super) role: Option<UnitRole>,
    pub(super) id: Option<u8>,
    pub(super) priority: u8,
    pub(super) listen: Duration,
    pub(super) preempt: Duration,
    pub(super) cable: Option<CableConfiguration>,
    pub(super) links: Vec<LinkConfiguration>,
    pub(super) probing: Probing,
    pub(super) targets: Vec<Target>,
}

/// The failover cable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CableConfiguration {
    pub(super) tty: PathBuf,
    pub(super) baud: u32,
    pub(super) beats: Beats,
}

/// A network link that heartbeats go over. Both ends are of one address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkConfiguration {
    /// This unit's end.
    pub local: SocketAddr,
    /// The other unit's end.
    pub peer: SocketAddr,
    /// How often, and how many may be missing.
    pub beats: Beats,
}

/// How often heartbeats go over a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beats {
    /// Time between two.
    pub interval: Duration,
    /// How many may be missing until the link counts as silent.
    pub misses: u32,
}

/// How targets are probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probing {
    /// Time between two probes of a target.
    pub interval: Duration,
    /// Probes without an answer after which a target counts as lost.
    pub falls: u32,
    /// Answers in a row after which it counts as reached again.
    pub rises: u32,
}

/// One thing that the unit has to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What it is.
    pub what: Reach,
    /// How much it counts where weights are compared: 1 to 1000.
    pub weight: u16,
    /// Whether a unit that does not reach it is worse than one that does.
    pub required: bool,
}

/// What can be reached, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// A host by its address, else by the first of its alternates that answers. All are of one address family.
    Host {
        /// Its address.
        address: IpAddr,
        /// Its other addresses.
        alternates: Vec<IpAddr>,
    },
    /// Any host of a subnet.
    Subnet(IpNet),
    /// A port's link, by the index of the port.
    Port(usize),
}

impl FailoverConfiguration {
    /// What the unit is configured to be; `None` if the cable's plug says it.
    pub const fn role(&self) -> Option<UnitRole> {
        self.role
    }

    /// What tells the units apart: 1 for a primary unit and 2 for a backup, unless it is configured.
    pub fn id(&self, role: UnitRole) -> u8 {
        self.id.unwrap_or(match role {
            UnitRole::Primary => 1,
            UnitRole::Backup => 2,
        })
    }

    /// Among units that could take over, the highest does.
    pub const fn priority(&self) -> u8 {
        self.priority
    }

    /// How long it listens for an active unit at its start: timer t1.
    pub const fn listen(&self) -> Duration {
        self.listen
    }

    /// How long it waits for the active unit to stand by: timer t3.
    pub const fn preempt(&self) -> Duration {
        self.preempt
    }

    /// The failover cable, if there is one.
    pub const fn cable(&self) -> Option<&CableConfiguration> {
        self.cable.as_ref()
    }

    /// The network links: up to [`model::limits::FAILOVER_LINKS`].
    pub fn links(&self) -> &[LinkConfiguration] {
        &self.links
    }

    /// How targets are probed.
    pub const fn probing(&self) -> Probing {
        self.probing
    }

    /// What the unit has to reach: up to [`model::limits::REACHABILITY_TARGETS`].
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }
}

impl CableConfiguration {
    /// The serial port, an absolute path.
    pub fn tty(&self) -> &Path {
        &self.tty
    }

    /// Bits a second, one of the usual ones.
    pub const fn baud(&self) -> u32 {
        self.baud
    }

    /// How often heartbeats go over it.
    pub const fn beats(&self) -> Beats {
        self.beats
    }
}
