//! A standby takes over what the active unit told: seed 001, figure 7.
//!
//! A connection that is made here is counted like one that was admitted, so that the counters are those of the table,
//! and move only when the table changes (figure 8). Nothing is made that a record does not say.

use flow_table::FlowId;
use model::{ConnectionEnds, ConnectionRecord, Phase};
use packet::{Address, Deltas};

use super::{Keys, Replica};
use crate::ConnectionState;
use crate::connection::{Connection, Hop, Marks};
use crate::lane::Lane;
use crate::shard::Core;

impl<A: Address> Lane<A> {
    /// Makes or refreshes the connection that `record` tells of, and links it with its buddy (steps 714 to 722).
    pub(super) fn create(&mut self, core: &mut Core, record: &ConnectionRecord) {
        let made = self.create_alone(core, record);
        let Some(buddy) = &record.buddy else { return };
        if made.is_some() {
            self.create_buddy(core, record, buddy);
        }
    }

    /// The buddy of a connection that is here: it is made if it is not here (step 720), and linked (step 722).
    fn create_buddy(&mut self, core: &mut Core, record: &ConnectionRecord, buddy: &ConnectionEnds) {
        if buddy.client.address != record.ends.client.address {
            core.counters.replica.buddies_refused.add(1);
            return;
        }
        let found = self.find_by_ends(core, buddy).or_else(|| {
            let back = Some(Box::new(record.ends));
            let (bind_id, group) = (record.bind_id, record.group);
            let record = ConnectionRecord { ends: *buddy, phase: Phase::Open, bind_id, group, buddy: back };
            self.create_alone(core, &record)
        });
        // Asked for anew: a buddy that contradicts the connection has taken its place.
        match (self.find_by_ends(core, &record.ends), found) {
            (Some(one), Some(other)) => {
                self.join(core, one, other);
            }
            _ => core.counters.replica.buddies_refused.add(1),
        }
    }

    /// Makes or refreshes the connection that `record` tells of. `None` if it is not in the table then.
    fn create_alone(&mut self, core: &mut Core, record: &ConnectionRecord) -> Option<FlowId> {
        let owned = core.steering.owner(record.ends.client.address) == core.index;
        let Some(keys) = Keys::of(core, &record.ends).filter(|_| owned) else {
            core.counters.replica.refused_invalid.add(1);
            return None;
        };
        if let Some(id) = self.find_exactly(&keys) {
            self.refresh(core, id, record);
            core.drop_aside(&record.ends);
            return Some(id);
        }
        self.remove_rivals(core, &keys);
        let Some(binding) = core.binding_of(record) else {
            core.keep_aside(record);
            return None;
        };
        core.drop_aside(&record.ends);
        self.insert_told(core, record, &keys, binding)
    }

    /// The connection is there already: no counter of connections moves.
    fn refresh(&mut self, core: &mut Core, id: FlowId, record: &ConnectionRecord) {
        let Some(connection) = self.table.get_mut(id) else { return };
        let before = connection.state;
        connection.state = ConnectionState::of_phase(record.phase, record.ends.protocol);
        if before.is_half_open() && !connection.state.is_half_open() {
            core.loads.close_half(&core.plan.slot(connection.binding), &core.shared);
        }
        connection.last_seen_ms = core.now_ms;
        connection.pass = core.pass();
        if !connection.marks.contains(Marks::REPLICATED) {
            core.mark(connection, &record.ends);
        }
        core.counters.replica.refreshed.add(1);
    }

    /// Removes connections that have one end too many in common with what is told: the record is newer.
    fn remove_rivals(&mut self, core: &mut Core, keys: &Keys<A>) {
        for (key, hash) in [&keys.inbound, &keys.outbound].into_iter().zip(keys.hashes) {
            if let Some(id) = self.table.find(hash, key) {
                self.remove(core, id);
                core.counters.replica.replaced.add(1);
            }
        }
    }

