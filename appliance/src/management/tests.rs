//! A server with workers that are not there: real sockets and threads, counted and listed by the tests.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::IpAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwap;
use crossbeam::channel::{Receiver, bounded};
use director::{
    BindingCounters, ConnectionFilter, ConnectionState, ConnectionSummary, Counter, Cursor, NextHopTable, PortIndex,
    Route, ShardCounters,
};
use model::{DropReason, Endpoint, Instant, MacAddress, Protocol};

use super::protocol::{ConnectionQuery, ErrorKind, Outcome, PageCursor, REQUEST_BYTES, Response, Show};
use super::report::{
    ConnectionReport, IdleMode, MemoryReport, NeighborReport, NextHopReport, PortReport, SteeringReport, Traffic,
};
use super::{Client, ClientError, Inspection, ListRequest, ListSlice, Server, SocketError, WorkerView};
use crate::configuration::{self, Loaded};
use crate::statistics::WorkerCounters;

const UNIT: &str = r#"{
    "name": "a",
    "ports": [
        { "name": "outside", "role": "outside", "device": "0000:01:00.0", "addresses": ["198.51.100.1/24"] },
        { "name": "inside", "role": "inside", "device": "0000:01:00.1", "addresses": ["10.1.0.1/24"] }
    ],
    "cores": { "control": 0, "workers": [1, 2] },
    "idle": "sleep"
}"#;

const DIRECTOR: &str = r#"{
    "virtual_servers": [
        { "virtual": "192.0.2.100:80", "predictor": "leastconns" },
        { "virtual": "192.0.2.100:53:udp", "predictor": "roundrobin" }
    ],
    "real_servers": [
        { "real": "10.1.0.11:80" },
        { "real": "10.1.0.12:80", "weight": 2, "in_service": false },
        { "real": "10.1.0.11:53:udp" }
    ],
    "bindings": [
        { "virtual": "192.0.2.100:80", "real": ["10.1.0.11:80", "10.1.0.12:80"] },
        { "virtual": "192.0.2.100:53:udp", "real": ["10.1.0.11:53:udp"] }
    ]
}"#;

/// Bindings and virtual servers of `DIRECTOR`.
const BINDINGS: usize = 3;
const VIRTUAL_SERVERS: usize = 2;

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("understudy-management-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("run/a.sock")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn configuration(folder: &Folder) -> Loaded {
    fs::write(folder.0.join("unit.json"), UNIT).unwrap();
    fs::write(folder.0.join("director.json"), DIRECTOR).unwrap();
    configuration::load(&folder.0).unwrap()
}

fn inspection(folder: &Folder, workers: Vec<WorkerView>) -> Inspection {
    let Loaded { unit, director, .. } = configuration(folder);
    let mut next_hops = NextHopTable::new(1);
    next_hops.add_route("10.1.0.0/24".parse().unwrap(), Route { port: PortIndex(1), gateway: None });
    next_hops.add_neighbor(PortIndex(1), "10.1.0.11".parse().unwrap(), MacAddress([2, 0, 0, 0, 0, 11]));
    Inspection {
        unit: Arc::new(unit),
        director: Arc::new(director),
        folder: folder.0.clone(),
        version: "1.2.3-test".to_owned(),
        started: Instant::START,
        workers,
        next_hops: Arc::new(ArcSwap::from_pointee(next_hops)),
        ports: Arc::new(|| vec![port("outside", true), port("inside", false)]),
        neighbors: Arc::new(|| vec![neighbor()]),
        memory: Arc::new(|| MemoryReport { mbufs: 1_000, mbufs_in_use: 10, hugepages: false }),
    }
}

