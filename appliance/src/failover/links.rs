//! The network links that heartbeats go over, and mirrored configuration where there is no cable.
//!
//! A link whose address is not there yet is tried again: the unit does not wait for it, and does not end for it.

use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use model::Instant;

use crate::configuration::LinkConfiguration;

/// Between two attempts to open a link.
const RETRY: Duration = Duration::from_millis(500);

/// Bytes of the longest datagram.
pub(crate) const DATAGRAM_BYTES: usize = 2_048;

/// The first byte of a datagram: what it is.
const BEAT: u8 = 0;
const MIRROR: u8 = 1;

/// What came over a link.
pub(crate) enum Arrived<'a> {
    /// A heartbeat.
    Beat(&'a [u8]),
    /// Of the mirrored configuration.
    Mirror(&'a [u8]),
}

/// A link, open or to be opened.
pub(crate) struct NetworkLink {
    configuration: LinkConfiguration,
    socket: Option<UdpSocket>,
    retry_at: Instant,
    is_refused: bool,
}

impl NetworkLink {
    /// Opened by the first [`poll`](Self::poll).
    pub(crate) const fn new(configuration: LinkConfiguration) -> Self {
        Self { configuration, socket: None, retry_at: Instant::START, is_refused: false }
    }

    /// Opens the link if it is not open, and takes the next datagram, if there is one.
    pub(crate) fn poll<'a>(&mut self, now: Instant, buffer: &'a mut [u8]) -> Option<Arrived<'a>> {
        if self.socket.is_none() {
            self.open(now);
        }
        let socket = self.socket.as_ref()?;
        loop {
            match socket.recv(buffer) {
                Ok(length) => {
                    let (&kind, rest) = buffer.get(..length)?.split_first()?;
                    return match kind {
                        BEAT => Some(Arrived::Beat(rest)),
                        MIRROR => Some(Arrived::Mirror(rest)),
                        _ => None,
                    };
                }
                // About what was sent before: nobody listened there. The next may be a datagram.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(_) => return None,
            }
        }
    }

    /// Sends a heartbeat. Returns whether the kernel took it; it may be lost on its way all the same.
    pub(crate) fn send_beat(&self, beat: &[u8]) -> bool {
        self.send(BEAT, beat)
    }

    /// Sends what mirrors configuration. It may be lost here as well as anywhere.
    pub(crate) fn send_mirror(&self, datagram: &[u8]) {
        self.send(MIRROR, datagram);
    }

    fn send(&self, kind: u8, rest: &[u8]) -> bool {
        let Some(socket) = &self.socket else { return false };
        let mut datagram = Vec::with_capacity(1 + rest.len());
        datagram.push(kind);
        datagram.extend_from_slice(rest);
        match socket.send(&datagram) {
            Ok(_) => true,
            // About an earlier one: nobody listened there. This one was sent all the same if it is tried again.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => socket.send(&datagram).is_ok(),
            Err(_) => false,
        }
    }

    /// What becomes readable with the next datagram.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(AsFd::as_fd)
    }

    /// When to look again without a datagram: for a link that is not open.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.socket.is_none().then_some(self.retry_at)
    }

    fn open(&mut self, now: Instant) {
        if now < self.retry_at {
            return;
        }
        self.retry_at = now + RETRY;
        let LinkConfiguration { local, peer, .. } = self.configuration;
        let opened = UdpSocket::bind(local).and_then(|socket| {
            socket.connect(peer)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        match opened {
            Ok(socket) => {
                log::info!("failover link from {local} to {peer} is open");
                (self.socket, self.is_refused) = (Some(socket), false);
            }
            Err(error) if !self.is_refused => {
                self.is_refused = true;
                log::warn!(
                    "failover link from {local} to {peer} can not be opened: {error}; it is tried again"
                );
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::Beats;

    fn pair() -> [NetworkLink; 2] {
        let free = || UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (one, other) = (free(), free());
        let beats = Beats { interval: Duration::from_millis(5), misses: 5 };
        [(one, other), (other, one)]
            .map(|(local, peer)| NetworkLink::new(LinkConfiguration { local, peer, beats }))
    }

    #[test]
    fn beats_and_mirrored_configuration_are_told_apart() {
        let [mut one, mut other] = pair();
        let mut buffer = [0; DATAGRAM_BYTES];
        let now = Instant::from_millis(1);
        assert!(one.poll(now, &mut buffer).is_none() && other.poll(now, &mut buffer).is_none());
        one.send_beat(b"tick");
        one.send_mirror(b"text");
        assert!(matches!(other.poll(now, &mut buffer), Some(Arrived::Beat(b"tick"))));
        assert!(matches!(other.poll(now, &mut buffer), Some(Arrived::Mirror(b"text"))));
        assert!(other.poll(now, &mut buffer).is_none());
    }

    #[test]
    fn nobody_there_is_no_error_and_a_missing_address_is_tried_again() {
        let [mut one, _] = pair();
        let (mut buffer, now) = ([0; DATAGRAM_BYTES], Instant::from_millis(1));
        for _ in 0..3 {
            assert!(one.poll(now, &mut buffer).is_none());
            one.send_beat(b"anybody?");
        }
        let mut absent = NetworkLink::new(LinkConfiguration {
            local: "192.0.2.77:7500".parse().unwrap(),
            ..one.configuration
        });
        assert!(absent.poll(now, &mut buffer).is_none());
        assert_eq!(absent.deadline(), Some(now + RETRY));
    }
}
