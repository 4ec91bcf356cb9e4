//! All links lose what one unit sends, and only that: the other one holds it for dead, and can not be told anything.

mod pair;

use failover::{Command, Refusal, State, Strategy, TargetSettings};
use pair::{World, ms, settings};
use std::time::Duration;

/// Runs for so long, and checks that unit 0, and nobody else, is active all the time.
fn stays(world: &mut World, duration: Duration) {
    let end = world.now + duration;
    while world.now < end {
        world.run(ms(1));
        assert_eq!(world.active(0), [0], "{}", world.journals());
    }
}

/// What the standby said is lost for 3 s: unit 0 goes on, and still does after that.
fn survives(mut world: World) -> World {
    stays(&mut world, ms(3_000));
    assert_eq!(world.state(1), State::Standby);
    world.network.heal();
    world.units[1].claims_synchronization = false;
    stays(&mut world, ms(20));
    world
}

#[test]
fn a_command_is_refused() {
    let mut world = World::settled();
    world.units[1].claims_synchronization = true;
    world.network.deafen(1, 0);
    world.run(ms(100));
    assert_eq!(world.command(1, Command::Active { force: false }), Err(Refusal::Unheard));
    let world = survives(world);
    assert_eq!(world.transitions(1).len(), 2, "{}", world.journals());
}

#[test]
fn a_command_that_was_given_before_it_is_noticed_comes_to_nothing() {
    for wait in [0, 5, 15] {
        let mut world = World::settled();
        world.units[1].claims_synchronization = true;
        world.network.deafen(1, 0);
        world.run(ms(wait));
        world.command(1, Command::Active { force: false }).unwrap();
        let world = survives(world);
        assert_eq!(world.transitions(1)[2..], ["347 command", "UNHEARD unheard"]);
    }
}

#[test]
fn one_that_insists_gives_way_at_once() {
    let mut world = World::settled();
    world.network.deafen(1, 0);
    world.run(ms(100));
    world.command(1, Command::Active { force: true }).unwrap();
    world.run(ms(1_000));
    assert_eq!((world.active(0), world.state(1)), (vec![0], State::Standby), "{}", world.journals());
    assert_eq!(world.transitions(1)[3..], ["335 no_answer", "YIELD dual_active"]);
}

#[test]
fn reachability_does_not_count() {
    let mut both = vec![settings(1), settings(2)];
    for one in &mut both {
        one.targets = vec![TargetSettings { weight: 1, required: true }];
        one.probing.interval = ms(100);
        one.probing.timeout = ms(50);
    }
    let mut world = World::new(both);
    world.settle();
    world.units[1].claims_synchronization = true;
    world.network.deafen(1, 0);
    world.reach[0][0] = false;
    let mut world = survives(world);
    assert_eq!(world.transitions(1).len(), 2, "{}", world.journals());
    // Heard again, it does.
    world.run(ms(1_000));
    assert_eq!((world.active(0), &world.transitions(1)[2][..3]), (vec![1], "345"));
}

#[test]
fn nor_does_the_role() {
    let mut both = vec![settings(2), settings(1)];
    both.iter_mut().for_each(|one| one.groups[0].strategy = Strategy::Automatic);
    let mut world = World::new(both);
    world.kill(1);
    world.run(ms(1_300));
    world.start(1);
    world.run(ms(30));
    assert_eq!((world.active(0), world.state(1)), (vec![0], State::Standby));
    // It is synchronized after this unit was held for dead; and before.
    for wait in [100, 0] {
        world.network.deafen(1, 0);
        world.run(ms(wait));
        world.units[1].claims_synchronization = true;
        world = survives(world);
        world.units[1].claims_synchronization = false;
    }
    world.run(ms(12_000));
    assert_eq!(world.active(0), [1], "{}", world.journals());
}

#[test]
fn a_unit_that_starts_listens_as_long_as_it_hears_an_active_one_that_does_not_hear_it() {
    let mut world = World::settled();
    world.network.deafen(1, 0);
    world.kill(1);
    world.run(ms(200));
    world.start(1);
    stays(&mut world, ms(3_500));
    assert_eq!(world.state(1), State::Listen);
    assert_eq!(world.transitions(1), ["315 started", "UNPROVEN unproven"]);
    world.network.heal();
    stays(&mut world, ms(100));
    assert_eq!(world.state(1), State::Standby);
}

#[test]
fn an_operator_who_insists_or_silence_ends_that() {
    let mut world = World::settled();
    world.network.deafen(1, 0);
    world.kill(1);
    world.start(1);
    stays(&mut world, ms(1_500));
    let mut other = World::settled();
    other.network.deafen(1, 0);
    other.kill(1);
    other.start(1);
    stays(&mut other, ms(1_500));
    world.command(1, Command::Active { force: true }).unwrap();
    world.run(ms(5));
    assert_eq!(world.state(1), State::Active);
    other.kill(0);
    let took = other.run_until(ms(1_100), |world| world.active(0) == [1]);
    assert!(took >= ms(980), "{took:?}");
}
