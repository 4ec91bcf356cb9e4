//! What a lab is to be like. `Plan::default()` has all services on three servers, round robin, on TAPs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::path::Path;

use serde_json::{Value, json};

/// The virtual address of most tests, by IPv4.
pub(crate) const VIRTUAL_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 100));
/// And by IPv6.
pub(crate) const VIRTUAL_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x100, 0, 0, 0, 0, 0x100));

/// What the unit's ports are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ports {
    /// TAPs that the unit makes.
    Taps,
    /// Linux interfaces that it finds.
    Interfaces,
}

/// What a lab is to be like.
pub(crate) struct Plan {
    /// Real servers.
    pub(crate) servers: usize,
    /// Which addresses the client has: see `client_addresses`.
    pub(crate) client_addresses: Range<u8>,
    /// The CPU of each worker.
    pub(crate) workers: &'static [usize],
    /// Room for connections.
    pub(crate) connections: usize,
    pub(crate) ports: Ports,
    /// What becomes of packets that are not for a virtual server: `drop`, `bridge` or `kernel`.
    pub(crate) unmatched: &'static str,
    /// `director.json`.
    pub(crate) director: Value,
    /// If there is to be an nginx on each server: what it serves as `/large`.
    pub(crate) large: Option<Vec<u8>>,
    /// Whether a pair's networks are hubs, and a standby watches what goes over them.
    pub(crate) hubs: bool,
    /// How long a pair's updates wait for company, in microseconds.
    pub(crate) flush_us: u64,
    /// Whether no other lab is to run at the same time.
    pub(crate) alone: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            servers: 3,
            client_addresses: 0..4,
            workers: &[1],
            connections: 10_000,
            ports: Ports::Taps,
            unmatched: "kernel",
            director: line_services("roundrobin", 3),
            large: None,
            hubs: false,
            flush_us: 1_000,
            alone: false,
        }
    }
}

impl Plan {
    /// `unit.json` of a unit whose own addresses end in `number`.
    pub(crate) fn unit_json(&self, socket: &Path, number: usize) -> Value {
        let own = |networks: [&str; 2]| networks.map(|network| network.replace('#', &number.to_string()));
        let port = |name: &str, side: &str, index: usize, addresses: [String; 2]| {
            let mut port =
                json!({ "name": name, "role": name, "addresses": addresses, "unmatched": self.unmatched });
            match self.ports {
                Ports::Taps => port["vdev"] = json!(format!("net_tap{index},iface=tap-{side}")),
                Ports::Interfaces => port["interface"] = json!(format!("wire-{side}")),
            }
            port
        };
        json!({
            "name": "lab",
            "ports": [
                port("outside", "out", 0, own(["198.51.100.#/24", "2001:db8:1::#/64"])),
                port("inside", "in", 1, own(["10.1.0.#/24", "2001:db8:2::#/64"])),
            ],
            "cores": { "control": 0, "workers": self.workers },
            "idle": "sleep",
            "hugepages": hugepages(),
            "connections": self.connections,
            "socket": socket,
        })
    }
}

/// Where packet buffers are to be: `scripts/test` runs these tests with "never" and with "require".
fn hugepages() -> String {
    #[expect(clippy::disallowed_methods, reason = "how a test run is told, not a unit")]
    std::env::var("UNDERSTUDY_TEST_HUGEPAGES").unwrap_or_else(|_| "auto".to_owned())
}

/// The line service by TCP and UDP, IPv4 and IPv6, with short timeouts.
pub(crate) fn line_services(predictor: &str, servers: usize) -> Value {
    let mut director =
        json!({ "virtual_servers": [], "real_servers": [], "bindings": [], "timeouts": short_timeouts() });
    add_service(&mut director, ":7", predictor, servers);
    add_service(&mut director, ":7:udp", predictor, servers);
    director
}

/// HTTP by IPv4 and IPv6.
pub(crate) fn web(predictor: &str, servers: usize) -> Value {
    let mut director =
        json!({ "virtual_servers": [], "real_servers": [], "bindings": [], "timeouts": short_timeouts() });
    add_service(&mut director, ":80", predictor, servers);
    director
}

/// Adds a virtual server with all real servers, by IPv4 and by IPv6; `suffix` is what a name has after its address.
pub(crate) fn add_service(director: &mut Value, suffix: &str, predictor: &str, servers: usize) {
    for (virtual_address, real_address) in
        [("192.0.2.100", "10.1.0.1"), ("[2001:db8:100::100]", "[2001:db8:2::1")]
    {
        let close = if real_address.starts_with('[') { "]" } else { "" };
        let name = format!("{virtual_address}{suffix}");
        let reals: Vec<String> =
            (1..=servers).map(|number| format!("{real_address}{number}{close}{suffix}")).collect();
        push(director, "virtual_servers", json!({ "virtual": name, "predictor": predictor }));
        for real in &reals {
            push(director, "real_servers", json!({ "real": real }));
        }
        push(director, "bindings", json!({ "virtual": name, "real": reals }));
    }
}

fn push(director: &mut Value, list: &str, entry: Value) {
    director[list].as_array_mut().expect("a list").push(entry);
}

/// What is over is soon forgotten; what lives, lives longer than any test.
pub(crate) fn short_timeouts() -> Value {
    json!({ "tcp_half_closed_s": 2, "tcp_closed_s": 1, "tcp_reset_s": 1 })
}

/// The addresses of client `number`: 198.51.100.10 and 2001:db8:1::10 for number 0, and so on.
pub(crate) fn client_addresses(number: u8) -> (Ipv4Addr, Ipv6Addr) {
    (
        Ipv4Addr::new(198, 51, 100, 10 + number),
        Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x10 + u16::from(number)),
    )
}

/// Where the line service is, by both families.
pub(crate) fn line_addresses() -> [SocketAddr; 2] {
    [VIRTUAL_V4, VIRTUAL_V6].map(|address| SocketAddr::new(address, super::services::LINE_PORT))
}
