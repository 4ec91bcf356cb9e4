//! The active unit's end of the stream: writes updates into batches, and keeps those until they are acknowledged.
//!
//! It never blocks and never grows: what the standby does not take in time falls out of the history, and is found by
//! the digests.

use std::collections::VecDeque;
use std::time::Duration;

use model::{Instant, Update};

use crate::wire::{Acknowledgement, Batch, BatchFrame, Written};

/// Batches that may be sent before the first acknowledgement.
const FIRST_WINDOW: u64 = 64;

/// The least time before a batch is sent once more.
const LEAST_PATIENCE: Duration = Duration::from_millis(1);

/// The least and the greatest time without an answer after which the last batch is sent again, to provoke one.
const LEAST_PROBE: Duration = Duration::from_millis(4);
const MOST_PROBE: Duration = Duration::from_millis(200);

/// Doublings of the time between two probes.
const MOST_BACKOFF: u32 = 6;

/// A batch in the history.
#[derive(Default)]
struct Slot {
    batch: Batch,
    /// When its first update came.
    since: Instant,
    sent: Instant,
    sent_again: bool,
    is_queued: bool,
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderCounters {
    /// Updates taken into the stream.
    pub updates: u64,
    /// Batches sent for the first time.
    pub batches: u64,
    /// Batches sent once more, because they were reported missing.
    pub retransmissions: u64,
    /// Batches sent once more to provoke an acknowledgement.
    pub probes: u64,
    /// Batches that fell out of the history before they were acknowledged.
    pub forgotten: u64,
    /// Updates that the version that both units speak has no words for.
    pub untellable: u64,
}

/// The stream from the active unit.
pub(crate) struct Sender {
    slots: Box<[Slot]>,
    batch: Batch,
    batch_since: Option<Instant>,
    flush: Duration,
    version: u8,
    /// Bytes of items in a batch.
    room: usize,
    /// Batches from here on are not acknowledged, and kept.
    oldest: u64,
    /// Batches from here on were not sent yet.
    unsent: u64,
    /// The batch that is being written.
    next: u64,
    /// The standby has room for batches before this one.
    limit: u64,
    /// Updates in batches from `oldest` to `next`.
    pending: u64,
    again: VecDeque<u64>,
    round_trip: Option<Duration>,
    probe_at: Option<Instant>,
    backoff: u32,
    counters: SenderCounters,
}

impl Sender {
    pub(crate) fn new(history_batches: usize, flush: Duration) -> Self {
        Self {
            slots: (0..history_batches).map(|_| Slot::default()).collect(),
            batch: Batch::default(),
            batch_since: None,
            flush,
            version: 0,
            room: 0,
            oldest: 0,
            unsent: 0,
            next: 0,
            limit: 0,
            pending: 0,
            again: VecDeque::new(),
            round_trip: None,
            probe_at: None,
            backoff: 0,
            counters: SenderCounters::default(),
        }
    }

    /// Begins a stream, in batches of at most `room` bytes. Batches of an earlier one are not sent any more, and their
    /// numbers not used again.
    pub(crate) fn start(&mut self, version: u8, room: usize) {
        (self.version, self.room) = (version, room);
        self.stop();
        self.limit = self.next + FIRST_WINDOW.min(self.slots.len() as u64);
        (self.round_trip, self.backoff) = (None, 0);
    }

    /// Ends the stream.
    pub(crate) fn stop(&mut self) {
        self.batch.clear();
        self.batch_since = None;
        (self.oldest, self.unsent, self.limit) = (self.next, self.next, self.next);
        self.pending = 0;
        self.again.clear();
        self.slots.iter_mut().for_each(|slot| slot.is_queued = false);
        self.probe_at = None;
    }

    /// Puts an update into the stream.
    pub(crate) fn push(&mut self, now: Instant, update: &Update) {
        let mut written = self.batch.write(update, self.version, self.room);
        if written == Written::Full {
            self.close(now);
            written = self.batch.write(update, self.version, self.room);
        }
        if written != Written::Yes {
            self.counters.untellable += 1;
            return;
        }
        self.counters.updates += 1;
        if self.batch_since.is_none() {
            self.batch_since = Some(now);
        }
        // A round of digests is one event.
        if self.flush.is_zero() && !matches!(update, Update::Digest { .. }) {
            self.close(now);
        }
    }

    /// Does what is due at `now`.
    pub(crate) fn advance(&mut self, now: Instant) {
        if self.batch_since.is_some_and(|since| since + self.flush <= now) {
            self.close(now);
        }
    }

    /// When something is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let flush = self.batch_since.map(|since| since + self.flush);
        [flush, self.probe_at].into_iter().flatten().min()
    }

    /// Puts the batch that is being written into the history.
    fn close(&mut self, now: Instant) {
        if self.batch.items.is_empty() {
            return;
        }
        if self.next - self.oldest == self.slots.len() as u64 {
            self.forget_oldest();
        }
        let since = self.batch_since.take().unwrap_or(now);
        self.pending += u64::from(self.batch.updates);
        let sequence = self.next;
        let batch = std::mem::take(&mut self.batch);
        let slot = self.slot(sequence);
        self.batch = std::mem::replace(slot, Slot { batch, since, ..Slot::default() }).batch;
        self.batch.clear();
        self.next += 1;
        self.probe_at.get_or_insert(now + LEAST_PROBE);
    }

    fn forget_oldest(&mut self) {
        self.counters.forgotten += 1;
        self.release_before(self.oldest + 1);
    }

