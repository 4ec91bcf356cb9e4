//! Two units of a pair, each on a host of its own, on the same networks.
//!
//! ```text
//!               ┌─ host A: br-out ─ [unit A] ─ br-in ─┐
//!  client ─ br-out          10.9.0.1 ─ 10.9.0.2      br-in ─ servers
//!               └─ host B: br-out ─ [unit B] ─ br-in ─┘
//! ```
//!
//! The client has virtual addresses on its link and asks for them; the servers' default route is moved by
//! [`Pair::take_over`], as long as units do not move it themselves.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::Mutex;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::client::Client;
use super::folder::Folder;
use super::namespace::Namespace;
use super::plan::Plan;
use super::unit::Unit;
use super::view::View;
use super::{Server, Turn, host_of_clients, server, switches, take_turn, wait, wait_for_answer};

/// The key of the pair.
pub(crate) const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// One unit of a pair.
pub(crate) struct Half {
    pub(crate) view: View,
    pub(crate) host: Namespace,
    unit: Mutex<Option<Unit>>,
    /// 1 or 2: what its own addresses end in.
    pub(crate) number: usize,
    workers: &'static [usize],
}

/// Two units, a client and servers.
pub(crate) struct Pair {
    pub(crate) a: Half,
    pub(crate) b: Half,
    pub(crate) client: Client,
    pub(crate) servers: Vec<Server>,
    plan: Plan,
    pub(crate) folder: Folder,
    /// Where the switches are that join both hosts, the client and the servers.
    pub(crate) network: Namespace,
    _turn: Turn,
}

impl Pair {
    /// Builds the networks, starts unit A as the active one, and waits until it can reach all real servers. Unit B has
    /// `workers_of_b`, and is not started.
    pub(crate) fn start(plan: Plan, workers_of_b: &'static [usize]) -> Self {
        let pair = Self::build(plan, workers_of_b);
        pair.start_half(&pair.a, "active");
        pair
    }

    /// Builds the networks only.
    pub(crate) fn build(plan: Plan, workers_of_b: &'static [usize]) -> Self {
        let turn = take_turn(&plan);
        let folder = Folder::new();
        let network = if plan.hubs { hubs() } else { switches() };
        network.ip("link add br-sync type bridge mcast_snooping 0\nlink set br-sync arp off up");
        let client = host_of_clients(&network, "client", plan.client_addresses.clone());
        client.ip("route add 192.0.2.0/24 dev eth0\nroute add 2001:db8:100::/64 dev eth0");
        let servers = (1..=plan.servers).map(|number| server(&network, &plan, &folder, number)).collect();
        let half = |number, workers| {
            let host = if plan.hubs { hubs() } else { switches() };
            Half::new(&network, host, &folder, number, workers)
        };
        let (a, b) = (half(1, plan.workers), half(2, workers_of_b));
        let client = Client { namespace: client };
        Self { a, b, client, servers, plan, folder, network, _turn: turn }
    }

    /// Starts a unit, and waits until it can reach all real servers.
    pub(crate) fn start_half(&self, half: &Half, role: &str) {
        let mut unit_json = self.unit_json(half);
        unit_json["role"] = json!(role);
        self.write(half, "unit.json", &unit_json.to_string());
        self.write(half, "director.json", &self.plan.director.to_string());
        self.write(half, "pair.key", KEY);
        self.launch(half);
    }

    /// `unit.json` of a unit, without what makes it active.
    pub(crate) fn unit_json(&self, half: &Half) -> Value {
        let mut unit_json = self.plan.unit_json(&half.view.socket, half.number);
        unit_json["name"] = json!(half.name());
        unit_json["cores"]["workers"] = json!(half.workers);
        let end = |number: usize| format!("10.9.0.{number}:7400");
        unit_json["replication"] = json!({
            "key_file": "pair.key",
            "paths": [{ "local": end(half.number), "peer": end(3 - half.number) }],
            "digest_interval_ms": 100,
            "flush_us": self.plan.flush_us,
            "sync": if self.plan.hubs { "observe" } else { "records" },
        });
        unit_json
    }

    /// Writes a file of a unit's configuration.
    pub(crate) fn write(&self, half: &Half, file: &str, content: &str) {
        self.folder.write(&format!("{}/{file}", half.name()), content);
    }

    /// Reads one.
    pub(crate) fn read(&self, half: &Half, file: &str) -> Option<String> {
        fs::read_to_string(self.path(half.name()).join(file)).ok()
    }

    /// Of a file of this lab.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a unit with the configuration that was written, and waits until it can reach all real servers.
    pub(crate) fn launch(&self, half: &Half) {
        let mut unit = Unit::start(&half.host, &self.path(half.name()), self.folder.path());
        wait_for_answer(&mut unit, &half.view);
        *half.unit.lock().expect("nobody panicked") = Some(unit);
        half.plug_in();
    }

    /// Starts unit B as the standby, and waits until it has all connections of unit A.
    pub(crate) fn join(&self) {
        self.start_half(&self.b, "standby");
        self.wait_until_synchronized();
    }

    /// Waits until the two units have found their tables to be equal.
    pub(crate) fn wait_until_synchronized(&self) {
        for half in [&self.a, &self.b] {
            wait::until_equal("synchronized", true, || half.replication()["synchronized"] == true);
        }
    }

    /// Kills unit A, has unit B take over, and points the servers at it.
    pub(crate) fn take_over(&self) -> Value {
        self.a.kill();
        self.switch(&self.b)
    }

    /// Kills unit A and has unit B take over, while the servers' routes stay as they are.
    pub(crate) fn take_over_unaided(&self) -> Value {
        self.a.kill();
        self.b.failover("active")
    }

