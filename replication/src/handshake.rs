//! How two units find each other, without trust in recordings.
//!
//! A hello to nobody is only a hint that somebody with the pair key was there once: it makes us choose a fresh ID and
//! answer. Whoever then seals something under a key that includes our fresh ID is there now.

use std::time::Duration;

use model::Instant;

use crate::path_set::PathSet;
use crate::rejection::Rejection;
use crate::seal::{Channel, OpeningKey, SealingKey};
use crate::settings::PairKey;
use crate::wire::{Header, Hello, Kind};

/// Attempts at a time. The oldest gives way.
const MOST_ATTEMPTS: usize = 16;

/// An attempt that nothing came of is forgotten after this.
const ATTEMPT_LIFE: Duration = Duration::from_secs(5);

/// How long a session may be silent while an attempt is not: more than one status takes.
const RUNNING_PATIENCE: Duration = Duration::from_millis(500);

/// Hellos that are looked at within [`ALLOWANCE_INTERVAL`]: each costs the derivation of a key.
const ALLOWANCE: u32 = 64;
const ALLOWANCE_INTERVAL: Duration = Duration::from_millis(100);

/// An answer of ours to a hello, of which we do not know yet whether it is of now.
pub(crate) struct Attempt {
    pub(crate) channel: Channel,
    pub(crate) hello: Hello,
    made: Instant,
    /// When it first proved to be of now, while there was a session that seemed to live.
    proven: Option<Instant>,
    answer_due: PathSet,
}

/// A search of ours, under an ID that nobody else can have sent anything for before.
struct Search {
    id: u64,
    sealing: SealingKey,
    next_hello: Instant,
    hello_due: PathSet,
}

/// All attempts to find the peer, ours and its.
pub(crate) struct Handshake {
    pair_key: PairKey,
    random: Box<dyn FnMut() -> u64 + Send>,
    search: Option<Search>,
    attempts: Vec<Attempt>,
    allowances: [u32; 2],
    allowance_until: Instant,
}

impl Handshake {
    pub(crate) fn new(pair_key: PairKey, random: Box<dyn FnMut() -> u64 + Send>) -> Self {
        let attempts = Vec::with_capacity(MOST_ATTEMPTS);
        Self { pair_key, random, search: None, attempts, allowances: [0; 2], allowance_until: Instant::START }
    }

    /// Looks for the peer under a fresh ID.
    pub(crate) fn search(&mut self, now: Instant) {
        let id = self.fresh_id();
        let sealing = SealingKey::new(&self.pair_key, id, 0);
        self.search = Some(Search { id, sealing, next_hello: now, hello_due: PathSet::default() });
    }

    /// Ends the search: a session has begun. Attempts of the peer's go on, it may have begun anew since.
    pub(crate) fn end_search(&mut self) {
        self.search = None;
    }

    /// Whether this ID is one of ours that is in use here.
    pub(crate) fn has_id(&self, id: u64) -> bool {
        self.is_searching_as(id) || self.attempts.iter().any(|attempt| attempt.channel.ours == id)
    }

    /// Whether a hello to this ID answers ours.
    pub(crate) fn is_searching_as(&self, id: u64) -> bool {
        self.search.as_ref().is_some_and(|search| search.id == id)
    }

    /// Does what is due at `now`.
    pub(crate) fn advance(&mut self, now: Instant, interval: Duration, paths: usize) {
        self.attempts.retain(|attempt| now.since(attempt.made) < ATTEMPT_LIFE);
        if let Some(search) = self.search.as_mut().filter(|search| search.next_hello <= now) {
            search.hello_due = PathSet::first(paths);
            search.next_hello = now + interval;
        }
    }

