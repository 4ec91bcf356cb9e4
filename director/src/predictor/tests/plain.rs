//! The predictors, thought of in the plainest way: lists that are searched from end to end, and fractions that are
//! compared as such.

use std::cmp::Ordering;
use std::time::Duration;

use super::*;

/// What is remembered of one pair of a virtual and a real server.
#[derive(Clone)]
struct Pair {
    is_bound: bool,
    is_open: bool,
    /// The number of the choice that was its last.
    chosen: u64,
    turns: Turns,
}

#[derive(Clone, Default)]
pub(super) struct PlainReal {
    pub(super) connections: u64,
    standing: Option<Standing>,
    /// Since when it starts slowly.
    joined: Option<Instant>,
    step: u8,
    /// Eighths of microseconds, and when it was measured last.
    answers_in: Option<(u32, Instant)>,
    /// When somebody was sent to find out.
    asked: Option<Instant>,
    timed: Option<(u64, Instant)>,
}

pub(super) struct Plain {
    pub(super) configuration: Configuration,
    pub(super) reals: Vec<PlainReal>,
    /// By virtual and real server.
    pairs: Vec<Vec<Pair>>,
    /// By virtual server: its time, and the choices.
    clocks: Vec<u64>,
    choices: Vec<u64>,
    pub(super) now: Instant,
}

const SECOND: Duration = Duration::from_secs(1);

impl Plain {
    pub(super) fn new(configuration: Configuration) -> Self {
        let servers = configuration.virtual_servers();
        let reals = configuration.real_servers().len();
        let mut plain = Self {
            reals: vec![PlainReal { step: 16, ..PlainReal::default() }; reals],
            pairs: (0..servers.len())
                .map(|_| vec![Pair { is_bound: false, ..Pair::new(0, false) }; reals])
                .collect(),
            clocks: vec![0; servers.len()],
            choices: servers.iter().map(|server| server.bindings().len() as u64).collect(),
            now: Instant::START,
            configuration,
        };
        plain.each_binding(|plain, server, real, place| {
            plain.pairs[server][real] = Pair::new(place, plain.is_weighted(server));
        });
        plain
    }

    fn each_binding(&mut self, mut look: impl FnMut(&mut Self, usize, usize, usize)) {
        for binding in 0..self.configuration.bindings().len() {
            let (server, real) = self.ends(binding);
            let place = binding - self.configuration.virtual_servers()[server].bindings().start;
            look(self, server, real, place);
        }
    }

    /// The virtual and the real server.
    pub(super) fn ends(&self, binding: usize) -> (usize, usize) {
        let bound = &self.configuration.bindings()[binding];
        (bound.virtual_server(), bound.real_server())
    }

    pub(super) fn binding(&self, server: usize, real: usize) -> Option<usize> {
        let mut bindings = self.configuration.virtual_servers()[server].bindings();
        bindings.find(|&binding| self.ends(binding).1 == real)
    }

    fn predictor(&self, server: usize) -> Predictor {
        self.configuration.virtual_servers()[server].predictor()
    }

    fn is_weighted(&self, server: usize) -> bool {
        self.predictor(server) == Predictor::WeightedRoundRobin
    }

    fn has_turns(&self, server: usize) -> bool {
        self.is_weighted(server) || self.predictor(server) == Predictor::RoundRobin
    }

    fn weight(&self, real: usize) -> u16 {
        self.configuration.real_servers()[real].weight()
    }

    /// The weight that counts for turns.
    fn turns_of(&self, server: usize, real: usize) -> u16 {
        if self.is_weighted(server) { self.weight(real) } else { 1 }
    }

    pub(super) fn standing(&self, binding: usize) -> Standing {
        let (server, real) = self.ends(binding);
        let standing = self.reals[real].standing.unwrap_or(Standing::OutOfService);
        if self.pairs[server][real].is_open { standing } else { Standing::OutOfService }
    }

    fn answer_us(&self, real: usize) -> u32 {
        match &self.reals[real] {
            PlainReal { answers_in: Some((eighths, _)), .. } => (eighths / 8).max(1),
            PlainReal { asked: Some(_), .. } => 1 << 20,
            _ => 0,
        }
    }

