//! Who is where, and how the units are told: two units with a network for their beats alone and a cable, one client's
//! host, and two real servers behind a shared gateway.

use std::net::Ipv4Addr;
use std::path::Path;

use serde_json::{Value, json};

/// What clients talk to, whoever answers.
pub(super) const VIRTUAL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 100);
/// The port of the echo service, by UDP and by TCP, on the virtual server and on the real ones.
pub(super) const PORT: u16 = 7;
/// The addresses of the real servers.
pub(super) const SERVERS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 1, 0, 11), Ipv4Addr::new(10, 1, 0, 12)];

/// The line's speed, in bits a second.
pub(super) const BAUD: &str = "115200";

/// The pair's key. It guards nothing here.
pub(super) const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";

/// Addresses and routes of the client's host, as `ip` commands. It asks for virtual addresses on its link.
pub(super) const CLIENT_COMMANDS: &str =
    "addr add 198.51.100.10/24 dev eth0\nlink set eth0 up\nroute add 192.0.2.0/24 dev eth0\n";

/// Addresses and routes of the servers' host, as `ip` commands.
pub(super) fn server_commands() -> String {
    let addresses = SERVERS.iter().map(|address| format!("addr add {address}/24 dev eth0\n"));
    addresses.collect::<String>() + "link set eth0 up\nroute add default via 10.1.0.254\n"
}

/// `unit.json` of the unit whose own addresses end in `number`, which is 1 or 2. All times are the defaults.
pub(super) fn unit_json(number: usize, cable: &Path, socket: &Path) -> Value {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let end = |number: usize, port: u16| format!("10.9.0.{number}:{port}");
    json!({
        "name": if number == 1 { "a" } else { "b" },
        "ports": [
            { "name": "outside", "role": "outside", "interface": "wire-out",
              "addresses": [format!("198.51.100.{number}/24")] },
            { "name": "inside", "role": "inside", "interface": "wire-in",
              "addresses": [format!("10.1.0.{number}/24")] },
        ],
        "cores": { "control": 0, "workers": [1.min(cpus - 1)] },
        "idle": "sleep",
        "connections": 100_000,
        "replication": {
            "key_file": "pair.key",
            "paths": [{ "local": end(number, 7_400), "peer": end(3 - number, 7_400) }],
        },
        "failover": {
            "role": if number == 1 { "primary" } else { "backup" },
            "cable": { "tty": cable, "baud": 115_200 },
            "links": [{ "local": end(number, 7_500), "peer": end(3 - number, 7_500) }],
        },
        "socket": socket,
    })
}

/// `director.json` of both.
pub(super) fn director_json() -> Value {
    let services = [format!(":{PORT}"), format!(":{PORT}:udp")];
    let reals = |service: &str| SERVERS.map(|address| format!("{address}{service}"));
    let each = |service: &String| format!("{VIRTUAL}{service}");
    let all: Vec<Value> =
        services.iter().flat_map(|service| reals(service)).map(|real| json!({ "real": real })).collect();
    json!({
        "groups": [{ "name": "default", "shared_addresses": { "inside": ["10.1.0.254/24"] } }],
        "virtual_servers":
            services.iter().map(|service| json!({ "virtual": each(service), "predictor": "roundrobin" }))
                .collect::<Vec<_>>(),
        "real_servers": all,
        "bindings":
            services.iter().map(|service| json!({ "virtual": each(service), "real": reals(service) }))
                .collect::<Vec<_>>(),
    })
}
