//! Units that die, hang and come back; links that break.

mod pair;

use failover::{Command, Link, LinkSettings, Order, State};
use model::CableStatus;
use pair::{World, ms, settings};
use std::time::Duration;

#[test]
fn the_standby_takes_over_from_a_dead_unit_within_30_ms() {
    let mut all = Vec::new();
    for phase in 0..40 {
        let mut world = World::settled();
        world.run(Duration::from_micros(500 * phase));
        world.kill(0);
        let took = world.run_until(ms(50), |world| world.active(0) == [1]);
        assert_eq!(world.transitions(1)[2..], ["348 silence"]);
        all.push(took);
    }
    all.sort();
    // The last only when the last beat of all was one on the cable, where it takes 7 ms.
    assert!(all[0] >= ms(15) && all[20] <= ms(28) && all[30] <= ms(31) && all[39] <= ms(38), "{all:?}");
}

#[test]
fn the_cable_says_that_the_other_has_no_power() {
    for phase in 0..5 {
        let mut world = World::settled();
        world.run(ms(phase));
        world.kill_with_cable(0);
        let took = world.run_until(ms(50), |world| world.active(0) == [1]);
        assert!(took <= ms(8), "{took:?}");
        assert_eq!(world.transitions(1)[2..], ["348 power_off"]);
    }
}

#[test]
fn a_cable_that_lies_about_power_changes_nothing() {
    let mut world = World::settled();
    for unit in &mut world.units {
        unit.monitor.set_cable_status(world.now, CableStatus::OtherSidePoweredOff);
    }
    world.run(ms(1_000));
    assert_eq!((world.active(0), world.transitions(1).len()), (vec![0], 2));
}

#[test]
fn beats_that_can_not_be_sent_extend_no_lease() {
    for phase in 0..10 {
        let mut world = World::settled();
        world.run(ms(phase));
        let sent = world.units[0].monitor.status(world.now).beats_sent;
        world.network.refused = [(Link::Cable, 0), (Link::Network(0), 0)].into();
        world.run(ms(300));
        assert_eq!(world.units[0].monitor.status(world.now).beats_sent, sent);
        assert_eq!((world.active(0), world.max_dual), (vec![1], Duration::ZERO), "{}", world.journals());
        assert_eq!(world.transitions(0)[2..], ["FENCED stalled", "325 active_heard"]);
        world.network.heal();
        world.run(ms(300));
        assert_eq!((world.active(0), world.max_dual), (vec![1], Duration::ZERO), "{}", world.journals());
    }
}

#[test]
fn one_link_that_refuses_beats_is_no_harm() {
    for link in [Link::Cable, Link::Network(0)] {
        let mut world = World::settled();
        world.network.refused = [(link, 0)].into();
        world.run(ms(500));
        assert_eq!((world.active(0), world.transitions(0).len()), (vec![0], 2), "{}", world.journals());
    }
}

/// The fast link is found again, by one unit only: that one would wait for less long, and the other does not know yet.
#[test]
fn a_unit_waits_as_long_as_the_other_one_knows() {
    for phase in 0..40 {
        let mut world = World::settled();
        world.network.cut(Link::Network(0));
        world.run(ms(200) + Duration::from_micros(500 * phase));
        let told = world.units[0].monitor.status(world.now).peers[0].patience;
        assert_eq!(told, ms(60));
        world.network.cuts.remove(&(Link::Network(0), 0, 1));
        world.run(ms(6));
        let told = world.units[0].monitor.status(world.now).peers[0].patience;
        let stalled_at = world.now;
        world.stall(0, ms(200));
        world.run_until(ms(100), |world| world.state(1) == State::Active);
        assert_eq!(world.max_dual, Duration::ZERO, "{phase}\n{}", world.journals());
        let took = world.now.since(stalled_at);
        assert!(told == ms(25) || took >= ms(40), "{phase}: {took:?}");
        world.run(ms(500));
        assert_eq!((world.active(0), world.max_dual), (vec![1], Duration::ZERO), "{}", world.journals());
    }
}

