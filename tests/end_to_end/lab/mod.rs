//! A network around a real unit: clients outside, real servers inside, each a network namespace.
//!
//! ```text
//!  client (by a gateway) ─┐                                       ┌─ server 1: 10.1.0.11, 2001:db8:2::11
//!                         ├─ br-out ─ [outside  unit  inside] ─ br-in ─ server 2
//!  neighbor (on the link) ┘                                       └─ server 3
//! ```
//!
//! Addresses repeat from lab to lab; nothing of one lab can reach another. When a lab is dropped it checks what every
//! test must leave behind: counters that balance, a unit that stops when it is told to, and no traces.

pub(crate) mod bird;
pub(crate) mod client;
pub(crate) mod deciding;
mod folder;
mod namespace;
mod operator;
pub(crate) mod pair;
pub(crate) mod plan;
pub(crate) mod services;
pub(crate) mod traffic;
mod unit;
pub(crate) mod view;
pub(crate) mod wait;

use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use nix::sys::signal::Signal;

use client::Client;
pub(crate) use folder::Folder;
pub(crate) use namespace::Namespace;
use plan::{Plan, Ports};
use services::{Iperf3, LINE_PORT, LineService, Nginx};
use unit::Unit;
use view::View;

/// Labs run beside each other, but one that wants the machine for itself gets it.
static MACHINE: RwLock<()> = RwLock::new(());

/// Held for its drop only.
#[expect(dead_code, reason = "a guard is not read")]
enum Turn {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

/// A real server's host.
pub(crate) struct Server {
    pub(crate) namespace: Namespace,
    _lines: LineService,
    _nginx: Option<Nginx>,
}

/// The network, and the unit in it.
pub(crate) struct Lab {
    unit: Unit,
    pub(crate) view: View,
    /// Reaches virtual addresses through the unit's own address, as through any router.
    pub(crate) client: Client,
    /// Has virtual addresses on its link, and so asks for them with ARP and neighbour discovery.
    pub(crate) neighbor: Client,
    pub(crate) servers: Vec<Server>,
    /// Where the unit runs.
    pub(crate) host: Namespace,
    folder: Folder,
    _turn: Turn,
}

impl Lab {
    /// Builds it all, and waits until the unit can reach all real servers.
    pub(crate) fn start(plan: &Plan) -> Self {
        let all = plan.director["real_servers"].as_array().map_or(0, Vec::len);
        Self::start_with_missing_servers(plan, all)
    }

    /// Builds it all, and waits until the unit can reach `reachable` of the real servers.
    pub(crate) fn start_with_missing_servers(plan: &Plan, reachable: usize) -> Self {
        let lab = Self::start_unconnected(plan);
        if plan.ports == Ports::Taps {
            lab.host.ip("link set tap-out master br-out\nlink set tap-in master br-in");
        }
        wait::until_equal("real servers with a known MAC address", reachable, || {
            lab.view.known_real_servers()
        });
        lab
    }

    /// A page of its own on a port of server `number`.
    pub(crate) fn serve_page(&self, number: usize, port: u16, page: &str) -> Nginx {
        Nginx::serve_page(&self.servers[number - 1].namespace, &self.folder, number, port, page)
    }

    /// An iperf3 on server `number`.
    pub(crate) fn serve_iperf3(&self, number: usize) -> Iperf3 {
        Iperf3::start(&self.servers[number - 1].namespace)
    }

    /// The line service on another port of server `number`, as if it were server `name`.
    pub(crate) fn serve_lines(&self, number: usize, port: u16, name: usize) -> LineService {
        LineService::start(&self.servers[number - 1].namespace, name, port)
    }

    /// Builds it all, but does not plug the unit's TAPs in.
    fn start_unconnected(plan: &Plan) -> Self {
        let turn = take_turn(plan);
        let folder = Folder::new();
        let host = switches();
        let client = host_of_clients(&host, "client", plan.client_addresses.clone());
        client.ip("route add 192.0.2.0/24 via 198.51.100.1\nroute add 2001:db8:100::/64 via 2001:db8:1::1");
        let neighbor = host_of_clients(&host, "neighbor", 190..191);
        neighbor.ip("route add 192.0.2.0/24 dev eth0\nroute add 2001:db8:100::/64 dev eth0");
        let servers = (1..=plan.servers).map(|number| server(&host, plan, &folder, number)).collect();
        if plan.ports == Ports::Interfaces {
            cable(&host, "out");
            cable(&host, "in");
        }
        let socket = folder.path().join("unit.sock");
        folder.write("configuration/unit.json", plan.unit_json(&socket, 1).to_string());
        folder.write("configuration/director.json", plan.director.to_string());
        let mut unit = Unit::start(&host, &folder.path().join("configuration"), folder.path());
        let view = View { socket };
        wait_for_answer(&mut unit, &view);
        Self {
            unit,
            view,
            client: Client { namespace: client },
            neighbor: Client { namespace: neighbor },
            servers,
            host,
            folder,
            _turn: turn,
        }
    }

    /// What the unit has logged.
    pub(crate) fn log(&self) -> String {
        self.unit.log()
    }

    /// Sends the unit a signal and waits until it has ended.
    pub(crate) fn end_unit(&mut self, signal: Signal) -> ExitStatus {
        self.unit.signal(signal);
        self.unit.end()
    }

