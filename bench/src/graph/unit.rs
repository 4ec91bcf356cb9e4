//! The unit as these benchmarks run it: a shard between two ports, and what the worker does around it. There is no
//! driver: batches come from prepared buffers, and transmitting ends with the arrays that a driver would take.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use arrayvec::ArrayVec;
use director::{
    Configuration, ConfigurationDraft, Frame, NextHopTable, Port, PortIndex, PortRole, Predictor,
    ReplicationSettings, Route, Shard, ShardConfiguration, Shared, Steering, TcpWithoutConnection,
    TimeoutsDraft, Unmatched, Verdict,
};
use model::limits::BATCH;
use model::{Instant, MacAddress, UnitState};
use packet::TcpFlags;

use super::GraphError;
use super::pass::{Graph, Outputs, Pass};
use crate::load::frames::{ROUTER, Template, Version, inbound, outbound};

/// Where clients are.
pub(crate) const OUTSIDE: PortIndex = PortIndex(0);
/// Where real servers are.
pub(crate) const INSIDE: PortIndex = PortIndex(1);

/// The unit's stations on both sides.
pub(crate) const UNIT: [MacAddress; 2] = [MacAddress([2, 0, 0, 0, 0, 1]), MacAddress([2, 0, 0, 0, 0, 2])];

/// What all real servers answer as.
pub(crate) const SERVER: MacAddress = MacAddress([2, 0, 0, 0, 0, 0x0b]);

/// The same in every run: tables of other seeds have other collisions, and cost another number of instructions.
const HASH_SEED: u64 = 1;

/// What both units of a pair have.
const REPLICATION: ReplicationSettings =
    ReplicationSettings { digest_seed: 1, standby_timeout: Duration::ZERO, observes: false };

/// [`BATCH`] as connections are counted.
const BATCH_CONNECTIONS: u32 = 128;

const _: () = assert!(BATCH_CONNECTIONS as usize == BATCH);

/// What differs between the units of the benchmarks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Connections that the unit can hold.
    pub(crate) capacity: u32,
    /// Real servers, all bound to the one virtual server.
    pub(crate) real_servers: u16,
    /// How it chooses among them.
    pub(crate) predictor: Predictor,
    /// What becomes of segments of no connection.
    pub(crate) tcp_without_connection: TcpWithoutConnection,
    /// How long a connection stays whose both ends have closed it.
    pub(crate) tcp_closed_s: u64,
    /// Whether it has a peer that is told of its connections.
    pub(crate) is_paired: bool,
}

impl Plan {
    /// A unit of four real servers, that takes connections without seeing their beginning.
    pub(crate) const fn with_capacity(capacity: u32) -> Self {
        Self {
            capacity,
            real_servers: 4,
            predictor: Predictor::RoundRobin,
            tcp_without_connection: TcpWithoutConnection::Admit,
            tcp_closed_s: 10,
            is_paired: false,
        }
    }

    /// The real server that the connection of this number gets, where connections come in the order of their numbers.
    pub(crate) fn real_server<A: Version>(&self, connection: u32) -> A {
        A::real_server(u16::try_from(connection % u32::from(self.real_servers)).unwrap_or_default())
    }
}

/// One shard, and all that it is asked with.
pub(crate) struct Unit {
    pub(crate) shard: Shard,
    pub(crate) next_hops: NextHopTable,
    pub(crate) now: Instant,
    pub(crate) plan: Plan,
    pub(crate) verdicts: ArrayVec<Verdict, BATCH>,
}

impl Graph for Unit {
    #[inline]
    fn pass(&mut self, frames: &mut [Frame<'_>], outputs: &mut Outputs) {
        self.shard.process(self.now, &self.next_hops, frames, &mut self.verdicts);
        outputs.sort(&self.verdicts);
    }
}

impl Unit {
    /// A unit without connections.
    ///
    /// # Errors
    ///
    /// When the configuration is refused: the plan asks for too much.
    pub(crate) fn new(plan: Plan) -> Result<Self, GraphError> {
        Self::of(plan, &draft(plan), Arc::default())
    }

    /// The same with more to its configuration than the plan has.
    ///
    /// # Errors
    ///
    /// When the configuration is refused.
    pub(crate) fn of(
        plan: Plan,
        draft: &ConfigurationDraft,
        shared: Arc<Shared>,
    ) -> Result<Self, GraphError> {
        let mut shard = Shard::new(shard_configuration(plan, checked(draft)?, shared));
        shard.set_listened(plan.is_paired);
        let next_hops = next_hops(plan.real_servers);
        Ok(Self { shard, next_hops, now: Instant::from_millis(1_000), plan, verdicts: ArrayVec::new() })
    }

    /// A unit whose connections 0 up to its capacity are all established, and have had a packet in each direction.
    ///
    /// # Errors
    ///
    /// When a packet was not forwarded.
    pub(crate) fn established<A: Version>(plan: Plan) -> Result<Self, GraphError> {
        let mut unit = Self::new(plan)?;
        unit.establish::<A>(plan.capacity)?;
        Ok(unit)
    }

