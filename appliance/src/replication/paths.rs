//! The UDP sockets to the other unit, over the kernel: any interface will do, one of its own is best.

use std::io;
use std::net::UdpSocket;

use nix::sys::socket::{setsockopt, sockopt};

use crate::configuration::ReplicationPath;

/// Bytes of the kernel's buffers, so that a burst finds room while the core is at something else.
const BUFFER_BYTES: usize = 16 << 20;

/// Why there is no way to the other unit.
#[derive(Debug, thiserror::Error)]
#[error("can not use the replication path from {} to {}: {source}", path.local, path.peer)]
pub struct PathError {
    path: ReplicationPath,
    source: io::Error,
}

/// One way to the other unit.
pub(crate) struct Path(UdpSocket);

impl Path {
    /// Takes the path's address and port.
    pub(crate) fn open(path: ReplicationPath) -> Result<Self, PathError> {
        let refuse = |source| PathError { path, source };
        let socket = UdpSocket::bind(path.local).map_err(refuse)?;
        // Only the peer is heard.
        socket.connect(path.peer).map_err(refuse)?;
        socket.set_nonblocking(true).map_err(refuse)?;
        // More than an ordinary user may have, if that is allowed, else as much as it may.
        let _ = setsockopt(&socket, sockopt::RcvBufForce, &BUFFER_BYTES)
            .or_else(|_| setsockopt(&socket, sockopt::RcvBuf, &BUFFER_BYTES));
        let _ = setsockopt(&socket, sockopt::SndBufForce, &BUFFER_BYTES)
            .or_else(|_| setsockopt(&socket, sockopt::SndBuf, &BUFFER_BYTES));
        Ok(Self(socket))
    }

    /// Sends a datagram, which may be lost here as well as anywhere.
    pub(crate) fn send(&self, datagram: &[u8]) {
        let _ = self.0.send(datagram);
    }

    /// The next datagram's bytes in `buffer`; `None` if there is none now.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> Option<usize> {
        // An error is about what was sent before: nobody listened, or there was no way.
        self.0.recv(buffer).ok()
    }
}
