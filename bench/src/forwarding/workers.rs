//! Two workers against one: each worker has a queue of its own with frames of its own clients, so nothing is handed over.

use std::path::Path;
use std::time::Duration;

use director::Steering;

use super::error::BedError;
use super::process::Folder;
use super::reading::patiently;
use super::replay::{BUFFERS, MACS, SETTLING};
use super::testpmd::{Mode, Testpmd};
use super::traffic::{Direction, Family, Lengths, Owner, Traffic};
use super::unit::Unit;
use super::{pcap, testpmd, unit};
use crate::report::{CYCLES_PER_PACKET, Figure, Goal, Outcome, Quotient, Section, in_full};
use crate::rounds::{Turn, Turns, take_turns};
use crate::{Context, clock};

/// Connections of each worker.
const CONNECTIONS: [u32; 2] = [1_000, 65_536];

/// testpmd's burst here: scaling does not depend on it.
const BURST: u16 = 64;

/// The sides of a round. The control is testpmd's `io` on one core.
const ONE: usize = 0;
const TWO: usize = 1;
const PEER_ONE: usize = 2;
const PEER_TWO: usize = 3;

/// A unit with one worker, one with two, and a testpmd that forwards with one core or two.
struct Bed {
    one: Unit,
    two: Unit,
    testpmd: Testpmd,
    window: Duration,
    _folders: [Folder; 2],
}

/// Runs all scenarios, each whatever became of the others.
pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.section.title = "Two workers".to_owned();
    outcome.section.remarks = remarks();
    for connections in CONNECTIONS {
        match measure(context, connections) {
            Ok(turns) => add_figures(&mut outcome.section, connections, &turns),
            Err(error) => {
                outcome.failures.push(format!("{connections} connections: {}", in_full(&error)));
            }
        }
    }
    outcome
}

fn remarks() -> Vec<String> {
    vec![
        "net_pcap has a queue for each worker, whose file has frames of that worker's clients only (as a NIC that steers by \
         client address would have it), and as many connections as the only worker of the other unit has. Cycles are those \
         from one packet to the next, whichever worker forwards it. Nothing may be handed over from one worker to the other."
            .to_owned(),
        "The ratio is that of the rates. testpmd's 5tswap on one core and on two shows what the machine itself has to give: \
         caches, memory and perhaps cores are shared. On a machine of two CPUs, a worker shares its CPU with the control thread, \
         which yields it, and with whatever else runs."
            .to_owned(),
    ]
}

fn measure(context: &Context, connections: u32) -> Result<Turns, BedError> {
    let (rounds, window) = if context.quick { (3, 80) } else { (7, 200) };
    let mut bed = Bed::start(&context.understudy, connections, Duration::from_millis(window))?;
    take_turns(rounds, 4, |turn| {
        patiently(|| match turn {
            Turn::Control => bed.peer(Mode::Io, 1),
            Turn::Side(ONE) => of_unit(&bed.one, bed.window),
            Turn::Side(TWO) => of_unit(&bed.two, bed.window),
            Turn::Side(PEER_ONE) => bed.peer(Mode::FiveTupleSwap, 1),
            Turn::Side(_) => bed.peer(Mode::FiveTupleSwap, 2),
        })
    })
}

fn add_figures(section: &mut Section, connections: u32, turns: &Turns) {
    for (name, peer, two, one, goal) in [
        ("two-by-one", "one worker", TWO, ONE, Some(Goal::AtLeast(1.95))),
        ("testpmd-5tswap-two-by-one", "testpmd 5tswap on one core", PEER_TWO, PEER_ONE, None),
        ("5tswap", "testpmd 5tswap on two cores", TWO, PEER_TWO, None),
    ] {
        let name = format!("workers/ipv4/{connections}/{name}");
        let sides = turns.compare(two, one);
        let figure = Figure::compared(name, CYCLES_PER_PACKET, peer, &sides, Quotient::PeerByOurs, goal);
        eprintln!("  {}: {:.3}", figure.name, figure.ratio.unwrap_or(f64::NAN));
        section.figures.push(figure);
    }
}

impl Bed {
    fn start(understudy: &Path, connections: u32, window: Duration) -> Result<Self, BedError> {
        let folders = [Folder::new("one-worker")?, Folder::new("two-workers")?];
        let files = [write_file(&folders[1], connections, 0)?, write_file(&folders[1], connections, 1)?];
        let one = start_unit(understudy, &folders[0], connections, vec![1], &files[..1])?;
        let two = start_unit(understudy, &folders[1], connections, vec![0, 1], &files)?;
        let plan = testpmd::Plan {
            devices: devices(&files),
            // The first is for commands; the only forwarding core is CPU 1, as the only worker is.
            lcores: "0@0,1@1,2@0",
            cores: 2,
            buffers: files.iter().map(|file| file.frames).sum::<usize>() + BUFFERS,
        };
        let testpmd = Testpmd::start(&plan, &folders[0])?;
        Ok(Self { one, two, testpmd, window, _folders: folders })
    }

    /// Cycles from one packet to the next, through testpmd with so many cores.
    fn peer(&mut self, mode: Mode, cores: usize) -> Result<f64, BedError> {
        self.testpmd.use_cores(cores)?;
        self.testpmd.cost(mode, BURST, SETTLING, self.window)
    }
}

/// Cycles from one packet to the next, through a unit, which is suspended before and after.
fn of_unit(unit: &Unit, window: Duration) -> Result<f64, BedError> {
    unit.resume()?;
    clock::sleep(SETTLING);
    let handed_over = unit.handed_over()?;
    let cost = unit.cost(window);
    let handed_over = unit.handed_over()? - handed_over;
    unit.suspend()?;
    if handed_over > 0 {
        let seen = format!("{handed_over} packets were handed over");
        return Err(BedError::NotReady { what: "worker that owns all its packets".to_owned(), seen });
    }
    cost
}

/// A file of frames, and how many there are.
struct Replayed {
    path: String,
    frames: usize,
}

fn write_file(folder: &Folder, connections: u32, worker: usize) -> Result<Replayed, BedError> {
    let traffic = Traffic { family: Family::Ipv4, connections, lengths: Lengths::Shortest };
    let owner = Owner { steering: Steering::new(2), worker };
    let frames = traffic.frames(Direction::Inbound, MACS[0], Some(owner));
    let path = folder.path().join(format!("worker{worker}.pcap"));
    pcap::write(&path, frames.iter().map(Vec::as_slice))?;
    Ok(Replayed { path: path.display().to_string(), frames: frames.len() })
}

/// A device with a queue for each file, and one that takes everything.
fn devices(files: &[Replayed]) -> [String; 2] {
    let queues: String = files.iter().map(|file| format!(",rx_pcap={}", file.path)).collect();
    [format!("net_pcap0{queues},infinite_rx=1"), "net_null1,no-rx=1".to_owned()]
}

/// Starts a unit, waits until it has all connections, and suspends it.
fn start_unit(
    understudy: &Path,
    folder: &Folder,
    connections: u32,
    workers: Vec<usize>,
    files: &[Replayed],
) -> Result<Unit, BedError> {
    let all = connections * u32::try_from(files.len()).unwrap_or(1);
    let plan = unit::Plan {
        devices: devices(files),
        workers,
        spins: false,
        real_servers: 4,
        connections: all * 5 / 4 + 2_000,
        additional_buffers: files.iter().map(|file| file.frames).sum(),
    };
    let mut unit = Unit::start(understudy, &plan, folder)?;
    unit.yield_control()?;
    unit.wait_for_connections(all)?;
    unit.suspend()?;
    Ok(unit)
}
