//! Loads of TCP: clients that each wait for an answer before they ask again.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, setsockopt, socket, sockopt,
};

use super::bed::Bed;
use super::error::RivalsError;
use super::load::{self, Progress, Sample};
use super::plan::{TCP_PORT, VIRTUAL, client};
use super::service::LONGEST;

/// Clients that ask at the same time: enough that all CPUs have something to do.
pub(super) const CLIENTS: usize = 32;

/// What is asked, and answered in the same words.
const REQUEST: &[u8] = b"sixteen octets..";

/// After this, an answer is lost.
const PATIENCE: Duration = Duration::from_secs(2);

/// Short connections: connect, ask, take the answer, close.
pub(super) fn connections(bed: &Bed, window: Duration) -> Result<Sample, RivalsError> {
    let work = |number: usize, progress: &Progress| {
        for count in 0.. {
            if !progress.goes_on() {
                break;
            }
            progress.count(&exchange(number + count));
        }
        Ok(())
    };
    load::apply(bed, window, CLIENTS, work, |progress| Ok(progress.done()))
}

/// Requests on connections that stay open.
pub(super) fn requests(bed: &Bed, window: Duration) -> Result<Sample, RivalsError> {
    let work = |number: usize, progress: &Progress| {
        let mut stream = None;
        while progress.goes_on() {
            let asked = stream.take().map_or_else(|| open(number), Ok).and_then(|mut open| {
                ask(&mut open)?;
                Ok(open)
            });
            progress.count(&asked);
            // One that broke is opened anew.
            stream = asked.ok();
        }
        Ok(())
    };
    load::apply(bed, window, CLIENTS, work, |progress| Ok(progress.done()))
}

/// One short connection from the client address with this number.
pub(super) fn exchange(number: usize) -> io::Result<()> {
    ask(&mut open(number)?)
}

fn open(number: usize) -> io::Result<TcpStream> {
    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    // The port is chosen on connecting: the same is free for other destinations and may be taken again.
    setsockopt(&socket, sockopt::IpBindAddressNoPort, &true)?;
    bind(socket.as_raw_fd(), &address(client(number), 0))?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // Also how long connecting may take.
    stream.set_write_timeout(Some(PATIENCE))?;
    connect(stream.as_raw_fd(), &address(VIRTUAL, TCP_PORT))?;
    Ok(stream)
}

fn ask(stream: &mut TcpStream) -> io::Result<()> {
    let mut answer = [0; LONGEST];
    let answer = &mut answer[..REQUEST.len()];
    stream.write_all(REQUEST)?;
    stream.read_exact(answer)?;
    if answer == REQUEST { Ok(()) } else { Err(io::Error::other("an answer to another question")) }
}

/// An IPv4 endpoint.
fn address([a, b, c, d]: [u8; 4], port: u16) -> SockaddrIn {
    SockaddrIn::new(a, b, c, d, port)
}
