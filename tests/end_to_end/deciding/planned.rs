//! The units change places because somebody wants it.

use nix::sys::signal::Signal;

use crate::lab::deciding::{DecidingPair, Settings};
use crate::lab::plan::line_addresses;
use crate::lab::traffic::{Flow, still_talk, talk};
use crate::lab::wait;

/// A round in which the machine itself stood still proves nothing, and another one begins.
const ROUNDS: usize = 6;

/// Both ways of a switch under flows, as often as it takes to have one that nothing disturbed.
fn undisturbed(pair: &DecidingPair, mut round: impl FnMut()) {
    for _ in 0..ROUNDS {
        let before = pair.disturbances();
        let flows = line_addresses().map(|address| Flow::start(&pair.client, address));
        round();
        flows.iter().for_each(|flow| flow.wait_for(50));
        let reports = flows.map(Flow::end);
        assert!(reports.iter().all(|report| report.doubled == 0), "{reports:?}");
        if pair.disturbances() == before {
            assert!(reports.iter().all(|report| report.is_whole()), "{reports:?}");
            return;
        }
        eprintln!("the machine stood still; {reports:?} says nothing");
    }
    panic!("the machine stood still in each of {ROUNDS} rounds");
}

#[test]
fn a_planned_switch_loses_and_doubles_nothing() {
    let pair = DecidingPair::start(Settings::default());
    let mut sessions = talk(&pair.client, &line_addresses(), 20);
    undisturbed(&pair, || {
        for _ in 0..2 {
            let (from, to) = pair.by_state();
            let report = to.failover("active");
            assert_eq!(report["state"], "active");
            from.wait_until_standby();
            still_talk(&mut sessions);
            assert_eq!(to.cause_of("335").as_deref(), Some("accepted"));
            assert_eq!(from.cause_of("355").as_deref(), Some("query"));
        }
    });
}

#[test]
fn a_rehearsal_loses_and_doubles_nothing() {
    let pair = DecidingPair::start(Settings::default());
    let mut sessions = talk(&pair.client, &line_addresses(), 20);
    undisturbed(&pair, || {
        let (active, standby) = pair.by_state();
        let disturbances = pair.disturbances();
        match standby.try_failover(&["rehearse"]) {
            Err(refused) => assert!(refused.contains("a rehearsal begins on the active unit"), "{refused}"),
            Ok(answer) => assert!(pair.disturbances() != disturbances, "{answer}"),
        }
        wait::until_equal("connections that would break", 0, || {
            active.replication()["would_break"].as_u64().unwrap_or(1)
        });
        let before = standby.view.packets().forwarded;
        let answer = active.try_failover(&["rehearse"]);
        // Where it failed, something went on beside it.
        let is_whole = answer.as_ref().is_ok_and(|answer| {
            let report = &answer["rehearsed"][0];
            report["unknown"] == 0 && report["lost"] == 0
        });
        assert!(is_whole || pair.disturbances() != disturbances, "{answer:?}");
        still_talk(&mut sessions);
        let had_its_turn = standby.view.packets().forwarded > before;
        assert!(had_its_turn || pair.disturbances() != disturbances, "the standby never had its turn");
    });
}

#[test]
fn a_unit_that_is_told_to_stop_hands_over_first() {
    let pair = DecidingPair::start(Settings::default());
    let mut sessions = talk(&pair.client, &line_addresses(), 20);
    let flow = Flow::start(&pair.client, line_addresses()[0]);
    let (active, standby) = pair.by_state();
    active.signal(Signal::SIGTERM);
    assert!(active.end().success());
    standby.wait_until_active();
    assert_eq!(standby.cause_of("347").as_deref(), Some("asked"));
    assert_eq!(standby.cause_of("335").as_deref(), Some("accepted"));
    assert_eq!(standby.cause_of("348"), None);
    flow.wait_for(50);
    let report = flow.end();
    assert_eq!(report.doubled, 0, "{report:?}");
    still_talk(&mut sessions);
}