    /// When something is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.search.as_ref().map(|search| search.next_hello)
    }

    /// Takes a hello to nobody: a hint. Returns it if it is authentic.
    pub(crate) fn hint(
        &mut self,
        now: Instant,
        header: &Header,
        datagram: &mut [u8],
        paths: usize,
    ) -> Result<Hello, Rejection> {
        self.spend_allowance(now, true)?;
        let body = OpeningKey::new(&self.pair_key, header.sender, 0).open(header, datagram)?;
        let hello = Hello::read(body).ok_or(Rejection::MalformedBody)?;
        let known = self.attempts.iter_mut().find(|attempt| attempt.channel.theirs == header.sender);
        if let Some(attempt) = known {
            attempt.answer_due = PathSet::first(paths);
            return Ok(hello);
        }
        if self.attempts.len() == MOST_ATTEMPTS {
            self.attempts.remove(0);
        }
        let fresh = self.fresh_id();
        let channel = Channel::new(&self.pair_key, fresh, header.sender);
        let answer_due = PathSet::first(paths);
        self.attempts.push(Attempt { channel, hello, made: now, proven: None, answer_due });
        Ok(hello)
    }

    /// Forgets the attempt that a hello of an impossible peer made.
    pub(crate) fn forget(&mut self, theirs: u64) {
        self.attempts.retain(|attempt| attempt.channel.theirs != theirs);
    }

    /// Takes an answer to our search. If it is authentic, its sender is there now.
    pub(crate) fn answer(
        &mut self,
        now: Instant,
        header: &Header,
        datagram: &mut [u8],
    ) -> Result<(Channel, Hello), Rejection> {
        self.spend_allowance(now, false)?;
        let mut channel = Channel::new(&self.pair_key, header.receiver, header.sender);
        let body = channel.opening.open(header, datagram)?;
        let hello = Hello::read(body).ok_or(Rejection::MalformedBody)?;
        Ok((channel, hello))
    }

    /// Opens a datagram of one of the attempts: its sender is there now. Returns the attempt's place, and the body.
    pub(crate) fn open<'a>(
        &mut self,
        header: &Header,
        datagram: &'a mut [u8],
    ) -> Result<(usize, &'a [u8]), Rejection> {
        let found = self.attempts.iter_mut().enumerate().find(|(_, attempt)| attempt.channel.has(header));
        let (place, attempt) = found.ok_or(Rejection::UnknownSession)?;
        Ok((place, attempt.channel.opening.open(header, datagram)?))
    }

    /// Whether a proven attempt takes the place of the session `(ours, theirs)`, last heard at `heard`.
    ///
    /// Two units that say hello at once make two sessions, and both keep the same one: that with the greater sum of IDs.
    /// But if the session was not heard since the attempt was made, or for long since it proved to be of now, then the peer
    /// began anew.
    pub(crate) fn replaces(&mut self, now: Instant, place: usize, running: (u64, u64, Instant)) -> bool {
        let (ours, theirs, heard) = running;
        let Some(attempt) = self.attempts.get_mut(place) else { return false };
        let since = *attempt.proven.get_or_insert(now);
        let greater = attempt.channel.ours ^ attempt.channel.theirs > ours ^ theirs;
        let is_silent = heard < since && now.since(since) >= RUNNING_PATIENCE;
        heard < attempt.made || is_silent || greater
    }

    /// Takes an attempt out, to make it the session.
    pub(crate) fn take(&mut self, place: usize) -> Option<(Channel, Hello)> {
        let attempt = (place < self.attempts.len()).then(|| self.attempts.remove(place))?;
        Some((attempt.channel, attempt.hello))
    }

    /// Writes a hello or an answer that is due. Returns the path that it is for.
    pub(crate) fn transmit(&mut self, hello: Hello, datagram: &mut Vec<u8>) -> Option<usize> {
        for attempt in &mut self.attempts {
            if let Some(path) = attempt.answer_due.take() {
                seal_hello(&mut attempt.channel.sealing, hello, datagram);
                return Some(path);
            }
        }
        let search = self.search.as_mut()?;
        let path = search.hello_due.take()?;
        seal_hello(&mut search.sealing, hello, datagram);
        Some(path)
    }

    /// Hints and answers have allowances of their own: answers are to an ID that a stranger has to see first.
    fn spend_allowance(&mut self, now: Instant, is_hint: bool) -> Result<(), Rejection> {
        if self.allowance_until <= now {
            self.allowance_until = now + ALLOWANCE_INTERVAL;
            self.allowances = [ALLOWANCE; 2];
        }
        let allowance = &mut self.allowances[usize::from(is_hint)];
        *allowance = allowance.checked_sub(1).ok_or(Rejection::TooManyHellos)?;
        Ok(())
    }

    /// An ID that is not in use here; 0 stands for nobody. A source of randomness that is none must not be taken: there would be
    /// keys that were used before.
    fn fresh_id(&mut self) -> u64 {
        loop {
            let id = (self.random)();
            if id != 0 && !self.has_id(id) {
                return id;
            }
        }
    }
}

fn seal_hello(key: &mut SealingKey, hello: Hello, datagram: &mut Vec<u8>) {
    key.seal(hello.version, Kind::Hello, datagram, |body| hello.write(body));
}
