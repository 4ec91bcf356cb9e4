//! Pairs against plain maps: whatever happens and whatever is lost, counters, tables and digests say the same.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod common;

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use common::pair::{Unit, compare, mirror, repair};
use common::pair_stories::*;
use common::*;
use model::{ConnectionEnds, RangeSet, UnitState, Update};
use proptest::prelude::*;

/// What may happen to a pair.
#[derive(Clone, Debug)]
enum Event {
    Open(u8, u16),
    Reset(u8, u16),
    Wait(u64),
    /// The network works from here on, or does not.
    Network(bool),
    Repair,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        6 => (0..6_u8, 0..3_u16).prop_map(|(client, port)| Event::Open(client, port)),
        3 => (0..6_u8, 0..3_u16).prop_map(|(client, port)| Event::Reset(client, port)),
        1 => (0..20_u64).prop_map(Event::Wait),
        1 => any::<bool>().prop_map(Event::Network),
        1 => Just(Event::Repair),
    ];
    prop::collection::vec(event, 1..100)
}

fn play(events: &[Event]) {
    let configuration = configuration();
    let mut active = Unit::new(&configuration, 2, UnitState::Active);
    let mut standby = Unit::new(&configuration, 3, UnitState::Standby);
    let (mut works, mut pass) = (true, 0);
    for event in events {
        match *event {
            Event::Open(client, port) => {
                let name = format!("203.0.113.{client}");
                let packet = v4(&name, 40_000 + port, "192.0.2.100", 80);
                let inside = forwarded(&mut active, &name, OUTSIDE, tcp(OUTSIDE, packet, SYN));
                forwarded(&mut active, &name, INSIDE, tcp(INSIDE, answer::<Ipv4Addr>(inside), SYN_ACK));
                forwarded(&mut active, &name, OUTSIDE, tcp(OUTSIDE, packet, ACK));
            }
            Event::Reset(client, port) => {
                let name = format!("203.0.113.{client}");
                active.send(&name, OUTSIDE, tcp(OUTSIDE, v4(&name, 40_000 + port, "192.0.2.100", 80), RST));
            }
            Event::Wait(seconds) => active.wait(Duration::from_secs(seconds)),
            Event::Network(now_works) => works = now_works,
            Event::Repair if works => {
                let round = compare(&mut active, &mut standby);
                pass += 1;
                repair(&mut active, &mut standby, pass, round.ranges());
                assert_eq!(active.table(), standby.table());
            }
            Event::Repair => {}
        }
        if works {
            mirror(&mut active, &mut standby);
        } else {
            active.reports();
        }
        active.check();
        standby.check();
        let same = active.table() == standby.table();
        assert_eq!(
            same,
            active.digests() == standby.digests(),
            "digests are equal if, and only if, the tables are"
        );
    }
}

/// What a standby may be told.
#[derive(Clone, Debug)]
enum Told {
    Create(u16, u8, u16),
    Delete(u16, u8, u16),
    /// A pass over all ranges that mentions these clients' ports.
    Pass(Vec<(u16, u8)>),
}

fn told() -> impl Strategy<Value = Vec<Told>> {
    // Real server 19 is not configured; few ports make collisions likely.
    let real = || prop_oneof![Just(11_u8), Just(12), Just(19)];
    let told = prop_oneof![
        6 => (1..4_u16, real(), 1..4_u16).prop_map(|(port, real, translated)| Told::Create(port, real, translated)),
        3 => (1..4_u16, real(), 1..4_u16).prop_map(|(port, real, translated)| Told::Delete(port, real, translated)),
        1 => prop::collection::vec((1..4_u16, real()), 0..4).prop_map(Told::Pass),
    ];
    prop::collection::vec(told, 1..60)
}

fn told_ends(port: u16, real: u8, translated_port: u16) -> ConnectionEnds {
    ConnectionEnds { translated_port, ..web_ends(port, &format!("10.1.0.{real}")) }
}

/// The connections that a standby should have, by what the client's packets have.
#[derive(Default)]
struct Model(HashMap<u16, ConnectionEnds>);

impl Model {
    fn create(&mut self, ends: ConnectionEnds) {
        // What is only kept aside is not looked up by its other end.
        let is_known = |ends: &ConnectionEnds| ends.real_server.address != ip("10.1.0.19");
        self.0.retain(|&port, other| {
            port != ends.client.port
                && !(is_known(other)
                    && other.real_server == ends.real_server
                    && other.translated_port == ends.translated_port)
        });
        self.0.insert(ends.client.port, ends);
    }

    fn delete(&mut self, ends: &ConnectionEnds) {
        if self.0.get(&ends.client.port) == Some(ends) {
            self.0.remove(&ends.client.port);
        }
    }
}

/// A standby whose shard and digests are as they are if it was told only what the model has.
fn check_against(model: &Model, standby: &Unit) {
    let mut fresh = Unit::new(&configuration(), 2, UnitState::Standby);
    model.0.values().for_each(|&ends| fresh.apply(create(ends)));
    assert_eq!(standby.table(), fresh.table());
    assert_eq!(standby.digests(), fresh.digests());
    let aside = standby.count(|counters| &counters.replica.set_aside)
        - standby.count(|counters| &counters.replica.aside_ended);
    assert_eq!(standby.connections() as u64 + aside, model.0.len() as u64);
    let ended = [
        standby.count(|counters| &counters.replica.deleted),
        standby.count(|counters| &counters.replica.replaced),
        standby.count(|counters| &counters.replica.stale_removed),
    ];
    let created = standby.count(|counters| &counters.replica.created);
    assert_eq!(created - ended.iter().sum::<u64>(), standby.connections() as u64);
    standby.check();
}

fn tell(told: Vec<Told>) {
    let mut standby = Unit::new(&configuration(), 1, UnitState::Standby);
    let mut model = Model::default();
    let mut pass = 0;
    for told in told {
        match told {
            Told::Create(port, real, translated) => {
                model.create(told_ends(port, real, translated));
                standby.apply(create(told_ends(port, real, translated)));
            }
            Told::Delete(port, real, translated) => {
                model.delete(&told_ends(port, real, translated));
                standby.apply(Update::Delete(told_ends(port, real, translated)));
            }
            Told::Pass(mentioned) => {
                pass += 1;
                model.0.clear();
                standby.apply(Update::PassBegins { pass });
                for (port, real) in mentioned {
                    model.create(told_ends(port, real, port));
                    standby.apply(create(told_ends(port, real, port)));
                }
                standby.apply(Update::PassEnds { pass, ranges: RangeSet::ALL.into() });
                assert_eq!(standby.reports(), []);
            }
        }
        check_against(&model, &standby);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn tables_are_equal_if_and_only_if_digests_are(events in events()) {
        play(&events);
    }

    #[test]
    fn standby_and_map_agree(told in told()) {
        tell(told);
    }
}
