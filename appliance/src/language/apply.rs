//! Which command does what.

use commands::{Change, ServiceState};
use director::{RealServerDraft, VirtualServerDraft};
use model::ServerName;

use super::editor::Editor;
use super::error::{CommandError, Role};
use super::servers::Server;
use super::settings::set;
use super::values::{backup_when, is_in_service, predictor, refusal, service, without_connection};

/// What is different after a command, in words: nothing if all was so before.
pub(super) type Differences = Result<Vec<String>, CommandError>;

impl Editor {
    /// Carries a command out. After an error, part of it may have been; use another editor then.
    pub(super) fn apply(&mut self, change: &Change) -> Differences {
        match *change {
            Change::Virtual { server, state, ref group } => {
                self.define_virtual(server, state, group.as_deref())
            }
            Change::Real { server, state } => self.define_real(server, state),
            Change::Bind { virtual_server, ref real_servers } => self.bind(virtual_server, real_servers),
            Change::Assign { server, ref clients } => self.assign(server, &clients.0),
            Change::Buddy { ref name, ref servers } => self.add_buddies(name, servers),
            Change::Group(ref group) => self.set_group(group),
            Change::InService { ref servers } => self.set_service(servers, true),
            Change::OutOfService { ref servers } => self.set_service(servers, false),
            Change::Backup { server, backup, when } => self.set_backup(server, backup, backup_when(when)),
            Change::MaxConnections { server, count } => self.set_max_connections(server, Some(count)),
            Change::Predictor { server, predictor: name } => self.set_predictor(server, predictor(name)),
            Change::Sticky { server, minutes, ipv4_prefix, ipv6_prefix } => {
                self.set_sticky(server, minutes, (ipv4_prefix, ipv6_prefix))
            }
            Change::Refuse { server, how } => self.set_refusal(server, Some(refusal(how))),
            Change::Resends { server, count } => self.set_resends(server, count),
            Change::SynGuard { server, count } => self.set_synguard(server, Some(count)),
            Change::Replicate { server } => self.set_replicate(server, true),
            Change::Timeout { state, seconds, server: Some(server) } => {
                self.set_own_timeout(server, state, Some(seconds))
            }
            Change::Weight { server, weight } => self.set_weight(server, weight),
            Change::Threshold { server, count, ignore_resets } => {
                self.set_threshold(server, count, !ignore_resets)
            }
            Change::Retry { server, seconds } => self.set_retry(server, seconds),
            Change::SlowStart { server, seconds } => self.set_slow_start(server, seconds),
            Change::Timeout { state, seconds, server: None } => Ok(self.set_general_timeout(state, seconds)),
            Change::WithoutConnection { what } => Ok(self.set_without_connection(without_connection(what))),
            Change::HashSeed { seed } => Ok(self.set_hash_seed(seed)),
            Change::No { ref undo } => self.undo(undo),
        }
    }

    fn define_virtual(
        &mut self,
        name: ServerName,
        state: Option<ServiceState>,
        group: Option<&str>,
    ) -> Differences {
        if self.virtuals.has(name) {
            let mut differences = match state {
                Some(state) => self.set_service(&[name], is_in_service(state))?,
                None => Vec::new(),
            };
            if let Some(group) = group {
                let slot = &mut self.virtuals.get_mut(name)?.draft.group;
                let in_words =
                    |group: &Option<String>| group.clone().unwrap_or_else(|| "the first".to_owned());
                differences.extend(set(name, "group", slot, Some(group.to_owned()), in_words));
            }
            return Ok(differences);
        }
        let in_service = state.is_none_or(is_in_service);
        let group = group.map(str::to_owned);
        let draft = VirtualServerDraft { in_service, group, ..VirtualServerDraft::new(&name.to_string()) };
        self.virtuals.add(Server { name, draft, backup: None });
        Ok(vec![format!("{name}: a new virtual server, {}", service(in_service))])
    }

    fn define_real(&mut self, name: ServerName, state: Option<ServiceState>) -> Differences {
        if self.reals.has(name) {
            return state.map_or(Ok(Vec::new()), |state| self.set_service(&[name], is_in_service(state)));
        }
        let in_service = state.is_none_or(is_in_service);
        let draft = RealServerDraft { in_service, ..RealServerDraft::new(&name.to_string()) };
        self.reals.add(Server { name, draft, backup: None });
        Ok(vec![format!("{name}: a new real server, {}", service(in_service))])
    }

    pub(super) fn set_service(&mut self, servers: &[ServerName], in_service: bool) -> Differences {
        let mut differences = Vec::new();
        for &name in servers {
            let slot = match self.role(name)? {
                Role::Virtual => &mut self.virtuals.get_mut(name)?.draft.in_service,
                Role::Real => &mut self.reals.get_mut(name)?.draft.in_service,
            };
            differences.extend(set(name, "state", slot, in_service, |&is| service(is)));
        }
        Ok(differences)
    }
}
