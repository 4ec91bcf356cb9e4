//! DPDK's hash table, `rte_hash`: a peer of `flow-table`.
//!
//! It is called as C programs call it, with nothing between. It must never be made without a started EAL, whose memory
//! it is in.

use std::ffi::{CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};

use dpdk::Eal;

/// What is looked up: as large as the key of an IPv4 connection, and without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Key(pub(crate) [u64; 2]);

/// The most keys of one bulk lookup: `RTE_HASH_LOOKUP_BULK_MAX`.
pub(crate) const BULK: usize = 64;

/// There is no memory for a table.
#[derive(Debug, thiserror::Error)]
#[error("rte_hash gets no memory for {keys} keys from EAL: give it more (-m, or vm.nr_hugepages)")]
pub(crate) struct NoMemory {
    keys: u32,
}

/// Whether others may read while one writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Only the writer reads.
    None,
    /// `RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF`. Keys can not be removed here: their places are given up by hand.
    LockFree,
}

/// A table from keys to numbers.
pub(crate) struct RteHash<'eal> {
    handle: NonNull<Handle>,
    eal: PhantomData<&'eal Eal>,
}

#[repr(C)]
struct Handle {
    _opaque: [u8; 0],
}

unsafe extern "C" {
    fn peer_hash_create(name: *const c_char, keys: u32, key_bytes: u32, is_lock_free: c_int) -> *mut Handle;
    fn peer_heap_bytes() -> usize;
    fn rte_hash_free(table: *mut Handle);
    fn rte_hash_add_key_data(table: *const Handle, key: *const c_void, data: *mut c_void) -> c_int;
    fn rte_hash_del_key(table: *const Handle, key: *const c_void) -> i32;
    fn rte_hash_lookup_data(table: *const Handle, key: *const c_void, data: *mut *mut c_void) -> c_int;
    fn rte_hash_lookup_bulk_data(
        table: *const Handle,
        keys: *mut *const c_void,
        count: u32,
        hits: *mut u64,
        data: *mut *mut c_void,
    ) -> c_int;
}

impl<'eal> RteHash<'eal> {
    /// An empty table with room for `keys` and a quarter more: its cuckoo hashing gets stuck before it is full.
    pub(crate) fn new(_eal: &'eal Eal, keys: usize, readers: Readers) -> Result<Self, NoMemory> {
        let keys = u32::try_from(keys + keys / 4).unwrap_or(u32::MAX).max(64);
        let name = unused_name();
        let is_lock_free = c_int::from(readers == Readers::LockFree);
        #[expect(clippy::cast_possible_truncation, reason = "16")]
        const KEY_BYTES: u32 = size_of::<Key>() as u32;
        // SAFETY: EAL runs, as `Eal` proves; the name is a NUL-terminated text that is copied.
        let handle = unsafe { peer_hash_create(name.as_ptr(), keys, KEY_BYTES, is_lock_free) };
        NonNull::new(handle).map(|handle| Self { handle, eal: PhantomData }).ok_or(NoMemory { keys })
    }

    /// Puts `number` under `key`. `false` if there is no place.
    pub(crate) fn insert(&mut self, key: &Key, number: u32) -> bool {
        let data = ptr::without_provenance_mut(number as usize);
        // SAFETY: the table lives, `&mut` makes this the only user, and the key has the bytes that the table was made
        // for. The data are a number in the guise of a pointer, which the table stores only.
        unsafe { rte_hash_add_key_data(self.handle.as_ptr(), ptr::from_ref(key).cast(), data) == 0 }
    }

    /// Removes `key`. `false` if it is not there.
    pub(crate) fn remove(&mut self, key: &Key) -> bool {
        // SAFETY: as for `insert`.
        unsafe { rte_hash_del_key(self.handle.as_ptr(), ptr::from_ref(key).cast()) >= 0 }
    }

    /// The number under `key`.
    #[inline]
    pub(crate) fn find(&self, key: &Key) -> Option<usize> {
        let mut data = ptr::null_mut();
        // SAFETY: as for `insert`, and lookups do not change the table; `data` outlives the call.
        let found =
            unsafe { rte_hash_lookup_data(self.handle.as_ptr(), ptr::from_ref(key).cast(), &raw mut data) };
        (found >= 0).then_some(data.addr())
    }

    /// Looks up to [`BULK`] keys up at once. Sets the numbers under those that are there, and returns a bit for each
    /// of these.
    #[inline]
    pub(crate) fn find_bulk(&self, keys: &[&Key], numbers: &mut [usize; BULK]) -> u64 {
        assert!(!keys.is_empty() && keys.len() <= BULK, "a bulk is of 1 to 64 keys");
        let mut hits = 0;
        #[expect(clippy::cast_possible_truncation, reason = "at most 64")]
        let count = keys.len() as u32;
        // SAFETY: the table lives, and lookups do not change it. `keys` are `count` pointers to keys, which are only
        // read; `numbers` has room for as many pointers, and any pointer's address is a number.
        unsafe {
            rte_hash_lookup_bulk_data(
                self.handle.as_ptr(),
                keys.as_ptr().cast_mut().cast(),
                count,
                &raw mut hits,
                numbers.as_mut_ptr().cast(),
            );
        }
        hits
    }
}

impl Drop for RteHash<'_> {
    fn drop(&mut self) {
        // SAFETY: the table is freed here only, and nobody uses it any more.
        unsafe { rte_hash_free(self.handle.as_ptr()) };
    }
}

/// EAL refuses a second table of one name.
fn unused_name() -> CString {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let digits = NEXT.fetch_add(1, Ordering::Relaxed).to_string();
    // Digits have no NUL byte in them.
    CString::new(digits).unwrap_or_default()
}

/// Bytes of EAL's memory that are in use: to be compared before and after a table is made.
pub(crate) fn heap_bytes(_eal: &Eal) -> usize {
    // SAFETY: EAL runs, as `Eal` proves.
    unsafe { peer_heap_bytes() }
}
