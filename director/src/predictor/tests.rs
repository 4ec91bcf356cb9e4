//! What each predictor promises.

mod adopt;
mod cost;
mod fastest;
mod hash;
mod oracle;
mod plain;
mod slow_start;

use proptest::prelude::*;

use super::*;
use crate::{ConfigurationDraft, RealServerDraft};

/// Those that choose without regard to the client.
const PREDICTORS: [Predictor; 5] = [
    Predictor::LeastConnections,
    Predictor::WeightedLeastConnections,
    Predictor::Fastest,
    Predictor::RoundRobin,
    Predictor::WeightedRoundRobin,
];

/// Any client, where the predictor does not ask.
const CLIENT: u64 = 0;

/// A virtual server for each of `predictors`, and a real server for each of `weights`, all bound to all where
/// `is_bound` (virtual server, real server) says so.
fn draft(
    predictors: &[Predictor],
    weights: &[u16],
    is_bound: impl Fn(usize, usize) -> bool,
) -> ConfigurationDraft {
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
    draft
}

fn configuration(
    predictors: &[Predictor],
    weights: &[u16],
    is_bound: impl Fn(usize, usize) -> bool,
) -> Configuration {
    draft(predictors, weights, is_bound).build().unwrap()
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
            let binding = self.pick(0, CLIENT).unwrap();
            self.commit(binding);
            binding
        };
        (0..count).map(|_| next()).collect()
    }
}

fn count(choices: &[usize], binding: usize) -> usize {
    choices.iter().filter(|&&choice| choice == binding).count()
}

proptest! {
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
    assert_eq!(predictors.pick(1, CLIENT), Some(5));
    predictors.release(0);
    assert_eq!(predictors.pick(1, CLIENT), Some(3));
}

#[test]
fn the_time_of_weighted_round_robin_begins_again_and_shares_stay() {
    let mut predictors = one(Predictor::WeightedRoundRobin, &[3, 1]);
    predictors.contests[0].clock = turns::END - 5 * turns::ONE;
    (0..2).for_each(|real| {
        predictors.set_standing(real, Standing::Awaited);
        predictors.set_standing(real, Standing::Reachable);
    });
    let choices = predictors.choices(400);
    assert!(predictors.contests[0].clock < 100 * turns::ONE);
    assert!(count(&choices, 1).abs_diff(100) <= 2);
}

#[test]
fn without_bindings_nobody_is_chosen() {
    let predictors = Predictors::new(&configuration(&[Predictor::RoundRobin], &[1], |_, _| false), 3);
    assert_eq!(predictors.pick(0, CLIENT), None);
    assert_eq!(predictors.pick_among(0, CLIENT, |_| true), None);
}
