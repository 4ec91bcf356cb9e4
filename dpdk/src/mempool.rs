//! Pools of packet buffers. A pool is made once and lives to the end of the process, so that its buffers need no
//! reference to it.

use std::ffi::CString;
use std::io;
use std::ptr::NonNull;
use std::sync::Arc;

use arrayvec::ArrayVec;
use dpdk_sys::{RTE_MEMPOOL_CACHE_MAX_SIZE, RTE_PKTMBUF_HEADROOM, rte_mbuf, rte_mempool};

use crate::eal::{self, Runtime};
use crate::{Eal, Mbuf};

/// What a pool is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MempoolConfiguration {
    /// Buffers in the pool.
    pub mbufs: usize,
    /// Buffers that each lcore may keep for itself; it may keep half as many again for a while.
    pub cache: u32,
    /// Bytes of a buffer, of which 128 are headroom.
    pub data_room: u16,
}

/// Why a pool could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MempoolError {
    /// The name is too long, or there is a pool of this name.
    #[error("a packet pool can not have the name {name:?} ({source}); take another, of 20 bytes at most")]
    Name {
        /// The name.
        name: String,
        /// What DPDK says about it.
        source: io::Error,
    },
    /// Too few or too many buffers.
    #[error("a packet pool of {0} buffers; take 1 to 4294967295")]
    Mbufs(usize),
    /// The caches would keep more than the pool has.
    #[error("a cache of {cache} buffers for each lcore in a pool of {mbufs}; take {limit} at most")]
    Cache {
        /// Buffers of a cache.
        cache: u32,
        /// Buffers of the pool.
        mbufs: usize,
        /// The largest possible cache.
        limit: u32,
    },
    /// No room for data behind the headroom.
    #[error(
        "buffers of {0} bytes, of which {RTE_PKTMBUF_HEADROOM} are headroom; a full Ethernet frame needs 2176"
    )]
    DataRoom(u16),
    /// EAL has not as much memory in one piece.
    #[error(
        "no memory for a packet pool of {mbufs} buffers of {data_room} bytes ({source}); give EAL more: hugepages, or \
         a larger -m with --no-huge"
    )]
    NoMemory {
        /// Buffers of the pool.
        mbufs: usize,
        /// Bytes of a buffer.
        data_room: u16,
        /// What DPDK says about it.
        source: io::Error,
    },
}

/// A pool of packet buffers. Clones are the same pool.
#[derive(Clone, Debug)]
pub struct Mempool {
    pool: NonNull<rte_mempool>,
    data_room: u16,
    /// Devices are closed after the last pool that may refill them is let go.
    _runtime: Arc<Runtime>,
}

// SAFETY: threads may take and return buffers at the same time, and a pool lives to the end of the process.
unsafe impl Send for Mempool {}
// SAFETY: as above.
unsafe impl Sync for Mempool {}

impl Mempool {
    /// Makes a pool, for good.
    ///
    /// # Errors
    ///
    /// When the name is taken or too long, a size is not possible, or EAL has no memory for it.
    pub fn new(eal: &Eal, name: &str, configuration: MempoolConfiguration) -> Result<Self, MempoolError> {
        let MempoolConfiguration { mbufs, cache, data_room } = configuration;
        let count = check(configuration)?;
        let name_error = |source| MempoolError::Name { name: name.to_owned(), source };
        let text = CString::new(name).map_err(|error| name_error(error.into()))?;
        // SAFETY: a NUL-terminated name and plain numbers; -1 is any NUMA node. EAL runs, as `eal` shows.
        let pool = unsafe {
            dpdk_sys::rte_pktmbuf_pool_create(text.as_ptr(), count, cache, 0, data_room, ANY_NUMA_NODE)
        };
        let pool = NonNull::new(pool).ok_or_else(|| {
            let source = eal::last_error();
            match source.kind() {
                io::ErrorKind::AlreadyExists | io::ErrorKind::InvalidFilename => name_error(source),
                _ => MempoolError::NoMemory { mbufs, data_room, source },
            }
        })?;
        Ok(Self { pool, data_room, _runtime: Arc::clone(eal.runtime()) })
    }

    /// Buffers that can be taken, those in the lcores' caches included. A snapshot.
    #[must_use]
    pub fn available(&self) -> usize {
        // SAFETY: a live pool; the count may be outdated at once.
        unsafe { dpdk_sys::rte_mempool_avail_count(self.as_ptr()) as usize }
    }

