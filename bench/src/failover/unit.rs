//! One unit of the pair, as a process.

use std::fs;
use std::path::{Path, PathBuf};

use appliance::management::Client;
use appliance::management::failover_report::{FailoverStatusReport, GroupReport, SwitchReport};
use appliance::management::protocol::{Action, Command, FailoverRequest, Outcome, Show};
use appliance::management::report::NextHopReport;

use super::error::FailoverError;
use super::plan;
use crate::rivals::{Folder, Namespace, Process, RivalsError};

/// A unit that runs, or does not at the moment.
#[derive(Debug)]
pub(super) struct Unit {
    process: Option<Process>,
    folder: Folder,
    program: PathBuf,
    /// 1 or 2: what its own addresses end in.
    number: usize,
}

impl Unit {
    /// Writes its configuration; `cable` is its end of the cable.
    pub(super) fn new(number: usize, program: &Path, cable: &Path) -> Result<Self, FailoverError> {
        let folder = Folder::new(&format!("unit{number}"))?;
        let unit_json = plan::unit_json(number, cable, &folder.path().join("unit.sock"));
        folder.write("unit.json", &unit_json.to_string())?;
        folder.write("director.json", &plan::director_json().to_string())?;
        folder.write("pair.key", plan::KEY)?;
        Ok(Self { process: None, folder, program: program.to_owned(), number })
    }

    /// Starts it on its host. To be called by the thread that lives longest: the process ends with it.
    pub(super) fn start(&mut self, host: &Namespace) -> Result<(), FailoverError> {
        let home = self.folder.path().display().to_string();
        // That of one that was killed would be taken for this one's.
        let _ = fs::remove_file(self.socket());
        self.process = Some(Process::start(host, &self.program, &["run", "--config", &home], &self.folder)?);
        Ok(())
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) {
        self.process = None;
    }

    /// Whether it was started and not killed.
    pub(super) const fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// SIGSTOP.
    pub(super) fn suspend(&self) -> Result<(), FailoverError> {
        Ok(self.process.as_ref().map_or(Ok(()), Process::suspend)?)
    }

    /// SIGCONT.
    pub(super) fn resume(&self) -> Result<(), FailoverError> {
        Ok(self.process.as_ref().map_or(Ok(()), Process::resume)?)
    }

    /// An error if it has ended by itself.
    pub(super) fn check(&mut self) -> Result<(), RivalsError> {
        self.process.as_mut().map_or(Ok(()), Process::check)
    }

    /// `show failover`.
    pub(super) fn failover(&self) -> Result<FailoverStatusReport, FailoverError> {
        match Client::connect(&self.socket())?.show(Show::Failover)? {
            Outcome::Failover(report) => Ok(*report),
            _ => Err(FailoverError::Answer),
        }
    }

    /// What `show failover` says of the one group.
    pub(super) fn group(&self) -> Result<GroupReport, FailoverError> {
        self.failover()?.groups.into_iter().next().ok_or(FailoverError::Answer)
    }

    /// `failover active`.
    pub(super) fn make_active(&self) -> Result<SwitchReport, FailoverError> {
        let request = FailoverRequest { action: Action::Active, group: None, force: false };
        match Client::connect(&self.socket())?.ask(Command::Failover(request))? {
            Outcome::Switched(reports) => reports.into_iter().next().ok_or(FailoverError::Answer),
            _ => Err(FailoverError::Answer),
        }
    }

    /// Whether it knows the way to all real servers.
    pub(super) fn knows_servers(&self) -> Result<bool, FailoverError> {
        match Client::connect(&self.socket())?.show(Show::Real)? {
            Outcome::Real(reals) => {
                Ok(reals.iter().all(|real| matches!(real.next_hop, NextHopReport::Resolved { .. })))
            }
            _ => Err(FailoverError::Answer),
        }
    }

    /// The packets that it dropped, by reason.
    pub(super) fn drops(&self) -> Result<String, FailoverError> {
        match Client::connect(&self.socket())?.show(Show::Counters)? {
            Outcome::Counters(counters) => {
                let drops = counters.total.drops.iter().filter(|(_, count)| **count > 0);
                Ok(drops.map(|(reason, count)| format!("{count} {reason}")).collect::<Vec<_>>().join(", "))
            }
            _ => Err(FailoverError::Answer),
        }
    }

    /// What it is, and what it said last.
    pub(super) fn in_words(&self) -> String {
        let state = self.failover().map_or_else(|error| error.to_string(), |report| summary(&report));
        let log = self.process.as_ref().map(Process::last_words).unwrap_or_default();
        format!("unit {}: {state}\n{log}", self.number)
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("unit.sock")
    }
}

/// A line of what is most telling.
fn summary(report: &FailoverStatusReport) -> String {
    let groups = report.groups.iter().map(|group| {
        let how = if group.synchronized { "synchronized" } else { "not synchronized" };
        format!("{} {how}, epoch {}, {}", group.state, group.epoch, group.last)
    });
    let cable = report.cable.as_ref().map_or("none", |cable| &cable.status);
    let links = report.links.iter().map(|link| if link.alive { "heard" } else { "silent" });
    format!(
        "{}; cable {cable}; link {}",
        groups.collect::<Vec<_>>().join(" | "),
        links.collect::<Vec<_>>().join(" ")
    )
}
