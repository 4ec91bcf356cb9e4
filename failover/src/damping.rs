//! How rarely units switch of their own accord, so that a fault that comes and goes does not carry the group with it.

use std::time::Duration;

use model::Instant;

use crate::settings::Damping;

/// What is remembered of the switches of one group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Damper {
    settings: Damping,
    hold: Duration,
    last: Option<Instant>,
}

impl Damper {
    pub(crate) const fn new(settings: Damping) -> Self {
        Self { settings, hold: settings.hold, last: None }
    }

    /// Whether a switch of own accord may happen.
    pub(crate) fn permits(&self, now: Instant) -> bool {
        self.rest(now).is_zero()
    }

    /// How long none may happen.
    pub(crate) fn rest(&self, now: Instant) -> Duration {
        self.last.map_or(Duration::ZERO, |last| self.hold.saturating_sub(now.since(last)))
    }

    /// A switch of own accord happened. Soon after the last one, the next has to wait twice as long; after a quiet time
    /// the wait halves for each time that it could have passed twice.
    pub(crate) fn switched(&mut self, now: Instant) {
        if let Some(last) = self.last {
            let quiet = now.since(last);
            if quiet < self.hold * 2 {
                self.hold = self.hold.saturating_mul(2).min(self.settings.most.max(self.settings.hold));
            } else {
                self.decay(quiet);
            }
        }
        self.last = Some(now);
    }

    fn decay(&mut self, mut quiet: Duration) {
        while self.hold > self.settings.hold && quiet >= self.hold * 2 {
            quiet -= self.hold * 2;
            self.hold = (self.hold / 2).max(self.settings.hold);
        }
    }

    /// Forgets all switches: the operator wishes it.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.settings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn at(count: u64) -> Instant {
        Instant::from_millis(count * 1_000)
    }

    #[test]
    fn it_doubles_when_it_flaps_up_to_a_bound_and_decays() {
        let mut damper = Damper::new(Damping { hold: seconds(10), most: seconds(35) });
        assert!(damper.permits(at(0)));
        damper.switched(at(0));
        assert!(!damper.permits(at(9)) && damper.permits(at(10)));
        damper.switched(at(10));
        assert_eq!(damper.rest(at(10)), seconds(20));
        damper.switched(at(30));
        assert_eq!(damper.rest(at(30)), seconds(35));
        damper.switched(at(70));
        assert_eq!(damper.rest(at(70)), seconds(35));
        damper.switched(at(70 + 70 + 35));
        assert_eq!(damper.rest(at(175)), Duration::from_millis(10_000));
    }

    #[test]
    fn the_operator_makes_it_forget() {
        let mut damper = Damper::new(Damping { hold: seconds(10), most: seconds(40) });
        damper.switched(at(0));
        damper.reset();
        assert!(damper.permits(at(1)));
    }
}
