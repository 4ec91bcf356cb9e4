//! The report on the pair: how it goes with the peer, and what would break without the active unit.

use std::collections::BTreeMap;
use std::time::Duration;

use director::{Configuration, ReplicaCounters, VirtualServer};
use model::limits::DIGEST_RANGES;
use model::{Instant, ServerName, UnitState};
use replication::{Link, Rejection, Status};

use super::inspection::{GroupOfPair, Inspection, Pair};
use super::merge;
use super::report::{
    DigestReport, LagReport, PathReport, PeerReport, ReplicatedReport, ReplicationReport, StreamReport,
};
use crate::replication::PairView;

impl Pair {
    /// Whether the unit forwards for any group.
    pub(super) fn state(&self) -> UnitState {
        any_active(self.groups.iter().map(|group| group.switch.current())).unwrap_or(UnitState::Standby)
    }
}

/// Active, if any is; `None` if there is none.
fn any_active(states: impl Iterator<Item = UnitState>) -> Option<UnitState> {
    states.max_by_key(|&state| state as u8)
}

impl GroupOfPair {
    pub(super) fn peer_state(&self) -> Option<UnitState> {
        let view = self.view.lock().ok()?;
        connected(view.status.as_ref()?).map(|(peer, _)| peer)
    }

    pub(super) fn agreed_at(&self) -> Option<Instant> {
        self.view.lock().ok()?.status.as_ref().filter(|status| status.state == UnitState::Standby)?.agreed_at
    }
}

impl Inspection {
    /// Connections of a group that would break if the units changed places now; `None` if nobody knows.
    pub(super) fn would_break(&self, group: usize, now: Instant) -> Option<u64> {
        let of_group = self.pair.as_ref()?.groups.get(group)?;
        self.group_replication(group, of_group, now)?.would_break
    }

    /// All groups together. `None` if the unit is of no pair.
    pub(super) fn replication(&self, now: Instant) -> Option<ReplicationReport> {
        let pair = self.pair.as_ref()?;
        let groups: Option<Vec<_>> =
            (0..).zip(&pair.groups).map(|(index, group)| self.group_replication(index, group, now)).collect();
        let whole = groups?.into_iter().reduce(merge::merge)?;
        Some(ReplicationReport {
            observed: self.shards().map(|shard| shard.replica.observed.read()).sum(),
            applied: self.applied(),
            ..whole
        })
    }

    fn group_replication(
        &self,
        index: usize,
        group: &GroupOfPair,
        now: Instant,
    ) -> Option<ReplicationReport> {
        let view = group.view.lock().ok()?;
        let state = group.switch.current();
        let sync = self.unit.replication().map_or("", |replication| replication.sync().name()).to_owned();
        let Some(status) = &view.status else {
            return Some(ReplicationReport {
                state: state.name().to_owned(),
                sync,
                ..ReplicationReport::default()
            });
        };
        let director = self.running.director();
        let servers = director.virtual_servers().iter().filter(|server| server.group() == index);
        let ours = servers.map(|server| replicated_report(server, &view, state, status));
        let virtual_servers: Vec<_> = ours.chain(unknown_here(&director, &view, state, status)).collect();
        let would_break: Option<Vec<u64>> = virtual_servers.iter().map(|server| server.would_break).collect();
        Some(ReplicationReport {
            state: state.name().to_owned(),
            sync,
            would_break: would_break.map(|counts| counts.iter().sum()),
            virtual_servers,
            paths: self.path_reports(index, status, now),
            ..of_status(status, now)
        })
    }

    /// What the shards made of what they were told.
    fn applied(&self) -> BTreeMap<String, u64> {
        let mut applied = BTreeMap::new();
        for shard in self.shards() {
            for (name, count) in told(&shard.replica) {
                *applied.entry(name.to_owned()).or_default() += count;
            }
        }
        applied
    }

    fn path_reports(&self, group: usize, status: &Status, now: Instant) -> Vec<PathReport> {
        let configured = self.unit.replication().map_or(&[][..], |replication| replication.paths());
        configured
            .iter()
            .map(|path| path.of_group(group))
            .zip(&status.paths)
            .map(|(path, of_path)| PathReport {
                local: path.local,
                peer: path.peer,
                heard_ms: of_path.heard.map(|heard| milliseconds(now.since(heard))),
            })
            .collect()
    }
}

