//! A pair that decides by itself who is active: with a cable, heartbeat links, and a gateway that moves.

use std::ops::Deref;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::pair::{Half, KEY, Pair};
use super::plan::{Plan, line_services};
use super::wait;

/// The first gateway of the servers is a shared address.
const GATEWAYS: &str = "route replace default via 10.1.0.254\nroute replace ::/0 via 2001:db8:2::254";

/// What the pair is to be like. The default is one whose role no machine changes by being busy.
pub(crate) struct Settings {
    pub(crate) plan: Plan,
    pub(crate) has_cable: bool,
    /// The first goes over a network of its own, the second through the ports.
    pub(crate) links: usize,
    /// Milliseconds between two heartbeats and how many may be missing; without, as the program has it.
    pub(crate) beats: Option<(u32, u32)>,
    /// What both units have to reach.
    pub(crate) targets: Value,
    /// Of unit A and unit B.
    pub(crate) roles: [&'static str; 2],
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            plan: Plan { director: with_gateway(line_services("roundrobin", 3), 1), ..Plan::default() },
            has_cable: true,
            links: 2,
            beats: Some((50, 10)),
            // A standby knows their MAC addresses before it needs them.
            targets: json!([{ "host": "198.51.100.10" }, { "host": "2001:db8:1::10" }]),
            roles: ["primary", "backup"],
        }
    }
}

/// The only group's gateway moves; generation `generation`.
pub(crate) fn with_gateway(mut director: Value, generation: u32) -> Value {
    director["generation"] = generation.into();
    director["groups"] = json!([{
        "name": "web",
        "hold_s": 1,
        "shared_addresses": { "inside": ["10.1.0.254/24", "2001:db8:2::254/64"] },
    }]);
    director
}

/// Two units that decide, and the network around them.
pub(crate) struct DecidingPair {
    pair: Pair,
    cable: Mutex<Option<Child>>,
    settings: Settings,
}

impl Deref for DecidingPair {
    type Target = Pair;

    fn deref(&self) -> &Pair {
        &self.pair
    }
}

impl DecidingPair {
    /// Builds the networks, plugs the cable in and writes the configuration of both units, which do not run.
    pub(crate) fn build(mut settings: Settings) -> Self {
        // Of several addresses, one that no standby has asked for could be the client's.
        let plan = Plan { client_addresses: 0..1, ..std::mem::take(&mut settings.plan) };
        let director = plan.director.to_string();
        let pair = Self { pair: Pair::build(plan, &[1]), cable: Mutex::new(None), settings };
        for server in &pair.servers {
            server.namespace.ip(GATEWAYS);
        }
        for (half, role) in [&pair.a, &pair.b].into_iter().zip(pair.settings.roles) {
            let mut unit_json = pair.unit_json(half);
            unit_json["failover"] = pair.failover_of(half, role);
            pair.write(half, "unit.json", &unit_json.to_string());
            pair.write(half, "director.json", &director);
            pair.write(half, "pair.key", KEY);
        }
        if pair.settings.has_cable {
            pair.plug_cable_in();
        }
        pair
    }

    /// The same, with both units running, unit A active and unit B ready.
    pub(crate) fn start(settings: Settings) -> Self {
        let pair = Self::build(settings);
        pair.launch(&pair.a);
        pair.launch(&pair.b);
        pair.a.wait_until_active();
        pair.wait_until_ready(&pair.b);
        pair
    }

    /// Waits until `half` stands by and could take over, and the other knows.
    pub(crate) fn wait_until_ready(&self, half: &Half) {
        wait::until_equal("a standby that is ready", true, || {
            let group = half.group();
            group["state"] == "STANDBY" && group["synchronized"] == true
        });
        self.wait_until_synchronized();
    }

    /// The active unit and the other, which is ready. A busy machine may have had them change places.
    pub(crate) fn by_state(&self) -> (&Half, &Half) {
        let active = || [&self.a, &self.b].into_iter().find(|half| half.state() == "ACTIVE");
        let active = wait::until("an active unit", active);
        let standby = if active.number == 1 { &self.b } else { &self.a };
        self.wait_until_ready(standby);
        (active, standby)
    }

