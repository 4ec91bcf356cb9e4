//! Network namespaces without names: each lives as long as something holds it open, so that nothing can stay behind.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

use super::error::RivalsError;

/// A network namespace.
#[derive(Debug)]
pub(crate) struct Namespace(File);

impl Namespace {
    /// A new one, with its loopback interface up and without IPv6, whose chatter would be counted as packets.
    pub(crate) fn new() -> Result<Self, RivalsError> {
        let namespace = Self(on_a_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET).map_err(RivalsError::Namespace)?;
            Ok(File::open("/proc/thread-self/ns/net")?)
        })?);
        for which in ["all", "default"] {
            namespace.set(&format!("net/ipv6/conf/{which}/disable_ipv6"), "1")?;
        }
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    /// Moves the calling thread into it, for good.
    pub(crate) fn join(&self) -> Result<(), RivalsError> {
        setns(&self.0, CloneFlags::CLONE_NEWNET).map_err(RivalsError::Namespace)
    }

    /// Does `work` on a thread inside. Sockets that it makes stay inside.
    pub(crate) fn enter<T: Send>(
        &self,
        work: impl FnOnce() -> Result<T, RivalsError> + Send,
    ) -> Result<T, RivalsError> {
        on_a_thread(|| {
            self.join()?;
            work()
        })
    }

    /// A command that runs a program inside.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.path().display())).arg("--").arg(program);
        command
    }

    /// Carries out `ip` commands, one on each line.
    pub(crate) fn ip(&self, commands: &str) -> Result<(), RivalsError> {
        self.run("ip", &["-batch", "-"], commands)
    }

    /// Runs a program that must succeed, with `input` as its standard input.
    pub(crate) fn run(&self, program: &str, arguments: &[&str], input: &str) -> Result<(), RivalsError> {
        let mut command = self.command(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let not_started = |source| RivalsError::NotStarted { program: program.to_owned(), source };
        let mut child = command.spawn().map_err(not_started)?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that ends without reading says why itself.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output()?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(RivalsError::Failed { program: format!("{program} {}", arguments.join(" ")), said })
    }

    /// Sets a kernel parameter, like `net/ipv4/ip_forward`.
    pub(crate) fn set(&self, parameter: &str, value: &str) -> Result<(), RivalsError> {
        let wrong = |source: io::Error| RivalsError::Parameter {
            parameter: parameter.to_owned(),
            value: value.to_owned(),
            source,
        };
        self.enter(|| fs::write(format!("/proc/sys/{parameter}"), value).map_err(wrong))
    }

    /// Where the kernel finds it.
    pub(crate) fn path(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd()).into()
    }
}

/// Does `work` on a thread of its own, because a thread that has changed its namespace does not go back.
fn on_a_thread<T: Send>(work: impl FnOnce() -> Result<T, RivalsError> + Send) -> Result<T, RivalsError> {
    let done = thread::scope(|scope| scope.spawn(work).join());
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