/// A pair of which each unit's cable has said for a while that the other one has no power.
fn with_a_cut_cable() -> World {
    let mut world = World::settled();
    world.network.cut(Link::Cable);
    for unit in &mut world.units {
        unit.monitor.set_cable_status(world.now, CableStatus::OtherSidePoweredOff);
    }
    world.run(ms(100));
    world
}

#[test]
fn a_cable_that_is_cut_shortens_no_lease() {
    let mut world = with_a_cut_cable();
    for _ in 0..100 {
        world.run(Duration::from_micros(700));
        let left = world.units[0].leases[0].since(world.now);
        assert!(left >= ms(17), "{left:?}");
        let status = world.units[0].monitor.status(world.now);
        assert_eq!(status.peers[0].patience, ms(25));
    }
    // Longer than a beat may be late.
    world.stall(0, ms(15));
    world.run(ms(100));
    assert_eq!((world.active(0), world.transitions(0).len()), (vec![0], 2), "{}", world.journals());
}

#[test]
fn with_a_cable_that_is_cut_silence_is_death_and_with_a_new_one_power_is() {
    let mut world = with_a_cut_cable();
    world.kill(0);
    let took = world.run_until(ms(50), |world| world.active(0) == [1]);
    assert!(took >= ms(15) && took <= ms(26), "{took:?}");
    assert_eq!(world.transitions(1)[2..], ["348 silence"]);

    let mut world = with_a_cut_cable();
    world.network.heal();
    for unit in &mut world.units {
        unit.monitor.set_cable_status(world.now, CableStatus::Normal);
    }
    world.run(ms(100));
    world.kill_with_cable(0);
    let took = world.run_until(ms(50), |world| world.active(0) == [1]);
    assert!(took <= ms(8), "{took:?}");
    assert_eq!(world.transitions(1)[2..], ["348 power_off"]);
}

#[test]
fn one_link_is_enough() {
    for (cut, left) in [(Link::Cable, Link::Network(0)), (Link::Network(0), Link::Cable)] {
        for phase in 0..20 {
            let mut world = World::settled();
            world.run(ms(phase));
            world.network.cut(cut);
            world.run(ms(1_000));
            assert_eq!(
                (world.active(0), world.transitions(1).len(), world.transitions(0).len()),
                (vec![0], 2, 2)
            );
            let status = world.units[1].monitor.status(world.now);
            let alive: Vec<_> = status.peers[0].links.iter().filter(|link| link.is_alive).collect();
            assert_eq!(alive.iter().map(|link| link.link).collect::<Vec<_>>(), [left]);
            world.kill(0);
            world.run_until(ms(70), |world| world.active(0) == [1]);
        }
    }
}

#[test]
fn the_other_intervals() {
    for (milliseconds, most) in [(5, 31), (200, 1_250), (10_000, 60_000)] {
        let mut both = vec![settings(1), settings(2)];
        for one in &mut both {
            one.cable = None;
            one.links = vec![LinkSettings { interval: ms(milliseconds), misses: 5 }];
            one.listen = ms(milliseconds * 10);
        }
        let mut world = World::new(both);
        world.run(ms(milliseconds * 15));
        assert_eq!(world.active(0), [0], "{}", world.journals());
        world.kill(0);
        world.run_until(ms(most), |world| world.active(0) == [1]);
    }
}

#[test]
fn a_short_stall_of_the_active_unit_is_nothing() {
    let mut world = World::settled();
    for length in 1..14 {
        world.stall(0, ms(length));
        world.run(ms(100));
        assert_eq!((world.active(0), world.transitions(1).len()), (vec![0], 2), "{length} ms");
    }
}

#[test]
fn no_stall_lets_both_forward() {
    for length in 1..80 {
        let mut world = World::settled();
        world.run(ms(length % 7));
        world.stall(0, ms(length));
        world.run(ms(2_500));
        assert_eq!(world.active(0).len(), 1, "{length} ms\n{}", world.journals());
        assert_eq!(world.max_dual, Duration::ZERO, "{length} ms");
        world.stall(1, ms(length));
        world.run(ms(2_500));
        assert_eq!((world.active(0).len(), world.max_dual), (1, Duration::ZERO), "{length} ms");
    }
}

