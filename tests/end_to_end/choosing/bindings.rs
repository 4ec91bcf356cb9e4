//! Virtual servers and real servers, many to many, with port translation.

use serde_json::json;

use super::families::{FAMILIES, director};
use super::talk::{PROTOCOLS, Protocol, server_of};
use super::{counted, page};
use crate::lab::Lab;
use crate::lab::plan::Plan;

#[test]
fn a_port_is_translated() {
    let lab = Lab::start(&Plan {
        servers: 1,
        director: director(&json!({
            "virtual_servers": [{ "virtual": "V:80" }, { "virtual": "V:53:udp" }],
            "real_servers": [{ "real": "R1:8001" }, { "real": "R1:7:udp" }],
            "bindings": [
                { "virtual": "V:80", "real": ["R1:8001"] },
                { "virtual": "V:53:udp", "real": ["R1:7:udp"] },
            ],
        })),
        ..Plan::default()
    });
    let _nginx = lab.serve_page(1, 8_001, "port 8001\n");
    for family in FAMILIES {
        assert_eq!(page(&lab, family, 0, 80), "port 8001");
        assert_eq!(server_of(&lab, Protocol::Udp, family, 0, 53), 1);
    }
}

#[test]
fn two_virtual_servers_share_a_real_one() {
    let servers = |protocol: Protocol| {
        let name = |short: &str| format!("{short}:{}", protocol.name());
        json!({
            "virtual_servers": [
                { "virtual": name("V:7"), "predictor": "roundrobin" },
                { "virtual": name("V:8"), "predictor": "roundrobin" },
            ],
            "real_servers": [{ "real": name("R1:7") }, { "real": name("R2:7") }, { "real": name("R3:7") }],
            "bindings": [
                { "virtual": name("V:7"), "real": [name("R1:7"), name("R2:7")] },
                { "virtual": name("V:8"), "real": [name("R2:7"), name("R3:7")] },
            ],
        })
    };
    for protocol in PROTOCOLS {
        let lab = Lab::start(&Plan { director: director(&servers(protocol)), ..Plan::default() });
        for family in FAMILIES {
            let served = |port| counted((0..4).map(|_| server_of(&lab, protocol, family, 0, port)));
            assert_eq!(served(7), [(1, 2), (2, 2)].into(), "{protocol:?} {family:?}");
            assert_eq!(served(8), [(2, 2), (3, 2)].into(), "{protocol:?} {family:?}");
            for (real, admitted) in [("R1:7", 2), ("R2:7", 4), ("R3:7", 2)] {
                let name = family.name(&format!("{real}:{}", protocol.name()));
                assert_eq!(lab.view.real_server(&name).admitted, admitted, "{name}");
            }
        }
    }
}
