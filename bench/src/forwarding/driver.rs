//! A generator process, as the benchmarks use it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command};

use super::error::BedError;
use super::generator::{Answer, Order};
use super::process::{Folder, Process, conversation};

const NAME: &str = "the generator";

/// A running generator.
#[derive(Debug)]
pub(super) struct Driver {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    process: Process,
}

impl Driver {
    /// Starts one whose memifs end in what listens at `sockets`, and waits until both ends are there.
    pub(super) fn start(
        sockets: &[std::path::PathBuf; 2],
        connections: u32,
        cpu: usize,
        folder: &Folder,
    ) -> Result<Self, BedError> {
        let mut command = Command::new(std::env::current_exe()?);
        let [outside, inside] = sockets.each_ref().map(|socket| Path::as_os_str(socket));
        command.arg("generate").arg("--outside").arg(outside).arg("--inside").arg(inside);
        command.args(["--connections", &connections.to_string(), "--cpu", &cpu.to_string()]);
        let mut process = Process::start(NAME, conversation(&mut command), folder.path())?;
        let pipes = process.child().stdin.take().zip(process.child().stdout.take());
        let Some((input, output)) = pipes else { return Err(BedError::Idle(NAME)) };
        let mut driver = Self { input, output: BufReader::new(output), process };
        driver.answer("start")?;
        Ok(driver)
    }

    /// Has it carry out an order.
    pub(super) fn carry_out(&mut self, order: Order) -> Result<Answer, BedError> {
        let order = serde_json::to_string(&order)?;
        writeln!(self.input, "{order}")?;
        self.input.flush()?;
        self.answer(&order)
    }

    fn answer(&mut self, order: &str) -> Result<Answer, BedError> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? > 0 {
            return Ok(serde_json::from_str(&line)?);
        }
        Err(self.process.silence(order))
    }
}
