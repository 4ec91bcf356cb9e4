//! Listing connections from workers that are played here, and from a real shard.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::thread;
use std::time::Duration;

use director::{
    ConnectionFilter, ConnectionState, ConnectionSummary, Cursor, Frame, Port, PortRole, Shard,
    ShardConfiguration, Steering, Unmatched, Verdict,
};
use model::{Endpoint, Protocol, UnitState};
use packet::build::{self, Ends};
use packet::{Address, TcpFlags, Tuple};

use super::*;
use crate::management::protocol::{ConnectionQuery, PageCursor};
use crate::management::report::ConnectionReport;
use crate::management::{ClientError, ListSlice};

/// The table of a worker that is played here: slots of IPv4, then of IPv6.
#[derive(Clone, Default)]
struct Table([Vec<Option<ConnectionSummary>>; 2]);

impl Table {
    /// Slots that are looked at for one slice.
    const SCAN: usize = 50;

    /// Does what a shard does, more slowly.
    fn list(&self, cursor: Cursor, filter: &ConnectionFilter, found: &mut ListSlice) -> Option<Cursor> {
        let slots = &self.0[usize::from(cursor.second_family)];
        let end = (cursor.slot + Self::SCAN).min(slots.len());
        for (slot, summary) in slots.iter().enumerate().take(end).skip(cursor.slot) {
            let Some(summary) = summary else { continue };
            if found.is_full() {
                return Some(Cursor { slot, ..cursor });
            }
            if filter.client.is_none_or(|network| network.contains(&summary.client.address)) {
                found.push(*summary);
            }
        }
        match (end < slots.len(), cursor.second_family) {
            (true, _) => Some(Cursor { slot: end, ..cursor }),
            (false, false) => Some(Cursor { second_family: true, slot: 0 }),
            (false, true) => None,
        }
    }
}

/// A connection of a client at `address` and port `number`; every third one is UDP.
fn connection(address: &str, number: u16) -> ConnectionSummary {
    let end = |text: &str, port| Endpoint::new(text.parse::<IpAddr>().unwrap(), port);
    ConnectionSummary {
        protocol: if number.is_multiple_of(3) { Protocol::Udp } else { Protocol::Tcp },
        client: end(address, number),
        virtual_server: end("192.0.2.100", 80),
        real_server: end("10.1.0.11", 8_080),
        translated_port: if number == 1 { 40_000 } else { number },
        state: ConnectionState::Established,
        idle: Duration::from_millis(1_234),
        syn_resends: 0,
    }
}

/// Every second slot is empty.
fn sparse(connections: impl Iterator<Item = ConnectionSummary>) -> Vec<Option<ConnectionSummary>> {
    connections.flat_map(|summary| [None, Some(summary)]).collect()
}

/// Serves `tables`, one for each worker.
fn serve_tables(folder: &Folder, tables: Vec<Table>) -> Server {
    let views = tables.into_iter().enumerate().map(|(cpu, table)| {
        let (view, requests) = worker(cpu, 1);
        // Ends when the server, and with it the last sender, is gone.
        thread::spawn(move || {
            for request in requests {
                let WorkerRequest::List(request) = request else { continue };
                request.answer_with(|cursor, filter, found| table.list(cursor, filter, found));
            }
        });
        view
    });
    let inspection = inspection(folder, views.collect());
    Server::bind(&folder.socket()).unwrap().serve(inspection).unwrap()
}

/// All pages of `query`, and how many connections each had.
fn all_pages(folder: &Folder, mut query: ConnectionQuery) -> (Vec<ConnectionReport>, Vec<usize>) {
    let mut client = Client::connect(&folder.socket()).unwrap();
    let (mut all, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let Outcome::Connections(page) = client.show(Show::Connections(query.clone())).unwrap() else {
            panic!()
        };
        sizes.push(page.list.len());
        all.extend(page.list);
        match page.after {
            Some(after) => query.after = Some(after),
            None => return (all, sizes),
        }
    }
}

