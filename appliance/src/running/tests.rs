//! Transactions on a unit whose workers are threads with real shards.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use arrayvec::ArrayVec;
use commands::Change;
use crossbeam::channel::{Receiver, bounded, unbounded};
use director::{Frame, NextHopTable, PortIndex, Route, Shard, ShardConfiguration, Steering, Verdict};
use model::{Instant, MacAddress, UnitState};
use packet::build::{self, Ends};
use packet::{TcpFlags, Tuple};

use super::*;
use crate::configuration;
use crate::groups::tests::ports;

const UNIT: &str = r#"{
  "name": "a",
  "ports": [
    { "name": "outside", "role": "outside", "interface": "eth1", "addresses": ["198.51.100.1/24"] },
    { "name": "inside", "role": "inside", "interface": "eth2", "addresses": ["10.1.0.1/24"] }
  ]
}"#;

/// As an operator writes it: not as units do.
const DIRECTOR: &str = r#"{ "generation": 7,
  "virtual_servers": [{ "virtual": "192.0.2.100:80", "predictor": "leastconns" }],
  "real_servers": [{ "real": "10.1.0.11:80" }, { "real": "10.1.0.12:80" }],
  "bindings": [{ "virtual": "192.0.2.100:80", "real": ["10.1.0.11:80", "10.1.0.12:80"] }]
}"#;

/// A configuration whose workers nobody plays, and that nothing follows.
pub(crate) fn unused(loaded: &Loaded, folder: &Path, counters: Vec<Arc<ShardCounters>>) -> Running {
    let forwarding = Forwarding { shards: Vec::new(), workers: Vec::new() };
    running_of(loaded, folder, counters, forwarding, Box::new(|_| {}), unbounded().0)
}

fn running_of(
    loaded: &Loaded,
    folder: &Path,
    counters: Vec<Arc<ShardCounters>>,
    forwarding: Forwarding,
    follow: Follow,
    tell: Sender<Told>,
) -> Running {
    let unit = Arc::new(loaded.unit.clone());
    let macs = vec![MacAddress([2, 0, 0, 0, 0, 1]), MacAddress([2, 0, 0, 0, 0, 2])];
    let group_macs = vec![Vec::new(); macs.len()];
    let groups = Groups::new(&unit, &loaded.director, macs, &group_macs);
    Running::new(Parts {
        folder: folder.to_owned(),
        document: FirstDocument::of(loaded),
        groups: Arc::new(groups),
        shared: Arc::default(),
        forwarding,
        counters,
        follow,
        tell,
        unit,
    })
}

/// A unit with two workers, in a folder of its own.
struct Unit {
    running: Running,
    told: Receiver<Told>,
    /// The real servers' addresses that are kept fresh.
    followed: Receiver<usize>,
    folder: PathBuf,
}

impl Unit {
    fn start(director: &str) -> Self {
        Self::start_with_connections(director, 0)
    }

    /// The first worker has so many connections.
    fn start_with_connections(director: &str, connections: u16) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("understudy-running-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("unit.json"), UNIT).unwrap();
        fs::write(folder.join("director.json"), director).unwrap();
        let loaded = configuration::load(&folder).unwrap();
        let (mut shards, mut workers, mut counters) = (Vec::new(), Vec::new(), Vec::new());
        for index in 0..2 {
            let configuration = shard_configuration(&loaded, index);
            let mut shard = Shard::new(configuration.clone());
            (1..=connections).filter(|_| index == 0).for_each(|port| connect(&mut shard, port));
            shards.push(vec![configuration]);
            counters.push(shard.counters());
            workers.push(play(shard));
        }
        let (tell, told) = unbounded();
        let (follow, followed) = unbounded();
        let follow: Follow = Box::new(move |director| follow.send(director.real_servers().len()).unwrap());
        let running = running_of(&loaded, &folder, counters, Forwarding { shards, workers }, follow, tell);
        Self { running, told, followed, folder }
    }

