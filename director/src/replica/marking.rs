//! Connections that the other unit is told of: they are marked, are part of their range's digest, and make updates.

use model::{ConnectionEnds, ConnectionRecord, ShardReport, UnitState, Update};
use packet::Address;

use crate::ConnectionState;
use crate::connection::{Connection, Marks};
use crate::plan::Plan;
use crate::shard::Core;

impl Core {
    /// Notes that a connection went on from the state `before`: the other unit is told of it as soon as SYN, SYN-ACK
    /// and ACK were seen (seed 001, figure 6A), and again when it is over, so that there, too, it is soon forgotten. That
    /// one side alone has closed is not told: it would be as many records again, for a timeout.
    pub(crate) fn note_progress<A: Address>(
        &mut self,
        connection: &mut Connection<A>,
        before: ConnectionState,
    ) {
        use ConnectionState::{Reset, SynAck};
        if before == SynAck && !matches!(connection.state, SynAck | Reset) {
            self.note_established(connection);
        } else if connection.state.is_over()
            && !before.is_over()
            && connection.marks.contains(Marks::REPLICATED)
        {
            self.tell_phase(connection);
        }
    }

    fn tell_phase<A: Address>(&mut self, connection: &Connection<A>) {
        let record = self.plan.record(connection, None);
        self.tell(Update::Create(record));
    }

    /// Notes that data may flow: has the other unit told, if the virtual server's connections are.
    pub(crate) fn note_established<A: Address>(&mut self, connection: &mut Connection<A>) {
        let Some(replica) = &mut self.replica else { return };
        if !self.plan.slot(connection.binding).is_replicated || connection.marks.contains(Marks::REPLICATED) {
            return;
        }
        let ends = connection.ends();
        if connection.marks.contains(Marks::BUDDY) && replica.joined.try_push(ends).is_err() {
            self.counters.replica.updates_lost.add(1);
        }
        let record = self.plan.record(connection, None);
        self.mark(connection, &ends);
        self.tell(Update::Create(record));
    }

    /// Marks a connection as one that both units have.
    pub(super) fn mark<A: Address>(&mut self, connection: &mut Connection<A>, ends: &ConnectionEnds) {
        let Some(replica) = &mut self.replica else { return };
        connection.marks.set(Marks::REPLICATED, true);
        replica.digests.add(ends);
        self.counters.bindings[usize::from(connection.binding)].marked.add(1);
        self.counters.marked.add(1);
    }

    /// Notes that a marked connection is gone.
    #[cold]
    pub(crate) fn note_removed<A: Address>(&mut self, connection: &Connection<A>) {
        let Some(replica) = &mut self.replica else { return };
        let ends = connection.ends();
        replica.digests.subtract(&ends);
        self.counters.bindings[usize::from(connection.binding)].unmarked.add(1);
        self.counters.unmarked.add(1);
        self.tell(Update::Delete(ends));
    }

    /// Queues a live update, if anybody listens.
    pub(super) fn tell(&mut self, update: Update) {
        let is_told = self.state == UnitState::Active && self.is_listened;
        let Some(replica) = self.replica.as_mut().filter(|_| is_told) else { return };
        let counters = &self.counters.replica;
        if replica.outbox.push(ShardReport::Update(update)) {
            counters.updates_told.add(1);
        } else {
            counters.updates_lost.add(1);
        }
    }
}

impl Plan {
    /// What the other unit is told of a connection.
    pub(super) fn record<A: Address>(
        &self,
        connection: &Connection<A>,
        buddy: Option<ConnectionEnds>,
    ) -> ConnectionRecord {
        ConnectionRecord {
            ends: connection.ends(),
            phase: connection.state.phase(),
            bind_id: self.slot(connection.binding).bind_id,
            group: 0,
            // It is told of buddies seldom: once for each pair, and in walks.
            buddy: buddy.map(Box::new),
        }
    }
}
