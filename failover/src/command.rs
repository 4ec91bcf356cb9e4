//! What an operator may want, and why it may be refused.

use std::cmp::Ordering;

use model::Instant;

use crate::journal::Cause;
use crate::machine::{Event, State};
use crate::monitor::Monitor;

/// An operator's command, for one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// This unit is to be active (347).
    Active {
        /// Even if connections are lost by it.
        force: bool,
    },
    /// This unit is to stand by: the best standby is asked to take over.
    StandBy {
        /// Even if connections are lost by it.
        force: bool,
    },
    /// Forget past switches, so that damping forbids none, and that an operator chose the active unit.
    Reset,
}

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such group.
    #[error("there is no failover group {0}")]
    UnknownGroup(usize),
    /// Nothing to do.
    #[error("this unit is active already")]
    AlreadyActive,
    /// Nothing to do.
    #[error("this unit stands by already; see `show failover` for the active one")]
    AlreadyStandby,
    /// One thing at a time.
    #[error("this unit is taking over already; see `show failover`")]
    Switching,
    /// It does not know yet who is active.
    #[error("this unit still listens whether another one is active; wait for it, or use --force")]
    Listening,
    /// A planned switch needs an active unit.
    #[error("no active unit is heard; this unit takes over by itself when it is sure that none lives")]
    NoActive,
    /// A planned switch needs a standby.
    #[error("no other unit stands by that could take over and hears this one")]
    NoStandby,
    /// No other unit is configured.
    #[error("no other unit is configured")]
    Alone,
    /// Connections would be lost.
    #[error(
        "this unit is not synchronized, and connections would be lost; wait until `show failover` says that it is, or use --force"
    )]
    NotSynchronized,
    /// Connections would be lost.
    #[error(
        "unit {0}, which would take over, is not synchronized, and connections would be lost; wait until it is, or use --force"
    )]
    StandbyNotSynchronized(u8),
    /// It would be switched back.
    #[error(
        "unit {0} reaches less than the active unit and would be switched back; repair that first, or use --force"
    )]
    ReachesLess(u8),
    /// The active unit could not give way.
    #[error("the active unit does not hear this one; repair the links, or use --force")]
    Unheard,
    /// This unit is no good.
    #[error("a worker of this unit does not turn; restart it")]
    Faulty,
}

impl Monitor {
    /// Carries out an operator's command, or says why not and what would be right.
    ///
    /// # Errors
    ///
    /// See [`Refusal`]. Force helps against what costs connections, not against what is impossible.
    pub fn command(&mut self, now: Instant, group: usize, command: Command) -> Result<(), Refusal> {
        if group >= self.group_count() {
            return Err(Refusal::UnknownGroup(group));
        }
        match command {
            Command::Active { force } => self.command_active(now, group, force),
            Command::StandBy { force } => self.command_stand_by(now, group, force),
            Command::Reset => {
                self.reset(now, group);
                Ok(())
            }
        }
    }

    fn command_active(&mut self, now: Instant, group: usize, force: bool) -> Result<(), Refusal> {
        match self.state(group) {
            State::Idle | State::Active => return Err(Refusal::AlreadyActive),
            State::Preempt => return Err(Refusal::Switching),
            State::Listen if force => {}
            State::Listen => return Err(Refusal::Listening),
            State::Standby => self.check_active(now, group, force)?,
        }
        if self.happen(now, group, Event::Command, Cause::Command, force) {
            Ok(())
        } else {
            Err(Refusal::NotSynchronized)
        }
    }

    fn check_active(&self, now: Instant, group: usize, force: bool) -> Result<(), Refusal> {
        let (peer, _) = self.leader(group).ok_or(Refusal::NoActive)?;
        let facts = self.facts(group, force, now);
        if force {
            return Ok(());
        }
        if self.is_faulty() {
            return Err(Refusal::Faulty);
        }
        if !facts.is_synchronized {
            return Err(Refusal::NotSynchronized);
        }
        if !facts.is_heard {
            return Err(Refusal::Unheard);
        }
        if self.compare_reachability(group, peer) == Ordering::Less {
            return Err(Refusal::ReachesLess(self.unit()));
        }
        Ok(())
    }

    fn command_stand_by(&mut self, now: Instant, group: usize, force: bool) -> Result<(), Refusal> {
        match self.state(group) {
            State::Idle => return Err(Refusal::Alone),
            State::Listen | State::Standby => return Err(Refusal::AlreadyStandby),
            State::Preempt => return Err(Refusal::Switching),
            State::Active => {}
        }
        let (peer, beat) = self.successor(group).ok_or(Refusal::NoStandby)?;
        if !force && !beat.is_synchronized {
            return Err(Refusal::StandbyNotSynchronized(peer.unit));
        }
        if !force && self.compare_reachability(group, peer) == Ordering::Greater {
            return Err(Refusal::ReachesLess(peer.unit));
        }
        if self.happen(now, group, Event::StandByCommand, Cause::Command, force) {
            Ok(())
        } else {
            Err(Refusal::NoStandby)
        }
    }
}
