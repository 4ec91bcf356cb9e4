//! Memory of connections: what the process has more when they are established, the index included.

use std::net::Ipv4Addr;

use super::GraphError;
use super::effort::Effort;
use super::figures::value;
use super::unit::{Plan, Unit};
use crate::report::{Goal, Section};

/// So many that all else is nothing beside them.
const CONNECTIONS: u32 = 4_000_000;

/// Memory per connection.
///
/// # Errors
///
/// When the kernel does not tell how much memory the process has.
pub(crate) fn run(_: Effort) -> Result<Section, GraphError> {
    let before = resident_kib()?;
    let unit = Unit::established::<Ipv4Addr>(Plan::with_capacity(CONNECTIONS))?;
    let grown = resident_kib()? - before;
    let bytes = grown * 1_024.0 / unit.shard.connections() as f64;
    let figure =
        value("memory/ipv4 connection".to_owned(), "bytes per connection", bytes, Some(Goal::AtMost(128.0)));
    let remark = format!(
        "By how much the resident memory of the process grew when {CONNECTIONS} connections came into a table made for \
         as many, whose index is by then as full as it gets."
    );
    Ok(Section {
        title: "Memory of a connection".to_owned(),
        figures: vec![figure],
        remarks: vec![remark],
        ..Section::default()
    })
}

/// Memory that the process has, huge pages that were set aside included.
fn resident_kib() -> Result<f64, GraphError> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(GraphError::Status)?;
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim_end_matches("kB").trim().parse::<f64>().ok())
    };
    let resident = of("VmRSS:").ok_or(GraphError::StatusIncomplete)?;
    Ok(resident + of("HugetlbPages:").unwrap_or_default())
}
