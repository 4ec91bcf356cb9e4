//! The kernel module against a real kernel, in network namespaces of the tests' own. They need root.

use std::net::IpAddr;
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use director::{NextHop, PortIndex};
use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::gettid;

use super::netlink::{Heard, Notifications, Requests};
use super::text::{ip, mac, neighbor};
use super::twin::interface_index;
use super::*;
use crate::platform;

const PORT: PortIndex = PortIndex(4);
const DEADLINE: Duration = Duration::from_secs(20);

type Job = Box<dyn FnOnce() + Send>;

/// A network namespace, kept by a thread that lives in it and does there what it is told.
struct Namespace {
    jobs: Sender<Job>,
    /// A thread's number names its namespace to `ip`.
    thread: i32,
}

impl Namespace {
    fn new() -> Self {
        let (jobs, received) = channel::<Job>();
        let (entered, thread) = channel();
        thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace: run these tests as root");
            entered.send(gettid().as_raw()).unwrap();
            received.into_iter().for_each(|job| job());
        });
        Self { jobs, thread: thread.recv().expect("a network namespace: run these tests as root") }
    }

    fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (done, result) = channel();
        self.jobs.send(Box::new(move || drop(done.send(job())))).unwrap();
        result.recv().expect("the job did not panic")
    }

    /// Runs `ip` with these arguments.
    fn ip(&self, arguments: &str) -> String {
        let arguments = arguments.to_owned();
        self.run(move || {
            let output = Command::new("ip").args(arguments.split_whitespace()).output().unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "ip {arguments}: {errors}");
            String::from_utf8(output.stdout).unwrap()
        })
    }

    fn setup_twin(&self, last_byte: u8, addresses: &[&str]) {
        let addresses: Vec<IpNet> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        self.run(move || setup_twin("twin", mac(last_byte), 1_400, &addresses)).unwrap();
    }

    fn watch(&self, keep_fresh: &[&str]) -> Watcher {
        let keep_fresh: Vec<IpAddr> = keep_fresh.iter().map(|address| ip(address)).collect();
        self.run(move || Watcher::start(vec![Twin { port: PORT, name: "twin".into() }], keep_fresh)).unwrap()
    }
}

/// The unit, whose interface is called "twin", and a host at the other end of the link, which has the MAC
/// address 02:00:00:00:00:02 and the IP addresses 10.0.0.2 and 2001:db8::2.
fn unit_and_host() -> (Namespace, Namespace) {
    let (unit, host) = (Namespace::new(), Namespace::new());
    unit.ip("link add twin type veth peer name host");
    unit.ip(&format!("link set host netns {}", host.thread));
    host.ip("link set host address 02:00:00:00:00:02 up");
    host.ip("addr add 10.0.0.2/24 dev host");
    host.ip("addr add 2001:db8::2/64 dev host nodad");
    unit.setup_twin(1, &["10.0.0.1/24", "2001:db8::1/64"]);
    (unit, host)
}

fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = platform::now();
    while !condition() {
        assert!(platform::now().since(start) < DEADLINE, "not in time: {what}");
        platform::sleep(Duration::from_millis(2));
    }
}

fn resolve(watcher: &Watcher, destination: &str) -> NextHop {
    watcher.next_hops().load().resolve(ip(destination))
}

fn generation(watcher: &Watcher) -> u32 {
    watcher.next_hops().load().generation()
}

fn resolved(last_byte: u8) -> NextHop {
    NextHop::Resolved { port: PORT, mac: mac(last_byte) }
}

fn unresolved(address: &str) -> NextHop {
    NextHop::Unresolved { port: PORT, address: ip(address) }
}

