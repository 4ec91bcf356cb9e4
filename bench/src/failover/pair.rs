//! The pair: two units, the cable between them, their network, and what is waited for.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::FailoverError;
use super::flow::{Flow, LOAD};
use super::lab::Lab;
use super::plan;
use super::unit::Unit;
use crate::clock;
use crate::rivals::{Folder, Process};

/// Longer than a unit needs to start, or to become synchronized.
const PATIENCE: Duration = Duration::from_secs(40);

/// Clients' traffic before anything is measured.
const WARM_UP: Duration = Duration::from_millis(300);

/// What the cable says when all is well.
const NORMAL: &str = "Normal";

/// The pair. What is first here ends first.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) units: [Unit; 2],
    cable: Option<Process>,
    cable_folder: Folder,
    program: PathBuf,
    pub(super) lab: Lab,
}

impl Pair {
    /// Starts the pair: one unit is active, the other one could take over.
    pub(super) fn start(program: &Path) -> Result<Self, FailoverError> {
        let cable_folder = Folder::new("cable")?;
        let [one, other] = ends(&cable_folder);
        let units = [Unit::new(1, program, &one)?, Unit::new(2, program, &other)?];
        let program = program.to_owned();
        let mut pair = Self { units, cable: None, cable_folder, program, lab: Lab::new()? };
        pair.plug_cable()?;
        pair.start_unit(0)?;
        pair.start_unit(1)?;
        pair.wait_until_ready()?;
        // Addresses are resolved by the first packets, which wait for that or are lost.
        let flow = Flow::start(&pair.lab, LOAD)?;
        clock::sleep(WARM_UP);
        flow.end(&pair.lab)?;
        Ok(pair)
    }

    /// The packets that each unit dropped since its start, by reason.
    pub(super) fn drops(&self) -> Result<String, FailoverError> {
        let [one, other] = &self.units;
        Ok(format!("{} | {}", one.drops()?, other.drops()?))
    }

    /// Starts `understudy cable`, and waits until it has both ends.
    pub(super) fn plug_cable(&mut self) -> Result<(), FailoverError> {
        let both = ends(&self.cable_folder);
        let [one, other] = both.each_ref().map(|end| end.display().to_string());
        let arguments = ["cable", &one, &other, "--baud", plan::BAUD];
        let host = &self.lab.hosts[0];
        self.cable = Some(Process::start(host, &self.program, &arguments, &self.cable_folder)?);
        self.wait_for("the cable", |_| Ok(both.iter().all(|end| end.exists())))
    }

    /// Ends it, as it comes.
    pub(super) fn cut_cable(&mut self) {
        self.cable = None;
        for end in ends(&self.cable_folder) {
            let _ = fs::remove_file(end);
        }
    }

    /// Starts the unit with this index.
    pub(super) fn start_unit(&mut self, index: usize) -> Result<(), FailoverError> {
        self.units[index].start(&self.lab.hosts[index])
    }

    /// The index of the active unit.
    pub(super) fn active(&self) -> Result<usize, FailoverError> {
        for (index, unit) in self.units.iter().enumerate() {
            if unit.group()?.state == "ACTIVE" {
                return Ok(index);
            }
        }
        Err(FailoverError::InVain { what: "an active unit".to_owned(), seen: self.in_words() })
    }

    /// The highest epoch of both: it counts activations.
    pub(super) fn epoch(&self) -> Result<u64, FailoverError> {
        Ok(self.units[0].group()?.epoch.max(self.units[1].group()?.epoch))
    }

    /// Waits until one unit is active, the other one could take over, and nothing is missing between them. Returns how
    /// long that was.
    pub(super) fn wait_until_ready(&mut self) -> Result<Duration, FailoverError> {
        let started = clock::now();
        self.wait_for("a pair that is ready", |pair| {
            let reports = [pair.units[0].failover()?, pair.units[1].failover()?];
            let states =
                reports.each_ref().map(|report| report.groups.first().map_or("", |group| &group.state));
            let is_joined = reports.iter().all(|report| {
                report.groups.iter().all(|group| group.synchronized)
                    && report.links.iter().all(|link| link.alive)
                    && report.cable.as_ref().is_some_and(|cable| cable.status == NORMAL && cable.alive)
            });
            let is_one_active = matches!(states, ["ACTIVE", "STANDBY"] | ["STANDBY", "ACTIVE"]);
            Ok(is_one_active
                && is_joined
                && pair.units[0].knows_servers()?
                && pair.units[1].knows_servers()?)
        })?;
        Ok(started.elapsed())
    }

    /// Looks until something is so. A unit that does not answer yet is not there yet; one that ended is an error.
    pub(super) fn wait_for(
        &mut self,
        what: &str,
        is_so: impl Fn(&Self) -> Result<bool, FailoverError>,
    ) -> Result<(), FailoverError> {
        let deadline: Instant = clock::now() + PATIENCE;
        loop {
            self.check()?;
            let last = match is_so(self) {
                Ok(true) => return Ok(()),
                Ok(false) => None,
                Err(error) => Some(error),
            };
            if clock::now() >= deadline {
                let error = last.map(|error| format!("{error}\n")).unwrap_or_default();
                let seen = error + &self.in_words();
                return Err(FailoverError::InVain { what: what.to_owned(), seen });
            }
            clock::sleep(Duration::from_millis(20));
        }
    }

    /// An error if a unit has ended by itself.
    pub(super) fn check(&mut self) -> Result<(), FailoverError> {
        Ok(self.units.iter_mut().try_for_each(Unit::check)?)
    }

    /// What both units are, and said last.
    pub(super) fn in_words(&self) -> String {
        self.units.each_ref().map(Unit::in_words).join("\n")
    }
}

/// The cable's ends.
fn ends(folder: &Folder) -> [PathBuf; 2] {
    ["end-a", "end-b"].map(|name| folder.path().join(name))
}
