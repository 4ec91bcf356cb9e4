//! A configuration as the commands that make it from nothing.

use commands::{Change, Clients, Group, OfPort, ServiceState, TimeoutState, Undo};
use director::{
    BackupWhen, ConfigurationDraft, GroupDraft, Predictor, RealServerDraft, StickyDraft,
    TcpWithoutConnection, TimeoutsDraft, VirtualServerDraft,
};
use model::ServerName;

use super::editor::Editor;
use super::error::CommandError;
use super::servers::Server;
use super::values::{
    TIMEOUT_STATES, backup_when_word, comparison_word, general_timeout, own_timeout, predictor_word,
    refusal_word, strategy_word, without_connection_word,
};

/// Servers or clients that one command names: more are said in several, as people read lines.
const NAMED: usize = 16;

/// The commands that make a draft's configuration from an empty one: general settings, groups, servers with their settings,
/// and what connects them. Each of them can be carried out after those before it.
///
/// # Errors
///
/// The draft can not be built, and has a name that can not be read.
pub fn as_commands(draft: &ConfigurationDraft) -> Result<Vec<Change>, CommandError> {
    let editor = Editor::of(draft)?;
    let mut changes = general(&editor);
    for group in &editor.groups {
        changes.push(Change::Group(Box::new(as_group(group)?)));
    }
    let state = |is| Some(if is { ServiceState::Is } else { ServiceState::Oos });
    changes.extend(
        editor
            .reals
            .iter()
            .map(|server| Change::Real { server: server.name, state: state(server.draft.in_service) }),
    );
    changes.extend(editor.virtuals.iter().map(|server| Change::Virtual {
        server: server.name,
        state: state(server.draft.in_service),
        group: server.draft.group.clone(),
    }));
    changes.extend(editor.reals.iter().flat_map(settings_of_real));
    changes.extend(editor.virtuals.iter().flat_map(settings_of_virtual));
    changes.extend(links(&editor));
    changes.extend(backups(&editor));
    Ok(changes)
}

fn general(editor: &Editor) -> Vec<Change> {
    let mut changes = Vec::new();
    let (mut timeouts, mut default) = (editor.timeouts, TimeoutsDraft::default());
    for state in TIMEOUT_STATES {
        let seconds = *general_timeout(&mut timeouts, state);
        if seconds != *general_timeout(&mut default, state) {
            changes.push(Change::Timeout { state, seconds, server: None });
        }
    }
    if editor.tcp_without_connection != TcpWithoutConnection::default() {
        let what = without_connection_word(editor.tcp_without_connection);
        changes.push(Change::WithoutConnection { what });
    }
    if editor.hash_seed != 0 {
        changes.push(Change::HashSeed { seed: editor.hash_seed });
    }
    changes
}

fn as_group(group: &GroupDraft) -> Result<Group, CommandError> {
    let mut shared = Vec::new();
    for (port, addresses) in &group.shared_addresses {
        for address in addresses {
            let value = address.parse().map_err(|_| CommandError::Unreadable(address.clone()))?;
            shared.push(OfPort { port: port.clone(), value });
        }
    }
    let mut macs = Vec::new();
    for (port, mac) in &group.macs {
        let value = mac.parse().map_err(|_| CommandError::Unreadable(mac.clone()))?;
        macs.push(OfPort { port: port.clone(), value });
    }
    Ok(Group {
        name: group.name.clone(),
        primary: group.primary.clone(),
        strategy: strategy_word(group.strategy),
        compare: comparison_word(group.compare),
        hold: (group.hold_s != GroupDraft::new(&group.name).hold_s).then_some(group.hold_s),
        load_margin: group.load_margin_percent,
        advertise: group.advertise,
        shared,
        mac: macs,
    })
}

