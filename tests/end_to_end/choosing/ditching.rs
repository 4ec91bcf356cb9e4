//! Servers that do not answer: connections are ditched, the server fails, its backup comes in, and it returns.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::families::{FAMILIES, Family, director, for_both};
use super::{heal, page, silence};
use crate::lab::plan::Plan;
use crate::lab::{Lab, wait};

/// Server 1, with these properties, and server 2 in turn; server 3 stands in for server 1.
fn start(mut first: Value) -> Lab {
    first["real"] = json!("R1:80");
    first["backup"] = json!("R3:80");
    Lab::start(&Plan {
        director: director(&json!({
            "virtual_servers": [{ "virtual": "V:80", "predictor": "roundrobin", "resends": 1 }],
            "real_servers": [first, { "real": "R2:80" }, { "real": "R3:80" }],
            "bindings": [{ "virtual": "V:80", "real": ["R1:80", "R2:80"] }],
        })),
        large: Some(Vec::new()),
        ..Plan::default()
    })
}

/// The pages of some connections, one after the other.
fn pages(lab: &Lab, family: Family, count: usize) -> BTreeSet<String> {
    (0..count).map(|_| page(lab, family, 0, 80)).collect()
}

fn servers(numbers: [usize; 2]) -> BTreeSet<String> {
    numbers.map(|number| format!("server {number}")).into()
}

#[test]
fn a_silent_server_fails_and_its_backup_comes_in() {
    let lab = start(json!({ "threshold": 2, "retry_s": 0 }));
    silence(&lab.servers[0].namespace, 80);
    for_both(|family: Family| {
        let (first, third) = (family.name("R1:80:tcp"), family.name("R3:80:tcp"));
        // The client sends its SYN again, and is served.
        assert_eq!(page(&lab, family, 0, 80), "server 2", "{family:?}");
        assert_eq!((lab.view.ditched(&first), lab.view.real_state(&first)), (1, "in-service".to_owned()));
        assert_eq!(lab.view.real_server(&third).admitted, 0, "{third} is not needed yet");
        wait::until_equal("a failed server", "failed".to_owned(), || {
            assert_ne!(page(&lab, family, 0, 80), "server 1", "{family:?}");
            lab.view.real_state(&first)
        });
        assert_eq!(lab.view.ditched(&first), 2, "{first}");
        assert_eq!(pages(&lab, family, 6), servers([2, 3]), "{family:?}");
        assert_eq!(lab.view.real_server(&first).admitted, 2, "{first} gets nothing more");
        assert_eq!(lab.view.virtual_state(&family.name("V:80:tcp")), "in-service");
    });
}

#[test]
fn a_server_returns_with_one_live_connection() {
    let lab = start(json!({ "threshold": 1, "retry_s": 1 }));
    let silent = &lab.servers[0].namespace;
    silence(silent, 80);
    for_both(|family: Family| {
        // Whoever tries it meanwhile is served as well.
        let served = pages(&lab, family, 5);
        assert!(served.is_subset(&servers([2, 3])), "{family:?}: {served:?}");
        assert_ne!(lab.view.real_state(&family.name("R1:80:tcp")), "in-service");
    });
    heal(silent);
    for_both(|family: Family| {
        wait::until_equal("a page of server 1", "server 1".to_owned(), || page(&lab, family, 0, 80));
        assert_eq!(lab.view.real_state(&family.name("R1:80:tcp")), "in-service");
        assert_eq!(pages(&lab, family, 6), servers([1, 2]), "{family:?}: its backup is not needed any more");
    });
}

#[test]
fn an_operator_brings_a_server_back() {
    let lab = start(json!({ "threshold": 1, "retry_s": 0 }));
    let silent = &lab.servers[0].namespace;
    silence(silent, 80);
    for_both(|family: Family| assert_eq!(page(&lab, family, 0, 80), "server 2", "{family:?}"));
    heal(silent);
    for family in FAMILIES {
        let first = family.name("R1:80:tcp");
        assert_eq!(lab.view.real_state(&first), "failed");
        assert_eq!(lab.view.have(&format!("clear failed {first}"), "cleared")["count"], 1);
        assert_eq!(lab.view.real_state(&first), "in-service");
        assert_eq!(pages(&lab, family, 6), servers([1, 2]), "{family:?}");
    }
}

#[test]
fn a_virtual_server_has_failed_when_all_that_serves_it_has() {
    let lab = Lab::start(&Plan {
        servers: 2,
        director: director(&json!({
            "virtual_servers": [
                { "virtual": "V:80", "resends": 1, "backup": "V:81" },
                { "virtual": "V:81" },
            ],
            "real_servers": [{ "real": "R1:80", "threshold": 1, "retry_s": 0 }, { "real": "R2:80" }],
            "bindings": [{ "virtual": "V:80", "real": ["R1:80"] }, { "virtual": "V:81", "real": ["R2:80"] }],
        })),
        large: Some(Vec::new()),
        ..Plan::default()
    });
    silence(&lab.servers[0].namespace, 80);
    for_both(|family: Family| {
        let name = family.name("V:80:tcp");
        assert_eq!(lab.view.virtual_state(&name), "in-service");
        assert_eq!(pages(&lab, family, 3), ["server 2".to_owned()].into(), "{family:?}: the backup serves");
        assert_eq!(lab.view.virtual_state(&name), "failed");
    });
}

#[test]
fn without_a_threshold_a_silent_server_is_asked_again_and_again() {
    let lab = start(json!({ "threshold": 0 }));
    silence(&lab.servers[0].namespace, 80);
    for_both(|family: Family| {
        assert_eq!(pages(&lab, family, 4), ["server 2".to_owned()].into(), "{family:?}");
        assert!(lab.view.real_server(&family.name("R1:80:tcp")).admitted >= 2, "{family:?}");
    });
}