fn port(name: &str, link_up: bool) -> PortReport {
    PortReport {
        name: name.to_owned(),
        role: name.to_owned(),
        device: "net_tap0".to_owned(),
        driver: "net_tap".to_owned(),
        mac: "02:00:00:00:00:01".to_owned(),
        twin: format!("us-{name}"),
        link_up,
        speed_mbps: link_up.then_some(10_000),
        steering: SteeringReport::Software,
        mtu: 1_500,
        unmatched: "kernel".to_owned(),
        rx: Traffic { packets: 5, bytes: 500 },
        rx_missed: 1,
        rx_errors: 2,
        rx_no_buffer: 3,
        tx: Traffic { packets: 4, bytes: 400 },
        tx_errors: 0,
    }
}

fn neighbor() -> NeighborReport {
    NeighborReport {
        port: "inside".to_owned(),
        address: "10.1.0.11".parse().unwrap(),
        mac: Some("02:00:00:00:00:0b".to_owned()),
        state: "reachable".to_owned(),
        used_as: vec!["real server".to_owned()],
    }
}

/// A view of a worker that takes `queue` requests, and the worker's end of it.
fn worker(cpu: usize, queue: usize) -> (WorkerView, Receiver<ListRequest>) {
    let (requests, taken) = bounded(queue);
    let shard = ShardCounters {
        bindings: (0..BINDINGS).map(|_| BindingCounters::default()).collect(),
        refused: (0..VIRTUAL_SERVERS).map(|_| Counter::default()).collect(),
        client_ports_translated: Counter::default(),
        expired: Counter::default(),
    };
    let counters = Arc::new(WorkerCounters::default());
    (WorkerView { cpu, counters, shard: Arc::new(shard), capacity: 1_000, requests }, taken)
}

/// A running server whose workers nobody plays.
fn server(folder: &Folder) -> Server {
    let (view, _) = worker(1, 1);
    Server::bind(&folder.socket()).unwrap().serve(inspection(folder, vec![view])).unwrap()
}

fn show(folder: &Folder, show: Show) -> Outcome {
    Client::connect(&folder.socket()).unwrap().show(show).unwrap()
}

#[test]
fn counts_of_all_workers_are_added_up() {
    let folder = Folder::new();
    let views = [worker(1, 1).0, worker(2, 1).0];
    for (view, count) in views.iter().zip([10, 100]) {
        view.counters.received.add(4 * count);
        view.counters.forwarded.add(2 * count);
        view.counters.answered.add(count);
        view.counters.drop(DropReason::Martian, 1);
        view.counters.rounds.add(1_000);
        view.counters.idle_rounds.add(875);
        view.shard.bindings[0].admitted.add(count);
        view.shard.bindings[0].removed.add(3);
        view.shard.bindings[1].admitted.add(count);
        view.shard.bindings[1].outbound_packets.add(7);
        view.shard.bindings[1].outbound_bytes.add(700);
        view.shard.refused[1].add(5);
        view.shard.expired.add(2);
    }
    let mut server = Server::bind(&folder.socket()).unwrap().serve(inspection(&folder, views.into())).unwrap();

    let Outcome::Status(status) = show(&folder, Show::Status) else { panic!() };
    assert_eq!((status.unit.as_str(), status.version.as_str()), ("a", "1.2.3-test"));
    assert_eq!((status.connections, status.connection_capacity), (214, 2_000));
    assert_eq!((status.ports_up, status.ports), (1, 2));
    assert_eq!((status.memory.mbufs, status.memory.mbufs_in_use), (1_000, 10));
    assert_eq!(status.workers.iter().map(|worker| worker.cpu).collect::<Vec<_>>(), [1, 2]);
    assert!(status.workers.iter().all(|worker| (worker.idle, worker.idle_percent) == (IdleMode::Sleep, 87.5)));

    let Outcome::Virtual(servers) = show(&folder, Show::Virtual) else { panic!() };
    let [web, names] = servers.as_slice() else { panic!("{servers:?}") };
    assert_eq!((web.name.as_str(), web.predictor.as_str()), ("192.0.2.100:80:tcp", "leastconns"));
    assert_eq!((web.real_servers_in_service, web.real_servers), (1, 2));
    assert_eq!((web.connections, web.admitted, web.refused), (214, 220, 0));
    assert_eq!(web.outbound, Traffic { packets: 14, bytes: 1_400 });
    assert_eq!((names.connections, names.refused), (0, 10));

    let Outcome::Real(servers) = show(&folder, Show::Real) else { panic!() };
    let [first, second, _] = servers.as_slice() else { panic!("{servers:?}") };
    assert_eq!((first.connections, second.connections), (104, 110));
    assert_eq!((first.in_service, second.in_service, second.weight), (true, false, 2));
    assert_eq!(first.virtual_servers, ["192.0.2.100:80:tcp"]);
    let (port, mac) = ("inside".to_owned(), "02:00:00:00:00:0b".to_owned());
    assert_eq!(first.next_hop, NextHopReport::Resolved { port: port.clone(), mac });
    assert_eq!(second.next_hop, NextHopReport::Unresolved { port, address: "10.1.0.12".parse().unwrap() });

    let Outcome::Counters(counters) = show(&folder, Show::Counters) else { panic!() };
    assert_eq!((counters.total.received, counters.total.forwarded, counters.total.answered), (440, 220, 110));
    assert_eq!((counters.total.dropped, counters.total.drops["martian"]), (2, 2));
    assert_eq!(counters.total.drops.len(), DropReason::COUNT);
    assert_eq!(counters.balance, 440 - 220 - 110 - 2);
    assert_eq!((counters.connections.current, counters.connections.removed), (214, 6));
    assert_eq!((counters.connections.refused, counters.connections.expired), (10, 4));
    assert_eq!(counters.workers[1].packets.received, 400);

    assert_eq!(show(&folder, Show::Ports), Outcome::Ports(vec![port_of("outside"), port_of("inside")]));
    assert_eq!(show(&folder, Show::Neighbors), Outcome::Neighbors(vec![neighbor()]));
    server.stop();
}

