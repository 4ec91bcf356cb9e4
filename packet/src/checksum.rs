//! One's-complement checksums, and their incremental update (RFC 1624).

/// The difference that a change of some 16-bit words makes to a one's-complement checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChecksumDelta(u16);

impl ChecksumDelta {
    /// No difference.
    pub const ZERO: Self = Self(0);

    /// The difference when the words `old` become `new`.
    pub fn between(old: impl IntoIterator<Item = u16>, new: impl IntoIterator<Item = u16>) -> Self {
        let removed: u32 = old.into_iter().map(|word| u32::from(!word)).sum();
        let added: u32 = new.into_iter().map(u32::from).sum();
        Self(fold(removed + added))
    }

    /// Both differences together.
    #[inline]
    #[must_use]
    pub fn combine(self, other: Self) -> Self {
        Self(fold(u32::from(self.0) + u32::from(other.0)))
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
    pub fn apply(self, checksum: u16) -> u16 {
        !fold(u32::from(!checksum) + u32::from(self.0))
    }
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "both carries are folded in")]
/// Folds the carries of a sum of 16-bit words back into 16 bits.
pub(crate) const fn fold(sum: u32) -> u16 {
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    sum as u16
}
