//! Lines over a socket, bounded in size and time.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use model::Instant;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::stop::Stop;
use crate::platform;

/// Why there is no line.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    /// The unit is being stopped.
    #[error("the unit is being stopped")]
    Stopping,
    /// The other side took too long.
    #[error("the client took too long")]
    TimedOut,
    /// The line is longer than allowed.
    #[error("a request is at most {0} bytes")]
    TooLong(usize),
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A client's socket. No call takes longer than it is allowed to, or goes on after the stop.
pub(super) struct Lines {
    stream: UnixStream,
    stop: Stop,
    /// What was received after the last line.
    received: Vec<u8>,
}

impl Lines {
    pub(super) fn new(stream: UnixStream, stop: Stop) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, stop, received: Vec::new() })
    }

    /// The next line without its newline; `None` when the client has closed. A last line without a newline is
    /// none: nobody knows whether it is whole.
    pub(super) fn read(&mut self, longest: usize, patience: Duration) -> Result<Option<Vec<u8>>, LineError> {
        let deadline = platform::now() + patience;
        let mut chunk = [0; 16_384];
        // A long line comes in many chunks: each is searched once.
        let mut searched = 0;
        loop {
            let newline = self.received[searched..].iter().position(|&byte| byte == b'\n');
            if let Some(end) = newline.map(|index| searched + index) {
                if end > longest {
                    return Err(LineError::TooLong(longest));
                }
                let mut line: Vec<u8> = self.received.drain(..=end).collect();
                line.pop();
                return Ok(Some(line));
            }
            if self.received.len() > longest {
                return Err(LineError::TooLong(longest));
            }
            searched = self.received.len();
            wait(&self.stream, PollFlags::POLLIN, &self.stop, Some(deadline))?;
            match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(None),
                Ok(count) => self.received.extend_from_slice(&chunk[..count]),
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes `line`, which has its newline. What there is room for at once is written even after the stop, so
    /// that a client learns of it.
    pub(super) fn write(&mut self, line: &[u8], patience: Duration) -> Result<(), LineError> {
        let deadline = platform::now() + patience;
        let mut left = line;
        while !left.is_empty() {
            match self.stream.write(left) {
                Ok(count) => left = &left[count..],
                Err(error) if is_passing(&error) => {
                    wait(&self.stream, PollFlags::POLLOUT, &self.stop, Some(deadline))?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Waits until `socket` is ready for `events`.
pub(super) fn wait(
    socket: &impl AsFd,
    events: PollFlags,
    stop: &Stop,
    deadline: Option<Instant>,
) -> Result<(), LineError> {
    loop {
        let timeout = match deadline.map(|deadline| deadline - platform::now()) {
            Some(Duration::ZERO) => return Err(LineError::TimedOut),
            // Rounded up: a wait of less than a millisecond must not become none.
            Some(left) => PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX),
            None => PollTimeout::NONE,
        };
        let mut polled = [PollFd::new(socket.as_fd(), events), PollFd::new(stop.as_fd(), PollFlags::POLLIN)];
        match poll(&mut polled, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(LineError::Io(error.into())),
        }
        let is_ready = |index: usize| polled[index].any().unwrap_or(true);
        if is_ready(1) {
            return Err(LineError::Stopping);
        }
        if is_ready(0) {
            return Ok(());
        }
    }
}
