//! What goes out to the peer.

use std::time::Duration;

use model::{Instant, UnitState};

use super::Replicator;
use crate::path_set::PathSet;
use crate::wire::{Hello, Kind, StatusMessage, VERSION};

/// A path is preferred for data while it was heard within so long: more than two statuses.
const PATH_PATIENCE: Duration = Duration::from_millis(500);

/// A datagram to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The path to send it on.
    pub path: usize,
    /// Its bytes.
    pub length: usize,
}

impl Replicator {
    /// Does what is due at `now`, and makes `datagram` the next one to send, whatever it was before.
    pub fn poll_transmit(&mut self, now: Instant, datagram: &mut Vec<u8>) -> Option<Transmit> {
        self.advance(now);
        let path = self.transmit(now, datagram)?;
        let length = datagram.len();
        if let Some(path) = self.paths.get_mut(path) {
            path.datagrams_sent += 1;
            path.bytes_sent += length as u64;
        }
        Some(Transmit { path, length })
    }

    fn advance(&mut self, now: Instant) {
        let paths = self.settings.paths;
        self.end_silent_session(now);
        self.handshake.advance(now, self.settings.hello_interval, paths);
        let Some(session) = &mut self.session else { return };
        session.advance(now, self.settings.status_interval, paths);
        let room = session.datagram_bytes - crate::wire::HEADER_BYTES - crate::wire::TAG_BYTES;
        self.counts.advance(now, room);
        self.receiver.offer_room(now);
        if self.receiver.acknowledge(now, &mut self.acknowledgement) {
            self.acknowledgement_due = PathSet::first(paths);
        }
        if self.state == UnitState::Standby {
            self.comparing.advance(now, paths);
        }
        if self.is_telling {
            self.sender.advance(now);
            self.telling.advance(now, &mut self.orders);
            self.grant();
        }
    }

    fn end_silent_session(&mut self, now: Instant) {
        let is_over = |session: &super::Session| now.since(session.heard) >= self.settings.silence;
        if self.session.as_ref().is_some_and(is_over) {
            self.end_session(now);
        }
    }

    /// Writes the next datagram. Returns the path that it is for.
    fn transmit(&mut self, now: Instant, datagram: &mut Vec<u8>) -> Option<usize> {
        let hello = self.hello();
        if let Some(path) = self.handshake.transmit(hello, datagram) {
            return Some(path);
        }
        self.session.as_ref()?;
        self.transmit_acknowledgement(datagram)
            .or_else(|| self.transmit_status(now, datagram))
            .or_else(|| self.transmit_request(datagram))
            .or_else(|| self.transmit_batch(now, datagram))
            .or_else(|| self.transmit_counts(now, datagram))
    }

    fn hello(&self) -> Hello {
        Hello {
            version: self.settings.version.min(VERSION),
            state: self.state,
            datagram_bytes: u16::try_from(self.settings.datagram_bytes).unwrap_or(u16::MAX),
        }
    }

    fn transmit_acknowledgement(&mut self, datagram: &mut Vec<u8>) -> Option<usize> {
        let path = self.acknowledgement_due.take()?;
        let acknowledgement = &self.acknowledgement;
        self.session.as_mut()?.seal(Kind::Acknowledgement, datagram, |body| acknowledgement.write(body));
        Some(path)
    }

    fn transmit_status(&mut self, now: Instant, datagram: &mut Vec<u8>) -> Option<usize> {
        let path = self.session.as_mut()?.status_due.take()?;
        let agreement = self.comparing.agreement().unwrap_or_default();
        let status = StatusMessage {
            state: self.state,
            is_synchronized: self.state == UnitState::Standby
                && self.comparing.is_synchronized()
                && self.has_agreed_of_late(now),
            observes: self.state == UnitState::Standby && self.settings.observes,
            compared: u16::try_from(agreement.compared).unwrap_or(u16::MAX),
            differing: u16::try_from(agreement.differing).unwrap_or(u16::MAX),
            lag_updates: u32::try_from(self.sender.lag_updates()).unwrap_or(u32::MAX),
            lag_ms: u32::try_from(self.sender.lag(now).as_millis()).unwrap_or(u32::MAX),
        };
        self.session.as_mut()?.seal(Kind::Status, datagram, |body| status.write(body));
        Some(path)
    }

    fn transmit_request(&mut self, datagram: &mut Vec<u8>) -> Option<usize> {
        if self.state != UnitState::Standby {
            return None;
        }
        let (path, request) = self.comparing.due_request()?;
        self.session.as_mut()?.seal(Kind::Request, datagram, |body| request.write(body));
        Some(path)
    }

    fn transmit_batch(&mut self, now: Instant, datagram: &mut Vec<u8>) -> Option<usize> {
        if !self.is_telling {
            return None;
        }
        let (sequence, is_again) = self.sender.next_batch(now)?;
        let sender = &self.sender;
        self.session.as_mut()?.seal(Kind::Batch, datagram, |body| sender.write(sequence, body));
        if !is_again {
            return Some(self.preferred_path(now));
        }
        self.next_path = (self.next_path + 1) % self.settings.paths;
        Some(self.next_path)
    }

    fn transmit_counts(&mut self, now: Instant, datagram: &mut Vec<u8>) -> Option<usize> {
        let (part, entries) = self.counts.next_part()?;
        self.session.as_mut()?.seal(Kind::Counts, datagram, |body| part.write(body, entries));
        Some(self.preferred_path(now))
    }

    /// The first path that the peer was heard on of late.
    fn preferred_path(&self, now: Instant) -> usize {
        let is_alive = |heard: Instant| now.since(heard) < PATH_PATIENCE;
        self.paths.iter().position(|path| path.heard.is_some_and(is_alive)).unwrap_or(0)
    }
}
