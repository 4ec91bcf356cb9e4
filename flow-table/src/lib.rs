//! A single-writer table whose elements are found by either of two keys, made for lookups in batches.
//!
//! A lookup that hits touches two cache lines: one bucket of the index and one entry. Their latency is hidden by
//! passing a batch through three stages: [`FlowTable::prefetch`] for all, [`FlowTable::candidate`] for all, then
//! [`FlowTable::confirm`] for each. [`FlowTable::find`] does the same for one key at once.
//!
//! The crate knows nothing of networks, and hashes nothing: hashes are arguments. After construction it never
//! allocates. What entries and buckets do not use is not touched, so a large table costs address space, not memory,
//! unless it is [populated](FlowTable::populate). `unsafe` serves four purposes and no other: prefetching, comparing
//! tags by SIMD, memory that is zero without having been written, and advising the kernel about pages.

use std::num::NonZeroU32;

mod bucket;
mod index;
mod pages;
mod prefetch;
mod slab;
mod table;
mod zeroed;

pub use table::FlowTable;

/// An element that is found by either of two keys: a connection, seen from the client and from the real server.
///
/// An element with a niche (any field that is an `enum`, a `bool`, a reference or a `NonZero`) takes no more space
/// in the table than its own size, rounded up to cache lines; without one it may take a cache line more.
pub trait Entry {
    /// What an element is looked up by. It says itself which of the two it is, where that could be in doubt.
    type Key: Copy;

    /// Whether `key` is one of this element's two keys.
    fn matches(&self, key: &Self::Key) -> bool;
}

/// Where an entry is in its table. It stays valid until the entry is removed; after that it names nothing, or
/// the entry that took the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(
    /// The slot, counted from 1: so `None` takes no space of its own.
    NonZeroU32,
);

impl FlowId {
    /// The slot, below [`FlowTable::slots`].
    #[inline(always)]
    pub const fn index(self) -> usize {
        self.slot() as usize
    }

    #[inline(always)]
    const fn slot(self) -> u32 {
        self.0.get() - 1
    }

    /// Tables have fewer slots than 32 bits can count.
    #[inline(always)]
    const fn of(slot: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(slot))
    }
}
