//! Frames of established connections from a file, over and over: the cost of a packet at full load on one CPU.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use model::MacAddress;

use super::error::BedError;
use super::process::Folder;
use super::reading::patiently;
use super::testpmd::{Mode, Testpmd};
use super::traffic::{Direction, Family, Lengths, Traffic};
use super::unit::Unit;
use super::{pcap, testpmd, unit};
use crate::plot::Plot;
use crate::report::{CYCLES_PER_PACKET, Figure, Goal, Outcome, Quotient, Section, in_full};
use crate::rounds::{Turn, Turns, take_turns};
use crate::{Context, clock};

/// The MAC addresses that net_pcap gives its first and second device.
pub(super) const MACS: [MacAddress; 2] =
    [MacAddress([2, 0x70, 0x63, 0x61, 0x70, 0]), MacAddress([2, 0x70, 0x63, 0x61, 0x70, 1])];

/// Bursts that testpmd is tried with; it gets the one that suits it best. The unit takes up to 128 packets in a pass.
const BURSTS: [u16; 3] = [32, 64, 128];

/// From the moment a side begins to forward until it is measured: its caches are its own then.
pub(super) const SETTLING: Duration = Duration::from_millis(30);

/// Packet buffers of testpmd beside those that the devices keep.
pub(super) const BUFFERS: usize = 16_384;

/// The sides in a round, beside testpmd's `io`, which is the control.
const OURS: usize = 0;
const PEERS: [Mode; 3] = [Mode::FiveTupleSwap, Mode::MacSwap, Mode::Checksum];

/// What is replayed, and what is expected of it.
#[derive(Clone, Copy, Debug)]
struct Scenario {
    /// What figures call it.
    name: &'static str,
    traffic: Traffic,
    /// Whether the real servers' answers come in at the other port at the same time.
    both_ways: bool,
    /// Whether the project's goals are about it.
    has_goals: bool,
}

const fn scenario(name: &'static str, family: Family, connections: u32, lengths: Lengths) -> Scenario {
    let traffic = Traffic { family, connections, lengths };
    Scenario { name, traffic, both_ways: false, has_goals: false }
}

const fn with_goals(scenario: Scenario) -> Scenario {
    Scenario { has_goals: true, ..scenario }
}

const fn both_ways(scenario: Scenario) -> Scenario {
    Scenario { both_ways: true, ..scenario }
}

const SCENARIOS: [Scenario; 10] = [
    scenario("ipv4/1", Family::Ipv4, 1, Lengths::Shortest),
    with_goals(scenario("ipv4/1000", Family::Ipv4, 1_000, Lengths::Shortest)),
    with_goals(scenario("ipv4/65536", Family::Ipv4, 65_536, Lengths::Shortest)),
    with_goals(scenario("ipv4/200000", Family::Ipv4, 200_000, Lengths::Shortest)),
    scenario("ipv6/1000", Family::Ipv6, 1_000, Lengths::Shortest),
    scenario("ipv6/65536", Family::Ipv6, 65_536, Lengths::Shortest),
    both_ways(scenario("ipv4-both-ways/65536", Family::Ipv4, 65_536, Lengths::Shortest)),
    both_ways(scenario("ipv6-both-ways/65536", Family::Ipv6, 65_536, Lengths::Shortest)),
    scenario("ipv4-imix/65536", Family::Ipv4, 65_536, Lengths::Imix),
    scenario("ipv4-1518-bytes/65536", Family::Ipv4, 65_536, Lengths::Longest),
];

/// Both programs on the same frames.
struct Bed {
    unit: Unit,
    testpmd: Testpmd,
    /// What suits testpmd best, by mode.
    bursts: BTreeMap<Mode, u16>,
    window: Duration,
    _folder: Folder,
}

/// Runs all scenarios, each whatever became of the others.
pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.section.title = "Forwarding from a file, on one CPU".to_owned();
    outcome.section.remarks = remarks();
    let mut rates = Rates::default();
    for scenario in &SCENARIOS {
        match measure(context, scenario) {
            Ok((turns, bursts)) => {
                eprintln!("  {}: {}", scenario.name, in_short(&turns));
                figures(&mut outcome.section, scenario, &turns, &bursts);
                rates.add(scenario, &turns, context.machine.tsc_hz);
            }
            Err(error) => outcome.failures.push(format!("{}: {}", scenario.name, in_full(&error))),
        }
    }
    outcome.section.plots.push(rates.into_plot());
    outcome
}

