//! Flows of which a watching standby saw one side: a client's packets to a virtual server outside, or what became of them
//! inside. There is room for a fixed number; the oldest of a bucket gives way.

use ahash::RandomState;
use arrayvec::ArrayVec;
use model::limits::HALF_KNOWN;
use model::{Endpoint, Protocol};

use crate::PortRole;

/// Halves in one bucket.
pub(super) const WAYS: usize = 8;

const BUCKETS: usize = HALF_KNOWN / WAYS;

const _: () = assert!(BUCKETS.is_power_of_two());

/// How long what was seen inside waits for what was to be seen before: copies overtake each other on their ways over two
/// ports and two workers, but not by more. Later it would be taken for another flow's of the same client's port.
const INSIDE_MS: u32 = 100;

/// One side of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Half {
    pub(super) side: PortRole,
    pub(super) protocol: Protocol,
    pub(super) client: Endpoint,
    /// Outside the virtual server, inside the real server.
    pub(super) server: Endpoint,
    /// The real server answered the client's SYN: the active unit tells of no connection before. Outside also if the first
    /// that was seen was no SYN.
    pub(super) is_answered: bool,
    /// Inside: the client sent something that the active unit would not let pass without a connection.
    pub(super) is_confirmed: bool,
    pub(super) seen_ms: u32,
}

/// The flows. A bucket has its oldest first.
pub(super) struct HalfKnown {
    buckets: Box<[ArrayVec<Half, WAYS>]>,
    hasher: RandomState,
}

impl Half {
    fn is_same(&self, other: &Self) -> bool {
        (self.side, self.server) == (other.side, other.server) && self.is_of(other.protocol, other.client)
    }

    fn is_of(&self, protocol: Protocol, client: Endpoint) -> bool {
        (self.protocol, self.client) == (protocol, client)
    }

    const fn is_fresh(&self, now_ms: u32) -> bool {
        now_ms.wrapping_sub(self.seen_ms) <= INSIDE_MS
    }

    /// This half with what was known of it before.
    const fn after(self, before: Self) -> Self {
        match self.side {
            // A segment that follows a SYN proves nothing that the SYN did not; a new SYN begins anew.
            PortRole::Outside => Self { is_answered: self.is_answered && before.is_answered, ..self },
            PortRole::Inside if before.is_fresh(self.seen_ms) => Self {
                is_answered: self.is_answered || before.is_answered,
                is_confirmed: self.is_confirmed || before.is_confirmed,
                ..self
            },
            PortRole::Inside => self,
        }
    }
}

impl HalfKnown {
    pub(super) fn new(hasher: &RandomState) -> Self {
        Self { buckets: vec![ArrayVec::new(); BUCKETS].into(), hasher: hasher.clone() }
    }

    /// Remembers `half`, beside what is known of it. Returns whether another one had to give way.
    pub(super) fn remember(&mut self, mut half: Half) -> bool {
        let bucket = self.bucket(half.protocol, half.client);
        if let Some(place) = bucket.iter().position(|other| other.is_same(&half)) {
            half = half.after(bucket.remove(place));
        }
        let gives_way = bucket.is_full();
        if gives_way {
            bucket.remove(0);
        }
        bucket.push(half);
        gives_way
    }

    /// The two sides of the client's flows that `belong` together, outside and inside, and were seen within a short time.
    pub(super) fn pairs(
        &mut self,
        (protocol, client, now_ms): (Protocol, Endpoint, u32),
        belong: impl Fn(&Half, &Half) -> bool,
    ) -> ArrayVec<(Half, Half), WAYS> {
        let bucket = self.bucket(protocol, client);
        let halves: ArrayVec<Half, WAYS> =
            bucket.iter().filter(|half| half.is_of(protocol, client)).copied().collect();
        let fresh = |half: &&Half| half.side == PortRole::Inside && half.is_fresh(now_ms);
        let mut found = ArrayVec::new();
        for outside in bucket.iter_mut().filter(|half| half.is_of(protocol, client)) {
            for inside in halves.iter().filter(fresh) {
                if outside.side == PortRole::Outside && belong(outside, inside) {
                    // For good: the client may take its time to confirm it.
                    outside.is_answered |= inside.is_answered;
                    if outside.is_answered && inside.is_confirmed {
                        let _ = found.try_push((*outside, *inside));
                    }
                }
            }
        }
        found
    }

