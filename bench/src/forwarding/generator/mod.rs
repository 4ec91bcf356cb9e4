//! The packet generator: a process of its own on a CPU of its own, which sends frames of many connections into one end
//! of the program under test and takes them back from the other.
//!
//! Orders come by standard input, one on a line; answers go to standard output, as JSON. See [`Order`].

mod link;
mod run;

use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use dpdk::{Eal, Mempool, MempoolConfiguration};
use serde::{Deserialize, Serialize};

use super::error::BedError;
use super::traffic::{Direction, Family, Lengths, Traffic};
use crate::clock;

/// Packet buffers: memif copies what it sends, so few are in use.
const BUFFERS: usize = 16_383;
const CACHE: u32 = 256;
const DATA_ROOM: u16 = 2_048 + 128;

/// How long the other side may take to be there.
const PATIENCE: Duration = Duration::from_secs(20);

/// The MAC address of the program under test, outside.
pub(super) const UNIT_MAC: model::MacAddress = model::MacAddress([2, 0, 0, 0, 0xcc, 0]);

/// What the generator is started with.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The socket of the memif that frames are sent into.
    #[arg(long)]
    pub(super) outside: PathBuf,
    /// The socket of the memif that they come back from.
    #[arg(long)]
    pub(super) inside: PathBuf,
    /// Connections whose frames are sent.
    #[arg(long)]
    pub(super) connections: u32,
    /// The CPU that it runs on.
    #[arg(long)]
    pub(super) cpu: usize,
}

/// What a generator is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    /// Send as fast as packets come back: a bounded number is on the way at any time.
    Flood {
        /// For how long.
        milliseconds: u64,
    },
    /// Send at a rate, and measure how long each packet is on the way.
    Pace {
        /// Packets in a second.
        rate: f64,
        /// For how long.
        milliseconds: u64,
    },
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Answer {
    /// Packets sent.
    pub(super) sent: u64,
    /// Packets that came back meanwhile.
    pub(super) returned: u64,
    /// Packets that did not come back afterwards either.
    pub(super) lost: u64,
    /// How long it took, by the cycle counter.
    pub(super) cycles: u64,
    /// How much of it the generator waited: it had as many on the way as it may, and nothing came back.
    pub(super) waited: u64,
    /// Quantiles of the time on the way, in nanoseconds: each from 0 to 1, with its time.
    pub(super) quantiles: Vec<(f64, f64)>,
}

/// Runs a generator until its standard input ends.
pub(crate) fn run(arguments: &Arguments) -> Result<(), GeneratorError> {
    let traffic =
        Traffic { family: Family::Ipv4, connections: arguments.connections, lengths: Lengths::Shortest };
    let frames = traffic.frames(Direction::Inbound, UNIT_MAC, None);
    let eal = Eal::start(&eal_arguments(arguments.cpu))?;
    let configuration = MempoolConfiguration { mbufs: BUFFERS, cache: CACHE, data_room: DATA_ROOM };
    let pool = Mempool::new(&eal, "frames", configuration)?;
    let (outside, _, transmit) = link::open(&eal, &memif(0, &arguments.outside), &pool)?;
    let (inside, receive, _) = link::open(&eal, &memif(1, &arguments.inside), &pool)?;
    let both_up = || (outside.link().up && inside.link().up).then_some(());
    clock::wait_for(PATIENCE, both_up).ok_or(GeneratorError::Alone)?;
    let mut generator = run::Generator::new(transmit, receive, pool, frames);
    answer(&Answer::default())?;
    for line in io::stdin().lock().lines() {
        let order: Order = serde_json::from_str(&line?)?;
        answer(&generator.carry_out(order))?;
    }
    Ok(())
}

/// Writes one line.
fn answer(answer: &Answer) -> Result<(), GeneratorError> {
    let mut output = io::stdout().lock();
    serde_json::to_writer(&mut output, answer)?;
    output.write_all(b"\n")?;
    output.flush()?;
    Ok(())
}

fn eal_arguments(cpu: usize) -> Vec<String> {
    let (lcores, prefix) = (format!("0@{cpu}"), format!("understudy-bench-generator-{}", std::process::id()));
    let arguments = [
        "generator",
        "--lcores",
        &lcores,
        "--in-memory",
        "--single-file-segments",
        "--no-pci",
        "--no-telemetry",
        "--file-prefix",
        &prefix,
        "--log-level=*:warning",
    ];
    arguments.map(str::to_owned).to_vec()
}

/// This end of a memif: the other end, which was there first, is the server.
fn memif(number: usize, socket: &Path) -> String {
    format!("net_memif{number},role=client,socket={},socket-abstract=no", socket.display())
}

/// The other end of a memif, for the program under test.
pub(super) fn server_memif(number: usize, socket: &Path) -> String {
    let mut mac = UNIT_MAC;
    // Outside is port 0, as the frames' destination says.
    mac.0[5] = u8::try_from(number).unwrap_or_default();
    format!("net_memif{number},role=server,socket={},socket-abstract=no,mac={mac}", socket.display())
}

/// Why a generator could not do what it was told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GeneratorError {
    /// DPDK does not start.
    #[error(transparent)]
    Eal(#[from] dpdk::EalError),
    /// There is no memory for buffers.
    #[error(transparent)]
    Pool(#[from] dpdk::MempoolError),
    /// A port can not be used.
    #[error(transparent)]
    Port(#[from] dpdk::PortError),
    /// A port has no queue.
    #[error("the port has no queue")]
    NoQueue,
    /// The program under test is not there.
    #[error("nobody is at the other end of the memifs")]
    Alone,
    /// Orders or answers do not get through.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// An order is not one.
    #[error("not an order: {0}")]
    Order(#[from] serde_json::Error),
}

impl From<GeneratorError> for BedError {
    fn from(error: GeneratorError) -> Self {
        Self::Io(io::Error::other(error))
    }
}
