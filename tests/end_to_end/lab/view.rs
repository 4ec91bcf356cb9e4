//! What `understudy show --json` says. The only place of the tests that knows the names of its keys.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

/// Asks a unit by its management socket, with the real command.
pub(crate) struct View {
    pub(crate) socket: PathBuf,
}

/// What became of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packets {
    pub(crate) received: u64,
    pub(crate) forwarded: u64,
    pub(crate) answered: u64,
    pub(crate) to_kernel: u64,
    pub(crate) dropped: u64,
}

/// What a virtual or a real server counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServerCounts {
    pub(crate) connections: u64,
    pub(crate) admitted: u64,
    pub(crate) inbound_packets: u64,
    pub(crate) outbound_packets: u64,
}

/// A connection in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) protocol: String,
    pub(crate) client: String,
    pub(crate) virtual_end: String,
    pub(crate) real_end: String,
    pub(crate) state: String,
}

impl Packets {
    /// received = forwarded + answered + handed to the kernel + dropped.
    pub(crate) const fn balance(&self) -> bool {
        self.received == self.forwarded + self.answered + self.to_kernel + self.dropped
    }
}

impl View {
    /// Runs `understudy show`.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_understudy"))
            .arg("show")
            .args(arguments)
            .arg("--socket")
            .arg(&self.socket)
            .output()
            .expect("understudy runs")
    }

    /// `understudy show WHAT ARGUMENTS --json`: its answer, or what it complained of.
    pub(crate) fn ask(&self, what: &str, arguments: &[&str]) -> Result<Value, String> {
        let output = self.command(&[&[what, "--json"], arguments].concat());
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let mut answer: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
        assert_eq!(answer["version"], 1, "the version of the answer {answer}");
        Ok(answer[what].take())
    }

    /// The same, which must succeed.
    pub(crate) fn show(&self, what: &str) -> Value {
        self.ask(what, &[]).unwrap_or_else(|complaint| panic!("show {what}: {complaint}"))
    }

    /// The counters of all packets.
    pub(crate) fn packets(&self) -> Packets {
        let counters = self.show("counters");
        Packets {
            received: number(&counters, "received"),
            forwarded: number(&counters, "forwarded"),
            answered: number(&counters, "answered"),
            to_kernel: number(&counters, "to_kernel"),
            dropped: number(&counters, "dropped"),
        }
    }

    /// How many packets were dropped for `reason`.
    pub(crate) fn dropped(&self, reason: &str) -> u64 {
        number(&self.show("counters")["drops"], reason)
    }

    /// One of the counts of connections: `current`, `admitted`, `removed`, `expired`, `refused`.
    pub(crate) fn connections(&self, count: &str) -> u64 {
        number(&self.show("counters")["connections"], count)
    }

    /// How many packets went from one worker to another.
    pub(crate) fn handed_over(&self) -> u64 {
        number(&self.show("counters"), "handed_over")
    }

    /// How many connections each worker has.
    pub(crate) fn connections_by_worker(&self) -> Vec<u64> {
        list(&self.show("status")["workers"]).iter().map(|worker| number(worker, "connections")).collect()
    }

    /// What the virtual server `name` counts.
    pub(crate) fn virtual_server(&self, name: &str) -> ServerCounts {
        server_counts(&self.server("virtual", name))
    }

    /// New connections that the virtual server `name` refused.
    pub(crate) fn refused(&self, name: &str) -> u64 {
        number(&self.server("virtual", name), "refused")
    }

    /// What the real server `name` counts.
    pub(crate) fn real_server(&self, name: &str) -> ServerCounts {
        server_counts(&self.server("real", name))
    }

    /// What all virtual servers together admitted, and what all real servers were given.
    pub(crate) fn admitted_by_side(&self) -> (u64, u64) {
        let sum = |what| list(&self.show(what)).iter().map(|server| number(server, "admitted")).sum();
        (sum("virtual"), sum("real"))
    }

    /// How the virtual server `name` stands: `in-service`, `failed` and so on.
    pub(crate) fn virtual_state(&self, name: &str) -> String {
        text(&self.server("virtual", name)["state"])
    }

    /// How the real server `name` stands.
    pub(crate) fn real_state(&self, name: &str) -> String {
        text(&self.server("real", name)["state"])
    }

    /// How many connections the real server `name` did not answer.
    pub(crate) fn ditched(&self, name: &str) -> u64 {
        number(&self.server("real", name), "ditched")
    }

    /// How many connections of the real server `name` go on although it is out of service.
    pub(crate) fn draining(&self, name: &str) -> u64 {
        number(&self.server("real", name), "draining")
    }

    /// How many real servers have a known MAC address.
    pub(crate) fn known_real_servers(&self) -> usize {
        list(&self.show("real")).iter().filter(|server| server["next_hop"]["state"] == "resolved").count()
    }

    /// How many have none; nothing from a unit that does not answer.
    pub(crate) fn unknown_real_servers(&self) -> Option<usize> {
        let servers = self.ask("real", &[]).ok()?;
        Some(list(&servers).iter().filter(|server| server["next_hop"]["state"] != "resolved").count())
    }

    /// The unit's MAC address on the port `name`.
    pub(crate) fn port_mac(&self, name: &str) -> String {
        let ports = self.show("ports");
        let port = list(&ports).iter().find(|port| port["name"] == name);
        text(&port.unwrap_or_else(|| panic!("no port {name} in {ports}"))["mac"])
    }

    /// Connections, narrowed by `arguments`.
    pub(crate) fn list(&self, arguments: &[&str]) -> Vec<Listed> {
        let answer = self.ask("connections", arguments);
        let answer = answer.unwrap_or_else(|complaint| panic!("show connections {arguments:?}: {complaint}"));
        list(&answer["list"])
            .iter()
            .map(|connection| Listed {
                protocol: text(&connection["protocol"]),
                client: text(&connection["client"]),
                virtual_end: text(&connection["virtual"]),
                real_end: text(&connection["real"]),
                state: text(&connection["state"]),
            })
            .collect()
    }

    fn server(&self, what: &str, name: &str) -> Value {
        let all = self.show(what);
        let found = list(&all).iter().find(|server| server["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {all}")).clone()
    }
}

fn server_counts(server: &Value) -> ServerCounts {
    ServerCounts {
        connections: number(server, "connections"),
        admitted: number(server, "admitted"),
        inbound_packets: number(&server["inbound"], "packets"),
        outbound_packets: number(&server["outbound"], "packets"),
    }
}

fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or_else(|| panic!("no number {key} in {value}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("not a list: {value}"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}
