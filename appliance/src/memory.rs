//! How many packet buffers the unit needs: a sum with one line for each consumer.

use model::limits::{BATCH, HAND_OVER_RING, HANDOVER, HOLD, KERNEL_RING};

use crate::configuration::UnitConfiguration;

/// Descriptors of each receive and transmit queue that are asked for; a port may round them.
pub(crate) const RECEIVE_DESCRIPTORS: u16 = 1_024;
/// Transmit descriptors.
pub(crate) const TRANSMIT_DESCRIPTORS: u16 = 1_024;

/// Buffers that each lcore may keep in its cache; DPDK lets a cache grow to one and a half of its size.
pub(crate) const POOL_CACHE: u32 = 512;

/// Bytes of a buffer's data room, headroom included: holds a frame of the usual MTU in one segment.
pub(crate) const DATA_ROOM: u16 = 2_048 + 128;

/// The unit's packet buffers.
pub(crate) fn buffers_of(unit: &UnitConfiguration) -> usize {
    buffers(unit.ports().len(), unit.cores().workers.len()) + unit.additional_buffers()
}

/// Packet buffers for `ports` ports and their twins, and `workers` workers.
const fn buffers(ports: usize, workers: usize) -> usize {
    let received = ports * workers * RECEIVE_DESCRIPTORS as usize;
    let transmitted = ports * workers * TRANSMIT_DESCRIPTORS as usize;
    let twins = ports * (RECEIVE_DESCRIPTORS as usize + TRANSMIT_DESCRIPTORS as usize);
    let batches = workers * (BATCH + ports * BATCH);
    let hand_over = workers * workers.saturating_sub(1) * HAND_OVER_RING;
    let kernel_rings = workers * 2 * KERNEL_RING;
    let held = workers * HOLD;
    let departing = workers * HANDOVER;
    let caches = (workers + 1) * POOL_CACHE as usize * 3 / 2;
    received + transmitted + twins + batches + hand_over + kernel_rings + held + departing + caches
}

/// Mebibytes that EAL is given where there are no hugepages: the buffers, and as much again for rings and queues.
pub(crate) const fn eal_mebibytes(buffers: usize) -> usize {
    /// The data room, the mbuf itself and the pool's own header.
    const BUFFER_BYTES: usize = DATA_ROOM as usize + 128 + 192;
    64 + buffers * BUFFER_BYTES / (1 << 20) * 3 / 2
}
