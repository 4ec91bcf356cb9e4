//! A program as a process, and the folder of its files. Both are gone when they are dropped.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::error::RivalsError;
use super::namespace::Namespace;

/// Shows a process the interfaces of its network namespace in /sys. The program takes the shell's place.
const WITH_SYS: &str = "mount -t sysfs sysfs /sys && exec \"$@\"";

/// A running program.
#[derive(Debug)]
pub(crate) struct Process {
    program: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program in a namespace; what it says goes to a log in `folder`. It ends with this process, too, whatever
    /// ends it.
    pub(crate) fn start(
        namespace: &Namespace,
        program: &Path,
        arguments: &[&str],
        folder: &Folder,
    ) -> Result<Self, RivalsError> {
        let log = folder.path().join("log");
        let output = File::create(&log)?;
        let errors = output.try_clone()?;
        let name = program.display().to_string();
        let mut command: Command = namespace.command("unshare");
        command
            .args(["--mount", "--", "setpriv", "--pdeathsig", "KILL", "--", "sh", "-c", WITH_SYS, "sh"])
            .arg(program)
            .args(arguments)
            // Where DPDK makes a folder that it does not remove.
            .env("RUNTIME_DIRECTORY", folder.path())
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        let child = command.spawn();
        let child = child.map_err(|source| RivalsError::NotStarted { program: name.clone(), source })?;
        Ok(Self { program: name, child, log })
    }

    /// An error if it has ended.
    pub(crate) fn check(&mut self) -> Result<(), RivalsError> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => {
                Err(RivalsError::Ended { program: self.program.clone(), status, log: self.last_words() })
            }
        }
    }

    /// Halts it where it is, until it is resumed.
    pub(crate) fn suspend(&self) -> Result<(), RivalsError> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) -> Result<(), RivalsError> {
        self.signal(Signal::SIGCONT)
    }

    fn signal(&self, signal: Signal) -> Result<(), RivalsError> {
        let id = i32::try_from(self.child.id()).map_err(std::io::Error::other)?;
        Ok(kill(Pid::from_raw(id), signal)?)
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Of no use to one that has ended, and then an error that means nothing. It also ends one that is suspended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder for files, removed with all that is in it.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// A new folder. Its path is short: a socket's has at most 107 bytes.
    pub(crate) fn new(name: &str) -> Result<Self, RivalsError> {
        let path = std::env::temp_dir().join(format!("understudy-bench-{}-{name}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file into it.
    pub(crate) fn write(&self, name: &str, content: &str) -> Result<PathBuf, RivalsError> {
        let path = self.0.join(name);
        fs::write(&path, content)?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
