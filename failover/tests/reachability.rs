//! The seed's figure 6, case by case: clients behind router 615 (link 617) and router 616 on network 620, which reaches the
//! units by links 627 and 628; servers 650 (link 647) and 660 (link 648) on network 640, which reaches them by links 637
//! and 638. Unit 0 is 630, active; unit 1 is 631, its standby.

mod pair;

use failover::{Command, Compare, Refusal, TargetSettings};
use pair::{World, ms, settings};

const REQUIRED: TargetSettings = TargetSettings { weight: 10, required: true };

/// How long it takes to see a failure, and that it lasts.
const SEEN: std::time::Duration = ms(4_000);

/// Both units with two targets each: a router and a server.
fn figure_6() -> World {
    with(&[REQUIRED, REQUIRED], Compare::Required)
}

fn with(targets: &[TargetSettings], compare: Compare) -> World {
    let mut both = vec![settings(1), settings(2)];
    for one in &mut both {
        one.targets = targets.to_vec();
        one.groups[0].compare = compare;
        one.probing.interval = ms(200);
        one.probing.timeout = ms(100);
    }
    let mut world = World::new(both);
    world.settle();
    world
}

const ROUTER: usize = 0;
const SERVER: usize = 1;

/// These targets of these units are not reached any more: who is active then?
fn after(mut world: World, lost: &[(usize, usize)]) -> Vec<usize> {
    for (unit, target) in lost {
        world.reach[*unit][*target] = false;
    }
    world.run(SEEN);
    world.active(0)
}

#[test]
fn same_sets_link_627_fails_and_631_takes_over() {
    assert_eq!(after(figure_6(), &[(0, ROUTER)]), [1]);
}

#[test]
fn same_sets_link_637_fails_and_631_takes_over() {
    assert_eq!(after(figure_6(), &[(0, SERVER)]), [1]);
}

#[test]
fn same_sets_router_615_fails_for_both_and_nothing_happens() {
    assert_eq!(after(figure_6(), &[(0, ROUTER), (1, ROUTER)]), [0]);
}

#[test]
fn same_sets_link_617_fails_for_both_and_nothing_happens() {
    assert_eq!(after(figure_6(), &[(0, ROUTER), (1, ROUTER)]), [0]);
}

#[test]
fn link_617_fails_and_631_has_a_path_of_its_own_to_router_615() {
    assert_eq!(after(figure_6(), &[(0, ROUTER)]), [1]);
}

#[test]
fn same_sets_link_647_fails_for_both_and_nothing_happens() {
    assert_eq!(after(figure_6(), &[(0, SERVER), (1, SERVER)]), [0]);
}

// With different sets, the targets of 630 are router 615 and server 650, those of 631 router 616 and server 660.

#[test]
fn different_sets_router_615_fails_and_631_has_616() {
    assert_eq!(after(figure_6(), &[(0, ROUTER)]), [1]);
}

#[test]
fn different_sets_link_621_to_router_615_fails_and_631_has_616() {
    assert_eq!(after(figure_6(), &[(0, ROUTER)]), [1]);
}

#[test]
fn different_sets_the_first_servers_650_fail_and_631_has_660() {
    assert_eq!(after(figure_6(), &[(0, SERVER)]), [1]);
}

#[test]
fn different_sets_link_647_fails_and_631_has_server_660() {
    assert_eq!(after(figure_6(), &[(0, SERVER)]), [1]);
}

#[test]
fn different_sets_router_616_fails_for_the_standby_and_nothing_happens() {
    assert_eq!(after(figure_6(), &[(1, ROUTER)]), [0]);
}

#[test]
fn the_journal_says_on_what_it_was_decided() {
    let mut world = figure_6();
    world.reach[0][ROUTER] = false;
    world.run(SEEN);
    assert_eq!(world.transitions(1)[2..], ["345 reachability", "335 accepted"]);
    let entry = world.units[1].monitor.journal().find(|entry| {
        matches!(entry.what, failover::What::Transition { cause: failover::Cause::Reachability, .. })
    });
    let inputs = &entry.unwrap().inputs;
    assert_eq!((inputs.score.required_missing, inputs.peers[0].score.required_missing), (0, 1));
    assert!(inputs.is_synchronized && !inputs.peers[0].links.is_empty());
}

#[test]
fn a_standby_that_is_not_synchronized_does_not_take_over() {
    let mut world = figure_6();
    world.units[1].loses_synchronization = true;
    world.run(ms(100));
    assert_eq!(after(world, &[(0, ROUTER)]), [0]);
}

#[test]
fn a_target_that_flaps_moves_nothing_before_damping_permits() {
    let mut world = figure_6();
    world.reach[0][ROUTER] = false;
    world.run(SEEN);
    assert_eq!(world.active(0), [1]);
    (world.reach[0][ROUTER], world.reach[1][ROUTER]) = (true, false);
    world.run(ms(4_000));
    assert_eq!(world.active(0), [1], "10 s have not passed");
    world.run(ms(8_000));
    assert_eq!(world.active(0), [0]);
    (world.reach[0][ROUTER], world.reach[1][ROUTER]) = (false, true);
    world.run(ms(15_000));
    assert_eq!(world.active(0), [0], "it waits for twice as long now");
    world.run(ms(8_000));
    assert_eq!(world.active(0), [1]);
}

#[test]
fn weights_count_and_required_targets_come_first() {
    let light = TargetSettings { weight: 1, required: false };
    let heavy = TargetSettings { weight: 5, required: false };
    let required = TargetSettings { weight: 1, required: true };
    let lost = [(0, 1), (1, 0), (1, 2)];
    // 630 misses the heavy one, 631 two light ones.
    assert_eq!(after(with(&[light, heavy, light], Compare::Weighted), &lost), [1]);
    assert_eq!(after(with(&[light, heavy, light], Compare::Count), &lost), [0]);
    // 631 misses a required one, however light it is.
    assert_eq!(after(with(&[required, heavy, light], Compare::Required), &lost), [0]);
}

#[test]
fn an_operator_is_told_that_the_unit_reaches_less() {
    let mut world = figure_6();
    world.reach[1][ROUTER] = false;
    world.run(SEEN);
    assert_eq!(world.command(1, Command::Active { force: false }), Err(Refusal::ReachesLess(2)));
    assert_eq!(world.command(0, Command::StandBy { force: false }), Err(Refusal::ReachesLess(2)));
    world.command(1, Command::Active { force: true }).unwrap();
    world.run(ms(20));
    assert_eq!(world.active(0), [1]);
}
