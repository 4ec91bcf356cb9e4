//! Instructions per packet, counted by callgrind. They depend on the compiler and on the code, not on how busy the
//! machine is.
//!
//! This program runs itself under valgrind, each workload twice: with the same frames, but another number of batches that
//! go through the shard. The difference is those batches' alone.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::process::Command;

use clap::ValueEnum;
use director::Direction;
use model::limits::BATCH;
use packet::TcpFlags;

use super::SmokeError;
use crate::graph::GraphError;
use crate::graph::pass::Pass;
use crate::graph::stream::{Stream, random_order};
use crate::graph::unit::{OUTSIDE, Plan, UNIT, Unit};
use crate::load::frames::{Template, Version, inbound};
use crate::load::ring::Ring;

/// The kept figures.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.json");

/// How much more is too much.
const SLACK: f64 = 0.10;

const CONNECTIONS: u32 = 1_000;

/// Batches that are prepared in each run, and that go through the shard in the shorter one.
const ALL_BATCHES: u32 = 144;
const FEW_BATCHES: u32 = 16;

/// Packets of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// Clients' segments of established connections, IPv4.
    Ipv4Inbound,
    /// Servers' segments of established connections, IPv4.
    Ipv4Outbound,
    /// Clients' segments of established connections, IPv6.
    Ipv6Inbound,
    /// First segments of new connections, IPv4.
    Syn,
}

impl Workload {
    const ALL: [Self; 4] = [Self::Ipv4Inbound, Self::Ipv4Outbound, Self::Ipv6Inbound, Self::Syn];

    const fn name(self) -> &'static str {
        match self {
            Self::Ipv4Inbound => "ipv4-inbound",
            Self::Ipv4Outbound => "ipv4-outbound",
            Self::Ipv6Inbound => "ipv6-inbound",
            Self::Syn => "syn",
        }
    }

    /// Prepares all batches and processes the first `processed` of them.
    ///
    /// # Errors
    ///
    /// When a packet was not forwarded.
    pub(crate) fn run(self, processed: u32) -> Result<(), GraphError> {
        match self {
            Self::Ipv4Inbound => hits::<Ipv4Addr>(Direction::Inbound, processed),
            Self::Ipv4Outbound => hits::<Ipv4Addr>(Direction::Outbound, processed),
            Self::Ipv6Inbound => hits::<Ipv6Addr>(Direction::Inbound, processed),
            Self::Syn => admissions(processed),
        }
    }
}

fn hits<A: Version>(direction: Direction, processed: u32) -> Result<(), GraphError> {
    let plan = Plan::with_capacity(CONNECTIONS);
    let mut unit = Unit::established::<A>(plan)?;
    let order = random_order(plan);
    let mut stream = Stream::<A>::new(plan, direction, &order);
    run_batches(&mut unit, processed, |ring| stream.fill(ring))
}

fn admissions(processed: u32) -> Result<(), GraphError> {
    let mut unit = Unit::new(Plan::with_capacity(100_000))?;
    let syn = Template::<Ipv4Addr>::new(UNIT[0], TcpFlags::SYN);
    let mut clients = 0..;
    run_batches(&mut unit, processed, |ring| {
        for client in clients.by_ref().take(BATCH) {
            ring.push(OUTSIDE, |buffer| syn.write(&inbound(client), buffer));
        }
    })
}

fn run_batches(
    unit: &mut Unit,
    processed: u32,
    mut prepare: impl FnMut(&mut Ring),
) -> Result<(), GraphError> {
    let mut pass = Pass::default();
    for batch in 0..ALL_BATCHES {
        pass.ring.begin();
        prepare(&mut pass.ring);
        if batch < processed {
            pass.run(unit)?;
        }
    }
    Ok(())
}