#[test]
fn a_stalled_unit_goes_on_when_nobody_took_over() {
    let mut world = World::settled();
    // So long that it must doubt, and the other does not yet.
    let found = (16..32).find(|length| {
        world = World::settled();
        world.stall(0, ms(*length));
        world.run(ms(60));
        world.transitions(0).contains(&"RESUMED resumed".to_owned())
    });
    assert!(found.is_some(), "{}", world.journals());
    assert_eq!(world.active(0), [0]);
    assert_eq!(world.transitions(0)[2..], ["FENCED stalled", "RESUMED resumed"]);
}

#[test]
fn a_unit_that_hangs_stands_by_when_it_comes_to() {
    let mut world = World::settled();
    world.stall(0, ms(500));
    world.run(ms(100));
    assert_eq!(world.active(0), [1]);
    world.run(ms(500));
    assert_eq!((world.active(0), world.state(0)), (vec![1], State::Standby));
    assert_eq!(world.transitions(0)[2..], ["FENCED stalled", "325 active_heard"]);
    assert_eq!(world.units[0].orders[1..], [Order::StandBy { group: 0 }]);
}

#[test]
fn a_unit_that_comes_to_heeds_one_that_was_started_and_made_active_meanwhile() {
    for unheard in 15..26 {
        let mut world = World::settled();
        world.network.deafen(1, 0);
        world.run(ms(unheard));
        world.network.heal();
        world.stall(0, ms(70));
        world.start(1);
        world.run(ms(30));
        world.command(1, Command::Active { force: true }).unwrap();
        world.run(ms(39));
        for _ in 0..50 {
            world.run(ms(1));
            assert_eq!(world.active(0), [1], "{unheard}\n{}", world.journals());
        }
        assert_eq!(world.state(0), State::Standby);
    }
}

#[test]
fn a_stalled_standby_does_not_take_its_own_stall_for_silence() {
    let mut world = World::settled();
    world.stall(1, ms(400));
    world.run(ms(1_000));
    assert_eq!((world.active(0), world.transitions(1).len()), (vec![0], 2), "{}", world.journals());
}

#[test]
fn a_unit_whose_peer_is_dead_keeps_its_lease() {
    let mut world = World::settled();
    world.kill(1);
    world.run(ms(200));
    for length in [50, 200, 400] {
        world.stall(0, ms(length));
        world.run(ms(length + 1));
        assert_eq!((world.active(0), world.transitions(0).len()), (vec![0], 2), "{length}");
    }
    world.stall(0, ms(800));
    world.run(ms(850));
    assert_eq!(world.active(0), [0]);
    assert_eq!(world.transitions(0)[2..], ["FENCED stalled", "326 nobody_active"]);
}

#[test]
fn an_active_unit_that_restarts_at_once_has_died() {
    let mut world = World::settled();
    world.kill(0);
    world.start(0);
    let took = world.run_until(ms(30), |world| world.active(0) == [1]);
    assert!(took <= ms(7), "{took:?}");
    assert_eq!(world.transitions(1)[2..], ["348 restarted"]);
    world.run(ms(1_500));
    assert_eq!((world.active(0), world.state(0)), (vec![1], State::Standby));
}

#[test]
fn a_dead_standby_changes_nothing() {
    let mut world = World::settled();
    world.kill(1);
    world.run(ms(500));
    assert_eq!((world.active(0), world.transitions(0).len()), (vec![0], 2));
    world.start(1);
    world.run(ms(500));
    assert_eq!((world.active(0), world.state(1)), (vec![0], State::Standby));
}

#[test]
fn one_that_gave_way_after_a_partition_takes_nothing_back_before_it_is_synchronized() {
    let mut all = [settings(1), settings(2)];
    all.iter_mut().for_each(|settings| settings.groups[0].strategy = failover::Strategy::Automatic);
    let mut world = World::new(all.to_vec());
    world.settle();
    world.network.partition();
    world.run(ms(500));
    world.network.heal();
    world.run_until(ms(50), |world| world.active(0) == [1]);
    world.run(ms(40));
    assert_eq!(world.transitions(0)[2..], ["YIELD dual_active"], "{}", world.journals());
    world.run_until(ms(50), |world| world.active(0) == [0]);
    assert_eq!(world.transitions(0)[3..], ["346 primary", "335 accepted"]);
}

