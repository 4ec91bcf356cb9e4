//! The process' file descriptors: DPDK's are not all closed when another program takes its place.

/// Has all descriptors but the standard ones close when the process becomes another program: devices and memory files that
/// DPDK holds would stay in use otherwise. Where the kernel can not (before Linux 5.11), nothing happens.
pub fn close_all_on_exec() {
    // SAFETY: it only sets flags of descriptors; none is closed or used here.
    unsafe {
        // The flag is a small constant.
        libc::close_range(3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC.cast_signed());
    }
}
