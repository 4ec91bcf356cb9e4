//! How long this unit told the others that it waits for them.
//!
//! When a fast link is found again, this unit would wait for less than it said before; but until another has heard of
//! that, its lease lasts as long as it was told. So a unit is held to what it told, until it is known that it was heard
//! otherwise.

use std::collections::VecDeque;
use std::time::Duration;

/// Changes that are remembered.
const CHANGES: usize = 8;

/// The patience that beats told: from which sequence on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Promised(VecDeque<(u64, Duration)>);

impl Promised {
    /// The beat with this sequence tells this.
    pub(crate) fn tell(&mut self, sequence: u64, patience: Duration) {
        if self.0.back().is_some_and(|(_, last)| *last == patience) {
            return;
        }
        self.0.push_back((sequence, patience));
        if self.0.len() > CHANGES
            && let Some((first, forgotten)) = self.0.pop_front()
            && let Some(next) = self.0.front_mut()
        {
            *next = (first, next.1.max(forgotten));
        }
    }

    /// The longest that a unit may believe in, which has heard the beat `echoed`, and perhaps later ones.
    pub(crate) fn longest_since(&self, echoed: u64) -> Duration {
        let known = self.0.iter().rposition(|(sequence, _)| *sequence <= echoed).unwrap_or(0);
        self.0.iter().skip(known).map(|(_, patience)| *patience).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_patience_counts_when_it_was_heard_of() {
        let [short, long] = [25, 60].map(Duration::from_millis);
        let mut promised = Promised::default();
        assert_eq!(promised.longest_since(0), Duration::ZERO);
        for (sequence, patience) in [(1, short), (2, short), (10, long), (11, long), (20, short)] {
            promised.tell(sequence, patience);
        }
        for (echoed, longest) in [(0, long), (5, long), (10, long), (19, long), (20, short), (99, short)] {
            assert_eq!(promised.longest_since(echoed), longest, "{echoed}");
        }
    }

    #[test]
    fn what_is_forgotten_counts_as_the_longest() {
        let mut promised = Promised::default();
        for sequence in 1..=100 {
            promised.tell(sequence, Duration::from_millis(sequence % 7));
        }
        assert_eq!(promised.0.len(), CHANGES);
        assert_eq!(promised.longest_since(50), Duration::from_millis(6));
        assert_eq!(promised.longest_since(100), Duration::from_millis(2));
    }
}
