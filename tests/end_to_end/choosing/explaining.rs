//! `explain` says what happens then.

use serde_json::{Value, json};

use super::families::{FAMILIES, Family, director};
use super::talk::{PROTOCOLS, Protocol, open, server_of, try_briefly};
use crate::lab::Lab;
use crate::lab::plan::Plan;

fn explained(lab: &Lab, family: Family, client: u8, virtual_server: &str) -> Value {
    let client = family.client(client).ip();
    lab.view.have(&format!("explain {client} {}", family.name(virtual_server)), "explained")
}

/// Each predictor has virtual and real servers of its own.
fn every_predictor(protocol: Protocol) -> Value {
    const PREDICTORS: [&str; 6] =
        ["leastconns", "weighted-leastconns", "roundrobin", "weighted-roundrobin", "source-hash", "maglev"];
    let services = || (7..).zip(PREDICTORS);
    let name = |kind: &str, port: usize| format!("{kind}:{port}:{}", protocol.name());
    let real_servers =
        |(port, _)| [json!({ "real": name("R1", port) }), json!({ "real": name("R2", port), "weight": 2 })];
    json!({
        "virtual_servers":
            services().map(|(port, predictor)| json!({ "virtual": name("V", port), "predictor": predictor })).collect::<Value>(),
        "real_servers": services().flat_map(real_servers).collect::<Value>(),
        "bindings": services()
            .map(|(port, _)| json!({ "virtual": name("V", port), "real": [name("R1", port), name("R2", port)] }))
            .collect::<Value>(),
    })
}

#[test]
fn the_server_that_is_named_is_the_one_that_the_client_gets() {
    for protocol in PROTOCOLS {
        let lab = Lab::start(&Plan {
            servers: 2,
            director: director(&every_predictor(protocol)),
            ..Plan::default()
        });
        let ports = || (8..=12).flat_map(|port| [(1, port), (2, port)]);
        let _services: Vec<_> = ports().map(|(number, port)| lab.serve_lines(number, port, number)).collect();
        for family in FAMILIES {
            for port in 7..=12 {
                let mut talks = Vec::new();
                for round in 0..6 {
                    let client = round % 4;
                    let said = explained(&lab, family, client, &format!("V:{port}:{}", protocol.name()));
                    // Asking twice changes nothing.
                    assert_eq!(
                        explained(&lab, family, client, &format!("V:{port}:{}", protocol.name())),
                        said
                    );
                    let (talk, server) = open(&lab, protocol, family, client, port);
                    let name = family.name(&format!("R{server}:{port}:{}", protocol.name()));
                    assert_eq!(said["real"], name, "{said:#}");
                    assert_eq!(said["outcome"], "connection", "{said:#}");
                    talks.push(talk);
                }
            }
        }
    }
}

#[test]
fn instances_refusals_and_backups_are_told() {
    let lab = Lab::start(&Plan {
        director: director(&json!({
            "virtual_servers": [
                { "virtual": "V:7" },
                { "virtual": "V:7:1", "backup": "V:7", "backup_when": "busy" },
                { "virtual": "V:7:2", "refuse": "reset" },
                { "virtual": "V:7:3", "refuse": "drop" },
            ],
            "real_servers": [{ "real": "R1:7", "max_connections": 1 }, { "real": "R2:7" }],
            "bindings": [{ "virtual": "V:7:1", "real": ["R1:7"] }, { "virtual": "V:7", "real": ["R2:7"] }],
            "assignments": [
                { "virtual": "V:7:1", "clients": ["C1"] },
                { "virtual": "V:7:2", "clients": ["C2"] },
                { "virtual": "V:7:3", "clients": ["C3"] },
            ],
        })),
        servers: 2,
        ..Plan::default()
    });
    for family in FAMILIES {
        let expect = |client: u8, instance: &str, outcome: &str, real: Option<&str>| {
            let said = explained(&lab, family, client, "V:7");
            assert_eq!(said["instance"], family.name(instance), "{said:#}");
            assert_eq!(said["outcome"], outcome, "{said:#}");
            assert_eq!(said["real"], json!(real.map(|real| family.name(real))), "{said:#}");
        };
        expect(0, "V:7:tcp", "connection", Some("R2:7:tcp"));
        assert_eq!(server_of(&lab, Protocol::Tcp, family, 0, 7), 2);
        expect(1, "V:7:1:tcp", "connection", Some("R1:7:tcp"));
        let (_talk, server) = open(&lab, Protocol::Tcp, family, 1, 7);
        assert_eq!(server, 1);
        expect(1, "V:7:1:tcp", "connection", Some("R2:7:tcp"));
        assert_eq!(server_of(&lab, Protocol::Tcp, family, 1, 7), 2);
        expect(2, "V:7:2:tcp", "reset", None);
        expect(3, "V:7:3:tcp", "dropped", None);
        assert!(try_briefly(&lab, family, 2, 7).is_err());
        assert_eq!(explained(&lab, family, 0, "V:8")["instance"], Value::Null);
    }
}
