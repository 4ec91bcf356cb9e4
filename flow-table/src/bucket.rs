//! One cache line of the index: ten places, each a tag and the entry that it stands for.
//!
//! A bucket knows nothing of its neighbours or of entries: who probes on, and who verifies, is decided elsewhere.

use crate::FlowId;
use crate::prefetch::CACHE_LINE;
use crate::zeroed::Zeroable;

/// Places in a bucket: what fits a cache line beside two words of bookkeeping.
pub(crate) const PLACES: usize = 10;

/// Ten places. All zeros is an empty bucket. The tags and what follows them are where [`Bucket::with_tag`] expects them.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Bucket {
    tags: [u16; PLACES],
    /// Bit `i`: place `i` is taken.
    taken: u16,
    /// Keys that belong here or before, and were put further on because this bucket was full. Zero tells a lookup
    /// that it need not go on.
    overflow: u16,
    entries: [Option<FlowId>; PLACES],
}

const _: () = assert!(size_of::<Bucket>() == CACHE_LINE);
const _: () = assert!(PLACES <= 16, "`taken` is a bit for each place");

// SAFETY: integers, and `Option`s of a `NonZeroU32`, for which zero is `None`.
unsafe impl Zeroable for Bucket {}

impl Bucket {
    const FULL: u16 = (1 << PLACES) - 1;

    /// The places that are taken and have `tag`.
    #[inline(always)]
    pub(crate) fn matching(&self, tag: u16) -> Places {
        let taken = self.taken;
        Places(self.with_tag(tag) & taken)
    }

    /// The entry at `place`; `None` if it was never taken.
    #[inline(always)]
    pub(crate) const fn entry(&self, place: usize) -> Option<FlowId> {
        self.entries[place]
    }

    /// Whether a key was put further on because this bucket was full.
    #[inline(always)]
    pub(crate) const fn has_overflowed(&self) -> bool {
        self.overflow != 0
    }

    /// Takes a place. `false`, and nothing changes, if all are taken.
    #[inline]
    pub(crate) fn insert(&mut self, tag: u16, entry: FlowId) -> bool {
        if self.taken == Self::FULL {
            return false;
        }
        let place = self.taken.trailing_ones() as usize;
        self.taken |= 1 << place;
        self.tags[place] = tag;
        self.entries[place] = Some(entry);
        true
    }

    /// Gives `place` up.
    #[inline]
    pub(crate) const fn remove(&mut self, place: usize) {
        self.taken &= !(1 << place);
    }

    /// A key passes by. The count sticks at its maximum: then it is no longer known how many there are, so that
    /// lookups go on from here for ever, which costs time and is never wrong.
    #[inline]
    pub(crate) const fn count_overflow(&mut self) {
        self.overflow = self.overflow.saturating_add(1);
    }

    /// A key that passed by is gone.
    #[inline]
    pub(crate) fn uncount_overflow(&mut self) {
        debug_assert!(self.overflow > 0, "more keys left than passed");
        if self.overflow != u16::MAX {
            self.overflow = self.overflow.saturating_sub(1);
        }
    }
}

/// A set of places of one bucket, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Places(u16);

impl Iterator for Places {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let place = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(place)
    }
}

