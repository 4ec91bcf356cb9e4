//! The same messages where there is no cable: each frame is a datagram, authenticated by a tag, and longer.

use std::time::Duration;

use model::Instant;

use crate::channel::Received;
use crate::delivery::Delivery;
use crate::frame::{Frame, FrameError, HEADER_BYTES, Kind, VERSION};
use crate::key::{CableKey, TAG_BYTES};
use crate::outgoing::Pace;
use crate::status::{ChannelStatus, Rejection};

const LABEL: &[u8] = b"understudy cable datagram";

/// The smallest datagram that a unit may be told to send.
const DATAGRAM_BYTES_LEAST: usize = 256;
/// The largest.
const DATAGRAM_BYTES_MOST: usize = 9_216;

/// What a channel of datagrams is told when it is made.
#[derive(Clone, Debug)]
pub struct DatagramSettings {
    /// The secret of the pair.
    pub key: CableKey,
    /// The largest UDP payload to send.
    pub datagram_bytes: usize,
    /// [`VERSION`]; another one only in tests.
    pub version: u8,
}

impl DatagramSettings {
    /// Datagrams that fit through Ethernet.
    pub const fn new(key: CableKey) -> Self {
        Self { key, datagram_bytes: 1_400, version: VERSION }
    }
}

/// One end of a way that datagrams take.
#[derive(Debug)]
pub struct DatagramChannel {
    settings: DatagramSettings,
    delivery: Delivery,
}

impl DatagramChannel {
    /// The end of a unit whose `boot` number is random, and not 0.
    pub fn new(settings: DatagramSettings, boot: u32, now: Instant) -> Self {
        let datagram_bytes = settings.datagram_bytes.clamp(DATAGRAM_BYTES_LEAST, DATAGRAM_BYTES_MOST);
        let settings = DatagramSettings { datagram_bytes, ..settings };
        let pace = Pace {
            part_bytes: datagram_bytes - HEADER_BYTES - TAG_BYTES,
            retransmit: Duration::from_millis(50),
            acknowledge: Duration::from_millis(5),
            overtaken: 3,
        };
        let delivery = Delivery::new(settings.key.clone(), settings.version, pace, boot, now);
        Self { settings, delivery }
    }

    /// Bytes of a message that fills a datagram.
    pub fn message_bytes(&self) -> usize {
        self.settings.datagram_bytes - HEADER_BYTES - TAG_BYTES
    }

    /// Takes a datagram.
    pub fn receive(&mut self, now: Instant, datagram: &[u8]) {
        self.delivery.status.counters.bytes_received += datagram.len() as u64;
        match self.open(datagram) {
            // A beat has its own way over the network.
            Ok(frame) if frame.kind == Kind::Beat => self.delivery.reject(Rejection::Malformed),
            Ok(frame) => {
                self.delivery.receive(now, frame);
            }
            Err(None) => self.delivery.reject(Rejection::NotAuthentic),
            Err(Some(error)) => self.delivery.reject_frame(error),
        }
    }

    /// The frame in `datagram`; `None` as the error: it is not authentic.
    fn open(&self, datagram: &[u8]) -> Result<Frame, Option<FrameError>> {
        let (bytes, tag) = datagram.split_last_chunk::<TAG_BYTES>().ok_or(Some(FrameError::Malformed))?;
        if !self.settings.key.is_authentic(LABEL, &[bytes], tag) {
            return Err(None);
        }
        Frame::read(self.settings.version, bytes).map_err(Some)
    }

    /// The next message that has arrived.
    pub fn poll_received(&mut self) -> Option<Received> {
        self.delivery.poll_message().map(Received::Message)
    }

    /// Whether a message would be taken.
    pub fn has_room(&self) -> bool {
        self.delivery.has_room()
    }

    /// Sends a message, as [`crate::Channel::send_message`] does.
    pub fn send_message(&mut self, message: Vec<u8>) -> bool {
        self.delivery.send(message)
    }

    /// Puts the next datagram into `datagram`, in place of what is there.
    pub fn poll_transmit(&mut self, now: Instant, datagram: &mut Vec<u8>) -> bool {
        datagram.clear();
        let Some(frame) = self.delivery.poll_frame(now) else { return false };
        frame.write(datagram);
        let tag = self.settings.key.tag(LABEL, &[datagram]);
        datagram.extend(tag);
        self.delivery.status.counters.bytes_sent += datagram.len() as u64;
        true
    }

    /// When to call [`Self::poll_transmit`] next, if nothing comes before that. In the past: now.
    pub fn deadline(&self) -> Instant {
        self.delivery.deadline()
    }

    /// The network was down: what may have been lost is sent again.
    pub fn reset(&mut self, now: Instant) {
        self.delivery.resume(now);
    }

    /// What is known of the way and the peer.
    pub fn status(&self) -> ChannelStatus {
        self.delivery.status()
    }
}