    /// The unit's `director.json`.
    pub(crate) fn director_json(&self) -> PathBuf {
        self.folder.path().join("configuration/director.json")
    }

    /// Has the unit stop, and starts it anew with what is on the disk. Its TAPs are plugged in again.
    pub(crate) fn restart(&mut self) {
        let status = self.end_unit(Signal::SIGTERM);
        assert!(status.success(), "the unit ended with {status}");
        self.unit = Unit::start(&self.host, &self.folder.path().join("configuration"), self.folder.path());
        wait_for_answer(&mut self.unit, &self.view);
        self.host.ip("link set tap-out master br-out\nlink set tap-in master br-in");
        // The new TAPs have other MAC addresses.
        let hosts = [&self.client.namespace, &self.neighbor.namespace].into_iter();
        for host in hosts.chain(self.servers.iter().map(|server| &server.namespace)) {
            host.ip("neigh flush dev eth0");
        }
        wait::until_equal("real servers without a known MAC address", Some(0), || {
            self.view.unknown_real_servers()
        });
    }

    /// Makes a namespace with its interface eth0 in the unit's outside network.
    pub(crate) fn join_outside(&self, name: &str) -> Namespace {
        let namespace = Namespace::new();
        plug(&self.host, &namespace, name, "br-out");
        namespace
    }

    /// What every test ends with.
    fn check_and_stop(&mut self) {
        wait::until_equal("received = forwarded + answered + to kernel + dropped", true, || {
            self.view.packets().balance()
        });
        let (of_virtual, of_real) = self.view.admitted_by_side();
        assert_eq!(of_virtual, of_real, "connections of virtual servers and of real servers");
        let status = self.end_unit(Signal::SIGTERM);
        assert!(status.success(), "the unit ended with {status}");
        assert!(!self.view.socket.exists(), "the management socket stayed behind");
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if !std::thread::panicking() && self.unit.ended().is_none() {
            let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.check_and_stop()));
            if let Err(panic) = checked {
                eprintln!("the unit's log:\n{}", self.unit.log());
                std::panic::resume_unwind(panic);
            }
        } else if std::thread::panicking() {
            if let Ok(counters) = self.view.ask("counters", &[]) {
                eprintln!("the unit's counters:\n{counters:#}");
            }
            eprintln!("the unit's log:\n{}", self.unit.log());
        }
    }
}

fn take_turn(plan: &Plan) -> Turn {
    // A test that failed leaves nothing in a bad state.
    if plan.alone {
        Turn::Alone(MACHINE.write().unwrap_or_else(PoisonError::into_inner))
    } else {
        Turn::Shared(MACHINE.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The unit's host, with a switch outside and one inside. The kernel has no part in what they switch: no ARP, no IPv6.
fn switches() -> Namespace {
    let host = Namespace::new();
    host.set("net/ipv6/conf/default/disable_ipv6", "1");
    host.ip("link add br-out type bridge mcast_snooping 0\nlink set br-out arp off up\n\
         link add br-in type bridge mcast_snooping 0\nlink set br-in arp off up");
    host
}

/// A cable from a switch of `host` to eth0 in `namespace`.
pub(crate) fn plug(host: &Namespace, namespace: &Namespace, name: &str, switch: &str) {
    host.ip(&format!(
        "link add {name} type veth peer name eth0 netns {}\nlink set {name} master {switch} up",
        namespace.path().display()
    ));
    namespace.ip("link set eth0 up");
}

/// A cable from a switch of `host` to an interface of `host` itself, for a port to use. What the kernel sends over it
/// is finished first: an af_packet port sees what is on the wire.
fn cable(host: &Namespace, side: &str) {
    host.ip(&format!(
        "link add wire-{side} type veth peer name switch-{side}\nlink set wire-{side} up\n\
         link set switch-{side} master br-{side} up"
    ));
    let switch = format!("switch-{side}");
    host.run("ethtool", &["-K", &switch, "rx", "off", "tx", "off", "tso", "off", "gso", "off", "gro", "off"]);
}

fn host_of_clients(host: &Namespace, name: &str, numbers: std::ops::Range<u8>) -> Namespace {
    let namespace = Namespace::new();
    plug(host, &namespace, name, "br-out");
    let addresses = numbers.map(|number| {
        let (v4, v6) = plan::client_addresses(number);
        format!("addr add {v4}/24 dev eth0\naddr add {v6}/64 dev eth0\n")
    });
    namespace.ip(&addresses.collect::<String>());
    namespace
}

fn server(host: &Namespace, plan: &Plan, folder: &Folder, number: usize) -> Server {
    let namespace = Namespace::new();
    plug(host, &namespace, &format!("server{number}"), "br-in");
    namespace.ip(&format!(
        "addr add 10.1.0.1{number}/24 dev eth0\naddr add 2001:db8:2::1{number}/64 dev eth0\n\
         route add default via 10.1.0.1\nroute add ::/0 via 2001:db8:2::1"
    ));
    let lines = LineService::start(&namespace, number, LINE_PORT);
    let nginx = plan.large.as_ref().map(|large| Nginx::start(&namespace, folder, number, large));
    Server { namespace, _lines: lines, _nginx: nginx }
}

fn wait_for_answer(unit: &mut Unit, view: &View) {
    wait::until("the unit to answer", || {
        if let Some(status) = unit.ended() {
            panic!("the unit ended with {status}:\n{}", unit.log());
        }
        view.ask("status", &[]).ok()
    });
}
