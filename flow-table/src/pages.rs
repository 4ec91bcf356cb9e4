//! What the kernel is asked about the pages behind a table. These are wishes: a kernel that does not know them gives small
//! pages, one by one, and all works as well, only slower.

use std::ffi::c_int;

/// Asks for huge pages: with small ones, each lookup would look up the page, too.
pub(crate) fn prefer_huge<T>(start: *const T, count: usize) {
    advise(start.cast(), count * size_of::<T>(), libc::MADV_HUGEPAGE);
}

/// Asks for all pages now, so that nobody waits for them later.
pub(crate) fn populate<T>(start: *const T, count: usize) {
    advise(start.cast(), count * size_of::<T>(), libc::MADV_POPULATE_WRITE);
}

/// Advises the kernel about the whole pages among `bytes` bytes from `start` on, which are the caller's.
fn advise(start: *const u8, bytes: usize, advice: c_int) {
    const PAGE: usize = 4_096;
    let padding = start.align_offset(PAGE).min(bytes);
    let whole = (bytes - padding) / PAGE * PAGE;
    let first = start.wrapping_add(padding).cast_mut().cast();
    // SAFETY: neither advice changes what the memory holds. The call fails, which is no harm, where the pages are not
    // there or the advice is not known.
    let _ = unsafe { libc::madvise(first, whole, advice) };
}