    /// Buffers that are owned by someone: this program, or a port's descriptors. A snapshot.
    #[must_use]
    pub fn in_use(&self) -> usize {
        // SAFETY: as above.
        unsafe { dpdk_sys::rte_mempool_in_use_count(self.as_ptr()) as usize }
    }

    /// Takes an empty buffer; None when there is none left.
    #[must_use]
    pub fn allocate(&self) -> Option<Mbuf> {
        // SAFETY: a live pool, whose buffers nobody refers to until they are taken.
        NonNull::new(unsafe { dpdk_sys::shim_mbuf_alloc(self.as_ptr()) })
            .map(|mbuf| unsafe { Mbuf::from_raw(mbuf) })
    }

    /// Takes `count` empty buffers in one call and appends them to `burst`: all or, when the pool has less or the
    /// burst no room, none. Returns whether it did.
    pub fn allocate_burst<const N: usize>(&self, burst: &mut ArrayVec<Mbuf, N>, count: usize) -> bool {
        let length = burst.len();
        let Ok(wanted) = u32::try_from(count) else {
            return false;
        };
        if count > burst.remaining_capacity() {
            return false;
        }
        // SAFETY: the burst has room for `count` more pointers, all of which are written on success.
        unsafe {
            let free = burst.as_mut_ptr().add(length).cast::<*mut rte_mbuf>();
            let done = dpdk_sys::shim_mbuf_alloc_bulk(self.as_ptr(), free, wanted) == 0;
            burst.set_len(length + if done { count } else { 0 });
            done
        }
    }

    /// A packet with these bytes, in as many segments as they need; None when the pool has not as many.
    #[must_use]
    pub fn copy_from(&self, bytes: &[u8]) -> Option<Mbuf> {
        let room = usize::from(self.data_room) - RTE_PKTMBUF_HEADROOM as usize;
        if bytes.len().div_ceil(room) > usize::from(u16::MAX) {
            return None;
        }
        let (start, rest) = bytes.split_at(bytes.len().min(room));
        let mut mbuf = self.segment(start)?;
        for part in rest.chunks(room) {
            mbuf.chain(self.segment(part)?);
        }
        Some(mbuf)
    }

    /// A copy of a packet, whichever pool it is from; None when this pool has no buffers for it.
    #[must_use]
    pub fn copy_of(&self, mbuf: &Mbuf) -> Option<Mbuf> {
        // SAFETY: a live buffer, which is only read, and a live pool. The copy is ours alone.
        NonNull::new(unsafe { dpdk_sys::rte_pktmbuf_copy(mbuf.as_ptr(), self.as_ptr(), 0, u32::MAX) })
            .map(|copy| unsafe { Mbuf::from_raw(copy) })
    }

    /// One segment with these bytes, which fit.
    fn segment(&self, bytes: &[u8]) -> Option<Mbuf> {
        let mut mbuf = self.allocate()?;
        mbuf.append(bytes.len())?.copy_from_slice(bytes);
        Some(mbuf)
    }

    /// Bytes of a buffer behind its headroom.
    pub(crate) fn segment_room(&self) -> usize {
        usize::from(self.data_room) - RTE_PKTMBUF_HEADROOM as usize
    }

    pub(crate) const fn as_ptr(&self) -> *mut rte_mempool {
        self.pool.as_ptr()
    }
}

const ANY_NUMA_NODE: i32 = -1;

/// Checks the sizes; returns the number of buffers.
fn check(configuration: MempoolConfiguration) -> Result<u32, MempoolError> {
    let MempoolConfiguration { mbufs, cache, data_room } = configuration;
    let count = u32::try_from(mbufs).ok().filter(|&count| count > 0).ok_or(MempoolError::Mbufs(mbufs))?;
    // DPDK's own rule: a cache may grow to one and a half of its size, and the pool must hold that.
    let limit = RTE_MEMPOOL_CACHE_MAX_SIZE.min((u64::from(count) * 2 / 3).try_into().unwrap_or(u32::MAX));
    if cache > limit {
        return Err(MempoolError::Cache { cache, mbufs, limit });
    }
    if u32::from(data_room) <= RTE_PKTMBUF_HEADROOM {
        return Err(MempoolError::DataRoom(data_room));
    }
    Ok(count)
}
