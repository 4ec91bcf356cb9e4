//! The other end of the management socket: what `understudy show` talks through.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::protocol::{Command, Outcome, Request, Response, Show, VERSION};

/// Longer than a unit needs for any answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// The longest response that is read, in bytes.
const RESPONSE_BYTES: u64 = 64 << 20;

/// Why a unit did not tell what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is no socket.
    #[error("no unit is running at {}", .0.display())]
    NotThere(PathBuf),
    /// The process that made the socket has ended.
    #[error("no unit is running at {}; its socket was left behind", .0.display())]
    LeftBehind(PathBuf),
    /// The socket is another user's.
    #[error("not allowed to talk to {}; run it with sudo", .0.display())]
    NotAllowed(PathBuf),
    /// The unit accepts but does not answer.
    #[error("the unit at {} does not answer", .0.display())]
    Silent(PathBuf),
    /// The connection failed otherwise.
    #[error("can not talk to {}: {source}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The answer is not of this protocol.
    #[error("{} answers in another way than version {VERSION} of the management protocol: {source}", path.display())]
    Malformed {
        /// The socket.
        path: PathBuf,
        /// What is wrong with the answer.
        source: serde_json::Error,
    },
    /// The unit refused.
    #[error("{0}")]
    Refused(String),
}

/// A connection to a running unit.
#[derive(Debug)]
pub struct Client {
    path: PathBuf,
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects to the unit whose socket is at `path`.
    ///
    /// # Errors
    ///
    /// When no unit is running there, or this user may not talk to it.
    pub fn connect(path: &Path) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(path).map_err(|source| io_error(path, source))?;
        stream
            .set_read_timeout(Some(PATIENCE))
            .and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
            .map_err(|source| io_error(path, source))?;
        Ok(Self { path: path.to_owned(), stream: BufReader::new(stream) })
    }

    /// Asks, and waits for the answer, which is never `Outcome::Error`.
    ///
    /// # Errors
    ///
    /// When the unit refuses, goes away, does not answer or is of another version.
    pub fn show(&mut self, show: Show) -> Result<Outcome, ClientError> {
        self.ask(Command::Show(show))
    }

    /// Has the unit do something, and waits until it is done.
    ///
    /// # Errors
    ///
    /// As for [`show`](Self::show).
    pub fn ask(&mut self, command: Command) -> Result<Outcome, ClientError> {
        let malformed = |path: &Path, source| ClientError::Malformed { path: path.to_owned(), source };
        let mut request =
            serde_json::to_vec(&Request::new(command)).map_err(|source| malformed(&self.path, source))?;
        request.push(b'\n');
        // A unit that refuses a client may have closed already; what it said is still there to be read.
        let written = self.stream.get_mut().write_all(&request);
        let mut line = Vec::new();
        let read = self.stream.by_ref().take(RESPONSE_BYTES).read_until(b'\n', &mut line);
        if !line.ends_with(b"\n") {
            let ended = || Err(io::ErrorKind::UnexpectedEof.into());
            let failed = written.and(read).map_or_else(Err, |_| ended());
            return failed.map_err(|source| io_error(&self.path, source));
        }
        let response: Response =
            serde_json::from_slice(&line).map_err(|source| malformed(&self.path, source))?;
        match response.outcome {
            Outcome::Error(error) => Err(ClientError::Refused(error.message)),
            outcome => Ok(outcome),
        }
    }
}

fn io_error(path: &Path, source: io::Error) -> ClientError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => ClientError::NotThere(path),
        io::ErrorKind::ConnectionRefused => ClientError::LeftBehind(path),
        io::ErrorKind::PermissionDenied => ClientError::NotAllowed(path),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ClientError::Silent(path),
        _ => ClientError::Io { path, source },
    }
}
