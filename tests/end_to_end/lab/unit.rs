//! The program under test as a process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::namespace::Namespace;
use super::wait;

/// A running `understudy run`.
pub(crate) struct Unit {
    process: Child,
    log: PathBuf,
}

impl Unit {
    /// Starts it in `namespace`; what it says goes to a file in `folder`.
    pub(crate) fn start(namespace: &Namespace, configuration: &Path, folder: &Path) -> Self {
        let log = configuration.with_extension("log");
        let output = File::create(&log).expect("a log file");
        let errors = output.try_clone().expect("a second handle");
        let process = namespace.enter_with_sys(|| {
            // On a machine of its own nothing would keep its threads from turning.
            Command::new("nice")
                .args(["-n", "-15", env!("CARGO_BIN_EXE_understudy"), "run", "--config"])
                .arg(configuration)
                .env("RUST_LOG", "info")
                // Where DPDK makes a folder that it does not remove.
                .env("RUNTIME_DIRECTORY", folder)
                .stdin(Stdio::null())
                .stdout(output)
                .stderr(errors)
                .spawn()
                .expect("understudy runs")
        });
        Self { process, log }
    }

    /// What it said so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The number of its process.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Its exit status, if it ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().expect("a process that was started here")
    }

    /// Waits until it ends.
    pub(crate) fn end(&mut self) -> ExitStatus {
        wait::until("the unit to end", || self.ended())
    }

    /// Sends it a signal, if it is still there.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            let pid = i32::try_from(self.process.id()).expect("a process number");
            kill(Pid::from_raw(pid), signal).expect("a process that was started here");
        }
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        // Of no use to a unit that ended, and then an error that means nothing.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
