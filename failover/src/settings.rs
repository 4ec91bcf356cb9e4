//! What a monitor is told when it is made: the key, links, groups, targets and times.

use std::time::Duration;

use model::UnitRole;
use model::limits::{FAILOVER_GROUPS, FAILOVER_LINKS, REACHABILITY_TARGETS, UNITS};
use zeroize::Zeroize;

/// The secret that the units share. It is not shown, and wiped when it goes.
#[derive(Clone)]
pub struct MonitorKey([u8; 32]);

impl MonitorKey {
    /// The key with these bytes, which nobody else may know or guess.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for MonitorKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("MonitorKey(hidden)")
    }
}

impl Drop for MonitorKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// A way by which beats go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Link {
    /// The failover cable.
    Cable,
    /// A network link, by its place in [`Settings::links`].
    Network(usize),
}

/// The cable and all network links.
pub(crate) const LINKS: usize = 1 + FAILOVER_LINKS;

impl Link {
    /// Its place among all links; none if there are not so many.
    pub(crate) fn index(self) -> Option<usize> {
        match self {
            Self::Cable => Some(0),
            Self::Network(number) => number.checked_add(1).filter(|index| *index < LINKS),
        }
    }

    pub(crate) const fn at(index: usize) -> Self {
        match index.checked_sub(1) {
            None => Self::Cable,
            Some(number) => Self::Network(number),
        }
    }
}

/// How often beats go over a link, and how many may be missed. All units are to have the same for a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkSettings {
    /// Between two beats: 5 ms to 10 s.
    pub interval: Duration,
    /// The link is silent when so many intervals passed without a beat.
    pub misses: u32,
}

impl LinkSettings {
    /// What suits a local network: a unit that stops is found dead within 25 ms.
    pub const NETWORK: Self = Self { interval: Duration::from_millis(5), misses: 5 };

    /// What suits the cable at 115,200 baud, of which it takes a third. A cable that was working delays the verdict of
    /// the network links to 30 ms, and by the time that a beat takes on it if that was the last one to be sent; alone it
    /// finds a unit dead within 60 ms.
    pub const CABLE: Self = Self { interval: Duration::from_millis(20), misses: 3 };

    /// The silence after which the link counts as silent by itself.
    pub(crate) fn patience(self) -> Duration {
        self.interval.saturating_mul(self.misses)
    }

    /// The silence after which one beat is missing: the interval, and half of it (1 ms at least) for its way.
    pub(crate) fn overdue(self) -> Duration {
        self.interval + self.slack()
    }

    pub(crate) fn slack(self) -> Duration {
        (self.interval / 2).max(Duration::from_millis(1))
    }

    fn bounded(self) -> Self {
        let (least, most) = (Duration::from_millis(5), Duration::from_secs(10));
        Self { interval: self.interval.clamp(least, most), misses: self.misses.clamp(2, 100) }
    }
}

/// Whether a primary unit takes its group back when it is synchronized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// It does (seed 002, transition 346).
    Automatic,
    /// It waits for the operator.
    Manual,
}

/// Which of two units reaches more. With every function, what counts is what a unit can not reach of its own set, so
/// that sets of different sizes compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// The one that misses fewer targets.
    Count,
    /// The one whose missing targets weigh less.
    Weighted,
    /// The one that reaches all its required targets; if both or none do, by weight.
    Required,
}

/// How rarely units switch of their own accord (345, 346, and by load).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damping {
    /// The least time between two switches.
    pub hold: Duration,
    /// It doubles up to that with each switch that follows soon after the last.
    pub most: Duration,
}

/// When load decides who is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadSettings {
    /// A standby takes over when it is loaded less by so much.
    pub margin_percent: u8,
    /// For so long.
    pub hold: Duration,
}

/// One failover group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupSettings {
    /// What this unit is for the group.
    pub role: UnitRole,
    /// Whether a primary takes it back.
    pub strategy: Strategy,
    /// How reachability is compared.
    pub compare: Compare,
    /// How rarely units switch of their own accord.
    pub damping: Damping,
    /// Whether load decides.
    pub load: Option<LoadSettings>,
}

