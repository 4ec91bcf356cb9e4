//! The server: accepts clients and gives each a thread, bounded in number.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::poll::PollFlags;

use super::affinity::Cpus;
use super::inspection::Inspection;
use super::line::{LineError, Lines, wait};
use super::protocol::{ErrorKind, ErrorReport, Outcome};
use super::session::{self, Session};
use super::socket::{BoundSocket, SocketError, SocketFile};
use super::stop::{Stop, StopSender};
use crate::platform;

/// Clients that are served at once.
const CLIENTS: usize = 16;

/// How long to wait when the operating system can not give a client: it is out of files or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The management socket of a running unit. Stops when dropped.
pub struct Server {
    stop: Option<StopSender>,
    thread: Option<JoinHandle<()>>,
    file: Option<SocketFile>,
}

/// What the accepting thread has.
struct Acceptor {
    listener: UnixListener,
    inspection: Arc<Inspection>,
    cpus: Cpus,
    stop: Stop,
}

impl Server {
    /// Takes the socket's name, so that no other unit can, and lets clients wait there. The directory is made when
    /// it is missing; a socket that a dead process left is replaced.
    ///
    /// # Errors
    ///
    /// When another unit is running there, or the operating system refuses.
    pub fn bind(path: &Path) -> Result<BoundSocket, SocketError> {
        BoundSocket::bind(path)
    }

    /// Stops serving: returns when all management threads have ended and the socket's file is gone.
    pub fn stop(&mut self) {
        self.file = None;
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the management thread panicked");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl BoundSocket {
    /// Serves clients from a thread of its own.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread.
    pub fn serve(self, inspection: Inspection) -> Result<Server, SocketError> {
        let Self { listener, cpus, file } = self;
        let cpus = cpus.without_polling(&inspection.unit);
        let (stop_sender, stop) = Stop::new().map_err(|source| file.error("serve", source))?;
        let acceptor = Acceptor { listener, inspection: Arc::new(inspection), cpus, stop };
        let thread = thread::Builder::new()
            .name("management".to_owned())
            .spawn(move || acceptor.run())
            .map_err(|source| file.error("serve", source))?;
        Ok(Server { stop: Some(stop_sender), thread: Some(thread), file: Some(file) })
    }
}

impl Acceptor {
    /// Accepts until the stop, then waits for the clients' threads, which see the stop as well.
    fn run(self) {
        self.cpus.adopt();
        let mut clients: Vec<JoinHandle<()>> = Vec::new();
        loop {
            match wait(&self.listener, PollFlags::POLLIN, &self.stop, None) {
                Ok(()) => {}
                Err(LineError::Stopping) => break,
                Err(error) => {
                    log::error!("management socket: {error}; it is closed");
                    break;
                }
            }
            clients.retain(|client| !client.is_finished());
            match self.listener.accept() {
                Ok((stream, _)) => clients.extend(self.welcome(stream, clients.len())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    log::warn!("management socket: can not accept a client: {error}");
                    platform::sleep(ACCEPT_PAUSE);
                }
            }
        }
        for client in clients {
            if client.join().is_err() {
                log::error!("a management client's thread panicked");
            }
        }
    }

    /// Gives the client a thread, or an error when there are too many.
    fn welcome(&self, stream: UnixStream, others: usize) -> Option<JoinHandle<()>> {
        let lines = Lines::new(stream, self.stop.clone()).ok()?;
        if others >= CLIENTS {
            refuse(lines);
            return None;
        }
        let session = Session::new(lines, Arc::clone(&self.inspection), self.stop.clone());
        let thread = thread::Builder::new().name("management-peer".to_owned()).spawn(move || session.run());
        thread.inspect_err(|error| log::warn!("management socket: no thread for a client: {error}")).ok()
    }
}

/// Says that there are too many clients. A new socket has room for that; if not, the client is not waited for.
fn refuse(mut lines: Lines) {
    let message = format!("the unit serves {CLIENTS} clients already; try again later");
    let outcome = Outcome::Error(ErrorReport { kind: ErrorKind::TooManyClients, message });
    let _ = lines.write(&session::encode(outcome), ACCEPT_PAUSE);
}
