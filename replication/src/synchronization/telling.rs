//! The active unit's part: has the shards tell their digests, the connections of ranges that differ, and what digests do not
//! speak of.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use model::{Instant, RangeSet, ShardOrder, Update};

use crate::wire::Request;

/// The least connections that are granted at a time, to each worker.
const LEAST_GRANT: u32 = 16;

/// How long workers may take to tell a round: they need some milliseconds, but one that changes its state says nothing.
const ROUND_PATIENCE: Duration = Duration::from_secs(5);

/// How far a pass over differing ranges has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassProgress {
    /// Its number.
    pub pass: u8,
    /// Ranges that are told anew.
    pub ranges: usize,
    /// Workers that have told all of theirs, of how many.
    pub workers_done: usize,
    /// Workers in all.
    pub workers: usize,
    /// Connections told since it began, newly made ones among them, and sticky entries and states of servers.
    pub told: u64,
}

/// A worker's part of a pass.
#[derive(Clone, Copy, Default)]
struct Walk {
    told: u64,
    is_over: bool,
}

/// What all workers walk for: a pass, or, if it is over no ranges, what digests do not speak of. The stream has no words for
/// the beginning and the end of the latter.
struct Pass {
    number: u8,
    ranges: Arc<RangeSet>,
    /// Granted to each worker.
    granted: u64,
    walks: Vec<Walk>,
}

impl Pass {
    /// Whether the stream tells where it begins and ends.
    fn is_told(&self) -> bool {
        !self.ranges.is_empty()
    }
}

/// What the active unit has under way to bring its standby level.
pub(crate) struct Telling {
    interval: Duration,
    /// The last round of digests that was begun, and whether it is under way.
    round: u32,
    is_telling: bool,
    /// By worker, the last round that it told all of.
    told: Vec<u32>,
    next_round: Option<Instant>,
    /// When the round that is under way is given up.
    give_up_at: Instant,
    pass: Option<Pass>,
    last_pass: u8,
    last_request: u32,
    /// How many batches had been lost when a walk over no ranges began: it is due again when they are more.
    lost_before: Option<u64>,
}

impl Telling {
    pub(crate) fn new(workers: usize, interval: Duration) -> Self {
        Self {
            interval,
            round: 0,
            is_telling: false,
            told: vec![0; workers],
            next_round: None,
            give_up_at: Instant::START,
            pass: None,
            last_pass: 0,
            last_request: 0,
            lost_before: None,
        }
    }

    /// Begins with a new stream.
    pub(crate) fn start(&mut self, now: Instant) {
        self.stop();
        self.next_round = Some(now);
    }

    /// Ends with the stream.
    pub(crate) fn stop(&mut self) {
        self.is_telling = false;
        (self.next_round, self.pass, self.last_request) = (None, None, 0);
        self.lost_before = None;
    }

    /// Does what is due at `now`.
    pub(crate) fn advance(&mut self, now: Instant, orders: &mut VecDeque<ShardOrder>) {
        if self.is_telling && self.give_up_at <= now {
            (self.is_telling, self.next_round) = (false, Some(now));
        }
        let is_due = self.next_round.is_some_and(|at| at <= now);
        if is_due && self.pass.is_none() && !self.is_telling {
            self.next_round = None;
            self.is_telling = true;
            self.give_up_at = now + ROUND_PATIENCE;
            self.round = self.round.wrapping_add(1);
            orders.push_back(ShardOrder::TellDigests { round: self.round });
        }
    }