    /// Establishes connections 0 up to `count` of a unit that has none.
    ///
    /// # Errors
    ///
    /// When a packet was not forwarded.
    pub(crate) fn establish<A: Version>(&mut self, count: u32) -> Result<(), GraphError> {
        let plan = self.plan;
        let mut pass = Pass::default();
        let segment = Template::<A>::new(UNIT[0], TcpFlags::ACK);
        let answer = Template::<A>::new(UNIT[1], TcpFlags::ACK);
        for first in (0..count).step_by(BATCH) {
            let batch = first..count.min(first + BATCH_CONNECTIONS);
            pass.ring.begin();
            for connection in batch.clone() {
                pass.ring.push(OUTSIDE, |buffer| segment.write(&inbound(connection), buffer));
            }
            pass.run(self)?;
            pass.ring.begin();
            for connection in batch {
                let tuple = outbound(connection, plan.real_server::<A>(connection));
                pass.ring.push(INSIDE, |buffer| answer.write(&tuple, buffer));
            }
            pass.run(self)?;
        }
        Ok(())
    }
}

/// What the shard of a plan's unit is made of.
pub(crate) fn shard_configuration(
    plan: Plan,
    configuration: Configuration,
    shared: Arc<Shared>,
) -> ShardConfiguration {
    ShardConfiguration {
        director: Arc::new(configuration),
        shared,
        ports: ports(),
        index: 0,
        steering: Steering::new(1),
        capacity: plan.capacity as usize,
        hash_seed: HASH_SEED,
        replication: plan.is_paired.then_some(REPLICATION),
        state: UnitState::Active,
    }
}

/// What was written, checked.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn checked(draft: &ConfigurationDraft) -> Result<Configuration, GraphError> {
    draft.build().map_err(|mistakes| GraphError::Configuration(format!("{mistakes:?}")))
}

/// The servers of a plan's unit: of each version of IP one virtual server, and all real servers bound to it.
pub(crate) fn draft(plan: Plan) -> ConfigurationDraft {
    let timeouts = TimeoutsDraft { tcp_closed_s: plan.tcp_closed_s, ..TimeoutsDraft::default() };
    let draft =
        Configuration::builder().timeouts(timeouts).tcp_without_connection(plan.tcp_without_connection);
    let draft = add_services::<Ipv4Addr>(draft, plan);
    add_services::<Ipv6Addr>(draft, plan)
}

fn add_services<A: Version>(mut draft: ConfigurationDraft, plan: Plan) -> ConfigurationDraft {
    let virtual_server = A::service(A::VIRTUAL);
    let reals: Vec<String> =
        (0..plan.real_servers).map(|number| A::service(A::real_server(number))).collect();
    for real in &reals {
        draft = draft.real_server(real);
    }
    let reals: Vec<&str> = reals.iter().map(String::as_str).collect();
    draft.virtual_server(&virtual_server, plan.predictor).bind(&virtual_server, &reals)
}

fn ports() -> Arc<[Port]> {
    let port = |index: PortIndex, role, addresses| Port {
        mac: UNIT[usize::from(index.0)],
        unit_mac: UNIT[usize::from(index.0)],
        role,
        unmatched: Unmatched::Drop,
        mtu: 1_500,
        addresses,
        shared_addresses: Vec::new(),
        bridge_to: None,
    };
    let own = |v4: [u8; 4], v6: [u16; 8]| vec![IpAddr::from(v4), IpAddr::from(v6)];
    Arc::new([
        port(OUTSIDE, PortRole::Outside, own([198, 51, 100, 1], [0x2001, 0xdb8, 2, 0, 0, 0, 0, 1])),
        port(INSIDE, PortRole::Inside, own([10, 1, 0, 1], [0x2001, 0xdb8, 1, 0, 0, 0, 0, 1])),
    ])
}

/// Clients behind a router, real servers on the link.
fn next_hops(real_servers: u16) -> NextHopTable {
    let mut table = NextHopTable::new(1);
    let (router_v4, router_v6) =
        (Ipv4Addr::new(198, 51, 100, 254), Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xfe));
    let route = |network: (IpAddr, u8), port, gateway| {
        (ipnet::IpNet::new_assert(network.0, network.1), Route { port, gateway })
    };
    for (network, route) in [
        route((Ipv4Addr::UNSPECIFIED.into(), 0), OUTSIDE, Some(router_v4.into())),
        route((Ipv6Addr::UNSPECIFIED.into(), 0), OUTSIDE, Some(router_v6.into())),
        route((Ipv4Addr::real_server(0).into(), 16), INSIDE, None),
        route((Ipv6Addr::real_server(0).into(), 64), INSIDE, None),
    ] {
        table.add_route(network, route);
    }
    table.add_neighbor(OUTSIDE, router_v4.into(), ROUTER);
    table.add_neighbor(OUTSIDE, router_v6.into(), ROUTER);
    for number in 0..real_servers {
        table.add_neighbor(INSIDE, Ipv4Addr::real_server(number).into(), SERVER);
        table.add_neighbor(INSIDE, Ipv6Addr::real_server(number).into(), SERVER);
    }
    table
}
