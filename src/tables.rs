//! The reports of a unit as tables. What a table leaves out or rounds, `--json` has.

use appliance::management::report::{
    ConnectionReport, CountersReport, IdleMode, KernelPathCounts, NeighborReport, NextHopReport,
    PacketCounts, PortReport, RealReport, ServerState, StatusReport, SteeringReport, VirtualReport,
    describe_drop,
};

use crate::table::{Column, Table, number, text};
use crate::text::{bytes, count, duration_ms, duration_s};

/// `show status`: the unit, then its workers.
pub(crate) fn status(report: &StatusReport, room: Option<u16>) -> String {
    let memory = &report.memory;
    let pages = if memory.hugepages { "in hugepages" } else { "without hugepages" };
    let mut unit = Table::new(&[text(""), text("")]).continued();
    for (name, value) in [
        ("unit", report.unit.clone()),
        ("state", report.state.name().to_owned()),
        ("version", report.version.clone()),
        ("running", format!("{}, process {}", duration_s(report.uptime_s), report.pid)),
        ("configuration", report.folder.clone()),
        ("connections", format!("{} of {}", report.connections, report.connection_capacity)),
        ("ports", format!("{} of {} up", report.ports_up, report.ports)),
        ("packet buffers", format!("{} of {} in use, {pages}", memory.mbufs_in_use, memory.mbufs)),
    ] {
        unit.push([name.to_owned(), value]);
    }
    let mut workers = Table::new(&[
        number("worker"),
        number("cpu"),
        text("when idle"),
        number("idle rounds"),
        number("connections"),
        number("capacity"),
    ]);
    for (index, worker) in report.workers.iter().enumerate() {
        let idle = match worker.idle {
            IdleMode::Spin => "spins",
            IdleMode::Sleep => "sleeps",
        };
        workers.push([
            index.to_string(),
            worker.cpu.to_string(),
            idle.to_owned(),
            format!("{:.1} %", worker.idle_percent),
            worker.connections.to_string(),
            worker.connection_capacity.to_string(),
        ]);
    }
    format!("{}\n{}", unit.render(room), workers.render(room))
}

/// `show virtual`.
pub(crate) fn virtual_servers(reports: &[VirtualReport], room: Option<u16>) -> String {
    let mut table = Table::new(&[
        text("virtual server"),
        text("group").optional(),
        text("state"),
        text("predictor").optional(),
        number("clients assigned").optional(),
        number("real servers"),
        number("connections"),
        number("admitted"),
        number("refused"),
        number("packets in").optional(),
        number("bytes in").optional(),
        number("packets out").optional(),
        number("bytes out").optional(),
    ]);
    for report in reports {
        table.push([
            report.name.clone(),
            report.group.clone(),
            virtual_state(report),
            report.predictor.clone(),
            if report.bind_id == 0 { "-".to_owned() } else { count(report.assigned, "network") },
            format!("{} of {}", report.real_servers_in_service, report.real_servers),
            of_most(report.connections, report.max_connections),
            report.admitted.to_string(),
            report.refused.to_string(),
            report.inbound.packets.to_string(),
            bytes(report.inbound.bytes),
            report.outbound.packets.to_string(),
            bytes(report.outbound.bytes),
        ]);
    }
    or_nothing(&table, reports.is_empty(), "no virtual servers", room)
}

/// `show real`.
pub(crate) fn real_servers(reports: &[RealReport], room: Option<u16>) -> String {
    let mut table = Table::new(&[
        text("real server"),
        text("state"),
        number("weight").optional(),
        number("connections"),
        number("admitted"),
        number("ditched").optional(),
        text("next hop"),
        number("packets in").optional(),
        number("bytes in").optional(),
        number("packets out").optional(),
        number("bytes out").optional(),
        text("bound to").optional(),
    ]);
    for report in reports {
        table.push([
            report.name.clone(),
            real_state(report),
            report.weight.to_string(),
            of_most(report.connections, report.max_connections),
            report.admitted.to_string(),
            report.ditched.to_string(),
            next_hop(&report.next_hop),
            report.inbound.packets.to_string(),
            bytes(report.inbound.bytes),
            report.outbound.packets.to_string(),
            bytes(report.outbound.bytes),
            match report.virtual_servers.as_slice() {
                [] => "-".to_owned(),
                [only] => only.clone(),
                several => count(several.len(), "virtual server"),
            },
        ]);
    }
    or_nothing(&table, reports.is_empty(), "no real servers", room)
}

