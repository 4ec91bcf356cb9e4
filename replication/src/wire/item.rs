//! A batch: its frame, and the items in it one after the other.
//!
//! An item whose first byte has its highest bit clear is a record, and its second byte its length. Otherwise the first
//! byte is the item's kind, and two bytes of length follow. All lengths are of the whole item.

use std::sync::Arc;

use model::limits::DIGEST_RANGES;
use model::{Digest, RangeSet, Update};

use super::record::Untellable;
use super::{Reader, choice, record};
use crate::rejection::{Rejection, Rejections};

/// Bytes of a batch before its items.
pub(crate) const FRAME_BYTES: usize = 16;

const NOT_A_RECORD: u8 = 0x80;
const DIGESTS: u8 = 0x80;
const DIGESTS_TOLD: u8 = 0x81;
const PASS_BEGINS: u8 = 0x82;
const PASS_ENDS: u8 = 0x83;
const STICKY: u8 = 0x84;
const HEALTH: u8 = 0x85;

const ITEM_HEADER_BYTES: usize = 3;
const DIGEST_BYTES: usize = 14;

/// Sequence numbers beyond this are nonsense; below, they can be added to without a thought.
const HIGHEST_SEQUENCE: u64 = 1 << 62;

/// What stands before a batch's items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchFrame {
    /// Which batch this is.
    pub(crate) sequence: u64,
    /// Batches before this one will not be sent again.
    pub(crate) oldest: u64,
}

impl BatchFrame {
    pub(crate) fn write(&self, body: &mut Vec<u8>) {
        body.extend_from_slice(&self.sequence.to_be_bytes());
        body.extend_from_slice(&self.oldest.to_be_bytes());
    }

    /// Reads the frame; returns it and the items.
    pub(crate) fn read(body: &[u8]) -> Option<(Self, &[u8])> {
        let mut reader = Reader::new(body);
        let frame = Self { sequence: reader.u64()?, oldest: reader.u64()? };
        let is_sane = frame.oldest <= frame.sequence && frame.sequence < HIGHEST_SEQUENCE;
        is_sane.then_some((frame, reader.rest()))
    }
}

/// A batch that is being written.
#[derive(Default)]
pub(crate) struct Batch {
    /// The items.
    pub(crate) items: Vec<u8>,
    /// How many updates they are.
    pub(crate) updates: u32,
    /// Where the digests that are the last item begin.
    digests_at: Option<usize>,
}

/// What became of an update that was to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is in the batch.
    Yes,
    /// The batch has no room left for it.
    Full,
    /// This version has no words for it.
    Untellable,
}

impl Batch {
    /// Makes the batch an empty one.
    pub(crate) fn clear(&mut self) {
        self.items.clear();
        self.updates = 0;
        self.digests_at = None;
    }

    /// Appends `update` if there is room for it within `room` bytes of items.
    pub(crate) fn write(&mut self, update: &Update, version: u8, room: usize) -> Written {
        let start = self.items.len();
        let digests_at = self.digests_at.take();
        let result = match update {
            Update::Create(record) => record::write_create(&mut self.items, record, version),
            Update::Delete(ends) => record::write_delete(&mut self.items, ends, version),
            Update::Digest { range, digest } => {
                self.write_digest(digests_at, *range, *digest);
                Ok(())
            }
            // The version before has no words for these.
            Update::Sticky(_) | Update::Health(_) if version < 2 => Err(Untellable),
            Update::Sticky(record) => {
                choice::write_sticky(record).and_then(|body| self.write_item(STICKY, body.bytes(), &[]))
            }
            Update::Health(record) => {
                choice::write_health(record).and_then(|body| self.write_item(HEALTH, body.bytes(), &[]))
            }
            Update::DigestsTold => self.write_item(DIGESTS_TOLD, &[], &[]),
            Update::PassBegins { pass } => self.write_item(PASS_BEGINS, &[*pass], &[]),
            Update::PassEnds { pass, ranges } => self.write_item(PASS_ENDS, &[*pass], &bitmap(ranges)),
        };
        if result.is_err() || self.items.len() > room {
            self.items.truncate(start);
            // Whether the digests can still be lengthened does not matter: the next begin an item of their own.
            return if result.is_err() { Written::Untellable } else { self.full(digests_at) };
        }
        self.updates += 1;
        Written::Yes
    }

    /// The update that was to be written has been taken back.
    fn full(&mut self, digests_at: Option<usize>) -> Written {
        if let Some(at) = digests_at {
            self.write_item_length(at);
        }
        Written::Full
    }

    fn write_item(&mut self, kind: u8, head: &[u8], tail: &[u8]) -> Result<(), Untellable> {
        let start = self.items.len();
        self.items.extend_from_slice(&[kind, 0, 0]);
        self.items.extend_from_slice(head);
        self.items.extend_from_slice(tail);
        self.write_item_length(start);
        Ok(())
    }

