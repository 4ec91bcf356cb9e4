//! One segment of a buffer, read and written by the offsets of its fields. This must not decide anything: what a chain
//! of segments means is said one level up.

use std::ptr::NonNull;

use dpdk_sys::{rte_mbuf, shim_mbuf as offset};

/// A segment whose memory is valid and ours.
#[derive(Clone, Copy)]
pub(super) struct Segment(NonNull<rte_mbuf>);

impl Segment {
    /// # Safety
    ///
    /// `mbuf` is a live segment and stays so while this is used. Setters, `bytes_mut` and `free` need it exclusively.
    pub(super) const unsafe fn new(mbuf: NonNull<rte_mbuf>) -> Self {
        Self(mbuf)
    }

    #[inline]
    fn field<T>(self, offset: offset::Type) -> *mut T {
        // SAFETY: all offsets are those of fields, inside the segment's header.
        unsafe { self.0.as_ptr().cast::<u8>().add(offset as usize).cast() }
    }

    #[inline]
    fn read<T: Copy>(self, offset: offset::Type) -> T {
        // SAFETY: the field at this offset has this type, is aligned and initialized; see `new`.
        unsafe { self.field::<T>(offset).read() }
    }

    #[inline]
    fn write<T: Copy>(self, offset: offset::Type, value: T) {
        // SAFETY: the field at this offset has this type and is aligned; see `new`.
        unsafe { self.field::<T>(offset).write(value) }
    }

    pub(super) const fn as_ptr(self) -> *mut rte_mbuf {
        self.0.as_ptr()
    }

    /// Bytes in this segment.
    #[inline]
    pub(super) fn data_length(self) -> usize {
        usize::from(self.read::<u16>(offset::SHIM_MBUF_DATA_LEN))
    }

    #[inline]
    pub(super) fn set_data_length(self, bytes: usize) {
        self.write(offset::SHIM_MBUF_DATA_LEN, within_buffer(bytes));
    }

    /// Bytes before the data.
    #[inline]
    pub(super) fn data_offset(self) -> usize {
        usize::from(self.read::<u16>(offset::SHIM_MBUF_DATA_OFF))
    }

    #[inline]
    pub(super) fn set_data_offset(self, bytes: usize) {
        self.write(offset::SHIM_MBUF_DATA_OFF, within_buffer(bytes));
    }

    /// Bytes of the buffer: before, of and after the data.
    #[inline]
    pub(super) fn buffer_length(self) -> usize {
        usize::from(self.read::<u16>(offset::SHIM_MBUF_BUF_LEN))
    }

    /// Bytes after the data.
    #[inline]
    pub(super) fn tailroom(self) -> usize {
        self.buffer_length() - self.data_offset() - self.data_length()
    }

    /// Where the data begins.
    #[inline]
    pub(super) fn data(self) -> *mut u8 {
        // SAFETY: the data begins inside the buffer, or at its end when there is none.
        unsafe { self.read::<*mut u8>(offset::SHIM_MBUF_BUF_ADDR).add(self.data_offset()) }
    }

    /// Moves the beginning of the data by `bytes`, which the segment has.
    pub(super) fn skip(self, bytes: usize) {
        self.set_data_offset(self.data_offset() + bytes);
        self.set_data_length(self.data_length() - bytes);
    }

    /// The next segment of the chain.
    #[inline]
    pub(super) fn next(self) -> Option<Self> {
        NonNull::new(self.read::<*mut rte_mbuf>(offset::SHIM_MBUF_NEXT)).map(Self)
    }

    pub(super) fn set_next(self, next: Option<Self>) {
        self.write(offset::SHIM_MBUF_NEXT, next.map_or(std::ptr::null_mut(), Self::as_ptr));
    }

    /// Segments of the chain that this one begins.
    #[inline]
    pub(super) fn count(self) -> u16 {
        self.read(offset::SHIM_MBUF_NB_SEGS)
    }

    pub(super) fn set_count(self, segments: u16) {
        self.write(offset::SHIM_MBUF_NB_SEGS, segments);
    }

    /// Bytes of the chain that this one begins.
    #[inline]
    pub(super) fn packet_length(self) -> usize {
        self.read::<u32>(offset::SHIM_MBUF_PKT_LEN) as usize
    }

    #[inline]
    pub(super) fn set_packet_length(self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.write(offset::SHIM_MBUF_PKT_LEN, bytes);
    }

    /// What the port found out about the packet.
    #[inline]
    pub(super) fn flags(self) -> u64 {
        self.read(offset::SHIM_MBUF_OL_FLAGS)
    }

    /// The hash that the port computed, if the flags say so.
    #[inline]
    pub(super) fn rss(self) -> u32 {
        self.read(offset::SHIM_MBUF_RSS)
    }

    /// Frees the chain that begins here.
    pub(super) fn free(self) {
        // SAFETY: a live chain, which is ours alone and not used any more; see `new`.
        unsafe { dpdk_sys::shim_mbuf_free(self.as_ptr()) }
    }
}

/// Lengths and offsets of a buffer are 16 bits; a larger one would be a defect of this crate.
#[inline]
fn within_buffer(bytes: usize) -> u16 {
    debug_assert!(bytes <= usize::from(u16::MAX), "{bytes} bytes in one segment");
    #[expect(clippy::cast_possible_truncation, reason = "each caller compared it with the buffer's length")]
    {
        bytes as u16
    }
}
