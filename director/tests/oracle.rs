//! The shard against a plain map: whatever clients and servers send in whatever order, both agree on where it goes.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod common;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use common::*;
use director::{Configuration, Predictor, Verdict};
use packet::{TcpFlags, Tuple};
use proptest::prelude::*;

const CAPACITY: usize = 6;

/// What may happen; small numbers make collisions likely.
#[derive(Clone, Debug)]
enum Event {
    /// A client's segment: client, port, virtual server, flags.
    Client(u8, u16, u8, u8),
    /// A real server's segment on one of the live connections.
    Server(usize, u8),
    /// Time goes by, in seconds.
    Wait(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let flags = prop_oneof![Just(0x02_u8), Just(0x10), Just(0x11), Just(0x04), Just(0x12)];
    let event = prop_oneof![
        6 => (0..3_u8, 0..3_u16, 0..2_u8, flags.clone()).prop_map(|(client, port, server, flags)| Event::Client(client, port, server, flags)),
        4 => (any::<usize>(), flags).prop_map(|(connection, flags)| Event::Server(connection, flags)),
        1 => (0..90_u64).prop_map(Event::Wait),
    ];
    prop::collection::vec(event, 1..120)
}

fn configuration() -> Configuration {
    let reals = ["10.1.0.11:80", "10.1.0.12:80"];
    Configuration::builder()
        .real_server(reals[0])
        .real_server(reals[1])
        .virtual_server("192.0.2.100:80", Predictor::LeastConnections)
        .virtual_server("192.0.2.101:80", Predictor::RoundRobin)
        .bind("192.0.2.100:80", &reals)
        .bind("192.0.2.101:80", &reals)
        .build()
        .unwrap()
}

type Outside = (Ipv4Addr, u16, Ipv4Addr, u16);
type Inside = (IpAddr, u16, IpAddr, u16);

/// The live connections: how the client's packets look before and after.
#[derive(Default)]
struct Oracle {
    connections: HashMap<Outside, Inside>,
}

impl Oracle {
    /// Forgets what the shard's own listing no longer has, after time went by or a connection was replaced.
    fn keep_only(&mut self, bench: &Bench) {
        let live: Vec<_> = bench
            .connections()
            .iter()
            .map(|connection| (connection.client, connection.virtual_server))
            .collect();
        self.connections.retain(|&(client, port, server, server_port), _| {
            live.contains(&(
                model::Endpoint::new(client.into(), port),
                model::Endpoint::new(server.into(), server_port),
            ))
        });
    }
}

fn play(events: Vec<Event>) {
    let mut bench = Bench::with(configuration(), Options { capacity: CAPACITY, ..Options::default() });
    let mut oracle = Oracle::default();
    for event in events {
        match event {
            Event::Client(client, port, server, flags) => {
                let tuple = Tuple {
                    source: Ipv4Addr::new(203, 0, 113, client),
                    source_port: 40_000 + port,
                    destination: Ipv4Addr::new(192, 0, 2, 100 + server),
                    destination_port: 80,
                };
                client_sends(&mut bench, &mut oracle, tuple, TcpFlags(flags));
            }
            Event::Server(choice, flags) => server_sends(&mut bench, &oracle, choice, TcpFlags(flags)),
            Event::Wait(seconds) => {
                bench.wait(Duration::from_secs(seconds));
                oracle.keep_only(&bench);
            }
        }
        assert_eq!(bench.shard.connections(), oracle.connections.len());
        assert!(oracle.connections.len() <= CAPACITY);
        // No two connections look the same to a real server.
        let mut inside: Vec<_> = oracle.connections.values().collect();
        inside.sort();
        inside.dedup();
        assert_eq!(inside.len(), oracle.connections.len());
    }
    bench.check();
}

fn client_sends(bench: &mut Bench, oracle: &mut Oracle, tuple: Tuple<Ipv4Addr>, flags: TcpFlags) {
    let key = (tuple.source, tuple.source_port, tuple.destination, tuple.destination_port);
    let known = oracle.connections.get(&key).copied();
    let admitted_before = admitted(bench);
    let (verdict, packet) = bench.send(OUTSIDE, tcp(OUTSIDE, tuple, flags));
    match (verdict, known) {
        (Verdict::Forward { port }, known) => {
            assert_eq!(port, INSIDE);
            let seen = tuple_of(&packet);
            assert_eq!(seen.0, IpAddr::V4(tuple.source), "the client's address is never translated");
            let is_new = admitted(bench) > admitted_before;
            assert!(!is_new || flags == TcpFlags::SYN, "only a SYN begins a connection");
            if !is_new {
                assert_eq!(Some(seen), known, "a known connection stays where it is");
            }
            oracle.connections.insert(key, seen);
        }
        (Verdict::Drop(_), None) => {
            let full = oracle.connections.len() == CAPACITY;
            assert!(flags != TcpFlags::SYN || full, "a SYN is refused only when the table is full");
        }
        other => panic!("{tuple:?} {flags:?}: {other:?}"),
    }
}

fn server_sends(bench: &mut Bench, oracle: &Oracle, choice: usize, flags: TcpFlags) {
    let mut live: Vec<(Outside, Inside)> =
        oracle.connections.iter().map(|(&key, &seen)| (key, seen)).collect();
    live.sort_unstable();
    let Some(&chosen) = live.get(choice % live.len().max(1)) else { return };
    let ((client, client_port, server, server_port), (_, translated, real, real_port)) = chosen;
    let IpAddr::V4(real) = real else { panic!() };
    let answer =
        Tuple { source: real, source_port: real_port, destination: client, destination_port: translated };
    let (verdict, packet) = bench.send(INSIDE, tcp(INSIDE, answer, flags));
    assert_eq!(verdict, Verdict::Forward { port: OUTSIDE });
    assert_eq!(tuple_of(&packet), (server.into(), server_port, client.into(), client_port));
}

fn admitted(bench: &Bench) -> u64 {
    bench.shard.counters().bindings.iter().map(|binding| binding.admitted.read()).sum()
}

proptest! {
    #[test]
    fn shard_and_map_agree(events in events()) {
        play(events);
    }
}
