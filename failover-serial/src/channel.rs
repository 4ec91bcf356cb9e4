//! The cable: beats and messages over a line of bytes.
//!
//! Beats go first; one that still waits is replaced by a newer one, and none is acknowledged. A frame is handed out only when
//! the one before it has all but left, so that no beat waits behind more than one frame, in buffers that nobody can look into.

use std::collections::VecDeque;
use std::time::Duration;

use model::Instant;
use model::limits::{BEAT_BYTES, CABLE_FRAME_BYTES};

use crate::delivery::Delivery;
use crate::frame::{Frame, FrameReader, Kind, PART_BYTES, VERSION};
use crate::key::CableKey;
use crate::outgoing::Pace;
use crate::status::ChannelStatus;

/// The slowest line.
pub const BAUD_LEAST: u32 = 9_600;
/// The fastest line.
pub const BAUD_MOST: u32 = 921_600;

/// Bytes of a message for the cable that fills its frames.
pub const CABLE_MESSAGE_BYTES: usize = 13 * PART_BYTES;

/// A start bit, eight bits, a stop bit.
const BITS_PER_BYTE: u64 = 10;

/// A frame is handed out so long before the line is free for it, so that the line does not fall idle between two.
const LEAD: Duration = Duration::from_micros(500);

/// Beats that are kept until they are taken; the newest count.
const BEATS_KEPT: usize = 8;

/// A gap of more beats than that is no loss but a peer that counts anew.
const BEATS_LOST_MOST: u16 = 1_000;

/// What a channel is told when it is made.
#[derive(Clone, Debug)]
pub struct ChannelSettings {
    /// The secret of the pair, which a hello proves to have.
    pub key: CableKey,
    /// Of the line, in bits a second; from [`BAUD_LEAST`] to [`BAUD_MOST`].
    pub baud: u32,
    /// [`VERSION`]; another one only in tests.
    pub version: u8,
}

impl ChannelSettings {
    /// 115,200 baud.
    pub const fn new(key: CableKey) -> Self {
        Self { key, baud: 115_200, version: VERSION }
    }
}

/// Something that came from the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A heartbeat. Who made it is for its reader to find out: the cable only knows that it arrived whole.
    Beat(Vec<u8>),
    /// A message.
    Message(Vec<u8>),
}

/// One end of the cable.
#[derive(Debug)]
pub struct Channel {
    settings: ChannelSettings,
    reader: FrameReader,
    delivery: Delivery,
    /// When the line has sent all that was handed out.
    free_at: Instant,
    beat: Option<Vec<u8>>,
    beats_numbered: u16,
    /// The frame before was a beat: if something else waits it goes next, so that beats can not keep messages off a slow line.
    was_beat: bool,
    received: VecDeque<Vec<u8>>,
    last_beat: Option<(u32, u16)>,
}

impl Channel {
    /// The end of a unit whose `boot` number is random, and not 0.
    pub fn new(settings: ChannelSettings, boot: u32, now: Instant) -> Self {
        let baud = settings.baud.clamp(BAUD_LEAST, BAUD_MOST);
        let settings = ChannelSettings { baud, ..settings };
        let frame = wire_time(baud, CABLE_FRAME_BYTES);
        let pace = Pace {
            part_bytes: PART_BYTES,
            // A beat and a part each way, and what machines and adapters add.
            retransmit: frame * 8 + Duration::from_millis(30),
            acknowledge: frame * 2,
            overtaken: 1,
        };
        Self {
            delivery: Delivery::new(settings.key.clone(), settings.version, pace, boot, now),
            settings,
            reader: FrameReader::default(),
            free_at: now,
            beat: None,
            beats_numbered: 0,
            was_beat: false,
            received: VecDeque::new(),
            last_beat: None,
        }
    }

    /// Takes what the line has brought: any bytes, cut anywhere.
    pub fn receive(&mut self, now: Instant, bytes: &[u8]) {
        self.delivery.status.counters.bytes_received += bytes.len() as u64;
        for &byte in bytes {
            match self.reader.push(self.settings.version, byte) {
                None => {}
                Some(Err(error)) => self.delivery.reject_frame(error),
                Some(Ok(frame)) => {
                    let (boot, sequence) = (frame.boot, frame.sequence);
                    if let Some(beat) = self.delivery.receive(now, frame) {
                        self.count_beat(boot, sequence);
                        self.keep_beat(beat);
                    }
                }
            }
        }
    }

