//! A load of small datagrams, one way, as fast as the client's host can send. What arrives at the servers' host is counted.

use std::fs::File;
use std::io::{IoSlice, Read, Seek};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, sendmmsg};

use super::bed::Bed;
use super::error::RivalsError;
use super::load::{self, Progress, Sample};
use super::plan::{UDP_PORT, VIRTUAL, client};

/// Octets that make a frame of 64 with its headers and its checksum: 14 + 20 + 8 + 18 + 4.
pub(super) const PAYLOAD: [u8; 18] = *b"eighteen octets...";

/// Flows of each sending thread.
const FLOWS: usize = 32;

/// Datagrams in one system call.
const BURST: usize = 32;

/// Sends one, for whoever looks whether it arrives.
pub(super) fn send_one() -> Result<(), RivalsError> {
    // The way may not be known yet; the next may get through.
    let _ = flow(0).and_then(|socket| socket.send(&PAYLOAD));
    Ok(())
}

/// Packets one way, from `threads` senders.
pub(super) fn one_way(bed: &Bed, window: Duration, threads: usize) -> Result<Sample, RivalsError> {
    let mut arrivals = bed.servers.enter(Arrivals::open)?;
    load::apply(bed, window, threads, |_, progress| send(progress), |_| arrivals.count())
}

fn send(progress: &Progress) -> Result<(), RivalsError> {
    let sockets = (0..FLOWS).map(flow).collect::<Result<Vec<_>, _>>()?;
    let burst = [[IoSlice::new(&PAYLOAD)]; BURST];
    let mut headers = MultiHeaders::<SockaddrIn>::preallocate(BURST, None);
    for socket in sockets.iter().cycle() {
        if !progress.goes_on() {
            break;
        }
        match sendmmsg(socket.as_raw_fd(), &mut headers, &burst, [None; BURST], [], MsgFlags::empty()) {
            // What is lost on the way, or refused, is not counted as arrived; that is all there is to say about it.
            Ok(_) | Err(Errno::ECONNREFUSED | Errno::ENOBUFS | Errno::EHOSTUNREACH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A flow of its own, from the client address with this number.
fn flow(number: usize) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::from(client(number)), 0))?;
    socket.connect((Ipv4Addr::from(VIRTUAL), UDP_PORT))?;
    Ok(socket)
}

/// The count of frames that came in at eth0 of the namespace where it was opened.
struct Arrivals(File);

impl Arrivals {
    fn open() -> Result<Self, RivalsError> {
        Ok(Self(File::open("/proc/thread-self/net/dev")?))
    }

    fn count(&mut self) -> Result<u64, RivalsError> {
        let mut text = String::new();
        self.0.rewind()?;
        self.0.read_to_string(&mut text)?;
        received(&text).ok_or(RivalsError::Unreadable("the kernel's count of received frames"))
    }
}

/// Frames that eth0 received, from the kernel's table of interfaces: octets come first, then frames.
fn received(table: &str) -> Option<u64> {
    let line = table.lines().find_map(|line| line.trim_start().strip_prefix("eth0:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_in_the_kernels_table() {
        let table = "Inter-|   Receive                            |  Transmit\n \
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n    \
             lo:       1       2    0    0    0     0          0         0        3       4    0\n  \
             eth0: 1234567   89012    0    0    0     0          0         0      345      67    0\n";
        assert_eq!(received(table), Some(89_012));
        assert_eq!(received("    lo: 1 2 3\n"), None);
    }
}
