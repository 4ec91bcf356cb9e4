//! One unit's end of replication: what its owner talks to.
//!
//! Whenever something came in, or the deadline has passed: call `poll_transmit` until it has nothing, then `poll_order`
//! until it has nothing.

mod incoming;
mod outgoing;
mod session;

use std::collections::VecDeque;
use std::time::Duration;

use model::{ConnectionRecord, Instant, Phase, ServerName, ShardOrder, ShardReport, UnitState, Update};

use crate::counts::Counts;
use crate::handshake::Handshake;
use crate::path_set::PathSet;
use crate::receiver::{Received, Receiver};
use crate::rejection::Rejections;
use crate::sender::Sender;
use crate::settings::Settings;
use crate::status::{Link, PathStatus, Status};
use crate::synchronization::{Comparing, Telling};
use crate::wire::{Acknowledgement, FRAME_BYTES, HEADER_BYTES, TAG_BYTES};
use session::Session;

pub use outgoing::Transmit;

/// Bytes of the longest record that is common; only a guess of how many connections fit into a batch hangs on it.
const RECORD_BYTES: u64 = 26;

/// The least time that an agreement is good for without another.
const AGREEMENT_PATIENCE: Duration = Duration::from_secs(10);

/// Replication between this unit and its peer.
pub struct Replicator {
    settings: Settings,
    state: UnitState,
    handshake: Handshake,
    session: Option<Session>,
    sessions: u64,
    /// The version of a peer that was refused for it.
    refused_version: Option<u8>,
    sender: Sender,
    telling: Telling,
    /// The standby is being told what happens here.
    is_telling: bool,
    receiver: Receiver,
    comparing: Comparing,
    counts: Counts,
    orders: VecDeque<ShardOrder>,
    rejected: Rejections,
    paths: Vec<PathStatus>,
    /// The path that the next retransmission takes.
    next_path: usize,
    /// Kept for its memory.
    acknowledgement: Acknowledgement,
    acknowledgement_due: PathSet,
}

impl Replicator {
    /// A unit that looks for its peer from `now` on. `random` must be fit for cryptography.
    pub fn new(
        settings: Settings,
        state: UnitState,
        random: impl FnMut() -> u64 + Send + 'static,
        now: Instant,
    ) -> Self {
        let settings = settings.bounded();
        let mut handshake = Handshake::new(settings.pair_key.clone(), Box::new(random));
        handshake.search(now);
        Self {
            state,
            handshake,
            session: None,
            sessions: 0,
            refused_version: None,
            sender: Sender::new(settings.history_batches, settings.flush),
            telling: Telling::new(settings.workers, settings.digest_interval),
            is_telling: false,
            receiver: Receiver::new(settings.reorder_batches, settings.acknowledge_delay),
            comparing: Comparing::new(settings.workers, settings.observes),
            counts: Counts::default(),
            orders: VecDeque::new(),
            rejected: Rejections::default(),
            paths: vec![PathStatus::default(); settings.paths],
            next_path: 0,
            acknowledgement: Acknowledgement::default(),
            acknowledgement_due: PathSet::default(),
            settings,
        }
    }

    /// This unit forwards from now on, or stands by. One that becomes active hands out all that has arrived, gaps or not:
    /// carry out the orders that it has before anything else.
    pub fn set_state(&mut self, now: Instant, state: UnitState) {
        if state == self.state {
            return;
        }
        self.state = state;
        if state == UnitState::Active {
            self.receiver.release();
        }
        // A new session, so that nothing of before can be taken for what is told from now on.
        self.end_session(now);
    }

    fn end_session(&mut self, now: Instant) {
        self.session = None;
        self.comparing.restart();
        self.follow_states(now);
        self.handshake.search(now);
    }

    /// Whether the workers need to report what happens: a standby listens.
    pub const fn wants_updates(&self) -> bool {
        self.is_telling
    }

    /// Takes what a worker's shard said. Reports of one worker come in the order in which it made them.
    pub fn report(&mut self, now: Instant, worker: usize, report: ShardReport) {
        match report {
            ShardReport::Update(update) if self.is_telling => {
                match &update {
                    Update::Create(record) if self.is_seen_by_peer(record) => return,
                    Update::Create(_) | Update::Sticky(_) | Update::Health(_) => {
                        self.telling.note_told(worker);
                    }
                    _ => {}
                }
                self.sender.push(now, &update);
            }
            ShardReport::Update(_) => {}
            ShardReport::DigestsTold { round } => {
                if let Some(update) = self.telling.end_digests(now, worker, round) {
                    self.push(now, Some(update));
                    self.telling.tell_the_rest(self.sender.counters().forgotten, &mut self.orders);
                }
            }
            ShardReport::Walked { pass } => {
                let update = self.telling.end_walk(now, worker, pass);
                self.push(now, update);
            }
            ShardReport::Compared { range, agrees } => self.comparing.compare(range, agrees),
            ShardReport::RoundCompared { round } => {
                let was_synchronized = self.comparing.is_synchronized();
                self.comparing.end_comparing(now, worker, round, self.receiver.pass().is_some());
                if self.comparing.is_synchronized() != was_synchronized
                    && let Some(session) = &mut self.session
                {
                    session.tell_status(now);
                }
            }
        }
    }

    /// Whether the standby learns of a connection by watching: it needs not be told. During a pass it is, as what it is not
    /// told of then goes.
    fn is_seen_by_peer(&self, record: &ConnectionRecord) -> bool {
        let ConnectionRecord { ends, phase, buddy, .. } = record;
        let observes = self.session.as_ref().is_some_and(|session| session.peer.observes);
        let is_plain = *phase == Phase::Open && buddy.is_none() && ends.translated_port == ends.client.port;
        observes && is_plain && !self.telling.has_pass()
    }

