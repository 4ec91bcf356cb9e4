//! The standby's part: compares digests, and asks for the ranges that differ.

use std::time::Duration;

use model::limits::DIGEST_RANGES;
use model::{Instant, RangeSet};

use crate::path_set::PathSet;
use crate::wire::Request;

/// Between two repetitions of a request, at first and at most.
const FIRST_PATIENCE: Duration = Duration::from_millis(10);
const MOST_PATIENCE: Duration = Duration::from_millis(500);

/// What is waited, doubled for each pass that did not help, before the next is asked for: up to 12.8 s.
const VAIN_DELAY: Duration = Duration::from_millis(50);
const MOST_IN_VAIN: u32 = 8;

/// How the last complete round of digests came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Ranges that were compared.
    pub compared: usize,
    /// Ranges that differed.
    pub differing: usize,
}

/// Rounds that go by unseen before the answers to an earlier one are given up: shards that change their state say nothing.
const MOST_SKIPPED: u32 = 3;

/// What happens to the round that the stream is telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    /// It tells none.
    BetweenRounds,
    /// Its digests are being handed to the shards.
    Taken,
    /// It is not looked at: answers to an earlier one are awaited.
    Skipped,
}

struct Wanted {
    request: Request,
    next: Instant,
    patience: Duration,
    due: PathSet,
}

/// What the standby knows about its agreement with the active unit.
pub(crate) struct Comparing {
    /// It learns of connections by watching. What is on its way there is at no place of the stream, so a range may differ
    /// for a moment: only one that differs in two rounds, one after the other, counts.
    observes: bool,
    stream: Stream,
    /// The last round that was taken, by a number of our own.
    round: u32,
    /// By worker, the last round that it has compared.
    compared_by: Vec<u32>,
    /// The shards have all digests of `round`, and some have not answered yet.
    is_awaited: bool,
    /// Rounds that were skipped for that.
    skipped: u32,
    /// Something was lost since the round began.
    is_tainted: bool,
    compared: usize,
    differing: RangeSet,
    /// The ranges that differed in the round before, if nothing was lost in it or since.
    before: Option<RangeSet>,
    agreement: Option<Agreement>,
    agreed_at: Option<Instant>,
    is_synchronized: bool,
    wanted: Option<Wanted>,
    /// Requests made.
    requests: u32,
    /// Ranges that were asked for last, and whether they have been told since.
    asked: usize,
    is_told: bool,
    /// Passes one after the other that left as much to ask for as there was.
    in_vain: u32,
}

impl Comparing {
    pub(crate) fn new(workers: usize, observes: bool) -> Self {
        Self {
            observes,
            stream: Stream::BetweenRounds,
            round: 0,
            compared_by: vec![0; workers],
            is_awaited: false,
            skipped: 0,
            is_tainted: false,
            compared: 0,
            differing: RangeSet::EMPTY,
            before: None,
            agreement: None,
            agreed_at: None,
            is_synchronized: false,
            wanted: None,
            requests: 0,
            asked: 0,
            is_told: false,
            in_vain: 0,
        }
    }

    /// Begins anew: nothing is known about a new session's stream.
    pub(crate) fn restart(&mut self) {
        (self.stream, self.is_awaited) = (Stream::BetweenRounds, false);
        self.is_synchronized = false;
        // The numbers of requests go on: the peer may not have noticed.
        (self.agreement, self.wanted, self.before) = (None, None, None);
        (self.is_told, self.in_vain) = (false, 0);
    }

    /// Something of the stream was lost.
    pub(crate) fn lose(&mut self) {
        self.is_tainted = true;
        self.before = None;
        self.is_synchronized = false;
    }

    /// Whether a digest of the stream is to be handed out.
    pub(crate) const fn takes_digest(&mut self) -> bool {
        if matches!(self.stream, Stream::BetweenRounds) {
            if self.is_awaited {
                self.stream = Stream::Skipped;
            } else {
                self.begin_round();
            }
        }
        matches!(self.stream, Stream::Taken)
    }

    const fn begin_round(&mut self) {
        self.stream = Stream::Taken;
        self.round = self.round.wrapping_add(1);
        self.is_tainted = false;
        (self.compared, self.differing) = (0, RangeSet::EMPTY);
    }

    /// The stream has told a round. Returns the round that the shards have to conclude, if this one was for them.
    pub(crate) const fn take_end_of_round(&mut self) -> Option<u32> {
        let stream = self.stream;
        self.stream = Stream::BetweenRounds;
        match stream {
            Stream::Taken => {
                (self.is_awaited, self.skipped) = (true, 0);
                Some(self.round)
            }
            Stream::Skipped => {
                self.skipped += 1;
                self.is_awaited &= self.skipped < MOST_SKIPPED;
                None
            }
            Stream::BetweenRounds => None,
        }
    }