fn remarks() -> Vec<String> {
    vec![
        "Port 0 is `net_pcap0,rx_pcap=FILE,infinite_rx=1`, port 1 `net_null1,no-rx=1`; one forwarding core, CPU 1, with \
         nothing else to do. The file has one TCP ACK of each connection, in shuffled order, addressed to the unit; there are \
         1,000 frames at least. The unit takes them into connections (`tcp_without_connection: admit`), waits until it has \
         all, and only then is it measured. It must have forwarded all but one in 2,000 packets of the window."
            .to_owned(),
        "A frame of 64 bytes on the wire has 60 in the file; with IPv6, the shortest has 78 on the wire. IMIX is 64, 570 and \
         1,518 bytes, 7 : 4 : 1. `both-ways`: port 1 is another net_pcap, with the answers of the real server."
            .to_owned(),
        "testpmd is run with bursts of 32, 64 and 128, and each mode is compared with the one that suits it best. Its `io` is \
         the control, and stands in the tables as a peer, too. Ratios: the peer's cycles by ours, which is our packet rate by \
         the peer's."
            .to_owned(),
    ]
}

fn measure(context: &Context, scenario: &Scenario) -> Result<(Turns, BTreeMap<Mode, u16>), BedError> {
    let (rounds, window) = if context.quick { (3, 60) } else { (7, 120) };
    let mut bed = Bed::start(&context.understudy, scenario, Duration::from_millis(window))?;
    bed.choose_bursts()?;
    let turns = take_turns(rounds, 1 + PEERS.len(), |turn| {
        patiently(|| match turn {
            Turn::Control => bed.peer(Mode::Io),
            Turn::Side(OURS) => bed.ours(),
            Turn::Side(side) => bed.peer(PEERS[side - 1]),
        })
    })?;
    Ok((turns, bed.bursts))
}

impl Bed {
    fn start(understudy: &Path, scenario: &Scenario, window: Duration) -> Result<Self, BedError> {
        let folder = Folder::new("replay")?;
        let (devices, kept) = devices(scenario, &folder)?;
        let plan = unit::Plan {
            devices: devices.clone(),
            workers: vec![1],
            spins: true,
            real_servers: if scenario.both_ways { 1 } else { 4 },
            connections: scenario.traffic.connections * 5 / 4 + 1_000,
            additional_buffers: kept,
        };
        let mut unit = Unit::start(understudy, &plan, &folder)?;
        let mac = unit.mac(0)?;
        if mac != MACS[0] {
            return Err(BedError::NotReady {
                what: format!("MAC address {}", MACS[0]),
                seen: mac.to_string(),
            });
        }
        unit.wait_for_connections(scenario.traffic.connections)?;
        unit.suspend()?;
        let plan = testpmd::Plan { devices, lcores: "0@0,1@1", cores: 1, buffers: kept + BUFFERS };
        let testpmd = Testpmd::start(&plan, &folder)?;
        Ok(Self { unit, testpmd, bursts: BTreeMap::new(), window, _folder: folder })
    }

    /// Finds out which burst suits testpmd best, mode by mode.
    fn choose_bursts(&mut self) -> Result<(), BedError> {
        for mode in Mode::ALL {
            let mut best = (f64::INFINITY, 0);
            for burst in BURSTS {
                let cost = patiently(|| self.testpmd.cost(mode, burst, SETTLING, self.window / 2))?;
                if cost < best.0 {
                    best = (cost, burst);
                }
            }
            self.bursts.insert(mode, best.1);
        }
        Ok(())
    }

    /// What a packet costs the unit.
    fn ours(&mut self) -> Result<f64, BedError> {
        self.unit.resume()?;
        clock::sleep(SETTLING);
        let cost = self.unit.cost(self.window);
        self.unit.suspend()?;
        cost
    }

    /// What a packet costs testpmd, with the burst that suits it best.
    fn peer(&mut self, mode: Mode) -> Result<f64, BedError> {
        let burst = self.bursts.get(&mode).copied().unwrap_or(BURSTS[0]);
        self.testpmd.cost(mode, burst, SETTLING, self.window)
    }
}

