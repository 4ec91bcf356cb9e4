//! Finds a worker that does not turn: its rounds stand still.
//!
//! A worker that the kernel gives no CPU to is not stuck, and the other unit may share this machine's load: it gets more
//! time. Who was stopped himself knows nothing about how long others stood still.

use std::time::Duration;

use model::Instant;

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(10);

/// How long a worker may take for a round: it sleeps for 200 µs at most, and a round of full batches takes less.
const PATIENCE: Duration = Duration::from_millis(70);

/// How long it may take if it waits for a CPU, and the most that it may take in any case.
const STARVED_PATIENCE: Duration = Duration::from_secs(1);

/// A worker that turns again by itself was not stuck, but its machine busy: from then on each gets twice the time, until
/// all have turned for so long.
const PROBATION: Duration = Duration::from_secs(60);

/// The monitor goes before all others. If it was away for so long, so was the whole machine.
const AWAY: Duration = Duration::from_millis(20);

/// Standing still for so long is suspicious.
const SUSPICION: Duration = Duration::from_millis(20);

/// A worker as it was looked at.
#[derive(Clone, Copy)]
struct Worker {
    rounds: u64,
    since: Instant,
    /// When it became suspicious, and how long it had waited for a CPU until then.
    suspected: Option<(Instant, Duration)>,
}

/// Looks at the workers' rounds.
pub(crate) struct Watchdog {
    workers: Vec<Worker>,
    patience: Duration,
    /// When one was found to stand still last.
    found: Option<Instant>,
    is_still: bool,
    looked: Instant,
    look_at: Instant,
}

impl Watchdog {
    pub(crate) fn new(workers: usize, now: Instant) -> Self {
        let worker = Worker { rounds: 0, since: now, suspected: None };
        Self {
            workers: vec![worker; workers],
            patience: PATIENCE,
            found: None,
            is_still: false,
            looked: now,
            look_at: now,
        }
    }

    /// Looks, if it is time to: `rounds` tells those of a worker, `waited` how long it has waited for a CPU in all. Returns
    /// the worker that stands still, if one does.
    pub(crate) fn look(
        &mut self,
        now: Instant,
        rounds: impl Fn(usize) -> u64,
        waited: impl Fn(usize) -> Duration,
    ) -> Option<Option<usize>> {
        if now < self.look_at {
            return None;
        }
        let was_away = now.since(self.looked) > AWAY;
        (self.looked, self.look_at) = (now, now + PERIOD);
        let patience = self.patience;
        let mut still = None;
        for (index, worker) in self.workers.iter_mut().enumerate() {
            let rounds = rounds(index);
            if rounds != worker.rounds || was_away {
                *worker = Worker { rounds, since: now, suspected: None };
                continue;
            }
            let stood = now.since(worker.since);
            if stood < SUSPICION {
                continue;
            }
            let (at, before) = *worker.suspected.get_or_insert_with(|| (now, waited(index)));
            // Only asked for when it matters: the answer is a file of the kernel's.
            let is_starved = stood >= patience && waited(index).saturating_sub(before) > now.since(at) / 2;
            if stood >= if is_starved { STARVED_PATIENCE } else { patience } {
                still = Some(index);
            }
        }
        self.learn(now, still.is_some());
        Some(still)
    }

    fn learn(&mut self, now: Instant, is_still: bool) {
        if is_still {
            self.found = Some(now);
        } else if self.is_still {
            self.patience = (self.patience * 2).min(STARVED_PATIENCE);
        } else if self.found.is_some_and(|found| now.since(found) >= PROBATION) {
            (self.patience, self.found) = (PATIENCE, None);
        }
        self.is_still = is_still;
    }

    /// When to look next.
    pub(crate) const fn deadline(&self) -> Instant {
        self.look_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When worker 1, which turns for 100 ms and then no more, is found, if it waits for a CPU for a share of that time.
    fn found_after(share: u32) -> Option<u64> {
        let mut watchdog = Watchdog::new(2, Instant::from_millis(0));
        (0..=2_000).find(|&now| {
            let rounds = |worker| if worker == 1 && now > 100 { 101 } else { now };
            let waited = |_| Duration::from_millis(now) * share / 100;
            watchdog.look(Instant::from_millis(now), rounds, waited).flatten() == Some(1)
        })
    }

    #[test]
    fn a_worker_that_stands_still_is_found_within_100_ms() {
        assert!(found_after(0).is_some_and(|found| (150..=200).contains(&found)));
    }

    #[test]
    fn one_that_waits_for_a_cpu_gets_more_time() {
        assert!(found_after(90).is_some_and(|found| (1_000..=1_200).contains(&found)));
    }

    #[test]
    fn who_turned_again_by_himself_gets_twice_the_time_for_a_while() {
        let mut watchdog = Watchdog::new(1, Instant::from_millis(0));
        // Stands still for 100 ms each time.
        let (mut found, mut was_still) = (Vec::new(), false);
        for now in 0..100_000 {
            let begins =
                [1_000, 2_000, 90_000].into_iter().find(|begin| (*begin..begin + 100).contains(&now));
            let rounds = |_| begins.unwrap_or(now);
            if let Some(still) = watchdog.look(Instant::from_millis(now), rounds, |_| Duration::ZERO) {
                if still.is_some() && !was_still {
                    found.push(now / 1_000);
                }
                was_still = still.is_some();
            }
        }
        assert_eq!(found, [1, 90]);
    }

    #[test]
    fn who_was_stopped_with_the_workers_finds_none() {
        let mut watchdog = Watchdog::new(1, Instant::from_millis(0));
        for now in (0..50).chain(5_000..5_050) {
            let still = watchdog.look(Instant::from_millis(now), |_| now.min(50), |_| Duration::ZERO);
            assert_eq!(still.flatten(), None);
        }
    }
}
