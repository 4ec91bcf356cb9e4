//! The half-open connections that a virtual server may have.

use serde_json::json;

use super::families::{Family, director, for_both};
use super::talk::{Protocol, server_of, try_briefly};
use super::{heal, silence};
use crate::lab::Lab;
use crate::lab::plan::Plan;

#[test]
fn no_more_half_open_connections_than_the_guard_lets_pass() {
    let lab = Lab::start(&Plan {
        servers: 1,
        director: director(&json!({
            "virtual_servers": [{ "virtual": "V:7", "synguard": 2, "resends": 0 }, { "virtual": "V:8" }],
            "real_servers": [{ "real": "R1:7" }, { "real": "R1:8" }],
            "bindings": [{ "virtual": "V:7", "real": ["R1:7"] }, { "virtual": "V:8", "real": ["R1:8"] }],
            "timeouts": { "tcp_syn_s": 6, "tcp_half_closed_s": 1, "tcp_closed_s": 1, "tcp_reset_s": 1 },
        })),
        ..Plan::default()
    });
    let _service = lab.serve_lines(1, 8, 1);
    let server = &lab.servers[0].namespace;
    silence(server, 7);
    for_both(|family: Family| {
        for _ in 0..3 {
            assert!(try_briefly(&lab, family, 0, 7).is_err(), "{family:?}");
        }
        let name = family.name("V:7:tcp");
        assert_eq!(lab.view.virtual_server(&name).admitted, 2, "{family:?}");
        assert!(lab.view.refused(&name) > 0, "{family:?}");
        assert_eq!(server_of(&lab, Protocol::Tcp, family, 0, 8), 1, "{family:?}: another virtual server");
    });
    assert!(lab.view.dropped("synguard") > 0);
    heal(server);
    // What is half open is forgotten after the timeout, and the client that keeps asking gets in.
    for_both(|family| assert_eq!(server_of(&lab, Protocol::Tcp, family, 0, 7), 1));
}
