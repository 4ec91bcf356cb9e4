//! The reports on several failover groups as one.

use std::collections::BTreeMap;

use super::report::{LagReport, ReplicationReport, StreamReport};

/// Two groups' reports as one of both. Counts are added, and what is better is said only if it holds for both.
pub(super) fn merge(mut one: ReplicationReport, other: ReplicationReport) -> ReplicationReport {
    let is_active = |report: &ReplicationReport| report.state == "active";
    if is_active(&other) && !is_active(&one) {
        one.state = other.state;
    }
    one.peer = match (one.peer, other.peer) {
        (Some(one), Some(other)) if other.state == "active" && one.state != "active" => Some(other),
        (Some(peer), Some(_)) => Some(peer),
        _ => None,
    };
    one.synchronized &= other.synchronized;
    one.last_agreement_ms = one.last_agreement_ms.max(other.last_agreement_ms);
    one.peer_version = one.peer_version.or(other.peer_version);
    one.would_break = one.would_break.zip(other.would_break).map(|(one, other)| one + other);
    one.virtual_servers.extend(other.virtual_servers);
    one.lag = LagReport { updates: one.lag.updates + other.lag.updates, ms: one.lag.ms.max(other.lag.ms) };
    one.digests.ranges += other.digests.ranges;
    one.digests.differing += other.digests.differing;
    one.digests.repairing |= other.digests.repairing;
    one.sent = sum(one.sent, other.sent);
    one.received = sum(one.received, other.received);
    one.retransmitted += other.retransmitted;
    one.skipped += other.skipped;
    add(&mut one.rejected, other.rejected);
    one.paths.extend(other.paths);
    one
}

const fn sum(one: StreamReport, other: StreamReport) -> StreamReport {
    StreamReport {
        updates: one.updates + other.updates,
        datagrams: one.datagrams + other.datagrams,
        bytes: one.bytes + other.bytes,
    }
}

fn add(total: &mut BTreeMap<String, u64>, more: BTreeMap<String, u64>) {
    for (reason, count) in more {
        *total.entry(reason).or_default() += count;
    }
}
