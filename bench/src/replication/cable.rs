//! The cable between two units: a virtual one between two network namespaces, as it comes.

use std::net::{SocketAddrV4, UdpSocket};

use nix::sys::socket::{setsockopt, sockopt};

use super::error::ReplicationError;
use crate::rivals::{Namespace, RivalsError};

const PORT: u16 = 7_400;

/// The kernel's buffers, as units ask for them.
const BUFFER_BYTES: usize = 16 << 20;

/// Two sockets that are connected. The namespaces go with them.
pub(super) struct Cable {
    pub(super) active: UdpSocket,
    pub(super) standby: UdpSocket,
    _namespaces: [Namespace; 2],
}

impl Cable {
    pub(super) fn new() -> Result<Self, ReplicationError> {
        let namespaces = [Namespace::new()?, Namespace::new()?];
        let [one, other] = &namespaces;
        one.ip(&format!("link add eth0 type veth peer name eth0 netns {}", other.path().display()))?;
        for (number, namespace) in namespaces.iter().enumerate() {
            namespace.ip(&format!("addr add 10.9.0.{}/24 dev eth0\nlink set eth0 up", number + 1))?;
        }
        let socket = |namespace: &Namespace, own, peer| namespace.enter(|| open(own, peer));
        Ok(Self { active: socket(one, 1, 2)?, standby: socket(other, 2, 1)?, _namespaces: namespaces })
    }
}

fn open(own: u8, peer: u8) -> Result<UdpSocket, RivalsError> {
    let end = |last| SocketAddrV4::new([10, 9, 0, last].into(), PORT);
    let socket = UdpSocket::bind(end(own))?;
    socket.connect(end(peer))?;
    socket.set_nonblocking(true)?;
    setsockopt(&socket, sockopt::RcvBufForce, &BUFFER_BYTES)?;
    setsockopt(&socket, sockopt::SndBufForce, &BUFFER_BYTES)?;
    Ok(socket)
}
