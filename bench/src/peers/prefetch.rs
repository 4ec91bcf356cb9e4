//! Asking the processor for memory, as a program in C that is built on DPDK would.

/// Asks for the cache line at `target`, to be read soon. It comes to the second cache, which waits for more lines at once
/// than the first; this project's table does the same.
#[inline(always)]
pub(crate) fn prefetch<T>(target: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which may be about any address. SSE belongs to every x86_64.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T1 }>(target.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = target;
}
