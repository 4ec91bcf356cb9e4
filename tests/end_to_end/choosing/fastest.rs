//! The predictor that prefers who answers SYNs fast.

use serde_json::json;

use super::families::{FAMILIES, director};
use super::talk::{Protocol, server_of};
use crate::lab::plan::Plan;
use crate::lab::{Lab, Namespace};

/// Has a host send its SYN-ACKs at two kilobits a second: each after the first one is some 0.3 s late.
fn slow_down_answers(host: &Namespace) {
    let tc = |arguments: &str| host.run("tc", &arguments.split(' ').collect::<Vec<_>>());
    tc("qdisc add dev eth0 root handle 1: htb default 0");
    tc("class add dev eth0 parent 1: classid 1:1 htb rate 2kbit burst 100 cburst 100 quantum 1500");
    tc(
        "filter add dev eth0 parent 1: protocol ip u32 match ip protocol 6 0xff match u8 0x12 0xff at 33 flowid 1:1",
    );
    tc(
        "filter add dev eth0 parent 1: protocol ipv6 u32 match ip6 protocol 6 0xff match u8 0x12 0xff at 53 flowid 1:1",
    );
}

#[test]
fn a_server_that_answers_late_gets_fewer_connections() {
    const ALL: u64 = 40;
    let lab = Lab::start(&Plan {
        director: director(&json!({
            "virtual_servers": [{ "virtual": "V:7", "predictor": "fastest" }],
            "real_servers": [{ "real": "R1:7" }, { "real": "R2:7" }, { "real": "R3:7" }],
            "bindings": [{ "virtual": "V:7", "real": ["R1:7", "R2:7", "R3:7"] }],
        })),
        ..Plan::default()
    });
    slow_down_answers(&lab.servers[1].namespace);
    for family in FAMILIES {
        for _ in 0..ALL {
            let _ = server_of(&lab, Protocol::Tcp, family, 0, 7);
        }
        let admitted = |number| lab.view.real_server(&family.name(&format!("R{number}:7:tcp"))).admitted;
        let admitted = [1, 2, 3].map(admitted);
        assert_eq!(admitted.iter().sum::<u64>(), ALL);
        // A third would be its share.
        assert!(admitted[1] >= 1 && admitted[1] <= ALL / 6, "{family:?}: {admitted:?}");
    }
}