#[test]
fn pages_have_every_connection_once() {
    let folder = Folder::new();
    let first = Table([
        sparse((1..=150).map(|number| connection("198.51.100.7", number))),
        sparse((1..=10).map(|number| connection("2001:db8::7", number))),
    ]);
    let third = Table([sparse((1..=140).map(|number| connection("203.0.113.9", number))), Vec::new()]);
    let _server = serve_tables(&folder, vec![first, Table::default(), third]);

    for limit in [1, 7, 64, 100, 150, 299, 300, 301, 10_000] {
        let (all, sizes) = all_pages(&folder, ConnectionQuery { limit, ..ConnectionQuery::default() });
        let clients: BTreeSet<_> = all.iter().map(|connection| connection.client).collect();
        assert_eq!((all.len(), clients.len()), (300, 300), "limit {limit}");
        // A page that says that there are more is right: the last one is never empty.
        let expected: Vec<usize> = [(); 300].chunks(limit).map(<[()]>::len).collect();
        assert_eq!(sizes, expected, "limit {limit}");
    }
    let (all, _) = all_pages(&folder, ConnectionQuery::default());
    assert_eq!(all[0].translated_port, Some(40_000));
    assert_eq!((all[1].translated_port, all[1].idle_ms, all[1].worker), (None, 1_234, 0));
    assert_eq!(all[299].worker, 2);
}

#[test]
fn listing_is_narrowed_by_client_and_protocol() {
    let folder = Folder::new();
    let table = Table([
        sparse((1..=99).map(|number| connection("198.51.100.7", number))),
        sparse((1..=99).map(|number| connection("2001:db8::7", number))),
    ]);
    let _server = serve_tables(&folder, vec![table]);

    let client = Some("2001:db8::/32".parse().unwrap());
    let (all, _) = all_pages(&folder, ConnectionQuery { client, limit: 10, ..ConnectionQuery::default() });
    assert_eq!(all.len(), 99);
    assert!(all.iter().all(|connection| connection.client.is_ipv6()));

    let virtual_server = Some("192.0.2.100:80:udp".parse().unwrap());
    let (all, sizes) =
        all_pages(&folder, ConnectionQuery { virtual_server, limit: 33, ..ConnectionQuery::default() });
    assert_eq!((all.len(), sizes), (66, vec![33, 33]));
    assert!(all.iter().all(|connection| connection.protocol == "udp"));
}

#[test]
fn cursor_beyond_the_end_finds_nothing() {
    let folder = Folder::new();
    let _server = serve_tables(&folder, vec![Table::default()]);
    for after in ["0.4.4000000000", "0.6.4000000000", "4000000000.4.0"] {
        let after: PageCursor = after.parse().unwrap();
        let (all, _) =
            all_pages(&folder, ConnectionQuery { after: Some(after), ..ConnectionQuery::default() });
        assert!(all.is_empty());
    }
}

#[test]
fn worker_that_does_not_answer_is_an_error() {
    let folder = Folder::new();
    let (full, _full_end) = worker(1, 0);
    let (ended, _) = worker(2, 1);
    let bound = Server::bind(&folder.socket()).unwrap();
    let _server = bound.serve(inspection(&folder, vec![full, ended])).unwrap();
    for (after, expected) in
        [("0.4.0", "worker 0 did not answer in time"), ("1.4.0", "worker 1 does not run")]
    {
        let query = ConnectionQuery { after: Some(after.parse().unwrap()), ..ConnectionQuery::default() };
        let answer = Client::connect(&folder.socket()).unwrap().show(Show::Connections(query));
        let Err(ClientError::Refused(message)) = answer else { panic!("{answer:?}") };
        assert!(message.starts_with(expected), "{message}");
    }
}