    /// Has the servers hear, but answer nobody by IPv4, until [`take_over`](Self::take_over) shows them the way.
    pub(crate) fn silence_servers(&self) {
        self.for_each_server("route replace blackhole default");
    }

    fn for_each_server(&self, commands: &str) {
        for server in &self.servers {
            server.namespace.ip(commands);
        }
    }

    /// Makes `half` the active unit, and points the servers at it.
    pub(crate) fn switch(&self, half: &Half) -> Value {
        let report = half.failover("active");
        self.for_each_server(&format!(
            "route replace default via 10.1.0.{0}\nroute replace ::/0 via 2001:db8:2::{0}",
            half.number
        ));
        report
    }
}

/// [`switches`] that learn no addresses: everybody gets a copy of everything.
fn hubs() -> Namespace {
    let host = switches();
    host.ip("link set br-out type bridge ageing_time 0\nlink set br-in type bridge ageing_time 0");
    host
}

impl Half {
    fn new(
        network: &Namespace,
        host: Namespace,
        folder: &Folder,
        number: usize,
        workers: &'static [usize],
    ) -> Self {
        for side in ["out", "in", "sync"] {
            network.ip(&format!(
                "link add {side}-{number} type veth peer name up-{side} netns {}\n\
                 link set {side}-{number} master br-{side} up",
                host.path().display()
            ));
        }
        host.ip(&format!(
            "link set up-out master br-out up\nlink set up-in master br-in up\n\
             addr add 10.9.0.{number}/24 dev up-sync\nlink set up-sync up"
        ));
        let socket = folder.path().join(format!("unit{number}.sock"));
        Self { view: View { socket }, host, unit: Mutex::new(None), number, workers }
    }

    pub(crate) fn name(&self) -> &'static str {
        if self.number == 1 { "a" } else { "b" }
    }

    /// `show replication`.
    pub(crate) fn replication(&self) -> Value {
        self.view.ask("replication", &[]).unwrap_or_default()
    }

    /// Has the unit go to `state`; returns what it says of that for the first group.
    pub(crate) fn failover(&self, state: &str) -> Value {
        let answer = self.try_failover(&[state]);
        answer.unwrap_or_else(|complaint| panic!("failover {state}: {complaint}"))["switched"][0].take()
    }

    /// `understudy failover ARGUMENTS --json`: its answer, or what it complained of.
    pub(crate) fn try_failover(&self, arguments: &[&str]) -> Result<Value, String> {
        let output = Command::new(env!("CARGO_BIN_EXE_understudy"))
            .arg("failover")
            .args(arguments)
            .args(["--json", "--socket"])
            .arg(&self.view.socket)
            .output()
            .expect("understudy runs");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(serde_json::from_slice(&output.stdout).expect("JSON"))
    }

    /// Plugs the ports in, as soon as they are there, and waits until all real servers are reached. A unit that starts anew
    /// in the meantime makes new ports.
    pub(crate) fn plug_in(&self) {
        wait::until_equal("real servers without a known MAC address", Some(0), || {
            for side in ["out", "in"] {
                let (port, switch) = (format!("tap-{side}"), format!("br-{side}"));
                self.host.output("ip", &["link", "set", &port, "master", &switch]);
            }
            self.view.unknown_real_servers()
        });
    }

    /// Sends the unit a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        self.with_unit(|unit| unit.signal(signal));
    }

    /// Waits until the unit has ended.
    pub(crate) fn end(&self) -> ExitStatus {
        let mut unit = self.unit.lock().expect("nobody panicked").take().expect("a running unit");
        unit.end()
    }

    /// The unit's process and what it said so far; it runs.
    pub(crate) fn process(&self) -> (u32, String) {
        self.with_unit(|unit| {
            assert!(unit.ended().is_none(), "unit {} ended:\n{}", self.name(), unit.log());
            (unit.process_id(), unit.log())
        })
    }

    fn with_unit<T>(&self, work: impl FnOnce(&mut Unit) -> T) -> T {
        work(self.unit.lock().expect("nobody panicked").as_mut().expect("a running unit"))
    }

    /// Ends the unit as a power failure does, as far as a process can.
    pub(crate) fn kill(&self) {
        self.signal(Signal::SIGKILL);
        self.end();
    }

    /// Ends the unit as an operator does, after what every test must leave behind.
    fn check_and_stop(&self) {
        let Some(mut unit) = self.unit.lock().expect("nobody panicked").take() else { return };
        wait::until_equal("received = forwarded + answered + to kernel + dropped", true, || {
            self.view.packets().balance()
        });
        let (of_virtual, of_real) = self.view.admitted_by_side();
        assert_eq!(of_virtual, of_real, "connections of virtual servers and of real servers");
        unit.signal(Signal::SIGTERM);
        let status = unit.end();
        assert!(status.success(), "unit {} ended with {status}:\n{}", self.name(), unit.log());
    }

    fn complain(&self) {
        eprintln!("unit {}: {:#}", self.name(), self.replication());
        if let Ok(decisions) = self.view.ask("failover", &[]) {
            eprintln!("{decisions:#}");
        }
        if let Ok(counters) = self.view.ask("counters", &[]) {
            let drops = counters["drops"].as_object().into_iter().flatten();
            eprintln!("drops: {:?}", drops.filter(|(_, count)| **count != 0).collect::<Vec<_>>());
        }
        if let Some(unit) = self.unit.lock().ok().as_deref().and_then(Option::as_ref) {
            eprintln!("{}", unit.log());
        }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.a.complain();
            self.b.complain();
        } else {
            self.a.check_and_stop();
            self.b.check_and_stop();
        }
    }
}