#[test]
fn addresses_come_and_go() {
    let unit = Namespace::new();
    unit.ip("link add twin type veth peer name host");
    unit.setup_twin(1, &["10.0.0.1/24"]);
    let moving = ["10.0.0.254/24", "10.9.0.254/24", "192.0.2.100/32", "2001:db8::254/64", "fe80::254/64"];
    let change = |to: fn(&mut AddressEditor, IpNet) -> Result<(), KernelError>| {
        unit.run(move || {
            let mut editor = AddressEditor::open().unwrap();
            moving.iter().try_for_each(|address| to(&mut editor, address.parse().unwrap())).unwrap();
        });
    };
    for _ in 0..2 {
        change(|editor, address| editor.add("twin", address, address.to_string().starts_with("10.9")));
        let addresses = unit.ip("-o addr show dev twin");
        assert!(moving.iter().all(|address| addresses.contains(address)), "{addresses}");
        assert!(!addresses.contains("tentative"), "{addresses}");
        // What the kernel sends to neighbours goes out with the unit's own.
        let source = unit.ip("route get 10.0.0.9");
        assert!(source.contains("src 10.0.0.1 "), "{source}");
        let routes = unit.ip("route show dev twin");
        assert!(routes.contains("10.9.0.0/24") && !routes.contains("192.0.2.100"), "{routes}");
    }
    for _ in 0..2 {
        change(|editor, address| editor.remove("twin", address));
        let addresses = unit.ip("-o addr show dev twin");
        assert!(!moving.iter().any(|address| addresses.contains(address)), "{addresses}");
        assert!(addresses.contains("10.0.0.1/24"), "{addresses}");
    }
    let error = unit.run(|| {
        let mut editor = AddressEditor::open().unwrap();
        editor.add("nowhere", "10.0.0.1/32".parse().unwrap(), false).unwrap_err().to_string()
    });
    assert!(error.contains("no interface \"nowhere\""), "{error}");
}

#[test]
fn twin_is_set_up_and_again() {
    let unit = Namespace::new();
    unit.ip("link add twin type veth peer name host");
    unit.run(|| std::fs::write("/proc/sys/net/ipv6/conf/twin/disable_ipv6", "1")).unwrap();
    for _ in 0..2 {
        unit.setup_twin(0x77, &["10.0.0.1/24", "10.0.0.9/32", "2001:db8::1/64"]);
        let link = unit.ip("-o link show twin");
        assert!(
            link.contains("mtu 1400") && link.contains("02:00:00:00:00:77") && link.contains(",UP"),
            "{link}"
        );
        let addresses = unit.ip("-o addr show dev twin scope global");
        assert_eq!(addresses.lines().count(), 3, "{addresses}");
        for address in ["10.0.0.1/24", "10.0.0.9/32", "2001:db8::1/64"] {
            assert!(addresses.contains(address), "{addresses}");
        }
        assert!(!addresses.contains("tentative"), "{addresses}");
    }
}

#[test]
fn interface_that_is_not_there_is_named() {
    let unit = Namespace::new();
    let errors = unit.run(|| {
        let twin = Twin { port: PORT, name: "outside".into() };
        let start = Watcher::start(vec![twin], vec![]).err().map(|error| error.to_string());
        [setup_twin("outside", mac(1), 1_500, &[]).unwrap_err().to_string(), start.unwrap()]
    });
    for error in errors {
        assert_eq!(error, "there is no interface \"outside\"; `ip link` lists those that there are");
    }
}

#[test]
fn refused_mtu_says_what_was_asked() {
    let unit = Namespace::new();
    unit.ip("link add twin type veth peer name host");
    let error = unit.run(|| setup_twin("twin", mac(1), 60, &[]).unwrap_err().to_string());
    assert!(error.contains("\"twin\"") && error.contains("MTU 60"), "{error}");
}

#[test]
fn neighbors_are_resolved_on_request() {
    let (unit, _host) = unit_and_host();
    let watcher = unit.watch(&[]);
    let before = generation(&watcher);
    for address in ["10.0.0.2", "2001:db8::2"] {
        assert_eq!(resolve(&watcher, address), unresolved(address));
        // A request may come to nothing: IPv6 has no address to ask from in its first second. A worker asks
        // again with each packet.
        eventually("the host answers", || {
            watcher.resolver().try_request(PORT, ip(address));
            resolve(&watcher, address) == resolved(2)
        });
    }
    assert_eq!(generation(&watcher), before, "what only became known invalidates nothing");
    watcher.stop();
}

