//! A new connection at a virtual server with few and with many real servers, by each predictor.

use std::net::Ipv4Addr;
use std::sync::Arc;

use director::Predictor;

use super::newcomers::Newcomers;
use super::{Control, GraphError, PLAN};
use crate::graph::effort::Effort;
use crate::graph::figures::by_peer;
use crate::graph::lifetimes::PREDICTORS;
use crate::graph::unit::{Plan, draft};
use crate::load::frames::Version;
use crate::load::order::Random;
use crate::report::{Figure, Goal};
use crate::rounds::compare;

const FEW: u16 = 4;
const MANY: u16 = 1_000;

/// Different weights, where weights count.
const WEIGHTS: u64 = 7;

pub(super) fn run(effort: Effort, control: &Control) -> Result<Vec<Figure>, GraphError> {
    PREDICTORS.iter().map(|&(predictor, name)| figure(predictor, name, effort, control)).collect()
}

fn figure(predictor: Predictor, name: &str, effort: Effort, control: &Control) -> Result<Figure, GraphError> {
    let (mut many, mut few) = (newcomers(predictor, MANY)?, newcomers(predictor, FEW)?);
    let sides = compare(
        effort.rounds(),
        || many.cycles_per_connection(),
        || few.cycles_per_connection(),
        || Ok(control.cycles_per_read()),
    )?;
    let name = format!("choosing/{name}/{MANY} by {FEW} real servers");
    Ok(by_peer(name, "the same with 4 real servers", &sides, Some(Goal::AtMost(2.0))))
}

/// Random clients.
fn newcomers(predictor: Predictor, real_servers: u16) -> Result<Newcomers<Ipv4Addr>, GraphError> {
    let plan = Plan { predictor, real_servers, ..PLAN };
    let mut draft = draft(plan);
    for (number, server) in (0..).zip(&mut draft.real_servers) {
        server.weight = 1 + number % WEIGHTS;
    }
    let mut random = Random::new(1);
    Newcomers::begin(plan, draft, Arc::default(), Box::new(move || Ipv4Addr::client(random.below(1 << 17))))
}
