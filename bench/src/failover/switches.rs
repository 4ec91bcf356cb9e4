//! The units change places because somebody wants it: nothing may be lost.

use std::time::Duration;

use super::effort::Effort;
use super::error::FailoverError;
use super::findings::{Findings, Goals, Kind};
use super::flow::{Flow, LOAD};
use super::journals;
use super::pair::Pair;
use crate::clock;
use crate::rounds::as_f64;

/// Before and after it.
const QUIET: Duration = Duration::from_millis(300);

/// A gap that is told in full, in milliseconds: the goal.
const GOAL_MS: f64 = 5.0;

const COMMAND: &str =
    "`understudy failover active` on the standby, 50 clients with 100 datagrams a second each";

const GAP: Kind = kind("failover/planned/gap", "ms", Goals::Maximum(GOAL_MS));
const CONTROL: Kind =
    Kind { command: "nothing", ..kind("failover/planned/gap before, as a control", "ms", Goals::None) };
const LOST: Kind = kind("failover/planned/packets lost", "packets", Goals::Total(0.0));
const DOUBLED: Kind = kind("failover/planned/answered twice", "packets", Goals::Total(0.0));
const TOOK: Kind = kind("failover/planned/as the unit tells it", "µs", Goals::None);

const fn kind(name: &'static str, unit: &'static str, goals: Goals) -> Kind {
    Kind { name, unit, command: COMMAND, goals }
}

pub(super) fn run(effort: Effort<'_>, findings: &mut Findings) -> Result<(), FailoverError> {
    let mut pair = Pair::start(effort.understudy)?;
    for round in 1..=effort.rounds {
        pair.wait_until_ready()?;
        let gap = one(&pair, round, findings)?;
        if round.is_multiple_of(10) {
            eprintln!("  planned: {round} rounds of {}, the last: {gap:.1} ms", effort.rounds);
        }
    }
    Ok(())
}

fn one(pair: &Pair, round: usize, findings: &mut Findings) -> Result<f64, FailoverError> {
    let standby = 1 - pair.active()?;
    let flow = Flow::start(&pair.lab, LOAD)?;
    let before = clock::now();
    clock::sleep(QUIET);
    let deed = clock::now();
    let report = pair.units[standby].make_active()?;
    clock::sleep(QUIET);
    let end = clock::now();
    flow.wait_for_answer_after(end)?;
    let traffic = flow.end(&pair.lab)?;
    let (gap, lost) = (traffic.gap(deed, end), traffic.lost());
    findings.add(GAP, gap);
    findings.add(CONTROL, traffic.gap_within(before, deed));
    findings.add(LOST, lost);
    findings.add(DOUBLED, traffic.doubled());
    findings.add(TOOK, as_f64(report.took_us));
    if lost > 0.0 || gap > GOAL_MS {
        let late = traffic.pause(deed, end);
        let told = journals::told(&pair.units[standby], Duration::from_millis(1_600))?;
        let drops = pair.drops()?;
        findings.note(format!(
            "planned, round {round}: {gap:.1} ms, {lost} packets lost, the clients' own delay {late:.1} ms; the journal: \
             {told}; drops of both units so far: {drops}"
        ));
    }
    Ok(gap)
}
