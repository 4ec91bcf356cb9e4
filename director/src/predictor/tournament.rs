//! A tournament among candidates of which one changes at a time.
//!
//! A tree of groups of four, each of which is one cache line. The candidates are in the groups of the lowest level; each
//! place of a group above has the best of one group below. It knows nothing of what ranks mean.

use super::rank::Rank;

/// Places of a group.
const WIDTH: usize = 4;

/// Candidates, or the winners of groups.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Group([Rank; WIDTH]);

const _: () = assert!(size_of::<Group>() == 64);

/// Candidates, numbered by place.
#[derive(Debug)]
pub(super) struct Tournament {
    /// Below place `n` of group `g` is group 4g + n + 1.
    groups: Box<[Group]>,
    /// The first group of candidates.
    first: usize,
    places: usize,
    best: Rank,
}

impl Tournament {
    /// All places rank last.
    pub(super) fn new(places: usize) -> Self {
        let (mut first, mut level) = (0, 1);
        while level * WIDTH < places {
            first += level;
            level *= WIDTH;
        }
        let groups = vec![Group([Rank::LAST; WIDTH]); first + places.div_ceil(WIDTH)].into();
        Self { groups, first, places, best: Rank::LAST }
    }

    /// Sets the rank of `place`. Ends where a group is won as it was before.
    #[inline]
    pub(super) fn set(&mut self, place: usize, rank: Rank) {
        let (mut group, mut at, mut rank) = (self.first + place / WIDTH, place % WIDTH, rank);
        loop {
            let Group(ranks) = &mut self.groups[group];
            ranks[at] = rank;
            // What the others are is known before `rank` is: a level takes one comparison of its own.
            rank = rank.min(least_beside(ranks, at));
            if group == 0 {
                self.best = rank;
                return;
            }
            (group, at) = ((group - 1) / WIDTH, (group - 1) % WIDTH);
            if self.groups[group].0[at] == rank {
                return;
            }
        }
    }

    /// The best rank that is in service.
    #[inline]
    pub(super) fn winner(&self) -> Option<Rank> {
        Some(self.best).filter(|rank| rank.is_in_service())
    }

    /// The candidate's at `place`.
    #[inline]
    pub(super) fn rank(&self, place: usize) -> Rank {
        self.groups[self.first + place / WIDTH].0[place % WIDTH]
    }

    /// All candidates, by place.
    pub(super) fn ranks(&self) -> impl Iterator<Item = Rank> {
        self.groups[self.first..].iter().flat_map(|group| group.0).take(self.places)
    }

    /// How many there are.
    pub(super) const fn places(&self) -> usize {
        self.places
    }
}

/// The best of a group but for the one at `at`. Inlined into a loop its comparisons become branches, of which the
/// processor guesses every third wrong; by itself it has none.
#[inline(never)]
fn least_beside(ranks: &[Rank; WIDTH], at: usize) -> Rank {
    let [a, b, c] = [1, 2, 3].map(|other| ranks[(at ^ other) % WIDTH]);
    a.min(b).min(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::rank::Standing;
    use super::*;

    proptest! {
        #[test]
        fn winner_is_the_least_after_each_change(
            places in prop_oneof![1..70_usize, 200..300_usize],
            changes in prop::collection::vec((any::<prop::sample::Index>(), 0..9_u64, any::<bool>()), 1..200),
        ) {
            let mut tournament = Tournament::new(places);
            let mut plain = vec![Rank::LAST; places];
            for (place, merit, is_in_service) in changes {
                let place = place.index(places);
                let standing = if is_in_service { Standing::Reachable } else { Standing::OutOfService };
                let rank = Rank::new(standing, merit, 0, place);
                tournament.set(place, rank);
                plain[place] = rank;
                let least = plain.iter().min().copied().filter(|rank| rank.is_in_service());
                prop_assert_eq!(tournament.winner(), least);
                prop_assert!(tournament.ranks().eq(plain.iter().copied()));
                prop_assert_eq!(tournament.rank(place), plain[place]);
            }
        }
    }

    #[test]
    fn nobody_wins_where_nobody_plays() {
        assert_eq!(Tournament::new(0).winner(), None);
        assert_eq!(Tournament::new(3).winner(), None);
    }
}
