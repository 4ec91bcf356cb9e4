//! Having the units of a pair change places.
//!
//! Where the monitor decides, it is asked; where nobody does, the unit does as it is told.

use std::time::Duration;

use ::failover::Refusal;
use crossbeam::channel::RecvTimeoutError;
use model::UnitState;

use super::failover_report::{RehearsalReport, SwitchReport};
use super::inspection::{GroupOfPair, Inspection};
use super::protocol::{Action, ErrorKind, FailoverRequest, Outcome};
use super::stop::Stop;
use crate::failover::{MonitorHandle, RequestError};
use crate::platform;

/// How long a change of state may take: workers have to carry out what the peer told before, and the other unit has to stop.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two looks whether it is done.
const PAUSE: Duration = Duration::from_micros(100);

/// How long the other unit forwards in a rehearsal, so that its neighbours' packets have found it.
const REHEARSAL: Duration = Duration::from_secs(2);

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum FailoverError {
    #[error("the unit is of no pair; write \"replication\" in unit.json to give it a peer")]
    Alone,
    #[error("the unit has no failover group {0:?}; `understudy show failover` lists them")]
    UnknownGroup(String),
    #[error(
        "this unit does as it is told; write \"failover\" in unit.json, so that the units find out who is active"
    )]
    NotAutomatic,
    #[error(transparent)]
    Monitor(#[from] RequestError),
    #[error("not all workers are {} after {PATIENCE:?}; look at show failover", .0.name())]
    Unfinished(UnitState),
    #[error("a rehearsal begins on the active unit, which this one is not for group {0:?}")]
    NotActive(String),
    #[error("the standby does not have all connections of group {0:?} yet; look at show replication")]
    NotSynchronized(String),
    #[error(
        "the units did not come to have the same connections in time, so the other one keeps group {0:?}; when show failover \
         says that this one is synchronized: `understudy failover active`"
    )]
    StaysAway(String),
    #[error("the unit is being stopped")]
    Stopping,
}

impl FailoverError {
    pub(super) const fn kind(&self) -> ErrorKind {
        match self {
            Self::Alone => ErrorKind::Alone,
            Self::Unfinished(_) => ErrorKind::Unfinished,
            Self::Stopping => ErrorKind::Stopping,
            Self::Monitor(RequestError::Silent) => ErrorKind::WorkerSilent,
            Self::UnknownGroup(_)
            | Self::NotAutomatic
            | Self::Monitor(RequestError::Refused(_))
            | Self::NotActive(_)
            | Self::NotSynchronized(_)
            | Self::StaysAway(_) => ErrorKind::Refused,
        }
    }
}

/// Carries out what was asked.
pub(super) fn carry_out(
    inspection: &Inspection,
    request: &FailoverRequest,
    stop: &Stop,
) -> Result<Outcome, FailoverError> {
    let groups = chosen(inspection, request.group.as_deref())?;
    let commander = Commander { inspection, force: request.force, stop };
    match request.action {
        Action::Active => commander.switch_all(&groups, UnitState::Active),
        Action::Standby => commander.switch_all(&groups, UnitState::Standby),
        Action::Reset => {
            for &group in &groups {
                commander.monitor()?.command(group, failover::Command::Reset)?;
            }
            Ok(Outcome::Reset(groups.iter().map(|&group| commander.name(group)).collect()))
        }
        Action::Rehearse => {
            let rehearse = |&group| commander.rehearse(group);
            Ok(Outcome::Rehearsed(groups.iter().map(rehearse).collect::<Result<_, _>>()?))
        }
    }
}

/// The groups with that name, or all.
fn chosen(inspection: &Inspection, name: Option<&str>) -> Result<Vec<usize>, FailoverError> {
    let director = inspection.running.director();
    let groups = director.groups().iter().enumerate();
    let chosen = groups.filter(|(_, group)| name.is_none_or(|name| name == group.name()));
    let chosen: Vec<usize> = chosen.map(|(index, _)| index).collect();
    match name {
        Some(name) if chosen.is_empty() => Err(FailoverError::UnknownGroup(name.to_owned())),
        _ => Ok(chosen),
    }
}

/// Gives commands, and waits until they are carried out.
struct Commander<'a> {
    inspection: &'a Inspection,
    force: bool,
    stop: &'a Stop,
}

