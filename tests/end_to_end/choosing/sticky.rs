//! Clients that return to the real server that they had.

use serde_json::{Value, json};

use super::families::{FAMILIES, Family, director, for_both};
use super::talk::{PROTOCOLS, Protocol, iperf3, server_of};
use super::{page, silence};
use crate::lab::Lab;
use crate::lab::plan::Plan;

const CLIENTS: u8 = 8;

/// The line service on three servers in turn, sticky as said.
fn service(sticky: &Value) -> Value {
    let services = PROTOCOLS.map(|protocol| {
        let name = |short: &str| format!("{short}:7:{}", protocol.name());
        (
            json!({ "virtual": name("V"), "predictor": "roundrobin", "sticky": sticky, "resends": 1 }),
            ["R1", "R2", "R3"].map(name),
        )
    });
    let real_server = |name: &String| json!({ "real": name, "threshold": 1, "retry_s": 0 });
    json!({
        "virtual_servers": services.each_ref().map(|(server, _)| server),
        "real_servers": services.iter().flat_map(|(_, real)| real.iter().map(real_server)).collect::<Value>(),
        "bindings": services.each_ref().map(|(server, real)| json!({ "virtual": server["virtual"], "real": real })),
    })
}

fn start(sticky: &Value, workers: &'static [usize]) -> Lab {
    let director = director(&service(sticky));
    Lab::start(&Plan { workers, client_addresses: 0..CLIENTS, director, ..Plan::default() })
}

/// The server of each client.
fn servers(lab: &Lab, protocol: Protocol, family: Family) -> Vec<usize> {
    (0..CLIENTS).map(|client| server_of(lab, protocol, family, client, 7)).collect()
}

#[test]
fn clients_return_to_the_server_that_they_had() {
    let lab = start(&json!({ "minutes": 5 }), &[1]);
    for protocol in PROTOCOLS {
        for family in FAMILIES {
            let first = servers(&lab, protocol, family);
            assert!((1..=3).all(|server| first.contains(&server)), "{protocol:?} {family:?}: {first:?}");
            for _ in 0..3 {
                assert_eq!(servers(&lab, protocol, family), first, "{protocol:?} {family:?}");
            }
        }
    }
}

#[test]
fn clients_of_one_network_share_a_server_also_where_workers_share_the_clients() {
    let lab = start(&json!({ "minutes": 5, "ipv4_prefix": 24, "ipv6_prefix": 64 }), &[0, 1]);
    for protocol in PROTOCOLS {
        for family in FAMILIES {
            let servers = servers(&lab, protocol, family);
            assert!(
                servers.iter().all(|server| *server == servers[0]),
                "{protocol:?} {family:?}: {servers:?}"
            );
        }
    }
}

#[test]
fn a_client_whose_server_has_failed_gets_another_and_stays_there() {
    let lab = start(&json!({ "minutes": 5 }), &[1]);
    for_both(|family: Family| {
        let had = server_of(&lab, Protocol::Tcp, family, 0, 7);
        let name = family.name(&format!("R{had}:7:tcp"));
        lab.view.change(&format!("out-of-service {name}"));
        let has = server_of(&lab, Protocol::Tcp, family, 0, 7);
        assert_ne!(has, had, "{family:?}");
        for _ in 0..5 {
            assert_eq!(server_of(&lab, Protocol::Tcp, family, 0, 7), has, "{family:?}");
        }
    });
}

#[test]
fn a_client_whose_server_is_silent_gets_another_and_stays_there() {
    let lab = start(&json!({ "minutes": 5 }), &[1]);
    // One family: silence has no ear for addresses.
    let family = Family::V4;
    let had = server_of(&lab, Protocol::Tcp, family, 0, 7);
    silence(&lab.servers[had - 1].namespace, 7);
    let has = server_of(&lab, Protocol::Tcp, family, 0, 7);
    assert_ne!(has, had);
    for _ in 0..5 {
        assert_eq!(server_of(&lab, Protocol::Tcp, family, 0, 7), has);
    }
}

