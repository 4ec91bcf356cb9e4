//! What fails beside the active unit: nothing may be lost, and nobody's role may change.

use std::time::Duration;

use super::effort::Effort;
use super::error::FailoverError;
use super::findings::{Findings, Goals, Kind};
use super::flow::{Flow, LOAD};
use super::journals;
use super::pair::Pair;
use crate::clock;

/// Before it, and while it lasts.
const QUIET: Duration = Duration::from_millis(500);
const LASTS: Duration = Duration::from_secs(1);

/// Something that fails, and is repaired.
struct Fault {
    lost: Kind,
    changes: Kind,
    doubled: Kind,
    /// With the index of the active unit.
    fail: fn(&mut Pair, usize) -> Result<(), FailoverError>,
    repair: fn(&mut Pair, usize) -> Result<(), FailoverError>,
}

macro_rules! fault {
    ($name:literal, $command:literal, $fail:expr, $repair:expr) => {
        Fault {
            lost: kind(concat!("failover/", $name, "/packets lost"), "packets", $command),
            changes: kind(concat!("failover/", $name, "/role changes"), "changes", $command),
            doubled: kind(concat!("failover/", $name, "/answered twice"), "packets", $command),
            fail: $fail,
            repair: $repair,
        }
    };
}

const fn kind(name: &'static str, unit: &'static str, command: &'static str) -> Kind {
    Kind { name, unit, command, goals: Goals::Total(0.0) }
}

const FAULTS: [Fault; 3] = [
    fault!(
        "cable dies",
        "`kill -KILL` of `understudy cable`, a new one after 1 s, under the load of 50 clients",
        |pair, _| {
            pair.cut_cable();
            Ok(())
        },
        |pair, _| pair.plug_cable()
    ),
    fault!(
        "heartbeat LAN dies",
        "`ip link set sync down` on one unit's host, up again after 1 s, under the load of 50 clients",
        |pair, _| pair.lab.set_sync(false),
        |pair, _| pair.lab.set_sync(true)
    ),
    fault!(
        "standby dies",
        "`kill -KILL` of the standby, started again after 1 s, under the load of 50 clients",
        |pair, active| {
            pair.units[1 - active].kill();
            Ok(())
        },
        |pair, active| pair.start_unit(1 - active)
    ),
];

pub(super) fn run(effort: Effort<'_>, findings: &mut Findings) -> Result<(), FailoverError> {
    let mut pair = Pair::start(effort.understudy)?;
    for fault in &FAULTS {
        for _ in 0..effort.faults {
            one(fault, &mut pair, findings)?;
        }
        eprintln!("  {}: done", fault.lost.name);
    }
    Ok(())
}

/// One round: the load goes on from before the fault until after its repair.
fn one(fault: &Fault, pair: &mut Pair, findings: &mut Findings) -> Result<(), FailoverError> {
    pair.wait_until_ready()?;
    let (active, epoch) = (pair.active()?, pair.epoch()?);
    let flow = Flow::start(&pair.lab, LOAD)?;
    clock::sleep(QUIET);
    (fault.fail)(pair, active)?;
    clock::sleep(LASTS);
    (fault.repair)(pair, active)?;
    pair.wait_until_ready()?;
    clock::sleep(QUIET);
    let traffic = flow.end(&pair.lab)?;
    let is_same = pair.active()? == active && pair.epoch()? == epoch;
    findings.add(fault.lost, traffic.lost());
    findings.add(fault.changes, f64::from(u8::from(!is_same)));
    findings.add(fault.doubled, traffic.doubled());
    if !is_same || traffic.lost() > 0.0 {
        let told = journals::told(&pair.units[active], Duration::from_secs(4))?;
        let (lost, name, drops) = (traffic.lost(), fault.lost.name, pair.drops()?);
        findings.note(format!(
            "{name}: {lost} packets lost; the journal of the unit that was active: {told}; drops of both units so far: \
             {drops}"
        ));
    }
    Ok(())
}
