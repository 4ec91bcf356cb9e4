//! The UDP sockets to the other unit, over the kernel: any interface will do, one of its own is best.
//!
//! Datagrams of one size that follow each other go through the kernel as one, and come out of it as one where it can
//! (UDP_SEGMENT and UDP_GRO): most of what a datagram costs is the way there, not its bytes.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg, setsockopt, sockopt,
};

use crate::configuration::ReplicationPath;

/// Bytes of the kernel's buffers, so that a burst finds room while the core is at something else.
const BUFFER_BYTES: usize = 16 << 20;

/// What the kernel takes at once, in bytes and in datagrams.
const BURST_BYTES: usize = 65_000;
const BURST_DATAGRAMS: usize = 64;

/// Bytes that hold all that can be received at once.
pub const RECEIVED_BYTES: usize = 65_536;

/// Why there is no way to the other unit.
#[derive(Debug, thiserror::Error)]
#[error("can not use the replication path from {} to {}: {source}", path.local, path.peer)]
pub struct PathError {
    path: ReplicationPath,
    source: io::Error,
}

/// One way to the other unit.
#[derive(Debug)]
pub struct Path {
    socket: UdpSocket,
    /// Datagrams of `size` bytes, the last may be shorter, that have not been sent yet.
    burst: Vec<u8>,
    size: usize,
    /// The kernel takes several datagrams at once that are shorter than this.
    burst_limit: usize,
    /// Where the kernel says how long the datagrams are that it hands out.
    control: Vec<u8>,
}

impl Path {
    /// Takes the path's address and port.
    ///
    /// # Errors
    ///
    /// When the address is not one of this host's, or the port is in use.
    pub fn open(path: ReplicationPath) -> Result<Self, PathError> {
        let refuse = |source| PathError { path, source };
        let socket = bind(path.local, path.peer).map_err(refuse)?;
        // More than an ordinary user may have, if that is allowed, else as much as it may.
        let _ = setsockopt(&socket, sockopt::RcvBufForce, &BUFFER_BYTES)
            .or_else(|_| setsockopt(&socket, sockopt::RcvBuf, &BUFFER_BYTES));
        let _ = setsockopt(&socket, sockopt::SndBufForce, &BUFFER_BYTES)
            .or_else(|_| setsockopt(&socket, sockopt::SndBuf, &BUFFER_BYTES));
        // Where the kernel can not, each datagram comes by itself.
        let _ = setsockopt(&socket, sockopt::UdpGroSegment, &true);
        Ok(Self {
            socket,
            burst: Vec::with_capacity(BURST_BYTES),
            size: 0,
            burst_limit: usize::MAX,
            control: nix::cmsg_space!(i32),
        })
    }

    /// Sends a datagram, at the latest with the next [`flush`](Self::flush). It may be lost here as well as anywhere.
    pub fn send(&mut self, datagram: &[u8]) {
        let is_full = self.burst.len() + datagram.len() > BURST_BYTES
            || self.burst.len() >= self.size * BURST_DATAGRAMS.saturating_sub(1);
        if datagram.len() > self.size || is_full {
            self.flush();
            self.size = datagram.len();
        }
        self.burst.extend_from_slice(datagram);
        if datagram.len() < self.size {
            // Only the last of a burst may be shorter.
            self.flush();
        }
    }

    /// Sends what is waiting.
    pub fn flush(&mut self) {
        let is_burst = self.burst.len() > self.size && self.size < self.burst_limit;
        if !is_burst || !self.send_burst() {
            for datagram in self.burst.chunks(self.size.max(1)) {
                let _ = self.socket.send(datagram);
            }
        }
        self.burst.clear();
        self.size = 0;
    }

    /// Returns false if the kernel does not take it as one.
    fn send_burst(&mut self) -> bool {
        let size = u16::try_from(self.size).unwrap_or(u16::MAX);
        let (bytes, control) = ([IoSlice::new(&self.burst)], [ControlMessage::UdpGsoSegments(&size)]);
        match sendmsg::<()>(self.socket.as_raw_fd(), &bytes, &control, MsgFlags::empty(), None) {
            // Longer than the interface's packets: each has to be fragmented.
            Err(Errno::EMSGSIZE) => self.burst_limit = self.size,
            // The kernel or the interface can not do it at all.
            Err(Errno::EINVAL | Errno::EIO | Errno::EOPNOTSUPP) => self.burst_limit = 0,
            // Sent, or lost.
            Ok(_) | Err(_) => return true,
        }
        false
    }

    /// Takes what came in, into a buffer of [`RECEIVED_BYTES`]: datagrams of one size, the last of which may be shorter.
    /// `None` if there is nothing now.
    pub fn receive<'buffer>(
        &mut self,
        buffer: &'buffer mut [u8],
    ) -> Option<impl Iterator<Item = &'buffer mut [u8]> + use<'buffer>> {
        let (length, size) = {
            let mut bytes = [IoSliceMut::new(buffer)];
            // An error is about what was sent before: nobody listened, or there was no way.
            let fd = self.socket.as_raw_fd();
            let received = recvmsg::<()>(fd, &mut bytes, Some(&mut self.control), MsgFlags::empty()).ok()?;
            let size = received.cmsgs().ok()?.find_map(|message| match message {
                ControlMessageOwned::UdpGroSegments(size) => usize::try_from(size).ok(),
                _ => None,
            });
            (received.bytes, size.unwrap_or(received.bytes))
        };
        Some(buffer.get_mut(..length)?.chunks_mut(size.max(1)))
    }
}

/// A socket that hears only the peer.
fn bind(local: SocketAddr, peer: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(local)?;
    socket.connect(peer)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> [Path; 2] {
        let free = || UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (one, other) = (free(), free());
        let path = |local, peer| Path::open(ReplicationPath { local, peer }).unwrap();
        [path(one, other), path(other, one)]
    }

    fn received(path: &mut Path) -> Vec<Vec<u8>> {
        let (mut buffer, mut all) = (vec![0; RECEIVED_BYTES], Vec::new());
        while let Some(datagrams) = path.receive(&mut buffer) {
            all.extend(datagrams.map(|datagram| datagram.to_vec()));
        }
        all
    }

    /// Loopback delivers at once.
    #[test]
    fn datagrams_of_all_sizes_arrive_as_they_were_sent() {
        for burst_limit in [usize::MAX, 0] {
            let [mut one, mut other] = pair();
            one.burst_limit = burst_limit;
            let sizes = [100, 100, 100, 40, 100, 1_400, 1_400, 7, 7, 7, 9_000, 9_000, 8_000];
            let sizes = sizes.into_iter().chain(std::iter::repeat_n(1_400, 200));
            let sent: Vec<Vec<u8>> =
                sizes.enumerate().map(|(n, size)| vec![u8::try_from(n % 251).unwrap(); size]).collect();
            for datagram in &sent {
                one.send(datagram);
            }
            one.flush();
            let received = received(&mut other);
            let sizes = |all: &[Vec<u8>]| all.iter().map(Vec::len).collect::<Vec<_>>();
            assert_eq!(sizes(&received), sizes(&sent));
            assert!(received == sent, "bytes have changed");
        }
    }

    #[test]
    fn nobody_there_is_no_error() {
        let [mut one, other] = pair();
        drop(other);
        for _ in 0..3 {
            one.send(b"anybody?");
            one.flush();
            assert_eq!(received(&mut one), Vec::<Vec<u8>>::new());
        }
    }
}
