//! The table: an index over a slab. It must never hand out an entry that it did not compare with the key, except
//! as a candidate.

use std::fmt;

use crate::index::Index;
use crate::slab::{Slab, Slot};
use crate::{Entry, FlowId};

/// The hashes that each entry is indexed under.
const KEYS_PER_ENTRY: usize = 2;

/// Entries that are found by either of two keys.
///
/// Hashes are the caller's, and must be good in all of their 64 bits: the upper ones choose the bucket, the lower
/// ones are compared. Bad hashes make the table slow, never wrong.
///
/// There is one writer, who says so by `&mut`; nothing in the table is atomic.
pub struct FlowTable<E> {
    index: Index,
    slab: Slab<E>,
}

impl<E: Entry> FlowTable<E> {
    /// Bytes that an entry takes: its size, rounded up to cache lines. See [`Entry`] for when it is more.
    pub const SLOT_BYTES: usize = size_of::<Slot<E>>();

    /// An empty table for `entries`. All memory is reserved now; it is touched when entries come.
    ///
    /// # Panics
    ///
    /// If `entries` does not fit 32 bits, or the memory not the address space.
    pub fn with_capacity(entries: usize) -> Self {
        Self { slab: Slab::with_capacity(entries), index: Index::with_capacity(entries * KEYS_PER_ENTRY) }
    }

    /// Has the kernel provide all of the table's memory now, which takes as long as to write it once. Then no
    /// insertion waits for a page.
    pub fn populate(&mut self) {
        self.index.populate();
        self.slab.populate();
    }

    /// Entries in the table.
    #[inline]
    pub const fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether there is no entry.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries that the table can hold.
    #[inline]
    pub const fn capacity(&self) -> usize {
        self.slab.capacity()
    }

    /// Whether [`insert`](Self::insert) would give the entry back.
    #[inline]
    pub const fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }

    /// The slots to walk to have seen every entry: those that were ever used. It never shrinks.
    #[inline]
    pub const fn slots(&self) -> usize {
        self.slab.slots()
    }

    /// Bytes of address space that the table has reserved.
    pub fn memory_bytes(&self) -> usize {
        self.index.memory_bytes() + self.slab.memory_bytes()
    }

    /// First stage of a lookup: asks the processor for the bucket of `hash`.
    #[inline(always)]
    pub fn prefetch(&self, hash: u64) {
        self.index.prefetch(hash);
    }

    /// Second stage: where an entry with `hash` probably is, without looking at it, and asks the processor for it.
    /// `None` is certain, until the next insertion.
    #[inline(always)]
    pub fn candidate(&self, hash: u64) -> Option<FlowId> {
        let candidate = self.index.find(hash, |_| true)?;
        self.slab.prefetch(candidate.slot());
        Some(candidate)
    }

    /// Third stage, for the common case: the candidate, if that is the entry with `key`. If it is not,
    /// [`find`](Self::find) tells.
    #[inline(always)]
    pub fn verify(&mut self, candidate: Option<FlowId>, key: &E::Key) -> Option<&mut E> {
        self.slab.get_mut(candidate?.slot()).filter(|entry| entry.matches(key))
    }

    /// Third stage: the entry with `key`, whose hash is `hash`. The candidate, if it is that, else what a search
    /// finds. The table may have changed since the second stage.
    #[inline(always)]
    pub fn confirm(&self, candidate: Option<FlowId>, hash: u64, key: &E::Key) -> Option<FlowId> {
        match candidate {
            Some(id) if self.is_match(id, key) => candidate,
            _ => self.find_anew(hash, key),
        }
    }

    /// `find` as a function of its own, which keeps the common case of its callers short.
    #[cold]
    #[inline(never)]
    fn find_anew(&self, hash: u64, key: &E::Key) -> Option<FlowId> {
        self.find(hash, key)
    }

    /// All stages at once: the entry with `key`, whose hash is `hash`.
    #[inline]
    pub fn find(&self, hash: u64, key: &E::Key) -> Option<FlowId> {
        self.index.find(hash, |id| self.is_match(id, key))
    }

    #[inline(always)]
    fn is_match(&self, id: FlowId, key: &E::Key) -> bool {
        self.slab.get(id.slot()).is_some_and(|entry| entry.matches(key))
    }

    /// The entry at `id`, if there is one.
    #[inline]
    pub fn get(&self, id: FlowId) -> Option<&E> {
        self.slab.get(id.slot())
    }

    /// The entry at `id`, if there is one. Its keys must stay what they are.
    #[inline]
    pub fn get_mut(&mut self, id: FlowId) -> Option<&mut E> {
        self.slab.get_mut(id.slot())
    }

    /// Adds `entry` under the hashes of its two keys. That no other entry has these keys is for the caller to
    /// make sure of; of two such entries lookups would find either.
    ///
    /// # Errors
    ///
    /// Gives `entry` back if the table is full, and only then.
    pub fn insert(&mut self, entry: E, hashes: [u64; 2]) -> Result<FlowId, E> {
        let id = FlowId::of(self.slab.insert(entry)?);
        for hash in hashes {
            self.index.insert(hash, id);
        }
        Ok(id)
    }

    /// Removes the entry at `id`, which was inserted under `hashes`. `None`, and nothing changes, if there is none
    /// or it was inserted under others.
    pub fn remove(&mut self, id: FlowId, hashes: [u64; 2]) -> Option<E> {
        if !self.index.remove(hashes, id) {
            return None;
        }
        self.slab.remove(id.slot())
    }

    /// The first entry whose slot is `from` or later, but before `end`: for walks in bounded steps. A caller goes on
    /// behind the [`index`](FlowId::index) of what was found, or at `end` if nothing was, and is done at
    /// [`slots`](Self::slots). An entry that stays during the whole walk is met exactly once; one that comes or
    /// goes meanwhile, once or not at all.
    #[inline]
    pub fn next_occupied(&self, from: usize, end: usize) -> Option<FlowId> {
        self.slab.next_occupied(from, end)
    }
}

impl<E> fmt::Debug for FlowTable<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FlowTable")
            .field("len", &self.slab.len())
            .field("capacity", &self.slab.capacity())
            .finish_non_exhaustive()
    }
}
