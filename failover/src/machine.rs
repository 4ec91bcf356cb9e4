//! Seed 002's state machine (its figure 3), as one table that can be held against the seed's list. One machine runs for
//! each failover group.
//!
//! This only says which transition an event makes; whether the event has happened, and what an action does, is said in
//! `monitor`. Nothing changes a group's state but a row of this table.

/// The states. The seed's number is [`State::number`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// No other unit is configured. This one forwards by itself.
    Idle,
    /// It looks for a unit that is active already, and forwards nothing.
    Listen,
    /// It has told the active unit that it takes over, and waits for the answer.
    Preempt,
    /// It forwards nothing, and follows the active unit.
    Standby,
    /// It forwards.
    Active,
}

impl State {
    /// All states, in the seed's order.
    pub const ALL: [Self; 5] = [Self::Idle, Self::Listen, Self::Preempt, Self::Standby, Self::Active];

    /// The seed's number.
    pub const fn number(self) -> u16 {
        match self {
            Self::Idle => 310,
            Self::Listen => 320,
            Self::Preempt => 330,
            Self::Standby => 340,
            Self::Active => 350,
        }
    }

    /// The word for operators.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Listen => "listen",
            Self::Preempt => "preempt",
            Self::Standby => "standby",
            Self::Active => "active",
        }
    }
}

/// The sub-states 360 and 370.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubState {
    /// 360: this standby is being synchronized by the active unit.
    SyncIn,
    /// 370: this active unit is synchronizing a standby.
    SyncOut,
}

impl SubState {
    /// The word for operators.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SyncIn => "sync-in",
            Self::SyncOut => "sync-out",
        }
    }
}

/// What can happen to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A configuration with other units takes effect.
    Start,
    /// An active unit is heard.
    ActiveHeard,
    /// A unit says that it is active that does not hear this one, and so can not prove that it says so now.
    ActiveUnproven,
    /// t1 has passed, or what is left of it is not needed.
    ListenOver,
    /// The active unit has accepted the switch-over: it forwards nothing any more.
    Accepted,
    /// t3 has passed.
    AnswerOver,
    /// t3 has passed, and the active unit lives and did not hear the query.
    Unheard,
    /// By reachability or load this unit is strictly better than the active one, and has been for long enough.
    Better,
    /// This standby is synchronized, and so could take over.
    Synchronized,
    /// An operator wants this unit to be active: here, or by asking at the active unit; or the active unit is faulty.
    Command,
    /// t2 has passed: the active unit is dead, or was, or nobody is active any more.
    ActiveSilent,
    /// A standby says that it takes over.
    Query,
    /// This unit was stalled for longer than its peer's patience.
    Stalled,
    /// After a stall, all others say that they have not taken over.
    PeerStandsBy,
    /// Another unit is active, too.
    DualActive,
    /// While this unit waited for the answer, a third one became active.
    Superseded,
    /// An operator wants this unit to stand by.
    StandByCommand,
    /// A worker of this unit does not turn.
    Fault,
}

/// What must hold for a transition, beside the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Guard {
    /// The tables are equal to the active unit's.
    Synchronized,
    /// They are, or whoever wants the switch insists.
    SynchronizedOrForced,
    /// No unit that lives would be a better active one: synchronized ones first, then by role, priority and number.
    Best,
    /// The unit is primary for the group, the strategy is automatic, and nothing speaks against it.
    Preferred,
    /// The damping of switches permits one.
    Calm,
    /// The active unit hears this one, as it said last.
    Heard,
    /// The active unit is dead, or has heard the query: it does not go on by itself.
    Warned,
    /// The other has a higher (epoch, role, priority, lower number), or can not hear this one.
    Outranked,
    /// Somebody lives who could take over.
    Successor,
}

/// The facts that guards are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// See [`Guard::Synchronized`].
    pub is_synchronized: bool,
    /// See [`Guard::SynchronizedOrForced`].
    pub is_forced: bool,
    /// See [`Guard::Best`].
    pub is_best: bool,
    /// See [`Guard::Preferred`].
    pub is_preferred: bool,
    /// See [`Guard::Calm`].
    pub is_calm: bool,
    /// See [`Guard::Heard`].
    pub is_heard: bool,
    /// See [`Guard::Warned`].
    pub is_warned: bool,
    /// See [`Guard::Outranked`].
    pub is_outranked: bool,
    /// See [`Guard::Successor`].
    pub has_successor: bool,
}

impl Guard {
    /// Whether it holds.
    pub const fn holds(self, facts: &Facts) -> bool {
        match self {
            Self::Synchronized => facts.is_synchronized,
            Self::SynchronizedOrForced => facts.is_synchronized || facts.is_forced,
            Self::Best => facts.is_best,
            Self::Preferred => facts.is_preferred,
            Self::Calm => facts.is_calm,
            Self::Heard => facts.is_heard || facts.is_forced,
            Self::Warned => facts.is_warned || facts.is_forced,
            Self::Outranked => facts.is_outranked,
            Self::Successor => facts.has_successor,
        }
    }
}

/// What is done with a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// 311: no beats are taken; the addresses are this unit's.
    StandAlone,
    /// 321: beats are taken; the addresses are not this unit's; t1 starts.
    StartListening,
    /// 331: the switch-over query is sent; t3 starts.
    SendQuery,
    /// 341: t2 starts; what the active unit tells is installed.
    FollowActive,
    /// 351: t4 starts; updates and beats are sent.
    SendUpdates,
    /// With 325: synchronization is asked for; the sub-state is SYNC-IN.
    RequestSynchronization,
    /// With 326, 335, 348: gratuitous ARP, advertising; the epoch is raised.
    TakeAddresses,
    /// With 355: the answer, which is given when nothing is forwarded any more.
    AcceptQuery,
    /// Ours: the lease is over, nothing is forwarded any more.
    StopForwarding,
    /// Ours: the best standby is asked to take over.
    AskSuccessor,
}