/// Writes the files; returns the devices that replay them, and how many packet buffers these keep.
fn devices(scenario: &Scenario, folder: &Folder) -> Result<([String; 2], usize), BedError> {
    let mut kept = 0;
    let mut replay = |port: usize, direction| {
        let frames = scenario.traffic.frames(direction, MACS[port], None);
        kept += frames.len();
        let path = folder.path().join(format!("port{port}.pcap"));
        pcap::write(&path, frames.iter().map(Vec::as_slice))?;
        Ok::<_, BedError>(format!("net_pcap{port},rx_pcap={},infinite_rx=1", path.display()))
    };
    let outside = replay(0, Direction::Inbound)?;
    let inside =
        if scenario.both_ways { replay(1, Direction::Outbound)? } else { "net_null1,no-rx=1".to_owned() };
    Ok(([outside, inside], kept))
}

fn in_short(turns: &Turns) -> String {
    let peers = PEERS.iter().zip(&turns.sides[1..]);
    let peers: Vec<String> =
        peers.map(|(mode, costs)| format!("{} {:.1}", mode.name(), costs.minimum())).collect();
    format!(
        "ours {:.1}, io {:.1}, {} cycles; {} rounds discarded",
        turns.sides[OURS].minimum(),
        turns.control.minimum(),
        peers.join(", "),
        turns.discarded
    )
}

fn figures(section: &mut Section, scenario: &Scenario, turns: &Turns, bursts: &BTreeMap<Mode, u16>) {
    let mut add = |mode: Mode, sides, goal: Option<Goal>| {
        let name = format!("forwarding/{}/{}", scenario.name, mode.name());
        let burst = bursts.get(&mode).copied().unwrap_or_default();
        let peer = format!("testpmd {} (bursts of {burst})", mode.name());
        let goal = goal.filter(|_| scenario.has_goals);
        let quotient = Quotient::PeerByOurs;
        section.figures.push(Figure::compared(name, CYCLES_PER_PACKET, peer, &sides, quotient, goal));
    };
    add(Mode::Io, turns.compare_with_control(OURS), Some(Goal::AtLeast(0.7)));
    for (side, mode) in (1..).zip(PEERS) {
        let goal = (mode == Mode::FiveTupleSwap).then_some(Goal::AtLeast(1.0));
        add(mode, turns.compare(OURS, side), goal);
    }
}

/// Packet rates by number of connections, of the scenarios that differ only in that.
#[derive(Default)]
struct Rates(BTreeMap<&'static str, Vec<(f64, f64)>>);

impl Rates {
    fn add(&mut self, scenario: &Scenario, turns: &Turns, tsc_hz: f64) {
        let Scenario { traffic, both_ways, .. } = scenario;
        if traffic.family != Family::Ipv4 || traffic.lengths != Lengths::Shortest || *both_ways {
            return;
        }
        let connections = f64::from(traffic.connections);
        let mut add = |name, cost: f64| {
            self.0.entry(name).or_default().push((connections, tsc_hz / cost / 1e6));
        };
        add("understudy", turns.sides[OURS].minimum());
        add("testpmd io", turns.control.minimum());
        for (mode, costs) in PEERS.iter().zip(&turns.sides[1..]) {
            let name = match mode {
                Mode::Io => "testpmd io",
                Mode::MacSwap => "testpmd macswap",
                Mode::FiveTupleSwap => "testpmd 5tswap",
                Mode::Checksum => "testpmd csum",
            };
            add(name, costs.minimum());
        }
    }

    fn into_plot(self) -> Plot {
        // Understudy first: the map's order is not the reader's.
        let mut lines: Vec<_> = self.0.into_iter().map(|(name, points)| (name.to_owned(), points)).collect();
        lines.sort_by_key(|(name, _)| name != "understudy");
        Plot {
            name: "forwarding".to_owned(),
            title: "Packet rate of one CPU, 64-byte frames".to_owned(),
            horizontal: "established connections, in shuffled order".to_owned(),
            vertical: "million packets per second".to_owned(),
            lines,
        }
    }
}
