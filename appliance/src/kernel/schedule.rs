//! When the watcher reads and publishes. Pure: time is an argument.

use std::time::Duration;

use model::Instant;

/// Changes come in bunches (a daemon's routes, a link that goes down); they are published together.
const COALESCE: Duration = Duration::from_millis(10);

/// How often the kernel is reminded that the real servers' next hops are in use. Far below `gc_stale_time`
/// (60 s), after which it would forget them, and about the `delay_first_probe_time` (5 s) in which it checks
/// one.
const REFRESH: Duration = Duration::from_secs(5);

/// Reading large tables takes at most a tenth of the time.
const REST_PER_DUMP: u32 = 9;

/// After an error of the kernel's.
const RETRY: Duration = Duration::from_secs(1);

/// Tables to read anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dump {
    /// Interfaces and routes.
    Routes,
    /// Neighbours, too.
    Everything,
}

/// What is to be done, and when.
pub(super) struct Schedule {
    publish_at: Option<Instant>,
    dump: Option<(Dump, Instant)>,
    rest_until: Instant,
    refresh_at: Instant,
}

impl Schedule {
    /// Everything has just been read.
    pub(super) fn new(now: Instant) -> Self {
        Self { publish_at: None, dump: None, rest_until: now, refresh_at: now }
    }

    /// A neighbour changed.
    pub(super) fn publish(&mut self, now: Instant) {
        self.publish_at.get_or_insert(now + COALESCE);
    }

    /// Tables are to be read anew.
    pub(super) fn dump(&mut self, dump: Dump, now: Instant) {
        self.dump_at(dump, self.rest_until.max(now + COALESCE));
    }

    /// Reading failed.
    pub(super) fn retry(&mut self, dump: Dump, now: Instant) {
        self.dump_at(dump, now + RETRY);
    }

    /// Reading took from `started` to `now`.
    pub(super) fn dumped(&mut self, started: Instant, now: Instant) {
        self.rest_until = now + now.since(started) * REST_PER_DUMP;
    }

    /// Takes the tables to be read now.
    pub(super) fn take_dump(&mut self, now: Instant) -> Option<Dump> {
        self.dump.take_if(|(_, at)| *at <= now).map(|(dump, _)| dump)
    }

    /// Whether to publish now.
    pub(super) fn take_publish(&mut self, now: Instant) -> bool {
        self.publish_at.take_if(|at| *at <= now).is_some()
    }

    /// Whether to remind the kernel now.
    pub(super) fn take_refresh(&mut self, now: Instant) -> bool {
        let is_due = self.refresh_at <= now;
        if is_due {
            self.refresh_at = now + REFRESH;
        }
        is_due
    }

    /// The time until something is due.
    pub(super) fn idle_time(&self, now: Instant) -> Duration {
        let dump_at = self.dump.map(|(_, at)| at);
        let next = [self.publish_at, dump_at].into_iter().flatten().fold(self.refresh_at, Instant::min);
        next.since(now)
    }

    fn dump_at(&mut self, dump: Dump, at: Instant) {
        self.dump = Some(match self.dump {
            Some((pending, pending_at)) => (pending.max(dump), pending_at.min(at)),
            None => (dump, at),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Instant {
        Instant::from_millis(milliseconds)
    }

    fn started() -> Schedule {
        let mut schedule = Schedule::new(ms(0));
        assert!(schedule.take_refresh(ms(0)));
        schedule
    }

    #[test]
    fn bunch_of_changes_is_published_once_and_soon() {
        let mut schedule = started();
        schedule.publish(ms(100));
        schedule.publish(ms(109));
        assert_eq!(schedule.idle_time(ms(109)), Duration::from_millis(1));
        assert!(!schedule.take_publish(ms(109)));
        assert!(schedule.take_publish(ms(110)));
        assert!(!schedule.take_publish(ms(111)));
    }

    #[test]
    fn larger_dump_replaces_the_smaller_at_the_earlier_time() {
        let mut schedule = started();
        schedule.dump(Dump::Routes, ms(100));
        schedule.dump(Dump::Everything, ms(105));
        schedule.dump(Dump::Routes, ms(108));
        assert_eq!(schedule.take_dump(ms(109)), None);
        assert_eq!(schedule.take_dump(ms(110)), Some(Dump::Everything));
        assert_eq!(schedule.take_dump(ms(200)), None);
    }

    #[test]
    fn long_dumps_are_rare_and_do_not_delay_neighbors() {
        let mut schedule = started();
        schedule.dumped(ms(100), ms(200));
        schedule.dump(Dump::Routes, ms(210));
        schedule.publish(ms(210));
        assert!(schedule.take_publish(ms(220)));
        assert_eq!(schedule.take_dump(ms(1_099)), None);
        assert_eq!(schedule.take_dump(ms(1_100)), Some(Dump::Routes));
    }

    #[test]
    fn failed_dump_is_tried_again_later() {
        let mut schedule = started();
        schedule.retry(Dump::Everything, ms(100));
        assert_eq!(schedule.idle_time(ms(100)), RETRY);
        assert_eq!(schedule.take_dump(ms(1_100)), Some(Dump::Everything));
    }

    #[test]
    fn next_hops_are_refreshed_regularly() {
        let mut schedule = started();
        assert_eq!(schedule.idle_time(ms(0)), REFRESH);
        assert!(!schedule.take_refresh(ms(4_999)));
        assert!(schedule.take_refresh(ms(5_003)));
        assert_eq!(schedule.idle_time(ms(5_003)), REFRESH);
    }
}
