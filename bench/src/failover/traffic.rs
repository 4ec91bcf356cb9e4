//! What became of a flow.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::datagram::Datagram;
use crate::rounds::as_f64;

/// An answer, and when it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) datagram: Datagram,
    pub(super) at: Instant,
}

/// What became of a flow that is over.
#[derive(Debug)]
pub(super) struct Traffic {
    /// Between two datagrams.
    pub(super) interval: Duration,
    /// When each was sent.
    pub(super) sends: Vec<Instant>,
    /// In the order in which they came.
    pub(super) answers: Vec<Answer>,
    /// Datagrams that came to a server more than once.
    pub(super) doubled_there: u64,
}

impl Traffic {
    /// Milliseconds of the longest time without an answer that touches the time from `from` to `to`, less the interval.
    pub(super) fn gap(&self, from: Instant, to: Instant) -> f64 {
        longest(self.answers.iter().map(|answer| answer.at), from, to, self.interval)
    }

    /// The same between answers that all came in that time: the control.
    pub(super) fn gap_within(&self, from: Instant, to: Instant) -> f64 {
        let within = self.answers.iter().map(|answer| answer.at).filter(|at| (from..=to).contains(at));
        longest(within, from, to, self.interval)
    }

    /// The same of sending: how late the probe itself was.
    pub(super) fn pause(&self, from: Instant, to: Instant) -> f64 {
        longest(self.sends.iter().copied(), from, to, self.interval)
    }

    /// Datagrams without an answer, of those sent.
    pub(super) fn lost(&self) -> f64 {
        let sent = self.sends.len() as u64;
        as_f64(sent.saturating_sub(self.different()))
    }

    /// Answers that came again, and datagrams that came to a server again.
    pub(super) fn doubled(&self) -> f64 {
        let again = (self.answers.len() as u64).saturating_sub(self.different());
        as_f64(again + self.doubled_there)
    }

    fn different(&self) -> u64 {
        let keys = self.answers.iter().map(|answer| (answer.datagram.client, answer.datagram.number));
        keys.collect::<HashSet<_>>().len() as u64
    }
}

/// Milliseconds of the longest time between two events that touches the time from `from` to `to`, less `interval`.
fn longest(events: impl Iterator<Item = Instant>, from: Instant, to: Instant, interval: Duration) -> f64 {
    let (mut before, mut longest) = (None, Duration::ZERO);
    for event in events {
        if let Some(before) = before
            && event >= from
            && before <= to
        {
            longest = longest.max(event.saturating_duration_since(before));
        }
        before = Some(event);
    }
    longest.saturating_sub(interval).as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn traffic(at_ms: &[u64], started: Instant) -> Traffic {
        let answer = |(number, &at): (u32, &u64)| Answer {
            datagram: Datagram { flow: 1, client: 0, number },
            at: started + Duration::from_millis(at),
        };
        Traffic {
            interval: Duration::from_millis(1),
            sends: (0..10).map(|number| started + Duration::from_millis(number)).collect(),
            answers: (0..).zip(at_ms).map(answer).collect(),
            doubled_there: 0,
        }
    }

    #[test]
    fn the_longest_time_without_an_answer_is_found() {
        let started = clock::now();
        let after = |ms| started + Duration::from_millis(ms);
        let traffic = traffic(&[1, 2, 3, 33, 34, 100], started);
        assert_eq!(traffic.gap(after(2), after(40)), 65.0, "the one that begins at 34, too");
        assert_eq!(traffic.gap(after(2), after(32)), 29.0);
        assert_eq!(traffic.gap(after(0), after(2)), 0.0);
        assert_eq!(traffic.gap_within(after(2), after(33)), 29.0);
        assert_eq!(traffic.gap_within(after(2), after(32)), 0.0);
        assert_eq!(traffic.gap(after(101), after(200)), 0.0);
        assert_eq!(traffic.pause(after(0), after(9)), 0.0);
    }

    #[test]
    fn lost_and_doubled_ones_are_counted() {
        let mut traffic = traffic(&[1, 2, 3, 4, 5, 6, 7], clock::now());
        assert_eq!((traffic.lost(), traffic.doubled()), (3.0, 0.0));
        traffic.answers.extend(traffic.answers.first().copied());
        traffic.doubled_there = 1;
        assert_eq!((traffic.lost(), traffic.doubled()), (3.0, 2.0));
    }
}
