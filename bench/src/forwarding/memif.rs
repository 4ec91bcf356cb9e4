//! Frames from a generator process on the other CPU, by shared memory (`net_memif`): there and back again.

use std::path::{Path, PathBuf};

use super::driver::Driver;
use super::error::BedError;
use super::generator::{Answer, Order, server_memif};
use super::process::Folder;
use super::reading::patiently;
use super::testpmd::{Mode, Testpmd};
use super::unit::Unit;
use super::{testpmd, unit};
use crate::Context;
use crate::report::{CYCLES_PER_PACKET, Figure, Outcome, Quotient, Section, in_full};
use crate::rounds::{Turn, Turns, as_f64, take_turns};

/// Connections whose frames are sent.
const CONNECTIONS: [u32; 2] = [1_000, 65_536];

/// Bursts that testpmd is tried with.
const BURSTS: [u16; 3] = [32, 64, 128];

/// Packet buffers of testpmd.
const BUFFERS: usize = 32_768;

/// The CPU of the generator; the other is the forwarding one's.
const GENERATOR_CPU: usize = 0;

/// Milliseconds of a flood before the one that counts.
const SETTLING: u64 = 20;

/// Of so many packets, one may be lost.
const TOLERATED: u64 = 2_000;

/// Both programs, each with a generator.
pub(super) struct Bed {
    ours: Ours,
    peer: Peer,
}

/// The unit and its generator, which goes first.
struct Ours {
    driver: Driver,
    unit: Unit,
    _folder: Folder,
}

/// testpmd and its generator, which goes first.
struct Peer {
    driver: Driver,
    testpmd: Testpmd,
    burst: u16,
    _folder: Folder,
}

/// Runs all scenarios, each whatever became of the others.
pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.section.title = "Forwarding between two processes".to_owned();
    outcome.section.remarks = remarks();
    for connections in CONNECTIONS {
        if let Err(error) = measure(context, connections, &mut outcome.section) {
            outcome.failures.push(format!("{connections} connections: {}", in_full(&error)));
        }
    }
    outcome
}

fn remarks() -> Vec<String> {
    vec![
        "Both ports are `net_memif`; a generator on CPU 0 sends 64-byte frames into the first and takes them back from the \
         second, with 768 packets on the way at most, so that no ring overflows; the forwarding core is CPU 1. The value is the \
         generator's: cycles from one packet back to the next."
            .to_owned(),
        "memif copies packets at both ends. Where the generator hardly waits, it is the slower of the two: then a value is the \
         generator's own, and its ratio says nothing."
            .to_owned(),
    ]
}

fn measure(context: &Context, connections: u32, section: &mut Section) -> Result<(), BedError> {
    let (rounds, milliseconds) = if context.quick { (3, 80) } else { (7, 200) };
    let mut bed = Bed::start(&context.understudy, connections)?;
    let turns = take_turns(rounds, 2, |turn| match turn {
        Turn::Control => bed.flood_peer(Mode::Io, milliseconds),
        Turn::Side(0) => bed.flood_ours(milliseconds),
        Turn::Side(_) => bed.flood_peer(Mode::FiveTupleSwap, milliseconds),
    })?;
    section.remarks.push(bed.waiting(connections, milliseconds)?);
    add_figures(section, connections, &turns);
    Ok(())
}

fn add_figures(section: &mut Section, connections: u32, turns: &Turns) {
    for (mode, sides) in
        [(Mode::Io, turns.compare_with_control(0)), (Mode::FiveTupleSwap, turns.compare(0, 1))]
    {
        let name = format!("memif/ipv4/{connections}/{}", mode.name());
        eprintln!("  {name}: ours {:.1}, {:.1} cycles", sides.ours.minimum(), sides.peer.minimum());
        let peer = format!("testpmd {}", mode.name());
        let figure = Figure::compared(name, CYCLES_PER_PACKET, peer, &sides, Quotient::PeerByOurs, None);
        section.figures.push(figure);
    }
}

impl Bed {
    /// Starts both sides and lets the unit take in all connections. Neither forwards afterwards.
    pub(super) fn start(understudy: &Path, connections: u32) -> Result<Self, BedError> {
        let ours = Ours::start(understudy, connections)?;
        let peer = Peer::start(connections)?;
        Ok(Self { ours, peer })
    }

    /// Has the unit forward what the generator sends by `order`.
    pub(super) fn ours(&mut self, order: Order) -> Result<Answer, BedError> {
        self.ours.unit.resume()?;
        let answer = self.ours.driver.carry_out(order);
        self.ours.unit.suspend()?;
        answer
    }

    /// Has testpmd forward what the generator sends by `order`.
    pub(super) fn peer(&mut self, mode: Mode, order: Order) -> Result<Answer, BedError> {
        self.peer.carry_out(mode, order)
    }

