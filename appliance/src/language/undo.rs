//! What `no` does: back to the default.
//!
//! What is there or is not there has to be there to be undone. A value that has its default stays as it is.

use commands::Undo;
use director::{Predictor, RealServerDraft, TcpWithoutConnection, TimeoutsDraft, VirtualServerDraft};

use super::apply::Differences;
use super::editor::Editor;
use super::values::general_timeout;

impl Editor {
    pub(super) fn undo(&mut self, undo: &Undo) -> Differences {
        match *undo {
            Undo::Virtual { server } => self.remove_virtual(server),
            Undo::Real { server } => self.remove_real(server),
            Undo::Bind { virtual_server, ref real_servers } => self.unbind(virtual_server, real_servers),
            Undo::Assign { server, ref clients } => self.unassign(server, &clients.0),
            Undo::Buddy { ref name, ref servers } => self.remove_buddies(name, servers),
            Undo::Group { ref name } => self.remove_group(name),
            Undo::InService { ref servers } => self.set_service(servers, false),
            Undo::OutOfService { ref servers } => self.set_service(servers, true),
            Undo::Predictor { server } => self.set_predictor(server, Predictor::default()),
            Undo::Weight { server } => self.set_weight(server, 1),
            Undo::MaxConnections { server } => self.set_max_connections(server, None),
            Undo::Sticky { server } => self.unset_sticky(server),
            Undo::Backup { server } => self.unset_backup(server),
            Undo::Refuse { server } => self.set_refusal(server, None),
            Undo::Threshold { server } => self.set_threshold(server, RealServerDraft::THRESHOLD, true),
            Undo::Retry { server } => self.set_retry(server, RealServerDraft::RETRY_S),
            Undo::Resends { server } => self.set_resends(server, VirtualServerDraft::RESENDS),
            Undo::SlowStart { server } => self.set_slow_start(server, 0),
            Undo::SynGuard { server } => self.set_synguard(server, None),
            Undo::Replicate { server } => self.set_replicate(server, false),
            Undo::Timeout { server: Some(server), state } => self.set_own_timeout(server, state, None),
            Undo::Timeout { server: None, state } => {
                let default = *general_timeout(&mut TimeoutsDraft::default(), state);
                Ok(self.set_general_timeout(state, default))
            }
            Undo::WithoutConnection => Ok(self.set_without_connection(TcpWithoutConnection::default())),
            Undo::HashSeed => Ok(self.set_hash_seed(0)),
        }
    }
}
