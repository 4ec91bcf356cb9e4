//! Many connections over two workers: nothing is lost, and the counters are exact.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::lab::client::{Client, Lines};
use crate::lab::plan::{Plan, VIRTUAL_V4, VIRTUAL_V6, client_addresses, line_services};
use crate::lab::services::LINE_PORT;
use crate::lab::wait::PATIENCE;
use crate::lab::{Lab, wait};

const ADDRESSES: u8 = 64;
const PARALLEL: usize = 200;
const SHORT: usize = 20_000;
/// Threads that make short connections.
const THREADS: usize = 16;

#[test]
fn thousands_of_connections_over_two_workers_are_counted_exactly() {
    let lab = Lab::start(&Plan {
        workers: &[0, 1],
        client_addresses: 0..ADDRESSES,
        director: line_services("roundrobin", 3),
        alone: true,
        connections: 50_000,
        ..Plan::default()
    });
    let parallel = open_connections(&lab);
    wait::until_equal("open connections", PARALLEL as u64, || lab.view.connections("current"));
    let by_worker = lab.view.connections_by_worker();
    assert!(
        by_worker.iter().all(|&connections| connections > 0),
        "one worker has all clients: {by_worker:?}"
    );

    make_short_connections(&lab.client);
    keep_talking(parallel);

    let total = (PARALLEL + SHORT) as u64;
    assert_eq!(lab.view.connections("admitted"), total);
    assert_eq!(lab.view.connections("refused"), 0);
    let virtual_servers = ["192.0.2.100:7:tcp", "[2001:db8:100::100]:7:tcp"];
    for name in virtual_servers {
        assert_eq!(lab.view.virtual_server(name).admitted, total / 2, "{name}");
    }
    let real_servers: u64 =
        (1..=3).map(|number| lab.view.real_server(&format!("10.1.0.1{number}:7:tcp")).admitted).sum();
    assert_eq!(real_servers, total / 2);
    assert!(lab.view.handed_over() > 0, "TAPs can not steer, so packets must have been handed over");

    wait::until_equal("connections after the timeouts", 0, || lab.view.connections("current"));
    assert_eq!(lab.view.connections("removed"), total);
    assert_eq!(lab.view.list(&["--limit", "10"]), []);
    for name in virtual_servers {
        assert_eq!(lab.view.virtual_server(name).connections, 0, "{name}");
    }
}

/// Connection `number`: its client address, and where it goes. Families alternate.
fn ends(number: usize) -> (SocketAddr, SocketAddr) {
    let host = u8::try_from(number / 2 % usize::from(ADDRESSES)).expect("less than ADDRESSES");
    let (v4, v6) = client_addresses(host);
    if number.is_multiple_of(2) {
        (SocketAddr::new(v4.into(), 0), SocketAddr::new(VIRTUAL_V4, LINE_PORT))
    } else {
        (SocketAddr::new(v6.into(), 0), SocketAddr::new(VIRTUAL_V6, LINE_PORT))
    }
}

fn connect(number: usize) -> Lines {
    let (from, to) = ends(number);
    let connected = Lines::connect(Some(from), to, PATIENCE);
    connected.unwrap_or_else(|error| panic!("connection {number} from {from} to {to}: {error}"))
}

fn open_connections(lab: &Lab) -> Vec<Lines> {
    lab.client.namespace.enter(|| (0..PARALLEL).map(connect).collect())
}

fn make_short_connections(client: &Client) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                client.namespace.enter(|| {
                    while let Some(number) =
                        Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&number| number < SHORT)
                    {
                        let answered = connect(number).ask("hello");
                        assert!(answered.is_ok(), "connection {number}: {answered:?}");
                    }
                });
            });
        }
    });
}

/// Connections from before live on, at the server that they had.
fn keep_talking(connections: Vec<Lines>) {
    for (number, mut connection) in connections.into_iter().enumerate() {
        let first = connection.ask("still there?");
        let second = connection.ask("and now?");
        assert!(first.is_ok(), "connection {number}: {first:?}");
        assert_eq!(first.ok(), second.ok(), "connection {number} changed its server");
    }
}
