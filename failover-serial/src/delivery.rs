//! What a line and datagrams have in common: sessions between two boot numbers, and messages in them.
//!
//! A session begins with a hello that names the boot number of its receiver, which only a unit that runs now can know, and
//! proves that its sender has the key. A restarted unit has a new boot number, so nothing old is taken for new.

use std::collections::VecDeque;
use std::time::Duration;

use model::Instant;

use crate::frame::{Frame, FrameError, Kind};
use crate::incoming::{Accepted, Incoming, MESSAGE_BYTES_MOST};
use crate::key::CableKey;
use crate::outgoing::{Outgoing, Pace};
use crate::status::{ChannelStatus, Condition, Rejection};

const HELLO_LABEL: &[u8] = b"understudy cable hello";
const PROOF_BYTES: usize = 8;

/// Between two hellos while there is no session.
const HELLO_INTERVAL: Duration = Duration::from_secs(1);
/// Between two hellos at least, so that two units that do not understand each other leave the line to others.
const HELLO_GAP: Duration = Duration::from_millis(50);
/// Peers of before that are not taken for new ones.
const RETIRED: usize = 8;

/// Far in the future.
pub(crate) const NEVER: Instant = Instant::from_nanos(u64::MAX);

/// Sessions and messages, whatever carries the frames.
#[derive(Debug)]
pub(crate) struct Delivery {
    key: CableKey,
    version: u8,
    boot: u32,
    /// The peer of the session.
    peer: Option<u32>,
    /// Who was heard without a session.
    candidate: Option<u32>,
    retired: VecDeque<u32>,
    hello_at: Instant,
    last_hello: Option<Instant>,
    outgoing: Outgoing,
    incoming: Incoming,
    pub(crate) status: ChannelStatus,
}

impl Delivery {
    pub(crate) fn new(key: CableKey, version: u8, pace: Pace, boot: u32, now: Instant) -> Self {
        Self {
            key,
            version,
            boot,
            peer: None,
            candidate: None,
            retired: VecDeque::new(),
            hello_at: now,
            last_hello: None,
            outgoing: Outgoing::new(pace),
            incoming: Incoming::new(pace),
            status: ChannelStatus::default(),
        }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.outgoing.has_room()
    }

    /// False: there is no room, or it is too long.
    pub(crate) fn send(&mut self, message: Vec<u8>) -> bool {
        let is_taken = self.has_room() && message.len() <= MESSAGE_BYTES_MOST;
        if is_taken {
            self.outgoing.push(message);
            self.status.counters.messages_sent += 1;
        }
        is_taken
    }

    pub(crate) fn poll_message(&mut self) -> Option<Vec<u8>> {
        let message = self.incoming.poll_message()?;
        self.status.counters.messages_received += 1;
        Some(message)
    }

    pub(crate) fn resume(&mut self, now: Instant) {
        self.outgoing.resume();
        self.status.condition = Condition::Silent;
        if self.peer.is_none() {
            self.hello_at = now;
        }
    }

    pub(crate) fn status(&self) -> ChannelStatus {
        ChannelStatus { peer_boot: self.peer, messages_waiting: self.outgoing.waiting(), ..self.status }
    }

    pub(crate) fn reject(&mut self, rejection: Rejection) {
        self.status.counters.rejections.count(rejection);
        match rejection {
            Rejection::LoopedBack => self.status.condition = Condition::LoopedBack,
            Rejection::NotAuthentic => self.status.condition = Condition::OtherKey,
            _ => {}
        }
    }

    pub(crate) fn reject_frame(&mut self, error: FrameError) {
        let rejection = match error {
            FrameError::Corrupt => Rejection::Corrupt,
            FrameError::Malformed => Rejection::Malformed,
            FrameError::OtherVersion(version) => {
                self.status.condition = Condition::OtherVersion(version);
                Rejection::OtherVersion
            }
        };
        self.reject(rejection);
    }

    /// Takes a frame. Returns the payload of a beat.
    pub(crate) fn receive(&mut self, now: Instant, frame: Frame) -> Option<Vec<u8>> {
        if frame.boot == self.boot {
            self.reject(Rejection::LoopedBack);
            return None;
        }
        match frame.kind {
            Kind::Beat => {
                self.hear(now, frame.boot);
                return Some(frame.payload);
            }
            Kind::Hello => self.receive_hello(now, &frame),
            _ if self.peer != Some(frame.boot) || frame.peer != self.boot => {
                self.reject(Rejection::UnknownSession);
                self.hear(now, frame.boot);
                self.want_hello(now);
            }
            Kind::Acknowledgement => {
                self.hear(now, frame.boot);
                self.receive_acknowledgement(now, &frame);
            }
            Kind::Part | Kind::LastPart => {
                self.hear(now, frame.boot);
                self.receive_part(now, frame);
            }
        }
        None
    }

