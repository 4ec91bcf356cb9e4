//! Clients that are assigned to an instance of a virtual server get that one's real servers (seed 003).

use serde_json::{Value, json};

use super::families::{FAMILIES, director};
use super::page;
use super::talk::{PROTOCOLS, Protocol, open, server_of};
use crate::lab::Lab;
use crate::lab::plan::Plan;

/// Four instances of the line service, each with a real server of its own, for smaller and smaller networks.
fn nested(protocol: Protocol) -> Value {
    let protocol = protocol.name();
    let instance =
        |id: usize| if id == 0 { format!("V:7:{protocol}") } else { format!("V:7:{id}:{protocol}") };
    let real = |id: usize| format!("R{}:7:{protocol}", id + 1);
    let all = |entry: &dyn Fn(usize) -> Value| (0..4).map(entry).collect::<Value>();
    json!({
        "virtual_servers": all(&|id| json!({ "virtual": instance(id) })),
        "real_servers": all(&|id| json!({ "real": real(id) })),
        "bindings": all(&|id| json!({ "virtual": instance(id), "real": [real(id)] })),
        // Not in the order of their lengths.
        "assignments": [
            { "virtual": instance(2), "clients": ["C8~1"] },
            { "virtual": instance(1), "clients": ["C8~4"] },
            { "virtual": instance(3), "clients": ["C9"] },
        ],
    })
}

#[test]
fn the_smallest_network_says_which_instance_a_client_gets() {
    for protocol in PROTOCOLS {
        let lab = Lab::start(&Plan {
            servers: 4,
            client_addresses: 0..32,
            director: director(&nested(protocol)),
            ..Plan::default()
        });
        for family in FAMILIES {
            // Who is in none of the networks gets instance 0.
            for (client, server) in [(30, 1), (15, 2), (7, 2), (8, 3), (9, 4), (10, 2)] {
                let served = server_of(&lab, protocol, family, client, 7);
                assert_eq!(served, server, "{protocol:?} {family:?}, client {client}");
            }
        }
    }
}

#[test]
fn preferred_clients_get_a_page_of_their_own() {
    let lab = Lab::start(&Plan {
        servers: 1,
        director: director(&json!({
            "virtual_servers": [{ "virtual": "V:80" }, { "virtual": "V:80:1" }],
            "real_servers": [{ "real": "R1:80" }, { "real": "R1:8001" }],
            "bindings": [
                { "virtual": "V:80", "real": ["R1:80"] },
                { "virtual": "V:80:1", "real": ["R1:8001"] },
            ],
            "assignments": [{ "virtual": "V:80:1", "clients": ["C1", "C3"] }],
        })),
        large: Some(Vec::new()),
        ..Plan::default()
    });
    let _nginx = lab.serve_page(1, 8_001, "welcome\n");
    for family in FAMILIES {
        let pages: Vec<String> = (0..4).map(|client| page(&lab, family, client, 80)).collect();
        assert_eq!(pages, ["server 1", "welcome", "server 1", "welcome"], "{family:?}");
        assert_eq!(lab.view.virtual_server(&family.name("V:80:1:tcp")).admitted, 2);
        assert_eq!(lab.view.virtual_server(&family.name("V:80:tcp")).admitted, 2);
    }
}

#[test]
fn a_client_that_is_assigned_anew_keeps_the_connections_that_it_has() {
    for protocol in PROTOCOLS {
        let lab = Lab::start(&Plan {
            servers: 4,
            client_addresses: 0..32,
            director: director(&nested(protocol)),
            ..Plan::default()
        });
        for family in FAMILIES {
            let client = family.client(30).ip();
            let instance = |id: usize| family.name(&format!("V:7:{id}:{}", protocol.name()));
            let (mut talk, server) = open(&lab, protocol, family, 30, 7);
            assert_eq!(server, 1, "{protocol:?} {family:?}");
            for (words, server) in [("assign", 4), ("no assign", 1)] {
                lab.view.change(&format!("{words} {} {client}", instance(3)));
                assert_eq!(
                    server_of(&lab, protocol, family, 30, 7),
                    server,
                    "{protocol:?} {family:?}: {words}"
                );
                assert_eq!(talk.ask("still there?").ok(), Some(1), "{protocol:?} {family:?}: {words}");
            }
            let refused = lab.view.say(&format!("assign {} {client}", instance(9)));
            let refused = refused.expect_err("there is no such instance");
            assert!(refused.contains(&instance(9)), "{refused}");
            assert_eq!(server_of(&lab, protocol, family, 30, 7), 1, "{protocol:?} {family:?}");
        }
    }
}
