//! The fastest real server, reckoned with its load.

use std::time::Duration;

use super::*;

const fn at_ms(milliseconds: u64) -> Instant {
    Instant::from_millis(milliseconds)
}

/// Real servers that answer in so many microseconds, and clients that come one after the other.
struct Story {
    predictors: Predictors,
    answer_us: Vec<u64>,
    now: Instant,
    begun: u64,
    /// Answers to come: when, by which binding, to which connection.
    answers: Vec<(Instant, usize, u64)>,
}

impl Story {
    fn new(weights: &[u16], answer_us: &[u64]) -> Self {
        let predictors = one(Predictor::Fastest, weights);
        Self { predictors, answer_us: answer_us.to_vec(), now: at_ms(0), begun: 0, answers: Vec::new() }
    }

    fn pass(&mut self, passed: Duration) {
        self.now = self.now + passed;
        let now = self.now;
        self.answers.sort_by_key(|&(when, ..)| when);
        while let Some(&(when, binding, token)) = self.answers.first().filter(|(when, ..)| *when <= now) {
            self.predictors.note_answer(binding, token, when);
            self.answers.remove(0);
        }
        self.predictors.advance(now);
    }

    /// A connection that stays; a real server whose time is 0 never answers.
    fn begin(&mut self) -> usize {
        let binding = self.predictors.pick(0, CLIENT).unwrap();
        self.predictors.commit(binding);
        self.predictors.note_syn(binding, self.begun, self.now);
        if let answer_us @ 1.. = self.answer_us[binding] {
            self.answers.push((self.now + Duration::from_micros(answer_us), binding, self.begun));
        }
        self.begun += 1;
        binding
    }

    /// So many connections, `apart` from each other; how many of them each binding got.
    fn run(&mut self, connections: usize, apart: Duration) -> Vec<usize> {
        let mut got = vec![0; self.answer_us.len()];
        for _ in 0..connections {
            self.pass(apart);
            got[self.begin()] += 1;
        }
        got
    }
}

#[test]
fn who_answers_in_half_the_time_has_twice_the_connections() {
    let mut story = Story::new(&[1, 1, 1], &[100, 200, 400]);
    let got = story.run(7_000, Duration::from_micros(500));
    for (got, expected) in got.into_iter().zip([4_000_usize, 2_000, 1_000]) {
        assert!(got.abs_diff(expected) <= 20, "{got} of {expected}");
    }
}

#[test]
fn weights_count() {
    let got = Story::new(&[1, 3], &[100, 100]).run(4_000, Duration::from_micros(500));
    assert!(got[1].abs_diff(3_000) <= 20, "{got:?}");
}

#[test]
fn before_anything_is_known_each_gets_one_to_be_measured() {
    let mut story = Story::new(&[1; 5], &[0; 5]);
    assert_eq!(story.run(5, Duration::ZERO), [1; 5]);
    assert_eq!(story.run(50, Duration::ZERO), [10; 5], "all are slow now: the fewest connections");
}

#[test]
fn who_never_answered_gets_one_connection_at_a_time() {
    let mut story = Story::new(&[1, 1, 1], &[200, 200, 0]);
    // Two seconds of a thousand connections each.
    let got = story.run(2_000, Duration::from_millis(1));
    assert!((1..=2).contains(&got[2]), "{got:?}");
}

#[test]
fn who_was_not_measured_for_a_while_is_tried_again_with_one() {
    let mut story = Story::new(&[1, 1], &[100, 1_000_000]);
    story.run(10, Duration::from_millis(200));
    let slow = story.run(40, Duration::from_millis(200))[1];
    assert_eq!(slow, 0, "for ten seconds it is known to be slow");
    story.answer_us[1] = 100;
    let got = story.run(100, Duration::from_millis(100));
    assert!(got[1] > 40, "one was enough to see that it is fast again: {got:?}");
}

#[test]
fn an_answer_to_a_syn_that_was_sent_again_says_nothing() {
    let mut predictors = one(Predictor::Fastest, &[1, 1]);
    predictors.commit(0);
    predictors.note_syn(0, 7, at_ms(0));
    predictors.note_resent(0, 7);
    predictors.note_answer(0, 7, at_ms(3));
    assert_eq!(predictors.candidates(0).next().unwrap().answers_in, None);
    predictors.commit(0);
    predictors.note_syn(0, 8, at_ms(5));
    predictors.note_answer(0, 8, at_ms(9));
    let first = predictors.candidates(0).next().unwrap();
    assert_eq!(first.answers_in, Some(Duration::from_millis(4)));
    assert_eq!((first.connections, first.share), (2, None));
}

#[test]
fn others_pay_nothing_for_it() {
    let mut predictors = one(Predictor::LeastConnections, &[1, 1]);
    predictors.commit(0);
    predictors.note_syn(0, 7, at_ms(0));
    predictors.note_answer(0, 7, at_ms(3));
    assert_eq!(predictors.speeds[0].measured(), None);
    assert_eq!(predictors.candidates(0).next().unwrap().answers_in, None);
}
