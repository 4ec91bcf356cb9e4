//! The configuration of one unit, mirrored at the other.
//!
//! Opaque bytes with a mark: the higher generation is the newer; of two with the same generation the active unit's counts.
//! Each command is a transaction that the peer acknowledges by its generation; when the two have come apart the whole
//! document is sent. Packing a long document takes some tens of milliseconds: not on a thread that must not wait.

mod changes;
mod document;
mod message;
mod receiving;
mod sending;
mod status;

use std::collections::VecDeque;
use std::time::Duration;

use model::{ConfigurationMark, Instant, UnitState};

use crate::delivery::NEVER;
use crate::incoming::MESSAGE_BYTES_MOST;
pub use changes::CHANGE_BYTES_MOST;
use changes::Changes;
use document::{Announcement, pack};
pub use document::{DOCUMENT_BYTES_MOST, digest_of};
use message::{Answer, CHUNK_BYTES, Message, MessageError};
use receiving::{Receiving, Taken};
use sending::Sending;
pub use status::{MirrorEvent, MirrorSettings, MirrorStatus, TransferProgress};

/// The smallest message that a mirror may be told to send.
const MESSAGE_BYTES_LEAST: usize = 128;

/// Messages other than documents and changes that wait to be sent; what does not fit is made good after a while.
const ANSWERS: usize = 32;

/// Documents and changes that wait for [`Mirror::accept`] or [`Mirror::refuse`].
const OFFERS: usize = 64;

/// What was refused is tried again after so long.
const RETRY: Duration = Duration::from_secs(30);

/// Beats overtake messages: after a mark in one, an older mark in the other is taken for late for so long.
const LATE: Duration = Duration::from_secs(1);

/// What the peer has sent and this unit has not decided on.
#[derive(Debug)]
struct Offer {
    mark: ConfigurationMark,
    /// Of a whole document; none of a change.
    document: Option<Vec<u8>>,
}

/// The configuration here, and what is known of the one at the peer.
#[derive(Debug)]
pub struct Mirror {
    settings: MirrorSettings,
    state: UnitState,
    mark: ConfigurationMark,
    /// None after a change: only its owner knows the whole.
    document: Option<Vec<u8>>,
    peer: Option<ConfigurationMark>,
    /// When the peer said so last in a message, and in a beat.
    message_at: Option<Instant>,
    beat_at: Option<Instant>,
    changes: Changes,
    sending: Option<Sending>,
    retry_at: Option<Instant>,
    receiving: Option<Receiving>,
    offers: VecDeque<Offer>,
    answers: VecDeque<Message>,
    events: VecDeque<MirrorEvent>,
    status: MirrorStatus,
}

impl Mirror {
    /// A unit that has `document`, of which `mark` has the digest ([`digest_of`]).
    pub fn new(
        settings: MirrorSettings,
        mark: ConfigurationMark,
        document: Vec<u8>,
        state: UnitState,
        now: Instant,
    ) -> Self {
        let message_bytes = settings.message_bytes.clamp(MESSAGE_BYTES_LEAST, MESSAGE_BYTES_MOST);
        let mut mirror = Self {
            settings: MirrorSettings { message_bytes, ..settings },
            state,
            mark,
            document: Some(document),
            peer: None,
            message_at: None,
            beat_at: None,
            changes: Changes::default(),
            sending: None,
            retry_at: None,
            receiving: None,
            offers: VecDeque::new(),
            answers: VecDeque::new(),
            events: VecDeque::new(),
            status: MirrorStatus::default(),
        };
        mirror.reset(now);
        mirror
    }

    /// This unit is active, or stands by, from now on.
    pub fn set_state(&mut self, now: Instant, state: UnitState) {
        self.state = state;
        self.plan(now);
    }

    /// The configuration was changed here to a whole new one, or, with the mark that it has, here are its bytes.
    pub fn set_document(&mut self, now: Instant, mark: ConfigurationMark, document: Vec<u8>) {
        self.document = Some(document);
        if mark != self.mark {
            self.mark = mark;
            self.changes.clear();
            self.forget_transfers();
        }
        self.plan(now);
    }

