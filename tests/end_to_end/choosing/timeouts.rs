//! Idle timeouts of a virtual server's own.

use serde_json::{Value, json};

use super::families::{FAMILIES, Family, director};
use super::talk::{PROTOCOLS, Protocol, open};
use crate::lab::plan::Plan;
use crate::lab::{Lab, wait};

/// The line service at port 7, where connections are soon forgotten, and at port 8, where they are not.
fn start() -> Lab {
    let virtual_server = |protocol: Protocol, port: u16, timeouts: Value| json!({ "virtual": format!("V:{port}:{}", protocol.name()), "timeouts": timeouts });
    let binding = |protocol: Protocol, port: u16| {
        let protocol = protocol.name();
        json!({ "virtual": format!("V:{port}:{protocol}"), "real": [format!("R1:7:{protocol}")] })
    };
    let real_server = |protocol: Protocol| json!({ "real": format!("R1:7:{}", protocol.name()) });
    Lab::start(&Plan {
        servers: 1,
        director: director(&json!({
            "virtual_servers": [
                virtual_server(Protocol::Tcp, 7, json!({ "tcp_established_s": 1 })),
                virtual_server(Protocol::Udp, 7, json!({ "udp_s": 1 })),
                virtual_server(Protocol::Tcp, 8, json!({})),
                virtual_server(Protocol::Udp, 8, json!({})),
            ],
            "real_servers": PROTOCOLS.map(real_server),
            "bindings": [
                binding(Protocol::Tcp, 7), binding(Protocol::Udp, 7),
                binding(Protocol::Tcp, 8), binding(Protocol::Udp, 8),
            ],
        })),
        ..Plan::default()
    })
}

fn name(protocol: Protocol, family: Family, port: u16) -> String {
    family.name(&format!("V:{port}:{}", protocol.name()))
}

fn connections(lab: &Lab, protocol: Protocol, family: Family, port: u16) -> u64 {
    lab.view.virtual_server(&name(protocol, family, port)).connections
}

#[test]
fn idle_connections_are_forgotten_where_they_are_to_be_soon() {
    let lab = start();
    for protocol in PROTOCOLS {
        for family in FAMILIES {
            let (_short, _) = open(&lab, protocol, family, 0, 7);
            let (mut long, _) = open(&lab, protocol, family, 0, 8);
            wait::until_equal("idle connections", 0, || connections(&lab, protocol, family, 7));
            assert_eq!(connections(&lab, protocol, family, 8), 1, "{protocol:?} {family:?}");
            assert_eq!(long.ask("still there?").ok(), Some(1), "{protocol:?} {family:?}");
        }
    }
}

#[test]
fn a_shorter_timeout_counts_for_connections_that_there_are() {
    let lab = start();
    for (protocol, state) in [(Protocol::Tcp, "established"), (Protocol::Udp, "udp")] {
        for family in FAMILIES {
            let (_talk, _) = open(&lab, protocol, family, 0, 8);
            assert_eq!(connections(&lab, protocol, family, 8), 1, "{protocol:?} {family:?}");
            lab.view.change(&format!("timeout {state} 1 {}", name(protocol, family, 8)));
            wait::until_equal("idle connections", 0, || connections(&lab, protocol, family, 8));
        }
    }
}