#[test]
fn what_is_cleared_is_forgotten() {
    let lab = start(&json!({ "minutes": 5 }), &[1]);
    for family in FAMILIES {
        let first = server_of(&lab, Protocol::Tcp, family, 0, 7);
        assert_eq!(server_of(&lab, Protocol::Tcp, family, 0, 7), first);
        let name = family.name("V:7:tcp");
        let report = lab.view.have(&format!("clear sticky --virtual {name}"), "cleared");
        assert_eq!(report["count"], 1, "{report}");
        // It is the next server's turn.
        assert_ne!(server_of(&lab, Protocol::Tcp, family, 0, 7), first, "{family:?}");
    }
}

#[test]
fn buddies_send_a_client_to_one_server() {
    let sticky = json!({ "minutes": 5 });
    let mut director = director(&json!({
        "virtual_servers": [
            { "virtual": "V:80", "predictor": "roundrobin", "sticky": sticky },
            { "virtual": "V:443", "predictor": "roundrobin", "sticky": sticky },
        ],
        "real_servers": [
            { "real": "R1:80" }, { "real": "R2:80" }, { "real": "R3:80" },
            { "real": "R1:443" }, { "real": "R2:443" }, { "real": "R3:443" },
        ],
        "bindings": [
            { "virtual": "V:80", "real": ["R1:80", "R2:80", "R3:80"] },
            { "virtual": "V:443", "real": ["R2:443", "R3:443", "R1:443"] },
        ],
    }));
    director["buddies"] = FAMILIES.map(|family| buddies(family, ["V:80", "V:443"])).into_iter().collect();
    let lab = Lab::start(&Plan {
        client_addresses: 0..CLIENTS,
        director,
        large: Some(Vec::new()),
        ..Plan::default()
    });
    let _secure: Vec<_> =
        (1..=3).map(|number| lab.serve_page(number, 443, &format!("server {number}\n"))).collect();
    for family in FAMILIES {
        for client in 0..CLIENTS {
            // Either may be the first.
            let (one, other) = if client % 2 == 0 { (80, 443) } else { (443, 80) };
            let first = page(&lab, family, client, one);
            for port in [other, one, other] {
                assert_eq!(
                    page(&lab, family, client, port),
                    first,
                    "{family:?}, client {client}, port {port}"
                );
            }
        }
    }
}

#[test]
fn buddies_by_tcp_and_udp_let_a_program_use_both() {
    let sticky = json!({ "minutes": 5 });
    let by_tcp = ["R1:5201", "R2:5201", "R3:5201"];
    let by_udp = ["R1:5201:udp", "R2:5201:udp", "R3:5201:udp"];
    let real_servers = by_tcp.iter().chain(&by_udp).map(|name| json!({ "real": name }));
    let mut director = director(&json!({
        "virtual_servers": [
            { "virtual": "V:5201", "predictor": "roundrobin", "sticky": sticky },
            { "virtual": "V:5201:udp", "predictor": "roundrobin", "sticky": sticky },
        ],
        "real_servers": real_servers.collect::<Value>(),
        "bindings": [{ "virtual": "V:5201", "real": by_tcp }, { "virtual": "V:5201:udp", "real": by_udp }],
    }));
    director["buddies"] =
        FAMILIES.map(|family| buddies(family, ["V:5201", "V:5201:udp"])).into_iter().collect();
    let lab = Lab::start(&Plan { client_addresses: 0..CLIENTS, director, ..Plan::default() });
    let _servers = [1, 2, 3].map(|number| lab.serve_iperf3(number));
    for family in FAMILIES {
        for client in 0..3 {
            iperf3(&lab, Protocol::Udp, family, client);
        }
    }
}

/// Virtual servers at which clients get the same real server.
fn buddies(family: Family, servers: [&str; 2]) -> Value {
    json!({ "name": format!("shop{family:?}"), "virtual": servers.map(|server| family.name(server)) })
}
