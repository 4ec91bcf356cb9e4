//! What comes in from the peer, or from somebody who would like to be it.

use std::time::Duration;

use model::{Instant, UnitState};

use super::{Replicator, Session};
use crate::rejection::Rejection;
use crate::seal::Channel;
use crate::status::PeerStatus;
use crate::synchronization::Agreement;
use crate::wire::{BatchFrame, Header, Hello, Kind, LOWEST_VERSION, Request, StatusMessage};

impl Replicator {
    /// Takes a datagram that came in on `path`. It is decrypted in place. What is not authentic, or was received before,
    /// changes nothing and is counted.
    pub fn receive(&mut self, now: Instant, path: usize, datagram: &mut [u8]) {
        if let Err(rejection) = self.take(now, path, datagram) {
            self.rejected.count(rejection);
        }
    }

    fn take(&mut self, now: Instant, path: usize, datagram: &mut [u8]) -> Result<(), Rejection> {
        let header = Header::read(datagram, self.settings.version)?;
        let bytes = datagram.len();
        let ours = self.session.as_ref().map(|session| session.channel.ours);
        if ours == Some(header.sender) || self.handshake.has_id(header.sender) {
            return Err(Rejection::Reflected);
        }
        if let Some(session) = self.session.as_mut().filter(|session| session.channel.has(&header)) {
            let body = session.channel.opening.open(&header, datagram)?;
            session.heard = now;
            self.hear(now, path, bytes);
            return self.handle(now, &header, body);
        }
        if header.kind == Kind::Hello && header.receiver == 0 {
            return self.take_hint(now, &header, datagram);
        }
        if header.kind == Kind::Hello && self.handshake.is_searching_as(header.receiver) {
            let (channel, hello) = self.handshake.answer(now, &header, datagram)?;
            self.hear(now, path, bytes);
            return self.connect(now, channel, hello);
        }
        let (place, body) = self.handshake.open(&header, datagram)?;
        self.hear(now, path, bytes);
        self.settle(now, place)?;
        if self.session.as_ref().is_some_and(|session| session.channel.has(&header)) {
            return self.handle(now, &header, body);
        }
        Ok(())
    }

    fn hear(&mut self, now: Instant, path: usize, bytes: usize) {
        if let Some(path) = self.paths.get_mut(path) {
            path.heard = Some(now);
            path.datagrams_received += 1;
            path.bytes_received += bytes as u64;
        }
    }

    fn take_hint(&mut self, now: Instant, header: &Header, datagram: &mut [u8]) -> Result<(), Rejection> {
        let hello = self.handshake.hint(now, header, datagram, self.settings.paths)?;
        if !self.speaks_with(hello) {
            // It is answered, so that it can tell, too; a session does not come of it.
            return Err(Rejection::VersionTooFar);
        }
        Ok(())
    }

    fn speaks_with(&self, hello: Hello) -> bool {
        hello.version >= LOWEST_VERSION && hello.version.abs_diff(self.settings.version) <= 1
    }

    /// A datagram of an attempt was authentic: the attempt becomes the session, unless the session is as alive.
    fn settle(&mut self, now: Instant, place: usize) -> Result<(), Rejection> {
        if let Some(session) = &self.session {
            let running = (session.channel.ours, session.channel.theirs, session.heard);
            if !self.handshake.replaces(now, place, running) {
                return Ok(());
            }
        }
        match self.handshake.take(place) {
            Some((channel, hello)) => self.connect(now, channel, hello),
            None => Ok(()),
        }
    }

    /// Begins a session with a peer that is there now.
    fn connect(&mut self, now: Instant, channel: Channel, hello: Hello) -> Result<(), Rejection> {
        if !self.speaks_with(hello) {
            self.refused_version = Some(hello.version);
            self.handshake.forget(channel.theirs);
            return Err(Rejection::VersionTooFar);
        }
        let (version, datagram_bytes) = (self.settings.version, self.settings.datagram_bytes);
        self.session = Some(Session::new(channel, hello, now, version, datagram_bytes));
        self.sessions += 1;
        self.refused_version = None;
        self.handshake.end_search();
        self.receiver.restart();
        if self.state == UnitState::Standby {
            self.comparing.restart();
        }
        self.counts.restart(now);
        if self.is_telling {
            self.sender.stop();
            self.telling.stop();
            self.is_telling = false;
        }
        self.follow_states(now);
        Ok(())
    }

    fn handle(&mut self, now: Instant, header: &Header, body: &[u8]) -> Result<(), Rejection> {
        match header.kind {
            Kind::Hello => Ok(()),
            Kind::Status => self.take_status(now, header.counter, body),
            Kind::Batch => self.take_batch(now, header.version, body),
            Kind::Acknowledgement => self.take_acknowledgement(now, header.counter, body),
            Kind::Request => self.take_request(now, body),
            Kind::Counts => self.counts.receive(body).then_some(()).ok_or(Rejection::MalformedBody),
        }
    }

    fn take_status(&mut self, now: Instant, counter: u64, body: &[u8]) -> Result<(), Rejection> {
        let status = StatusMessage::read(body).ok_or(Rejection::MalformedBody)?;
        let Some(session) = self.session.as_mut().filter(|session| session.newest_status < counter) else {
            return Ok(());
        };
        session.newest_status = counter;
        session.peer_state = status.state;
        session.peer = PeerStatus {
            is_synchronized: status.is_synchronized,
            observes: status.observes,
            agreement: Agreement {
                compared: usize::from(status.compared),
                differing: usize::from(status.differing),
            },
            lag_updates: status.lag_updates,
            lag: Duration::from_millis(status.lag_ms.into()),
        };
        self.follow_states(now);
        Ok(())
    }

    fn take_batch(&mut self, now: Instant, version: u8, body: &[u8]) -> Result<(), Rejection> {
        if self.state == UnitState::Active {
            return Err(Rejection::StreamWhileActive);
        }
        let (frame, items) = BatchFrame::read(body).ok_or(Rejection::MalformedBody)?;
        self.receiver.accept(now, frame, version, items)
    }

    fn take_acknowledgement(&mut self, now: Instant, counter: u64, body: &[u8]) -> Result<(), Rejection> {
        self.acknowledgement.read(body).ok_or(Rejection::MalformedBody)?;
        let Some(session) = self.session.as_mut().filter(|session| session.newest_acknowledgement < counter)
        else {
            return Ok(());
        };
        session.newest_acknowledgement = counter;
        if !self.is_telling {
            return Ok(());
        }
        self.sender.acknowledge(now, &self.acknowledgement).then_some(()).ok_or(Rejection::MalformedBody)
    }

    fn take_request(&mut self, now: Instant, body: &[u8]) -> Result<(), Rejection> {
        let request = Request::read(body).ok_or(Rejection::MalformedBody)?;
        if self.is_telling {
            let update = self.telling.begin_pass(request, &mut self.orders);
            self.push(now, update);
        }
        Ok(())
    }
}
