//! A packet's buffer: one segment, or a chain of them. It has one owner, and goes back to its pool when dropped.

mod segment;

use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::slice;

use arrayvec::ArrayVec;
use dpdk_sys::rte_mbuf;

use segment::Segment;

/// A packet's buffer.
///
/// Drivers hand out buffers that nobody else refers to, and this crate makes no second reference to one; so the owner
/// may write. A pool's memory is never given back, so a buffer is valid as long as it is owned.
#[repr(transparent)]
pub struct Mbuf(NonNull<rte_mbuf>);

// SAFETY: a buffer is bound to no thread, and pools take buffers back from any thread.
unsafe impl Send for Mbuf {}
// SAFETY: what a shared reference allows only reads.
unsafe impl Sync for Mbuf {}

// Arrays of buffers are given to DPDK as arrays of pointers.
const _: () = assert!(size_of::<Mbuf>() == size_of::<*mut rte_mbuf>());

/// Why the first bytes of a packet could not be brought together.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ContiguousError {
    /// The packet is shorter.
    #[error("{asked} contiguous bytes of a packet of {length} bytes; ask for {length} at most")]
    TooShort {
        /// Bytes asked for.
        asked: usize,
        /// Bytes of the packet.
        length: usize,
    },
    /// The first segment's buffer is smaller.
    #[error("{asked} contiguous bytes in a buffer of {room} bytes; ask for {room} at most")]
    NoRoom {
        /// Bytes asked for.
        asked: usize,
        /// Bytes of the first segment's buffer.
        room: usize,
    },
}

impl Mbuf {
    /// Takes over a buffer.
    ///
    /// # Safety
    ///
    /// `mbuf` is a live buffer of a pool, the first of its chain, and nobody else refers to it.
    pub(crate) const unsafe fn from_raw(mbuf: NonNull<rte_mbuf>) -> Self {
        Self(mbuf)
    }

    pub(crate) const fn as_ptr(&self) -> *const rte_mbuf {
        self.0.as_ptr()
    }

    #[inline]
    const fn first(&self) -> Segment {
        // SAFETY: live as long as this is. Only methods that take `&mut self` use what needs exclusiveness.
        unsafe { Segment::new(self.0) }
    }

    fn last(&self) -> Segment {
        std::iter::successors(Some(self.first()), |segment| segment.next()).last().unwrap_or(self.first())
    }