    /// One command was carried out here, and led to `mark`.
    pub fn change(&mut self, now: Instant, mark: ConfigurationMark, change: Vec<u8>) {
        self.changes.push(self.mark, mark, change);
        self.mark = mark;
        self.document = None;
        self.retry_at = None;
        self.receiving = None;
        self.offers.clear();
        self.plan(now);
    }

    fn forget_transfers(&mut self) {
        self.sending = None;
        self.retry_at = None;
        self.receiving = None;
        self.offers.clear();
    }

    /// A beat says what the peer has.
    pub fn peer_mark(&mut self, now: Instant, mark: ConfigurationMark) {
        if !self.is_late(now, mark, self.message_at) {
            self.beat_at = Some(now);
            self.learn(now, mark);
        }
    }

    /// A message of the peer says what it has.
    fn peer_says(&mut self, now: Instant, mark: ConfigurationMark) {
        if !self.is_late(now, mark, self.beat_at) {
            self.message_at = Some(now);
            self.learn(now, mark);
        }
    }

    /// Whether `mark` is from before what the peer has said, `at` some time, in another way.
    fn is_late(&self, now: Instant, mark: ConfigurationMark, at: Option<Instant>) -> bool {
        let is_recent = at.is_some_and(|at| now < at + LATE);
        is_recent && self.peer.is_some_and(|peer| mark.generation < peer.generation)
    }

    fn learn(&mut self, now: Instant, mark: ConfigurationMark) {
        let was_sent = self.sending.as_ref().is_some_and(|sending| sending.mark() == mark);
        if was_sent || self.changes.lead_to(mark) {
            self.changes.acknowledge(mark);
            self.events.push_back(MirrorEvent::Acknowledged { generation: mark.generation });
        }
        if was_sent {
            self.sending = None;
        }
        self.peer = Some(mark);
        self.plan(now);
    }

    /// Whether the peer is to get what this unit has.
    fn is_source(&self) -> bool {
        let is_active = self.state == UnitState::Active;
        self.peer.is_some_and(|peer| is_newer(self.mark, peer, is_active))
    }

    /// Whether the owner is to give the whole document ([`Self::set_document`]): it is to be sent, and is known only up to
    /// some change.
    pub fn wants_document(&self) -> bool {
        self.document.is_none() && self.needs_whole() && self.retry_at.is_none()
    }

    fn needs_whole(&self) -> bool {
        let is_led = self.peer.is_some_and(|peer| self.changes.lead_from(peer));
        self.is_source() && self.sending.is_none() && !is_led
    }

    /// Begins, or ends, the sending of the whole document.
    fn plan(&mut self, now: Instant) {
        if !self.is_source() {
            self.sending = None;
        }
        self.retry_at.take_if(|at| *at <= now);
        if !self.needs_whole() || self.retry_at.is_some() {
            return;
        }
        let Some(document) = &self.document else { return };
        self.changes.clear();
        match pack(self.mark, document) {
            Ok(packed) => self.sending = Some(Sending::new(now, packed)),
            Err(error) => {
                self.status.last_error = Some(error.to_string());
                self.retry_at = Some(NEVER);
            }
        }
    }

    /// The way to the peer, or the peer, is another one: what is under way is taken up again at once.
    pub fn reset(&mut self, now: Instant) {
        self.message_at = None;
        self.beat_at = None;
        self.changes.send_again();
        if let Some(sending) = &mut self.sending {
            sending.ask_again();
        }
        self.answer(Message::Have { mark: self.mark, asks: true });
        self.plan(now);
    }

    fn answer(&mut self, message: Message) {
        if self.answers.len() < ANSWERS && !self.answers.contains(&message) {
            self.answers.push_back(message);
        }
    }

