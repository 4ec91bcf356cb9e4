//! Servers that are taken out of service, and removed, while they have connections.

use serde_json::{Value, json};

use super::families::{FAMILIES, Family, director};
use super::talk::{PROTOCOLS, Protocol, Talk, open, server_of};
use crate::lab::plan::Plan;
use crate::lab::{Lab, wait};

fn start() -> Lab {
    let service = |protocol: Protocol| {
        let name = |short: &str| format!("{short}:7:{}", protocol.name());
        let real = [name("R1"), name("R2")];
        (json!({ "virtual": name("V"), "predictor": "roundrobin" }), real)
    };
    let services = PROTOCOLS.map(service);
    let binding =
        |(server, real): &(Value, [String; 2])| json!({ "virtual": server["virtual"], "real": real });
    let real_servers = services.iter().flat_map(|(_, real)| real.iter().map(|name| json!({ "real": name })));
    Lab::start(&Plan {
        servers: 2,
        director: director(&json!({
            "virtual_servers": services.each_ref().map(|(server, _)| server),
            "real_servers": real_servers.collect::<Value>(),
            "bindings": services.each_ref().map(binding),
        })),
        ..Plan::default()
    })
}

fn talks(lab: &Lab, protocol: Protocol, family: Family) -> Vec<(Talk, usize)> {
    (0..4).map(|_| open(lab, protocol, family, 0, 7)).collect()
}

fn still_talk(talks: &mut [(Talk, usize)]) {
    for (talk, server) in talks {
        assert_eq!(talk.ask("still there?").ok(), Some(*server));
    }
}

#[test]
fn a_server_that_drains_keeps_what_it_has_and_gets_nothing_new() {
    let lab = start();
    for protocol in PROTOCOLS {
        for family in FAMILIES {
            let first = family.name(&format!("R1:7:{}", protocol.name()));
            let mut before = talks(&lab, protocol, family);
            lab.view.change(&format!("out-of-service {first}"));
            still_talk(&mut before);
            assert!(talks(&lab, protocol, family).iter().all(|(_, server)| *server == 2), "{first}");
            assert_eq!(lab.view.real_state(&first), "out-of-service");
            assert_eq!(lab.view.draining(&first), 2, "{first}: what remains");
            lab.view.change(&format!("in-service {first}"));
            assert_eq!(lab.view.draining(&first), 0, "{first}");
            let served: Vec<usize> =
                talks(&lab, protocol, family).iter().map(|(_, server)| *server).collect();
            assert!(served.contains(&1), "{first} is back: {served:?}");
            still_talk(&mut before);
        }
    }
}

#[test]
fn a_virtual_server_that_drains_keeps_what_it_has_and_takes_nothing_new() {
    let lab = start();
    for family in FAMILIES {
        let mut before = talks(&lab, Protocol::Tcp, family);
        let name = family.name("V:7:tcp");
        lab.view.change(&format!("virtual {name} oos"));
        let refused = super::talk::try_briefly(&lab, family, 0, 7);
        assert!(refused.is_err(), "{name} takes a new connection");
        still_talk(&mut before);
        lab.view.change(&format!("virtual {name} is"));
        assert!((1..=2).contains(&server_of(&lab, Protocol::Tcp, family, 0, 7)));
        still_talk(&mut before);
    }
    assert!(lab.view.dropped("virtual_out_of_service") > 0);
}

#[test]
fn a_server_with_connections_is_removed_only_by_force() {
    let lab = start();
    for protocol in PROTOCOLS {
        for family in FAMILIES {
            let first = family.name(&format!("R1:7:{}", protocol.name()));
            let talks = talks(&lab, protocol, family);
            let complaint = lab.view.say(&format!("no real {first}")).expect_err("it has connections");
            assert!(complaint.contains('2') && complaint.contains("--force"), "{complaint}");
            let tried = lab.view.change(&format!("no real {first} --dry-run"));
            assert_eq!((&tried["orphaned"], &tried["dry_run"]), (&json!(2), &json!(true)), "{tried}");
            assert_eq!(lab.view.real_server(&first).connections, 2, "{first}");

            let removed = lab.view.change(&format!("no real {first} --force"));
            assert_eq!(removed["orphaned"], 2, "{removed}");
            let (mut orphans, mut others): (Vec<_>, Vec<_>) =
                talks.into_iter().partition(|(_, server)| *server == 1);
            still_talk(&mut others);
            if protocol == Protocol::Udp {
                // Datagrams of a flow that lost its server begin a new one.
                for (talk, _) in &mut orphans {
                    assert_eq!(talk.ask("who is it now?").ok(), Some(2), "{first}");
                }
            }
        }
    }
    wait::until_equal("connections that are left", 4 + 8, || lab.view.connections("current"));
}
