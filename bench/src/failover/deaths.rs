//! The active unit is killed, or hangs: how long nobody answers, and what becomes of connections.

use std::collections::BTreeMap;
use std::time::Duration;

use super::effort::Effort;
use super::error::FailoverError;
use super::findings::{Findings, Goals, Kind};
use super::flow::{Flow, PROBE};
use super::journals;
use super::pair::Pair;
use super::sessions::Sessions;
use crate::clock;
use crate::rounds::as_f64;

/// Connections that stay open through all rounds.
const CONNECTIONS: usize = 1_000;

/// Before it happens: the control.
const QUIET: Duration = Duration::from_millis(500);
/// Afterwards, until all is as before.
const SETTLE: Duration = Duration::from_millis(500);
/// How long a unit hangs.
const HANG: Duration = Duration::from_secs(2);
/// A gap that begins a little before the deed belongs to it.
const BEFORE: Duration = Duration::from_millis(5);
/// A probe that was later than this, in milliseconds, says nothing about the pair.
const LATE_MS: f64 = 5.0;

/// A way to lose the active unit, and what is noted of it.
struct Death {
    name: &'static str,
    gap: Kind,
    /// The same, shortly before.
    quiet: Kind,
    probe: Kind,
    decided: Kind,
    doubled: Kind,
    connections: Kind,
    return_: Kind,
    /// Milliseconds that are told in full.
    worth_telling: f64,
}

const KILL: &str = "`kill -KILL` of the active unit, 1,000 connections open";
const HANGS: &str = "`kill -STOP` of the active unit, `kill -CONT` after 2 s, 1,000 connections open";

/// What is noted of a death, by the first parts of the names.
macro_rules! death {
    ($name:literal, $command:expr, $median:literal, $p99:literal) => {
        Death {
            name: $name,
            gap: kind(
                concat!("failover/", $name, "/gap"),
                "ms",
                $command,
                Goals::Quantiles { median: $median, p99: $p99 },
            ),
            quiet: kind(
                concat!("failover/", $name, "/gap before, as a control"),
                "ms",
                "nothing",
                Goals::None,
            ),
            probe: kind(concat!("failover/", $name, "/the probe's own delay"), "ms", $command, Goals::None),
            decided: kind(
                concat!("failover/", $name, "/until the standby decided"),
                "ms",
                $command,
                Goals::None,
            ),
            doubled: kind(
                concat!("failover/", $name, "/answered twice"),
                "packets",
                $command,
                Goals::Total(0.0),
            ),
            connections: kind(
                concat!("failover/", $name, "/connections lost"),
                "connections",
                $command,
                Goals::Total(0.0),
            ),
            return_: kind(
                concat!("failover/", $name, "/synchronized again"),
                "s",
                "the unit is started or goes on",
                Goals::None,
            ),
            worth_telling: $p99,
        }
    };
}

const fn kind(name: &'static str, unit: &'static str, command: &'static str, goals: Goals) -> Kind {
    Kind { name, unit, command, goals }
}

const KILLED: Death = death!("killed", KILL, 10.0, 50.0);
const HUNG: Death = death!("hung", HANGS, 30.0, 100.0);

/// SIGKILL: the cable's terminal hangs up. The unit is started again, and the next time it is the other's turn.
pub(super) fn killed(effort: Effort<'_>, findings: &mut Findings) -> Result<(), FailoverError> {
    rounds(&KILLED, effort, findings, |pair, active| {
        pair.units[active].kill();
        Ok(())
    })
}

/// SIGSTOP: all lines stay as they are, and only silence tells.
pub(super) fn hung(effort: Effort<'_>, findings: &mut Findings) -> Result<(), FailoverError> {
    rounds(&HUNG, effort, findings, |pair, active| {
        pair.units[active].suspend()?;
        clock::sleep(HANG);
        pair.units[active].resume()
    })
}

fn rounds(
    death: &Death,
    effort: Effort<'_>,
    findings: &mut Findings,
    die: impl Fn(&mut Pair, usize) -> Result<(), FailoverError>,
) -> Result<(), FailoverError> {
    let mut pair = Pair::start(effort.understudy)?;
    let mut sessions = Sessions::open(&pair.lab, CONNECTIONS)?;
    pair.wait_until_ready()?;
    let mut causes = BTreeMap::<String, usize>::new();
    for round in 1..=effort.rounds {
        let active = pair.active()?;
        let (gap, cause) = one(death, &mut pair, active, findings, &die)?;
        *causes.entry(cause).or_default() += 1;
        let lost = sessions.check();
        findings.add(death.connections, as_f64(lost as u64));
        if lost > 0 {
            findings.note(format!("{}, round {round}: {lost} connections lost", death.name));
        }
        if gap > death.worth_telling {
            let told = journals::told(&pair.units[1 - active], Duration::from_secs(30))?;
            findings.note(format!(
                "{}, round {round}: {gap:.1} ms; the other unit's journal: {told}",
                death.name
            ));
        }
        if !pair.units[active].is_running() {
            pair.start_unit(active)?;
        }
        findings.add(death.return_, pair.wait_until_ready()?.as_secs_f64());
        if round.is_multiple_of(10) {
            eprintln!("  {}: {round} rounds of {}, the last: {gap:.1} ms", death.name, effort.rounds);
        }
    }
    findings.note(format!("{}: why the standby took over, and how often: {causes:?}", death.name));
    if let Some(why) = sessions.lost.first() {
        findings.note(format!("{}: the first connection was lost with: {why}", death.name));
    }
    Ok(())
}

/// One round, under a probe. Returns the gap, and why the standby took over.
fn one(
    death: &Death,
    pair: &mut Pair,
    active: usize,
    findings: &mut Findings,
    die: impl Fn(&mut Pair, usize) -> Result<(), FailoverError>,
) -> Result<(f64, String), FailoverError> {
    let flow = Flow::start(&pair.lab, PROBE)?;
    let before = clock::now();
    clock::sleep(QUIET);
    let deed = clock::now();
    die(pair, active)?;
    clock::sleep(SETTLE);
    let end = clock::now();
    flow.wait_for_answer_after(end)?;
    let traffic = flow.end(&pair.lab)?;
    let gap = traffic.gap(deed - BEFORE, end);
    let late = traffic.pause(deed - BEFORE, end);
    findings.add(death.gap, gap);
    findings.add(death.quiet, traffic.gap_within(before, deed - BEFORE));
    findings.add(death.probe, late);
    findings.add(death.doubled, traffic.doubled());
    if late > LATE_MS {
        findings.note(format!("{}: the machine held the probe up for {late:.1} ms in a round", death.name));
    }
    let decision = journals::decision(&pair.units[1 - active], deed)?;
    if let Some((after_ms, _)) = decision {
        findings.add(death.decided, after_ms);
    }
    Ok((gap, decision.map_or_else(|| "no decision".to_owned(), |(_, cause)| cause)))
}