fn port_of(name: &str) -> PortReport {
    port(name, name == "outside")
}

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
        let Outcome::Connections(page) = client.show(Show::Connections(query.clone())).unwrap() else { panic!() };
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

    for (limit, pages) in [(7, vec![7; 42]), (100, vec![100; 3]), (150, vec![150; 2]), (300, vec![300])] {
        let (all, sizes) = all_pages(&folder, ConnectionQuery { limit, ..ConnectionQuery::default() });
        let clients: BTreeSet<_> = all.iter().map(|connection| connection.client).collect();
        assert_eq!((all.len(), clients.len()), (300, 300), "limit {limit}");
        // The last page is not an empty one: a page that says that there are more is right.
        let expected: usize = pages.iter().sum();
        assert_eq!(sizes[..pages.len().min(sizes.len())], pages, "limit {limit}");
        assert_eq!(sizes.len(), pages.len() + usize::from(expected < 300), "limit {limit}");
    }

    let (all, sizes) = all_pages(&folder, ConnectionQuery { limit: 10_000, ..ConnectionQuery::default() });
    assert_eq!((all.len(), sizes.len()), (300, 1));
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
    let (all, sizes) = all_pages(&folder, ConnectionQuery { virtual_server, limit: 33, ..ConnectionQuery::default() });
    assert_eq!((all.len(), sizes), (66, vec![33, 33]));
    assert!(all.iter().all(|connection| connection.protocol == "udp"));
}

