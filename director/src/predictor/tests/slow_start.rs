//! A real server that joins gets its share gradually.

use super::*;

const PERIOD_S: u64 = 16;

/// All real servers are in service but the last, which joins at the start of the clock.
fn joined(predictor: Predictor, weights: &[u16], connections_before: usize) -> Predictors {
    let mut draft = draft(&[predictor], weights, |_, _| true);
    let last = weights.len() - 1;
    draft.real_servers[last].slow_start_s = PERIOD_S;
    let mut predictors = Predictors::new(&draft.build().unwrap(), 0);
    (0..last).for_each(|real| predictors.set_standing(real, Standing::Reachable));
    predictors.choices(connections_before);
    predictors.set_standing(last, Standing::Reachable);
    predictors.join(last, Instant::START);
    predictors
}

/// In the middle of each second, which is a step, what becomes of so many connections.
fn seconds(predictors: &mut Predictors, mut look: impl FnMut(u64, &mut Predictors)) {
    for second in 0..PERIOD_S + 4 {
        predictors.advance(Instant::from_millis(1_000 * second + 500));
        look((second + 1).min(16), predictors);
    }
}

#[test]
fn turns_come_as_often_as_the_step_says() {
    for (predictor, weights) in [
        (Predictor::RoundRobin, [1, 1, 1, 1]),
        (Predictor::WeightedRoundRobin, [1, 1, 1, 1]),
        (Predictor::WeightedRoundRobin, [4, 2, 1, 5]),
    ] {
        let mut predictors = joined(predictor, &weights, 1_000);
        let others: u64 = weights[..3].iter().map(|&weight| u64::from(weight)).sum();
        seconds(&mut predictors, |step, predictors| {
            let own = u64::from(weights[3]) * step;
            let count = 100 * (16 * others + own);
            let choices = predictors.choices(usize::try_from(count).unwrap());
            let (got, expected) = (count_of(&choices, 3), 100 * own);
            assert!(got.abs_diff(expected) <= 10, "{predictor:?} at {step}: {got} of {expected}");
            assert_eq!(
                predictors.candidates(0).nth(3).unwrap().share,
                u8::try_from(step).ok().filter(|&step| step < 16)
            );
        });
    }
}

fn count_of(choices: &[usize], binding: usize) -> u64 {
    count(choices, binding) as u64
}

#[test]
fn who_joins_does_not_begin_with_a_herd() {
    for predictor in PREDICTORS {
        let choices = joined(predictor, &[1; 5], 4_000).choices(64);
        let longest = choices.chunk_by(|one, other| one == other).map(<[_]>::len).max();
        // By load it gets a sixteenth of the others' thousand at once, and no more.
        let most =
            if matches!(predictor, Predictor::RoundRobin | Predictor::WeightedRoundRobin) { 1 } else { 63 };
        assert!(count(&choices, 4) <= most && longest <= Some(most), "{predictor:?}: {choices:?}");
    }
}

#[test]
fn by_load_nobody_has_more_than_the_step_says() {
    for predictor in [Predictor::LeastConnections, Predictor::WeightedLeastConnections] {
        let mut predictors = joined(predictor, &[1; 4], 3_000);
        seconds(&mut predictors, |step, predictors| {
            predictors.choices(100);
            let connections: Vec<_> =
                predictors.candidates(0).map(|each| u64::from(each.connections)).collect();
            let share = connections[0] * step / 16;
            assert!(connections[3] <= share + 1, "{predictor:?} at {step}: {connections:?}");
            assert!(step == 16 || connections[3] + 101 >= share, "{predictor:?} at {step}: {connections:?}");
        });
        predictors.choices(4_000);
        let connections: Vec<_> = predictors.candidates(0).map(|each| each.connections).collect();
        assert!(connections[3].abs_diff(connections[0]) <= 1, "{connections:?}");
    }
}

#[test]
fn where_all_join_at_once_all_have_the_same() {
    for predictor in PREDICTORS {
        let mut draft = draft(&[predictor], &[1; 4], |_, _| true);
        draft.real_servers.iter_mut().for_each(|real| real.slow_start_s = PERIOD_S);
        let mut predictors = Predictors::new(&draft.build().unwrap(), 0);
        for real in 0..4 {
            predictors.set_standing(real, Standing::Reachable);
            predictors.join(real, Instant::START);
        }
        let choices = predictors.choices(400);
        assert!((0..4).all(|binding| count(&choices, binding) == 100), "{predictor:?}: {choices:?}");
    }
}

#[test]
fn who_joins_where_connections_are_rare_does_not_wait_when_its_slow_start_is_over() {
    let mut predictors = joined(Predictor::RoundRobin, &[1; 4], 12);
    for milliseconds in (0..=1_000 * PERIOD_S).step_by(100) {
        predictors.advance(Instant::from_millis(milliseconds));
    }
    assert_eq!(count(&predictors.choices(8), 3), 2);
}

#[test]
fn time_passes_for_many_in_parts() {
    let weights = [1; 200];
    let mut draft = draft(&[Predictor::RoundRobin], &weights, |_, _| true);
    draft.real_servers.iter_mut().for_each(|real| real.slow_start_s = 1);
    let mut predictors = Predictors::new(&draft.build().unwrap(), 0);
    (0..200).for_each(|real| predictors.join(real, Instant::START));
    let over = |predictors: &Predictors| {
        predictors.slow_starts.iter().filter(|slow_start| slow_start.is_over()).count()
    };
    let after: Vec<_> = (0..5)
        .map(|_| {
            predictors.advance(Instant::from_millis(5_000));
            (over(&predictors), predictors.starting)
        })
        .collect();
    assert_eq!(after, [(64, 136), (128, 72), (192, 8), (200, 0), (200, 0)]);
}

#[test]
fn without_a_slow_start_all_is_as_before() {
    let mut predictors = one(Predictor::LeastConnections, &[1; 2]);
    predictors.join(1, Instant::START);
    assert_eq!(predictors.starting, 0);
    assert_eq!(predictors.choices(4), [0, 1, 0, 1]);
}