    fn merits(&self, server: usize, one: usize, other: usize) -> Ordering {
        let load = |real: usize| u128::from(self.reals[real].connections + 1);
        let share = |real: usize, weight: u16| u128::from(weight) * u128::from(self.reals[real].step);
        let compare = |weight: &dyn Fn(usize) -> u16| {
            let fraction = |real, other| load(real) * share(other, weight(other));
            fraction(one, other).cmp(&fraction(other, one))
        };
        let next = |real: usize| self.pairs[server][real].turns.next(self.turns_of(server, real));
        let pace = |real: usize| {
            let connections = u32::try_from(self.reals[real].connections).unwrap();
            rank::pace(self.answer_us(real), connections, self.weight(real), self.reals[real].step)
        };
        match self.predictor(server) {
            Predictor::SourceHash | Predictor::Maglev => Ordering::Equal,
            Predictor::LeastConnections => compare(&|_| 1),
            Predictor::WeightedLeastConnections => compare(&|real| self.weight(real)),
            Predictor::Fastest => pace(one).cmp(&pace(other)),
            Predictor::RoundRobin | Predictor::WeightedRoundRobin => next(one).cmp(&next(other)),
        }
    }

    pub(super) fn pick(&self, server: usize, client: u64, eligible: impl Fn(usize) -> bool) -> Option<usize> {
        let bindings = self.configuration.virtual_servers()[server].bindings();
        let table = self.configuration.client_table(server);
        let named = table.as_ref().and_then(|table| {
            let at = |place: usize| bindings.start + place;
            let can_be = |place| self.standing(at(place)) == Standing::Reachable && eligible(at(place));
            table.choose(client, can_be).map(at)
        });
        let in_service = bindings
            .filter(|&binding| self.standing(binding) < Standing::OutOfService && eligible(binding))
            .reduce(|best, binding| {
                let (one, other) = (self.ends(binding).1, self.ends(best).1);
                let standings = self.standing(binding).cmp(&self.standing(best));
                let waits = self.pairs[server][one].chosen.cmp(&self.pairs[server][other].chosen);
                let waits = if table.is_some() { Ordering::Equal } else { waits };
                let order = standings.then(self.merits(server, one, other)).then(waits);
                if order.is_lt() { binding } else { best }
            });
        named.or(in_service)
    }

    pub(super) fn commit(&mut self, binding: usize) {
        let (server, real) = self.ends(binding);
        if self.has_turns(server) {
            let winner = self.pick(server, 0, |_| true).map_or(real, |winner| self.ends(winner).1);
            let now = self.pairs[server][winner].turns.next(self.turns_of(server, winner));
            self.clocks[server] = self.clocks[server].max(now);
            let (weight, step) = (self.turns_of(server, real), self.reals[real].step);
            self.pairs[server][real].turns.take(weight, step);
        }
        self.pairs[server][real].chosen = self.choices[server];
        self.choices[server] += 1;
        let now = self.now;
        let is_fastest = self.predictor(server) == Predictor::Fastest;
        let real = &mut self.reals[real];
        real.connections += 1;
        if is_fastest && real.answers_in.is_none() && real.asked.is_none() {
            (real.asked, real.timed) = (Some(now), None);
        }
    }

    fn each_turns(&mut self, real: usize, mut change: impl FnMut(&mut Turns, u64, u16, u8)) {
        for server in 0..self.pairs.len() {
            let (weight, step) = (self.turns_of(server, real), self.reals[real].step);
            if self.has_turns(server) {
                change(&mut self.pairs[server][real].turns, self.clocks[server], weight, step);
            }
        }
    }

    pub(super) fn set_standing(&mut self, real: usize, standing: Standing) {
        if self.reals[real].standing.unwrap_or(Standing::OutOfService) != standing {
            self.reals[real].standing = Some(standing);
            self.each_turns(real, |turns, clock, weight, _| turns.catch_up(clock, weight));
        }
    }

    pub(super) fn set_open(&mut self, binding: usize, is_open: bool) {
        let (server, real) = self.ends(binding);
        let weight = self.turns_of(server, real);
        let pair = &mut self.pairs[server][real];
        if pair.is_open != is_open {
            pair.is_open = is_open;
            pair.turns.catch_up(self.clocks[server], weight);
        }
    }

    pub(super) fn is_open(&self, binding: usize) -> bool {
        let (server, real) = self.ends(binding);
        self.pairs[server][real].is_open
    }

    pub(super) fn join(&mut self, real: usize) {
        let now = self.now;
        let is_slow = !self.configuration.real_servers()[real].slow_start().is_zero();
        let joined = &mut self.reals[real];
        (joined.answers_in, joined.asked, joined.timed) = (None, None, None);
        if is_slow {
            (joined.joined, joined.step) = (Some(now), 1);
        }
        self.each_turns(real, |turns, clock, weight, step| turns.put_off(clock, weight, step));
    }

