//! What the real servers do: send back what comes, by UDP and by TCP, and notice what comes twice.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::socket::{setsockopt, sockopt};

use super::datagram::{self, Datagram};
use super::plan::{PORT, SERVERS};
use super::priority;
use crate::rivals::{Namespace, RivalsError};

/// Milliseconds between two looks whether it is to end.
const LOOK_MS: u16 = 50;

/// What fits into a socket's buffer: nothing is to be lost here.
pub(super) const BUFFER_BYTES: usize = 4 << 20;

/// Serves the addresses of the real servers, until it is dropped.
#[derive(Debug)]
pub(super) struct Service {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    doubled: AtomicU64,
}

impl Service {
    pub(super) fn start(namespace: &Namespace) -> Result<Self, RivalsError> {
        let shared = Arc::new(Shared::default());
        let mut server = namespace.enter(|| Ok(Server::new(Arc::clone(&shared))?))?;
        let thread = thread::spawn(move || server.run());
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Datagrams that came more than once.
    pub(super) fn doubled(&self) -> u64 {
        self.shared.doubled.load(Ordering::Relaxed)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What may be ready.
enum Source {
    Datagrams(UdpSocket),
    Listener(TcpListener),
    Connection(TcpStream),
}

struct Server {
    shared: Arc<Shared>,
    epoll: Epoll,
    sources: HashMap<u64, Source>,
    next: u64,
    seen: Seen,
}

impl Server {
    fn new(shared: Arc<Shared>) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let mut server = Self { shared, epoll, sources: HashMap::new(), next: 0, seen: Seen::default() };
        for address in SERVERS {
            // Each address has its own sockets: answers must come from it.
            let datagrams = UdpSocket::bind((address, PORT))?;
            setsockopt(&datagrams, sockopt::RcvBufForce, &BUFFER_BYTES)?;
            datagrams.set_nonblocking(true)?;
            server.add(Source::Datagrams(datagrams))?;
            let listener = TcpListener::bind((address, PORT))?;
            listener.set_nonblocking(true)?;
            server.add(Source::Listener(listener))?;
        }
        Ok(server)
    }

    fn add(&mut self, source: Source) -> io::Result<()> {
        let fd = match &source {
            Source::Datagrams(socket) => socket.as_fd(),
            Source::Listener(socket) => socket.as_fd(),
            Source::Connection(socket) => socket.as_fd(),
        };
        self.epoll.add(fd, EpollEvent::new(EpollFlags::EPOLLIN, self.next))?;
        self.sources.insert(self.next, source);
        self.next += 1;
        Ok(())
    }

    fn run(&mut self) {
        priority::raise();
        let mut events = [EpollEvent::empty(); 64];
        while !self.shared.stop.load(Ordering::Relaxed) {
            let count = self.epoll.wait(&mut events, LOOK_MS).unwrap_or(0);
            for event in &events[..count] {
                self.serve(event.data());
            }
        }
    }

    fn serve(&mut self, number: u64) {
        let accepted = match self.sources.get_mut(&number) {
            Some(Source::Datagrams(socket)) => {
                let doubled = echo_datagrams(socket, &mut self.seen);
                self.shared.doubled.fetch_add(doubled, Ordering::Relaxed);
                return;
            }
            Some(Source::Connection(stream)) => {
                // Closing it also takes it out of the set.
                if echo(stream).is_err() {
                    self.sources.remove(&number);
                }
                return;
            }
            Some(Source::Listener(listener)) => listener.accept(),
            None => return,
        };
        if let Ok((stream, _)) = accepted {
            // A connection that breaks is its client's to count.
            let _ = stream.set_nodelay(true).and_then(|()| self.add(Source::Connection(stream)));
        }
    }
}

/// Sends back what is there. Returns how many came again.
fn echo_datagrams(socket: &UdpSocket, seen: &mut Seen) -> u64 {
    let (mut buffer, mut doubled) = ([0; datagram::BYTES], 0);
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        let Some(datagram) = Datagram::read(&buffer[..length]) else { continue };
        doubled += u64::from(!seen.is_new(&datagram));
        let _ = socket.send_to(&buffer, from);
    }
    doubled
}

fn echo(stream: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 256];
    match stream.read(&mut buffer)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        length => stream.write_all(&buffer[..length]),
    }
}

/// Which datagrams of the current flow have come.
#[derive(Default)]
struct Seen {
    flow: u32,
    by_client: HashMap<u32, Vec<u64>>,
}

impl Seen {
    /// Notes a datagram, and says whether it is the first of its number.
    fn is_new(&mut self, datagram: &Datagram) -> bool {
        if datagram.flow != self.flow {
            // A late one of a flow that is over says nothing any more.
            if datagram.flow < self.flow {
                return true;
            }
            self.flow = datagram.flow;
            self.by_client.clear();
        }
        let words = self.by_client.entry(datagram.client).or_default();
        let (word, bit) = (datagram.number as usize / 64, 1_u64 << (datagram.number % 64));
        if words.len() <= word {
            words.resize(word + 1, 0);
        }
        let is_new = words[word] & bit == 0;
        words[word] |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_is_noticed() {
        let mut seen = Seen::default();
        let mut new = |flow, client, number| seen.is_new(&Datagram { flow, client, number });
        assert!(new(1, 0, 0) && new(1, 0, 200) && new(1, 1, 0) && new(1, 0, 64));
        assert!(!new(1, 0, 200) && !new(1, 1, 0));
        assert!(new(2, 0, 0), "another flow");
        assert!(new(1, 0, 0), "late, of a flow that is over");
        assert!(!new(2, 0, 0));
    }
}
