//! What candidates are compared by, as one number: the least is chosen.

use model::limits;

use super::slow_start::WHOLE;
use super::speed::SLOWEST_US;

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

/// Shares of 1 with which loads are reckoned. Two fractions whose denominators are a weight times a step of the slow
/// start are apart by more than one of these, so that rounding down keeps their order, and only equal fractions become
/// equal.
const SHARES: u64 = 1 << 28;

/// Shares of a microsecond that a pace is reckoned with, so that weights divide it.
const PACE_SHARES: u64 = 1 << 10;

const STEPS: u64 = WHOLE as u64;

const _: () = assert!((limits::WEIGHT as u64 * STEPS).pow(2) < SHARES);
const _: () = assert!((limits::CONNECTIONS as u64 + 1) < (1 << MERIT_BITS) / (SHARES * STEPS));
const _: () =
    assert!((limits::CONNECTIONS as u64 + 1) < (1 << MERIT_BITS) / (PACE_SHARES * STEPS * SLOWEST_US as u64));

/// The load that a real server would have with one connection more. One that is at an early `step` of its slow start
/// counts as if it had less weight.
#[inline]
pub(super) const fn load(connections: u32, weight: u16, step: u8) -> u64 {
    (connections as u64 + 1) * (SHARES * STEPS) / (weight as u64 * step as u64)
}

/// The load, by how many microseconds the real server takes to answer.
#[inline]
pub(super) const fn pace(answer_us: u32, connections: u32, weight: u16, step: u8) -> u64 {
    answer_us as u64 * (connections as u64 + 1) * (PACE_SHARES * STEPS) / (weight as u64 * step as u64)
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
            one in (0..67_000_000_u32, 1..=limits::WEIGHT, 1..=WHOLE),
            other in (0..67_000_000_u32, 1..=limits::WEIGHT, 1..=WHOLE),
            near in -2_i64..=2,
        ) {
            let times = |connections: u32, (_, weight, step): (u32, u16, u8)| {
                (u64::from(connections) + 1) * u64::from(weight) * u64::from(step)
            };
            // And one that is as near to the first as its weight allows.
            let same = times(one.0, other) / (u64::from(one.1) * u64::from(one.2));
            let same = i64::try_from(same).unwrap() - 1;
            let beside = (u32::try_from((same + near).clamp(0, 67_000_000)).unwrap(), other.1, other.2);
            for second in [other, beside] {
                let fractions = times(one.0, second).cmp(&times(second.0, one));
                let load = |(connections, weight, step)| load(connections, weight, step);
                prop_assert_eq!(load(one).cmp(&load(second)), fractions);
            }
        }

        #[test]
        fn whatever_is_loaded_fits(us in 0..=SLOWEST_US, weight in 1..=limits::WEIGHT, step in 1..=WHOLE) {
            let most = u32::try_from(limits::CONNECTIONS).unwrap();
            for merit in [load(most, weight, step), pace(us, most, weight, step)] {
                prop_assert_eq!(Rank::new(Standing::Reachable, merit, 0, 0).merit(), merit);
            }
            prop_assert!(pace(us, 0, weight, step) <= pace(us, 1, weight, step));
            prop_assert!(us == 0 || pace(us, 0, weight, step) > 0);
        }
    }
}
