//! Connections as trials of real servers: SYNs that are sent again, connections that are ditched, real servers that fail by
//! them and come back (seed 003, figures 3B and 3C).

use flow_table::FlowId;
use packet::Address;

use crate::choice::Target;
use crate::classify::Flow;
use crate::connection::{Connection, Marks};
use crate::lane::Lane;
use crate::plan::Slot;
use crate::shard::{Core, PENDING};
use crate::{ConnectionState, Direction, Frame, NextHopTable, RealState, Verdict};

/// A SYN that comes sooner after the one before is a copy of it, or an attack: clients wait for a second first (RFC 6298
/// section 2), and who could have connections ditched by sending fast could fail every real server.
const RESEND_MS: u32 = 200;

impl<A: Address> Lane<A> {
    /// Gives a connection that its real server did not answer to another one.
    #[cold]
    #[inline(never)]
    pub(crate) fn ditch(
        &mut self,
        core: &mut Core,
        next_hops: &NextHopTable,
        frame: &mut Frame<'_>,
        flow: &Flow<A>,
        id: FlowId,
    ) -> Verdict {
        let Some(connection) = self.table.get(id) else { return PENDING };
        let binding = core.plan.slot(connection.binding).binding();
        if let Some(binding) = binding {
            core.note_ditched(connection, binding);
        }
        self.remove(core, id);
        match self.admit(core, next_hops, frame, flow, binding) {
            Ok(id) => self.translate(core, next_hops, frame, flow, id),
            Err(verdict) => verdict,
        }
    }
}

impl Core {
    /// Whether the binding of a connection is not in the configuration any more.
    pub(crate) fn is_gone<A: Address>(&self, connection: &Connection<A>) -> bool {
        self.plan.slot(connection.binding).binding().is_none()
    }

    /// Notes that a connection was made whose first packet goes to the real server of `binding` now.
    pub(crate) fn note_admitted(&mut self, target: &Target, state: ConnectionState, token: u64) {
        self.plan.predictors.note_syn(target.binding, token, self.now);
        if target.is_trial && state != ConnectionState::New {
            // Without a handshake nothing is found out.
            self.shared.abandon_test(self.plan.real_server(target.binding).id());
        }
    }

    /// Counts a repeated SYN of the client. Returns whether the connection is to be ditched.
    pub(crate) fn is_ditched_by_resend<A: Address>(&mut self, connection: &mut Connection<A>) -> bool {
        if connection.state == ConnectionState::New || connection.idle_ms(self.now_ms) < RESEND_MS {
            return false;
        }
        connection.syn_resends = connection.syn_resends.saturating_add(1);
        let Some(binding) = self.plan.slot(connection.binding).binding() else { return false };
        if self.plan.times(binding) {
            let token = self.token(connection);
            self.plan.predictors.note_resent(binding, token);
        }
        let most = self.plan.virtual_server(self.plan.binding(binding).virtual_server()).resends();
        connection.state == ConnectionState::Syn && most != 0 && connection.syn_resends >= most
    }

    /// Notes that a connection whose handshake was under way went on from the state `before`, by a packet in `direction`.
    pub(crate) fn note_handshake<A: Address>(
        &mut self,
        connection: &Connection<A>,
        before: ConnectionState,
        direction: Direction,
    ) {
        let slot = self.plan.slot(connection.binding);
        if !connection.state.is_half_open() {
            self.loads.close_half(&slot, &self.shared);
        }
        let Some(binding) = slot.binding() else { return };
        let was_unanswered = matches!(before, ConnectionState::New | ConnectionState::Syn);
        if direction == Direction::Inbound {
            if was_unanswered && connection.state == ConnectionState::Reset {
                // The client has given up: that says nothing of the real server.
                self.abandon_trial(connection, &slot);
            }
            return;
        }
        if !was_unanswered {
            return;
        }
        match connection.state {
            ConnectionState::Reset if self.plan.counts_resets(binding) => {
                self.note_ditched(connection, binding);
            }
            // It is there, and says so.
            ConnectionState::Reset => {
                self.shared.answered(slot.real_id);
            }
            _ => self.note_answer(connection, binding),
        }
    }

    /// Notes that the real server of a connection did not answer it.
    fn note_ditched<A: Address>(&self, connection: &Connection<A>, binding: usize) {
        let is_trial = connection.marks.contains(Marks::TRIAL);
        self.shared.ditch(self.now, self.plan.real_server(binding), is_trial);
    }

    /// Notes that the real server answered the client's SYN.
    fn note_answer<A: Address>(&mut self, connection: &Connection<A>, binding: usize) {
        if self.plan.times(binding) {
            let token = self.token(connection);
            self.plan.predictors.note_answer(binding, token, self.now);
        }
        self.shared.answered(self.plan.real_server(binding).id());
    }

    /// What the predictor knows a connection by.
    fn token<A: Address>(&self, connection: &Connection<A>) -> u64 {
        let [inbound, _] = connection.keys();
        self.hasher.hash(&inbound)
    }

    fn abandon_trial<A: Address>(&self, connection: &Connection<A>, slot: &Slot) {
        if connection.marks.contains(Marks::TRIAL) {
            self.shared.abandon_test(slot.real_id);
        }
    }

    /// Notes that a connection went whose handshake was still under way.
    pub(crate) fn forget_half_open<A: Address>(&mut self, slot: &Slot, connection: &Connection<A>) {
        self.loads.close_half(slot, &self.shared);
        let is_unanswered = matches!(connection.state, ConnectionState::New | ConnectionState::Syn);
        let tries = is_unanswered && connection.marks.contains(Marks::TRIAL);
        if !tries || self.shared.real_state(slot.real_id) != RealState::Tested {
            return;
        }
        match slot.binding() {
            Some(binding) => {
                self.shared.fail(self.now, self.plan.real_server(binding));
            }
            None => self.shared.abandon_test(slot.real_id),
        }
    }
}
