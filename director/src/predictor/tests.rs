//! The tournaments against a plain list that is searched from end to end, and what each predictor promises.

use proptest::prelude::*;

use super::*;
use crate::RealServerDraft;

const PREDICTORS: [Predictor; 4] = [
    Predictor::LeastConnections,
    Predictor::WeightedLeastConnections,
    Predictor::RoundRobin,
    Predictor::WeightedRoundRobin,
];

/// A virtual server for each of `predictors`, and a real server for each of `weights`, all bound to all where
/// `is_bound` (virtual server, real server) says so.
fn configuration(
    predictors: &[Predictor],
    weights: &[u16],
    is_bound: impl Fn(usize, usize) -> bool,
) -> Configuration {
    let real = |index: usize| format!("10.1.{}.{}:80", index / 250, index % 250 + 1);
    let mut draft = Configuration::builder();
    for (index, &weight) in weights.iter().enumerate() {
        let weight = weight.into();
        draft = draft.add_real_server(RealServerDraft { weight, ..RealServerDraft::new(&real(index)) });
    }
    for (index, &predictor) in predictors.iter().enumerate() {
        let name = format!("192.0.2.{}:80", index + 1);
        let bound: Vec<_> = (0..weights.len()).filter(|&other| is_bound(index, other)).map(real).collect();
        let bound: Vec<_> = bound.iter().map(String::as_str).collect();
        draft = draft.virtual_server(&name, predictor);
        if !bound.is_empty() {
            draft = draft.bind(&name, &bound);
        }
    }
    draft.build().unwrap()
}

/// One virtual server; all real servers can be reached.
fn one(predictor: Predictor, weights: &[u16]) -> Predictors {
    let mut predictors = Predictors::new(&configuration(&[predictor], weights, |_, _| true), 0);
    (0..weights.len()).for_each(|real| predictors.set_standing(real, Standing::Reachable));
    predictors
}

impl Predictors {
    /// The next `count` choices of the first virtual server.
    fn choices(&mut self, count: usize) -> Vec<usize> {
        let mut next = || {
            let binding = self.pick(0).unwrap();
            self.commit(binding);
            binding
        };
        (0..count).map(|_| next()).collect()
    }
}

fn count(choices: &[usize], binding: usize) -> usize {
    choices.iter().filter(|&&choice| choice == binding).count()
}

/// The same, thought of in the plainest way.
struct Plain {
    configuration: Configuration,
    connections: Vec<u64>,
    standings: Vec<Standing>,
    /// By binding: the number of the choice that was its last.
    chosen: Vec<u64>,
    turns: Vec<Turns>,
    /// By virtual server.
    clocks: Vec<u64>,
    choices: u64,
}

impl Plain {
    fn new(configuration: Configuration) -> Self {
        let bindings = configuration.bindings();
        let place =
            |(index, bound): (usize, &crate::Binding)| index - start(&configuration, bound.virtual_server());
        let places: Vec<_> = bindings.iter().enumerate().map(place).collect();
        Self {
            connections: vec![0; configuration.real_servers().len()],
            standings: vec![Standing::OutOfService; configuration.real_servers().len()],
            chosen: places.iter().map(|&place| place as u64).collect(),
            turns: places.iter().map(|&place| Turns::beginning(phase(place))).collect(),
            clocks: vec![0; configuration.virtual_servers().len()],
            choices: bindings.len() as u64,
            configuration,
        }
    }

    fn real(&self, binding: usize) -> usize {
        self.configuration.bindings()[binding].real_server()
    }

    fn weight(&self, binding: usize) -> u16 {
        self.configuration.real_servers()[self.real(binding)].weight()
    }

    /// Whether `one` is to be chosen rather than `other`.
    fn is_better(&self, predictor: Predictor, one: usize, other: usize) -> bool {
        let load = |binding: usize| self.connections[self.real(binding)] + 1;
        let weighted =
            |binding: usize, denominator: usize| load(binding) * u64::from(self.weight(denominator));
        let next = |binding: usize| self.turns[binding].next(self.weight(binding));
        let standing = |binding: usize| self.standings[self.real(binding)];
        let merits = match predictor {
            Predictor::RoundRobin => std::cmp::Ordering::Equal,
            Predictor::LeastConnections => load(one).cmp(&load(other)),
            Predictor::WeightedLeastConnections => weighted(one, other).cmp(&weighted(other, one)),
            Predictor::WeightedRoundRobin => next(one).cmp(&next(other)),
        };
        let standings = standing(one).cmp(&standing(other));
        standings.then(merits).then(self.chosen[one].cmp(&self.chosen[other])).is_lt()
    }