    fn insert_told(
        &mut self,
        core: &mut Core,
        record: &ConnectionRecord,
        keys: &Keys<A>,
        binding: u16,
    ) -> Option<FlowId> {
        let mut connection = Connection {
            inbound: keys.inbound.ends,
            outbound: keys.outbound.ends,
            deltas: Deltas::between(&keys.outside, &keys.inside),
            last_seen_ms: core.now_ms,
            client_hop: Hop::UNKNOWN,
            real_hop: Hop::UNKNOWN,
            binding,
            protocol: record.ends.protocol,
            state: ConnectionState::of_phase(record.phase, record.ends.protocol),
            syn_resends: 0,
            marks: Marks::NONE,
            pass: core.pass(),
        };
        if core.connections == core.capacity || self.table.is_full() {
            core.counters.replica.refused_full.add(1);
            return None;
        }
        core.mark(&mut connection, &record.ends);
        core.counters.replica.created.add(1);
        self.enter(core, connection, keys.hashes, false)
    }

    /// Removes exactly the connection with these ends (step 712).
    pub(super) fn delete(&mut self, core: &mut Core, ends: &ConnectionEnds) {
        if let Some(id) = self.find_by_ends(core, ends) {
            self.remove(core, id);
            core.counters.replica.deleted.add(1);
        } else if !core.delete_aside(ends) {
            core.counters.replica.unknown_deleted.add(1);
        }
    }
}

impl Core {
    /// The pass that what is made now belongs to. Nothing is told during a sweep, but something may be seen: that is not
    /// stale.
    fn pass(&self) -> u8 {
        let of_replica = |replica: &Replica| replica.sweep.as_ref().map_or(replica.pass, |sweep| sweep.pass);
        self.replica.as_deref().map_or(0, of_replica)
    }

    /// The binding that a record's connection goes by, if both servers are configured here.
    pub(super) fn binding_of(&self, record: &ConnectionRecord) -> Option<u16> {
        let ConnectionEnds { virtual_server, real_server, protocol, .. } = record.ends;
        let plan = &self.plan;
        let at = |server: usize| {
            let is_asked = plan.virtual_server(server).name().bind_id == record.bind_id;
            let binding = plan.binding_to(server, real_server, virtual_server.port).filter(|_| is_asked)?;
            Some(plan.binding(binding).id())
        };
        let instances = || plan.services.at(virtual_server.address).into_iter();
        let instances = || instances().flat_map(|services| services.instances(virtual_server.port, protocol));
        // Those of the very port come last.
        let own = instances().filter_map(at).last();
        own.or_else(|| instances().flat_map(|server| plan.backups(server)).find_map(at))
    }

    /// Keeps a record of servers that are not configured here.
    fn keep_aside(&mut self, record: &ConnectionRecord) {
        let pass = self.pass();
        let counters = &self.counters.replica;
        let Some(replica) = &mut self.replica else { return };
        if replica.aside.refresh(record, pass) {
            counters.refreshed.add(1);
            return;
        }
        if replica.aside.remove_rival(&mut replica.digests, &record.ends) {
            counters.aside_ended.add(1);
        }
        let kept = replica.aside.insert(&mut replica.digests, record, pass);
        if kept { &counters.set_aside } else { &counters.refused_aside_full }.add(1);
    }

    /// The connection with these inbound ends is in the table now, not aside.
    fn drop_aside(&mut self, ends: &ConnectionEnds) {
        let Some(replica) = &mut self.replica else { return };
        if replica.aside.remove_rival(&mut replica.digests, ends) {
            self.counters.replica.aside_ended.add(1);
        }
    }

    fn delete_aside(&mut self, ends: &ConnectionEnds) -> bool {
        let Some(replica) = &mut self.replica else { return false };
        let is_removed = replica.aside.remove(&mut replica.digests, ends);
        self.counters.replica.aside_ended.add(u64::from(is_removed));
        is_removed
    }
}
