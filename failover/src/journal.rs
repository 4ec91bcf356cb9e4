//! What was decided, and on which inputs: so that an operator can see afterwards why the units switched, or did not.

use std::collections::VecDeque;
use std::time::Duration;

use model::{CableStatus, Instant};

use crate::machine::{State, Transition};
use crate::reachability::Score;
use crate::settings::Link;

/// Entries that are kept.
const ENTRIES: usize = 256;

model::reasons! {
    /// Why a group changed its state.
    pub enum Cause;

    /// The unit started.
    Started = "started";
    /// No other unit is configured.
    Alone = "alone";
    /// Another unit is active.
    ActiveHeard = "active_heard";
    /// A unit that does not hear this one says that it is active.
    Unproven = "unproven";
    /// No unit was active for as long as this one listened.
    NobodyActive = "nobody_active";
    /// The active unit gave way.
    Accepted = "accepted";
    /// The active unit did not answer.
    NoAnswer = "no_answer";
    /// The active unit lives, and did not hear the query.
    Unheard = "unheard";
    /// The active unit fell silent on all links.
    Silence = "silence";
    /// The active unit's end of the cable lost its power, and a beat was missed.
    PowerOff = "power_off";
    /// The active unit was started anew: what it knew is lost.
    Restarted = "restarted";
    /// This unit reaches more than the active one.
    Reachability = "reachability";
    /// This unit has less load than the active one.
    Load = "load";
    /// This unit is the primary one, and is synchronized.
    Primary = "primary";
    /// An operator wants it.
    Command = "command";
    /// The active unit asked for it.
    Asked = "asked";
    /// A worker of the active unit does not turn.
    Fault = "fault";
    /// A standby takes over.
    Query = "query";
    /// This unit was stalled for longer than the other's patience.
    Stalled = "stalled";
    /// Nobody took over while this unit was stalled.
    Resumed = "resumed";
    /// Two units were active.
    DualActive = "dual_active";
    /// A third unit became active first.
    Superseded = "superseded";
}

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A group changed its state, or asked for it.
    Transition {
        /// The group.
        group: usize,
        /// The transition.
        transition: Transition,
        /// Before.
        from: State,
        /// After.
        to: State,
        /// Why.
        cause: Cause,
    },
    /// A beat came from a unit that was not there.
    UnitFound {
        /// The unit.
        unit: u8,
    },
    /// All links of a unit are silent.
    UnitDead {
        /// The unit.
        unit: u8,
        /// Silence, power off, or a new start.
        cause: Cause,
    },
    /// A link to a unit that lives fell silent.
    LinkLost {
        /// The unit.
        unit: u8,
        /// The link.
        link: Link,
    },
    /// A link that was silent brings beats again.
    LinkFound {
        /// The unit.
        unit: u8,
        /// The link.
        link: Link,
    },
    /// The other unit does not hear this one on a link on which it is heard.
    OneWay {
        /// The unit.
        unit: u8,
        /// The link.
        link: Link,
    },
    /// The cable's lines changed.
    Cable {
        /// What they said before.
        before: CableStatus,
    },
    /// This unit did not look for so long.
    Stall {
        /// How long.
        duration: Duration,
    },
    /// A worker of this unit stopped, or turns again.
    Fault {
        /// What is wrong; none if nothing is any more.
        fault: Option<&'static str>,
    },
    /// An operator made the group forget its switches, so that it may switch again.
    Reset {
        /// The group.
        group: usize,
    },
}

/// A link, as it was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkInput {
    /// The link.
    pub link: Link,
    /// How long it had been silent.
    pub silence: Duration,
}

/// Another unit, as it was known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInput {
    /// Its number.
    pub unit: u8,
    /// Whether it lived.
    pub is_alive: bool,
    /// What it did for the group.
    pub state: Option<State>,
    /// In which epoch.
    pub epoch: u32,
    /// Whether it was synchronized.
    pub is_synchronized: bool,
    /// What it reached.
    pub score: Score,
    /// Who was heard when, on which link.
    pub links: Vec<LinkInput>,
}

/// What was known when it was decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// The other units.
    pub peers: Vec<PeerInput>,
    /// The cable.
    pub cable: CableStatus,
    /// Whether this unit was synchronized.
    pub is_synchronized: bool,
    /// What this unit reached.
    pub score: Score,
    /// The group's epoch.
    pub epoch: u32,
    /// What was left of t1 or t3.
    pub timer: Option<Duration>,
    /// How long damping forbade a switch.
    pub rest: Duration,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counts from 1, over those that are forgotten, too.
    pub number: u64,
    /// When.
    pub at: Instant,
    /// What happened.
    pub what: What,
    /// On which inputs.
    pub inputs: Inputs,
}

/// The entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal {
    entries: VecDeque<Entry>,
    count: u64,
}

impl Journal {
    pub(crate) fn add(&mut self, at: Instant, what: What, inputs: Inputs) {
        if self.entries.len() == ENTRIES {
            self.entries.pop_front();
        }
        self.count += 1;
        self.entries.push_back(Entry { number: self.count, at, what, inputs });
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_and_numbers_stay() {
        let mut journal = Journal::default();
        for group in 0..300 {
            journal.add(Instant::START, What::Reset { group }, Inputs::default());
        }
        let numbers: Vec<_> = journal.iter().map(|entry| entry.number).collect();
        assert_eq!((numbers.len(), numbers.first(), numbers.last()), (256, Some(&45), Some(&300)));
    }
}