    fn pick(&self, virtual_server: usize, eligible: impl Fn(usize) -> bool) -> Option<usize> {
        let server = &self.configuration.virtual_servers()[virtual_server];
        let in_service =
            server.bindings().filter(|&binding| self.standings[self.real(binding)] < Standing::OutOfService);
        in_service.filter(|&binding| eligible(binding)).reduce(|best, binding| {
            if self.is_better(server.predictor(), binding, best) { binding } else { best }
        })
    }

    fn commit(&mut self, binding: usize) {
        let virtual_server = self.configuration.bindings()[binding].virtual_server();
        let (winner, real) = (self.pick(virtual_server, |_| true).unwrap(), self.real(binding));
        self.clocks[virtual_server] =
            self.clocks[virtual_server].max(self.turns[winner].next(self.weight(winner)));
        let weight = self.weight(binding);
        self.turns[binding].take(weight);
        self.chosen[binding] = self.choices;
        self.choices += 1;
        self.connections[real] += 1;
    }

    fn set_standing(&mut self, real: usize, standing: Standing) {
        if self.standings[real] != standing {
            self.standings[real] = standing;
            for (binding, bound) in self.configuration.bindings().iter().enumerate() {
                if bound.real_server() == real {
                    let weight = self.configuration.real_servers()[real].weight();
                    self.turns[binding].catch_up(self.clocks[bound.virtual_server()], weight);
                }
            }
        }
    }
}

fn start(configuration: &Configuration, virtual_server: usize) -> usize {
    configuration.virtual_servers()[virtual_server].bindings().start
}

/// What may happen to predictors.
#[derive(Clone, Debug)]
enum Event {
    /// A connection by the best binding of a virtual server, or by the best but one, where the best is not free.
    Begin(usize, bool),
    /// One of the connections ends.
    End(prop::sample::Index),
    /// A real server's standing changes.
    Standing(usize, Standing),
}

const REALS: usize = 7;

fn events() -> impl Strategy<Value = Vec<Event>> {
    let standing = prop_oneof![
        4 => Just(Standing::Reachable),
        1 => Just(Standing::Awaited),
        1 => Just(Standing::Unreachable),
        1 => Just(Standing::OutOfService),
    ];
    let event = prop_oneof![
        8 => (0..2 * PREDICTORS.len(), prop::bool::weighted(0.1)).prop_map(|(server, second)| Event::Begin(server, second)),
        4 => any::<prop::sample::Index>().prop_map(Event::End),
        2 => (0..REALS, standing).prop_map(|(real, standing)| Event::Standing(real, standing)),
    ];
    prop::collection::vec(event, 1..300)
}

proptest! {
    #[test]
    fn tournaments_choose_as_a_search_of_all_does(
        weights in prop::array::uniform7(prop_oneof![1..5_u16, 1..=1_000_u16]),
        bound in prop::collection::vec(any::<u8>(), 2 * PREDICTORS.len()),
        events in events(),
    ) {
        let twice: Vec<_> = PREDICTORS.iter().chain(&PREDICTORS).copied().collect();
        let configuration = configuration(&twice, &weights, |server, real| bound[server] >> real & 1 == 1);
        let mut ours = Predictors::new(&configuration, 0);
        let mut plain = Plain::new(configuration);
        let mut live = Vec::new();
        for event in events {
            match event {
                Event::Begin(server, second) => {
                    let best = plain.pick(server, |_| true);
                    prop_assert_eq!(ours.pick(server), best);
                    let is_reachable = |binding| plain.standings[plain.real(binding)] == Standing::Reachable;
                    let other = plain.pick(server, |binding| is_reachable(binding) && Some(binding) != best);
                    prop_assert_eq!(ours.pick_among(server, |binding| Some(binding) != best), other);
                    let chosen = if second { other } else { best.filter(|&binding| is_reachable(binding)) };
                    if let Some(binding) = chosen {
                        ours.commit(binding);
                        plain.commit(binding);
                        live.push(binding);
                    }
                }
                Event::End(which) if !live.is_empty() => {
                    let binding = live.swap_remove(which.index(live.len()));
                    ours.release(binding);
                    let real = plain.real(binding);
                    plain.connections[real] -= 1;
                }
                Event::End(_) => {}
                Event::Standing(real, standing) => {
                    ours.set_standing(real, standing);
                    plain.set_standing(real, standing);
                }
            }
        }
    }

    /// In each unit of its time every real server has its weight of turns; so each window of as many connections as
    /// the weights add up to is shared out by weight, give or take one.
    #[test]
    fn weighted_round_robin_keeps_the_shares_in_every_window(
        weights in prop::collection::vec(1..20_u16, 1..12),
        skipped in 0..200_usize,
    ) {
        let mut predictors = one(Predictor::WeightedRoundRobin, &weights);
        predictors.choices(skipped);
        let total: u16 = weights.iter().sum();
        let window = predictors.choices(usize::from(total));
        for (binding, &weight) in weights.iter().enumerate() {
            prop_assert!(count(&window, binding).abs_diff(usize::from(weight)) <= 1, "{window:?}");
        }
    }
}

