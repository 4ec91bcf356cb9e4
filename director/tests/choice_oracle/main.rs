//! The choice of real servers against a plain model in maps: whatever the configuration becomes, whatever clients and real
//! servers send, and however time goes on, both choose alike and count alike, and in the end nothing is left.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "../common/mod.rs"]
mod common;
mod plain;
mod world;

use std::net::IpAddr;
use std::time::Duration;

use common::*;
use director::Verdict;
use model::DropReason;
use packet::{TcpFlags, Tuple};
use plain::{Key, Model};
use proptest::prelude::*;
use world::{CLIENTS, Family, PORTS, V4, V6, World, worlds};

const SYN: TcpFlags = TcpFlags::SYN;
const ACK: TcpFlags = TcpFlags::ACK;
const RST_ACK: TcpFlags = TcpFlags(TcpFlags::RST.0 | TcpFlags::ACK.0);
const SYN_ACK: TcpFlags = TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0);

#[derive(Clone, Debug)]
enum Event {
    /// A client's SYN to a virtual endpoint: client, port, endpoint.
    Syn(u8, u16, usize),
    /// A real server answers one of the connections that wait for it, and the client confirms.
    Answer(prop::sample::Index),
    /// A real server resets one of the connections.
    Refuse(prop::sample::Index),
    /// A client resets one of its connections.
    Abort(prop::sample::Index),
    /// Time goes on, in milliseconds.
    Wait(u64),
    /// Another configuration.
    Configure(World),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let any = any::<prop::sample::Index>;
    let event = prop_oneof![
        12 => (0..CLIENTS, 0..PORTS, 0..2_usize).prop_map(|(client, port, end)| Event::Syn(client, port, end)),
        6 => any().prop_map(Event::Answer),
        2 => any().prop_map(Event::Refuse),
        1 => any().prop_map(Event::Abort),
        4 => prop_oneof![Just(10_u64), Just(1_000), Just(5_000), Just(61_000)].prop_map(Event::Wait),
        1 => worlds().prop_map(Event::Configure),
    ];
    prop::collection::vec(event, 1..150)
}

fn client_tuple<F: Family>((client, port, end): Key) -> Tuple<F::A> {
    Tuple {
        source: F::client(client),
        source_port: 1_000 * (u16::try_from(end).unwrap() + 1) + port,
        destination: F::virtual_address(2 * end),
        destination_port: 80,
    }
}

fn server_tuple<F: Family>(key: Key, real: usize) -> Tuple<F::A> {
    let client = client_tuple::<F>(key);
    Tuple {
        source: F::real_address(real),
        source_port: 80,
        destination: client.source,
        destination_port: client.source_port,
    }
}

/// Sends a SYN; returns the real server that it goes to.
fn syn<F: Family>(bench: &mut Bench, key: Key) -> Result<IpAddr, DropReason> {
    let (verdict, packet) = bench.send(OUTSIDE, tcp(OUTSIDE, client_tuple::<F>(key), SYN));
    match verdict {
        Verdict::Forward { .. } => Ok(tuple_of(&packet).2),
        Verdict::Drop(reason) => Err(reason),
        other => panic!("{other:?}"),
    }
}

fn play<F: Family>(world: World, events: Vec<Event>) {
    let mut bench = Bench::new(world.configuration::<F>());
    let mut model = Model::new(world, bench.now);
    for event in events {
        match &event {
            Event::Syn(client, port, end) => {
                let key = (*client, *port, *end);
                let expected = model.syn(key).map(|real| F::real_address(real).into());
                assert_eq!(syn::<F>(&mut bench, key), expected, "{event:?} {model:?}");
            }
            Event::Answer(which) | Event::Refuse(which) => {
                if model.connections.is_empty() {
                    continue;
                }
                let (&key, connection) =
                    model.connections.iter().nth(which.index(model.connections.len())).unwrap();
                let refuses = matches!(event, Event::Refuse(_));
                let flags = if refuses { RST_ACK } else { SYN_ACK };
                let answer = tcp(INSIDE, server_tuple::<F>(key, connection.real), flags);
                assert_eq!(bench.send(INSIDE, answer).0, Verdict::Forward { port: OUTSIDE });
                if refuses {
                    model.reset(key);
                } else {
                    model.answered(key);
                    let confirmation = tcp(OUTSIDE, client_tuple::<F>(key), ACK);
                    assert_eq!(bench.send(OUTSIDE, confirmation).0, Verdict::Forward { port: INSIDE });
                }
            }
            Event::Abort(which) => {
                if model.connections.is_empty() {
                    continue;
                }
                let &key = model.connections.keys().nth(which.index(model.connections.len())).unwrap();
                let reset = tcp(OUTSIDE, client_tuple::<F>(key), TcpFlags::RST);
                assert_eq!(bench.send(OUTSIDE, reset).0, Verdict::Forward { port: INSIDE });
                model.abort(key);
            }
            Event::Wait(milliseconds) => {
                bench.wait(Duration::from_millis(*milliseconds));
                model.wait(Duration::from_millis(*milliseconds));
            }
            Event::Configure(world) => {
                bench.reconfigure(world.configuration::<F>());
                model.configure(world.clone());
            }
        }
        compare(&bench, &model);
    }
    bench.wait(Duration::from_secs(10_000));
    assert_eq!(bench.shard.connections(), 0);
    let shared = &bench.settings.shared;
    let director = &bench.settings.director;
    assert!(director.real_servers().iter().all(|server| shared.real_connections(server.id()) == 0));
    assert!(director.virtual_servers().iter().all(|server| shared.virtual_connections(server.id()) == 0));
    bench.check();
}

/// What both count, and how the real servers stand.
fn compare(bench: &Bench, model: &Model) {
    assert_eq!(bench.shard.connections(), model.connections.len());
    let counters = bench.shard.counters();
    assert_eq!(counters.admitted.read(), model.admitted);
    assert_eq!(counters.refused.iter().map(director::Counter::read).sum::<u64>(), model.refused);
    let director = &bench.settings.director;
    for (index, real) in director.real_servers().iter().enumerate() {
        let shared = &bench.settings.shared;
        assert_eq!(shared.real_state(real.id()), model.health[index].state, "{index} {model:?}");
        if real.max_connections().is_some() {
            assert_eq!(u64::from(shared.real_connections(real.id())), model.of_real(index), "{index}");
        }
    }
    for binding in director.bindings() {
        let live = model.connections.values().filter(|each| {
            (each.virtual_server, each.real) == (binding.virtual_server(), binding.real_server())
        });
        assert_eq!(counters.connections_of([binding.id()]), live.count() as u64, "{binding:?} {model:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn both_choose_and_count_alike(world in worlds(), events in events()) {
        play::<V4>(world, events);
    }

    #[test]
    fn both_choose_and_count_alike_over_ipv6(world in worlds(), events in events()) {
        play::<V6>(world, events);
    }
}
