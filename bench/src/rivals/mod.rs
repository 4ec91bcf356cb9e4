//! Benchmark 7: what else a user would run here. The kernel's nftables DNAT and HAProxy do the same task as `understudy`, in
//! network namespaces that are wired alike, under the same load.
//!
//! The kernel's virtual cables are no network card: what is found here says how the three compare on Linux interfaces, not
//! what `understudy` does on its own devices.

mod bed;
mod datagrams;
mod error;
mod load;
mod namespace;
mod plan;
mod process;
mod service;
mod tasks;
mod tcp;

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

use crate::report::{Figure, Section};
use crate::rounds::{Comparison, compare};
use bed::{Balancer, Bed};
pub(crate) use error::RivalsError;
use load::Sample;
pub(crate) use namespace::Namespace;
pub(crate) use process::{Folder, Process};
use tasks::{TASKS, Task};

/// All beds, at rest.
struct Beds {
    routing: Bed,
    understudy: Bed,
    nftables: Bed,
    haproxy: Bed,
}

impl Beds {
    fn make(understudy: &Path) -> Result<Self, RivalsError> {
        let make = |balancer| Bed::make(balancer, understudy);
        Ok(Self {
            routing: make(Balancer::Routing)?,
            understudy: make(Balancer::Understudy)?,
            nftables: make(Balancer::Nftables)?,
            haproxy: make(Balancer::Haproxy)?,
        })
    }
}

/// How long and how often is measured.
struct Effort {
    rounds: usize,
    window: Duration,
}

/// Compares `understudy`, the program at this path, with its rivals.
///
/// # Errors
///
/// When a bed can not be built, or nothing comes through one.
pub(crate) fn run(understudy: &Path, quick: bool) -> Result<Section, RivalsError> {
    let effort = if quick {
        Effort { rounds: 2, window: Duration::from_millis(200) }
    } else {
        Effort { rounds: 4, window: Duration::from_millis(500) }
    };
    let mut beds = Beds::make(understudy)?;
    let mut section = Section {
        title: "What else runs on Linux interfaces".to_owned(),
        remarks: vec![tasks::ABOUT.to_owned()],
        ..Section::default()
    };
    for task in TASKS {
        measure(task, &effort, &mut beds, &mut section)?;
    }
    Ok(section)
}

/// Compares `understudy` with each rival that can do a task, and with the ceiling.
fn measure(task: &Task, effort: &Effort, beds: &mut Beds, section: &mut Section) -> Result<(), RivalsError> {
    let seen = Seen::default();
    let mut figures = Vec::new();
    for &balancer in task.rivals {
        let rival = if balancer == Balancer::Haproxy { &mut beds.haproxy } else { &mut beds.nftables };
        let mut rounds = 0;
        let sides = compare(
            effort.rounds,
            || {
                rounds += 1;
                seen.sample(task, effort, &mut beds.understudy)
            },
            || seen.sample(task, effort, rival),
            || seen.sample(task, effort, &mut beds.routing),
        )?;
        figures.push(compared(task, balancer, &sides, rounds));
    }
    let ours = figures.iter().map(|figure| figure.ours).fold(f64::INFINITY, f64::min);
    figures.push(against(task, Balancer::Routing, ours, seen.ceiling.get()));
    section.remarks.push(tasks::rates(task, &figures));
    section.remarks.extend(seen.failures(task));
    section.figures.extend(figures);
    Ok(())
}

/// What is seen of a task beside the costs of the sides.
struct Seen {
    /// The least cost without any balancer.
    ceiling: Cell<f64>,
    /// What was tried in vain.
    failed: Cell<u64>,
}

impl Default for Seen {
    fn default() -> Self {
        Self { ceiling: Cell::new(f64::INFINITY), failed: Cell::new(0) }
    }
}

impl Seen {
    /// The cost in one window.
    fn sample(&self, task: &Task, effort: &Effort, bed: &mut Bed) -> Result<f64, RivalsError> {
        let Sample { nanoseconds, failed } = bed.awake(|bed| (task.load)(bed, effort.window))?;
        if bed.balancer == Balancer::Routing {
            self.ceiling.set(self.ceiling.get().min(nanoseconds));
        }
        self.failed.set(self.failed.get() + failed);
        Ok(nanoseconds)
    }

    fn failures(&self, task: &Task) -> Option<String> {
        let failed = self.failed.get();
        (failed > 0).then(|| format!("{}: {failed} attempts failed, over all sides and rounds.", task.name))
    }
}

/// How many times as fast as a rival `understudy` is, from `rounds` rounds.
fn compared(task: &Task, rival: Balancer, sides: &Comparison, rounds: usize) -> Figure {
    Figure {
        ratio_of_medians: Some(sides.peer.median() / sides.ours.median()),
        spread: Some((sides.ours.spread(), sides.peer.spread())),
        rounds: Some((rounds - sides.discarded, sides.discarded)),
        ..against(task, rival, sides.ours.minimum(), sides.peer.minimum())
    }
}

/// The least cost of `understudy` against that of another.
fn against(task: &Task, other: Balancer, ours: f64, theirs: f64) -> Figure {
    Figure {
        name: format!("rivals/{}/{}", task.name, other.key()),
        unit: task.unit,
        ours,
        peer_name: Some(other.name().to_owned()),
        peer: Some(theirs),
        ratio: Some(theirs / ours),
        ratio_of_medians: None,
        spread: None,
        rounds: None,
        goal: None,
        met: None,
    }
}
