//! A change of the configuration under a million connections: what the worker does of it, and what another thread does.

use std::net::Ipv4Addr;
use std::sync::Arc;

use director::{Configuration, ConfigurationDraft, ShardConfiguration};
use packet::TcpFlags;

use super::{GraphError, MICROSECONDS};
use crate::clock::cycles_per_second;
use crate::graph::effort::Effort;
use crate::graph::figures::value;
use crate::graph::pass::Pass;
use crate::graph::unit::{OUTSIDE, Plan, UNIT, Unit, checked, draft, shard_configuration};
use crate::load::frames::{Template, inbound};
use crate::report::Figure;

const CONNECTIONS: u32 = 1_000_000;

/// Real servers that are bound.
const REAL_SERVERS: [u16; 3] = [4, 1_000, 4_096];

pub(super) fn run(effort: Effort) -> Result<Vec<Figure>, GraphError> {
    let mut figures = Vec::new();
    for real_servers in REAL_SERVERS {
        figures.extend(of_many(real_servers, effort)?);
    }
    Ok(figures)
}

fn of_many(real_servers: u16, effort: Effort) -> Result<Vec<Figure>, GraphError> {
    let plan = Plan { real_servers, ..Plan::with_capacity(CONNECTIONS + CONNECTIONS / 16) };
    let mut changes = Changes::begin(plan)?;
    let mut steps: [Vec<u64>; 4] = Default::default();
    for _ in 0..effort.rounds() {
        for (all, cycles) in steps.iter_mut().zip(changes.change()?) {
            all.push(cycles);
        }
    }
    let microsecond = cycles_per_second() / 1e6;
    let figure = |what: &str, cycles: u64| {
        let name = format!("choosing/reconfiguration/{real_servers} real servers/{what}");
        value(name, MICROSECONDS, cycles as f64 / microsecond, None)
    };
    let names = ["plan, outside the worker", "reconfigure", "the next new connection", "one more"];
    let mut figures = Vec::new();
    for (name, cycles) in names.into_iter().zip(&mut steps) {
        cycles.sort_unstable();
        figures.push(figure(name, cycles[cycles.len() / 2]));
    }
    figures.push(figure("reconfigure, longest", steps[1].last().copied().unwrap_or(0)));
    Ok(figures)
}

/// There may not be so many real servers of both versions of IP.
fn of_ipv4(plan: Plan) -> ConfigurationDraft {
    let mut draft = draft(plan);
    draft.virtual_servers.retain(|server| !server.name.starts_with('['));
    draft.real_servers.retain(|server| !server.name.starts_with('['));
    draft.bindings.retain(|binding| !binding.virtual_server.starts_with('['));
    draft
}

/// A unit whose configuration changes between two: in the other, the first real server has more weight.
struct Changes {
    unit: Unit,
    shard: ShardConfiguration,
    configurations: [Arc<Configuration>; 2],
    pass: Pass,
    syn: Template<Ipv4Addr>,
    next_connection: u32,
}

impl Changes {
    fn begin(plan: Plan) -> Result<Self, GraphError> {
        let one = of_ipv4(plan);
        let mut other = one.clone();
        other.real_servers[0].weight = 2;
        let mut unit = Unit::of(plan, &one, Arc::default())?;
        unit.establish::<Ipv4Addr>(CONNECTIONS)?;
        Ok(Self {
            unit,
            shard: shard_configuration(plan, checked(&one)?, Arc::default()),
            configurations: [Arc::new(checked(&one)?), Arc::new(checked(&other)?)],
            pass: Pass::default(),
            syn: Template::new(UNIT[0], TcpFlags::SYN),
            next_connection: CONNECTIONS,
        })
    }

    /// Cycles of the plan, of the change, and of the two connections that are opened then, each by itself.
    fn change(&mut self) -> Result<[u64; 4], GraphError> {
        self.configurations.rotate_left(1);
        let start = dpdk::clock::cycles();
        let plan = self.shard.plan(&self.configurations[0]);
        let planned = dpdk::clock::cycles();
        let before = self.unit.shard.reconfigure(self.unit.now, plan);
        let changed = dpdk::clock::cycles();
        drop(before);
        Ok([planned - start, changed - planned, self.open()?, self.open()?])
    }

    fn open(&mut self) -> Result<u64, GraphError> {
        self.pass.ring.begin();
        let tuple = inbound(self.next_connection);
        self.next_connection += 1;
        self.pass.ring.push(OUTSIDE, |buffer| self.syn.write(&tuple, buffer));
        self.pass.run(&mut self.unit)
    }
}
