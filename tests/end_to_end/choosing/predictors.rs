//! How predictors share out connections, and load.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::counted;
use super::families::{FAMILIES, Family, director};
use super::talk::{PROTOCOLS, Protocol, Talk, open};
use crate::lab::plan::Plan;
use crate::lab::{Lab, wait};

/// Each predictor has virtual and real servers of its own: the second real server weighs three times the first.
const SHARES: [(&str, u16, [usize; 2]); 4] = [
    ("leastconns", 7, [4, 4]),
    ("weighted-leastconns", 8, [2, 6]),
    ("roundrobin", 9, [4, 4]),
    ("weighted-roundrobin", 10, [2, 6]),
];

fn every_predictor() -> Value {
    let services = || SHARES.into_iter().flat_map(|share| PROTOCOLS.map(|protocol| (share, protocol.name())));
    let virtual_server = |((predictor, port, _), protocol)| json!({ "virtual": format!("V:{port}:{protocol}"), "predictor": predictor });
    let real_server = |number: usize, weight: usize| {
        move |((_, port, _), protocol): ((&str, u16, [usize; 2]), &str)| json!({ "real": format!("R{number}:{port}:{protocol}"), "weight": weight })
    };
    let binding = |((_, port, _), protocol)| {
        json!({
            "virtual": format!("V:{port}:{protocol}"),
            "real": [format!("R1:{port}:{protocol}"), format!("R2:{port}:{protocol}")],
        })
    };
    json!({
        "virtual_servers": services().map(virtual_server).collect::<Value>(),
        "real_servers": services().map(real_server(1, 1)).chain(services().map(real_server(2, 3))).collect::<Value>(),
        "bindings": services().map(binding).collect::<Value>(),
    })
}

#[test]
fn each_predictor_keeps_its_shares() {
    let lab = Lab::start(&Plan { servers: 2, director: director(&every_predictor()), ..Plan::default() });
    let ports = || (8..=10).flat_map(|port| [(1, port), (2, port)]);
    let _services: Vec<_> = ports().map(|(number, port)| lab.serve_lines(number, port, number)).collect();
    for (predictor, port, [first, second]) in SHARES {
        for protocol in PROTOCOLS {
            for family in FAMILIES {
                let open: Vec<(Talk, usize)> =
                    (0..8).map(|_| open(&lab, protocol, family, 0, port)).collect();
                let shares = counted(open.iter().map(|(_, server)| *server));
                assert_eq!(shares, [(1, first), (2, second)].into(), "{predictor} {protocol:?} {family:?}");
            }
        }
    }
}

#[test]
fn least_connections_fills_up_where_connections_have_gone() {
    let lab = Lab::start(&Plan {
        director: director(&json!({
            "virtual_servers": [{ "virtual": "V:7", "predictor": "leastconns" }],
            "real_servers": [{ "real": "R1:7" }, { "real": "R2:7" }, { "real": "R3:7" }],
            "bindings": [{ "virtual": "V:7", "real": ["R1:7", "R2:7", "R3:7"] }],
        })),
        ..Plan::default()
    });
    for family in FAMILIES {
        let mut talks: Vec<_> = (0..9).map(|_| open(&lab, Protocol::Tcp, family, 0, 7)).collect();
        talks.retain(|(_, server)| *server != 2);
        let connections = || lab.view.real_server(&family.name("R2:7:tcp")).connections;
        wait::until_equal("connections of server 2", 0, connections);
        talks.extend((0..3).map(|_| open(&lab, Protocol::Tcp, family, 0, 7)));
        let shares = counted(talks.iter().map(|(_, server)| *server));
        assert_eq!(shares, [(1, 3), (2, 3), (3, 3)].into(), "{family:?}");
    }
}

/// Puts load on the web pages, and checks that every request was answered.
fn wrk(lab: &Lab, family: Family) {
    let url = format!("http://{}/", family.virtual_end(80));
    let arguments = ["--threads", "2", "--connections", "24", "--duration", "1s", "--timeout", "20s", &url];
    let printed = lab.client.namespace.run("wrk", &arguments);
    assert!(printed.contains("Requests/sec") && !printed.contains("errors"), "{family:?}:\n{printed}");
}

#[test]
fn shares_are_kept_under_load() {
    let lab = Lab::start(&Plan {
        director: director(&json!({
            "virtual_servers": [{ "virtual": "V:80", "predictor": "weighted-roundrobin" }],
            "real_servers": [{ "real": "R1:80" }, { "real": "R2:80", "weight": 2 }, { "real": "R3:80", "weight": 3 }],
            "bindings": [{ "virtual": "V:80", "real": ["R1:80", "R2:80", "R3:80"] }],
        })),
        large: Some(Vec::new()),
        ..Plan::default()
    });
    for family in FAMILIES {
        wrk(&lab, family);
        let admitted =
            |number: u64| lab.view.real_server(&family.name(&format!("R{number}:80:tcp"))).admitted;
        let by_server: BTreeMap<u64, u64> = (1..=3).map(|number| (number, admitted(number))).collect();
        let all: u64 = by_server.values().sum();
        assert!(all >= 24, "{by_server:?}");
        for (weight, admitted) in &by_server {
            assert!(
                (admitted * 6).abs_diff(all * weight) <= 6,
                "{family:?}: not one to two to three: {by_server:?}"
            );
        }
    }
}

#[test]
fn another_predictor_and_another_weight_count_at_once() {
    let lab = Lab::start(&Plan {
        servers: 2,
        director: director(&json!({
            "virtual_servers": [{ "virtual": "V:7", "predictor": "roundrobin" }],
            "real_servers": [{ "real": "R1:7" }, { "real": "R2:7" }],
            "bindings": [{ "virtual": "V:7", "real": ["R1:7", "R2:7"] }],
        })),
        ..Plan::default()
    });
    for family in FAMILIES {
        let shares = || counted((0..16).map(|_| open(&lab, Protocol::Tcp, family, 0, 7).1));
        assert_eq!(shares(), [(1, 8), (2, 8)].into(), "{family:?}");
        lab.view.change(&format!("predictor {} weighted-roundrobin", family.name("V:7")));
        lab.view.change(&format!("weight {} 7", family.name("R2:7")));
        let shares = shares();
        // Where the turns begin may be one off.
        assert!(shares[&1].abs_diff(2) <= 1, "{family:?}: not one to seven: {shares:?}");
    }
}