#[test]
fn routes_and_neighbors_are_followed() {
    let (unit, _host) = unit_and_host();
    unit.ip("neigh replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev twin nud permanent");
    let watcher = unit.watch(&[]);
    assert_eq!(resolve(&watcher, "10.0.0.2"), resolved(2));
    assert_eq!(resolve(&watcher, "198.51.100.1"), NextHop::NoRoute);

    // Each change, what it leads to, and whether remembered next hops are wrong afterwards.
    for (change, then) in [
        ("route add default via 10.0.0.2", resolved(2)),
        ("neigh replace 10.0.0.2 lladdr 02:00:00:00:00:03 dev twin nud permanent", resolved(3)),
        ("neigh del 10.0.0.2 dev twin", unresolved("10.0.0.2")),
        ("route replace default via 10.0.0.7", unresolved("10.0.0.7")),
        ("route add unreachable 198.51.100.0/24", NextHop::NoRoute),
        ("route del unreachable 198.51.100.0/24", unresolved("10.0.0.7")),
        ("route add 198.51.100.0/24 dev twin", unresolved("198.51.100.1")),
        ("link set twin down", NextHop::NoRoute),
    ] {
        let before = generation(&watcher);
        unit.ip(change);
        eventually(change, || resolve(&watcher, "198.51.100.1") == then);
        assert_ne!(generation(&watcher), before, "{change}");
    }
    watcher.stop();
}

#[test]
fn interface_made_anew_is_found() {
    let (unit, _host) = unit_and_host();
    let watcher = unit.watch(&[]);
    unit.ip("link del twin");
    eventually("routes are gone", || resolve(&watcher, "10.0.0.2") == NextHop::NoRoute);
    unit.ip("link add twin type veth peer name host");
    unit.setup_twin(1, &["10.0.0.1/24"]);
    unit.ip("neigh replace 10.0.0.2 lladdr 02:00:00:00:00:05 dev twin nud permanent");
    eventually("routes are back", || resolve(&watcher, "10.0.0.2") == resolved(5));
    watcher.stop();
}

#[test]
fn next_hops_of_real_servers_are_resolved_without_a_request() {
    let (unit, _host) = unit_and_host();
    unit.ip("route add 10.7.0.0/16 via 10.0.0.2");
    unit.ip("neigh replace 10.0.0.5 lladdr 02:00:00:00:00:05 dev twin nud permanent");
    let watcher = unit.watch(&["10.7.0.9", "10.0.0.5"]);
    eventually("the router is known", || resolve(&watcher, "10.7.0.9") == resolved(2));
    let rows = watcher.neighbors();
    let row = |address| rows.iter().find(|row| row.address == ip(address)).unwrap();
    assert!(row("10.0.0.2").serves_real_server && row("10.0.0.2").mac == Some(mac(2)));
    assert_eq!((row("10.0.0.5").state, row("10.0.0.5").port), (NeighborState::Permanent, PORT));

    // Forgotten, it is resolved again; the operator's entry is never touched.
    let before = generation(&watcher);
    unit.ip("neigh del 10.0.0.2 dev twin");
    eventually("the loss is seen", || generation(&watcher) != before);
    eventually("the router is known again", || resolve(&watcher, "10.7.0.9") == resolved(2));
    assert!(unit.ip("neigh show 10.0.0.5").contains("PERMANENT"));

    // The list can change.
    watcher.set_keep_fresh(vec![ip("10.0.0.66")]);
    let asked =
        || watcher.neighbors().iter().any(|row| row.serves_real_server && row.address == ip("10.0.0.66"));
    eventually("the new server is asked for", || asked() && !unit.ip("neigh show 10.0.0.66").is_empty());
    watcher.stop();
}

#[test]
fn listener_that_does_not_keep_up_learns_of_it() {
    let unit = Namespace::new();
    unit.ip("link add twin type veth peer name host");
    let heard = unit.run(|| {
        let mut notifications = Notifications::open().unwrap();
        let mut requests = Requests::open().unwrap();
        let twin = interface_index("twin").unwrap();
        // As many changes as no buffer of the size asked for can hold.
        for round in 0..40_000_u32 {
            let entry =
                neighbor(&format!("10.0.0.2 dev {twin} lladdr {} PERMANENT", mac(round.to_le_bytes()[0])));
            requests.execute(entry, NLM_F_CREATE | NLM_F_REPLACE).unwrap();
        }
        let first = notifications.hear().unwrap();
        let mut changes = 0;
        while let Heard::Changes(more) = notifications.hear().unwrap() {
            changes += more.len();
        }
        (matches!(first, Heard::Overrun), changes)
    });
    assert!(heard.0, "the overrun comes first");
    assert!(heard.1 > 0, "then what was in time");
}