/// Whether a virtual server takes new connections, and what is left of those that it had.
fn virtual_state(report: &VirtualReport) -> String {
    match (&report.refuse, report.state) {
        (Some(how), _) => format!("refuses ({how})"),
        (None, ServerState::Failed) => "failed".to_owned(),
        (None, _) => service(report.in_service, report.draining),
    }
}

/// The same for a real server, and since when it does not.
fn real_state(report: &RealReport) -> String {
    match (report.state, report.failed_since_s) {
        (ServerState::Failed, Some(since_s)) => format!("failed for {}", duration_s(since_s)),
        (ServerState::Failed, None) => "failed".to_owned(),
        (ServerState::Testing, _) => "failed, is being tried".to_owned(),
        _ => service(report.in_service, report.draining),
    }
}

fn service(is_in_service: bool, draining: u64) -> String {
    match (is_in_service, draining) {
        (true, _) => "in service".to_owned(),
        (false, 0) => "out of service".to_owned(),
        (false, left) => format!("out of service, {left} left"),
    }
}

fn of_most(connections: u64, most: Option<u32>) -> String {
    most.map_or_else(|| connections.to_string(), |most| format!("{connections} of {most}"))
}

fn next_hop(report: &NextHopReport) -> String {
    match report {
        NextHopReport::Resolved { port, mac } => format!("{mac} via {port}"),
        NextHopReport::Unresolved { port, address } => format!("{address} unresolved via {port}"),
        NextHopReport::NoRoute => "no route".to_owned(),
    }
}

/// The columns of `show connections`.
pub(crate) fn connections() -> Table {
    Table::new(&[
        text("protocol"),
        text("client"),
        text("virtual server"),
        text("real server"),
        text("state"),
        number("idle"),
        number("SYNs resent").optional(),
        number("port translated to").optional(),
        number("worker").optional(),
    ])
}

/// Adds connections to the table that [`connections`] began.
pub(crate) fn add_connections(table: &mut Table, reports: &[ConnectionReport]) {
    for report in reports {
        table.push([
            report.protocol.clone(),
            report.client.to_string(),
            report.virtual_server.to_string(),
            report.real_server.to_string(),
            report.state.clone(),
            duration_ms(report.idle_ms),
            report.syn_resends.to_string(),
            report.translated_port.map_or_else(|| "-".to_owned(), |port| port.to_string()),
            report.worker.to_string(),
        ]);
    }
}

/// `show counters`: packets in all and by worker, drops by reason, connections.
pub(crate) fn counters(report: &CountersReport, room: Option<u16>) -> String {
    let mut drops = Table::new(&[number("dropped"), text("reason"), text("meaning").optional()]);
    for (reason, packets) in report.total.drops.iter().filter(|(_, packets)| **packets > 0) {
        drops.push([
            packets.to_string(),
            reason.clone(),
            describe_drop(reason).unwrap_or_default().to_owned(),
        ]);
    }
    let counts = &report.connections;
    let mut connections = Table::new(&[text("connections"), number("total")]);
    for (name, value) in [
        ("current", counts.current),
        ("admitted", counts.admitted),
        ("removed", counts.removed),
        ("  because idle", counts.expired),
        ("refused", counts.refused),
        ("client port translated", counts.client_ports_translated),
    ] {
        connections.push([name.to_owned(), value.to_string()]);
    }
    let drops = or_nothing(&drops, report.total.dropped == 0, "nothing was dropped", room);
    format!("{}\n{drops}\n{}", packets(report, room), connections.render(room))
}