    /// A pass has begun, or has ended: what was asked for is being, or has been told.
    pub(crate) fn stop_asking(&mut self) {
        (self.wanted, self.before) = (None, None);
        self.is_told = true;
    }

    /// A shard compared a digest with its own.
    pub(crate) fn compare(&mut self, range: u16, agrees: bool) {
        self.compared += 1;
        if !agrees {
            self.differing.set(range, true);
        }
    }

    /// A shard compared all digests of `round`. Asks for what differs when it was the last, and no pass is open.
    pub(crate) fn end_comparing(&mut self, now: Instant, worker: usize, round: u32, pass_is_open: bool) {
        let Some(compared) = self.compared_by.get_mut(worker) else { return };
        *compared = round;
        if self.is_awaited && self.compared_by.iter().all(|&compared| compared == self.round) {
            self.is_awaited = false;
            self.conclude(now, pass_is_open);
        }
    }

    fn conclude(&mut self, now: Instant, pass_is_open: bool) {
        // Answers to a round that was given up have been counted among them: the next one will tell.
        if self.compared > DIGEST_RANGES {
            return;
        }
        let agreement = Agreement { compared: self.compared, differing: self.differing.len() };
        self.agreement = Some(agreement);
        let is_whole = agreement.compared == DIGEST_RANGES && !self.is_tainted;
        match self.missing(is_whole) {
            Some(missing) if missing.is_empty() => {
                if is_whole {
                    self.is_synchronized = true;
                    self.agreed_at = Some(now);
                    self.wanted = None;
                    (self.is_told, self.in_vain) = (false, 0);
                }
            }
            missing => {
                self.is_synchronized = false;
                if let Some(ranges) = missing.filter(|_| !pass_is_open) {
                    self.ask(now, ranges);
                }
            }
        }
    }

    /// The ranges that something is missing in, or too much. `None` if the next round will tell.
    fn missing(&mut self, is_whole: bool) -> Option<RangeSet> {
        let differing = self.differing.clone();
        if !self.observes {
            return Some(differing);
        }
        let before = std::mem::replace(&mut self.before, is_whole.then(|| differing.clone()));
        if differing.is_empty() {
            return Some(differing);
        }
        Some(differing.common(&before?))
    }

    /// Asks for ranges: at once, but where passes do not help (for there is no room here, say), less and less often.
    fn ask(&mut self, now: Instant, ranges: RangeSet) {
        if std::mem::take(&mut self.is_told) {
            self.in_vain = if ranges.len() < self.asked { 0 } else { (self.in_vain + 1).min(MOST_IN_VAIN) };
        }
        self.asked = ranges.len();
        let delay = if self.in_vain == 0 { Duration::ZERO } else { VAIN_DELAY * (1 << self.in_vain) };
        // What is asked for already stays due when it was.
        let next = self.wanted.take().map_or(now + delay, |wanted| wanted.next);
        self.requests += 1;
        let request = Request { number: self.requests, ranges };
        let due = PathSet::default();
        self.wanted = Some(Wanted { request, next, patience: FIRST_PATIENCE, due });
    }

    /// Does what is due at `now`.
    pub(crate) fn advance(&mut self, now: Instant, paths: usize) {
        if let Some(wanted) = self.wanted.as_mut().filter(|wanted| wanted.next <= now) {
            wanted.due = PathSet::first(paths);
            wanted.next = now + wanted.patience;
            wanted.patience = (wanted.patience * 2).min(MOST_PATIENCE);
        }
    }

    /// When something is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.wanted.as_ref().map(|wanted| wanted.next)
    }

    /// A request that is due, and the path that it is for.
    pub(crate) fn due_request(&mut self) -> Option<(usize, &Request)> {
        let wanted = self.wanted.as_mut()?;
        Some((wanted.due.take()?, &wanted.request))
    }

    /// Whether nothing was lost since a round in which all ranges agreed; of one that watches, since one in which none
    /// differed that had differed in the round before.
    pub(crate) const fn is_synchronized(&self) -> bool {
        self.is_synchronized
    }

    pub(crate) const fn agreement(&self) -> Option<Agreement> {
        self.agreement
    }

    pub(crate) const fn agreed_at(&self) -> Option<Instant> {
        self.agreed_at
    }
}