    fn count_beat(&mut self, boot: u32, sequence: u16) {
        let counters = &mut self.delivery.status.counters;
        counters.beats_received += 1;
        if let Some((before, last)) = self.last_beat.replace((boot, sequence))
            && before == boot
        {
            let lost = sequence.wrapping_sub(last).wrapping_sub(1);
            counters.beats_lost += u64::from(if lost < BEATS_LOST_MOST { lost } else { 0 });
        }
    }

    fn keep_beat(&mut self, beat: Vec<u8>) {
        if self.received.len() == BEATS_KEPT {
            self.received.pop_front();
        }
        self.received.push_back(beat);
    }

    /// What has arrived: beats first.
    pub fn poll_received(&mut self) -> Option<Received> {
        let beat = self.received.pop_front().map(Received::Beat);
        beat.or_else(|| self.delivery.poll_message().map(Received::Message))
    }

    /// Sends a beat of at most [`BEAT_BYTES`], in the place of one that still waits.
    pub fn send_beat(&mut self, _now: Instant, beat: &[u8]) {
        let counters = &mut self.delivery.status.counters;
        if beat.len() > BEAT_BYTES {
            counters.beats_refused += 1;
        } else if self.beat.replace(beat.to_vec()).is_some() {
            counters.beats_replaced += 1;
        }
    }

    /// Whether a message would be taken.
    pub fn has_room(&self) -> bool {
        self.delivery.has_room()
    }

    /// Sends a message. It arrives whole, once and in order, or when the peer restarts perhaps not at all. False: it was not
    /// taken, for want of room or because it is longer than [`crate::MESSAGE_BYTES_MOST`].
    pub fn send_message(&mut self, message: Vec<u8>) -> bool {
        self.delivery.send(message)
    }

    /// Puts the next frame into `wire`, in place of what is there, when the line has room for it. All of it is to be written.
    pub fn poll_transmit(&mut self, now: Instant, wire: &mut Vec<u8>) -> bool {
        wire.clear();
        if now + LEAD < self.free_at {
            return false;
        }
        let other = if self.beat.is_none() || self.was_beat { self.delivery.poll_frame(now) } else { None };
        let is_beat = other.is_none();
        let Some(frame) = other.or_else(|| self.beat_frame()) else { return false };
        self.was_beat = is_beat;
        frame.write_wire(wire);
        self.delivery.status.counters.bytes_sent += wire.len() as u64;
        self.free_at = self.free_at.max(now) + wire_time(self.settings.baud, wire.len());
        true
    }

    fn beat_frame(&mut self) -> Option<Frame> {
        let beat = self.beat.take()?;
        self.beats_numbered = self.beats_numbered.wrapping_add(1);
        self.delivery.status.counters.beats_sent += 1;
        Some(self.delivery.frame(Kind::Beat, self.beats_numbered, 0, beat))
    }

    /// When to call [`Self::poll_transmit`] next, if nothing comes before that. In the past: now.
    pub fn deadline(&self) -> Instant {
        let wanted = if self.beat.is_some() { Instant::START } else { self.delivery.deadline() };
        wanted.max(Instant::START + self.free_at.since(Instant::START + LEAD))
    }

    /// The line was down, or is another one: what was half received is forgotten, what may have been lost is sent again. A
    /// session goes on if the peer is still the same.
    pub fn reset(&mut self, now: Instant) {
        self.reader.reset();
        self.free_at = now;
        self.beat = None;
        self.delivery.resume(now);
    }

    /// What is known of the line and the peer.
    pub fn status(&self) -> ChannelStatus {
        self.delivery.status()
    }
}

/// How long `bytes` take on the wire.
pub(crate) fn wire_time(baud: u32, bytes: usize) -> Duration {
    Duration::from_nanos(bytes as u64 * BITS_PER_BYTE * 1_000_000_000 / u64::from(baud.max(1)))
}