#[test]
fn a_partition_makes_two_active_and_healing_one_within_a_beat() {
    let mut world = World::settled();
    world.network.partition();
    world.run(ms(500));
    assert_eq!(world.active(0), [0, 1]);
    world.network.heal();
    let took = world.run_until(ms(50), |world| world.active(0).len() == 1);
    assert!(took <= ms(6), "{took:?}");
    // The one that took over last goes on, and says so again.
    assert_eq!(world.active(0), [1]);
    world.run(ms(10));
    assert_eq!(world.transitions(0)[2..], ["YIELD dual_active"]);
    assert_eq!(world.units[1].orders.last(), Some(&Order::Announce { group: 0 }));
}

#[test]
fn a_one_way_link_is_shown() {
    let mut world = World::settled();
    world.network.cuts.insert((Link::Network(0), 0, 1));
    world.run(ms(500));
    assert_eq!((world.active(0), world.transitions(1).len()), (vec![0], 2));
    let status = world.units[0].monitor.status(world.now);
    let network = status.peers[0].links.iter().find(|link| link.link == Link::Network(0)).unwrap();
    assert!(network.is_one_way && network.is_alive);
    world.network.heal();
    world.run(ms(500));
    let status = world.units[0].monitor.status(world.now);
    assert!(status.peers[0].links.iter().all(|link| !link.is_one_way && link.is_alive));
}

#[test]
fn when_all_links_go_one_way_the_unit_that_is_not_heard_gives_way() {
    let mut world = World::settled();
    for link in [Link::Network(0), Link::Cable] {
        world.network.cuts.insert((link, 0, 1));
    }
    world.run(ms(500));
    assert_eq!(world.active(0), [1], "{}", world.journals());
}

fn three() -> World {
    let mut units = vec![settings(1), settings(2), settings(3)];
    units.iter_mut().for_each(|one| {
        one.peers = 2;
        one.cable = None;
    });
    units[2].priority = 200;
    World::new(units)
}

#[test]
fn of_three_units_the_best_standby_takes_over() {
    let mut world = three();
    world.settle();
    world.kill(0);
    world.run(ms(100));
    assert_eq!(world.active(0), [2], "{}", world.journals());
    assert_eq!(world.state(1), State::Standby);
    world.run(ms(200));
    world.kill(2);
    world.run(ms(100));
    assert_eq!(world.active(0), [1]);
    world.start(0);
    world.start(2);
    world.run(ms(1_500));
    assert_eq!(world.active(0), [1]);
    assert_eq!(world.max_dual, Duration::ZERO);
}

#[test]
fn a_standby_that_is_not_synchronized_is_not_elected() {
    let mut world = three();
    world.settle();
    world.units[2].loses_synchronization = true;
    world.run(ms(200));
    world.kill(0);
    world.run(ms(100));
    assert_eq!(world.active(0), [1], "{}", world.journals());
}

#[test]
fn one_that_is_synchronized_is_elected_unless_it_has_been_faulty_for_long() {
    for (length, elected) in [(4_000, 2), (5_500, 1)] {
        let mut world = three();
        world.settle();
        world.units[1].loses_synchronization = true;
        world.units[2].monitor.set_faulty(world.now, Some("worker 2 does not turn"));
        world.run(ms(length));
        world.kill(0);
        world.run(ms(100));
        assert_eq!(world.active(0), [elected], "{}", world.journals());
    }
}

#[test]
fn of_two_standbys_that_switch_at_once_one_is_served() {
    let mut world = three();
    world.settle();
    world.command(1, Command::Active { force: false }).unwrap();
    world.command(2, Command::Active { force: false }).unwrap();
    world.run(ms(20));
    assert_eq!((world.active(0).len(), world.max_dual), (1, Duration::ZERO), "{}", world.journals());
    world.run(ms(2_000));
    assert_eq!((world.active(0).len(), world.max_dual), (1, Duration::ZERO), "{}", world.journals());
}
