//! Real servers that failed and that an operator puts in service: they are given connections at once, not after one has tried
//! them.

use commands::{Change, ServiceState};
use model::ServerName;

use super::Running;

impl Running {
    /// Has real servers that failed be chosen again, as far as `changes` put them in service. Returns what that was, in words.
    /// With `dry_run` nothing changes.
    pub(super) fn bring_back(&self, changes: &[Change], dry_run: bool) -> Vec<String> {
        let director = self.director.load();
        let named = changes.iter().flat_map(put_in_service);
        let mut words = Vec::new();
        for server in named.filter_map(|name| director.find_real(name)) {
            let server = &director.real_servers()[server];
            let has_failed = match dry_run {
                true => self.shared.failed_at(server.id()).is_some(),
                false => self.shared.restore(server.id()),
            };
            if has_failed {
                words.push(format!("real server {}: had failed, is given connections again", server.name()));
            }
        }
        words
    }
}

/// The servers that a command puts in service.
fn put_in_service(change: &Change) -> Vec<ServerName> {
    match change {
        Change::InService { servers } => servers.clone(),
        Change::Real { server, state: Some(ServiceState::Is) } => vec![*server],
        _ => Vec::new(),
    }
}
