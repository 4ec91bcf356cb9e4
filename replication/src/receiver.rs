//! The standby's end of the stream: puts batches into order, and hands their updates out strictly in that order.
//!
//! That order is what makes duplicates, reordering and a create after its delete harmless. What is not handed out is
//! kept, within bounds, and what there is no room for is not acknowledged.

use std::time::Duration;

use model::{Instant, Update};

use crate::rejection::{Rejection, Rejections};
use crate::wire::{Acknowledgement, BatchFrame, Cursor, MOST_GAPS};

#[derive(Default)]
struct Slot {
    items: Vec<u8>,
    version: u8,
    is_filled: bool,
}

/// What was received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReceiverCounters {
    /// Updates handed out.
    pub updates: u64,
    /// Batches taken.
    pub batches: u64,
    /// Batches that had arrived before, or too late.
    pub duplicates: u64,
    /// Batches that never arrived, and were skipped.
    pub gaps_skipped: u64,
    /// Passes whose end was not handed out, because something was lost since they began.
    pub passes_spoilt: u64,
}

/// What the receiver hands out.
pub(crate) enum Received {
    Update(Update),
    /// Batches were skipped here.
    Gap,
}

/// The stream from the active unit.
pub(crate) struct Receiver {
    slots: Box<[Slot]>,
    is_started: bool,
    /// The next batch to hand out.
    next: u64,
    /// All batches before this one have arrived, or are given up.
    expected: u64,
    /// One past the last batch that arrived.
    end: u64,
    current: Slot,
    cursor: Cursor,
    pass: Option<u8>,
    acknowledge_at: Option<Instant>,
    delay: Duration,
    /// The window that was last told.
    window_told: u32,
    counters: ReceiverCounters,
}

impl Receiver {
    pub(crate) fn new(reorder_batches: usize, delay: Duration) -> Self {
        Self {
            slots: (0..reorder_batches).map(|_| Slot::default()).collect(),
            is_started: false,
            next: 0,
            expected: 0,
            end: 0,
            current: Slot::default(),
            cursor: Cursor::default(),
            pass: None,
            acknowledge_at: None,
            delay,
            window_told: 0,
            counters: ReceiverCounters::default(),
        }
    }

    /// Waits for a new stream; what is left of the old one is dropped when the new one begins.
    pub(crate) fn restart(&mut self) {
        self.is_started = false;
        self.acknowledge_at = None;
    }

    /// This unit listens no more: all that arrived is to be handed out, whatever is missing in between.
    pub(crate) fn release(&mut self) {
        self.expected = self.end;
        self.restart();
    }

    /// Takes a batch.
    pub(crate) fn accept(
        &mut self,
        now: Instant,
        frame: BatchFrame,
        version: u8,
        items: &[u8],
    ) -> Result<(), Rejection> {
        let BatchFrame { sequence, oldest } = frame;
        if !self.is_started {
            self.begin(oldest);
        }
        let is_gap = sequence > self.end;
        self.acknowledge_by(if is_gap { now } else { now + self.delay });
        if oldest > self.expected {
            self.expected = oldest;
            self.end = self.end.max(oldest);
        }
        if sequence >= self.next + self.slots.len() as u64 {
            // Once what is kept has been handed out, there is room; the sender asks again.
            self.advance_expected();
            return Err(Rejection::BeyondWindow);
        }
        self.store(sequence, version, items);
        self.advance_expected();
        Ok(())
    }

    fn begin(&mut self, oldest: u64) {
        self.slots.iter_mut().for_each(|slot| slot.is_filled = false);
        self.current.items.clear();
        self.cursor = Cursor::default();
        (self.next, self.expected, self.end) = (oldest, oldest, oldest);
        self.pass = None;
        self.is_started = true;
    }

    fn store(&mut self, sequence: u64, version: u8, items: &[u8]) {
        let place = self.place(sequence);
        if sequence < self.expected || self.slots[place].is_filled {
            self.counters.duplicates += 1;
            return;
        }
        let slot = &mut self.slots[place];
        slot.items.clear();
        slot.items.extend_from_slice(items);
        (slot.version, slot.is_filled) = (version, true);
        self.counters.batches += 1;
        self.end = self.end.max(sequence + 1);
    }

