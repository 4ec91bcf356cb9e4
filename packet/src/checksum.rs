//! One's-complement checksums (RFC 1071), and their incremental update (RFC 1624).
//!
//! One's complement has two zeros. A sum of words is 0x0000 only if all words are; every other multiple of 0xffff
//! is 0xffff. All that is summed here has a word that is never zero (an IP version, a protocol number, a type), but
//! for the ICMPv4 echo reply; `reply::echo` tells what it does about that.

/// The difference that a change of some 16-bit words makes to the one's-complement sum over them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChecksumDelta(u16);

impl ChecksumDelta {
    /// No difference.
    pub const ZERO: Self = Self(0);

    /// The difference when the high byte of a word is decremented, and was not zero.
    pub(crate) const HIGH_BYTE_LESS_ONE: Self = Self(!0x0100);

    /// The difference when the words `old` become `new`. At most 64 Ki words of both together.
    #[inline]
    pub fn between(old: impl IntoIterator<Item = u16>, new: impl IntoIterator<Item = u16>) -> Self {
        let removed: u32 = old.into_iter().map(|word| u32::from(!word)).sum();
        let added: u32 = new.into_iter().map(u32::from).sum();
        Self(fold(removed + added))
    }

    /// Both differences together.
    #[inline]
    #[must_use]
    pub const fn combine(self, other: Self) -> Self {
        Self(fold(self.0 as u32 + other.0 as u32))
    }

    /// The difference that takes this one back.
    #[inline]
    #[must_use]
    pub const fn inverse(self) -> Self {
        Self(!self.0)
    }

    /// The checksum after the change: HC' = ~(~HC + ~m + m') (RFC 1624, equation 3).
    #[inline]
    #[must_use]
    pub const fn apply(self, checksum: u16) -> u16 {
        !fold(!checksum as u32 + self.0 as u32)
    }

    /// The checksum after this change and `other`.
    #[inline(always)]
    pub(crate) const fn apply_both(self, other: Self, checksum: u16) -> u16 {
        !fold(!checksum as u32 + self.0 as u32 + other.0 as u32)
    }

    /// The checksum after the change, and after that of one more word from `old` to `new`.
    #[inline(always)]
    pub(crate) const fn apply_with(self, checksum: u16, old: u16, new: u16) -> u16 {
        !fold(!checksum as u32 + self.0 as u32 + !old as u32 + new as u32)
    }
}

/// The sum of all 16-bit words, carries not yet folded; an odd last byte is the high byte of a word. At most 64 KiB.
pub(crate) fn sum(bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks::<2>();
    let whole: u32 = words.iter().map(|&word| u32::from(u16::from_be_bytes(word))).sum();
    whole + rest.first().map_or(0, |&last| u32::from(last) << 8)
}

/// Whether bytes that contain their own checksum add up. The length is a multiple of four.
///
/// The order of bytes does not matter to a one's-complement sum (RFC 1071 section 2B), so the machine's is taken, and
/// words of 32 bits are as good as those of 16 until the end.
#[inline(always)]
pub(crate) fn is_right(bytes: &[u8]) -> bool {
    let (words, _) = bytes.as_chunks::<4>();
    let sum: u64 = words.iter().map(|&word| u64::from(u32::from_ne_bytes(word))).sum();
    let sum = sum.wrapping_add(sum.rotate_left(32)) >> 32;
    fold(sum as u32) == 0xffff
}

/// Folds the carries of a sum of 16-bit words back into 16 bits.
#[inline]
pub(crate) const fn fold(sum: u32) -> u16 {
    // Each half is added to the other; the lower half's carry goes into the upper one, whose own is lost only after.
    (sum.wrapping_add(sum.rotate_left(16)) >> 16) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sum_of_rfc_1071() {
        // The example of its section 3.
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(fold(sum(&bytes)), 0xddf2);
        assert_eq!(sum(&[0x12, 0x34, 0x56]), 0x1234 + 0x5600);
    }

    #[test]
    fn update_of_rfc_1624() {
        // The example of its section 4: 0x5555 becomes 0x3285 under the checksum 0xdd2f, where eq. 4 gave 0xffff.
        let delta = ChecksumDelta::between([0x5555], [0x3285]);
        assert_eq!(delta.apply(0xdd2f), 0x0000);
        assert_eq!(delta.inverse().apply(0x0000), 0xdd2f);
    }

    #[test]
    fn no_change_changes_nothing_but_the_form_of_zero() {
        let unchanged = ChecksumDelta::between([0x1234, 0], [0x1234, 0]);
        for checksum in 0..=0xfffe_u16 {
            assert_eq!(unchanged.apply(checksum), checksum);
            assert_eq!(ChecksumDelta::ZERO.apply(checksum), checksum);
        }
        assert_eq!(unchanged.apply(0xffff), 0x0000);
    }

    #[test]
    fn whole_headers_add_up_or_not() {
        let right = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 6, 0x7a, 0xe5, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(is_right(&right));
        for byte in 0..right.len() {
            let mut wrong = right;
            wrong[byte] ^= 0x10;
            assert!(!is_right(&wrong), "byte {byte}");
        }
        assert!(!is_right(&[0; 20]));
        assert!(is_right(&[0xff; 20]));
    }
}
