//! What stands in for servers that are busy or have failed. Preferred clients fall back to the general servers in this way.

use serde_json::{Value, json};

use super::counted;
use super::families::{FAMILIES, Family, director, for_both};
use super::talk::{PROTOCOLS, Protocol, Talk, open, server_of, try_briefly};
use crate::lab::plan::Plan;
use crate::lab::{Lab, wait};

/// Preferred clients, like client 1, have server 1, which takes two connections, and all others servers 2 and 3.
fn preferred(protocol: Protocol, when: &str, in_service: bool) -> Value {
    let name = |short: &str| format!("{short}:{}", protocol.name());
    json!({
        "virtual_servers": [
            { "virtual": name("V:7"), "predictor": "roundrobin" },
            { "virtual": name("V:7:1"), "backup": name("V:7"), "backup_when": when },
        ],
        "real_servers": [
            { "real": name("R1:7"), "max_connections": 2, "in_service": in_service },
            { "real": name("R2:7") },
            { "real": name("R3:7") },
        ],
        "bindings": [
            { "virtual": name("V:7"), "real": [name("R2:7"), name("R3:7")] },
            { "virtual": name("V:7:1"), "real": [name("R1:7")] },
        ],
        "assignments": [{ "virtual": name("V:7:1"), "clients": ["C1"] }],
    })
}

fn start(short: &Value) -> Lab {
    Lab::start(&Plan { director: director(short), ..Plan::default() })
}

#[test]
fn preferred_clients_get_the_general_servers_while_theirs_are_busy() {
    for protocol in PROTOCOLS {
        let lab = start(&preferred(protocol, "busy", true));
        for_both(|family: Family| {
            let mut talks: Vec<_> = (0..4).map(|_| open(&lab, protocol, family, 1, 7)).collect();
            let servers = counted(talks.iter().map(|(_, server)| *server));
            assert_eq!(servers, [(1, 2), (2, 1), (3, 1)].into(), "{protocol:?} {family:?}");
            for (talk, server) in &mut talks {
                assert_eq!(talk.ask("still there?").ok(), Some(*server), "{protocol:?} {family:?}");
            }
            if protocol == Protocol::Tcp {
                drop(talks);
                let is_back = || server_of(&lab, protocol, family, 1, 7) == 1;
                wait::until_equal("a preferred client at its own server", true, is_back);
            }
        });
    }
}

#[test]
fn preferred_clients_wait_for_theirs_where_only_failure_counts() {
    let lab = start(&preferred(Protocol::Tcp, "failed", true));
    for_both(|family: Family| {
        let own: Vec<_> = (0..2).map(|_| open(&lab, Protocol::Tcp, family, 1, 7)).collect();
        assert!(try_briefly(&lab, family, 1, 7).is_err(), "{family:?}: a third connection");
        assert_ne!(server_of(&lab, Protocol::Tcp, family, 0, 7), 1, "{family:?}");
        drop(own);
    });
    assert!(lab.view.dropped("busy") >= 2);
}

#[test]
fn preferred_clients_get_the_general_servers_when_theirs_do_not_serve() {
    for protocol in PROTOCOLS {
        let lab = start(&preferred(protocol, "failed", false));
        for family in FAMILIES {
            let served = counted((0..2).map(|_| server_of(&lab, protocol, family, 1, 7)));
            assert_eq!(served, [(2, 1), (3, 1)].into(), "{protocol:?} {family:?}");
        }
    }
}

#[test]
fn a_real_server_is_the_backup_of_a_whole_virtual_server() {
    let lab = start(&json!({
        "virtual_servers": [{ "virtual": "V:7", "backup": "R3:7", "backup_when": "busy" }],
        "real_servers": [
            { "real": "R1:7", "max_connections": 1 },
            { "real": "R2:7", "max_connections": 1 },
            { "real": "R3:7" },
        ],
        "bindings": [{ "virtual": "V:7", "real": ["R1:7", "R2:7"] }],
    }));
    for family in FAMILIES {
        let talks: Vec<(Talk, usize)> = (0..4).map(|_| open(&lab, Protocol::Tcp, family, 0, 7)).collect();
        let servers = counted(talks.iter().map(|(_, server)| *server));
        assert_eq!(servers, [(1, 1), (2, 1), (3, 2)].into(), "{family:?}");
    }
}

#[test]
fn a_real_server_stands_in_for_one_that_is_out_of_service() {
    let lab = start(&json!({
        "virtual_servers": [{ "virtual": "V:7", "predictor": "roundrobin" }],
        "real_servers": [
            { "real": "R1:7", "in_service": false, "backup": "R3:7" },
            { "real": "R2:7" },
            { "real": "R3:7" },
        ],
        "bindings": [{ "virtual": "V:7", "real": ["R1:7", "R2:7"] }],
    }));
    for family in FAMILIES {
        let served = counted((0..4).map(|_| server_of(&lab, Protocol::Tcp, family, 0, 7)));
        assert_eq!(served, [(2, 2), (3, 2)].into(), "{family:?}");
    }
}