    /// How much of the time the generator waits for each side, in words.
    fn waiting(&mut self, connections: u32, milliseconds: u64) -> Result<String, BedError> {
        let order = Order::Flood { milliseconds };
        let of = |answer: &Answer| as_f64(answer.waited) / as_f64(answer.cycles.max(1)) * 100.0;
        let ours = of(&self.ours(order)?);
        let [io, swap] = [Mode::Io, Mode::FiveTupleSwap].map(|mode| self.peer(mode, order));
        Ok(format!(
            "{connections} connections: the generator waits {ours:.0} % of the time for understudy, {:.0} % for testpmd io and \
             {:.0} % for 5tswap, whose bursts are of {}.",
            of(&io?),
            of(&swap?),
            self.peer.burst
        ))
    }

    /// Cycles from one packet back to the next, at full load, through the unit.
    pub(super) fn flood_ours(&mut self, milliseconds: u64) -> Result<f64, BedError> {
        patiently(|| {
            self.ours(Order::Flood { milliseconds: SETTLING })?;
            cost("understudy", &self.ours(Order::Flood { milliseconds })?)
        })
    }

    /// The same through testpmd.
    pub(super) fn flood_peer(&mut self, mode: Mode, milliseconds: u64) -> Result<f64, BedError> {
        patiently(|| {
            self.peer(mode, Order::Flood { milliseconds: SETTLING })?;
            cost("dpdk-testpmd", &self.peer(mode, Order::Flood { milliseconds })?)
        })
    }
}

impl Ours {
    fn start(understudy: &Path, connections: u32) -> Result<Self, BedError> {
        let folder = Folder::new("memif-ours")?;
        let (sockets, devices) = servers(&folder);
        let plan = unit::Plan {
            devices,
            workers: vec![1],
            spins: true,
            real_servers: 4,
            connections: connections * 5 / 4 + 1_000,
            additional_buffers: 0,
        };
        let mut unit = Unit::start(understudy, &plan, &folder)?;
        unit.yield_control()?;
        let mut driver = Driver::start(&sockets, connections, GENERATOR_CPU, &folder)?;
        // Each frame once and more, on a slow machine, too.
        for _ in 0..20 {
            if unit.connections()? < u64::from(connections) {
                driver.carry_out(Order::Flood { milliseconds: 200 })?;
            }
        }
        unit.wait_for_connections(connections)?;
        unit.suspend()?;
        Ok(Self { driver, unit, _folder: folder })
    }
}

impl Peer {
    fn start(connections: u32) -> Result<Self, BedError> {
        let folder = Folder::new("memif-peer")?;
        let (sockets, devices) = servers(&folder);
        let plan = testpmd::Plan { devices, lcores: "0@0,1@1", cores: 1, buffers: BUFFERS };
        let testpmd = Testpmd::start(&plan, &folder)?;
        let driver = Driver::start(&sockets, connections, GENERATOR_CPU, &folder)?;
        let mut peer = Self { driver, testpmd, burst: BURSTS[0], _folder: folder };
        peer.choose_burst()?;
        Ok(peer)
    }

    /// Finds out which burst suits it best.
    fn choose_burst(&mut self) -> Result<(), BedError> {
        let mut best = (f64::INFINITY, BURSTS[0]);
        for burst in BURSTS {
            self.burst = burst;
            let order = Order::Flood { milliseconds: 60 };
            let cost = patiently(|| cost("dpdk-testpmd", &self.carry_out(Mode::FiveTupleSwap, order)?))?;
            if cost < best.0 {
                best = (cost, burst);
            }
        }
        self.burst = best.1;
        Ok(())
    }

    fn carry_out(&mut self, mode: Mode, order: Order) -> Result<Answer, BedError> {
        self.testpmd.forward(mode, self.burst)?;
        let answer = self.driver.carry_out(order);
        self.testpmd.stop()?;
        answer
    }
}

/// Where the memifs of the program under test listen, and what it is told about them.
fn servers(folder: &Folder) -> ([PathBuf; 2], [String; 2]) {
    let sockets = ["outside.memif", "inside.memif"].map(|name| folder.path().join(name));
    let devices = [server_memif(0, &sockets[0]), server_memif(1, &sockets[1])];
    (sockets, devices)
}

/// Cycles for each packet that came back.
fn cost(name: &'static str, answer: &Answer) -> Result<f64, BedError> {
    let Answer { sent, returned, lost, cycles, .. } = *answer;
    if returned == 0 {
        return Err(BedError::Idle(name));
    }
    if lost > sent / TOLERATED {
        return Err(BedError::Lossy { name, lost, received: sent, why: String::new() });
    }
    Ok(as_f64(cycles) / as_f64(returned))
}