fn settings_of_real(server: &Server<RealServerDraft>) -> Vec<Change> {
    let Server { name: server, ref draft, .. } = *server;
    let default = RealServerDraft::new(&draft.name);
    let mut changes = Vec::new();
    if draft.weight != default.weight {
        changes.push(Change::Weight { server, weight: draft.weight });
    }
    changes.extend(draft.max_connections.map(|count| Change::MaxConnections { server, count }));
    if (draft.threshold, draft.count_resets) != (default.threshold, default.count_resets) {
        let ignore_resets = !draft.count_resets;
        changes.push(Change::Threshold { server, count: draft.threshold, ignore_resets });
    }
    if draft.retry_s != default.retry_s {
        changes.push(Change::Retry { server, seconds: draft.retry_s });
    }
    if draft.slow_start_s != default.slow_start_s {
        changes.push(Change::SlowStart { server, seconds: draft.slow_start_s });
    }
    changes
}

fn settings_of_virtual(server: &Server<VirtualServerDraft>) -> Vec<Change> {
    let Server { name: server, ref draft, .. } = *server;
    let mut changes = Vec::new();
    if draft.predictor != Predictor::default() {
        changes.push(Change::Predictor { server, predictor: predictor_word(draft.predictor) });
    }
    changes.extend(draft.max_connections.map(|count| Change::MaxConnections { server, count }));
    changes.extend(draft.sticky.map(|sticky| as_sticky(server, sticky)));
    changes.extend(draft.refuse.map(|how| Change::Refuse { server, how: refusal_word(how) }));
    if draft.resends != VirtualServerDraft::RESENDS {
        changes.push(Change::Resends { server, count: draft.resends });
    }
    let mut timeouts = draft.timeouts;
    let mut timeout = |state: TimeoutState| {
        let seconds = (*own_timeout(&mut timeouts, state))?;
        Some(Change::Timeout { state, seconds, server: Some(server) })
    };
    changes.extend(TIMEOUT_STATES.into_iter().filter_map(&mut timeout));
    changes.extend(draft.synguard.map(|count| Change::SynGuard { server, count }));
    if !draft.replicate {
        changes.push(Change::No { undo: Undo::Replicate { server } });
    }
    changes
}

fn as_sticky(server: ServerName, sticky: StickyDraft) -> Change {
    let default = StickyDraft::minutes(sticky.minutes);
    let other = |prefix: u64, default: u64| (prefix != default).then_some(prefix);
    Change::Sticky {
        server,
        minutes: sticky.minutes,
        ipv4_prefix: other(sticky.ipv4_prefix, default.ipv4_prefix),
        ipv6_prefix: other(sticky.ipv6_prefix, default.ipv6_prefix),
    }
}

/// Bindings, assignments and buddies.
fn links(editor: &Editor) -> Vec<Change> {
    let mut changes = Vec::new();
    for virtual_server in editor.virtuals.names() {
        let bound = editor.bound.get(&virtual_server).map_or(&[][..], Vec::as_slice);
        let bind = |reals: &[ServerName]| Change::Bind { virtual_server, real_servers: reals.to_vec() };
        changes.extend(bound.chunks(NAMED).map(bind));
    }
    for server in editor.virtuals.names() {
        let clients: Vec<_> = editor.assigned.to(server).collect();
        let assign = |clients: &[_]| Change::Assign { server, clients: Clients(clients.to_vec()) };
        changes.extend(clients.chunks(NAMED).map(assign));
    }
    for buddies in &editor.buddies {
        let add = |servers: &[_]| Change::Buddy { name: buddies.name.clone(), servers: servers.to_vec() };
        changes.extend(buddies.servers.chunks(NAMED).map(add));
    }
    changes
}

fn backups(editor: &Editor) -> Vec<Change> {
    let of_reals = editor.reals.iter().map(|server| (server.name, server.backup, BackupWhen::Failed));
    let of_virtuals =
        editor.virtuals.iter().map(|server| (server.name, server.backup, server.draft.backup_when));
    let as_backup = |(server, backup, when): (ServerName, Option<ServerName>, BackupWhen)| {
        Some(Change::Backup { server, backup: backup?, when: backup_when_word(when) })
    };
    of_reals.chain(of_virtuals).filter_map(as_backup).collect()
}
