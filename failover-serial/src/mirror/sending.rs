//! A whole document on its way to the peer.

use std::time::Duration;

use model::{ConfigurationMark, Instant, UnitState};

use super::document::Packed;
use super::message::{Answer, Message};

/// Chunks that may be under way: more than wait in a channel, few enough that a newer document need not wait long.
const CHUNKS_AHEAD: usize = 16;

/// After so long without progress the peer is asked what it has: longer than a few messages take at 9,600 baud.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
const BACKOFF_MOST: u32 = 3;

#[derive(Debug)]
pub(crate) struct Sending {
    packed: Packed,
    /// What the peer has; unknown until it has answered the begin.
    arrived: Option<usize>,
    sent: usize,
    is_to_begin: bool,
    timer: Instant,
    backoff: u32,
}

impl Sending {
    pub(crate) const fn new(now: Instant, packed: Packed) -> Self {
        Self { packed, arrived: None, sent: 0, is_to_begin: true, timer: now, backoff: 0 }
    }

    pub(crate) const fn mark(&self) -> ConfigurationMark {
        self.packed.announcement.mark
    }

    /// Bytes that have arrived, and all.
    pub(crate) fn progress(&self) -> (usize, usize) {
        (self.arrived.unwrap_or(0), self.packed.bytes.len())
    }

    /// What the peer has is to be asked again: it, or the way to it, is another one.
    pub(crate) fn ask_again(&mut self) {
        self.arrived = None;
        self.is_to_begin = true;
        self.backoff = 0;
    }

    pub(crate) fn receive_progress(&mut self, now: Instant, transfer: u64, offset: usize, answer: Answer) {
        if transfer != self.packed.announcement.transfer || offset > self.packed.bytes.len() {
            return;
        }
        match (answer, self.arrived) {
            // An answer to what was under way when the question went.
            (Answer::Arrived | Answer::Unknown, None) => return,
            (Answer::Unknown, Some(_)) => return self.ask_again(),
            (Answer::Arrived, Some(arrived)) => self.arrived = Some(arrived.max(offset)),
            (Answer::GoOnFrom, _) => {
                self.arrived = Some(offset);
                self.sent = offset;
            }
        }
        self.backoff = 0;
        self.timer = now + PATIENCE;
    }

    fn has_chunk(&self, chunk_bytes: usize) -> bool {
        let ahead = chunk_bytes * CHUNKS_AHEAD;
        self.arrived.is_some_and(|arrived| self.sent < self.packed.bytes.len() && self.sent < arrived + ahead)
    }

    pub(crate) fn poll(&mut self, now: Instant, state: UnitState, chunk_bytes: usize) -> Option<Message> {
        if !self.is_to_begin && self.timer <= now {
            self.arrived = None;
            self.is_to_begin = true;
            self.backoff = (self.backoff + 1).min(BACKOFF_MOST);
        }
        if std::mem::take(&mut self.is_to_begin) {
            self.timer = now + PATIENCE * (1 << self.backoff);
            return Some(Message::Begin { state, announcement: self.packed.announcement });
        }
        if !self.has_chunk(chunk_bytes) {
            return None;
        }
        let end = (self.sent + chunk_bytes).min(self.packed.bytes.len());
        let bytes = self.packed.bytes.get(self.sent..end)?.to_vec();
        let transfer = self.packed.announcement.transfer;
        let chunk = Message::Chunk { transfer, offset: self.sent, bytes };
        self.sent = end;
        self.timer = now + PATIENCE;
        Some(chunk)
    }

    pub(crate) fn deadline(&self, chunk_bytes: usize) -> Instant {
        if self.is_to_begin || self.has_chunk(chunk_bytes) { Instant::START } else { self.timer }
    }
}
