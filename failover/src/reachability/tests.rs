//! Hysteresis, and what better means.

use super::*;

const PROBING: ProbingSettings = ProbingSettings {
    interval: Duration::from_millis(100),
    timeout: Duration::from_millis(50),
    falls: 3,
    rises: 2,
};

fn target(weight: u16, required: bool) -> TargetSettings {
    TargetSettings { weight, required }
}

/// Probes target 0 once, and answers or not.
fn probe(targets: &mut Targets, now: &mut Instant, answers: bool) {
    *now = *now + PROBING.interval;
    assert_eq!(targets.poll_probe(*now), Some(0));
    assert_eq!(targets.poll_probe(*now), None);
    if answers {
        targets.answered(0);
    }
    targets.turn(*now + PROBING.timeout);
}

#[test]
fn a_target_falls_and_rises_after_several_probes() {
    let mut now = Instant::from_millis(1_000);
    let mut targets = Targets::new(&[target(1, true)], PROBING, now);
    assert_eq!(targets.score().missing, 1);
    probe(&mut targets, &mut now, true);
    assert_eq!(targets.score().missing, 0);
    let outcomes = [false, false, true, false, false, false];
    let missing = outcomes.map(|answers| {
        probe(&mut targets, &mut now, answers);
        targets.score().missing
    });
    assert_eq!(missing, [0, 0, 0, 0, 0, 1]);
    probe(&mut targets, &mut now, true);
    assert_eq!(targets.score().missing, 1);
    probe(&mut targets, &mut now, true);
    assert_eq!(targets.score().missing, 0);
}

#[test]
fn an_answer_to_no_probe_counts_nothing() {
    let mut targets = Targets::new(&[target(1, true)], PROBING, Instant::START);
    targets.answered(0);
    targets.answered(7);
    assert_eq!(targets.score().missing, 1);
}

#[test]
fn what_is_told_needs_no_answer() {
    let mut targets = Targets::new(&[target(3, false)], PROBING, Instant::START);
    targets.set(0, true);
    targets.set(9, true);
    for at in [500, 600, 700, 800] {
        assert_eq!(targets.poll_probe(Instant::from_millis(at)), Some(0));
        targets.turn(Instant::from_millis(at) + PROBING.timeout);
        assert_eq!(targets.score().weight_missing, 0);
    }
    assert_eq!(targets.deadline(), Some(Instant::from_millis(900)));
}

#[test]
fn three_functions_compare() {
    let score = |required_missing, missing, weight_missing| Score {
        required_missing,
        missing,
        targets: 4,
        weight_missing,
    };
    // (ours, theirs, by count, by weight, by required)
    let cases = [
        (score(0, 0, 0), score(0, 0, 0), Ordering::Equal, Ordering::Equal, Ordering::Equal),
        (score(0, 2, 2), score(0, 1, 9), Ordering::Less, Ordering::Greater, Ordering::Greater),
        (score(0, 2, 9), score(1, 1, 1), Ordering::Less, Ordering::Less, Ordering::Greater),
        (score(1, 1, 5), score(2, 2, 6), Ordering::Greater, Ordering::Greater, Ordering::Greater),
        (score(1, 1, 5), score(2, 2, 5), Ordering::Greater, Ordering::Equal, Ordering::Equal),
    ];
    for (ours, theirs, count, weighted, required) in cases {
        for (compare, expected) in
            [(Compare::Count, count), (Compare::Weighted, weighted), (Compare::Required, required)]
        {
            assert_eq!(ours.compare(&theirs, compare), expected, "{ours:?} {theirs:?} {compare:?}");
            assert_eq!(theirs.compare(&ours, compare), expected.reverse());
        }
    }
}