    fn change(&self, lines: &[&str], options: Options) -> Result<Vec<String>, TransactionError> {
        self.running.change(&changes(lines), options).map(|report| report.changes)
    }

    fn on_disk(&self) -> String {
        fs::read_to_string(self.folder.join("director.json")).unwrap()
    }

    fn commands(&self) -> Vec<String> {
        self.running.report().commands
    }

    fn mark(&self) -> ConfigurationMark {
        self.running.document().0
    }

    /// What the other unit is told next.
    fn telling(&self) -> (ConfigurationMark, Vec<u8>) {
        let Told { mark, change } = self.told.try_recv().unwrap();
        (mark, change)
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn changes(lines: &[&str]) -> Vec<Change> {
    let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
    transaction::parse(&lines).unwrap()
}

fn shard_configuration(loaded: &Loaded, index: usize) -> ShardConfiguration {
    ShardConfiguration {
        director: Arc::new(loaded.director.clone()),
        shared: Arc::default(),
        ports: ports().into(),
        index,
        steering: Steering::new(1),
        capacity: 1_000,
        hash_seed: 1,
        replication: None,
        state: UnitState::Active,
    }
}

/// A worker that does nothing but answer.
fn play(mut shard: Shard) -> Sender<WorkerRequest> {
    let (requests, taken) = bounded(1);
    thread::spawn(move || {
        let loaded = crate::groups::tests::two_groups();
        let mut groups = Arc::new(loaded);
        for request in taken {
            if let WorkerRequest::Reconfigure(request) = request {
                request.carry_out([&mut shard].into_iter(), &mut groups, Instant::from_millis(2_000));
            }
        }
    });
    requests
}

/// A client connects from `port`.
fn connect(shard: &mut Shard, port: u16) {
    let inside = PortIndex(1);
    let mut next_hops = NextHopTable::new(1);
    next_hops.add_route("10.1.0.0/24".parse().unwrap(), Route { port: inside, gateway: None });
    for last in [11, 12] {
        next_hops.add_neighbor(
            inside,
            Ipv4Addr::new(10, 1, 0, last).into(),
            MacAddress([2, 0, 0, 0, 1, last]),
        );
    }
    let ends = Ends {
        source_mac: MacAddress([2, 0, 0, 0, 0, 10]),
        destination_mac: shard_mac(),
        tuple: Tuple {
            source: Ipv4Addr::new(198, 51, 100, 7),
            source_port: port,
            destination: Ipv4Addr::new(192, 0, 2, 100),
            destination_port: 80,
        },
    };
    let mut packet = build::tcp(&ends, TcpFlags::SYN, build::TcpNumbers::default(), &[]);
    let frame = Frame { length: packet.len(), bytes: &mut packet, port: PortIndex(0) };
    let mut verdicts = ArrayVec::new();
    shard.process(Instant::from_millis(1_000), &next_hops, &mut [frame], &mut verdicts);
    assert_eq!(verdicts.as_slice(), [Verdict::Forward { port: inside }]);
}

/// The MAC address of the port outside.
fn shard_mac() -> MacAddress {
    ports()[0].mac
}

const FORCED: Options = Options { dry_run: false, force: true };
const TRIED: Options = Options { dry_run: true, force: false };

#[test]
fn a_transaction_is_in_force_as_a_whole_or_not_at_all() {
    let unit = Unit::start(DIRECTOR);
    let before = unit.running.document();
    let lines = ["real 10.1.0.13:80", "bind 192.0.2.100:80 10.1.0.13:80", "weight 10.1.0.11:80 3"];
    let error = unit.change(&[&lines[..], &["weight 10.1.0.99 2"]].concat(), Options::default()).unwrap_err();
    assert!(matches!(error, TransactionError::Wrong(_)), "{error}");
    assert!(error.to_string().contains("10.1.0.99"), "{error}");
    assert!(unit.change(&lines, TRIED).unwrap().len() >= 3);
    assert_eq!(unit.running.document(), before);
    assert!(unit.told.is_empty() && unit.followed.is_empty());

    let report = unit.running.change(&changes(&lines), Options::default()).unwrap();
    assert_eq!((report.generation, report.orphaned, report.unwritten, report.dry_run), (8, 0, true, false));
    let director = unit.running.director();
    assert_eq!((director.real_servers().len(), director.bindings().len()), (3, 3));
    assert_eq!(director.real_servers()[0].weight(), 3);
    assert_eq!(unit.followed.try_recv(), Ok(3));
    assert_eq!(unit.telling().0, unit.mark());
    assert_eq!(unit.on_disk(), DIRECTOR, "until it is written");

    let same = unit.running.change(&changes(&["weight 10.1.0.11:80 3"]), Options::default()).unwrap();
    assert_eq!((same.generation, same.changes.len()), (8, 0), "it has that weight already");
    assert!(unit.told.is_empty());
}

#[test]
fn numbers_stay_while_servers_come_and_go() {
    let unit = Unit::start(DIRECTOR);
    let ids = || -> Vec<_> {
        let director = unit.running.director();
        director.bindings().iter().map(director::Binding::id).collect()
    };
    unit.change(&["no real 10.1.0.11:80"], Options::default()).unwrap();
    assert_eq!(ids(), [1]);
    unit.change(&["real 10.1.0.13:80", "bind 192.0.2.100:80 10.1.0.13:80"], Options::default()).unwrap();
    assert_eq!(ids(), [1, 0], "it has no connections that would need the number");
    let swap =
        ["no bind 192.0.2.100:80 10.1.0.12:80", "real 10.1.0.14:80", "bind 192.0.2.100:80 10.1.0.14:80"];
    unit.change(&swap, Options::default()).unwrap();
    assert_eq!(ids(), [0, 2], "a worker may give the old one a connection until it has the new one");
}

#[test]
fn connections_are_cut_off_by_force_only() {
    let unit = Unit::start_with_connections(DIRECTOR, 10);
    let remove = ["no bind 192.0.2.100:80 10.1.0.11:80"];
    let error = unit.change(&remove, Options::default()).unwrap_err();
    assert!(matches!(error, TransactionError::Orphans(5)), "{error}");
    assert_eq!(unit.running.director().bindings().len(), 2);
    let tried = unit.running.change(&changes(&remove), TRIED).unwrap();
    assert_eq!((tried.orphaned, tried.generation), (5, 7));
    let forced = unit.running.change(&changes(&remove), FORCED).unwrap();
    assert_eq!((forced.orphaned, forced.generation), (5, 8));
    // The number is not free as long as its connections are there.
    unit.change(&["real 10.1.0.13:80", "bind 192.0.2.100:80 10.1.0.13:80"], Options::default()).unwrap();
    let director = unit.running.director();
    assert_eq!(director.bindings().iter().map(director::Binding::id).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn what_is_written_is_what_is_loaded() {
    let unit = Unit::start(DIRECTOR);
    unit.change(&["weight 10.1.0.12:80 9", "out-of-service 10.1.0.11:80"], Options::default()).unwrap();
    let report = unit.running.write(Options::default()).unwrap();
    assert_eq!(report.generation, 9);
    assert_eq!(report.path, unit.folder.join("director.json").display().to_string());
    let (mark, text) = unit.running.document();
    assert_eq!(unit.on_disk().into_bytes(), text);
    assert!(!unit.running.report().unwritten);
    let again = Unit::start(&unit.on_disk());
    assert_eq!((again.mark(), again.commands()), (mark, unit.commands()));
    assert_eq!(fs::read_to_string(unit.folder.join("director.json.previous")).unwrap(), DIRECTOR);
}

#[test]
fn what_somebody_edited_is_not_lost_silently() {
    let unit = Unit::start(DIRECTOR);
    let edited = DIRECTOR.replace("leastconns", "roundrobin");
    fs::write(unit.folder.join("director.json"), &edited).unwrap();
    let error = unit.running.write(Options::default()).unwrap_err();
    assert!(error.to_string().contains("was edited"), "{error}");
    assert_eq!((unit.on_disk(), unit.mark().generation), (edited, 7));
    unit.running.write(FORCED).unwrap();
    assert!(!unit.on_disk().contains("roundrobin"));
    unit.running.write(Options::default()).unwrap();
}

#[test]
fn the_other_unit_follows_command_by_command() {
    let active = Unit::start(DIRECTOR);
    // The same, written by another hand.
    let standby = Unit::start(&DIRECTOR.replace("\"predictor\": \"leastconns\"", "\"in_service\": true"));
    assert_eq!(active.mark(), standby.mark());
    active.change(&["virtual 192.0.2.100:443", "bind 192.0.2.100:443 10.1.0.11:80"], FORCED).unwrap();
    active.change(&["weight 10.1.0.11:80 5"], FORCED).unwrap();
    active.running.write(Options::default()).unwrap();
    for unwritten in [true, true, false] {
        let (mark, change) = active.telling();
        standby.running.follow(mark, &change).unwrap();
        assert_eq!(standby.mark(), mark);
        assert_eq!(standby.running.report().unwritten, unwritten);
    }
    assert_eq!(active.running.document(), standby.running.document());
    assert_eq!(active.on_disk(), standby.on_disk());
    assert!(standby.told.is_empty(), "it is not its to tell");
}

#[test]
fn a_change_that_leads_elsewhere_is_refused() {
    let active = Unit::start(DIRECTOR);
    let standby = Unit::start(&DIRECTOR.replace("leastconns", "maglev"));
    let before = standby.running.document();
    active.change(&["weight 10.1.0.11:80 5"], FORCED).unwrap();
    let (mark, change) = active.telling();
    let reason = standby.running.follow(mark, &change).unwrap_err();
    assert!(reason.contains("another configuration"), "{reason}");
    assert!(standby.running.follow(mark, b"gibberish").is_err());
    assert_eq!(standby.running.document(), before);
    // So the whole comes.
    let (_, whole) = active.running.document();
    assert_eq!(standby.running.take_over(&whole), Ok(TakenOver::InForce));
    assert_eq!(standby.mark(), mark);
    assert_eq!(standby.on_disk(), DIRECTOR.replace("leastconns", "maglev"), "nobody has written it");
    active.running.write(Options::default()).unwrap();
    let (_, whole) = active.running.document();
    assert_eq!(standby.running.take_over(&whole), Ok(TakenOver::InForce));
    assert_eq!(standby.on_disk().into_bytes(), whole);
}

#[test]
fn a_document_with_other_groups_waits_for_a_new_start() {
    let unit = Unit::start(DIRECTOR);
    let other =
        DIRECTOR.replace("\"generation\": 7,", "\"generation\": 9, \"groups\": [{ \"name\": \"web\" }],");
    assert_eq!(unit.running.take_over(other.as_bytes()), Ok(TakenOver::AfterStart));
    assert_eq!(unit.mark().generation, 7, "as long as it runs");
    assert!(configuration::load(&unit.folder).unwrap().generation == 9);
    let error = unit.change(&["weight 10.1.0.11:80 5"], Options::default()).unwrap_err();
    assert!(matches!(error, TransactionError::AwaitsStart), "{error}");
    assert!(unit.change(&["group web --advertise"], Options::default()).is_err());
}

#[test]
fn a_document_that_this_unit_can_not_take_changes_nothing() {
    let unit = Unit::start(DIRECTOR);
    let clash = DIRECTOR.replace("192.0.2.100", "198.51.100.1");
    let reason = unit.running.take_over(clash.as_bytes()).unwrap_err();
    assert!(reason.contains("198.51.100.1 is the unit's own"), "{reason}");
    assert_eq!((unit.on_disk(), unit.mark().generation), (DIRECTOR.to_owned(), 7));
}
