//! Asking hosts for an echo: ICMP (RFC 792) and ICMPv6 (RFC 4443 section 4) over the kernel's raw sockets.
//!
//! A host that a port's link has is asked there directly, past the routes by which its alternates stand in for it.

use std::io;
use std::net::{IpAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::DontRoute;
use socket2::{Domain, Protocol, Socket, Type};

/// Of an echo: type, code, checksum, identifier, sequence number, and what it is about.
const HEADER_BYTES: usize = 8;
const PAYLOAD_BYTES: usize = 4;

/// ICMP's and ICMPv6's numbers.
const ECHO_REQUEST: u8 = 8;
const ECHO_REPLY: u8 = 0;
const ECHO_REQUEST_V6: u8 = 128;
const ECHO_REPLY_V6: u8 = 129;

/// The sockets that echoes go by.
pub(crate) struct Echoes {
    v4: Sockets,
    v6: Sockets,
    identifier: u16,
}

/// Those of one address family, as far as the kernel gives them. They are raw, not UDP's: the type is for its methods.
struct Sockets {
    routed: Option<UdpSocket>,
    direct: Option<UdpSocket>,
}

/// What answered: the number that was asked with, and the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EchoReply {
    pub(crate) number: u32,
    pub(crate) from: IpAddr,
}

impl Echoes {
    /// `identifier` tells these echoes from those of others on this host.
    pub(crate) fn new(identifier: u16) -> Self {
        Self {
            v4: Sockets::new(Domain::IPV4, Protocol::ICMPV4),
            v6: Sockets::new(Domain::IPV6, Protocol::ICMPV6),
            identifier,
        }
    }

    /// Asks `address`. Whatever goes wrong is as if it did not answer.
    pub(crate) fn ask(&self, address: IpAddr, number: u32, directly: bool) {
        let sockets = if address.is_ipv4() { &self.v4 } else { &self.v6 };
        let socket = if directly { &sockets.direct } else { &sockets.routed };
        if let Some(socket) = socket {
            let request = request(self.identifier, number, address.is_ipv6());
            let _ = socket.send_to(&request, (address, 0));
        }
    }

    /// The next answer that has come.
    pub(crate) fn poll(&mut self) -> Option<EchoReply> {
        for (sockets, is_ipv6) in [(&self.v4, false), (&self.v6, true)] {
            for socket in [&sockets.routed, &sockets.direct].into_iter().flatten() {
                let mut bytes = [0; 128];
                while let Ok((length, from)) = socket.recv_from(&mut bytes) {
                    if let Some(number) = answered(&bytes[..length], self.identifier, is_ipv6) {
                        return Some(EchoReply { number, from: from.ip() });
                    }
                }
            }
        }
        None
    }

    /// What becomes readable with the next answer.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        [&self.v4, &self.v6]
            .into_iter()
            .flat_map(|sockets| [&sockets.routed, &sockets.direct])
            .flatten()
            .map(AsFd::as_fd)
    }
}

impl Sockets {
    fn new(domain: Domain, protocol: Protocol) -> Self {
        let open = || {
            let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
            socket.set_nonblocking(true)?;
            Ok::<_, io::Error>(UdpSocket::from(socket))
        };
        let routed =
            open().inspect_err(|error| log::warn!("hosts can not be probed: no raw socket: {error}"));
        let direct = open().and_then(|socket| Ok(setsockopt(&socket, DontRoute, &true).map(|()| socket)?));
        Self { routed: routed.ok(), direct: direct.ok() }
    }
}

fn request(identifier: u16, number: u32, is_ipv6: bool) -> [u8; HEADER_BYTES + PAYLOAD_BYTES] {
    let mut bytes = [0; HEADER_BYTES + PAYLOAD_BYTES];
    bytes[0] = if is_ipv6 { ECHO_REQUEST_V6 } else { ECHO_REQUEST };
    bytes[4..6].copy_from_slice(&identifier.to_be_bytes());
    bytes[8..12].copy_from_slice(&number.to_be_bytes());
    if !is_ipv6 {
        // For ICMPv6 the kernel does it.
        let checksum = checksum(&bytes);
        bytes[2..4].copy_from_slice(&checksum.to_be_bytes());
    }
    bytes
}

/// The number that the answer in `bytes` was asked with; `None` if it is another's, or no answer.
fn answered(bytes: &[u8], identifier: u16, is_ipv6: bool) -> Option<u32> {
    // The kernel hands out IPv4's header, and not IPv6's.
    let header = if is_ipv6 { 0 } else { usize::from(bytes.first()? & 0x0f) * 4 };
    let message = bytes.get(header..)?;
    let expected = if is_ipv6 { ECHO_REPLY_V6 } else { ECHO_REPLY };
    let is_ours = *message.first()? == expected && message.get(4..6)? == identifier.to_be_bytes();
    let number = message.get(HEADER_BYTES..HEADER_BYTES + PAYLOAD_BYTES)?;
    is_ours.then(|| u32::from_be_bytes([number[0], number[1], number[2], number[3]]))
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let sum: u32 =
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_known_by_identifier_and_number() {
        let mut v6 = request(7, 0x0102_0304, true);
        v6[0] = ECHO_REPLY_V6;
        assert_eq!(answered(&v6, 7, true), Some(0x0102_0304));
        assert_eq!(answered(&v6, 8, true), None);
        assert_eq!(answered(&request(7, 1, true), 7, true), None);
        let mut v4 = vec![0x45; 20];
        v4.extend(request(7, 9, false));
        assert_eq!(answered(&v4, 7, false), None);
        v4[20] = ECHO_REPLY;
        assert_eq!(answered(&v4, 7, false), Some(9));
        for length in 0..v4.len() {
            assert_eq!(answered(&v4[..length], 7, false), None, "{length}");
        }
    }

    #[test]
    fn the_checksum_of_a_request_is_right() {
        assert_eq!(checksum(&request(0x1234, 0xfffe_0001, false)), 0);
    }

    /// Loopback answers at once.
    #[test]
    fn this_host_answers() {
        let mut echoes = Echoes::new(0x4242);
        for (address, number) in [("127.0.0.1", 1), ("::1", 2)] {
            let address: IpAddr = address.parse().unwrap();
            if address.is_ipv4() || UdpSocket::bind((address, 0)).is_ok() {
                echoes.ask(address, number, false);
                // Each of the sockets hears it.
                let reply = EchoReply { number, from: address };
                assert!((0..4).any(|_| echoes.poll() == Some(reply)), "{address}");
            }
        }
    }
}
