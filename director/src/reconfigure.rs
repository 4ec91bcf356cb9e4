//! A running shard gets another configuration, and connections are removed by hand.

use std::net::IpAddr;

use arrayvec::ArrayVec;
use flow_table::FlowId;
use ipnet::IpNet;
use model::Instant;
use packet::Address;

use crate::Shard;
use crate::connection::Connection;
use crate::lane::Lane;
use crate::listing::Cursor;
use crate::plan::Plan;
use crate::shard::Core;

/// Connections that are removed together.
const KILLED: usize = 32;

/// Which connections to remove: those that match all that is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KillFilter {
    /// The client's network.
    pub client: Option<IpNet>,
    /// By [`VirtualServer::id`](crate::VirtualServer::id): of several instances at one endpoint, this one only.
    pub virtual_server: Option<u16>,
    /// By [`RealServer::id`](crate::RealServer::id).
    pub real_server: Option<u16>,
}

impl KillFilter {
    fn admits<A: Address>(&self, core: &Core, connection: &Connection<A>) -> bool {
        let slot = core.plan.slot(connection.binding);
        let client: IpAddr = connection.inbound.source().into();
        self.client.is_none_or(|network| network.contains(&client))
            && self.virtual_server.is_none_or(|id| id == slot.virtual_id)
            && self.real_server.is_none_or(|id| id == slot.real_id)
    }
}

impl Shard {
    /// Has another configuration apply to what comes from now on. Connections stay as they are; those by bindings that there
    /// are no more go with the next round of [`expire`](Self::expire). Returns what there was before, to be dropped where
    /// that may take its time: nothing is allocated or freed here. It takes a time that grows with servers and bindings, not
    /// with connections.
    pub fn reconfigure(&mut self, now: Instant, mut plan: Box<Plan>) -> Box<Plan> {
        self.core.set_time(now);
        plan.succeed(&self.core.plan, &self.core.counters);
        self.core.loads.begin(&plan.configuration, &self.core.shared);
        self.core.forget_removed(&plan);
        std::mem::swap(&mut self.core.plan, &mut plan);
        self.apply_aside(now);
        plan
    }

    /// Removes connections that pass `filter`, among the next `budget` slots from `cursor` on. Returns how many, and where to
    /// go on; `None` at the end of the table.
    pub fn kill(
        &mut self,
        now: Instant,
        cursor: Cursor,
        filter: &KillFilter,
        budget: usize,
    ) -> (u64, Option<Cursor>) {
        self.core.set_time(now);
        let (killed, next) = match cursor.second_family {
            false => self.v4.kill(&mut self.core, cursor.slot, filter, budget),
            true => self.v6.kill(&mut self.core, cursor.slot, filter, budget),
        };
        let next = match next {
            Some(slot) => Some(Cursor { slot, ..cursor }),
            None if !cursor.second_family => Some(Cursor { second_family: true, slot: 0 }),
            None => None,
        };
        (killed, next)
    }
}

impl Core {
    /// Forgets that real servers were in service that `next` does not have: their numbers may become others'.
    fn forget_removed(&mut self, next: &Plan) {
        for index in 0..self.plan.configuration.real_servers().len() {
            let server = &self.plan.configuration.real_servers()[index];
            let id = server.id();
            if !next.has_real(server) {
                self.in_service[usize::from(id)] = false;
                self.forget_told_of(id);
            }
        }
    }
}

impl<A: Address> Lane<A> {
    fn kill(
        &mut self,
        core: &mut Core,
        first: usize,
        filter: &KillFilter,
        budget: usize,
    ) -> (u64, Option<usize>) {
        let end = first.saturating_add(budget).min(self.table.slots());
        let (mut slot, mut killed) = (first, 0);
        loop {
            let mut found = ArrayVec::<FlowId, KILLED>::new();
            while let Some(id) = self.table.next_occupied(slot, end).filter(|_| !found.is_full()) {
                slot = id.index() + 1;
                let connection = self.table.get(id);
                let is_meant = connection.is_some_and(|connection| filter.admits(core, connection));
                found.extend(is_meant.then_some(id));
            }
            if found.is_empty() {
                break;
            }
            killed += found.len() as u64;
            found.into_iter().for_each(|id| self.remove(core, id));
        }
        (killed, (end < self.table.slots()).then_some(end))
    }
}
