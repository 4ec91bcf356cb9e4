//! The hash index: from a hash to the entries that may have it.
//!
//! A key is put into its home bucket, or, if that is full, into the next that is not; the full ones count it.
//! A lookup starts at home and goes on only from a bucket that counted somebody, so a miss costs one cache line
//! as a rule. The next bucket is the neighbour: at the fill chosen here clusters stay short, and neighbours share
//! a page, often a pair of lines that the processor fetches together.
//!
//! It must never be trusted about keys: equal tags are not equal keys.

use crate::FlowId;
use crate::bucket::{Bucket, PLACES};
use crate::pages;
use crate::prefetch::prefetch;
use crate::zeroed::ZeroedSlice;

/// Keys for each bucket when the table is full. With 5 of 10 places taken on average, one bucket in 70 has overflowed and
/// 3 keys in 1,000 are not at home: each of these waits for a bucket that nobody asked for in time, so that with 6 keys,
/// where it is 14 in 1,000, a lookup in a full table costs 8 % more, and one that misses 40 %.
const KEYS_PER_BUCKET: usize = 5;

const _: () = assert!(KEYS_PER_BUCKET <= PLACES, "the places must suffice for all keys");

/// Buckets, probed linearly.
pub(crate) struct Index {
    buckets: ZeroedSlice<Bucket>,
}

/// Where a key is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Location {
    bucket: usize,
    place: usize,
}

impl Index {
    /// An index with room for `keys`, whatever their hashes.
    pub(crate) fn with_capacity(keys: usize) -> Self {
        let buckets = ZeroedSlice::<Bucket>::new(keys.div_ceil(KEYS_PER_BUCKET).max(1));
        pages::prefer_huge(buckets.as_ptr(), buckets.len());
        Self { buckets }
    }

    pub(crate) fn populate(&mut self) {
        pages::populate(self.buckets.as_ptr(), self.buckets.len());
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        size_of_val::<[Bucket]>(&self.buckets)
    }

    #[inline(always)]
    pub(crate) fn prefetch(&self, hash: u64) {
        prefetch(self.buckets.as_ptr().wrapping_add(self.home(hash)));
    }

    /// The first entry, in the order of probing, whose tag is that of `hash` and that `accept` takes.
    #[inline(always)]
    pub(crate) fn find(&self, hash: u64, mut accept: impl FnMut(FlowId) -> bool) -> Option<FlowId> {
        let home = &self.buckets[self.home(hash)];
        for place in home.matching(tag(hash)) {
            let entry = home.entry(place);
            if entry.is_some_and(&mut accept) {
                return entry;
            }
        }
        if home.has_overflowed() { self.find_on_path(hash, accept) } else { None }
    }

    /// `find` where the home bucket is not the end of the path.
    #[cold]
    fn find_on_path(&self, hash: u64, mut accept: impl FnMut(FlowId) -> bool) -> Option<FlowId> {
        let location = self.locate(hash, |_, entry| accept(entry))?;
        self.buckets[location.bucket].entry(location.place)
    }

    /// Puts `entry` under `hash`. There must be room: the caller counts.
    pub(crate) fn insert(&mut self, hash: u64, entry: FlowId) {
        let mut bucket = self.home(hash);
        while !self.buckets[bucket].insert(tag(hash), entry) {
            self.buckets[bucket].count_overflow();
            bucket = self.next(bucket);
        }
    }

    /// Removes `entry` from under both `hashes`. `false`, and nothing changes, if it is not there.
    ///
    /// Where both hashes have one tag and their paths overlap, the two places can not be told apart. Each hash then
    /// gets the first one on its path. The way to both places together is never longer than it was when they were
    /// taken, whichever is whose, so no bucket's count gets too small; too large it gets only if the paths go all
    /// the way round.
    pub(crate) fn remove(&mut self, hashes: [u64; 2], entry: FlowId) -> bool {
        let Some(first) = self.locate(hashes[0], |_, found| found == entry) else {
            return false;
        };
        let Some(second) = self.locate(hashes[1], |location, found| found == entry && location != first)
        else {
            return false;
        };
        self.clear(hashes[0], first);
        self.clear(hashes[1], second);
        true
    }

    fn clear(&mut self, hash: u64, location: Location) {
        let mut bucket = self.home(hash);
        while bucket != location.bucket {
            self.buckets[bucket].uncount_overflow();
            bucket = self.next(bucket);
        }
        self.buckets[bucket].remove(location.place);
    }

