//! Who is where in every bed, and how each balancer is told what to balance. Every balancer gets the same task: one virtual
//! address for TCP and for UDP, four real servers that take turns.

use serde_json::json;

/// What clients talk to, whoever answers.
pub(super) const VIRTUAL: [u8; 4] = [192, 0, 2, 100];
/// The TCP port of the virtual server and of the real ones.
pub(super) const TCP_PORT: u16 = 80;
/// Their UDP port.
pub(super) const UDP_PORT: u16 = 9;

/// Addresses of the client's host: enough that it does not run out of ports in the time of a benchmark.
const CLIENTS: u8 = 16;
/// Addresses of the servers' host, one for each real server.
const SERVERS: u8 = 4;

/// An address of the client's host.
pub(super) const fn client(number: usize) -> [u8; 4] {
    #[expect(clippy::cast_possible_truncation, reason = "below CLIENTS")]
    let number = (number % CLIENTS as usize) as u8;
    [198, 51, 100, 10 + number]
}

/// Addresses and routes of the client's host, as `ip` commands.
pub(super) fn client_commands() -> String {
    let addresses = (0..CLIENTS).map(|number| format!("addr add 198.51.100.{}/24 dev eth0\n", 10 + number));
    addresses.collect::<String>() + "link set eth0 up\nroute add 192.0.2.0/24 via 198.51.100.1\n"
}

/// Addresses and routes of the servers' host.
pub(super) fn server_commands() -> String {
    let addresses = servers().map(|address| format!("addr add {address}/24 dev eth0\n"));
    addresses.collect::<String>() + "link set eth0 up\nroute add default via 10.1.0.1\n"
}

/// Addresses of a balancer that is, to its neighbours, an ordinary Linux host.
pub(super) const HOST_COMMANDS: &str =
    "addr add 198.51.100.1/24 dev wire-out\naddr add 10.1.0.1/24 dev wire-in\n";

fn servers() -> impl Iterator<Item = String> {
    (0..SERVERS).map(|number| format!("10.1.0.{}", 11 + number))
}

/// The rules of nftables.
pub(super) fn nftables() -> String {
    let servers: Vec<String> =
        servers().enumerate().map(|(number, address)| format!("{number} : {address}")).collect();
    let servers = servers.join(", ");
    format!(
        "table ip balance {{\n\
             chain arriving {{\n\
                 type nat hook prerouting priority dstnat; policy accept;\n\
                 ip daddr 192.0.2.100 tcp dport {TCP_PORT} dnat to numgen inc mod {SERVERS} map {{ {servers} }}\n\
                 ip daddr 192.0.2.100 udp dport {UDP_PORT} dnat to numgen inc mod {SERVERS} map {{ {servers} }}\n\
             }}\n\
         }}\n"
    )
}

/// The configuration of HAProxy, which balances TCP only.
pub(super) fn haproxy() -> String {
    let servers = servers().enumerate();
    let servers = servers.map(|(number, address)| format!("    server s{number} {address}:{TCP_PORT}\n"));
    format!(
        "global\n    maxconn 4000\n\
         defaults\n    mode tcp\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n\
         listen balance\n    bind 192.0.2.100:{TCP_PORT}\n    balance roundrobin\n{}",
        servers.collect::<String>()
    )
}

/// This project's `unit.json`. Nothing is tuned beyond what the machine dictates: the worker has a CPU, the one that comes
/// last, and shares it with the load.
pub(super) fn unit_json(socket: &str, cpus: usize) -> String {
    json!({
        "name": "rival",
        "ports": [
            { "name": "outside", "role": "outside", "interface": "wire-out", "addresses": ["198.51.100.1/24"] },
            { "name": "inside", "role": "inside", "interface": "wire-in", "addresses": ["10.1.0.1/24"] },
        ],
        "cores": { "control": 0, "workers": [cpus - 1] },
        "socket": socket,
    })
    .to_string()
}

/// This project's `director.json`.
pub(super) fn director_json() -> String {
    let services = [format!(":{TCP_PORT}"), format!(":{UDP_PORT}:udp")];
    let reals = |service: &str| servers().map(|address| address + service).collect::<Vec<_>>();
    let each = |service: &String| format!("192.0.2.100{service}");
    json!({
        "virtual_servers":
            services.iter().map(|service| json!({ "virtual": each(service), "predictor": "roundrobin" }))
                .collect::<Vec<_>>(),
        "real_servers":
            services.iter().flat_map(|service| reals(service)).map(|real| json!({ "real": real }))
                .collect::<Vec<_>>(),
        "bindings":
            services.iter().map(|service| json!({ "virtual": each(service), "real": reals(service) }))
                .collect::<Vec<_>>(),
    })
    .to_string()
}