    /// How often either unit found that it, or one of its workers, stood still.
    pub(crate) fn disturbances(&self) -> usize {
        let is_one = |entry: &Value| {
            let what = entry["what"].as_str().unwrap_or_default();
            what.contains("stood still") || what.contains("does not turn")
        };
        let of_half = |half: &Half| {
            let decisions = half.decisions();
            decisions["journal"]
                .as_array()
                .map_or(0, |entries| entries.iter().filter(|entry| is_one(entry)).count())
        };
        of_half(&self.a) + of_half(&self.b)
    }

    /// Makes the cable.
    pub(crate) fn plug_cable_in(&self) {
        let ends = [self.path("cable-a"), self.path("cable-b")];
        let mut cable = Command::new(env!("CARGO_BIN_EXE_understudy"));
        let cable = cable.arg("cable").args(&ends).stdin(Stdio::null()).spawn().expect("understudy runs");
        wait::until_equal("both ends of the cable", true, || ends.iter().all(|end| end.exists()));
        *self.cable.lock().expect("nobody panicked") = Some(cable);
    }

    /// Cuts it.
    pub(crate) fn cut_cable(&self) {
        if let Some(mut cable) = self.cable.lock().ok().and_then(|mut cable| cable.take()) {
            let pid = i32::try_from(cable.id()).expect("a process number");
            kill(Pid::from_raw(pid), Signal::SIGTERM).expect("a process that was started here");
            cable.wait().expect("the cable ends");
        }
    }

    /// `failover` of a unit's `unit.json`.
    fn failover_of(&self, half: &Half, role: &str) -> Value {
        let settings = &self.settings;
        let with_beats = |mut link: Value| {
            if let Some((interval, misses)) = settings.beats {
                link["interval_ms"] = interval.into();
                link["misses"] = misses.into();
            }
            link
        };
        let (own, others) = (half.number, 3 - half.number);
        let networks = ["10.9.0", "10.1.0"].into_iter().take(settings.links);
        let link = |network: &str| {
            with_beats(
                json!({ "local": format!("{network}.{own}:7500"), "peer": format!("{network}.{others}:7500") }),
            )
        };
        let mut failover = json!({
            "role": role,
            "links": networks.map(link).collect::<Vec<_>>(),
            "reachability": { "interval_ms": 100, "targets": settings.targets },
        });
        if settings.has_cable {
            failover["cable"] =
                with_beats(json!({ "tty": self.path(&format!("cable-{}", half.name())), "baud": 921_600 }));
        }
        failover
    }
}

impl Drop for DecidingPair {
    fn drop(&mut self) {
        self.cut_cable();
    }
}

impl Half {
    /// `show failover`; nothing while the unit does not answer.
    pub(crate) fn decisions(&self) -> Value {
        self.view.ask("failover", &[]).unwrap_or_default()
    }

    /// How the first group stands.
    pub(crate) fn group(&self) -> Value {
        self.decisions()["groups"][0].take()
    }

    /// The state of the first group.
    pub(crate) fn state(&self) -> String {
        self.group()["state"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn wait_until_active(&self) {
        wait::until_equal("the state of the unit", "ACTIVE".to_owned(), || self.state());
    }

    pub(crate) fn wait_until_standby(&self) {
        wait::until_equal("the state of the unit", "STANDBY".to_owned(), || self.state());
    }

    /// The transitions of the first group, each with its cause, the oldest first: `348 silence`.
    pub(crate) fn transitions(&self) -> Vec<String> {
        let decisions = self.decisions();
        let entries = decisions["journal"].as_array().map(Vec::as_slice).unwrap_or_default();
        let transitions = entries.iter().filter(|entry| !entry["states"].is_null());
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        transitions.map(|entry| format!("{} {}", text(entry, "what"), text(entry, "cause"))).collect()
    }

    /// How often the unit became active.
    pub(crate) fn activations(&self) -> usize {
        let is_one = |entry: &&String| {
            ["326", "335", "348", "RESUMED"].iter().any(|transition| entry.starts_with(transition))
        };
        self.transitions().iter().filter(is_one).count()
    }

    /// The cause of the last transition of that name.
    pub(crate) fn cause_of(&self, transition: &str) -> Option<String> {
        let transitions = self.transitions();
        let mut causes = transitions.iter().filter_map(|entry| entry.strip_prefix(transition));
        causes.next_back().map(|cause| cause.trim().to_owned())
    }
}