    /// Forgets a side of a flow: both are known.
    pub(super) fn forget(&mut self, known: &Half) {
        self.bucket(known.protocol, known.client).retain(|half| !half.is_same(known));
    }

    pub(super) fn clear(&mut self) {
        self.buckets.iter_mut().for_each(ArrayVec::clear);
    }

    fn bucket(&mut self, protocol: Protocol, client: Endpoint) -> &mut ArrayVec<Half, WAYS> {
        // Less than there are buckets, so it fits.
        let place = usize::try_from(self.hasher.hash_one((protocol, client)) % BUCKETS as u64).unwrap_or(0);
        &mut self.buckets[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PortRole::{Inside, Outside};

    const CLIENT: u16 = 40_000;

    fn end(text: &str, port: u16) -> Endpoint {
        Endpoint::new(text.parse().unwrap(), port)
    }

    /// A client's packet to a virtual server of this port, a SYN or not.
    fn outside(port: u16, is_syn: bool) -> Half {
        Half {
            side: Outside,
            protocol: Protocol::Tcp,
            client: end("203.0.113.7", CLIENT),
            server: end("192.0.2.100", port),
            is_answered: !is_syn,
            is_confirmed: false,
            seen_ms: 0,
        }
    }

    /// A real server's answer inside, or else the client's next.
    fn inside(is_answer: bool, seen_ms: u32) -> Half {
        let server = end("10.1.0.11", 8_080);
        Half {
            side: Inside,
            server,
            is_answered: is_answer,
            is_confirmed: !is_answer,
            seen_ms,
            ..outside(0, true)
        }
    }

    /// What is complete after these, at this time.
    fn complete(halves: &[Half], now_ms: u32) -> Vec<u16> {
        let mut flows = HalfKnown::new(&RandomState::with_seeds(1, 2, 3, 4));
        let mut found = Vec::new();
        for &half in halves {
            flows.remember(half);
            let now_ms = now_ms.max(half.seen_ms);
            let pairs = flows.pairs((Protocol::Tcp, half.client, now_ms), |_, _| true);
            found = pairs.iter().map(|(outside, _)| outside.server.port).collect();
        }
        found
    }

    #[test]
    fn sides_may_come_in_any_order() {
        let (syn, answer, confirmation) = (outside(80, true), inside(true, 0), inside(false, 0));
        for halves in [
            [syn, answer, confirmation],
            [syn, confirmation, answer],
            [answer, syn, confirmation],
            [answer, confirmation, syn],
            [confirmation, syn, answer],
            [confirmation, answer, syn],
        ] {
            assert_eq!(complete(&halves, 0), [80]);
            assert_eq!(complete(&halves[..2], 0), [0; 0]);
        }
        assert_eq!(complete(&[outside(80, false), confirmation], 0), [80], "it began before");
        assert_eq!(complete(&[syn, outside(80, false), confirmation], 0), [0; 0], "nobody answered");
        assert_eq!(complete(&[outside(80, false), syn, confirmation], 0), [0; 0], "a new SYN");
        assert_eq!(complete(&[outside(80, false), outside(81, false), confirmation], 0), [80, 81]);
    }

    #[test]
    fn what_was_seen_inside_is_soon_too_old() {
        let (syn, answer, confirmation) = (outside(80, true), inside(true, 0), inside(false, 0));
        assert_eq!(complete(&[answer, confirmation, syn], 100), [80]);
        assert_eq!(complete(&[answer, confirmation, syn], 101), [0; 0]);
        assert_eq!(complete(&[syn, answer, inside(false, 60_000)], 0), [80], "a client may be slow");
        assert_eq!(complete(&[answer, inside(false, 60_000), syn], 0), [0; 0]);
    }

    #[test]
    fn the_oldest_gives_way() {
        let mut flows = HalfKnown::new(&RandomState::with_seeds(1, 2, 3, 4));
        let displaced = (0..10).filter(|&port| flows.remember(outside(port, false)));
        assert_eq!(displaced.count(), 10 - WAYS);
        assert!(!flows.remember(outside(2, false)), "it is there already");
        assert!(flows.remember(inside(false, 0)));
        let left = |flows: &mut HalfKnown| {
            flows.pairs((Protocol::Tcp, outside(0, true).client, 0), |_, _| true).len()
        };
        assert_eq!(left(&mut flows), WAYS - 1);
        flows.forget(&outside(2, false));
        assert_eq!(left(&mut flows), WAYS - 2);
        flows.clear();
        assert_eq!(left(&mut flows), 0);
    }
}
