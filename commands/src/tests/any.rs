//! Any command: strategies for property tests.

use std::net::IpAddr;

use clap::ValueEnum;
use ipnet::IpNet;
use model::{MacAddress, Protocol, ServerName};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::{Change, Clear, Clients, Command, Group, Kill, OfPort, Undo};

fn word<E: ValueEnum + std::fmt::Debug + 'static>() -> impl Strategy<Value = E> {
    select(E::value_variants())
}

fn server() -> impl Strategy<Value = ServerName> {
    (any::<IpAddr>(), any::<u16>(), any::<u16>(), any::<bool>()).prop_map(
        |(address, port, bind_id, is_tcp)| {
            let protocol = if is_tcp { Protocol::Tcp } else { Protocol::Udp };
            ServerName { address, port, bind_id, protocol }
        },
    )
}

fn servers() -> impl Strategy<Value = Vec<ServerName>> {
    vec(server(), 1..4)
}

fn network() -> impl Strategy<Value = IpNet> {
    (any::<IpAddr>(), any::<u8>()).prop_map(|(address, bits)| {
        let longest = IpNet::from(address).prefix_len();
        IpNet::new(address, bits % (longest + 1)).unwrap()
    })
}

/// With everything in it that a shell would take for its own.
fn name() -> impl Strategy<Value = String> {
    "[a-z0-9 '\"#\\\\$=*é._][a-z0-9 '\"#\\\\$=*é._-]{0,11}"
}

fn group() -> impl Strategy<Value = Group> {
    let shared = (name(), network()).prop_map(|(port, value)| OfPort { port, value });
    let mac = (name(), any::<[u8; 6]>()).prop_map(|(port, mac)| OfPort { port, value: MacAddress(mac) });
    let first = (name(), option::of(name()), word(), word(), option::of(any::<u64>()));
    (first, option::of(any::<u64>()), any::<bool>(), vec(shared, 0..3), vec(mac, 0..3)).prop_map(
        |(first, load_margin, advertise, shared, mac)| {
            let (name, primary, strategy, compare, hold) = first;
            Group { name, primary, strategy, compare, hold, load_margin, advertise, shared, mac }
        },
    )
}

pub(super) fn change() -> impl Strategy<Value = Change> {
    let clients = || vec(network(), 1..4).prop_map(Clients);
    let servers_first = prop_oneof![
        (server(), option::of(word()), option::of(name()))
            .prop_map(|(server, state, group)| Change::Virtual { server, state, group }),
        (server(), option::of(word())).prop_map(|(server, state)| Change::Real { server, state }),
        (server(), servers())
            .prop_map(|(virtual_server, real_servers)| Change::Bind { virtual_server, real_servers }),
        (server(), clients()).prop_map(|(server, clients)| Change::Assign { server, clients }),
        (server(), word()).prop_map(|(server, predictor)| Change::Predictor { server, predictor }),
        (server(), any::<u64>(), option::of(any::<u64>()), option::of(any::<u64>())).prop_map(
            |(server, minutes, ipv4_prefix, ipv6_prefix)| {
                Change::Sticky { server, minutes, ipv4_prefix, ipv6_prefix }
            }
        ),
        (server(), server(), word()).prop_map(|(server, backup, when)| Change::Backup {
            server,
            backup,
            when
        }),
        (server(), word()).prop_map(|(server, how)| Change::Refuse { server, how }),
        (server(), any::<u64>(), any::<bool>())
            .prop_map(|(server, count, ignore_resets)| Change::Threshold { server, count, ignore_resets }),
        server().prop_map(|server| Change::Replicate { server }),
        servers().prop_map(|servers| Change::InService { servers }),
        servers().prop_map(|servers| Change::OutOfService { servers }),
    ];
    let numbers = prop_oneof![
        (server(), any::<u64>()).prop_map(|(server, weight)| Change::Weight { server, weight }),
        (server(), any::<u64>()).prop_map(|(server, count)| Change::MaxConnections { server, count }),
        (server(), any::<u64>()).prop_map(|(server, seconds)| Change::Retry { server, seconds }),
        (server(), any::<u64>()).prop_map(|(server, count)| Change::Resends { server, count }),
        (server(), any::<u64>()).prop_map(|(server, seconds)| Change::SlowStart { server, seconds }),
        (server(), any::<u64>()).prop_map(|(server, count)| Change::SynGuard { server, count }),
    ];
    let others =
        prop_oneof![
            (name(), servers()).prop_map(|(name, servers)| Change::Buddy { name, servers }),
            (word(), any::<u64>(), option::of(server()))
                .prop_map(|(state, seconds, server)| Change::Timeout { state, seconds, server }),
            word().prop_map(|what| Change::WithoutConnection { what }),
            any::<u64>().prop_map(|seed| Change::HashSeed { seed }),
            group().prop_map(|group| Change::Group(Box::new(group))),
            undo().prop_map(|undo| Change::No { undo }),
        ];
    prop_oneof![servers_first, numbers, others]
}

fn undo() -> impl Strategy<Value = Undo> {
    let of_server: [fn(ServerName) -> Undo; 14] = [
        |server| Undo::Virtual { server },
        |server| Undo::Real { server },
        |server| Undo::Predictor { server },
        |server| Undo::Weight { server },
        |server| Undo::MaxConnections { server },
        |server| Undo::Sticky { server },
        |server| Undo::Backup { server },
        |server| Undo::Refuse { server },
        |server| Undo::Threshold { server },
        |server| Undo::Retry { server },
        |server| Undo::Resends { server },
        |server| Undo::SlowStart { server },
        |server| Undo::SynGuard { server },
        |server| Undo::Replicate { server },
    ];
    let clients = vec(network(), 0..3).prop_map(Clients);
    prop_oneof![
        (select(of_server.to_vec()), server()).prop_map(|(undo, server)| undo(server)),
        (server(), vec(server(), 0..3))
            .prop_map(|(virtual_server, real_servers)| Undo::Bind { virtual_server, real_servers }),
        (server(), clients).prop_map(|(server, clients)| Undo::Assign { server, clients }),
        (name(), vec(server(), 0..3)).prop_map(|(name, servers)| Undo::Buddy { name, servers }),
        (word(), option::of(server())).prop_map(|(state, server)| Undo::Timeout { state, server }),
        servers().prop_map(|servers| Undo::InService { servers }),
        servers().prop_map(|servers| Undo::OutOfService { servers }),
        Just(Undo::WithoutConnection),
        Just(Undo::HashSeed),
        name().prop_map(|name| Undo::Group { name }),
    ]
}

pub(super) fn command() -> impl Strategy<Value = Command> {
    let filters = (option::of(network()), option::of(server()), option::of(server()));
    let kill = filters.prop_map(|(client, virtual_server, real_server)| {
        let all = client.is_none() && virtual_server.is_none() && real_server.is_none();
        Command::Kill(Kill { client, virtual_server, real_server, all })
    });
    let clear = prop_oneof![
        Just(Clear::Counters),
        (option::of(server()), option::of(network()))
            .prop_map(|(server, client)| Clear::Sticky { server, client }),
        vec(server(), 0..3).prop_map(|servers| Clear::Failed { servers }),
    ];
    prop_oneof![
        9 => change().prop_map(Command::Change),
        1 => kill,
        1 => clear.prop_map(|what| Command::Clear { what }),
        1 => (any::<IpAddr>(), server()).prop_map(|(client, server)| Command::Explain { client, server }),
        1 => select(vec![Command::Write, Command::Configuration]),
    ]
}