#[test]
fn a_heavy_server_is_not_served_in_a_row() {
    let mut weights = [1; 101];
    weights[0] = 100;
    let choices = one(Predictor::WeightedRoundRobin, &weights).choices(2_000);
    let longest = choices.chunk_by(|one, other| one == other).map(<[_]>::len).max();
    assert!(longest <= Some(3), "{longest:?}");
    assert_eq!(count(&choices, 0), 1_000);
    assert!((1..101).all(|light| count(&choices, light) == 10));
}

#[test]
fn who_comes_back_gets_its_share_and_no_more() {
    for predictor in [Predictor::RoundRobin, Predictor::WeightedRoundRobin] {
        let mut predictors = one(predictor, &[1; 10]);
        predictors.set_standing(3, Standing::Unreachable);
        predictors.set_standing(4, Standing::Awaited);
        let without = predictors.choices(800);
        assert_eq!(count(&without, 3) + count(&without, 4), 0, "{predictor:?}");
        predictors.set_standing(3, Standing::Reachable);
        predictors.set_standing(4, Standing::Reachable);
        let with = predictors.choices(100);
        for binding in 0..10 {
            assert!((9..=11).contains(&count(&with, binding)), "{predictor:?}: {with:?}");
        }
    }
}

#[test]
fn shards_begin_with_different_servers() {
    for predictor in PREDICTORS {
        let configuration = configuration(&[predictor], &[1; 4], |_, _| true);
        let firsts = (0..4).map(|shard| {
            let mut predictors = Predictors::new(&configuration, shard);
            (0..4).for_each(|real| predictors.set_standing(real, Standing::Reachable));
            predictors.choices(4)[0]
        });
        let mut firsts: Vec<_> = firsts.collect();
        firsts.sort_unstable();
        assert_eq!(firsts, [0, 1, 2, 3], "{predictor:?}");
    }
}

#[test]
fn connections_by_one_virtual_server_count_for_the_others() {
    let configuration =
        configuration(&[Predictor::RoundRobin, Predictor::LeastConnections], &[1; 3], |_, _| true);
    let mut predictors = Predictors::new(&configuration, 0);
    (0..3).for_each(|real| predictors.set_standing(real, Standing::Reachable));
    // Bindings 0 to 2 are those of the first virtual server.
    predictors.commit(0);
    predictors.commit(1);
    assert_eq!(predictors.pick(1), Some(5));
    predictors.release(0);
    assert_eq!(predictors.pick(1), Some(3));
}

#[test]
fn the_time_of_weighted_round_robin_begins_again_and_shares_stay() {
    let mut predictors = one(Predictor::WeightedRoundRobin, &[3, 1]);
    predictors.contests[0].clock = turns::END - 5 * rank::ONE;
    (0..2).for_each(|real| {
        predictors.set_standing(real, Standing::Awaited);
        predictors.set_standing(real, Standing::Reachable);
    });
    let choices = predictors.choices(400);
    assert!(predictors.contests[0].clock < 100 * rank::ONE);
    assert!(count(&choices, 1).abs_diff(100) <= 2);
}

#[test]
fn without_bindings_nobody_is_chosen() {
    let predictors = Predictors::new(&configuration(&[Predictor::RoundRobin], &[1], |_, _| false), 3);
    assert_eq!(predictors.pick(0), None);
    assert_eq!(predictors.pick_among(0, |_| true), None);
}
