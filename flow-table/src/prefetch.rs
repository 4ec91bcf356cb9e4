//! Hints to the processor. They must never be needed for correctness.

/// Bytes in a cache line.
pub(crate) const CACHE_LINE: usize = 64;

/// Asks for every cache line of `*target`, to be read soon. `target` may point anywhere.
///
/// It comes to the second cache: that waits for more lines at once than the first, and what a batch asks for would
/// drive the packets out of the first.
#[inline(always)]
pub(crate) fn prefetch<T>(target: *const T) {
    #[cfg(target_arch = "x86_64")]
    for offset in (0..size_of::<T>()).step_by(CACHE_LINE) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        let line = target.cast::<i8>().wrapping_add(offset);
        // SAFETY: a prefetch is a hint. It reads nothing that the program could see and faults on no address, so
        // `line` needs to be neither valid nor aligned. SSE belongs to every x86_64.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = target;
}