    fn push(&mut self, now: Instant, update: Option<Update>) {
        if let Some(update) = update.filter(|_| self.is_telling) {
            self.sender.push(now, &update);
        }
    }

    /// The next order for the shards. As long as it is not called, the peer is not told that its batches arrived beyond
    /// what there is room for.
    pub fn poll_order(&mut self) -> Option<ShardOrder> {
        while let Some(received) = self.receiver.next_received(&mut self.rejected) {
            match received {
                Received::Update(update) => {
                    if let Some(order) = self.order_of(update) {
                        return Some(order);
                    }
                }
                Received::Gap => self.comparing.lose(),
            }
        }
        self.orders.pop_front()
    }

    /// What an update of the stream is to the shards, if it is anything.
    fn order_of(&mut self, update: Update) -> Option<ShardOrder> {
        let stands_by = self.state == UnitState::Standby;
        match update {
            Update::Create(_) | Update::Delete(_) | Update::Sticky(_) | Update::Health(_) => {}
            Update::Digest { .. } if stands_by && self.comparing.takes_digest() => {}
            Update::Digest { .. } => return None,
            Update::DigestsTold => {
                let round = stands_by.then(|| self.comparing.take_end_of_round())??;
                return Some(ShardOrder::ConcludeRound { round });
            }
            Update::PassBegins { .. } | Update::PassEnds { .. } => self.comparing.stop_asking(),
        }
        Some(ShardOrder::Apply(update))
    }

    /// When [`Replicator::poll_transmit`] has to be called even if nothing came in.
    pub fn deadline(&self) -> Option<Instant> {
        let Some(session) = &self.session else { return self.handshake.deadline() };
        [
            self.handshake.deadline(),
            Some(session.deadline(self.settings.silence)),
            Some(self.counts.deadline()),
            self.sender.deadline(),
            self.receiver.deadline(),
            self.telling.deadline(),
            self.comparing.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Sets how many connections each virtual server has here, for the peer to know.
    pub fn set_counts(&mut self, counts: &[(ServerName, u64)]) {
        self.counts.set(counts);
    }

    /// How many connections each virtual server has at the peer.
    pub fn peer_counts(&self) -> &[(ServerName, u64)] {
        self.counts.peers()
    }

    /// All that there is to know.
    pub fn status(&self, now: Instant) -> Status {
        let peer = self.session.as_ref().map(|session| session.peer).unwrap_or_default();
        let peer_state = self.session.as_ref().map(|session| session.peer_state);
        Status {
            state: self.state,
            link: self.link(),
            both_active: self.state == UnitState::Active && peer_state == Some(UnitState::Active),
            is_synchronized: self.is_synchronized(now),
            peer,
            lag_updates: self.sender.lag_updates(),
            lag: self.sender.lag(now),
            round_trip: self.sender.round_trip(),
            sent: self.sender.counters(),
            received: self.receiver.counters(),
            rejected: self.rejected,
            agreement: self.comparing.agreement(),
            agreed_at: self.comparing.agreed_at(),
            pass: self.telling.progress(),
            sessions: self.sessions,
            paths: self.paths.clone(),
        }
    }

    /// Whether the standby has all connections of the active unit, as both found: by digests, lately.
    pub fn is_synchronized(&self, now: Instant) -> bool {
        match self.state {
            UnitState::Standby => self.comparing.is_synchronized() && self.has_agreed_of_late(now),
            UnitState::Active => {
                self.is_telling && self.session.as_ref().is_some_and(|session| session.peer.is_synchronized)
            }
        }
    }

    /// A unit whose peer has stopped comparing knows nothing any more.
    fn has_agreed_of_late(&self, now: Instant) -> bool {
        let patience = (self.settings.digest_interval * 10).max(AGREEMENT_PATIENCE);
        self.comparing.agreed_at().is_some_and(|agreed| now.since(agreed) < patience)
    }

    fn link(&self) -> Link {
        match (&self.session, self.refused_version) {
            (Some(session), _) => {
                Link::Connected { version: session.version, since: session.since, peer: session.peer_state }
            }
            (None, Some(version)) => Link::Incompatible { version },
            (None, None) => Link::Searching,
        }
    }

    /// Begins or ends the stream, as both units' states have it.
    fn follow_states(&mut self, now: Instant) {
        let standby = self.session.as_ref().filter(|session| session.peer_state == UnitState::Standby);
        let stream = standby.filter(|_| self.state == UnitState::Active);
        let stream = stream.map(|session| (session.version, session.datagram_bytes));
        match stream {
            Some((version, datagram_bytes)) if !self.is_telling => {
                self.sender.start(version, datagram_bytes - HEADER_BYTES - FRAME_BYTES - TAG_BYTES);
                self.telling.start(now);
            }
            None if self.is_telling => {
                self.sender.stop();
                self.telling.stop();
                // A walk for nobody would only cost time.
                self.orders.clear();
            }
            _ => {}
        }
        self.is_telling = stream.is_some();
    }

    /// Grants walks what there is room for.
    fn grant(&mut self) {
        if self.is_telling {
            // Without time to wait for company each record is a batch of its own.
            let is_alone = self.settings.flush.is_zero();
            let per_batch = if is_alone { 1 } else { self.sender.room() as u64 / RECORD_BYTES };
            self.telling.grant(self.sender.walk_room() * per_batch, &mut self.orders);
        }
    }
}
