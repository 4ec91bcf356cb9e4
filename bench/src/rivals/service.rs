//! What the real servers do: answer what they are asked by TCP, and swallow datagrams.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::socket::{Shutdown, setsockopt, shutdown, sockopt};

use super::error::RivalsError;
use super::namespace::Namespace;
use super::plan::{TCP_PORT, UDP_PORT};

/// Threads that serve connections, one at a time each: more than there are clients, since a proxy ends a connection a little
/// later than its client.
const THREADS: usize = 96;

/// Longer than any pause of a client that is still there.
const PATIENCE: Duration = Duration::from_secs(2);

/// Longer than any request.
pub(super) const LONGEST: usize = 64;

/// Serves all addresses of a namespace, until it is dropped.
#[derive(Debug)]
pub(super) struct Service {
    listener: Arc<TcpListener>,
    /// Nobody reads it but the test at the beginning: its buffer is small, and what does not fit in is gone at little cost.
    datagrams: UdpSocket,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Service {
    pub(super) fn start(namespace: &Namespace) -> Result<Self, RivalsError> {
        let (listener, datagrams) = namespace.enter(|| {
            let any = Ipv4Addr::UNSPECIFIED;
            Ok((TcpListener::bind((any, TCP_PORT))?, UdpSocket::bind((any, UDP_PORT))?))
        })?;
        setsockopt(&datagrams, sockopt::RcvBuf, &LONGEST)?;
        datagrams.set_nonblocking(true)?;
        let (listener, stop) = (Arc::new(listener), Arc::new(AtomicBool::new(false)));
        let start = |_| {
            let (listener, stop) = (Arc::clone(&listener), Arc::clone(&stop));
            thread::spawn(move || serve(&listener, &stop))
        };
        let threads = (0..THREADS).map(start).collect();
        Ok(Self { listener, datagrams, stop, threads })
    }

    /// A datagram that came in.
    pub(super) fn datagram(&self) -> Option<Vec<u8>> {
        let mut buffer = [0; LONGEST];
        let length = self.datagrams.recv(&mut buffer).ok()?;
        Some(buffer[..length].to_vec())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes all that wait for a connection.
        let _ = shutdown(self.listener.as_raw_fd(), Shutdown::Both);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn serve(listener: &TcpListener, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        if let Ok((stream, _)) = listener.accept() {
            // A connection that breaks is its client's to count.
            let _ = answer(stream);
        }
    }
}

/// Sends back what comes in, until the client closes.
fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut buffer = [0; LONGEST];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => stream.write_all(&buffer[..length])?,
        }
    }
}
