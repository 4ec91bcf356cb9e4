//! DPDK's own forwarder as a peer, driven by its command line.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::error::BedError;
use super::process::{Folder, Process, conversation};
use super::reading::Reading;
use crate::clock;

const NAME: &str = "dpdk-testpmd";

/// Longer than it needs to start, and to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A command of no consequence, and how its answer begins: then the answer to the command before it is complete.
const MARKER: (&str, &str) = ("set verbose 0", "Change verbose level from");

/// How it forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    /// As it came.
    Io,
    /// With the MAC addresses swapped.
    MacSwap,
    /// With MAC addresses, IP addresses and ports swapped: a translation without state.
    FiveTupleSwap,
    /// With all checksums computed.
    Checksum,
}

impl Mode {
    pub(super) const ALL: [Self; 4] = [Self::Io, Self::MacSwap, Self::FiveTupleSwap, Self::Checksum];

    /// What it calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Io => "io",
            Self::MacSwap => "macswap",
            Self::FiveTupleSwap => "5tswap",
            Self::Checksum => "csum",
        }
    }
}

/// What it is to be like.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Its devices with their arguments.
    pub(super) devices: [String; 2],
    /// EAL's lcores: the first is for commands.
    pub(super) lcores: &'static str,
    /// Lcores that forward, and queues of each port.
    pub(super) cores: usize,
    /// Packet buffers.
    pub(super) buffers: usize,
}

/// A running testpmd.
#[derive(Debug)]
pub(super) struct Testpmd {
    input: ChildStdin,
    lines: Receiver<String>,
    process: Process,
}

impl Testpmd {
    /// Starts it; it does not forward yet.
    pub(super) fn start(plan: &Plan, folder: &Folder) -> Result<Self, BedError> {
        // It would keep its answers in a buffer otherwise, as its output is no terminal.
        let mut command = Command::new("stdbuf");
        command.args([
            "-oL",
            NAME,
            "--lcores",
            plan.lcores,
            "--in-memory",
            "--single-file-segments",
            "--no-pci",
            "--no-telemetry",
        ]);
        command.arg("--file-prefix").arg(format!("understudy-bench-{}", std::process::id()));
        for device in &plan.devices {
            command.args(["--vdev", device]);
        }
        command.args(["--", "--interactive", "--disable-link-check", "--no-flush-rx"]);
        for (option, value) in [
            ("--nb-cores", plan.cores),
            ("--rxq", plan.cores),
            ("--txq", plan.cores),
            ("--total-num-mbufs", plan.buffers),
        ] {
            command.arg(format!("{option}={value}"));
        }
        let mut process = Process::start(NAME, conversation(&mut command), folder.path())?;
        let pipes = process.child().stdin.take().zip(process.child().stdout.take());
        let Some((input, output)) = pipes else { return Err(BedError::Idle(NAME)) };
        let mut testpmd = Self { input, lines: read_lines(output), process };
        testpmd.command("show port summary all")?;
        Ok(testpmd)
    }

    /// What a packet costs it, in one mode, for the length of `window` after some time to settle.
    pub(super) fn cost(
        &mut self,
        mode: Mode,
        burst: u16,
        settling: Duration,
        window: Duration,
    ) -> Result<f64, BedError> {
        self.forward(mode, burst)?;
        clock::sleep(settling);
        let before = self.read()?;
        clock::sleep(window);
        let after = self.read()?;
        match self.stop()? {
            0 => after.cost_since(before, NAME, String::new),
            dropped => Err(BedError::Dropped { name: NAME, dropped }),
        }
    }

    /// Has so many of its cores forward from the next start on.
    pub(super) fn use_cores(&mut self, cores: usize) -> Result<(), BedError> {
        self.command(&format!("set nbcore {cores}")).map(drop)
    }

    /// Begins to forward.
    pub(super) fn forward(&mut self, mode: Mode, burst: u16) -> Result<(), BedError> {
        self.command(&format!("set burst {burst}"))?;
        self.command(&format!("set fwd {}", mode.name()))?;
        self.command("start").map(drop)
    }

    /// Ends forwarding. Returns how many packets the transmitting ports did not take.
    pub(super) fn stop(&mut self) -> Result<u64, BedError> {
        let command = "stop";
        let answer = self.command(command)?;
        sum(&answer, "TX-dropped:").ok_or_else(|| unexpected(command, &answer))
    }

    /// What it has sent up to now. Its ports are not read at the same moment, so what it received is no measure of
    /// what it lost: [`stop`](Self::stop) tells that.
    fn read(&mut self) -> Result<Reading, BedError> {
        let command = "show port stats all";
        let before = dpdk::clock::cycles();
        let answer = self.command(command)?;
        let after = dpdk::clock::cycles();
        let sent = sum(&answer, "TX-packets:").ok_or_else(|| unexpected(command, &answer))?;
        Ok(Reading::between(before, after, sent, sent))
    }

    /// Has it carry out a command; returns what it says.
    fn command(&mut self, command: &str) -> Result<Vec<String>, BedError> {
        let written = writeln!(self.input, "{command}\n{}", MARKER.0).and_then(|()| self.input.flush());
        let mut answer = Vec::new();
        while written.is_ok() {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(MARKER.1) => return Ok(answer),
                Ok(line) => answer.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        Err(self.process.silence(command))
    }
}

fn unexpected(command: &str, answer: &[String]) -> BedError {
    BedError::Unexpected { name: NAME, command: command.to_owned(), answer: answer.join("\n") }
}

/// Lines as they come, so that waiting for them can have an end.
fn read_lines(output: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// The sum of the numbers behind `key`; none if it is not there.
fn sum(lines: &[String], key: &str) -> Option<u64> {
    let numbers = lines.iter().filter_map(|line| {
        let (_, rest) = line.split_once(key)?;
        rest.split_whitespace().next()?.parse::<u64>().ok()
    });
    numbers.reduce(|sum, number| sum + number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_of_all_ports_are_summed_up() {
        let answer = "\
  ######################## NIC statistics for port 0  ########################
  RX-packets: 4096       RX-missed: 0          RX-bytes:  245760
  RX-errors: 0
  TX-packets: 0          TX-errors: 0          TX-bytes:  0
  ######################## NIC statistics for port 1  ########################
  RX-packets: 5          RX-missed: 0          RX-bytes:  0
  TX-packets: 4096       TX-errors: 0          TX-bytes:  0
  Tx-pps:     65533593          Tx-bps:            0";
        let lines: Vec<String> = answer.lines().map(str::to_owned).collect();
        assert_eq!(sum(&lines, "TX-packets:"), Some(4_096));
        assert_eq!(sum(&lines, "TX-dropped:"), None);
    }
}