/// The transitions: the seed's by their numbers, and ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transition {
    /// One of the seed's.
    Seed(u16),
    /// Ours: this unit was stalled, so that another may be active by now.
    Fenced,
    /// Ours: it was not so, this unit goes on.
    Resumed,
    /// Ours: t1 starts anew, since another unit may be active.
    Unproven,
    /// Ours: of two active units the lower one gives way at once.
    Yield,
    /// Ours: a third unit was faster.
    Superseded,
    /// Ours: the active unit lives, and was not reached.
    Unheard,
    /// Ours: the operator makes this unit ask a standby to take over.
    StandBy,
    /// Ours: a faulty unit asks a standby to take over.
    Fault,
}

impl std::fmt::Display for Transition {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Seed(number) => write!(formatter, "{number}"),
            Self::Fenced => formatter.write_str("FENCED"),
            Self::Resumed => formatter.write_str("RESUMED"),
            Self::Unproven => formatter.write_str("UNPROVEN"),
            Self::Yield => formatter.write_str("YIELD"),
            Self::Superseded => formatter.write_str("SUPERSEDED"),
            Self::Unheard => formatter.write_str("UNHEARD"),
            Self::StandBy => formatter.write_str("STAND_BY"),
            Self::Fault => formatter.write_str("FAULT"),
        }
    }
}

/// One transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number.
    pub transition: Transition,
    /// In this state
    pub from: State,
    /// when this happens
    pub event: Event,
    /// and all this holds,
    pub guards: &'static [Guard],
    /// the group goes to this state
    pub to: State,
    /// and this is done.
    pub actions: &'static [Action],
}

/// The state and actions that `event` leads to; none if it changes nothing.
pub fn step(state: State, event: Event, facts: &Facts) -> Option<&'static Row> {
    TABLE.iter().find(|row| {
        row.from == state && row.event == event && row.guards.iter().all(|guard| guard.holds(facts))
    })
}

const fn row(
    transition: Transition,
    from: State,
    event: Event,
    guards: &'static [Guard],
    to: State,
    actions: &'static [Action],
) -> Row {
    Row { transition, from, event, guards, to, actions }
}

use Action::*;
use Event as On;
use State::*;
use Transition::Seed;

/// All transitions.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    // The seed's. A guard that the seed does not name is said to be ours.
    row(Seed(315), Idle, On::Start, &[], Listen, &[StartListening]),
    row(Seed(325), Listen, On::ActiveHeard, &[], Standby, &[FollowActive, RequestSynchronization]),
    // Best is ours: with several units, one is elected.
    row(Seed(326), Listen, On::ListenOver, &[Guard::Best], Active, &[SendUpdates, TakeAddresses]),
    row(Seed(335), Preempt, On::Accepted, &[], Active, &[SendUpdates, TakeAddresses]),
    // Warned is ours: one that lives and has not heard the query goes on forwarding.
    row(Seed(335), Preempt, On::AnswerOver, &[Guard::Warned], Active, &[SendUpdates, TakeAddresses]),
    // The active unit dies while it is asked: there is no answer to wait for, unless another takes over, too.
    row(Seed(335), Preempt, On::ActiveSilent, &[Guard::Best], Active, &[SendUpdates, TakeAddresses]),
    // Calm and Heard are ours: damping; and an active unit that does not hear this one could not give way.
    row(Seed(345), Standby, On::Better, &[Guard::Synchronized, Guard::Calm, Guard::Heard], Preempt, &[SendQuery]),
    row(Seed(346), Standby, On::Synchronized, &[Guard::Synchronized, Guard::Preferred, Guard::Calm, Guard::Heard], Preempt, &[SendQuery]),
    row(Seed(347), Standby, On::Command, &[Guard::SynchronizedOrForced, Guard::Heard], Preempt, &[SendQuery]),
    // Best is ours, as with 326.
    row(Seed(348), Standby, On::ActiveSilent, &[Guard::Best], Active, &[SendUpdates, TakeAddresses]),
    row(Seed(355), Active, On::Query, &[], Standby, &[StopForwarding, AcceptQuery, FollowActive]),
    // Ours, beyond the seed.
    // An operator who insists does not wait for t1.
    row(Seed(326), Listen, On::Command, &[Guard::SynchronizedOrForced], Active, &[SendUpdates, TakeAddresses]),
    row(Transition::Unproven, Listen, On::ActiveUnproven, &[], Listen, &[StartListening]),
    row(Transition::Fenced, Active, On::Stalled, &[], Listen, &[StopForwarding, StartListening]),
    row(Transition::Resumed, Listen, On::PeerStandsBy, &[], Active, &[SendUpdates, TakeAddresses]),
    row(Transition::Yield, Active, On::DualActive, &[Guard::Outranked], Standby, &[StopForwarding, FollowActive, RequestSynchronization]),
    row(Transition::Unheard, Preempt, On::Unheard, &[], Standby, &[FollowActive]),
    row(Transition::Superseded, Preempt, On::Superseded, &[], Standby, &[FollowActive]),
    row(Transition::StandBy, Active, On::StandByCommand, &[Guard::SynchronizedOrForced, Guard::Successor], Active, &[AskSuccessor]),
    row(Transition::Fault, Active, On::Fault, &[Guard::SynchronizedOrForced, Guard::Successor], Active, &[AskSuccessor]),
];

#[cfg(test)]
mod tests;
