//! `show replication` as tables.

use appliance::management::report::{ReplicationReport, StreamReport};

use crate::table::{Table, number, text};
use crate::text::{bytes, count, duration_ms, yes_no};

/// `show replication`: the pair, then its virtual servers.
pub(crate) fn replication(report: &ReplicationReport, room: Option<u16>) -> String {
    let mut pair = Table::new(&[text(""), text("")]).continued();
    for (name, value) in pair_lines(report) {
        pair.push([name, value]);
    }
    let mut servers = Table::new(&[
        text("virtual server"),
        text("replicated"),
        number("connections here"),
        number("on the peer"),
        number("would break"),
    ]);
    for server in &report.virtual_servers {
        servers.push([
            server.name.clone(),
            yes_no(server.replicate).to_owned(),
            server.here.to_string(),
            known(server.peer),
            known(server.would_break),
        ]);
    }
    format!("{}\n{}", pair.render(room), servers.render(room))
}

fn pair_lines(report: &ReplicationReport) -> Vec<(String, String)> {
    let peer = match &report.peer {
        Some(peer) => format!("{}, heard for {}", peer.state, duration_ms(peer.connected_ms)),
        None => match report.peer_version {
            Some(version) => format!("speaks version {version} of the protocol, which this unit does not"),
            None => "not heard".to_owned(),
        },
    };
    let both_active =
        report.state == "active" && report.peer.as_ref().is_some_and(|peer| peer.state == "active");
    let ranges = format!("{} of {} ranges differ", report.digests.differing, report.digests.ranges);
    let agreement = match (report.synchronized, report.last_agreement_ms) {
        (true, _) => "yes".to_owned(),
        (false, Some(ago)) => format!("no, but {} ago; {ranges}", duration_ms(ago)),
        (false, None) => format!("no; {ranges}"),
    };
    let lag = format!("{}, {} ms", count(report.lag.updates, "update"), report.lag.ms);
    let sync = match report.observed {
        0 => report.sync.clone(),
        observed => format!("{}, {} learned by watching", report.sync, count(observed, "connection")),
    };
    let mut lines = vec![
        ("this unit", report.state.clone()),
        ("sync", sync),
        ("peer", if both_active { format!("{peer}: two units forward!") } else { peer }),
        ("synchronized", agreement),
        ("would break now", known(report.would_break)),
        ("lag", lag),
        ("sent", stream(&report.sent)),
        ("received", stream(&report.received)),
        ("retransmitted", count(report.retransmitted, "datagram")),
        ("skipped", count(report.skipped, "datagram")),
    ];
    if report.digests.repairing {
        lines.push(("repair", "under way".to_owned()));
    }
    let mut lines: Vec<_> = lines.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    for path in &report.paths {
        let heard =
            path.heard_ms.map_or_else(|| "never heard".to_owned(), |ago| format!("heard {ago} ms ago"));
        lines.push((format!("path {}", path.local), format!("{}, {heard}", path.peer)));
    }
    for (what, counts) in [("told", &report.applied), ("rejected", &report.rejected)] {
        let told = counts.iter().filter(|&(_, &count)| count > 0);
        lines.extend(
            told.map(|(name, count)| (format!("{what}: {}", name.replace('_', " ")), count.to_string())),
        );
    }
    lines
}

fn stream(report: &StreamReport) -> String {
    let StreamReport { updates, datagrams, bytes: octets } = *report;
    format!("{}, {}, {}", count(updates, "update"), count(datagrams, "datagram"), bytes(octets))
}

fn known(number: Option<u64>) -> String {
    number.map_or_else(|| "unknown".to_owned(), |number| number.to_string())
}
