//! A tournament among candidates of which one changes at a time.
//!
//! A complete binary tree in an array: the candidates are the last half, each node above is the better of the two
//! below it, the winner is at 1. It knows nothing of what ranks mean.

use super::rank::Rank;

/// Candidates, numbered by place.
#[derive(Debug)]
pub(super) struct Tournament {
    /// Node `n` has 2n and 2n + 1 below it; node 0 is not used.
    nodes: Box<[Rank]>,
}

impl Tournament {
    /// All places rank last.
    pub(super) fn new(places: usize) -> Self {
        Self { nodes: vec![Rank::LAST; 2 * places].into() }
    }

    /// Sets the rank of `place`. Ends where a match ends as it did before.
    #[inline]
    pub(super) fn set(&mut self, place: usize, rank: Rank) {
        let mut node = self.nodes.len() / 2 + place;
        self.nodes[node] = rank;
        while node > 1 {
            let better = self.nodes[node].min(self.nodes[node ^ 1]);
            node /= 2;
            if self.nodes[node] == better {
                return;
            }
            self.nodes[node] = better;
        }
    }

    /// The best rank that is in service.
    #[inline]
    pub(super) fn winner(&self) -> Option<Rank> {
        self.nodes.get(1).copied().filter(|rank| rank.is_in_service())
    }

    /// All candidates, by place.
    pub(super) fn ranks(&self) -> &[Rank] {
        &self.nodes[self.nodes.len() / 2..]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::rank::Standing;
    use super::*;

    proptest! {
        #[test]
        fn winner_is_the_least_after_each_change(
            places in 1..70_usize,
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
                prop_assert_eq!(tournament.ranks(), &plain[..]);
            }
        }
    }

    #[test]
    fn nobody_wins_where_nobody_plays() {
        assert_eq!(Tournament::new(0).winner(), None);
        assert_eq!(Tournament::new(3).winner(), None);
    }
}
