//! Choosing servers: what a new connection costs with all that is asked on its way - which instance its client is assigned
//! to, who is remembered, whom the predictor names -, and how long a worker is away from its packets when its configuration
//! changes or all of its connections end at once.

mod assignments;
mod expiry;
mod newcomers;
mod predictors;
mod reconfiguration;
mod remembered;

use super::GraphError;
use super::control::Control;
use super::effort::Effort;
use super::unit::Plan;
use crate::report::Section;
use newcomers::CAPACITY;

const MICROSECONDS: &str = "microseconds";

/// What most installations have.
const PLAN: Plan = Plan {
    predictor: director::Predictor::LeastConnections,
    tcp_without_connection: director::TcpWithoutConnection::Drop,
    ..Plan::with_capacity(CAPACITY)
};

/// All that choosing costs.
///
/// # Errors
///
/// When a packet was not forwarded, or connections were lost on the way.
pub(crate) fn run(effort: Effort) -> Result<Section, GraphError> {
    let mut section = Section {
        title: "Choosing servers".to_owned(),
        remarks: REMARKS.iter().map(|&remark| remark.to_owned()).collect(),
        ..Section::default()
    };
    let control = Control::new();
    section.figures.extend(predictors::run(effort, &control)?);
    section.figures.extend(assignments::run(effort, &control)?);
    section.figures.extend(remembered::run(effort, &control)?);
    section.figures.extend(reconfiguration::run(effort)?);
    section.figures.extend(expiry::run(effort)?);
    Ok(section)
}

const REMARKS: [&str; 5] = [
    "A new connection is a SYN of an endpoint that has no connection yet, from its first byte to the verdict, in batches of \
     128: header checks, the miss in the table, the choice, the insertion and the translation. Between the batches the SYNs \
     are answered, and connections of six rounds before expire; neither is in the time. Some 50,000 connections live.",
    "Assignments: half of them networks of clients (/24, /48), half of them narrow (/32, /64), at random. A client that matches \
     is a random one of a random network; where there are ten networks, these are few clients, and all that belongs to \
     them is in the caches.",
    "Remembered: each client by itself (a prefix of 32 bits), 200,000 of them; the clients that come are random ones of these, \
     or such as have never been there.",
    "Reconfiguration: the worker's part is `Shard::reconfigure` and what the next new connection then finds changed: it looks \
     at all real servers. The plan is made by another thread. The median of all changes is shown, and the longest.",
    "Expiry: looks at the most slots that a worker ever looks at between two bursts. All runs have the same work at the same \
     look, so that each look counts as it was in the run that disturbed it least; what the machine took away in between \
     is shown beside it.",
];
