//! Servers that come into service, or back, begin slowly.

use serde_json::json;

use super::counted;
use super::families::{FAMILIES, Family, director, for_both};
use super::talk::{PROTOCOLS, Protocol, server_of, try_briefly};
use crate::lab::plan::Plan;
use crate::lab::{Lab, wait};

/// Server 1, of this port and with an hour until it has its whole share, and server 2.
fn start(first: &str, protocol: Protocol) -> Lab {
    let name = |short: &str| format!("{short}:{}", protocol.name());
    let slow = json!({ "real": name(first), "slow_start_s": 3_600, "threshold": 1, "retry_s": 1 });
    Lab::start(&Plan {
        servers: 2,
        director: director(&json!({
            "virtual_servers": [{ "virtual": name("V:7"), "predictor": "roundrobin" }],
            "real_servers": [slow, { "real": name("R2:7") }],
            "bindings": [{ "virtual": name("V:7"), "real": [name(first), name("R2:7")] }],
        })),
        ..Plan::default()
    })
}

/// How many of twenty clients server 1 gets.
fn share_of_first(lab: &Lab, protocol: Protocol, family: Family) -> usize {
    let shares = counted((0..20).map(|_| server_of(lab, protocol, family, 0, 7)));
    shares.get(&1).copied().unwrap_or(0)
}

#[test]
fn a_server_that_comes_back_into_service_begins_slowly() {
    for protocol in PROTOCOLS {
        let lab = start("R1:7", protocol);
        for family in FAMILIES {
            let first = family.name(&format!("R1:7:{}", protocol.name()));
            assert_eq!(share_of_first(&lab, protocol, family), 10, "{first} was there from the start");
            lab.view.change(&format!("out-of-service {first}"));
            assert_eq!(share_of_first(&lab, protocol, family), 0, "{first} is out of service");
            lab.view.change(&format!("in-service {first}"));
            let share = share_of_first(&lab, protocol, family);
            assert!((1..=4).contains(&share), "{first} has just come back, and got {share} of 20");
        }
    }
}

#[test]
fn a_server_that_failed_and_answers_again_begins_slowly() {
    // Nobody listens at port 9 yet.
    let lab = start("R1:9", Protocol::Tcp);
    for_both(|family: Family| {
        let name = family.name("R1:9:tcp");
        wait::until_equal("a failed server", "failed".to_owned(), || {
            let _ = try_briefly(&lab, family, 0, 7);
            lab.view.real_state(&name)
        });
    });
    let _service = lab.serve_lines(1, 9, 1);
    for_both(|family: Family| {
        let serves = || try_briefly(&lab, family, 0, 7).ok().and_then(|mut lines| lines.ask("hello").ok());
        wait::until_equal("the server that answers again", Some(1), serves);
        let share = share_of_first(&lab, Protocol::Tcp, family);
        assert!(share <= 4, "{family:?}: the server that has just come back got {share} of 20");
    });
}
