//! The cycle counter. It measures work; the program's time comes from the operating system's clock.

/// The cycle counter of the CPU that this runs on. Counters of different CPUs may differ a little.
#[inline]
#[must_use]
pub fn cycles() -> u64 {
    // SAFETY: reads a register; no preconditions.
    unsafe { dpdk_sys::shim_cycles() }
}

/// How far [`cycles`] goes in a second. EAL measures it when it starts; 0 before that.
#[must_use]
pub fn cycles_per_second() -> u64 {
    // SAFETY: reads a variable of EAL, which is written only while EAL starts.
    unsafe { dpdk_sys::rte_get_tsc_hz() }
}
