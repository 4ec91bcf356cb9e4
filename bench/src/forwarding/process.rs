//! Programs under test as processes, and the folder of their files. Both are gone when they are dropped.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::error::BedError;
use crate::clock;

/// A running program. It is ended when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program; what it says on standard error goes to a log in `folder`.
    pub(super) fn start(name: &'static str, command: &mut Command, folder: &Path) -> Result<Self, BedError> {
        let log = folder.join(format!("{name}.log"));
        let errors = File::create(&log)?;
        // DPDK makes a folder there that it does not remove.
        command.env("RUNTIME_DIRECTORY", folder);
        let child = command.stderr(errors).spawn().map_err(|source| BedError::NotStarted { name, source })?;
        Ok(Self { name, child, log })
    }

    pub(super) const fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// The process' number.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// An error if it has ended.
    pub(super) fn check(&mut self) -> Result<(), BedError> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(BedError::Ended { name: self.name, status, log: self.last_words() }),
        }
    }

    /// Why it does not answer to `command`.
    pub(super) fn silence(&mut self, command: &str) -> BedError {
        // Its output ends a moment before its status is there.
        let ended = clock::wait_for(Duration::from_secs(1), || self.check().err());
        let silent =
            || BedError::Silent { name: self.name, command: command.to_owned(), log: self.last_words() };
        ended.unwrap_or_else(silent)
    }

    /// The end of its log.
    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }

    /// Halts it where it is, until it is resumed.
    pub(super) fn suspend(&self) -> Result<(), BedError> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets it go on.
    pub(super) fn resume(&self) -> Result<(), BedError> {
        self.signal(Signal::SIGCONT)
    }

    fn signal(&self, signal: Signal) -> Result<(), BedError> {
        let id = i32::try_from(self.id()).map_err(std::io::Error::other)?;
        kill(Pid::from_raw(id), signal).map_err(|error| BedError::Io(error.into()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Of no use to one that has ended, and then an error that means nothing. It also ends one that is suspended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command whose standard input and output are this program's to use.
pub(super) fn conversation(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::piped()).stdout(Stdio::piped())
}

/// A folder for files, removed with all that is in it.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// A new folder. Its path is short: a socket's has at most 107 bytes.
    pub(super) fn new(name: &str) -> Result<Self, BedError> {
        let path = std::env::temp_dir().join(format!("bench-{}-{name}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