    fn write_digest(&mut self, digests_at: Option<usize>, range: u16, digest: Digest) {
        let start = digests_at.unwrap_or(self.items.len());
        if digests_at.is_none() {
            self.items.extend_from_slice(&[DIGESTS, 0, 0]);
        }
        self.items.extend_from_slice(&range.to_be_bytes());
        self.items.extend_from_slice(&digest.sum.to_be_bytes());
        self.items.extend_from_slice(&digest.connections.to_be_bytes());
        self.write_item_length(start);
        self.digests_at = Some(start);
    }

    fn write_item_length(&mut self, start: usize) {
        // A batch is no longer than a datagram, and its length fits.
        let length = u16::try_from(self.items.len() - start).unwrap_or(u16::MAX);
        if let Some(place) = self.items.get_mut(start + 1..start + ITEM_HEADER_BYTES) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }
}

/// A set of ranges on the wire: range r is bit r % 8 of byte r / 8.
pub(super) fn bitmap(ranges: &RangeSet) -> [u8; DIGEST_RANGES / 8] {
    let mut bytes = [0; DIGEST_RANGES / 8];
    for (place, word) in bytes.chunks_exact_mut(8).zip(ranges.words()) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

pub(super) fn read_bitmap(bytes: &[u8]) -> Option<RangeSet> {
    let bytes: &[u8; DIGEST_RANGES / 8] = bytes.try_into().ok()?;
    let mut words = [0; DIGEST_RANGES / 64];
    for (word, place) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*place);
    }
    Some(RangeSet::from_words(words))
}

/// How far a batch has been read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    at: usize,
    /// Where the digests that are being read end.
    digests_end: usize,
}

impl Cursor {
    /// The next update in `items`. What is refused is counted and skipped.
    pub(crate) fn next(&mut self, items: &[u8], version: u8, rejected: &mut Rejections) -> Option<Update> {
        while self.at < items.len() {
            let result = if self.at < self.digests_end {
                self.next_digest(items)
            } else {
                self.next_item(items, version)
            };
            match result {
                Ok(Some(update)) => return Some(update),
                Ok(None) => {}
                Err(rejection) => rejected.count(rejection),
            }
        }
        None
    }

    fn next_item(&mut self, items: &[u8], version: u8) -> Result<Option<Update>, Rejection> {
        let rest = items.get(self.at..).unwrap_or_default();
        let Some(item) = split_item(rest) else {
            self.at = items.len();
            return Err(Rejection::ItemLength);
        };
        let start = self.at;
        self.at += item.len();
        let (kind, body) = match item {
            [first, ..] if first & NOT_A_RECORD == 0 => return record::read(item, version).map(Some),
            [kind, _, _, body @ ..] => (*kind, body),
            _ => return Err(Rejection::ItemLength),
        };
        match (kind, body) {
            (DIGESTS, _) if body.len().is_multiple_of(DIGEST_BYTES) => {
                self.digests_end = self.at;
                self.at = start + ITEM_HEADER_BYTES;
                Ok(None)
            }
            (DIGESTS_TOLD, []) => Ok(Some(Update::DigestsTold)),
            (PASS_BEGINS, &[pass]) if pass != 0 => Ok(Some(Update::PassBegins { pass })),
            (PASS_ENDS, [pass, ranges @ ..]) if *pass != 0 => {
                let ranges = Arc::new(read_bitmap(ranges).ok_or(Rejection::ItemMalformed)?);
                Ok(Some(Update::PassEnds { pass: *pass, ranges }))
            }
            (STICKY, _) if version >= 2 => {
                choice::read_sticky(body).map(|record| Some(Update::Sticky(record)))
            }
            (HEALTH, _) if version >= 2 => {
                choice::read_health(body).map(|record| Some(Update::Health(record)))
            }
            (DIGESTS..=PASS_ENDS, _) => Err(Rejection::ItemMalformed),
            _ => Err(Rejection::ItemUnknown),
        }
    }

    fn next_digest(&mut self, items: &[u8]) -> Result<Option<Update>, Rejection> {
        let mut reader = Reader::new(items.get(self.at..).unwrap_or_default());
        self.at += DIGEST_BYTES;
        let malformed = Rejection::ItemMalformed;
        let range = reader.u16().filter(|&range| usize::from(range) < DIGEST_RANGES).ok_or(malformed)?;
        let sum = reader.u64().ok_or(malformed)?;
        let connections = reader.u32().ok_or(malformed)?;
        Ok(Some(Update::Digest { range, digest: Digest { sum, connections } }))
    }
}

/// The first item of `rest`, if its length is possible.
fn split_item(rest: &[u8]) -> Option<&[u8]> {
    let (least, length) = match *rest {
        [first, length, ..] if first & NOT_A_RECORD == 0 => (2, usize::from(length)),
        [_, high, low, ..] => (ITEM_HEADER_BYTES, usize::from(u16::from_be_bytes([high, low]))),
        _ => return None,
    };
    if length < least { None } else { rest.get(..length) }
}

#[cfg(test)]
#[path = "item/tests.rs"]
mod tests;