/// Counts all workloads and holds them against what is kept; with `bless`, keeps what was found.
///
/// # Errors
///
/// When a packet takes a tenth more instructions than it did, or when they can not be counted.
pub(super) fn check(bless: bool) -> Result<(), SmokeError> {
    let found: BTreeMap<String, f64> = Workload::ALL
        .iter()
        .map(|workload| Ok((workload.name().to_owned(), per_packet(*workload)?)))
        .collect::<Result<_, SmokeError>>()?;
    let io = |source| SmokeError::Kept { path: KEPT, source };
    if bless {
        let text = serde_json::to_string_pretty(&found)?;
        std::fs::write(KEPT, text + "\n").map_err(io)?;
        println!("instructions per packet, now kept: {found:?}");
        return Ok(());
    }
    let kept = serde_json::from_str(&std::fs::read_to_string(KEPT).map_err(io)?)?;
    let changes = compare(&kept, &found);
    for change in &changes {
        println!("instructions per packet, {}", change.text);
    }
    let slower: Vec<String> =
        changes.into_iter().filter(|change| change.is_slower).map(|change| change.text).collect();
    if slower.is_empty() { Ok(()) } else { Err(SmokeError::Slower(slower)) }
}

/// What became of a kept figure.
struct Change {
    text: String,
    is_slower: bool,
}

/// A figure that is not kept yet counts as slower: somebody has to look at it.
fn compare(kept: &BTreeMap<String, f64>, found: &BTreeMap<String, f64>) -> Vec<Change> {
    let change = |(name, &now): (&String, &f64)| {
        let Some(&before) = kept.get(name) else {
            return Change { text: format!("{name}: {now:.1}, and nothing is kept"), is_slower: true };
        };
        let change = now / before - 1.0;
        let faster = if change < -SLACK { "; keep that with --bless" } else { "" };
        Change {
            text: format!("{name}: {now:.1} after {before:.1} ({:+.1} %){faster}", change * 100.0),
            is_slower: change > SLACK,
        }
    };
    found.iter().map(change).collect()
}

fn per_packet(workload: Workload) -> Result<f64, SmokeError> {
    let more = count(workload, ALL_BATCHES)?.saturating_sub(count(workload, FEW_BATCHES)?);
    let packets = f64::from(ALL_BATCHES - FEW_BATCHES) * BATCH as f64;
    let tenths = (more as f64 / packets * 10.0).round();
    Ok(tenths / 10.0)
}

/// Instructions of a whole run of this program.
fn count(workload: Workload, processed: u32) -> Result<u64, SmokeError> {
    let program = std::env::current_exe().map_err(SmokeError::Valgrind)?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["workload", workload.name(), &processed.to_string()])
        .output()
        .map_err(SmokeError::Valgrind)?;
    let text = String::from_utf8_lossy(&output.stderr);
    let counted = collected(&text).filter(|_| output.status.success());
    counted.ok_or_else(|| SmokeError::NotCounted(text.into_owned()))
}

/// The count in what callgrind says at the end.
fn collected(text: &str) -> Option<u64> {
    let (_, count) = text.lines().find_map(|line| line.split_once("Collected :"))?;
    count.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(figures: &[(&str, f64)]) -> BTreeMap<String, f64> {
        figures.iter().map(|&(name, figure)| (name.to_owned(), figure)).collect()
    }

    #[test]
    fn a_tenth_more_is_too_much() {
        let kept = figures(&[("a", 100.0), ("b", 100.0), ("c", 100.0)]);
        let found = figures(&[("a", 109.9), ("b", 110.2), ("c", 89.0), ("d", 1.0)]);
        let changes = compare(&kept, &found);
        let slower: Vec<bool> = changes.iter().map(|change| change.is_slower).collect();
        assert_eq!(slower, [false, true, false, true]);
        assert_eq!(changes[0].text, "a: 109.9 after 100.0 (+9.9 %)");
        assert!(changes[2].text.ends_with("--bless"), "{}", changes[2].text);
        assert!(changes[3].text.contains("nothing is kept"));
    }

    #[test]
    fn the_count_is_read_from_what_callgrind_says() {
        let text = "==7== Events    : Ir\n==7== Collected : 126651\n==7== \n==7== I   refs:      126,651\n";
        assert_eq!(collected(text), Some(126_651));
        assert_eq!(collected("==7== no such tool"), None);
    }

    #[test]
    fn workloads_run_and_are_called_what_the_command_line_calls_them() {
        for workload in Workload::ALL {
            workload.run(2).unwrap();
            assert_eq!(Workload::from_str(workload.name(), false), Ok(workload));
        }
    }
}
