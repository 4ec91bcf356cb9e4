//! Failover of a pair as its clients see it: two units with a cable and a network for their beats, each in a namespace of
//! its own, that are killed, stopped, stalled, switched and cut off from each other under load.

mod datagram;
mod deaths;
mod effort;
mod error;
mod faults;
mod findings;
mod flow;
mod journals;
mod lab;
mod pair;
mod plan;
mod priority;
mod service;
mod sessions;
mod stalls;
mod switches;
mod traffic;
mod unit;

use crate::Context;
use crate::report::{Outcome, in_full};
use effort::Effort;
use error::FailoverError;
use findings::Findings;

/// A part of it. Each has a pair of its own.
type Part = fn(Effort<'_>, &mut Findings) -> Result<(), FailoverError>;

const PARTS: [(&str, Part); 5] = [
    ("killed", deaths::killed),
    ("hung", deaths::hung),
    ("stalls", stalls::run),
    ("planned", switches::run),
    ("faults", faults::run),
];

/// All figures of failover. What a part found before it failed is kept.
pub(crate) fn run(context: &Context) -> Outcome {
    let effort = Effort::new(context);
    let (mut findings, mut failures) = (Findings::default(), Vec::new());
    for (name, part) in PARTS {
        if let Err(error) = part(effort, &mut findings) {
            failures.push(format!("{name}: {}", in_full(&error)));
        }
        let command = match (context.quick, context.long) {
            (true, _) => "scripts/bench --quick failover",
            (false, false) => "scripts/bench failover",
            (false, true) => "scripts/bench --long failover",
        };
        // After each: what was found stays found, whatever happens later.
        if let Err(error) = findings.write(&context.output, &context.machine, command, &failures) {
            failures.push(in_full(&error));
        }
    }
    let mut section = findings.section();
    "Failover".clone_into(&mut section.title);
    section.remarks.splice(0..0, REMARKS.map(str::to_owned));
    Outcome { section, failures }
}

const REMARKS: [&str; 4] = [
    "Two units with the default times (beats each 5 ms over a virtual cable of their own, five may be missing; each 20 ms \
     over the failover cable, which is `understudy cable` at 115200 baud), workers that sleep when idle on CPU 1, control on \
     CPU 0, ports that are Linux interfaces (af_packet) at a bridge, clients and servers on the same machine. So both \
     units, clients and servers share the CPUs.",
    "A gap is the longest time without an answer in a flow that asks each millisecond (planned switches: 50 flows of one \
     host, together each 0.2 ms), less that interval. Beside it stands the same of the half second before, as a control, and \
     how late the probe itself was: what probe and servers do has real-time priority, but a machine that stands still holds \
     them up, too.",
    "A pseudo terminal has no modem lines: when a unit ends, the other one's end hangs up, which stands for them. The \
     kernel frees a dead process's memory first, and hangs up then; when the standby decided, and on what, is told beside.",
    "A packet is answered twice when a server or a client sees its number again: that is what two units that both forward \
     would do. Samples, round by round, are in `failover.json`.",
];
