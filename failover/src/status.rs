//! All that an operator may want to know about failover.

use std::time::Duration;

use model::{CableStatus, ConfigurationMark, Instant, UnitRole};

use crate::journal::Cause;
use crate::machine::{State, SubState, Transition};
use crate::reachability::{Score, Target};
use crate::rejection::Rejections;
use crate::settings::{GroupSettings, Link, TargetSettings};

/// This unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitStatus {
    /// Its number.
    pub unit: u8,
    /// The random number of this start.
    pub boot: u32,
    /// What it is configured to be.
    pub role: UnitRole,
    /// Its priority.
    pub priority: u8,
    /// Why it is faulty, if it is.
    pub fault: Option<&'static str>,
    /// Its configuration.
    pub mark: ConfigurationMark,
    /// What it reaches.
    pub score: Score,
}

/// A link to another unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkStatus {
    /// The link.
    pub link: Link,
    /// Whether the unit is heard on it.
    pub is_alive: bool,
    /// The unit is heard on it, and says that it does not hear this one.
    pub is_one_way: bool,
    /// How long nothing was heard; none if nothing ever was.
    pub silence: Option<Duration>,
    /// Beats received.
    pub beats: u64,
    /// How often it fell silent while the unit lived.
    pub losses: u64,
}

/// A group, as another unit sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerGroupStatus {
    /// Its state.
    pub state: State,
    /// Whether it is being synchronized.
    pub sub_state: Option<SubState>,
    /// What it is for the group.
    pub role: UnitRole,
    /// Its epoch.
    pub epoch: u32,
    /// Whether its tables are good.
    pub is_synchronized: bool,
    /// Its load.
    pub load_percent: u8,
}

/// Another unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    /// Its number.
    pub unit: u8,
    /// The random number of its start.
    pub boot: u32,
    /// Its priority.
    pub priority: u8,
    /// Whether it is heard.
    pub is_alive: bool,
    /// Since when.
    pub since: Instant,
    /// Why it is dead, if it is.
    pub death: Option<Cause>,
    /// It says that one of its workers does not turn.
    pub is_faulty: bool,
    /// It says that it hears this unit, on some link.
    pub hears_us: bool,
    /// How long it waits before it takes this unit for dead.
    pub patience: Duration,
    /// Its configuration.
    pub mark: ConfigurationMark,
    /// What it reaches.
    pub score: Score,
    /// Its groups.
    pub groups: Vec<PeerGroupStatus>,
    /// The links to it.
    pub links: Vec<LinkStatus>,
}

/// A group of this unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupStatus {
    /// Its state.
    pub state: State,
    /// Whether it is being synchronized, or synchronizes a standby.
    pub sub_state: Option<SubState>,
    /// How it is configured.
    pub settings: GroupSettings,
    /// Counts activations, over all units.
    pub epoch: u32,
    /// Since when it is in this state.
    pub since: Instant,
    /// What is left of t1 (LISTEN) or t3 (PREEMPT).
    pub timer_left: Option<Duration>,
    /// What is left of t2, if nothing is heard until then.
    pub silence_left: Option<Duration>,
    /// How long damping forbids a switch of own accord.
    pub rest: Duration,
    /// The last transition, and why.
    pub last: Option<(Transition, Cause)>,
    /// Whether tables are equal.
    pub is_synchronized: bool,
    /// An operator chose this unit to be active.
    pub is_chosen: bool,
    /// It gives way, and its last updates are not through.
    pub is_draining: bool,
    /// Its load.
    pub load_percent: u8,
    /// Until when workers may forward.
    pub lease: Instant,
}

/// A target of this unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetStatus {
    /// How it is configured.
    pub settings: TargetSettings,
    /// Whether it is reached.
    pub is_up: bool,
    /// Probes that were answered.
    pub answers: u64,
    /// Probes that were not.
    pub failures: u64,
}

impl TargetStatus {
    pub(crate) const fn of(target: &Target) -> Self {
        Self {
            settings: target.settings,
            is_up: target.is_up,
            answers: target.answers,
            failures: target.failures,
        }
    }
}

/// Failover, as this unit sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// This unit.
    pub unit: UnitStatus,
    /// The others.
    pub peers: Vec<PeerStatus>,
    /// The groups.
    pub groups: Vec<GroupStatus>,
    /// What the cable's lines say.
    pub cable: CableStatus,
    /// What this unit should reach.
    pub targets: Vec<TargetStatus>,
    /// Beats sent, by link.
    pub beats_sent: Vec<(Link, u64)>,
    /// Beats that were not taken, by reason.
    pub rejected: Rejections,
}