fn of_status(status: &Status, now: Instant) -> ReplicationReport {
    let is_active = status.state == UnitState::Active;
    let agreement = if is_active { Some(status.peer.agreement) } else { status.agreement };
    let paths = &status.paths;
    ReplicationReport {
        peer: connected(status).map(|(peer, since)| PeerReport {
            state: peer.name().to_owned(),
            connected_ms: milliseconds(now.since(since)),
        }),
        synchronized: status.is_synchronized,
        last_agreement_ms: status
            .agreed_at
            .filter(|_| !is_active)
            .map(|agreed| milliseconds(now.since(agreed))),
        peer_version: match status.link {
            Link::Incompatible { version } => Some(version),
            _ => None,
        },
        lag: match is_active {
            true => LagReport { updates: status.lag_updates, ms: milliseconds(status.lag) },
            false => LagReport { updates: status.peer.lag_updates.into(), ms: milliseconds(status.peer.lag) },
        },
        digests: DigestReport {
            ranges: DIGEST_RANGES as u64,
            differing: agreement.map_or(0, |agreement| agreement.differing as u64),
            repairing: status.pass.is_some(),
        },
        sent: StreamReport {
            updates: status.sent.updates,
            datagrams: paths.iter().map(|path| path.datagrams_sent).sum(),
            bytes: paths.iter().map(|path| path.bytes_sent).sum(),
        },
        received: StreamReport {
            updates: status.received.updates,
            datagrams: paths.iter().map(|path| path.datagrams_received).sum(),
            bytes: paths.iter().map(|path| path.bytes_received).sum(),
        },
        retransmitted: status.sent.retransmissions,
        skipped: status.received.gaps_skipped,
        rejected: rejections(status),
        ..ReplicationReport::default()
    }
}

/// The other unit's state and since when it is heard, while it is.
const fn connected(status: &Status) -> Option<(UnitState, Instant)> {
    match status.link {
        Link::Connected { peer, since, .. } => Some((peer, since)),
        Link::Searching | Link::Incompatible { .. } => None,
    }
}

fn rejections(status: &Status) -> BTreeMap<String, u64> {
    let counted = Rejection::ALL.iter().map(|&reason| (reason, status.rejected.of(reason)));
    counted.filter(|&(_, count)| count > 0).map(|(reason, count)| (reason.name().to_owned(), count)).collect()
}

/// A virtual server on both units. Its connections that the standby has not would break; as counts are compared, this is
/// the least number: a connection that only the standby has hides one that it has not, until digests find both.
fn replicated_report(
    server: &VirtualServer,
    view: &PairView,
    state: UnitState,
    status: &Status,
) -> ReplicatedReport {
    let name = server.name();
    let here = count_of(&view.here, name).unwrap_or_default();
    let peer = connected(status).and_then(|_| count_of(&view.peer, name));
    let would_break = match (state, peer) {
        (UnitState::Active, Some(peer)) => Some(here.saturating_sub(peer)),
        // Nobody would go on with them.
        (UnitState::Active, None) => Some(here),
        (UnitState::Standby, peer) => peer.map(|peer| peer.saturating_sub(here)),
    };
    ReplicatedReport { name: name.to_string(), replicate: server.replicate(), here, peer, would_break }
}

/// Virtual servers that only the other unit has. A standby would break all of their connections.
fn unknown_here(
    director: &Configuration,
    view: &PairView,
    state: UnitState,
    status: &Status,
) -> Vec<ReplicatedReport> {
    if connected(status).is_none() {
        return Vec::new();
    }
    let is_known = |name: ServerName| director.virtual_servers().iter().any(|server| server.name() == name);
    let unknown = view.peer.iter().filter(|(name, _)| !is_known(*name));
    let report = |&(name, count): &(ServerName, u64)| ReplicatedReport {
        name: name.to_string(),
        replicate: false,
        here: 0,
        peer: Some(count),
        would_break: Some(if state == UnitState::Standby { count } else { 0 }),
    };
    unknown.map(report).collect()
}

fn count_of(counts: &[(ServerName, u64)], name: ServerName) -> Option<u64> {
    counts.iter().find(|(counted, _)| *counted == name).map(|&(_, count)| count)
}

fn told(counters: &ReplicaCounters) -> [(&'static str, u64); 15] {
    [
        ("updates_told", counters.updates_told.read()),
        ("updates_lost", counters.updates_lost.read()),
        ("created", counters.created.read()),
        ("half_known_dropped", counters.half_known_dropped.read()),
        ("refreshed", counters.refreshed.read()),
        ("deleted", counters.deleted.read()),
        ("unknown_deleted", counters.unknown_deleted.read()),
        ("replaced", counters.replaced.read()),
        ("stale_removed", counters.stale_removed.read()),
        ("aside", counters.aside()),
        ("refused_full", counters.refused_full.read()),
        ("refused_aside_full", counters.refused_aside_full.read()),
        ("refused_invalid", counters.refused_invalid.read()),
        ("buddies_refused", counters.buddies_refused.read()),
        ("orders_ignored", counters.orders_ignored.read()),
    ]
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