    /// When something is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.is_telling {
            true => Some(self.give_up_at),
            false => self.next_round.filter(|_| self.pass.is_none()),
        }
    }

    /// A worker told its digests. Returns what goes into the stream when it was the last. Those of a round that was begun
    /// for another stream prove nothing.
    pub(crate) fn end_digests(&mut self, now: Instant, worker: usize, round: u32) -> Option<Update> {
        *self.told.get_mut(worker)? = round;
        if !self.is_telling || self.told.iter().any(|&told| told != self.round) {
            return None;
        }
        self.is_telling = false;
        self.next_round = Some(now + self.interval);
        Some(Update::DigestsTold)
    }

    /// The standby wants ranges told anew. Returns what goes into the stream, before anything that is told for it.
    pub(crate) fn begin_pass(
        &mut self,
        request: Request,
        orders: &mut VecDeque<ShardOrder>,
    ) -> Option<Update> {
        if self.pass.is_some() || request.number <= self.last_request || request.ranges.is_empty() {
            return None;
        }
        self.last_request = request.number;
        Some(Update::PassBegins { pass: self.walk(request.ranges, orders) })
    }

    /// Has sticky entries and the states of servers told, once in a stream, and anew when batches were lost: `lost` in all. Between
    /// passes only, and not before the first round is over, which shows that the shards do what they are told.
    pub(crate) fn tell_the_rest(&mut self, lost: u64, orders: &mut VecDeque<ShardOrder>) {
        if self.pass.is_none() && !self.is_telling && self.lost_before != Some(lost) {
            self.lost_before = Some(lost);
            self.walk(RangeSet::EMPTY, orders);
        }
    }

    fn walk(&mut self, ranges: RangeSet, orders: &mut VecDeque<ShardOrder>) -> u8 {
        let (number, ranges) = (self.last_pass % u8::MAX + 1, Arc::new(ranges));
        self.last_pass = number;
        orders.push_back(ShardOrder::Walk { pass: number, ranges: Arc::clone(&ranges) });
        let walks = vec![Walk::default(); self.told.len()];
        self.pass = Some(Pass { number, ranges, granted: 0, walks });
        number
    }

    /// Whether a pass is under way that the standby knows of.
    pub(crate) fn has_pass(&self) -> bool {
        self.pass.as_ref().is_some_and(Pass::is_told)
    }

    /// A worker told something that takes a grant in a walk, be it for the walk or because it is new.
    pub(crate) fn note_told(&mut self, worker: usize) {
        if let Some(walk) = self.pass.as_mut().and_then(|pass| pass.walks.get_mut(worker)) {
            walk.told += 1;
        }
    }

    /// Grants the walks more, as there is room for `room` connections. Grants that are not used up yet count against it:
    /// each worker that walks on will use them.
    pub(crate) fn grant(&mut self, room: u64, orders: &mut VecDeque<ShardOrder>) {
        let Some(pass) = &mut self.pass else { return };
        let walking = pass.walks.iter().filter(|walk| !walk.is_over);
        let Some(unused) = walking.map(|walk| pass.granted.saturating_sub(walk.told)).max() else { return };
        let share = u32::try_from(room / 2 / pass.walks.len() as u64).unwrap_or(u32::MAX);
        if share < LEAST_GRANT || unused >= u64::from(share / 2) {
            return;
        }
        pass.granted += u64::from(share);
        orders.push_back(ShardOrder::Grant { connections: share });
    }

    /// A worker's walk is over. Returns what goes into the stream when it was the last.
    pub(crate) fn end_walk(&mut self, now: Instant, worker: usize, number: u8) -> Option<Update> {
        let pass = self.pass.as_mut().filter(|pass| pass.number == number)?;
        pass.walks.get_mut(worker)?.is_over = true;
        if pass.walks.iter().any(|walk| !walk.is_over) {
            return None;
        }
        let pass = self.pass.take().filter(Pass::is_told)?;
        self.next_round = Some(now);
        Some(Update::PassEnds { pass: number, ranges: pass.ranges })
    }

    /// How far the pass has come, if there is one.
    pub(crate) fn progress(&self) -> Option<PassProgress> {
        let pass = self.pass.as_ref().filter(|pass| pass.is_told())?;
        Some(PassProgress {
            pass: pass.number,
            ranges: pass.ranges.len(),
            workers_done: pass.walks.iter().filter(|walk| walk.is_over).count(),
            workers: pass.walks.len(),
            told: pass.walks.iter().map(|walk| walk.told).sum(),
        })
    }
}