#[test]
fn cursor_beyond_the_end_finds_nothing() {
    let folder = Folder::new();
    let _server = serve_tables(&folder, vec![Table::default()]);
    for after in ["0.4.4000000000", "0.6.4000000000", "4000000000.4.0"] {
        let after: PageCursor = after.parse().unwrap();
        let (all, _) = all_pages(&folder, ConnectionQuery { after: Some(after), ..ConnectionQuery::default() });
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
    for (after, expected) in [("0.4.0", "worker 0 did not answer in time"), ("1.4.0", "worker 1 does not run")] {
        let query = ConnectionQuery { after: Some(after.parse().unwrap()), ..ConnectionQuery::default() };
        let answer = Client::connect(&folder.socket()).unwrap().show(Show::Connections(query));
        let Err(ClientError::Refused(message)) = answer else { panic!("{answer:?}") };
        assert!(message.starts_with(expected), "{message}");
    }
}

/// Talks to a server in lines of its own making.
struct RawClient(BufReader<UnixStream>);

impl RawClient {
    fn connect(path: &Path) -> Self {
        Self(BufReader::new(UnixStream::connect(path).unwrap()))
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    fn receive(&mut self) -> Response {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn receive_error(&mut self) -> ErrorKind {
        match self.receive().outcome {
            Outcome::Error(error) => error.kind,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn nonsense_is_answered_and_the_next_request_served() {
    let folder = Folder::new();
    let _server = server(&folder);
    let mut client = RawClient::connect(&folder.socket());
    for line in [
        b"".as_slice(),
        b"show status",
        b"{}",
        b"[]",
        b"{\"version\":1}",
        b"{\"version\":-1,\"show\":\"status\"}",
        b"{\"version\":1,\"show\":\"secrets\"}",
        b"{\"version\":1,\"show\":\"status\",\"colour\":\"red\"}",
        b"{\"version\":1,\"show\":{\"connections\":{\"colour\":\"red\"}}}",
        b"{\"version\":1,\"show\":{\"connections\":{\"client\":\"everybody\"}}}",
        b"{\"version\":1,\"show\":{\"connections\":{\"limit\":-1}}}",
        b"{\"version\":1,\"show\":{\"connections\":{\"after\":\"0.5.0\"}}}",
        b"{\"version\":1,\"show\":\"status\"",
        b"\xff\xfe\x00",
        &[b'['; REQUEST_BYTES],
    ] {
        client.send(line);
        client.send(b"\n");
        assert_eq!(client.receive_error(), ErrorKind::Malformed, "{:?}", String::from_utf8_lossy(line));
    }
    client.send(b"{\"version\":2,\"fetch\":\"status\"}\n");
    assert_eq!(client.receive_error(), ErrorKind::Version);
    // Two at once, the second in two pieces, with the line ending of another system.
    client.send(b"{\"version\":1,\"show\":\"status\"}\n{\"version\":1,");
    assert!(matches!(client.receive().outcome, Outcome::Status(_)));
    client.send(b"\"show\":\"ports\"}\r\n");
    assert!(matches!(client.receive().outcome, Outcome::Ports(_)));
}

#[test]
fn endless_line_is_answered_and_cut() {
    let folder = Folder::new();
    let _server = server(&folder);
    let mut client = RawClient::connect(&folder.socket());
    client.send(&[b' '; REQUEST_BYTES + 1]);
    assert_eq!(client.receive_error(), ErrorKind::Malformed);
    assert_eq!(client.0.read(&mut [0]).unwrap(), 0);
}

#[test]
fn stuck_clients_hold_up_neither_others_nor_the_stop() {
    let folder = Folder::new();
    let mut server = server(&folder);
    let silent = RawClient::connect(&folder.socket());
    let mut half = RawClient::connect(&folder.socket());
    half.send(b"{\"version\":1,");
    // Asks for ever, and never reads: the server's side of the socket is full in the end.
    let deaf = UnixStream::connect(folder.socket()).unwrap();
    deaf.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    while (&deaf).write_all(b"{\"version\":1,\"show\":\"counters\"}\n").is_ok() {}

    assert!(matches!(show(&folder, Show::Status), Outcome::Status(_)));
    server.stop();
    assert!(!folder.socket().exists());
    drop((silent, half, deaf));
}

#[test]
fn stop_ends_the_wait_for_a_worker() {
    let folder = Folder::new();
    let (view, requests) = worker(1, 1);
    let mut server = Server::bind(&folder.socket()).unwrap().serve(inspection(&folder, vec![view])).unwrap();
    let mut client = RawClient::connect(&folder.socket());
    client.send(b"{\"version\":1,\"show\":{\"connections\":{}}}\n");
    // The worker has the request, and answers never.
    let _request = requests.recv().unwrap();
    server.stop();
    assert_eq!(client.receive_error(), ErrorKind::Stopping);
}

#[test]
fn clients_are_limited_in_number() {
    let folder = Folder::new();
    let _server = server(&folder);
    let mut clients: Vec<_> = (0..16).map(|_| Client::connect(&folder.socket()).unwrap()).collect();
    for client in &mut clients {
        client.show(Show::Status).unwrap();
    }
    let one_more = Client::connect(&folder.socket()).unwrap().show(Show::Status);
    assert!(matches!(&one_more, Err(ClientError::Refused(message)) if message.contains("16 clients")), "{one_more:?}");
    drop(clients);
    // The places become free when the threads have noticed.
    while Client::connect(&folder.socket()).unwrap().show(Show::Status).is_err() {}
}

#[test]
fn socket_is_private_and_removed_at_the_end() {
    let folder = Folder::new();
    let path = folder.socket();
    let mut server = server(&folder);
    let metadata = fs::metadata(&path).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    server.stop();
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 0);

    // Bound but never served.
    drop(Server::bind(&path).unwrap());
    assert!(!path.exists());
}

#[test]
fn socket_of_a_dead_process_is_replaced() {
    let folder = Folder::new();
    fs::create_dir_all(folder.socket().parent().unwrap()).unwrap();
    drop(UnixListener::bind(folder.socket()).unwrap());
    assert!(folder.socket().exists());
    assert!(matches!(Client::connect(&folder.socket()), Err(ClientError::LeftBehind(_))));
    let _server = server(&folder);
    assert!(matches!(show(&folder, Show::Status), Outcome::Status(_)));
}

#[test]
fn socket_of_a_running_unit_is_left_alone() {
    let folder = Folder::new();
    let mut server = server(&folder);
    let refused = Server::bind(&folder.socket());
    assert!(matches!(&refused, Err(SocketError::InUse(path)) if *path == folder.socket()), "{refused:?}");
    assert!(matches!(show(&folder, Show::Status), Outcome::Status(_)));
    server.stop();
    assert!(matches!(Client::connect(&folder.socket()), Err(ClientError::NotThere(_))));
}

#[test]
fn files_of_others_are_left_alone() {
    let folder = Folder::new();
    let path = folder.socket();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "mine").unwrap();
    assert!(matches!(Server::bind(&path), Err(SocketError::NotASocket(_))));
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");

    fs::remove_file(&path).unwrap();
    let mut server = server(&folder);
    fs::remove_file(&path).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    server.stop();
    assert!(path.exists());
}

#[test]
fn requests_and_responses_are_read_back() {
    let query = ConnectionQuery {
        client: Some("198.51.100.0/24".parse().unwrap()),
        virtual_server: Some("192.0.2.100:80".parse().unwrap()),
        real_server: None,
        limit: 20,
        after: Some("0.4.64".parse().unwrap()),
    };
    let request = super::protocol::Request::new(Show::Connections(query));
    let text = serde_json::to_string(&request).unwrap();
    assert_eq!(
        text,
        r#"{"version":1,"show":{"connections":{"client":"198.51.100.0/24","virtual":"192.0.2.100:80","limit":20,"after":"0.4.64"}}}"#
    );
    assert_eq!(serde_json::from_str::<super::protocol::Request>(&text).unwrap(), request);

    let response = Response::new(Outcome::Ports(vec![port("outside", true)]));
    let text = serde_json::to_string(&response).unwrap();
    assert!(text.starts_with(r#"{"version":1,"ports":[{"name":"outside","#), "{text}");
    assert_eq!(serde_json::from_str::<Response>(&text).unwrap(), response);
    // A later unit may tell more.
    let more = text.replacen("\"name\"", "\"color\":\"red\",\"name\"", 1);
    assert_eq!(serde_json::from_str::<Response>(&more).unwrap(), response);
}