    fn advance_expected(&mut self) {
        while self.expected < self.end && self.is_filled(self.expected) {
            self.expected += 1;
        }
    }

    fn is_filled(&self, sequence: u64) -> bool {
        let is_within = (self.next..self.next + self.slots.len() as u64).contains(&sequence);
        is_within && self.slots[self.place(sequence)].is_filled
    }

    /// The next update in order.
    pub(crate) fn next_received(&mut self, rejected: &mut Rejections) -> Option<Received> {
        loop {
            while let Some(update) = self.cursor.next(&self.current.items, self.current.version, rejected) {
                self.counters.updates += 1;
                if self.follows_pass(&update) {
                    return Some(Received::Update(update));
                }
            }
            if self.next >= self.expected {
                return None;
            }
            if !self.is_filled(self.next) {
                self.skip_gap();
                return Some(Received::Gap);
            }
            self.take_next();
        }
    }

    fn take_next(&mut self) {
        let place = self.place(self.next);
        std::mem::swap(&mut self.slots[place], &mut self.current);
        self.slots[place].is_filled = false;
        self.cursor = Cursor::default();
        self.next += 1;
    }

    fn skip_gap(&mut self) {
        let first = self.next;
        let last = self.expected.min(first + self.slots.len() as u64);
        let end = (first..last).find(|&sequence| self.is_filled(sequence));
        self.next = end.unwrap_or(self.expected);
        self.count_gap(self.next - first);
    }

    fn count_gap(&mut self, batches: u64) {
        self.counters.gaps_skipped += batches;
        if self.pass.take().is_some() {
            self.counters.passes_spoilt += 1;
        }
    }

    /// Whether an update is to be handed out: the end of a pass of which something was lost is not.
    fn follows_pass(&mut self, update: &Update) -> bool {
        match update {
            Update::PassBegins { pass } => {
                self.pass = Some(*pass);
                true
            }
            Update::PassEnds { pass, .. } => self.pass.take_if(|open| *open == *pass).is_some(),
            _ => true,
        }
    }

    /// Tells the sender soon when it believes that there is little room, and there is.
    pub(crate) fn offer_room(&mut self, now: Instant) {
        let room = self.slots.len() / 2;
        let is_news = self.window() as usize > room && (self.window_told as usize) < room;
        if self.is_started && is_news {
            self.acknowledge_by(now);
        }
    }

    fn acknowledge_by(&mut self, at: Instant) {
        self.acknowledge_at = Some(self.acknowledge_at.map_or(at, |before| before.min(at)));
    }

    /// When an acknowledgement is due.
    pub(crate) const fn deadline(&self) -> Option<Instant> {
        self.acknowledge_at
    }

    /// Whether an acknowledgement is due; if so, it is written into `acknowledgement`.
    pub(crate) fn acknowledge(&mut self, now: Instant, acknowledgement: &mut Acknowledgement) -> bool {
        if !self.is_started || self.acknowledge_at.is_none_or(|at| at > now) {
            return false;
        }
        self.acknowledge_at = None;
        self.window_told = self.window();
        (acknowledgement.expected, acknowledgement.end) = (self.expected, self.end);
        acknowledgement.window = self.window_told;
        acknowledgement.gaps.clear();
        self.list_gaps(&mut acknowledgement.gaps);
        true
    }

    fn window(&self) -> u32 {
        let room = (self.next + self.slots.len() as u64).saturating_sub(self.expected);
        u32::try_from(room).unwrap_or(u32::MAX)
    }

    fn list_gaps(&self, gaps: &mut Vec<(u64, u32)>) {
        let mut is_open = false;
        for sequence in self.expected..self.end {
            if self.is_filled(sequence) {
                is_open = false;
            } else if let Some((_, count)) = gaps.last_mut().filter(|_| is_open) {
                *count += 1;
            } else if gaps.len() < MOST_GAPS {
                gaps.push((sequence, 1));
                is_open = true;
            } else {
                return;
            }
        }
    }

    /// The pass that is open.
    pub(crate) const fn pass(&self) -> Option<u8> {
        self.pass
    }

    pub(crate) const fn counters(&self) -> ReceiverCounters {
        self.counters
    }

    fn place(&self, sequence: u64) -> usize {
        usize::try_from(sequence % self.slots.len() as u64).unwrap_or(0)
    }
}
