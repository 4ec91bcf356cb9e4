//! What this unit reaches of what it should: seed 002's reachability manager (its figures 4 and 6).
//!
//! A target that was never asked, or has not answered yet, is not reached: so a unit that just started is never better
//! than one that runs.

use std::cmp::Ordering;
use std::time::Duration;

use model::Instant;

use crate::settings::{Compare, ProbingSettings, TargetSettings};

/// What a unit can not reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Required targets that it does not reach.
    pub required_missing: u8,
    /// Targets that it does not reach.
    pub missing: u8,
    /// Targets that it should reach.
    pub targets: u8,
    /// The weight of those that it does not reach: 24 bits.
    pub weight_missing: u32,
}

impl Score {
    /// Whether a unit with this score is better (`Greater`) or worse than one with `other`.
    pub fn compare(&self, other: &Self, compare: Compare) -> Ordering {
        let by_weight = other.weight_missing.cmp(&self.weight_missing);
        match compare {
            Compare::Count => other.missing.cmp(&self.missing),
            Compare::Weighted => by_weight,
            Compare::Required => {
                let reaches_all = |score: &Self| score.required_missing == 0;
                reaches_all(self).cmp(&reaches_all(other)).then(by_weight)
            }
        }
    }
}

/// One target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) settings: TargetSettings,
    pub(crate) is_up: bool,
    pub(crate) answers: u64,
    pub(crate) failures: u64,
    /// The state is known without probes.
    is_told: bool,
    /// It has answered, or was told of, at least once.
    is_known: bool,
    /// Outcomes in a row that contradict `is_up`.
    contrary: u32,
    next_probe: Instant,
    /// When the probe that is under way has failed.
    fails_at: Option<Instant>,
}

/// All targets of this unit.
#[derive(Clone, Debug)]
pub(crate) struct Targets {
    probing: ProbingSettings,
    targets: Vec<Target>,
}

impl Targets {
    pub(crate) fn new(settings: &[TargetSettings], probing: ProbingSettings, now: Instant) -> Self {
        let target = |settings: &TargetSettings| Target {
            settings: *settings,
            is_up: false,
            answers: 0,
            failures: 0,
            is_told: false,
            is_known: false,
            contrary: 0,
            next_probe: now,
            fails_at: None,
        };
        Self { probing, targets: settings.iter().map(target).collect() }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Target> {
        self.targets.iter()
    }

    /// The next target that is to be probed now.
    pub(crate) fn poll_probe(&mut self, now: Instant) -> Option<usize> {
        let is_due = |target: &Target| target.next_probe <= now && target.fails_at.is_none();
        let index = self.targets.iter().position(is_due)?;
        let target = self.targets.get_mut(index)?;
        target.next_probe = now + self.probing.interval;
        // Whoever tells the state of a target tells it whenever he is asked to probe it.
        target.fails_at = (!target.is_told).then_some(now + self.probing.timeout);
        Some(index)
    }

    /// A probe of this target was answered.
    pub(crate) fn answered(&mut self, index: usize) {
        let rises = self.probing.rises;
        let Some(target) = self.targets.get_mut(index).filter(|target| target.fails_at.is_some()) else {
            return;
        };
        target.fails_at = None;
        target.answers += 1;
        let needed = if target.is_known { rises } else { 1 };
        target.is_known = true;
        target.outcome(true, needed);
    }

    /// The state of this target is known, without a probe that may get lost.
    pub(crate) fn set(&mut self, index: usize, is_up: bool) {
        if let Some(target) = self.targets.get_mut(index) {
            (target.is_told, target.is_known, target.is_up, target.fails_at) = (true, true, is_up, None);
        }
    }

    /// Counts probes that have failed.
    pub(crate) fn turn(&mut self, now: Instant) {
        let falls = self.probing.falls;
        for target in &mut self.targets {
            if target.fails_at.is_some_and(|at| at <= now) {
                target.fails_at = None;
                target.failures += 1;
                target.outcome(false, falls);
            }
        }
    }

    /// This unit did not look for so long: that is no probe's fault.
    pub(crate) fn forgive(&mut self, stall: Duration) {
        for at in self.targets.iter_mut().filter_map(|target| target.fails_at.as_mut()) {
            *at = *at + stall;
        }
    }

    /// How long two units may take to see the same failure: a difference is real only when it lasts longer.
    pub(crate) fn settling(&self) -> Duration {
        self.probing.interval.saturating_mul(self.probing.falls) + self.probing.timeout
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let due = |target: &Target| target.fails_at.unwrap_or(target.next_probe);
        self.targets.iter().map(due).min()
    }

    pub(crate) fn score(&self) -> Score {
        let missing = self.targets.iter().filter(|target| !target.is_up);
        let count = |number: usize| u8::try_from(number).unwrap_or(u8::MAX);
        Score {
            required_missing: count(missing.clone().filter(|target| target.settings.required).count()),
            missing: count(missing.clone().count()),
            targets: count(self.targets.len()),
            weight_missing: missing.map(|target| u32::from(target.settings.weight)).sum(),
        }
    }
}

impl Target {
    /// Takes the outcome of a probe; the state changes after `needed` in a row.
    fn outcome(&mut self, is_up: bool, needed: u32) {
        if self.is_up == is_up {
            self.contrary = 0;
            return;
        }
        self.contrary += 1;
        if self.contrary >= needed {
            (self.is_up, self.contrary) = (is_up, 0);
        }
    }
}

#[cfg(test)]
mod tests;