    /// The first segment's bytes.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        let first = self.first();
        // SAFETY: the segment's data, which lives and does not change while `self` is borrowed.
        unsafe { slice::from_raw_parts(first.data(), first.data_length()) }
    }

    /// The first segment's bytes.
    #[inline]
    #[must_use]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let first = self.first();
        // SAFETY: the segment's data, which lives and is nobody else's while `self` is borrowed.
        unsafe { slice::from_raw_parts_mut(first.data(), first.data_length()) }
    }

    /// Bytes of the whole packet.
    #[inline]
    #[must_use]
    pub fn length(&self) -> usize {
        self.first().packet_length()
    }

    /// Segments of the chain; 1 for most packets.
    #[inline]
    #[must_use]
    pub fn segment_count(&self) -> usize {
        usize::from(self.first().count())
    }

    /// The bytes of each segment, in order.
    #[must_use]
    pub fn segments(&self) -> Segments<'_> {
        Segments { next: Some(self.first()), mbuf: PhantomData }
    }

    /// Bytes free before the packet.
    #[must_use]
    pub fn headroom(&self) -> usize {
        self.first().data_offset()
    }

    /// Bytes free after the packet, in its last segment.
    #[must_use]
    pub fn tailroom(&self) -> usize {
        self.last().tailroom()
    }

    /// The hash by which the port chose the queue, if it said so.
    #[inline]
    #[must_use]
    pub fn rss_hash(&self) -> Option<u32> {
        let first = self.first();
        (first.flags() & dpdk_sys::RTE_MBUF_F_RX_RSS_HASH != 0).then(|| first.rss())
    }

    /// Makes the packet longer by `bytes` at its beginning and returns these, whatever is in them. None when there is
    /// less headroom.
    pub fn prepend(&mut self, bytes: usize) -> Option<&mut [u8]> {
        let first = self.first();
        first.set_data_offset(first.data_offset().checked_sub(bytes)?);
        first.set_data_length(first.data_length() + bytes);
        first.set_packet_length(first.packet_length() + bytes);
        // SAFETY: the first `bytes` bytes of the segment's data; nobody else's while `self` is borrowed.
        Some(unsafe { slice::from_raw_parts_mut(first.data(), bytes) })
    }

    /// Makes the packet longer by `bytes` at its end and returns these, whatever is in them. None when there is less
    /// tailroom.
    pub fn append(&mut self, bytes: usize) -> Option<&mut [u8]> {
        let (first, last) = (self.first(), self.last());
        if bytes > last.tailroom() {
            return None;
        }
        let before = last.data_length();
        last.set_data_length(before + bytes);
        first.set_packet_length(first.packet_length() + bytes);
        // SAFETY: the last `bytes` bytes of the segment's data; nobody else's while `self` is borrowed.
        Some(unsafe { slice::from_raw_parts_mut(last.data().add(before), bytes) })
    }

    /// Cuts the packet to its first `length` bytes, if it is longer. Segments that become empty are freed: drivers do
    /// not take them.
    pub fn truncate(&mut self, length: usize) {
        let first = self.first();
        if length >= first.packet_length() {
            return;
        }
        let (mut last, mut left, mut count) = (first, length, 1);
        while left > last.data_length() {
            let Some(next) = last.next() else { break };
            left -= last.data_length();
            last = next;
            count += 1;
        }
        last.set_data_length(left.min(last.data_length()));
        if let Some(rest) = last.next() {
            last.set_next(None);
            rest.free();
        }
        first.set_packet_length(length);
        first.set_count(count);
    }

    /// Brings the first `bytes` bytes of the packet into its first segment.
    ///
    /// # Errors
    ///
    /// When the packet is shorter or the first segment's buffer is too small; the packet is as it was.
    #[inline]
    pub fn ensure_contiguous(&mut self, bytes: usize) -> Result<(), ContiguousError> {
        if bytes <= self.first().data_length() { Ok(()) } else { self.gather(bytes) }
    }

    #[cold]
    fn gather(&mut self, bytes: usize) -> Result<(), ContiguousError> {
        let first = self.first();
        let (length, room) = (first.packet_length(), first.buffer_length());
        if bytes > length {
            return Err(ContiguousError::TooShort { asked: bytes, length });
        }
        if bytes > room {
            return Err(ContiguousError::NoRoom { asked: bytes, room });
        }
        if bytes > room - first.data_offset() {
            let data = first.data();
            first.set_data_offset(room - bytes);
            // SAFETY: both ranges are in the first segment's buffer; they may overlap.
            unsafe { ptr::copy(data, first.data(), first.data_length()) };
        }
        while first.data_length() < bytes {
            let Some(next) = first.next() else { break };
            pull(first, next, bytes - first.data_length());
        }
        Ok(())
    }

    /// Chains `more` to the end. The caller keeps the number of segments within 16 bits.
    pub(crate) fn chain(&mut self, more: Self) {
        let first = self.first();
        let more = ManuallyDrop::new(more).first();
        self.last().set_next(Some(more));
        first.set_count(first.count() + more.count());
        first.set_packet_length(first.packet_length() + more.packet_length());
    }

    /// Has the CPU fetch the packet's first cache line.
    #[inline]
    pub fn prefetch(&self) {
        let data = self.first().data().cast_const();
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a hint about an address; any is allowed. SSE belongs to every x86_64.
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(data.cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        // SAFETY: as above.
        unsafe {
            dpdk_sys::shim_prefetch(data.cast());
        }
    }
}

/// Moves up to `bytes` bytes from `next` to the end of `first`, which it follows and which has room for them. Frees
/// `next` when nothing is left in it.
fn pull(first: Segment, next: Segment, bytes: usize) {
    let bytes = bytes.min(next.data_length());
    let end = first.data_length();
    // SAFETY: `first` has tailroom for the bytes that `next` has, and two segments share no memory.
    unsafe { ptr::copy_nonoverlapping(next.data(), first.data().add(end), bytes) };
    first.set_data_length(end + bytes);
    next.skip(bytes);
    if next.data_length() == 0 {
        first.set_next(next.next());
        first.set_count(first.count() - 1);
        next.set_next(None);
        next.free();
    }
}

impl Drop for Mbuf {
    fn drop(&mut self) {
        self.first().free();
    }
}

impl fmt::Debug for Mbuf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (length, segments) = (self.length(), self.segment_count());
        formatter.debug_struct("Mbuf").field("length", &length).field("segments", &segments).finish()
    }
}

/// Frees all buffers of a burst in one call.
pub fn free_burst<const N: usize>(burst: &mut ArrayVec<Mbuf, N>) {
    let count = u32::try_from(burst.len()).unwrap_or(u32::MAX);
    let mbufs = burst.as_mut_ptr().cast::<*mut rte_mbuf>();
    // SAFETY: the burst forgets the buffers first, then they are freed; the array holds their pointers all the time.
    unsafe {
        burst.set_len(0);
        dpdk_sys::rte_pktmbuf_free_bulk(mbufs, count);
    }
}

/// The bytes of each segment of a packet.
pub struct Segments<'a> {
    next: Option<Segment>,
    mbuf: PhantomData<&'a Mbuf>,
}

impl fmt::Debug for Segments<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Segments")
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let segment = self.next?;
        self.next = segment.next();
        // SAFETY: the segment's data, which lives and does not change while the buffer is borrowed.
        Some(unsafe { slice::from_raw_parts(segment.data(), segment.data_length()) })
    }
}