impl GroupSettings {
    /// A group that this unit is `role` for, and that is taken back by its primary.
    pub const fn new(role: UnitRole) -> Self {
        Self {
            role,
            strategy: Strategy::Automatic,
            compare: Compare::Required,
            damping: Damping { hold: Duration::from_secs(10), most: Duration::from_secs(600) },
            load: None,
        }
    }
}

/// Something that this unit should reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetSettings {
    /// How much it counts.
    pub weight: u16,
    /// Whether the unit is little worth without it.
    pub required: bool,
}

/// How targets are probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbingSettings {
    /// Between two probes of a target.
    pub interval: Duration,
    /// A probe has failed when it is not answered for so long.
    pub timeout: Duration,
    /// A target is down after so many failures in a row.
    pub falls: u32,
    /// It is up after so many answers in a row; the first answer of all counts at once.
    pub rises: u32,
}

/// All that a monitor is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The secret of the units.
    pub key: MonitorKey,
    /// This unit's number, distinct among the units.
    pub unit: u8,
    /// How many others there are: 1 for a pair. With 0 the unit stays in IDLE, and forwards.
    pub peers: usize,
    /// What the unit is, where no group says: for the status.
    pub role: UnitRole,
    /// Among standbys that are otherwise equal the highest takes over.
    pub priority: u8,
    /// The cable, if there is one.
    pub cable: Option<LinkSettings>,
    /// The network links.
    pub links: Vec<LinkSettings>,
    /// t1: how long a unit that starts listens for an active one.
    pub listen: Duration,
    /// t3: how long a unit that is to become active waits for the active one's answer.
    pub preempt: Duration,
    /// t4: how often an active unit sends beats over network links, where their interval is longer than that. (t2, the
    /// silence after which the active unit is dead, comes from the links.)
    pub update: Duration,
    /// The failover groups.
    pub groups: Vec<GroupSettings>,
    /// What this unit should reach.
    pub targets: Vec<TargetSettings>,
    /// How it looks.
    pub probing: ProbingSettings,
}

impl Settings {
    /// Settings of unit `unit` of a pair with one network link, one group, and no cable.
    pub fn new(key: MonitorKey, unit: u8, role: UnitRole) -> Self {
        Self {
            key,
            unit,
            peers: 1,
            role,
            priority: 100,
            cable: None,
            links: vec![LinkSettings::NETWORK],
            listen: Duration::from_secs(1),
            preempt: Duration::from_millis(500),
            update: LinkSettings::NETWORK.interval,
            groups: vec![GroupSettings::new(role)],
            targets: Vec::new(),
            probing: ProbingSettings {
                interval: Duration::from_millis(500),
                timeout: Duration::from_millis(250),
                falls: 3,
                rises: 3,
            },
        }
    }

    /// These settings with every number within its bounds.
    pub(crate) fn bounded(mut self) -> Self {
        self.peers = self.peers.min(UNITS - 1);
        self.cable = self.cable.map(LinkSettings::bounded);
        self.links.truncate(FAILOVER_LINKS);
        self.links.iter_mut().for_each(|link| *link = link.bounded());
        self.groups.truncate(FAILOVER_GROUPS);
        self.targets.truncate(REACHABILITY_TARGETS);
        self.update = self.update.max(Duration::from_millis(5));
        self.probing.interval = self.probing.interval.max(Duration::from_millis(1));
        self.probing.falls = self.probing.falls.max(1);
        self.probing.rises = self.probing.rises.max(1);
        self
    }

    /// The settings of the link at this place.
    pub(crate) fn link(&self, index: usize) -> Option<LinkSettings> {
        match index.checked_sub(1) {
            None => self.cable,
            Some(number) => self.links.get(number).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_not_shown() {
        let settings = Settings::new(MonitorKey::new([0xab; 32]), 1, UnitRole::Primary);
        let text = format!("{settings:?}");
        assert!(text.contains("hidden") && !text.contains("171"));
    }

    #[test]
    fn links_and_their_places() {
        for index in 0..LINKS {
            assert_eq!(Link::at(index).index(), Some(index));
        }
        assert_eq!(Link::Network(FAILOVER_LINKS).index(), None);
        assert_eq!(Link::Network(usize::MAX).index(), None);
    }
}