    pub(super) fn advance(&mut self, passed: Duration) {
        self.now = self.now + passed;
        let now = self.now;
        for real in 0..self.reals.len() {
            let slow_start = self.configuration.real_servers()[real].slow_start();
            let before = self.reals[real].step;
            if let Some(joined) = self.reals[real].joined {
                let passed = now.since(joined).as_nanos() * 16 / slow_start.as_nanos();
                self.reals[real].step = u8::try_from(passed.min(15) + 1).unwrap();
            }
            if self.reals[real].step != before {
                self.each_turns(real, |turns, clock, weight, step| turns.hurry(clock, weight, step));
            }
            let real = &mut self.reals[real];
            let is_recent = |when: Instant| now.since(when) <= SECOND;
            if real.answers_in.is_some_and(|(_, measured)| now.since(measured) > 10 * SECOND) {
                real.answers_in = None;
                real.asked = real.timed.map(|(_, when)| when);
            }
            real.asked = real.asked.filter(|&when| is_recent(when));
        }
    }

    pub(super) fn note_syn(&mut self, binding: usize, token: u64) {
        let (server, real) = self.ends(binding);
        if self.predictor(server) == Predictor::Fastest {
            let (now, real) = (self.now, &mut self.reals[real]);
            if real.timed.is_none_or(|(_, when)| now.since(when) > SECOND) {
                real.timed = Some((token, now));
                real.asked = real.asked.map(|_| now);
            }
        }
    }

    pub(super) fn note_resent(&mut self, binding: usize, token: u64) {
        let (server, real) = self.ends(binding);
        if self.predictor(server) == Predictor::Fastest {
            self.reals[real].timed = self.reals[real].timed.filter(|&(timed, _)| timed != token);
        }
    }

    pub(super) fn note_answer(&mut self, binding: usize, token: u64) {
        let (server, real) = self.ends(binding);
        let (now, real) = (self.now, &mut self.reals[real]);
        if let Some((timed, when)) = real.timed
            && timed == token
            && self.predictor(server) == Predictor::Fastest
        {
            let real = &mut self.reals[self.configuration.bindings()[binding].real_server()];
            let sample = u32::try_from(now.since(when).as_micros().min(1 << 20)).unwrap();
            let smoothed = real.answers_in.map_or(8 * sample, |(old, _)| old - old / 8 + sample);
            (real.answers_in, real.asked, real.timed) = (Some((smoothed, now)), None, None);
        }
    }

    /// Goes on with another configuration of the same virtual servers.
    pub(super) fn adopt(&mut self, configuration: Configuration) {
        let was_bound: Vec<Vec<bool>> =
            self.pairs.iter().map(|pairs| pairs.iter().map(|pair| pair.is_bound).collect()).collect();
        let weights: Vec<_> =
            self.configuration.real_servers().iter().map(crate::RealServer::weight).collect();
        let mut next = Self::new(configuration);
        next.now = self.now;
        next.each_binding(|next, server, real, _| {
            if was_bound[server][real] {
                next.choices[server] = next.choices[server].max(self.choices[server]);
                next.clocks[server] = self.clocks[server];
                next.reals[real] = PlainReal { standing: None, ..self.reals[real].clone() };
            }
        });
        next.each_binding(|next, server, real, _| {
            let (weight, is_weighted) = (next.turns_of(server, real), next.is_weighted(server));
            let (clock, step) = (next.clocks[server], next.reals[real].step);
            let pair = &mut next.pairs[server][real];
            let former_weight = if is_weighted { weights[real] } else { 1 };
            if was_bound[server][real] {
                let former = &self.pairs[server][real];
                pair.chosen = former.chosen;
                if former_weight == weight {
                    pair.turns = former.turns;
                } else {
                    pair.turns.set(former.turns.next(former_weight), weight);
                }
            } else if step == 16 {
                pair.turns.catch_up(clock, weight);
            } else {
                pair.turns.put_off(clock, weight, step);
            }
        });
        *self = next;
    }
}

impl Pair {
    fn new(place: usize, is_weighted: bool) -> Self {
        let turns = Turns::beginning(if is_weighted { phase(place) } else { 0 });
        Self { is_bound: true, is_open: true, chosen: place as u64, turns }
    }
}