/// A client's SYN to the web server of `DIRECTOR`.
fn syn<A: Address>(client: A, virtual_address: A, port: u16) -> Vec<u8> {
    let ends = Ends {
        source_mac: MacAddress([2, 0, 0, 0, 0, 10]),
        destination_mac: MacAddress([2, 0, 0, 0, 0, 1]),
        tuple: Tuple {
            source: client,
            source_port: port,
            destination: virtual_address,
            destination_port: 80,
        },
    };
    build::tcp(&ends, TcpFlags::SYN, build::TcpNumbers::default(), &[])
}

/// A shard with a connection of each of `clients` IPv4 clients and as many IPv6 clients.
fn shard(folder: &Folder, clients: u16) -> Shard {
    let port = |last, role| Port {
        mac: MacAddress([2, 0, 0, 0, 0, last]),
        unit_mac: MacAddress([2, 0, 0, 0, 0, last]),
        role,
        unmatched: Unmatched::Kernel,
        mtu: 1_500,
        addresses: Vec::new(),
        shared_addresses: Vec::new(),
        bridge_to: None,
    };
    let mut shard = Shard::new(ShardConfiguration {
        director: Arc::new(configuration(folder).director),
        shared: Arc::default(),
        ports: Arc::new([port(1, PortRole::Outside), port(2, PortRole::Inside)]),
        index: 0,
        steering: Steering::new(1),
        capacity: 10_000,
        hash_seed: 1,
        replication: None,
        state: UnitState::Active,
    });
    let next_hops = next_hops();
    for number in 1..=clients {
        let v4 = syn(Ipv4Addr::new(198, 51, 100, 7), Ipv4Addr::new(192, 0, 2, 100), number);
        let v6 =
            syn("2001:db8::7".parse::<Ipv6Addr>().unwrap(), "2001:db8:100::100".parse().unwrap(), number);
        for mut packet in [v4, v6] {
            let frame = Frame { length: packet.len(), bytes: &mut packet, port: PortIndex(0) };
            let mut verdicts = arrayvec::ArrayVec::new();
            shard.process(Instant::from_millis(1_000), &next_hops, &mut [frame], &mut verdicts);
            assert_eq!(verdicts.as_slice(), [Verdict::Forward { port: PortIndex(1) }]);
        }
    }
    shard
}

#[test]
fn real_shard_is_listed() {
    let folder = Folder::new();
    let shard = shard(&folder, 90);
    let (view, requests) = worker(1, 1);
    thread::spawn(move || {
        for request in requests {
            let WorkerRequest::List(request) = request else { continue };
            request.answer(&shard, Instant::from_millis(4_500));
        }
    });
    let _server = Server::bind(&folder.socket()).unwrap().serve(inspection(&folder, vec![view])).unwrap();

    let (all, sizes) = all_pages(&folder, ConnectionQuery { limit: 50, ..ConnectionQuery::default() });
    assert_eq!(sizes, [50, 50, 50, 30]);
    let clients: BTreeSet<_> = all.iter().map(|connection| connection.client).collect();
    assert_eq!(clients.len(), 180);
    assert!(all.iter().all(|connection| connection.idle_ms == 3_500 && connection.state == "syn"), "{all:?}");
    assert_eq!(all[0].virtual_server, "192.0.2.100:80".parse().unwrap());
    assert_eq!(all[0].real_server, "10.1.0.11:80".parse().unwrap());

    let real_server = Some("[2001:db8:1::11]:80".parse().unwrap());
    let (v6, _) = all_pages(&folder, ConnectionQuery { real_server, ..ConnectionQuery::default() });
    assert_eq!(v6.len(), 90);
    for after in ["0.4.4000000000", "0.6.91"] {
        let after = Some(after.parse().unwrap());
        let (rest, _) = all_pages(&folder, ConnectionQuery { after, ..ConnectionQuery::default() });
        assert!(rest.iter().all(|connection| connection.client.is_ipv6()));
    }
}
