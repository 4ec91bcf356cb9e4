//! Either unit stands still now and then: nothing may be forwarded twice, no connection be lost, and each switch must have
//! its reason in the journals.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::effort::Effort;
use super::error::FailoverError;
use super::findings::{Findings, Goals, Kind};
use super::flow::{Flow, PROBE};
use super::journals::Journals;
use super::pair::Pair;
use super::sessions::Sessions;
use crate::clock;
use crate::load::order::Random;
use crate::rounds::as_f64;

const CONNECTIONS: usize = 100;

/// The same stalls each time.
const SEED: u64 = 5;

/// Milliseconds of a stall, of which one is drawn, and the series of gaps that belong to it.
const STALLS: [(u64, Kind); 3] = [
    (5, gap("failover/stalls/gap with 5 ms")),
    (20, gap("failover/stalls/gap with 20 ms")),
    (50, gap("failover/stalls/gap with 50 ms")),
];

/// Between two stalls: so long, and up to so much longer, in milliseconds.
const REST_MS: u64 = 100;
const MORE_MS: u32 = 900;

/// Between two questions over all connections.
const QUESTIONS: Duration = Duration::from_millis(500);

const COMMAND: &str =
    "`kill -STOP` of either unit, `kill -CONT` after 5, 20 or 50 ms, 0.1 to 1 s between two stalls";

const DOUBLED: Kind = count("failover/stalls/answered twice", "packets", Goals::Total(0.0));
const LOST: Kind = count("failover/stalls/connections lost", "connections", Goals::Total(0.0));
const UNEXPLAINED: Kind =
    count("failover/stalls/switches that no journal explains", "switches", Goals::Total(0.0));
const SWITCHES: Kind = count("failover/stalls/switches", "switches", Goals::Sum);
const STALLED: Kind = count("failover/stalls/stalls", "stalls", Goals::Sum);
const UNANSWERED: Kind = count("failover/stalls/unanswered", "packets", Goals::Sum);

const fn gap(name: &'static str) -> Kind {
    Kind { name, unit: "ms", command: "a stall of either unit, so long", goals: Goals::None }
}

const fn count(name: &'static str, unit: &'static str, goals: Goals) -> Kind {
    Kind { name, unit, command: COMMAND, goals }
}

/// A stall that was made.
struct Stall {
    kind: Kind,
    from: Instant,
    to: Instant,
}

pub(super) fn run(effort: Effort<'_>, findings: &mut Findings) -> Result<(), FailoverError> {
    let mut pair = Pair::start(effort.understudy)?;
    let mut sessions = Sessions::open(&pair.lab, CONNECTIONS)?;
    pair.wait_until_ready()?;
    let (epoch, mut journals) = (pair.epoch()?, Journals::open(&pair)?);
    let flow = Flow::start(&pair.lab, PROBE)?;
    let stop = AtomicBool::new(false);
    let stalls = thread::scope(|scope| {
        scope.spawn(|| ask_repeatedly(&mut sessions, &stop));
        let stalls = stall(&mut pair, effort.stalls, &mut journals);
        stop.store(true, Ordering::Relaxed);
        stalls
    })?;
    pair.wait_until_ready()?;
    flow.wait_for_answer_after(clock::now())?;
    let traffic = flow.end(&pair.lab)?;
    sessions.check();
    journals.look(&pair, "the last stall")?;
    for stall in &stalls {
        findings.add(stall.kind, traffic.gap(stall.from, stall.to));
    }
    findings.add(STALLED, as_f64(stalls.len() as u64));
    findings.add(DOUBLED, traffic.doubled());
    findings.add(LOST, as_f64(sessions.lost.len() as u64));
    findings.add(UNANSWERED, traffic.lost());
    // Epochs count activations, too, in another place.
    let counted = pair.epoch()?.saturating_sub(epoch);
    let unexplained = journals.unexplained + counted.saturating_sub(journals.switches);
    findings.add(SWITCHES, as_f64(counted.max(journals.switches)));
    findings.add(UNEXPLAINED, as_f64(unexplained));
    if let Some(why) = sessions.lost.first() {
        findings.note(format!("stalls: the first connection was lost with: {why}"));
    }
    let reasons = journals.by_reason.iter().map(|(reason, times)| format!("{times} × {reason}"));
    findings.note(format!("stalls: reasons of switches: {}", reasons.collect::<Vec<_>>().join("; ")));
    Ok(())
}

/// Stalls units at random for so long.
fn stall(pair: &mut Pair, length: Duration, journals: &mut Journals) -> Result<Vec<Stall>, FailoverError> {
    let (mut random, mut stalls, end) = (Random::new(SEED), Vec::new(), clock::now() + length);
    while clock::now() < end {
        let unit = random.below(2) as usize;
        let (ms, kind) = STALLS[random.below(3) as usize];
        let from = clock::now();
        pair.units[unit].suspend()?;
        clock::sleep(Duration::from_millis(ms));
        pair.units[unit].resume()?;
        clock::sleep(Duration::from_millis(REST_MS));
        stalls.push(Stall { kind, from, to: clock::now() });
        clock::sleep(Duration::from_millis(random.below(MORE_MS).into()));
        let whose = if journals.active == Some(unit) { "active" } else { "standby" };
        pair.check()?;
        journals.look(pair, &format!("{ms} ms of the {whose} unit"))?;
    }
    Ok(stalls)
}

fn ask_repeatedly(sessions: &mut Sessions, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        sessions.check();
        clock::sleep(QUESTIONS);
    }
}
