//! Switches that are wanted: by operators, roles and load.

mod pair;

use failover::{Cause, Command, Order, Refusal, State, Strategy};
use model::UnitRole;
use pair::{World, ms, settings};
use std::time::Duration;

#[test]
fn both_start_together_and_the_primary_becomes_active() {
    let mut world = World::pair();
    world.run(ms(990));
    assert_eq!((world.state(0), world.state(1)), (State::Listen, State::Listen));
    world.run(ms(110));
    assert_eq!((world.state(0), world.state(1)), (State::Active, State::Standby));
    assert_eq!(world.transitions(0), ["315 started", "326 nobody_active"]);
    assert_eq!(world.transitions(1), ["315 started", "325 active_heard"]);
    assert_eq!(world.units[0].orders, [Order::Activate { group: 0, cause: Cause::NobodyActive }]);
    assert_eq!(world.units[1].orders, []);
}

#[test]
fn a_unit_without_peers_is_idle_and_forwards() {
    let mut alone = settings(1);
    alone.peers = 0;
    let mut world = World::new(vec![alone]);
    world.run(ms(10));
    assert_eq!((world.state(0), world.active(0)), (State::Idle, vec![0]));
    assert_eq!(world.units[0].orders, [Order::Activate { group: 0, cause: Cause::Alone }]);
    assert_eq!(world.command(0, Command::StandBy { force: true }), Err(Refusal::Alone));
}

#[test]
fn a_planned_switch_takes_two_milliseconds_and_the_old_one_is_silent_first() {
    let mut world = World::settled();
    world.command(1, Command::Active { force: false }).unwrap();
    let took = world.run_until(ms(10), |world| world.active(0) == [1]);
    assert!(took <= ms(2), "{took:?}");
    assert_eq!(world.max_dual, Duration::ZERO);
    assert_eq!(world.transitions(0)[2..], ["355 query"]);
    assert_eq!(world.transitions(1)[2..], ["347 command", "335 accepted"]);
    assert_eq!(world.units[1].orders, [Order::Activate { group: 0, cause: Cause::Command }]);
    assert_eq!(world.units[0].orders[1..], [Order::StandBy { group: 0 }]);
    let epochs: Vec<_> =
        world.units.iter().map(|unit| unit.monitor.status(world.now).groups[0].epoch).collect();
    assert_eq!(epochs, [1, 2]);
}

#[test]
fn the_active_unit_is_told_to_stand_by() {
    let mut world = World::settled();
    world.command(0, Command::StandBy { force: false }).unwrap();
    world.run_until(ms(10), |world| world.active(0) == [1]);
    assert_eq!(world.transitions(0)[2..], ["STAND_BY command", "355 query"]);
    assert_eq!(world.transitions(1)[2..], ["347 asked", "335 accepted"]);
}

#[test]
fn without_an_answer_the_standby_takes_over_after_t3() {
    let mut world = World::settled();
    // It accepts, and never stands by.
    world.command(1, Command::Active { force: false }).unwrap();
    world.run(Duration::from_micros(50));
    let until = ms(700);
    world.units[0].leases[0] = model::Instant::START;
    world.stall(0, until);
    world.run(ms(20));
    world.run_until(ms(600), |world| world.state(1) == State::Active);
    world.run(ms(800));
    assert_eq!(world.active(0), [1]);
}

#[test]
fn commands_are_refused_with_a_reason() {
    let mut world = World::pair();
    world.run(ms(100));
    assert_eq!(world.command(0, Command::Active { force: false }), Err(Refusal::Listening));
    world.run(ms(950));
    world.units[1].loses_synchronization = true;
    world.run(ms(100));
    assert_eq!(world.command(0, Command::Active { force: false }), Err(Refusal::AlreadyActive));
    assert_eq!(world.command(1, Command::StandBy { force: false }), Err(Refusal::AlreadyStandby));
    assert_eq!(world.command(1, Command::Active { force: false }), Err(Refusal::NotSynchronized));
    assert_eq!(world.command(0, Command::StandBy { force: false }), Err(Refusal::StandbyNotSynchronized(2)));
    assert_eq!(world.units[0].monitor.command(world.now, 7, Command::Reset), Err(Refusal::UnknownGroup(7)));
    // Forced.
    world.command(0, Command::StandBy { force: true }).unwrap();
    world.run_until(ms(10), |world| world.active(0) == [1]);
    world.command(0, Command::Active { force: true }).unwrap();
    world.run_until(ms(10), |world| world.active(0) == [0]);
    world.kill(1);
    world.run(ms(100));
    assert_eq!(world.command(0, Command::StandBy { force: true }), Err(Refusal::NoStandby));
}

fn automatic() -> World {
    let mut both = vec![settings(1), settings(2)];
    both.iter_mut().for_each(|one| one.groups[0].strategy = Strategy::Automatic);
    World::new(both)
}

#[test]
fn an_automatic_primary_takes_the_group_back_when_it_is_synchronized() {
    let mut world = automatic();
    world.settle();
    world.kill(0);
    world.run(ms(100));
    assert_eq!(world.active(0), [1]);
    world.start(0);
    world.run_until(ms(200), |world| world.active(0) == [0]);
    assert_eq!(world.transitions(0), ["315 started", "325 active_heard", "346 primary", "335 accepted"]);
    world.run(ms(500));
    assert_eq!(world.active(0), [0]);
}

