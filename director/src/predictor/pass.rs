//! What time changes: slow starts go on, and measurements get old. In small parts, so that nobody waits for it.

use model::Instant;

use super::{Predictors, Speed, Turns};

/// Real servers that time passes for at once. If that is every millisecond, each has its turn before the next step of
/// the fastest slow start is due, however many there are.
const AT_ONCE: usize = 64;

impl Predictors {
    /// Notes that `real_server` has come into service: it gets its share gradually, if it is to be so, and what was known
    /// of its speed is forgotten. Whether it may be chosen is [another question](Self::set_standing).
    pub(crate) fn join(&mut self, real_server: usize, now: Instant) {
        self.now = now;
        self.speeds[real_server] = Speed::default();
        let slow_start = &mut self.slow_starts[real_server];
        let was_over = slow_start.is_over();
        if slow_start.begin(now) && was_over {
            self.starting += 1;
        }
        self.reals[real_server].step = slow_start.step();
        self.rank_all(real_server, |turns, clock, weight, step| turns.put_off(clock, weight, step));
    }

    /// Has time pass for some real servers, the next ones with each call: to be called about every millisecond.
    pub(crate) fn advance(&mut self, now: Instant) {
        self.now = now;
        if !self.is_timed && self.starting == 0 {
            return;
        }
        for _ in 0..self.reals.len().min(AT_ONCE) {
            let real_server = self.next_real;
            self.next_real = (real_server + 1) % self.reals.len();
            self.pass(real_server, now);
        }
    }

    fn pass(&mut self, real_server: usize, now: Instant) {
        let slow_start = &mut self.slow_starts[real_server];
        if slow_start.advance(now) {
            self.reals[real_server].step = slow_start.step();
            self.starting -= usize::from(slow_start.is_over());
            self.rank_all(real_server, |turns, clock, weight, step| turns.hurry(clock, weight, step));
        }
        if self.is_timed && self.speeds[real_server].age(now) {
            self.rank_by_load(real_server);
        }
    }

    /// Ranks all bindings of `real_server`; `change` says when their turns come, where they have turns: it gets these,
    /// the virtual server's time, the weight and the step of the slow start.
    fn rank_all(&mut self, real_server: usize, change: impl Fn(&mut Turns, u64, u16, u8)) {
        let real = &self.reals[real_server];
        let (weight, step) = (real.weight, real.step);
        for index in real.bindings() {
            let binding = usize::from(self.bindings_of_reals[index]);
            let candidate = &mut self.candidates[binding];
            let contest = &self.contests[candidate.virtual_server()];
            if let Some(weight) = contest.weight_of_turns(weight) {
                change(&mut candidate.turns, contest.clock, weight, step);
            }
            self.rank(binding);
        }
    }
}
