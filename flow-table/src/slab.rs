//! Where entries live: slots that are used again, the one freed last first, so that the used ones stay dense.
//!
//! It must never allocate after it is made, nor touch a slot before the first use.

use crate::FlowId;
use crate::pages;
use crate::prefetch::prefetch;

/// Entries by slot.
pub(crate) struct Slab<E> {
    /// Slots that were ever used; reserved for `capacity`.
    slots: Vec<Slot<E>>,
    /// Used slots that are free; reserved for `capacity`.
    free: Vec<u32>,
    capacity: usize,
}

/// An entry has cache lines to itself.
#[repr(align(64))]
pub(crate) struct Slot<E>(Option<E>);

impl<E> Slab<E> {
    /// # Panics
    ///
    /// If `capacity` does not fit 32 bits, or the memory not the address space.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        assert!(
            u32::try_from(capacity).is_ok(),
            "a table of {capacity} entries: slots are numbered by 32 bits"
        );
        let slab = Self { slots: Vec::with_capacity(capacity), free: Vec::with_capacity(capacity), capacity };
        pages::prefer_huge(slab.slots.as_ptr(), capacity);
        slab
    }

    pub(crate) fn populate(&mut self) {
        pages::populate(self.slots.as_ptr(), self.capacity);
        pages::populate(self.free.as_ptr(), self.capacity);
    }

    pub(crate) const fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Slots that were ever used. Behind them is nothing.
    pub(crate) const fn slots(&self) -> usize {
        self.slots.len()
    }

    pub(crate) const fn memory_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot<E>>() + self.free.capacity() * size_of::<u32>()
    }

    #[inline(always)]
    pub(crate) fn prefetch(&self, slot: u32) {
        prefetch(self.slots.as_ptr().wrapping_add(slot as usize));
    }

    #[inline(always)]
    pub(crate) fn get(&self, slot: u32) -> Option<&E> {
        self.slots.get(slot as usize)?.0.as_ref()
    }

    #[inline(always)]
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut E> {
        self.slots.get_mut(slot as usize)?.0.as_mut()
    }

    /// # Errors
    ///
    /// Gives the entry back if there is no slot for it.
    pub(crate) fn insert(&mut self, entry: E) -> Result<u32, E> {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize].0 = Some(entry);
            return Ok(slot);
        }
        if self.slots.len() == self.capacity {
            return Err(entry);
        }
        #[expect(clippy::cast_possible_truncation, reason = "less than the capacity, which fits 32 bits")]
        let slot = self.slots.len() as u32;
        self.slots.push(Slot(Some(entry)));
        Ok(slot)
    }

    pub(crate) fn remove(&mut self, slot: u32) -> Option<E> {
        let entry = self.slots.get_mut(slot as usize)?.0.take()?;
        self.free.push(slot);
        Some(entry)
    }

    /// The first occupied slot of those from `from` up to, but not including, `end`.
    #[expect(clippy::cast_possible_truncation, reason = "less than the capacity, which fits 32 bits")]
    pub(crate) fn next_occupied(&self, from: usize, end: usize) -> Option<FlowId> {
        let end = end.min(self.slots.len());
        let offset = self.slots.get(from..end)?.iter().position(|slot| slot.0.is_some())?;
        Some(FlowId::of((from + offset) as u32))
    }
}
