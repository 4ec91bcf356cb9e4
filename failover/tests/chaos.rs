//! Whatever goes wrong: no two units forward while they hear each other, no standby that knows nothing takes over from one
//! that knows all, and after healing one unit is active. The first two are checked by the harness at each step.

mod pair;

use failover::{Command, Link, State, Strategy};
use pair::{World, ms, settings};
use proptest::prelude::*;
use proptest::strategy::Strategy as _;
use proptest::test_runner::RngSeed;

/// One thing that goes wrong, or right.
#[derive(Clone, Debug)]
enum Event {
    Run(u64),
    Stall(usize, u64),
    Kill(usize),
    Start(usize),
    Cut(usize, usize, usize),
    Partition,
    Heal,
    Lose(u64),
    Command(usize, Command),
    Synchronize(usize, bool),
}

fn link(number: usize) -> Link {
    if number == 0 { Link::Cable } else { Link::Network(0) }
}

fn event(units: usize) -> impl proptest::strategy::Strategy<Value = Event> {
    prop_oneof![
        8 => (1_u64..400).prop_map(Event::Run),
        4 => (0..units, 1_u64..120).prop_map(|(unit, length)| Event::Stall(unit, length)),
        1 => (0..units, 200_u64..2_000).prop_map(|(unit, length)| Event::Stall(unit, length)),
        2 => (0..units).prop_map(Event::Kill),
        3 => (0..units).prop_map(Event::Start),
        2 => (0..2_usize, 0..units, 0..units).prop_map(|(link, from, to)| Event::Cut(link, from, to)),
        1 => Just(Event::Partition),
        3 => Just(Event::Heal),
        1 => (1_u64..600).prop_map(Event::Lose),
        2 => (0..units, prop::bool::ANY, prop::bool::ANY).prop_map(|(unit, active, force)| {
            Event::Command(unit, if active { Command::Active { force } } else { Command::StandBy { force } })
        }),
        1 => (0..units, prop::bool::ANY).prop_map(|(unit, loses)| Event::Synchronize(unit, loses)),
    ]
}

fn happen(world: &mut World, event: &Event) {
    match event {
        Event::Run(length) => world.run(ms(*length)),
        Event::Stall(unit, length) => world.stall(*unit, ms(*length)),
        Event::Kill(unit) => world.kill(*unit),
        Event::Start(unit) => world.start(*unit),
        Event::Cut(number, from, to) => drop(world.network.cuts.insert((link(*number), *from, *to))),
        Event::Partition => world.network.partition(),
        Event::Heal => world.network.heal(),
        Event::Lose(per_mille) => world.network.loss = *per_mille,
        Event::Command(unit, command) => {
            if world.units[*unit].is_running && world.units[*unit].stalled_until <= world.now {
                let _ = world.command(*unit, *command);
            }
        }
        Event::Synchronize(unit, loses) => world.units[*unit].loses_synchronization = *loses,
    }
    world.run(ms(3));
}

/// After healing one unit is active within t1 and t2, and the others stand by.
fn heals(mut world: World) {
    world.network.heal();
    for index in 0..world.units.len() {
        world.units[index].loses_synchronization = false;
        world.units[index].stalled_until = world.now;
        if !world.units[index].is_running {
            world.start(index);
        }
    }
    world.run(ms(1_000 + 150));
    assert_eq!(world.active(0).len(), 1, "{}", world.journals());
    world.run(ms(1_000));
    let standbys = (0..world.units.len()).filter(|unit| world.state(*unit) == State::Standby).count();
    assert_eq!((world.active(0).len(), standbys), (1, world.units.len() - 1), "{}", world.journals());
}

fn world(units: usize, strategy: Strategy, seed: u64) -> World {
    let all = (1..=units).map(|unit| {
        let mut settings = settings(u8::try_from(unit).unwrap_or(0));
        settings.peers = units - 1;
        settings.groups[0].strategy = strategy;
        if units > 2 {
            settings.cable = None;
        }
        settings
    });
    let mut world = World::new(all.collect());
    world.network.random.0 = seed;
    world
}

/// 200 cases from a seed, unless the environment says otherwise.
fn seeded() -> ProptestConfig {
    let default = ProptestConfig::default();
    let rng_seed = match default.rng_seed {
        RngSeed::Random => RngSeed::Fixed(1),
        fixed => fixed,
    };
    let cases = if default.cases == 256 { 200 } else { default.cases };
    ProptestConfig { cases, rng_seed, ..default }
}

proptest! {
    // From a seed: three units are not what is shipped, and docs/FAILOVER.md does not promise all that is asked of them here.
    // `PROPTEST_RNG_SEED` and `PROPTEST_CASES` look further.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..seeded() })]

    #[test]
    fn a_pair_is_safe_and_heals(
        events in prop::collection::vec(event(2), 1..40),
        is_automatic in prop::bool::ANY,
        seed in any::<u64>(),
    ) {
        let strategy = if is_automatic { Strategy::Automatic } else { Strategy::Manual };
        let mut world = world(2, strategy, seed);
        events.iter().for_each(|event| happen(&mut world, event));
        heals(world);
    }

    #[test]
    fn three_units_are_safe_and_heal(
        events in prop::collection::vec(event(3), 1..40),
        seed in any::<u64>(),
    ) {
        let mut world = world(3, Strategy::Automatic, seed);
        events.iter().for_each(|event| happen(&mut world, event));
        heals(world);
    }
}

/// A unit that was stalled while it listened finds beats of one that was active then, and is not any more.
#[test]
fn what_came_during_a_stall_makes_a_unit_listen_no_longer_than_t1() {
    let mut world = world(3, Strategy::Automatic, 0);
    let events = [
        Event::Cut(1, 2, 0),
        Event::Command(2, Command::Active { force: true }),
        Event::Run(4),
        Event::Stall(0, 396),
        Event::Start(1),
        Event::Kill(2),
        Event::Run(145),
        Event::Start(1),
    ];
    events.iter().for_each(|event| happen(&mut world, event));
    heals(world);
}