impl Commander<'_> {
    fn name(&self, group: usize) -> String {
        let director = self.inspection.running.director();
        director.groups().get(group).map_or_else(String::new, |group| group.name().to_owned())
    }

    fn monitor(&self) -> Result<&MonitorHandle, FailoverError> {
        self.inspection.monitor.as_ref().ok_or(FailoverError::NotAutomatic)
    }

    fn pair(&self, group: usize) -> Result<&GroupOfPair, FailoverError> {
        let pair = self.inspection.pair.as_ref().ok_or(FailoverError::Alone)?;
        pair.groups.get(group).ok_or(FailoverError::Alone)
    }

    fn switch_all(&self, groups: &[usize], state: UnitState) -> Result<Outcome, FailoverError> {
        let reports = groups.iter().map(|&group| self.switch(group, state));
        Ok(Outcome::Switched(reports.collect::<Result<_, _>>()?))
    }

    /// Has the unit go to `state`, and waits until all workers are there.
    fn switch(&self, group: usize, state: UnitState) -> Result<SwitchReport, FailoverError> {
        let pair = self.pair(group)?;
        let started = platform::now();
        let (before, peer, agreed_at) = (pair.switch.current(), pair.peer_state(), pair.agreed_at());
        match &self.inspection.monitor {
            Some(monitor) => unless_there(monitor.command(group, command(state, self.force)))?,
            None => pair.switch.want(state),
        }
        self.wait_until(state, || pair.switch.is_complete(state))?;
        let took = platform::now().since(started);
        Ok(SwitchReport {
            group: self.name(group),
            state: state.into(),
            before: before.into(),
            connections: self.inspection.connections_of(group),
            took_us: microseconds(took),
            peer: peer.map(Into::into),
            agreed_ms: agreed_at.and_then(|at| u64::try_from(started.since(at).as_millis()).ok()),
        })
    }

    fn wait_until(&self, state: UnitState, is_done: impl Fn() -> bool) -> Result<(), FailoverError> {
        let until = platform::now() + PATIENCE;
        while !is_done() {
            if platform::now() > until {
                return Err(FailoverError::Unfinished(state));
            }
            self.pause(PAUSE)?;
        }
        Ok(())
    }

    /// Nothing is ever sent: it is a pause that the stop ends.
    fn pause(&self, pause: Duration) -> Result<(), FailoverError> {
        match self.stop.channel().recv_timeout(pause) {
            Err(RecvTimeoutError::Disconnected) => Err(FailoverError::Stopping),
            _ => Ok(()),
        }
    }

    /// The other unit forwards for a moment, then this one again.
    fn rehearse(&self, group: usize) -> Result<RehearsalReport, FailoverError> {
        let pair = self.pair(group)?;
        let monitor = self.monitor()?;
        if pair.switch.current() != UnitState::Active {
            return Err(FailoverError::NotActive(self.name(group)));
        }
        if !pair.switch.is_synchronized() && !self.force {
            return Err(FailoverError::NotSynchronized(self.name(group)));
        }
        let connections = self.inspection.connections_of(group);
        let there = self.cross(group, UnitState::Standby, || monitor.is_peer_active(group))?;
        self.pause(REHEARSAL)?;
        let is_synchronized = self.wait_until(UnitState::Active, || pair.switch.is_synchronized());
        is_synchronized.map_err(|_| FailoverError::StaysAway(self.name(group)))?;
        let back = self.cross(group, UnitState::Active, || pair.switch.is_complete(UnitState::Active))?;
        Ok(RehearsalReport {
            group: self.name(group),
            connections,
            unknown: there.unknown + back.unknown,
            took_us: [there.took_us, back.took_us],
            passed_on: there.passed_on + back.passed_on,
            lost: there.lost + back.lost,
        })
    }

    /// Switches, and returns what that cost, as this unit can tell.
    fn cross(
        &self,
        group: usize,
        state: UnitState,
        is_done: impl Fn() -> bool,
    ) -> Result<Crossing, FailoverError> {
        // Equal digests prove it; counts may be as old as a second.
        let is_synchronized = self.pair(group)?.switch.is_synchronized();
        let unknown = self.inspection.would_break(group, platform::now()).filter(|_| !is_synchronized);
        let before = self.inspection.handed_over();
        let began = platform::now();
        if !is_done() {
            self.monitor()?.command(group, command(state, self.force))?;
        }
        self.wait_until(state, is_done)?;
        let after = self.inspection.handed_over();
        Ok(Crossing {
            took_us: microseconds(platform::now().since(began)),
            unknown: unknown.unwrap_or_default(),
            passed_on: after.passed_on.saturating_sub(before.passed_on),
            lost: after.lost.saturating_sub(before.lost),
        })
    }
}

/// What a switch cost.
struct Crossing {
    took_us: u64,
    /// Connections that the unit that took over did not have.
    unknown: u64,
    passed_on: u64,
    lost: u64,
}

/// Of several groups, some may be where they are wanted.
fn unless_there(answer: Result<(), RequestError>) -> Result<(), RequestError> {
    match answer {
        Err(RequestError::Refused(Refusal::AlreadyActive | Refusal::AlreadyStandby)) => Ok(()),
        answer => answer,
    }
}

const fn command(state: UnitState, force: bool) -> failover::Command {
    match state {
        UnitState::Active => failover::Command::Active { force },
        UnitState::Standby => failover::Command::StandBy { force },
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
