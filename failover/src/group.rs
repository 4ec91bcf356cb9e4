//! What a unit remembers of one failover group.

use std::time::Duration;

use model::Instant;

use crate::damping::Damper;
use crate::journal::Cause;
use crate::machine::{State, Transition};
use crate::settings::GroupSettings;

/// Who was active last, as far as a standby knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leader {
    pub(crate) unit: u8,
    pub(crate) boot: u32,
}

/// A switch-over that this unit is accepting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HandOver {
    pub(crate) to: u8,
    /// Nothing is forwarded any more, and the other has heard of all.
    pub(crate) is_done: bool,
}

/// A standby is asked to take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) to: u8,
    pub(crate) is_forced: bool,
    pub(crate) until: Instant,
}

/// This unit listens because it was stalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fence {
    /// The others' beats count when they echo this sequence.
    pub(crate) sequence: u64,
    /// Somebody lived who could have taken over.
    pub(crate) had_peers: bool,
}

/// Something that has to last before it counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lasting(Option<Instant>);

impl Lasting {
    /// Whether `holds` has held for `duration`.
    pub(crate) fn has_held(&mut self, holds: bool, duration: Duration, now: Instant) -> bool {
        self.0 = if holds { self.0.or(Some(now)) } else { None };
        self.0.is_some_and(|since| now >= since + duration)
    }
}

/// One group of this unit.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) settings: GroupSettings,
    pub(crate) state: State,
    pub(crate) since: Instant,
    pub(crate) epoch: u32,
    /// When t1 (LISTEN) or t3 (PREEMPT) ends.
    pub(crate) timer: Option<Instant>,
    pub(crate) is_synchronized: bool,
    /// It was active, and nobody else since: its tables are as good as any.
    pub(crate) retains: bool,
    pub(crate) load_percent: u8,
    pub(crate) leader: Option<Leader>,
    /// When an active unit, or one about to be, was known last.
    pub(crate) led_at: Instant,
    pub(crate) hand_over: Option<HandOver>,
    pub(crate) ask: Option<Ask>,
    pub(crate) fence: Option<Fence>,
    /// The sequence of the first beat with the switch-over query.
    pub(crate) query_sequence: u64,
    /// ACTIVE: an operator chose this unit. PREEMPT: an operator wants it.
    pub(crate) is_chosen: bool,
    /// PREEMPT: whoever wants it insists.
    pub(crate) is_forced: bool,
    /// An operator lifted what the active unit says about its choice, in this epoch.
    pub(crate) lifted_epoch: Option<u32>,
    /// Two units are active, and this one stays so.
    pub(crate) is_dual: bool,
    pub(crate) better: Lasting,
    pub(crate) lighter: Lasting,
    /// The active unit lives, and this one is not synchronized with it.
    pub(crate) outdated: Lasting,
    pub(crate) damper: Damper,
    /// The cause for which the switch was begun.
    pub(crate) intent: Option<Cause>,
    pub(crate) last: Option<(Transition, Cause)>,
    /// What was ordered last: to be active.
    pub(crate) is_ordered_active: bool,
    /// It was ordered to stand by, and has not done so yet.
    pub(crate) is_leaving: bool,
}

impl Group {
    pub(crate) fn new(settings: GroupSettings, now: Instant) -> Self {
        Self {
            settings,
            state: State::Idle,
            since: now,
            epoch: 0,
            timer: None,
            is_synchronized: false,
            retains: false,
            load_percent: 0,
            leader: None,
            led_at: now,
            hand_over: None,
            ask: None,
            fence: None,
            query_sequence: 0,
            is_chosen: false,
            is_forced: false,
            lifted_epoch: None,
            is_dual: false,
            better: Lasting::default(),
            lighter: Lasting::default(),
            outdated: Lasting::default(),
            damper: Damper::new(settings.damping),
            intent: None,
            last: None,
            is_ordered_active: false,
            is_leaving: false,
        }
    }

    /// Whether its tables are good enough to be preferred in an election.
    pub(crate) const fn has_tables(&self) -> bool {
        self.is_synchronized || self.retains
    }
}