#[test]
fn a_manual_primary_waits_for_the_operator() {
    let mut world = World::settled();
    world.kill(0);
    world.run(ms(100));
    world.start(0);
    world.run(ms(3_000));
    assert_eq!(world.active(0), [1]);
    world.command(0, Command::Active { force: false }).unwrap();
    world.run_until(ms(10), |world| world.active(0) == [0]);
}

#[test]
fn what_an_operator_chose_stays_until_it_is_reset() {
    let mut world = automatic();
    world.settle();
    world.command(1, Command::Active { force: false }).unwrap();
    world.run(ms(3_000));
    assert_eq!(world.active(0), [1]);
    world.command(1, Command::Reset).unwrap();
    world.run_until(ms(100), |world| world.active(0) == [0]);
}

#[test]
fn a_primary_that_comes_and_goes_is_damped() {
    let mut world = automatic();
    world.settle();
    let mut switches = 0;
    for _ in 0..6 {
        world.kill_with_cable(0);
        world.run(ms(100));
        world.start(0);
        world.units[1].monitor.set_cable_status(world.now, model::CableStatus::Normal);
        world.run(ms(300));
        switches += u32::from(world.active(0) == [0]);
    }
    // Damping is each unit's own: it is kept by the one that gives way, too.
    assert!(switches >= 1);
}

#[test]
fn load_moves_the_group_when_it_lasts() {
    let mut both = vec![settings(1), settings(2)];
    for one in &mut both {
        one.groups[0].load = Some(failover::LoadSettings { margin_percent: 30, hold: ms(200) });
    }
    let mut world = World::new(both);
    world.settle();
    world.units[0].monitor.set_load(world.now, 0, 80);
    world.units[1].monitor.set_load(world.now, 0, 60);
    world.run(ms(500));
    assert_eq!(world.active(0), [0]);
    world.units[1].monitor.set_load(world.now, 0, 10);
    world.run(ms(150));
    assert_eq!(world.active(0), [0]);
    world.run(ms(100));
    assert_eq!(world.active(0), [1]);
    // Now the other has less, but it just switched.
    world.units[0].monitor.set_load(world.now, 0, 0);
    world.units[1].monitor.set_load(world.now, 0, 90);
    world.run(ms(5_000));
    assert_eq!(world.active(0), [1]);
    world.run(ms(6_000));
    assert_eq!(world.active(0), [0]);
}

#[test]
fn two_groups_have_crossed_roles() {
    let mut both = vec![settings(1), settings(2)];
    for one in &mut both {
        let mut second = one.groups[0];
        second.role = if second.role == UnitRole::Primary { UnitRole::Backup } else { UnitRole::Primary };
        one.groups.push(second);
    }
    let mut world = World::new(both);
    world.run(ms(1_200));
    assert_eq!((world.active(0), world.active(1)), (vec![0], vec![1]));
    world.kill(1);
    world.run(ms(100));
    assert_eq!((world.active(0), world.active(1)), (vec![0], vec![0]));
    assert_eq!(world.max_dual, Duration::ZERO);
}

#[test]
fn a_fault_costs_no_connections_before_it_has_lasted() {
    // (synchronized after, active at the earliest after, at the latest after)
    for (wait, least, most) in [(1_000, 1_000, 1_100), (10_000, 4_900, 5_050)] {
        let mut world = World::settled();
        world.units[1].loses_synchronization = true;
        world.run(ms(200));
        let fault_at = world.now;
        world.units[0].monitor.set_faulty(world.now, Some("worker 2 does not turn"));
        while world.active(0) == [0] && world.now.since(fault_at) < ms(wait) {
            world.run(ms(1));
        }
        world.units[1].loses_synchronization = false;
        world.run_until(ms(100), |world| world.active(0) == [1]);
        let took = world.now.since(fault_at);
        assert!(took >= ms(least) && took <= ms(most), "{took:?}");
        assert_eq!(world.transitions(1)[2..], ["347 fault", "335 accepted"]);
    }
}

#[test]
fn a_fault_that_passes_changes_nothing() {
    let mut world = World::settled();
    world.units[1].loses_synchronization = true;
    world.run(ms(200));
    for _ in 0..3 {
        world.units[0].monitor.set_faulty(world.now, Some("worker 2 does not turn"));
        world.run(ms(3_000));
        world.units[0].monitor.set_faulty(world.now, None);
        world.run(ms(10));
    }
    assert_eq!((world.active(0), world.transitions(0).len()), (vec![0], 2));
}

#[test]
fn a_faulty_unit_gives_its_group_away() {
    let mut world = World::settled();
    world.units[0].monitor.set_faulty(world.now, Some("worker 2 does not turn"));
    world.run_until(ms(10), |world| world.active(0) == [1]);
    assert_eq!(world.transitions(0)[2..], ["FAULT fault", "355 query"]);
    assert_eq!(world.transitions(1)[2..], ["347 fault", "335 accepted"]);
    world.run(ms(1_000));
    assert_eq!(world.active(0), [1]);
}