    /// Drops batches before `end` from the history.
    fn release_before(&mut self, end: u64) {
        while self.oldest < end.min(self.next) {
            self.pending -= u64::from(self.slot(self.oldest).batch.updates);
            self.oldest += 1;
        }
        self.unsent = self.unsent.max(self.oldest);
    }

    fn slot(&mut self, sequence: u64) -> &mut Slot {
        let place = place(sequence, self.slots.len());
        &mut self.slots[place]
    }

    /// Takes what the standby says about the stream. Returns false if it makes no sense.
    pub(crate) fn acknowledge(&mut self, now: Instant, acknowledgement: &Acknowledgement) -> bool {
        let Acknowledgement { expected, end, window, ref gaps } = *acknowledgement;
        if end > self.unsent {
            return false;
        }
        if (self.oldest + 1..=self.unsent).contains(&end) {
            self.measure_round_trip(now, end - 1);
        }
        let limit = expected + u64::from(window);
        if expected > self.oldest || limit > self.limit {
            self.backoff = 0;
        }
        self.release_before(expected);
        self.limit = limit;
        self.queue_gaps(now, gaps);
        self.arm_probe(now);
        true
    }

    fn measure_round_trip(&mut self, now: Instant, sequence: u64) {
        let slot = self.slot(sequence);
        if slot.sent_again {
            return;
        }
        let sample = now.since(slot.sent);
        self.round_trip = Some(match self.round_trip {
            Some(round_trip) => (round_trip * 7 + sample) / 8,
            None => sample,
        });
    }

    fn queue_gaps(&mut self, now: Instant, gaps: &[(u64, u32)]) {
        let patience = (self.round_trip.unwrap_or_default() / 2).max(LEAST_PATIENCE);
        for &(first, count) in gaps {
            let end = first.saturating_add(u64::from(count)).min(self.unsent);
            for sequence in first.max(self.oldest)..end {
                let slot = self.slot(sequence);
                if !slot.is_queued && slot.sent + patience <= now {
                    slot.is_queued = true;
                    self.again.push_back(sequence);
                }
            }
        }
    }

    /// Waits anew for an answer, if there is anything that wants one.
    fn arm_probe(&mut self, now: Instant) {
        let patience = (self.round_trip.unwrap_or_default() * 3).clamp(LEAST_PROBE, MOST_PROBE);
        let patience = (patience * (1 << self.backoff)).min(MOST_PROBE);
        self.probe_at = (self.oldest < self.next).then(|| now + patience);
    }

    /// The next batch to send, and whether it is sent once more.
    pub(crate) fn next_batch(&mut self, now: Instant) -> Option<(u64, bool)> {
        while let Some(sequence) = self.again.pop_front() {
            self.slot(sequence).is_queued = false;
            if sequence >= self.oldest {
                self.counters.retransmissions += 1;
                return Some((self.mark_sent(now, sequence, true), true));
            }
        }
        if self.unsent < self.next.min(self.limit) {
            return Some((self.first_transmission(now), false));
        }
        let is_due = self.probe_at.is_some_and(|at| at <= now) && self.oldest < self.next;
        is_due.then(|| self.probe(now))
    }

    fn first_transmission(&mut self, now: Instant) -> u64 {
        let sequence = self.unsent;
        self.unsent += 1;
        self.counters.batches += 1;
        self.mark_sent(now, sequence, false)
    }

    /// The last batch that was sent; if none is left of those, the first that was not, room for it or not.
    fn probe(&mut self, now: Instant) -> (u64, bool) {
        self.backoff = (self.backoff + 1).min(MOST_BACKOFF);
        self.arm_probe(now);
        if self.unsent == self.oldest {
            return (self.first_transmission(now), false);
        }
        self.counters.probes += 1;
        (self.mark_sent(now, self.unsent - 1, true), true)
    }

    fn mark_sent(&mut self, now: Instant, sequence: u64, again: bool) -> u64 {
        let slot = self.slot(sequence);
        slot.sent = now;
        slot.sent_again |= again;
        sequence
    }

    /// Appends batch `sequence` to a datagram.
    pub(crate) fn write(&self, sequence: u64, body: &mut Vec<u8>) {
        BatchFrame { sequence, oldest: self.oldest.min(sequence) }.write(body);
        body.extend_from_slice(&self.slots[place(sequence, self.slots.len())].batch.items);
    }

    /// Updates that are not acknowledged.
    pub(crate) fn lag_updates(&self) -> u64 {
        self.pending + u64::from(self.batch.updates)
    }

    /// The age of the oldest update that is not acknowledged.
    pub(crate) fn lag(&self, now: Instant) -> Duration {
        let oldest = &self.slots[place(self.oldest, self.slots.len())];
        let since = if self.oldest < self.next { Some(oldest.since) } else { self.batch_since };
        since.map_or(Duration::ZERO, |since| now.since(since))
    }

    /// Batches that may be on their way, in all: a part of what the standby and the history have room for.
    pub(crate) fn walk_room(&self) -> u64 {
        let window = self.limit.saturating_sub(self.oldest);
        (window.min(self.slots.len() as u64) / 4).saturating_sub(self.next - self.oldest)
    }

    /// Smoothed time until an acknowledgement.
    pub(crate) const fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    pub(crate) const fn counters(&self) -> SenderCounters {
        self.counters
    }

    pub(crate) const fn room(&self) -> usize {
        self.room
    }
}

fn place(sequence: u64, slots: usize) -> usize {
    usize::try_from(sequence % slots as u64).unwrap_or(0)
}
