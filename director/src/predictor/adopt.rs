//! A new configuration's predictors go on where those of the old one are.

use super::{Predictors, WHOLE};

impl Predictors {
    /// Takes over from `old` what stays: whose turn it is, how fast real servers answer, and slow starts. `same` is the
    /// binding that a binding was before, if it was there; `connections` is how many it has. What may be chosen is not
    /// taken over: all is to be [told](Self::set_standing) [again](Self::set_open). Allocates nothing.
    pub(crate) fn adopt(
        &mut self,
        old: &Self,
        same: impl Fn(usize) -> Option<usize>,
        connections: impl Fn(usize) -> u32,
    ) {
        self.now = old.now;
        for binding in 0..self.candidates.len() {
            self.reals[self.candidates[binding].real_server()].connections += connections(binding);
            if let Some(former) = same(binding) {
                self.adopt_contest(old, binding, former);
                self.adopt_real(old, binding, former);
            }
        }
        // Only now is each virtual server's time known.
        for binding in 0..self.candidates.len() {
            self.adopt_candidate(old, binding, same(binding));
        }
        self.starting = self.slow_starts.iter().filter(|slow_start| !slow_start.is_over()).count();
    }

    fn adopt_contest(&mut self, old: &Self, binding: usize, former: usize) {
        let contest = &mut self.contests[self.candidates[binding].virtual_server()];
        let former = &old.contests[old.candidates[former].virtual_server()];
        contest.turn = contest.turn.max(former.turn);
        if contest.predictor == former.predictor {
            contest.clock = former.clock;
        }
    }

    fn adopt_real(&mut self, old: &Self, binding: usize, former: usize) {
        let real_server = self.candidates[binding].real_server();
        let former = old.candidates[former].real_server();
        let slow_start = &mut self.slow_starts[real_server];
        slow_start.adopt(&old.slow_starts[former]);
        self.reals[real_server].step = slow_start.step();
        self.speeds[real_server] = old.speeds[former];
    }

    /// Its turns go on; one that is new has its first turn now.
    fn adopt_candidate(&mut self, old: &Self, binding: usize, former: Option<usize>) {
        let candidate = &mut self.candidates[binding];
        let contest = &self.contests[candidate.virtual_server()];
        let real = &self.reals[candidate.real_server()];
        if let Some(former) = former {
            candidate.turn = old.candidates[former].turn;
        }
        let Some(weight) = contest.weight_of_turns(real.weight) else { return };
        let went_on = former.and_then(|former| {
            let (candidate, real) =
                (&old.candidates[former], &old.reals[old.candidates[former].real_server()]);
            let former = &old.contests[candidate.virtual_server()];
            let former_weight = former.weight_of_turns(real.weight)?;
            (former.predictor == contest.predictor).then_some((candidate.turns, former_weight))
        });
        match went_on {
            Some((turns, former_weight)) if former_weight == weight => candidate.turns = turns,
            Some((turns, former_weight)) => candidate.turns.set(turns.next(former_weight), weight),
            None if real.step == WHOLE => candidate.turns.catch_up(contest.clock, weight),
            None => candidate.turns.put_off(contest.clock, weight, real.step),
        }
    }
}