impl Bucket {
    /// Bit `i`: place `i` has `tag`, taken or not. Bits that are no place's may have any value.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn with_tag(&self, tag: u16) -> u16 {
        use std::arch::x86_64::{
            __m128i, _mm_cmpeq_epi16, _mm_load_si128, _mm_movemask_epi8, _mm_packs_epi16, _mm_set1_epi16,
        };
        const { assert!(std::mem::offset_of!(Bucket, tags) == 0 && size_of::<Bucket>() >= 32) };
        let start: *const __m128i = (&raw const *self).cast();
        // SAFETY: `start` is the bucket's, which is aligned to 64 bytes and longer than the two times 16 bytes that are
        // read; all of them are initialised. What follows the tags is compared, too, and gives the bits that are no
        // place's. All of this is SSE2, which belongs to every x86_64.
        let hits = unsafe {
            let wanted = _mm_set1_epi16(tag.cast_signed());
            let first = _mm_cmpeq_epi16(_mm_load_si128(start), wanted);
            let last = _mm_cmpeq_epi16(_mm_load_si128(start.add(1)), wanted);
            _mm_movemask_epi8(_mm_packs_epi16(first, last))
        };
        #[expect(clippy::cast_possible_truncation, reason = "one bit for each of 16 bytes")]
        let hits = hits.cast_unsigned() as u16;
        hits
    }

    /// Bit `i`: place `i` has `tag`, taken or not.
    #[cfg(not(target_arch = "x86_64"))]
    #[inline(always)]
    fn with_tag(&self, tag: u16) -> u16 {
        self.with_tag_scalar(tag)
    }

    /// The same for processors without SSE2, and what that is tested against.
    #[cfg(any(test, not(target_arch = "x86_64")))]
    fn with_tag_scalar(&self, tag: u16) -> u16 {
        self.tags.iter().rev().fold(0, |hits, &candidate| hits << 1 | u16::from(candidate == tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn empty() -> Bucket {
        Bucket { tags: [0; PLACES], taken: 0, overflow: 0, entries: [None; PLACES] }
    }

    #[test]
    fn an_empty_bucket_matches_nothing_not_even_tag_zero() {
        assert_eq!(empty().matching(0).count(), 0);
    }

    #[test]
    fn takes_ten_and_refuses_the_eleventh() {
        let mut bucket = empty();
        for entry in 0..10 {
            assert!(bucket.insert(7, FlowId::of(entry)));
        }
        assert!(!bucket.insert(7, FlowId::of(10)));
        let entries = bucket.matching(7).map(|place| bucket.entry(place).unwrap().index());
        assert!(entries.eq(0..10));
    }

    #[test]
    fn a_place_given_up_no_longer_matches_and_is_taken_again() {
        let mut bucket = empty();
        for entry in 0..10 {
            assert!(bucket.insert(7, FlowId::of(entry)));
        }
        bucket.remove(4);
        assert!(!bucket.matching(7).any(|place| bucket.entry(place) == Some(FlowId::of(4))));
        assert!(bucket.insert(9, FlowId::of(44)));
        assert_eq!(bucket.matching(9).collect::<Vec<_>>(), [4]);
        assert_eq!(bucket.entry(4), Some(FlowId::of(44)));
    }

    #[test]
    fn the_overflow_count_returns_to_zero() {
        let mut bucket = empty();
        for _ in 0..1_000 {
            bucket.count_overflow();
        }
        for _ in 0..1_000 {
            assert!(bucket.has_overflowed());
            bucket.uncount_overflow();
        }
        assert!(!bucket.has_overflowed());
    }

    #[test]
    fn the_overflow_count_sticks_at_its_maximum() {
        let mut bucket = empty();
        for _ in 0..70_000 {
            bucket.count_overflow();
        }
        for _ in 0..70_000 {
            bucket.uncount_overflow();
        }
        assert!(bucket.has_overflowed());
    }

    proptest! {
        #[test]
        fn simd_and_scalar_agree(tags in prop::array::uniform10(0_u16..4), extreme in any::<u16>(), tag in 0_u16..4) {
            let full = |tags| Bucket { tags, taken: Bucket::FULL, ..empty() };
            let agree = |bucket: Bucket, tag| bucket.matching(tag) == Places(bucket.with_tag_scalar(tag));
            prop_assert!(agree(full(tags), tag));
            // The saturating pack must not confuse tags that differ in one half only.
            let shifted = tags.map(|tag| extreme ^ (tag << 14) ^ tag);
            for tag in [extreme, extreme ^ 1, extreme ^ 0x8000, tag] {
                prop_assert!(agree(full(shifted), tag));
            }
        }
    }
}