    /// A unit of our version is there.
    fn hear(&mut self, now: Instant, boot: u32) {
        self.status.heard_at = Some(now);
        if self.peer == Some(boot) {
            self.status.condition = Condition::Connected;
            return;
        }
        if self.status.condition != Condition::OtherKey {
            self.status.condition = Condition::Connecting;
        }
        if self.candidate != Some(boot) && !self.retired.contains(&boot) {
            self.candidate = Some(boot);
            self.want_hello(now);
        }
    }

    fn want_hello(&mut self, now: Instant) {
        // A peer with another key has nothing to learn soon.
        let gap = if self.status.condition == Condition::OtherKey { HELLO_INTERVAL } else { HELLO_GAP };
        let earliest = self.last_hello.map_or(now, |last| last + gap);
        self.hello_at = self.hello_at.min(earliest.max(now));
    }

    fn receive_hello(&mut self, now: Instant, hello: &Frame) {
        let addresses = [hello.boot.to_be_bytes(), hello.peer.to_be_bytes()];
        let has_key = hello
            .payload
            .get(..PROOF_BYTES)
            .is_some_and(|proof| self.key.is_authentic(HELLO_LABEL, &[&addresses[0], &addresses[1]], proof));
        if !has_key {
            self.reject(Rejection::NotAuthentic);
            // So that the peer sees, too, that the keys differ.
            self.want_hello(now);
            return;
        }
        if hello.peer == self.boot && self.peer != Some(hello.boot) && !self.retired.contains(&hello.boot) {
            self.begin_session(hello.boot);
        }
        if self.status.condition == Condition::OtherKey {
            self.status.condition = Condition::Connecting;
        }
        self.hear(now, hello.boot);
        let knows_us = hello.peer == self.boot && hello.sequence == 1;
        if !knows_us {
            self.want_hello(now);
        }
    }

    fn begin_session(&mut self, boot: u32) {
        if let Some(before) = self.peer.replace(boot) {
            self.retired.truncate(RETIRED - 1);
            self.retired.push_front(before);
        }
        self.candidate = None;
        self.hello_at = NEVER;
        self.outgoing.begin_session();
        self.incoming.begin_session();
        self.status.counters.sessions += 1;
    }

    fn receive_acknowledgement(&mut self, now: Instant, frame: &Frame) {
        match frame.payload.first_chunk::<8>() {
            Some(after) => self.outgoing.acknowledge(now, frame.sequence, u64::from_be_bytes(*after)),
            None => self.reject(Rejection::Malformed),
        }
    }

    fn receive_part(&mut self, now: Instant, frame: Frame) {
        let is_last = frame.kind == Kind::LastPart;
        match self.incoming.receive(now, frame.sequence, is_last, frame.payload) {
            Accepted::New => self.status.counters.parts_received += 1,
            Accepted::Duplicate => self.reject(Rejection::Duplicate),
            Accepted::NoRoom => self.reject(Rejection::NoRoom),
            Accepted::Oversize => self.reject(Rejection::Oversize),
        }
    }

    /// The next frame but for beats: hello, acknowledgement, part.
    pub(crate) fn poll_frame(&mut self, now: Instant) -> Option<Frame> {
        if self.hello_at <= now {
            return Some(self.hello(now));
        }
        let peer = self.peer?;
        if let Some((expected, after)) = self.incoming.poll_acknowledgement(now) {
            let payload = after.to_be_bytes().to_vec();
            return Some(self.frame(Kind::Acknowledgement, expected, peer, payload));
        }
        let part = self.outgoing.poll_part(now)?;
        let counters = &mut self.status.counters;
        *(if part.is_again { &mut counters.parts_sent_again } else { &mut counters.parts_sent }) += 1;
        let kind = if part.is_last { Kind::LastPart } else { Kind::Part };
        Some(self.frame(kind, part.sequence, peer, part.bytes))
    }

    fn hello(&mut self, now: Instant) -> Frame {
        // Whoever was heard last is asked first: it may be the peer, restarted.
        let peer = self.candidate.or(self.peer);
        let has_session = peer.is_some() && peer == self.peer;
        self.last_hello = Some(now);
        self.hello_at = if self.peer.is_some() { NEVER } else { now + HELLO_INTERVAL };
        // If nothing comes of it, whoever is heard again is asked again.
        self.candidate = None;
        let peer = peer.unwrap_or(0);
        let proof = self.key.tag(HELLO_LABEL, &[&self.boot.to_be_bytes(), &peer.to_be_bytes()]);
        self.frame(Kind::Hello, u16::from(has_session), peer, proof[..PROOF_BYTES].to_vec())
    }

    pub(crate) fn frame(&self, kind: Kind, sequence: u16, peer: u32, payload: Vec<u8>) -> Frame {
        Frame { version: self.version, kind, sequence, boot: self.boot, peer, payload }
    }

    /// When there is something to send: long ago, if there is something now.
    pub(crate) fn deadline(&self) -> Instant {
        if self.peer.is_none() {
            return self.hello_at;
        }
        let others = [self.incoming.deadline(), self.outgoing.deadline()];
        others.into_iter().flatten().fold(self.hello_at, Instant::min)
    }
}
