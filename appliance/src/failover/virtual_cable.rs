//! A failover cable without wires: two pseudo terminals, and what goes in at one comes out at the other as slowly as over
//! a serial line. For units on one machine.
//!
//! A pseudo terminal has no modem lines. When a unit ends, the other one's terminal hangs up: that stands for its lines.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::Instant;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};

use crate::{platform, system};

/// Between two looks at both ends.
const TURN: Duration = Duration::from_micros(500);

/// Bits of a byte on the line: start, eight, stop.
const BITS: u64 = 10;

/// Where the kernel has pseudo terminals.
const TERMINALS: &str = "/dev/pts";

/// Bytes that the buffer of a real port would hold.
const BUFFER_BYTES: usize = 4_096;

/// Why there is no cable.
#[derive(Debug, thiserror::Error)]
pub enum CableError {
    /// Signal handlers could not be installed.
    #[error("can not handle SIGINT and SIGTERM: {0}")]
    Signal(#[source] io::Error),
    /// The kernel gives no pseudo terminal.
    #[error("no pseudo terminal: {0}")]
    Terminal(#[source] io::Error),
    /// The end can not have that name.
    #[error("{path} can not be made: {source}; write a path that does not exist, in a folder that does")]
    End {
        /// The end's path.
        path: PathBuf,
        /// What the kernel says.
        source: io::Error,
    },
}

/// One end.
struct End {
    path: PathBuf,
    master: PtyMaster,
    /// Whether somebody has had it open.
    was_open: bool,
    /// On the way to this end.
    coming: VecDeque<u8>,
    /// When the next byte is through.
    free_at: Instant,
}

/// Joins `ends`, which are made for the time, at `baud` bits a second, until SIGINT or SIGTERM.
///
/// # Errors
///
/// There is no pseudo terminal, or an end can not have its name.
pub fn run_virtual_cable(ends: [PathBuf; 2], baud: u32) -> Result<(), CableError> {
    let stop = system::stop_on_signals().map_err(CableError::Signal)?;
    join(ends, baud, &stop)
}

fn join(ends: [PathBuf; 2], baud: u32, stop: &AtomicBool) -> Result<(), CableError> {
    let [one, other] = ends;
    let mut ends = [End::new(one)?, End::new(other)?];
    let byte_time = Duration::from_nanos(1_000_000_000 * BITS / u64::from(baud.max(1)));
    // Relaxed: the flag carries no data, and is looked at again at once.
    while !stop.load(Ordering::Relaxed) {
        let now = platform::now();
        for from in 0..ends.len() {
            let [one, other] = &mut ends;
            let (from, to) = if from == 0 { (one, other) } else { (other, one) };
            if from.take(&mut to.coming) {
                to.hang_up()?;
            }
            to.deliver(now, byte_time);
        }
        platform::sleep(TURN);
    }
    Ok(())
}

impl End {
    fn new(path: PathBuf) -> Result<Self, CableError> {
        let master = terminal(&path)?;
        Ok(Self { path, master, was_open: false, coming: VecDeque::new(), free_at: Instant::START })
    }

    /// Puts what was written here on the way. Returns whether whoever had it open has let it go.
    fn take(&mut self, line: &mut VecDeque<u8>) -> bool {
        if !self.is_open() {
            self.coming.clear();
            return std::mem::take(&mut self.was_open);
        }
        self.was_open = true;
        let mut buffer = [0; 256];
        let room = BUFFER_BYTES.saturating_sub(line.len()).min(buffer.len());
        if let Ok(count) = self.master.read(&mut buffer[..room]) {
            line.extend(&buffer[..count]);
        }
        false
    }

    /// A terminal that nobody has open has hung up. One that nobody had open yet does not say so, and has no bytes.
    fn is_open(&self) -> bool {
        let mut descriptors = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut descriptors, PollTimeout::ZERO);
        let events = descriptors[0].revents().unwrap_or(PollFlags::empty());
        let has_hung_up = events.contains(PollFlags::POLLHUP);
        !has_hung_up && (self.was_open || events.contains(PollFlags::POLLIN))
    }

    /// Gives what has come through to whoever has this end open.
    fn deliver(&mut self, now: Instant, byte_time: Duration) {
        if self.coming.is_empty() {
            self.free_at = now;
        }
        while !self.coming.is_empty() && self.free_at + byte_time <= now {
            let Some(byte) = self.coming.pop_front() else { break };
            self.free_at = self.free_at + byte_time;
            // What nobody takes is lost, as on a cable.
            let _ = self.master.write(&[byte]);
        }
    }

    /// The unit at the other end has ended: this end hangs up, and is there again.
    fn hang_up(&mut self) -> Result<(), CableError> {
        self.master = terminal(&self.path)?;
        (self.was_open, self.free_at) = (false, Instant::START);
        self.coming.clear();
        Ok(())
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// A new terminal, that `path` leads to.
fn terminal(path: &Path) -> Result<PtyMaster, CableError> {
    let of_system = |errno: nix::Error| CableError::Terminal(errno.into());
    let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).map_err(of_system)?;
    grantpt(&master).and_then(|()| unlockpt(&master)).map_err(of_system)?;
    let name = ptsname_r(&master).map_err(of_system)?;
    let mut settings = tcgetattr(&master).map_err(of_system)?;
    cfmakeraw(&mut settings);
    tcsetattr(&master, SetArg::TCSANOW, &settings).map_err(of_system)?;
    fcntl(&master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(of_system)?;
    let end_error = |source| CableError::End { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        // Ours, or that of one that was killed.
        Ok(_) if fs::read_link(path).is_ok_and(|end| end.starts_with(TERMINALS)) => {
            fs::remove_file(path).map_err(end_error)?;
        }
        Ok(_) => return Err(end_error(ErrorKind::AlreadyExists.into())),
        Err(_) => {}
    }
    symlink(name, path).map_err(end_error)?;
    Ok(master)
}
