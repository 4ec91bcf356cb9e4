//! A change of the configuration in the middle of traffic.

use std::time::Duration;

use super::*;

/// The predictors of the next configuration, whose bindings were `same` before; all can be reached.
fn adopted(
    next: &Configuration,
    old: &Predictors,
    same: impl Fn(usize) -> Option<usize>,
    connections: impl Fn(usize) -> u32,
) -> Predictors {
    let mut predictors = Predictors::new(next, 0);
    predictors.adopt(old, same, connections);
    let reals = next.real_servers().len();
    (0..reals).for_each(|real| predictors.set_standing(real, Standing::Reachable));
    predictors
}

#[test]
fn whose_turn_it_is_stays() {
    for predictor in PREDICTORS {
        let weights = [5, 3, 1, 4];
        let same = configuration(&[predictor], &weights, |_, _| true);
        for before in 0..20 {
            let mut old = one(predictor, &weights);
            let chosen = old.choices(before);
            let connections = |binding| u32::try_from(count(&chosen, binding)).unwrap();
            let mut next = adopted(&same, &old, Some, connections);
            assert_eq!(next.choices(50), old.choices(50), "{predictor:?} after {before}");
        }
    }
}

#[test]
fn a_new_one_gets_its_share_of_turns_and_no_more() {
    for predictor in [Predictor::RoundRobin, Predictor::WeightedRoundRobin] {
        let mut old = one(predictor, &[1; 3]);
        old.choices(3_001);
        // The new one is the first binding now.
        let next = configuration(&[predictor], &[1; 4], |_, _| true);
        let mut next = adopted(&next, &old, |binding| binding.checked_sub(1), |_| 0);
        let choices = next.choices(100);
        for binding in 0..4 {
            assert!(count(&choices, binding).abs_diff(25) <= 1, "{predictor:?}: {choices:?}");
        }
    }
}

#[test]
fn another_weight_counts_from_now_on() {
    let mut old = one(Predictor::WeightedRoundRobin, &[1_000, 1]);
    old.choices(777);
    let next = configuration(&[Predictor::WeightedRoundRobin], &[1, 3], |_, _| true);
    let choices = adopted(&next, &old, Some, |_| 0).choices(400);
    assert!(count(&choices, 1).abs_diff(300) <= 3, "{choices:?}");
}

#[test]
fn another_predictor_begins_anew() {
    let mut old = one(Predictor::WeightedRoundRobin, &[2, 1]);
    old.choices(1_000);
    for predictor in [Predictor::RoundRobin, Predictor::LeastConnections] {
        let next = configuration(&[predictor], &[2, 1], |_, _| true);
        let choices = adopted(&next, &old, Some, |_| 7).choices(100);
        assert_eq!(count(&choices, 1), 50, "{predictor:?}");
    }
}

#[test]
fn speeds_and_slow_starts_go_on_where_they_are() {
    let mut draft = draft(&[Predictor::Fastest], &[1, 1], |_, _| true);
    draft.real_servers[1].slow_start_s = 16;
    let mut old = Predictors::new(&draft.build().unwrap(), 0);
    old.join(1, Instant::START);
    for (binding, milliseconds) in [(0, 3), (1, 7)] {
        old.commit(binding);
        old.note_syn(binding, 1, Instant::from_millis(8_000));
        old.note_answer(binding, 1, Instant::from_millis(8_000 + milliseconds));
    }
    old.advance(Instant::from_millis(8_500));
    // The servers change places.
    draft.real_servers.reverse();
    draft.bindings[0].real_servers.reverse();
    let mut next = adopted(&draft.build().unwrap(), &old, |binding| Some(1 - binding), |_| 1);
    let seen = |predictors: &Predictors| {
        let seen = predictors.candidates(0).map(|each| (each.answers_in, each.share, each.connections));
        seen.collect::<Vec<_>>()
    };
    let took = |milliseconds| Some(Duration::from_millis(milliseconds));
    assert_eq!(seen(&next), [(took(7), Some(9), 1), (took(3), None, 1)]);
    next.advance(Instant::from_millis(15_500));
    assert_eq!(seen(&next), [(took(7), None, 1), (took(3), None, 1)]);
}
