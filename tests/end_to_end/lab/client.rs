//! What clients do: connect, send lines and datagrams, fetch pages, ping.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;

use super::namespace::Namespace;
use super::wait::PATIENCE;

/// How long a datagram's answer may take.
const DATAGRAM_PATIENCE: Duration = Duration::from_secs(5);

/// A TCP connection to the line service.
pub(crate) struct Lines(BufReader<TcpStream>);

impl Lines {
    /// Connects. To be called inside the client's namespace.
    pub(crate) fn connect(from: Option<SocketAddr>, to: SocketAddr, patience: Duration) -> io::Result<Self> {
        let stream = connect_from(from, to, patience)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a line, and returns the number of the server that answered with the same line.
    pub(crate) fn ask(&mut self, line: &str) -> io::Result<usize> {
        self.say(line)?;
        let mut answer = String::new();
        if self.0.read_line(&mut answer)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        server_of(answer.trim_end(), line)
    }

    /// Sends a line.
    pub(crate) fn say(&mut self, line: &str) -> io::Result<()> {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes())
    }

    /// The client's end.
    pub(crate) fn local(&self) -> SocketAddr {
        self.0.get_ref().local_addr().expect("a connected socket")
    }
}

/// An HTTP connection that stays open from one page to the next.
pub(crate) struct Browser(BufReader<TcpStream>);

impl Browser {
    /// Connects. To be called inside the client's namespace.
    pub(crate) fn connect(from: SocketAddr, to: SocketAddr) -> io::Result<Self> {
        let stream = connect_from(Some(from), to, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::with_capacity(1_024, stream)))
    }

    /// Fetches the server's own page.
    pub(crate) fn fetch(&mut self) -> io::Result<String> {
        self.0.get_mut().write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")?;
        let mut bytes = 0;
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", length)) => bytes = length.parse().map_err(io::Error::other)?,
                None if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        let mut page = vec![0; bytes];
        self.0.read_exact(&mut page)?;
        String::from_utf8(page).map_err(io::Error::other)
    }
}

/// The server that answered `asked`.
fn server_of(answer: &str, asked: &str) -> io::Result<usize> {
    let (number, line) = answer.split_once(' ').unwrap_or_default();
    let number = number.parse().ok().filter(|_| line == asked);
    number.ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, format!("{answer:?} does not answer {asked:?}"))
    })
}

fn connect_from(from: Option<SocketAddr>, to: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let family = if to.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let socket = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    if let Some(from) = from {
        // A port may be used again towards another address.
        setsockopt(&socket, sockopt::ReuseAddr, &true)?;
        bind(std::os::fd::AsRawFd::as_raw_fd(&socket), &SockaddrStorage::from(from))?;
    }
    // It bounds connecting, too.
    let seconds = i64::try_from(patience.as_secs()).unwrap_or(i64::MAX);
    setsockopt(&socket, sockopt::SendTimeout, &TimeVal::new(seconds, 0))?;
    connect(std::os::fd::AsRawFd::as_raw_fd(&socket), &SockaddrStorage::from(to))?;
    Ok(TcpStream::from(socket))
}

/// A client's host.
pub(crate) struct Client {
    pub(crate) namespace: Namespace,
}

impl Client {
    /// Connects to the line service at `to`.
    pub(crate) fn connect(&self, to: SocketAddr) -> Lines {
        self.try_connect(None, to, PATIENCE).unwrap_or_else(|error| panic!("connecting to {to}: {error}"))
    }

    /// Connects from one of the host's addresses; port 0 stands for any.
    pub(crate) fn connect_from(&self, from: SocketAddr, to: SocketAddr) -> Lines {
        let connected = self.try_connect(Some(from), to, PATIENCE);
        connected.unwrap_or_else(|error| panic!("connecting from {from} to {to}: {error}"))
    }

    /// Connects or not.
    pub(crate) fn try_connect(
        &self,
        from: Option<SocketAddr>,
        to: SocketAddr,
        patience: Duration,
    ) -> io::Result<Lines> {
        self.namespace.enter(|| Lines::connect(from, to, patience))
    }

    /// A socket for datagrams to `to`, from a port of its own.
    pub(crate) fn datagrams(&self, to: SocketAddr) -> UdpSocket {
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = self.namespace.enter(|| UdpSocket::bind(any)).expect("a free port");
        socket.connect(to).expect("a route");
        socket.set_read_timeout(Some(DATAGRAM_PATIENCE)).expect("a timeout");
        socket
    }

    /// What `curl` prints of `url`, on a connection of its own.
    pub(crate) fn fetch(&self, url: &str) -> String {
        self.namespace.run("curl", &["--silent", "--show-error", "--fail", "--max-time", "30", url])
    }

    /// Pings `address`: three of three must be answered.
    pub(crate) fn ping(&self, address: &str) {
        let printed = self.namespace.run("ping", &["-n", "-c", "3", "-i", "0.2", "-W", "5", address]);
        assert!(printed.contains(" 3 received"), "{printed}");
    }

    /// The MAC address that the host knows `address` by.
    pub(crate) fn neighbor(&self, address: &str) -> Option<String> {
        let printed = self.namespace.run("ip", &["neigh", "show", address]);
        printed.split_once("lladdr ").and_then(|(_, rest)| rest.split(' ').next().map(str::to_owned))
    }
}

/// Sends a datagram, and returns the number of the server that answered.
pub(crate) fn ask_by_datagram(socket: &UdpSocket, text: &str) -> io::Result<usize> {
    socket.send(text.as_bytes())?;
    let mut buffer = [0; 2_048];
    let length = socket.recv(&mut buffer)?;
    server_of(&String::from_utf8_lossy(&buffer[..length]), text)
}