/// A count's name, and how to read it.
type Count = (&'static str, fn(&PacketCounts) -> u64);

/// What becomes of packets, in the order of a packet's way.
const PACKETS: [Count; 10] = [
    ("received", |counts| counts.received),
    ("forwarded", |counts| counts.forwarded),
    ("answered", |counts| counts.answered),
    ("to kernel", |counts| counts.to_kernel),
    ("dropped", |counts| counts.dropped),
    ("copied to kernel", |counts| counts.copied_to_kernel),
    ("handed over", |counts| counts.handed_over),
    ("held", |counts| counts.held),
    ("from kernel", |counts| counts.from_kernel),
    ("from kernel, dropped", |counts| counts.from_kernel_dropped),
];

/// Workers that get a column of their own.
const WORKER_COLUMNS: [Column; 8] = [
    number("worker 0").optional(),
    number("worker 1").optional(),
    number("worker 2").optional(),
    number("worker 3").optional(),
    number("worker 4").optional(),
    number("worker 5").optional(),
    number("worker 6").optional(),
    number("worker 7").optional(),
];

/// A row for each count, a column for each of the first workers if there are several.
fn packets(report: &CountersReport, room: Option<u16>) -> String {
    let workers = if report.workers.len() > 1 { report.workers.as_slice() } else { &[] };
    let mut columns = vec![text("packets"), number("total")];
    columns.extend(WORKER_COLUMNS.iter().take(workers.len()));
    let mut table = Table::new(&columns);
    for (name, value) in PACKETS {
        let by_worker =
            workers.iter().take(WORKER_COLUMNS.len()).map(|worker| value(&worker.packets).to_string());
        let mut row = vec![name.to_owned(), value(&report.total).to_string()];
        row.extend(by_worker);
        table.push_row(row);
    }
    let KernelPathCounts { delivered, refused, lost } = report.kernel_path;
    for (name, count) in [
        ("taken by the kernel", delivered),
        ("refused by the kernel", refused),
        ("lost from the kernel", lost),
    ] {
        let mut row = vec![name.to_owned(), count.to_string()];
        row.resize(columns.len(), String::new());
        table.push_row(row);
    }
    // What the others leave of `received`: not a count of its own, and the workers have none.
    let mut row = vec!["in flight".to_owned(), report.balance.to_string()];
    row.resize(columns.len(), String::new());
    table.push_row(row);
    table.render(room)
}

/// `show ports`.
pub(crate) fn ports(reports: &[PortReport], room: Option<u16>) -> String {
    let mut table = Table::new(&[
        text("port"),
        text("role"),
        text("link"),
        text("MAC address"),
        text("twin"),
        text("device").optional(),
        text("driver").optional(),
        number("MTU").optional(),
        text("steered by").optional(),
        text("unmatched").optional(),
        number("packets in").optional(),
        number("bytes in").optional(),
        number("missed").optional(),
        number("errors in").optional(),
        number("packets out").optional(),
        number("bytes out").optional(),
        number("errors out").optional(),
    ]);
    for report in reports {
        let steering = match report.steering {
            SteeringReport::Hardware => "the port",
            SteeringReport::Software => "software",
        };
        table.push([
            report.name.clone(),
            report.role.clone(),
            link(report),
            report.mac.clone(),
            report.twin.clone(),
            report.device.clone(),
            report.driver.clone(),
            report.mtu.to_string(),
            steering.to_owned(),
            report.unmatched.clone(),
            report.rx.packets.to_string(),
            bytes(report.rx.bytes),
            (report.rx_missed + report.rx_no_buffer).to_string(),
            report.rx_errors.to_string(),
            report.tx.packets.to_string(),
            bytes(report.tx.bytes),
            report.tx_errors.to_string(),
        ]);
    }
    or_nothing(&table, reports.is_empty(), "no ports", room)
}

fn link(report: &PortReport) -> String {
    match (report.link_up, report.speed_mbps) {
        (false, _) => "down".to_owned(),
        (true, None) => "up".to_owned(),
        (true, Some(speed)) if speed >= 1_000 && speed.is_multiple_of(1_000) => {
            format!("up, {} Gbit/s", speed / 1_000)
        }
        (true, Some(speed)) => format!("up, {speed} Mbit/s"),
    }
}

/// `show neighbors`.
pub(crate) fn neighbors(reports: &[NeighborReport], room: Option<u16>) -> String {
    let columns =
        [text("port"), text("address"), text("MAC address"), text("state"), text("used as").optional()];
    let mut table = Table::new(&columns);
    for report in reports {
        table.push([
            report.port.clone(),
            report.address.to_string(),
            report.mac.clone().unwrap_or_else(|| "-".to_owned()),
            report.state.clone(),
            if report.used_as.is_empty() { "-".to_owned() } else { report.used_as.join(", ") },
        ]);
    }
    or_nothing(&table, reports.is_empty(), "no neighbors", room)
}

/// A table without rows tells less than a sentence.
fn or_nothing(table: &Table, is_empty: bool, sentence: &str, room: Option<u16>) -> String {
    if is_empty { format!("{sentence}\n") } else { table.render(room) }
}

#[cfg(test)]
mod tests;
