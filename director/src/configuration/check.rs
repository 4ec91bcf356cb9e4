//! From what was written to what it means. All mistakes are found, not only the first.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::limits;

use super::check_bindings::{self, Bound};
use super::check_servers::{RealSettings, VirtualSettings};
use super::client_table::ClientTables;
use super::names::{Mistakes, Names, Role};
use super::{
    Binding, Configuration, ConfigurationDraft, Mistake, Place, Problem, RealServer, TimeoutKind, Timeouts,
    TimeoutsDraft, VirtualServer,
};
use super::{check_clients, check_groups, check_servers};

pub(super) fn check(draft: &ConfigurationDraft) -> Result<Configuration, Vec<Mistake>> {
    let mut mistakes = Mistakes::default();
    let virtual_texts = draft.virtual_servers.iter().map(|server| server.name.as_str());
    let virtual_names = Names::read(Role::Virtual, virtual_texts, &mut mistakes);
    let real_texts = draft.real_servers.iter().map(|server| server.name.as_str());
    let real_names = Names::read(Role::Real, real_texts, &mut mistakes);
    keep_addresses_apart(&virtual_names, &real_names, &mut mistakes);
    let names = (&virtual_names, &real_names);
    let reals = check_servers::real_servers(draft, &real_names, &mut mistakes);
    let backups = check_servers::backups(draft, names, &mut mistakes);
    let bound = check_bindings::check(draft, names, (&reals, &backups), &mut mistakes);
    let groups = check_groups::check(draft, &virtual_names, &real_names, &mut mistakes);
    let members = check_groups::members(draft, &virtual_names, &groups, &mut mistakes);
    check_groups::keep_real_servers_apart(names, &groups, &members, &bound, &mut mistakes);
    check_servers::virtual_backups(draft, &virtual_names, &backups, &members, &mut mistakes);
    let timeouts = timeouts(&draft.timeouts, Place::Timeout, &mut mistakes);
    let buddies = check_clients::buddies(draft, &virtual_names, &members, &mut mistakes);
    let virtuals = check_servers::virtual_servers(draft, &virtual_names, &buddies, &mut mistakes);
    let assignments = check_clients::assignments(draft, &virtual_names, &mut mistakes);
    if !mistakes.0.is_empty() {
        return Err(mistakes.0);
    }

    // Without mistakes, each written name has been read.
    let layout = Layout { draft, virtual_names: &virtual_names, members: &members, virtuals, backups };
    let (virtual_servers, bindings) = layout.lay_out(bound);
    Ok(Configuration {
        virtual_servers,
        real_servers: real_servers(draft, &real_names, reals),
        bindings,
        groups,
        served: None,
        assignments: Arc::new(assignments),
        timeouts,
        tcp_without_connection: draft.tcp_without_connection,
        hash_seed: draft.hash_seed,
        client_tables: ClientTables::new(draft.virtual_servers.len()),
    })
}

fn real_servers(
    draft: &ConfigurationDraft,
    names: &Names<'_>,
    settings: Vec<RealSettings>,
) -> Vec<RealServer> {
    let written = draft.real_servers.iter().zip(names.names()).zip(settings);
    let server =
        |(id, ((server, name), settings)): (u16, ((&super::RealServerDraft, _), RealSettings))| RealServer {
            name,
            id,
            weight: settings.weight,
            in_service: server.in_service,
            max_connections: settings.max_connections,
            backup: settings.backup,
            threshold: settings.threshold,
            count_resets: server.count_resets,
            retry: settings.retry,
            slow_start: settings.slow_start,
        };
    // Fewer than 16 bits count (limits::REAL_SERVERS).
    (0..).zip(written).map(server).collect()
}

/// Lays the bindings of each virtual server next to each other.
struct Layout<'a> {
    draft: &'a ConfigurationDraft,
    virtual_names: &'a Names<'a>,
    members: &'a [usize],
    virtuals: Vec<VirtualSettings>,
    backups: Vec<Option<check_servers::Target>>,
}

impl Layout<'_> {
    fn lay_out(self, bound: Vec<Vec<Bound>>) -> (Vec<VirtualServer>, Vec<Binding>) {
        let mut bindings = Vec::new();
        let mut servers = Vec::new();
        let written = self.draft.virtual_servers.iter().zip(self.virtual_names.names());
        let written = written.zip(self.virtuals).zip(bound).zip(self.backups).enumerate();
        for (virtual_server, ((((server, name), settings), real_servers), backup)) in written {
            let start = bindings.len();
            let binding = |bound: Bound| Binding {
                virtual_server,
                real_server: bound.real_server,
                id: 0,
                stand_in: bound.stand_in,
            };
            bindings.extend(real_servers.into_iter().map(binding));
            let range = start..bindings.len();
            servers.push(VirtualServer {
                name,
                // Fewer than 16 bits count (limits::VIRTUAL_SERVERS).
                id: u16::try_from(virtual_server).unwrap_or(u16::MAX),
                predictor: server.predictor,
                in_service: server.in_service,
                replicate: server.replicate,
                group: self.members[virtual_server],
                refusal: server.refuse,
                sticky: settings.sticky,
                max_connections: settings.max_connections,
                backup: backup
                    .and_then(|target| target.resolve(&bindings, range.clone(), server.backup_when)),
                timeouts: settings.timeouts,
                resends: settings.resends,
                synguard: settings.synguard,
                bindings: range,
            });
        }
        for (id, binding) in (0..).zip(&mut bindings) {
            binding.id = id;
        }
        (servers, bindings)
    }
}

/// A packet from a real server's address must not look like one to a virtual server.
fn keep_addresses_apart(virtual_names: &Names<'_>, real_names: &Names<'_>, mistakes: &mut Mistakes) {
    let mut virtual_addresses = HashMap::new();
    for &(text, name) in &virtual_names.read {
        if let Some(name) = name {
            virtual_addresses.entry(name.address).or_insert(text);
        }
    }
    for (index, (_, name)) in real_names.read.iter().enumerate() {
        let Some(address) = name.map(|name| name.address) else {
            continue;
        };
        if let Some(&text) = virtual_addresses.get(&address) {
            let virtual_server = text.to_owned();
            mistakes.add(Place::RealServer(index), Problem::RealIsVirtual { address, virtual_server });
        }
    }
}

/// Reads timeouts, each of which is at the place of its kind.
pub(super) fn timeouts(
    written: &TimeoutsDraft,
    place: impl Fn(TimeoutKind) -> Place,
    mistakes: &mut Mistakes,
) -> Timeouts {
    let mut read = |kind, seconds| {
        if !(1..=u64::from(limits::IDLE_TIMEOUT_S)).contains(&seconds) {
            mistakes.add(place(kind), Problem::Timeout(seconds));
        }
        Duration::from_secs(seconds)
    };
    Timeouts {
        tcp_syn: read(TimeoutKind::TcpSyn, written.tcp_syn_s),
        tcp_established: read(TimeoutKind::TcpEstablished, written.tcp_established_s),
        tcp_half_closed: read(TimeoutKind::TcpHalfClosed, written.tcp_half_closed_s),
        tcp_closed: read(TimeoutKind::TcpClosed, written.tcp_closed_s),
        tcp_reset: read(TimeoutKind::TcpReset, written.tcp_reset_s),
        udp: read(TimeoutKind::Udp, written.udp_s),
    }
}