    /// Takes a message from the peer.
    pub fn receive(&mut self, now: Instant, message: &[u8]) {
        match Message::open(&self.settings.key, message) {
            Ok(message) => self.take(now, message),
            Err(MessageError::NotAuthentic) => {
                self.status.not_authentic += 1;
                self.status.last_error = Some("a message of the other unit is not authentic".to_owned());
            }
            Err(MessageError::Malformed) => self.status.malformed += 1,
        }
        self.plan(now);
    }

    fn take(&mut self, now: Instant, message: Message) {
        match message {
            Message::Begin { state, announcement } => self.take_begin(now, state, announcement),
            Message::Chunk { transfer, offset, bytes } => self.take_chunk(transfer, offset, &bytes),
            Message::Progress { transfer, offset, answer } => {
                if let Some(sending) = &mut self.sending {
                    sending.receive_progress(now, transfer, offset, answer);
                }
            }
            Message::Change { base, mark, bytes } => self.take_change(base, mark, bytes),
            Message::Have { mark, asks } => {
                self.peer_says(now, mark);
                if asks {
                    self.answer(Message::Have { mark: self.mark, asks: false });
                }
            }
            Message::Refused { mark, reason } => self.take_refusal(now, mark, reason),
        }
    }

    /// What this unit will have once it has accepted all that was offered.
    fn last_offered(&self) -> ConfigurationMark {
        self.offers.back().map_or(self.mark, |offer| offer.mark)
    }

    fn take_begin(&mut self, now: Instant, state: UnitState, announcement: Announcement) {
        let mark = announcement.mark;
        if self.offers.iter().any(|offer| offer.mark == mark) {
            let (transfer, offset) = (announcement.transfer, announcement.packed_bytes as usize);
            self.answer(Message::Progress { transfer, offset, answer: Answer::GoOnFrom });
            return;
        }
        let active_wins = state == UnitState::Active && self.state == UnitState::Standby;
        if !is_newer(mark, self.last_offered(), active_wins) {
            self.peer_says(now, mark);
            self.answer(Message::Have { mark: self.mark, asks: false });
            return;
        }
        let is_known = self.receiving.as_ref().is_some_and(|known| *known.announcement() == announcement);
        if !is_known {
            match Receiving::new(announcement) {
                Ok(receiving) => self.receiving = Some(receiving),
                Err(error) => return self.reject(mark, error.to_string()),
            }
        }
        let answer = self.receiving.as_mut().map(Receiving::go_on);
        answer.into_iter().for_each(|answer| self.answer(answer));
        self.finish_if_complete();
    }

    fn take_chunk(&mut self, transfer: u64, offset: usize, bytes: &[u8]) {
        let known = self.receiving.as_mut().filter(|known| known.announcement().transfer == transfer);
        match known.map(|receiving| receiving.take(offset, bytes)) {
            None => self.answer(Message::Progress { transfer, offset: 0, answer: Answer::Unknown }),
            Some(Taken::Quietly) => {}
            Some(Taken::Answer(answer)) => self.answer(answer),
            Some(Taken::Complete) => self.finish_if_complete(),
        }
    }

    fn finish_if_complete(&mut self) {
        let Some(receiving) = self.receiving.take_if(|receiving| receiving.is_complete()) else { return };
        let Announcement { mark, transfer, packed_bytes, .. } = *receiving.announcement();
        match receiving.finish() {
            Ok(document) => {
                let offset = packed_bytes as usize;
                self.answer(Message::Progress { transfer, offset, answer: Answer::Arrived });
                self.offers.push_back(Offer { mark, document: Some(document.clone()) });
                self.events.push_back(MirrorEvent::Document { mark, bytes: document });
            }
            Err(error) => self.reject(mark, error.to_string()),
        }
    }

    fn take_change(&mut self, base: ConfigurationMark, mark: ConfigurationMark, bytes: Vec<u8>) {
        if self.offers.iter().any(|offer| offer.mark == mark) || self.offers.len() == OFFERS {
            return;
        }
        if base != self.last_offered() || mark == self.mark {
            self.answer(Message::Have { mark: self.mark, asks: false });
            return;
        }
        self.offers.push_back(Offer { mark, document: None });
        self.events.push_back(MirrorEvent::Change { mark, bytes });
    }

