//! Messages on their way from the peer: put together from parts, in order, each once.

use std::collections::VecDeque;

use model::Instant;

use crate::outgoing::{Pace, WINDOW};

/// The longest message. A longer one is thrown away whole.
pub const MESSAGE_BYTES_MOST: usize = 8_192;

/// Messages that are kept until they are taken; no further parts are accepted then.
const READY: usize = 16;

/// Parts that are acknowledged together when nothing is missing.
const PARTS_PER_ACKNOWLEDGEMENT: u32 = 4;

/// What has become of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    New,
    Duplicate,
    /// There is no room for it.
    NoRoom,
    /// It made its message too long, which is gone.
    Oversize,
}

/// The receiving half of a session.
#[derive(Debug)]
pub(crate) struct Incoming {
    pace: Pace,
    expected: u16,
    /// Parts from the expected one on.
    parts: VecDeque<Option<(bool, Vec<u8>)>>,
    message: Vec<u8>,
    is_oversize: bool,
    ready: VecDeque<Vec<u8>>,
    unacknowledged: u32,
    acknowledge_at: Option<Instant>,
}

impl Incoming {
    pub(crate) fn new(pace: Pace) -> Self {
        Self {
            pace,
            expected: 0,
            parts: VecDeque::new(),
            message: Vec::new(),
            is_oversize: false,
            ready: VecDeque::new(),
            unacknowledged: 0,
            acknowledge_at: None,
        }
    }

    /// There is a new peer. Whole messages of the one before are still handed out.
    pub(crate) fn begin_session(&mut self) {
        let ready = std::mem::take(&mut self.ready);
        *self = Self { ready, ..Self::new(self.pace) };
    }

    pub(crate) fn receive(&mut self, now: Instant, sequence: u16, is_last: bool, bytes: Vec<u8>) -> Accepted {
        let place = usize::from(sequence.wrapping_sub(self.expected));
        if place >= usize::from(u16::MAX / 2) {
            self.acknowledge_at = Some(now);
            return Accepted::Duplicate;
        }
        if place >= WINDOW || self.ready.len() >= READY {
            return Accepted::NoRoom;
        }
        if self.parts.len() <= place {
            self.parts.resize(place + 1, None);
        }
        self.unacknowledged += 1;
        let was_there = self.parts[place].replace((is_last, bytes)).is_some();
        let fits = self.put_together();
        self.plan_acknowledgement(now, was_there);
        match (was_there, fits) {
            (true, _) => Accepted::Duplicate,
            (false, true) => Accepted::New,
            (false, false) => Accepted::Oversize,
        }
    }

    /// Takes all parts that are next into messages. False: one was too long.
    fn put_together(&mut self) -> bool {
        let mut fits = true;
        while let Some((is_last, bytes)) = self.parts.pop_front_if(|part| part.is_some()).flatten() {
            self.expected = self.expected.wrapping_add(1);
            self.is_oversize |= self.message.len() + bytes.len() > MESSAGE_BYTES_MOST;
            if !self.is_oversize {
                self.message.extend(bytes);
            }
            if is_last {
                let message = std::mem::take(&mut self.message);
                if std::mem::take(&mut self.is_oversize) {
                    fits = false;
                } else {
                    self.ready.push_back(message);
                }
            }
        }
        fits
    }

    /// A gap is told at once, so that it is filled soon; else parts are acknowledged together.
    fn plan_acknowledgement(&mut self, now: Instant, is_duplicate: bool) {
        let is_urgent =
            is_duplicate || !self.parts.is_empty() || self.unacknowledged >= PARTS_PER_ACKNOWLEDGEMENT;
        let due = if is_urgent { now } else { now + self.pace.acknowledge };
        self.acknowledge_at = Some(self.acknowledge_at.map_or(due, |planned| planned.min(due)));
    }

    /// The first part that is missing, and a bit for each of those after it that have arrived, when it is time to say so.
    pub(crate) fn poll_acknowledgement(&mut self, now: Instant) -> Option<(u16, u64)> {
        self.acknowledge_at.take_if(|due| *due <= now)?;
        self.unacknowledged = 0;
        let arrived = self.parts.iter().skip(1).take(64).enumerate();
        let after = arrived.filter(|(_, part)| part.is_some()).fold(0, |bits, (bit, _)| bits | 1 << bit);
        Some((self.expected, after))
    }

    pub(crate) fn poll_message(&mut self) -> Option<Vec<u8>> {
        self.ready.pop_front()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.acknowledge_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const NOW: Instant = Instant::from_millis(1_000);

    fn incoming() -> Incoming {
        let pace = Pace {
            part_bytes: 2,
            retransmit: Duration::from_millis(100),
            acknowledge: Duration::from_millis(10),
            overtaken: 1,
        };
        Incoming::new(pace)
    }

    #[test]
    fn parts_are_put_in_order_and_duplicates_dropped() {
        let mut incoming = incoming();
        assert_eq!(incoming.receive(NOW, 1, true, b"cd".to_vec()), Accepted::New);
        assert_eq!(incoming.poll_acknowledgement(NOW), Some((0, 1)));
        assert_eq!(incoming.receive(NOW, 1, true, b"cd".to_vec()), Accepted::Duplicate);
        assert_eq!(incoming.poll_message(), None);
        assert_eq!(incoming.receive(NOW, 0, false, b"ab".to_vec()), Accepted::New);
        assert_eq!(incoming.receive(NOW, 0, false, b"ab".to_vec()), Accepted::Duplicate);
        assert_eq!(incoming.poll_message(), Some(b"abcd".to_vec()));
        assert_eq!(incoming.poll_acknowledgement(NOW), Some((2, 0)));
    }

    #[test]
    fn acknowledgements_wait_for_company() {
        let mut incoming = incoming();
        for sequence in 0..3 {
            incoming.receive(NOW, sequence, true, vec![]);
            assert_eq!(incoming.poll_acknowledgement(NOW), None);
        }
        incoming.receive(NOW, 3, true, vec![]);
        assert_eq!(incoming.poll_acknowledgement(NOW), Some((4, 0)));
        incoming.receive(NOW, 4, true, vec![]);
        assert_eq!(incoming.deadline(), Some(NOW + Duration::from_millis(10)));
    }

    #[test]
    fn a_message_that_is_too_long_is_thrown_away_whole() {
        let mut incoming = incoming();
        let parts = u16::try_from(MESSAGE_BYTES_MOST / 1_000 + 1).unwrap();
        for sequence in 0..parts {
            assert_eq!(incoming.receive(NOW, sequence, false, vec![1; 1_000]), Accepted::New);
        }
        assert_eq!(incoming.receive(NOW, parts, true, vec![]), Accepted::Oversize);
        assert_eq!(incoming.receive(NOW, parts + 1, true, vec![7]), Accepted::New);
        assert_eq!(incoming.poll_message(), Some(vec![7]));
    }

    #[test]
    fn what_nobody_takes_holds_the_peer_up() {
        let mut incoming = incoming();
        let most = u16::try_from(READY).unwrap();
        for sequence in 0..most {
            assert_eq!(incoming.receive(NOW, sequence, true, vec![]), Accepted::New);
        }
        assert_eq!(incoming.receive(NOW, most, true, vec![]), Accepted::NoRoom);
        incoming.poll_message();
        assert_eq!(incoming.receive(NOW, most, true, vec![]), Accepted::New);
    }
}