    /// The first location on the path of `hash` that has its tag and that `accept` takes.
    fn locate(&self, hash: u64, mut accept: impl FnMut(Location, FlowId) -> bool) -> Option<Location> {
        let mut bucket = self.home(hash);
        for _ in 0..self.buckets.len() {
            let current = &self.buckets[bucket];
            for place in current.matching(tag(hash)) {
                let location = Location { bucket, place };
                if current.entry(place).is_some_and(|entry| accept(location, entry)) {
                    return Some(location);
                }
            }
            if !current.has_overflowed() {
                return None;
            }
            bucket = self.next(bucket);
        }
        None
    }

    /// The bucket that `hash` belongs to: its upper bits as a fraction of the number of buckets, which therefore
    /// need not be a power of two.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the product's upper half is less than the length")]
    fn home(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.buckets.len() as u128) >> 64) as usize
    }

    #[inline(always)]
    fn next(&self, bucket: usize) -> usize {
        if bucket + 1 == self.buckets.len() { 0 } else { bucket + 1 }
    }
}

/// What a bucket remembers of a hash: the lower bits, which have no part in the choice of the bucket.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the lower bits are what is wanted")]
const fn tag(hash: u64) -> u16 {
    hash as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: u32 = 600;

    fn mixed(key: u32) -> u64 {
        u64::from(key).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn is_found(index: &Index, hash: u64, entry: u32) -> bool {
        index.find(hash, |found| found == FlowId::of(entry)).is_some()
    }

    fn overflowed(index: &Index) -> usize {
        index.buckets.iter().filter(|bucket| bucket.has_overflowed()).count()
    }

    /// What the constants promise: hardly anybody is away from home when the table is full.
    #[test]
    fn a_full_index_keeps_most_keys_at_home() {
        let mut index = Index::with_capacity(500_000);
        (0..500_000).for_each(|key| index.insert(mixed(key), FlowId::of(key)));
        let buckets = index.buckets.len();
        assert_eq!(buckets, 100_000);
        assert!(overflowed(&index) < buckets / 50, "{} of {buckets} buckets overflowed", overflowed(&index));
    }

    #[test]
    fn counts_return_to_zero_when_all_keys_leave() {
        for same_tag in [false, true] {
            let hash = |key: u32| {
                if same_tag { u64::from(key % 5) << 57 } else { mixed(key % 5) }
            };
            let mut index = Index::with_capacity(2 * KEYS as usize);
            for entry in 0..KEYS {
                index.insert(hash(entry), FlowId::of(entry));
                index.insert(hash(entry + 1), FlowId::of(entry));
            }
            assert!(overflowed(&index) > 100);
            for entry in 0..KEYS {
                assert!(index.remove([hash(entry), hash(entry + 1)], FlowId::of(entry)));
            }
            assert_eq!(overflowed(&index), 0);
        }
    }

    #[test]
    fn a_bucket_that_lost_count_still_finds() {
        let mut index = Index::with_capacity(KEYS as usize);
        let home = index.home(0);
        (0..70_000).for_each(|_| index.buckets[home].count_overflow());
        (0..KEYS / 2).for_each(|entry| {
            index.insert(0, FlowId::of(entry));
            index.insert(0, FlowId::of(entry));
        });
        assert!((0..KEYS / 2).all(|entry| is_found(&index, 0, entry)));
        for entry in 0..KEYS / 2 {
            assert!(index.remove([0, 0], FlowId::of(entry)));
            assert!(!is_found(&index, 0, entry));
            assert!((entry + 1..KEYS / 2).all(|later| is_found(&index, 0, later)));
        }
    }

    #[test]
    fn removal_under_another_hash_changes_nothing() {
        let mut index = Index::with_capacity(8);
        index.insert(mixed(1), FlowId::of(7));
        index.insert(mixed(2), FlowId::of(7));
        assert!(!index.remove([mixed(1), mixed(3)], FlowId::of(7)));
        assert!(!index.remove([mixed(3), mixed(2)], FlowId::of(7)));
        assert!(!index.remove([mixed(1), mixed(1)], FlowId::of(7)));
        assert!(!index.remove([mixed(1), mixed(2)], FlowId::of(8)));
        assert!(is_found(&index, mixed(1), 7) && is_found(&index, mixed(2), 7));
    }

    #[test]
    fn probing_goes_round_the_end() {
        let mut index = Index::with_capacity(60);
        (0..60).for_each(|entry| index.insert(u64::MAX, FlowId::of(entry)));
        assert_eq!(index.home(u64::MAX), index.buckets.len() - 1);
        assert!((0..60).all(|entry| is_found(&index, u64::MAX, entry)));
        assert!(!is_found(&index, u64::MAX, 60));
    }
}
