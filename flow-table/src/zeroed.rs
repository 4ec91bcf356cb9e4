//! Memory that is zero without having been written: the pages of a large slice come from the kernel when they
//! are first used. It must never hold a type for which zero bytes are no value, or that needs to be dropped.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Plain data of which any bytes are a value.
///
/// # Safety
///
/// All bytes zero must be a valid value of the type.
pub(crate) unsafe trait Zeroable: Copy {}

/// A slice of fixed length that begins as zeros, aligned as `T` asks.
///
/// `Box::new_zeroed_slice` would do if alignments of more than 16 bytes did not make the system's allocator write
/// the zeros itself, and so touch every page. Here the allocation asks for 8 bytes and is aligned afterwards.
pub(crate) struct ZeroedSlice<T> {
    first: NonNull<T>,
    length: usize,
    allocation: NonNull<u8>,
    layout: Layout,
}

impl<T: Zeroable> ZeroedSlice<T> {
    /// `length` zeros.
    ///
    /// # Panics
    ///
    /// If the size is zero or beyond the address space.
    pub(crate) fn new(length: usize) -> Self {
        let layout = Self::layout(length);
        assert!(layout.size() > 0, "a slice of {length} elements has no bytes");
        // SAFETY: the size is not zero, as just asserted.
        let allocation = unsafe { alloc_zeroed(layout) };
        let Some(allocation) = NonNull::new(allocation) else { handle_alloc_error(layout) };
        let padding = allocation.align_offset(align_of::<T>());
        // SAFETY: `layout` has room for the elements and `align_of::<T>() - 1` bytes more, and `align_offset` on
        // bytes is less than the alignment, so the result is inside the allocation.
        let first = unsafe { allocation.add(padding) }.cast::<T>();
        Self { first, length, allocation, layout }
    }

    fn layout(length: usize) -> Layout {
        let bytes =
            length.checked_mul(size_of::<T>()).and_then(|bytes| bytes.checked_add(align_of::<T>() - 1));
        bytes
            .and_then(|bytes| Layout::from_size_align(bytes, align_of::<u64>()).ok())
            .unwrap_or_else(|| panic!("{length} elements do not fit the address space"))
    }
}

impl<T> Deref for ZeroedSlice<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: `first` is aligned and `length` elements from it are inside the allocation, which lives as long
        // as `self`. They were zero, a valid `T`, and are written through `&mut [T]` only.
        unsafe { std::slice::from_raw_parts(self.first.as_ptr(), self.length) }
    }
}

impl<T> DerefMut for ZeroedSlice<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as for `deref`; `&mut self` makes it the only reference.
        unsafe { std::slice::from_raw_parts_mut(self.first.as_ptr(), self.length) }
    }
}

impl<T> Drop for ZeroedSlice<T> {
    fn drop(&mut self) {
        // SAFETY: `allocation` came from the same allocator with the same layout and is freed only here. The
        // elements are `Copy`, so there is nothing to drop in them.
        unsafe { dealloc(self.allocation.as_ptr(), self.layout) };
    }
}

// SAFETY: the slice owns its elements as a `Box<[T]>` does, and nothing else has the pointers.
unsafe impl<T: Send> Send for ZeroedSlice<T> {}

// SAFETY: through `&ZeroedSlice<T>` one gets `&[T]` and nothing more.
unsafe impl<T: Sync> Sync for ZeroedSlice<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    #[repr(align(64))]
    struct Line([u64; 8]);

    // SAFETY: integers.
    unsafe impl Zeroable for Line {}

    #[test]
    fn begins_as_zeros_aligned_and_keeps_what_is_written() {
        for length in [1, 2, 3, 1_000, 100_000] {
            let mut lines = ZeroedSlice::<Line>::new(length);
            assert_eq!(lines.len(), length);
            assert!(lines.as_ptr().addr().is_multiple_of(64));
            assert!(lines.iter().all(|line| line.0 == [0; 8]));
            for (value, line) in (1..).zip(lines.iter_mut()) {
                line.0 = [value; 8];
            }
            assert!((1..).zip(lines.iter()).all(|(value, line)| line.0 == [value; 8]));
        }
    }

    #[test]
    #[should_panic(expected = "do not fit the address space")]
    fn refuses_what_no_machine_has() {
        let _ = ZeroedSlice::<Line>::new(usize::MAX / 8);
    }
}
