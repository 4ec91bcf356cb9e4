//! Until when workers may forward: a unit fences itself.
//!
//! Another unit takes over when it has not heard this one for its patience, which its beats tell. So this unit may
//! forward only as long after its last beat as the shortest patience of those that live, less a margin for what a worker
//! has in its hands. Only links count on which the other says that it hears this unit. A unit whose peers are all known
//! to be dead keeps its lease as long as it turns.
//!
//! What that can not cover: beats that were sent and lost. Units that lose each other's beats on all links are both
//! active until they hear each other again.

use std::time::Duration;

use model::Instant;

use crate::peer::Peer;
use crate::settings::LINKS;

/// The longest margin.
const MARGIN_MOST: Duration = Duration::from_millis(20);

/// What of the other's patience is not used: a tenth, and 1 ms at least.
pub(crate) fn margin(patience: Duration) -> Duration {
    (patience / 10).clamp(Duration::from_millis(1), MARGIN_MOST)
}

/// Until when beats that were sent at these times, by link, hold `peer` back.
pub(crate) fn until(peer: &Peer, sent: &[Option<Instant>; LINKS]) -> Instant {
    let patience = peer.beat.patience;
    let is_heard = |index: usize| peer.hears == 0 || peer.hears & (1 << index) != 0;
    let last = sent.iter().enumerate().filter(|(index, _)| is_heard(*index)).filter_map(|(_, at)| *at).max();
    last.map_or(Instant::START, |last| last + patience.saturating_sub(margin(patience)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Beat;

    #[test]
    fn only_links_count_on_which_the_other_hears_us() {
        let mut beat = Beat::new(2, 1, 1);
        beat.patience = Duration::from_millis(25);
        let mut peer = Peer::new(beat, Instant::START);
        let at = |milliseconds| Some(Instant::from_millis(milliseconds));
        let sent = [at(90), at(100), None, None, None];
        let ends = |peer: &Peer| until(peer, &sent).as_nanos() / 100_000;
        assert_eq!(ends(&peer), 1_225);
        peer.hears = 0b01;
        assert_eq!(ends(&peer), 1_125);
        peer.hears = 0b10;
        assert_eq!(ends(&peer), 1_225);
        assert_eq!(until(&peer, &[None; LINKS]), Instant::START);
    }
}
