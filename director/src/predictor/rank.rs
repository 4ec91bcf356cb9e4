//! What candidates are compared by, as one number: the least is chosen.

use model::limits;

/// Whether a real server may be chosen; the better first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// It is in service, and its next hop is known.
    Reachable,
    /// It is in service, and its next hop's station is being asked for.
    Awaited,
    /// It is in service, and no route leads there.
    Unreachable,
    /// It gets no connections.
    OutOfService,
}

/// Bits of a rank, the most significant first: standing, merit, turn, place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(u128);

const PLACE_BITS: u32 = 16;
/// Enough for years of millions of connections a second; after that, turns begin again, and for once the order among
/// equals is another.
const TURN_BITS: u32 = 48;
const MERIT_BITS: u32 = 62;

const MERIT_SHIFT: u32 = PLACE_BITS + TURN_BITS;
const STANDING_SHIFT: u32 = MERIT_SHIFT + MERIT_BITS;

const _: () = assert!(STANDING_SHIFT == u128::BITS - 2, "a standing is two bits");
const _: () = assert!(limits::BINDINGS <= 1 << PLACE_BITS);

impl Rank {
    /// Behind all others.
    pub(super) const LAST: Self = Self(u128::MAX);

    /// Of the candidate at `place`: the smaller `merit` is chosen, and of the same merit the smaller `turn`.
    #[inline]
    pub(super) const fn new(standing: Standing, merit: u64, turn: u64, place: usize) -> Self {
        let turn = turn & ((1 << TURN_BITS) - 1);
        Self(
            (standing as u128) << STANDING_SHIFT
                | (merit as u128) << MERIT_SHIFT
                | (turn as u128) << PLACE_BITS
                | place as u128,
        )
    }

    /// The candidate's.
    #[inline]
    pub(super) const fn place(self) -> usize {
        self.0 as usize & ((1 << PLACE_BITS) - 1)
    }

    /// What it was made with.
    #[inline]
    pub(super) const fn merit(self) -> u64 {
        (self.0 >> MERIT_SHIFT) as u64 & ((1 << MERIT_BITS) - 1)
    }

    #[inline]
    pub(super) const fn is_in_service(self) -> bool {
        self.0 >> STANDING_SHIFT < Standing::OutOfService as u128
    }

    #[inline]
    pub(super) const fn is_reachable(self) -> bool {
        self.0 >> STANDING_SHIFT == Standing::Reachable as u128
    }
}

/// Shares of 1 with which weights are reckoned. Two fractions whose denominators are weights are apart by more than
/// one of these, so that rounding down keeps their order, and only equal fractions become equal.
pub(super) const ONE: u64 = 1 << 20;

const _: () = assert!((limits::WEIGHT as u64).pow(2) < ONE);
const _: () = assert!((limits::CONNECTIONS as u64 + 1) < (1 << MERIT_BITS) / ONE);

/// The load that a real server would have with one connection more.
#[inline]
pub(super) const fn load(connections: u32, weight: u16) -> u64 {
    (connections as u64 + 1) * ONE / weight as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn standing_then_merit_then_turn_then_place_decide(
            one in (0..4_usize, 0..3_u64, 0..3_u64, 0..3_usize),
            other in (0..4_usize, 0..3_u64, 0..3_u64, 0..3_usize),
        ) {
            let standings =
                [Standing::Reachable, Standing::Awaited, Standing::Unreachable, Standing::OutOfService];
            let rank = |(standing, merit, turn, place): (usize, u64, u64, usize)| {
                Rank::new(standings[standing], merit, turn, place)
            };
            prop_assert_eq!(rank(one).cmp(&rank(other)), one.cmp(&other));
            prop_assert_eq!((rank(one).merit(), rank(one).place()), (one.1, one.3));
            prop_assert!(rank(one) <= Rank::LAST);
        }

        #[test]
        fn loads_compare_as_the_fractions_do(
            one in (0..67_000_000_u32, 1..=limits::WEIGHT),
            other in (0..67_000_000_u32, 1..=limits::WEIGHT),
            near in -2_i64..=2,
        ) {
            let times = |connections: u32, weight: u16| (u64::from(connections) + 1) * u64::from(weight);
            // And one that is as near to the first as its weight allows.
            let same = i64::try_from(times(one.0, other.1) / u64::from(one.1)).unwrap() - 1;
            let beside = (u32::try_from((same + near).clamp(0, 67_000_000)).unwrap(), other.1);
            for second in [other, beside] {
                let fractions = times(one.0, second.1).cmp(&times(second.0, one.1));
                prop_assert_eq!(load(one.0, one.1).cmp(&load(second.0, second.1)), fractions);
            }
        }
    }
}
