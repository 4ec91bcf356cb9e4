//! Nonsense from outside: whatever a peer or a stranger sends, nothing panics, and nothing of it is believed.
//!
//! Runs for a second each under `cargo test`; BOLERO_RANDOM_TEST_TIME_MS says otherwise.

mod pair;

use bolero::TypeGenerator;
use failover::{Command, Link, Monitor, Rejection, State};
use model::{CableStatus, Instant};
use pair::{World, ms, settings};

/// One thing that happens to a unit.
#[derive(Debug, TypeGenerator)]
enum Event {
    /// Bytes of a stranger.
    Stranger {
        link: u8,
        bytes: Vec<u8>,
    },
    /// A beat of the peer, damaged at one bit, or sent again.
    Peer {
        link: u8,
        flipped: Option<u16>,
    },
    Wait(u16),
    Cable(u8),
    Synchronized(bool),
    Command {
        kind: u8,
        group: u8,
    },
    Target {
        target: u8,
        is_up: bool,
    },
    StoodBy(u8),
    Faulty(bool),
}

fn link(number: u8) -> Link {
    if number.is_multiple_of(4) { Link::Cable } else { Link::Network(usize::from(number % 4) - 1) }
}

fn happen(unit: &mut Monitor, peer: &mut Monitor, now: &mut Instant, event: &Event) {
    match event {
        Event::Stranger { link: number, bytes } => unit.receive(*now, link(*number), bytes),
        Event::Peer { link: number, flipped } => {
            peer.turn(*now);
            let mut beat = Vec::new();
            if peer.poll_transmit(*now, &mut beat).is_none() {
                return;
            }
            if let Some(bit) = flipped.map(|bit| usize::from(bit) % (beat.len() * 8)) {
                beat[bit / 8] ^= 1 << (bit % 8);
            }
            unit.receive(*now, link(*number), &beat);
            unit.receive(*now, link(*number), &beat);
        }
        Event::Wait(milliseconds) => *now = *now + ms(u64::from(*milliseconds) % 700),
        Event::Cable(status) => {
            let all =
                [CableStatus::Normal, CableStatus::OtherSidePoweredOff, CableStatus::MySideNotConnected];
            unit.set_cable_status(*now, all[usize::from(*status) % 3]);
        }
        Event::Synchronized(is_synchronized) => unit.set_synchronized(*now, 0, *is_synchronized),
        Event::Command { kind, group } => {
            let force = kind & 4 != 0;
            let command = match kind % 3 {
                0 => Command::Active { force },
                1 => Command::StandBy { force },
                _ => Command::Reset,
            };
            let _ = unit.command(*now, usize::from(group % 3), command);
        }
        Event::Target { target, is_up } => unit.set_target(*now, usize::from(*target), *is_up),
        Event::StoodBy(group) => unit.stood_by(*now, usize::from(group % 3)),
        Event::Faulty(is_faulty) => unit.set_faulty(*now, is_faulty.then_some("a worker does not turn")),
    }
}

/// Whatever happened, the unit comes to rest.
fn comes_to_rest(unit: &mut Monitor, now: Instant) {
    unit.turn(now);
    let mut beat = Vec::new();
    let sent = std::iter::from_fn(|| unit.poll_transmit(now, &mut beat)).take(20).count();
    assert!(sent < 20);
    assert!(beat.len() <= model::limits::BEAT_BYTES);
    assert!(std::iter::from_fn(|| unit.poll_order()).take(40).count() < 40);
    let _ = (unit.status(now), unit.deadline(), unit.lease(0), unit.journal().count());
}

#[test]
fn a_peer_and_strangers_that_talk_nonsense() {
    bolero::check!().with_type::<Vec<Event>>().for_each(|events| {
        let mut now = Instant::from_millis(1_000);
        let mut unit = Monitor::new(settings(1), 11, now);
        let mut peer = Monitor::new(settings(2), 22, now);
        for event in events {
            happen(&mut unit, &mut peer, &mut now, event);
            comes_to_rest(&mut unit, now);
            let mut beat = Vec::new();
            while let Some(link) = unit.poll_transmit(now, &mut beat) {
                peer.receive(now, link, &beat);
            }
        }
    });
}

#[test]
fn each_beat_that_is_not_taken_is_counted_once() {
    let mut world = World::settled();
    world.run(ms(6));
    let now = world.now;
    let mut beat = Vec::new();
    let unit = &mut world.units[0].monitor;
    unit.set_faulty(now, Some("so that a beat is due at once"));
    unit.set_faulty(now, None);
    let link = unit.poll_transmit(now, &mut beat).unwrap();
    let standby = &mut world.units[1].monitor;
    let mut damaged = beat.clone();
    damaged[20] ^= 1;
    let mut version = beat.clone();
    version[0] = 9;
    let before = standby.status(now).rejected;
    standby.receive(now, link, &beat);
    assert_eq!(standby.status(now).rejected.total(), before.total());
    standby.receive(now, link, &beat);
    standby.receive(now, link, &damaged);
    standby.receive(now, link, &version);
    standby.receive(now, link, &[]);
    standby.receive(now, Link::Network(3), &beat);
    standby.receive(now, Link::Network(usize::MAX), &beat);
    let rejected = standby.status(now).rejected;
    let count = |reason| rejected.of(reason) - before.of(reason);
    assert_eq!(count(Rejection::Replayed), 1);
    assert_eq!(count(Rejection::NotAuthentic), 1);
    assert_eq!(count(Rejection::UnknownVersion), 1);
    assert_eq!(count(Rejection::Size), 1);
    assert_eq!(count(Rejection::UnknownLink), 2);
    world.units[0].monitor.receive(now, link, &beat);
    assert_eq!(world.units[0].monitor.status(now).rejected.of(Rejection::OwnUnit), 1);
}

#[test]
fn recorded_beats_of_an_earlier_start_are_not_believed() {
    let mut world = World::settled();
    let now = world.now;
    // What an active unit said in another life.
    let mut old = Monitor::new(settings(2), 4_711, Instant::START);
    let mut recorded = Vec::new();
    let mut at = Instant::START;
    while old.state(0) != State::Active {
        at = at + ms(5);
        old.turn(at);
        let mut beat = Vec::new();
        while old.poll_transmit(at, &mut beat).is_some() {
            recorded.push(beat.clone());
        }
    }
    old.turn(at);
    let mut beat = Vec::new();
    while old.poll_transmit(at, &mut beat).is_some() {
        recorded.push(beat.clone());
    }
    let unit = &mut world.units[0].monitor;
    let before = unit.status(now).rejected.of(Rejection::UnprovenBoot);
    for beat in &recorded {
        unit.receive(now, Link::Network(0), beat);
    }
    assert_eq!(unit.status(now).rejected.of(Rejection::UnprovenBoot) - before, recorded.len() as u64);
    world.run(ms(1_000));
    assert_eq!((world.active(0), world.transitions(0).len(), world.transitions(1).len()), (vec![0], 2, 2));
}
