//! The table against the seed's list.

use super::*;

/// Seed 002, "The main transitions are": number, from, to, and the seed's numbers of the actions.
const SEED: &[(u16, State, State, &[Action])] = &[
    (315, Idle, Listen, &[StartListening]),
    (325, Listen, Standby, &[FollowActive]),
    (326, Listen, Active, &[SendUpdates]),
    (335, Preempt, Active, &[SendUpdates]),
    (345, Standby, Preempt, &[SendQuery]),
    (346, Standby, Preempt, &[SendQuery]),
    (347, Standby, Preempt, &[SendQuery]),
    (348, Standby, Active, &[SendUpdates]),
    (355, Active, Standby, &[FollowActive]),
];

#[test]
fn the_table_is_the_seeds() {
    for row in TABLE {
        println!(
            "{:10} {:?} --{:?} {:?}--> {:?} {:?}",
            row.transition.to_string(),
            row.from,
            row.event,
            row.guards,
            row.to,
            row.actions
        );
    }
    for (number, from, to, actions) in SEED {
        let rows: Vec<_> = TABLE.iter().filter(|row| row.transition == Seed(*number)).collect();
        assert!(!rows.is_empty(), "{number} is missing");
        for row in rows {
            assert_eq!((row.from, row.to), (*from, *to), "{number}");
            assert!(actions.iter().all(|action| row.actions.contains(action)), "{number}");
        }
    }
    for row in TABLE {
        if let Seed(number) = row.transition {
            assert!(SEED.iter().any(|(known, ..)| *known == number), "{number} is none of the seed's");
        }
    }
}

#[test]
fn without_its_guard_no_transition_is_made() {
    for row in TABLE.iter().filter(|row| !row.guards.is_empty()) {
        assert_eq!(step(row.from, row.event, &Facts::default()), None, "{}", row.transition);
    }
}

#[test]
fn only_proof_or_force_promotes_by_plan() {
    let facts =
        Facts { is_calm: true, is_heard: true, is_preferred: true, is_best: true, ..Facts::default() };
    for event in [On::Better, On::Synchronized, On::Command] {
        assert_eq!(step(Standby, event, &facts), None);
        assert!(step(Standby, event, &Facts { is_synchronized: true, ..facts }).is_some());
    }
    let forced = Facts { is_forced: true, ..facts };
    assert_eq!(step(Standby, On::Command, &forced).map(|row| row.to), Some(Preempt));
    assert_eq!(step(Standby, On::Better, &forced), None);
}

#[test]
fn what_is_not_in_the_table_changes_nothing() {
    let everything = Facts {
        is_synchronized: true,
        is_forced: true,
        is_best: true,
        is_preferred: true,
        is_calm: true,
        is_heard: true,
        is_warned: true,
        is_outranked: true,
        has_successor: true,
    };
    assert_eq!(step(Idle, On::ActiveSilent, &everything), None);
    assert_eq!(step(Active, On::ActiveSilent, &everything), None);
    assert_eq!(step(Listen, On::Query, &everything), None);
    assert_eq!(step(Standby, On::Query, &everything), None);
}