    fn take_refusal(&mut self, now: Instant, mark: ConfigurationMark, reason: String) {
        let was_sent = self.sending.take_if(|sending| sending.mark() == mark).is_some();
        if was_sent {
            self.retry_at = Some(now + RETRY);
        } else if !self.changes.lead_to(mark) {
            return;
        }
        self.changes.clear();
        self.status.last_error =
            Some(format!("the other unit refused generation {}: {reason}", mark.generation));
        self.events.push_back(MirrorEvent::Refused { reason });
    }

    /// What was offered as `mark` is now this unit's configuration.
    pub fn accept(&mut self, now: Instant, mark: ConfigurationMark) {
        let Some(last) = self.offers.iter().position(|offer| offer.mark == mark) else { return };
        let accepted = self.offers.drain(..=last).next_back();
        self.mark = mark;
        self.document = accepted.and_then(|offer| offer.document);
        self.changes.clear();
        self.retry_at = None;
        self.answer(Message::Have { mark, asks: false });
        self.plan(now);
    }

    /// What was offered as `mark` can not be this unit's configuration; nor can what was to follow it.
    pub fn refuse(&mut self, now: Instant, mark: ConfigurationMark, reason: &str) {
        let Some(first) = self.offers.iter().position(|offer| offer.mark == mark) else { return };
        self.offers.truncate(first);
        self.reject(mark, reason.to_owned());
        self.plan(now);
    }

    fn reject(&mut self, mark: ConfigurationMark, reason: String) {
        self.status.last_error =
            Some(format!("generation {} of the other unit was refused: {reason}", mark.generation));
        self.answer(Message::Refused { mark, reason });
    }

    /// The next message to the peer. Call it only when there is room for one.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.plan(now);
        let message = self.answers.pop_front().or_else(|| self.poll_document(now))?;
        Some(message.seal(&self.settings.key))
    }

    fn poll_document(&mut self, now: Instant) -> Option<Message> {
        let (state, chunk_bytes) = (self.state, self.chunk_bytes());
        match &mut self.sending {
            Some(sending) => sending.poll(now, state, chunk_bytes),
            None => self.changes.poll(now, self.peer?),
        }
    }

    fn chunk_bytes(&self) -> usize {
        self.settings.message_bytes - CHUNK_BYTES
    }

    /// The next thing that has happened.
    pub fn poll_event(&mut self) -> Option<MirrorEvent> {
        self.events.pop_front()
    }

    /// When to call [`Self::poll_transmit`] next, if nothing comes before that. In the past: as soon as there is room.
    pub fn deadline(&self) -> Instant {
        if !self.answers.is_empty() {
            return Instant::START;
        }
        let chunk_bytes = self.chunk_bytes();
        let is_led = self.peer.is_some_and(|peer| self.changes.lead_from(peer));
        let document = match &self.sending {
            Some(sending) => Some(sending.deadline(chunk_bytes)),
            None => self.changes.deadline().filter(|_| is_led),
        };
        [document, self.retry_at].into_iter().flatten().min().unwrap_or(NEVER)
    }

    /// What the operator is told.
    pub fn status(&self) -> MirrorStatus {
        let transfer = self.sending.as_ref().map(Sending::progress);
        let receiving = self.receiving.as_ref().map(Receiving::progress);
        MirrorStatus {
            mark: self.mark,
            peer_has: self.peer.map(|mark| mark.generation),
            in_sync: self.peer == Some(self.mark),
            transfer: transfer.map(TransferProgress::from),
            receiving: receiving.map(TransferProgress::from),
            changes_waiting: self.changes.len(),
            ..self.status.clone()
        }
    }
}

/// Whether `one` is to take the place of `other`; `wins` decides between two of the same generation.
fn is_newer(one: ConfigurationMark, other: ConfigurationMark, wins: bool) -> bool {
    one.generation > other.generation
        || (one.generation == other.generation && one.digest != other.digest && wins)
}
