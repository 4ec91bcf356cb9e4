//! Predictors by which a client's address says which real server it gets.

use serde_json::json;

use super::families::{FAMILIES, Family, director};
use super::talk::{PROTOCOLS, Protocol, iperf3, server_of};
use crate::lab::plan::Plan;
use crate::lab::{Lab, wait};

const PREDICTORS: [&str; 2] = ["source-hash", "maglev"];
const CLIENTS: u8 = 16;

fn plan(predictor: &str) -> Plan {
    let servers = |protocol: &str| {
        let name = |short: &str| format!("{short}:7:{protocol}");
        let real = ["R1", "R2", "R3"].map(name);
        let real_server = |name: &String| json!({ "real": name });
        (
            json!({ "virtual": name("V"), "predictor": predictor }),
            real.each_ref().map(real_server),
            json!({ "virtual": name("V"), "real": real }),
        )
    };
    let [tcp, udp] = PROTOCOLS.map(|protocol| servers(protocol.name()));
    Plan {
        client_addresses: 0..CLIENTS,
        director: director(&json!({
            "virtual_servers": [tcp.0, udp.0],
            "real_servers": ([tcp.1, udp.1].concat()),
            "bindings": [tcp.2, udp.2],
            "hash_seed": 42,
        })),
        ..Plan::default()
    }
}

/// The server of each client.
fn servers(lab: &Lab, protocol: Protocol, family: Family) -> Vec<usize> {
    (0..CLIENTS).map(|client| server_of(lab, protocol, family, client, 7)).collect()
}

fn all_servers(lab: &Lab) -> Vec<(Protocol, Family, Vec<usize>)> {
    let kinds = PROTOCOLS.into_iter().flat_map(|protocol| FAMILIES.map(|family| (protocol, family)));
    kinds.map(|(protocol, family)| (protocol, family, servers(lab, protocol, family))).collect()
}

#[test]
fn a_client_keeps_its_server_also_after_a_restart() {
    for predictor in PREDICTORS {
        let mut lab = Lab::start(&plan(predictor));
        let first = all_servers(&lab);
        for (protocol, family, servers) in &first {
            let is_spread = (1..=3).filter(|server| servers.contains(server)).count() >= 2;
            assert!(
                is_spread,
                "{predictor} {protocol:?} {family:?}: one server has all clients: {servers:?}"
            );
        }
        assert_eq!(all_servers(&lab), first, "{predictor}");
        lab.restart();
        assert_eq!(all_servers(&lab), first, "{predictor} after a restart");
    }
}

#[test]
fn only_the_clients_of_a_server_that_is_gone_get_another() {
    for predictor in PREDICTORS {
        let lab = Lab::start(&plan(predictor));
        let before = all_servers(&lab);
        for server in FAMILIES.map(|family| family.name("R3")) {
            lab.view.change(&format!("out-of-service {server}:7 {server}:7:udp"));
        }
        for ((protocol, family, before), (_, _, after)) in before.into_iter().zip(all_servers(&lab)) {
            for (client, (before, after)) in before.into_iter().zip(after).enumerate() {
                let stays = after == before;
                let moves = after != 3;
                let is_right = if before == 3 { moves } else { stays };
                assert!(
                    is_right,
                    "{predictor} {protocol:?} {family:?}, client {client}: {before} to {after}"
                );
            }
        }
    }
}

#[test]
fn connections_that_belong_together_meet_at_one_server() {
    for predictor in PREDICTORS {
        let lab = Lab::start(&Plan {
            servers: 2,
            client_addresses: 0..8,
            director: director(&json!({
                "virtual_servers": [{ "virtual": "V:5201", "predictor": predictor }],
                "real_servers": [{ "real": "R1:5201" }, { "real": "R2:5201" }],
                "bindings": [{ "virtual": "V:5201", "real": ["R1:5201", "R2:5201"] }],
            })),
            ..Plan::default()
        });
        let _servers = [1, 2].map(|number| lab.serve_iperf3(number));
        for family in FAMILIES {
            for client in 0..8 {
                iperf3(&lab, Protocol::Tcp, family, client);
            }
            for real in ["R1:5201:tcp", "R2:5201:tcp"] {
                let name = family.name(real);
                assert!(lab.view.real_server(&name).admitted > 0, "{predictor}: {name} has no client");
            }
        }
        wait::until_equal("connections after the timeouts", 0, || lab.view.connections("current"));
    }
}
