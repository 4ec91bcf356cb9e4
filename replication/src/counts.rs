//! How many connections each virtual server has on either unit: told once a second, as many datagrams as it takes.

use std::time::Duration;

use model::limits::VIRTUAL_SERVERS;
use model::{Instant, ServerName};

use crate::wire::{CountsPart, Reader, read_count};

/// Between two tellings.
const INTERVAL: Duration = Duration::from_secs(1);

/// Ours and the peer's.
#[derive(Default)]
pub(crate) struct Counts {
    ours: Vec<(ServerName, u64)>,
    generation: u32,
    next: Instant,
    /// The parts that are still to be sent.
    part: u16,
    parts: u16,
    per_part: usize,
    peers: Vec<(ServerName, u64)>,
    incoming: Incoming,
}

/// A generation of the peer's that has not arrived completely.
#[derive(Default)]
struct Incoming {
    generation: u32,
    seen: [u64; 4],
    arrived: u16,
    counts: Vec<(ServerName, u64)>,
}

impl Counts {
    /// Takes our counts.
    pub(crate) fn set(&mut self, counts: &[(ServerName, u64)]) {
        self.ours.clear();
        self.ours.extend(counts.iter().take(VIRTUAL_SERVERS));
        // Parts of two sets do not add up.
        self.parts = 0;
    }

    /// The peer's, as of the last time that they arrived completely.
    pub(crate) fn peers(&self) -> &[(ServerName, u64)] {
        &self.peers
    }

    /// Forgets the peer's: it may be another by now.
    pub(crate) fn restart(&mut self, now: Instant) {
        self.next = now;
        self.parts = 0;
        self.incoming = Incoming::default();
    }

    /// Does what is due at `now`, for datagrams with `room` bytes of body.
    pub(crate) fn advance(&mut self, now: Instant, room: usize) {
        if self.next > now {
            return;
        }
        self.next = now + INTERVAL;
        self.generation = self.generation.wrapping_add(1);
        self.per_part = (room.saturating_sub(CountsPart::BYTES) / CountsPart::ENTRY_BYTES).max(1);
        self.part = 0;
        self.parts = u16::try_from(self.ours.len().div_ceil(self.per_part).max(1)).unwrap_or(0);
    }

    /// When something is due.
    pub(crate) const fn deadline(&self) -> Instant {
        self.next
    }

    /// The next part that is due.
    pub(crate) fn next_part(&mut self) -> Option<(CountsPart, &[(ServerName, u64)])> {
        if self.part >= self.parts {
            return None;
        }
        let part = CountsPart { generation: self.generation, part: self.part, parts: self.parts };
        self.part += 1;
        Some((part, self.ours.chunks(self.per_part).nth(usize::from(part.part)).unwrap_or_default()))
    }

    /// Takes a part of the peer's. Returns false if it makes no sense.
    pub(crate) fn receive(&mut self, body: &[u8]) -> bool {
        let Some((part, mut reader)) = CountsPart::read(body) else { return false };
        let incoming = &mut self.incoming;
        if part.generation != incoming.generation {
            let counts = std::mem::take(&mut incoming.counts);
            *incoming = Incoming { generation: part.generation, counts, ..Incoming::default() };
            incoming.counts.clear();
        }
        let (word, bit) = (usize::from(part.part / 64), 1 << (part.part % 64));
        let Some(seen) = incoming.seen.get_mut(word).filter(|seen| **seen & bit == 0) else { return true };
        *seen |= bit;
        incoming.arrived += 1;
        if !read_entries(&mut reader, &mut incoming.counts) {
            return false;
        }
        if incoming.arrived == part.parts {
            std::mem::swap(&mut self.peers, &mut incoming.counts);
        }
        true
    }
}

fn read_entries(reader: &mut Reader<'_>, counts: &mut Vec<(ServerName, u64)>) -> bool {
    while !reader.rest().is_empty() {
        match read_count(reader) {
            Some(entry) if counts.len() < VIRTUAL_SERVERS => counts.push(entry),
            _ => return false,
        }
    }
    true
}
