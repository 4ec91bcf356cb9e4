//! The connections that a server may have: one more has to wait until another leaves.

use std::thread;

use serde_json::{Value, json};

use super::families::{FAMILIES, Family, director, for_both};
use super::talk::{Protocol, Talk, open, server_of, try_briefly};
use crate::lab::plan::Plan;
use crate::lab::{Lab, wait};

fn start(short: &Value) -> Lab {
    Lab::start(&Plan { servers: 2, director: director(short), ..Plan::default() })
}

/// Both servers, with these properties.
fn service(mut virtual_server: Value, mut real_server: Value, protocol: Protocol) -> Value {
    let name = |short: &str| Value::from(format!("{short}:{}", protocol.name()));
    virtual_server["virtual"] = name("V:7");
    let mut real = |short: &str| {
        real_server["real"] = name(short);
        real_server.clone()
    };
    json!({
        "virtual_servers": [virtual_server],
        "real_servers": [real("R1:7"), real("R2:7")],
        "bindings": [{ "virtual": name("V:7"), "real": [name("R1:7"), name("R2:7")] }],
    })
}

/// Of four connections none is refused. Of a fifth one nothing is heard until another leaves.
fn the_fifth_has_to_wait(lab: &Lab, family: Family) {
    let mut four: Vec<_> = (0..4).map(|_| open(lab, Protocol::Tcp, family, 0, 7)).collect();
    assert!(try_briefly(lab, family, 1, 7).is_err(), "{family:?}: a fifth connection");
    assert!(lab.view.refused(&family.name("V:7:tcp")) > 0, "{family:?}");
    four.pop();
    // The client asks again until there is room.
    let _ = server_of(lab, Protocol::Tcp, family, 1, 7);
    for (talk, server) in &mut four {
        assert_eq!(talk.ask("still there?").ok(), Some(*server), "{family:?}");
    }
}

#[test]
fn real_servers_have_no_more_than_they_may() {
    let lab = start(&service(json!({}), json!({ "max_connections": 2 }), Protocol::Tcp));
    for_both(|family| the_fifth_has_to_wait(&lab, family));
    assert!(lab.view.dropped("busy") > 0);
}

#[test]
fn virtual_servers_have_no_more_than_they_may() {
    let lab = start(&service(json!({ "max_connections": 4 }), json!({}), Protocol::Tcp));
    for_both(|family| the_fifth_has_to_wait(&lab, family));
    assert!(lab.view.dropped("busy") > 0);
}

#[test]
fn flows_of_datagrams_count_like_connections() {
    let one_too_many = |virtual_server: Value, real_server: Value| {
        let lab = start(&service(virtual_server, real_server, Protocol::Udp));
        for family in FAMILIES {
            let mut flows: Vec<_> = (0..2).map(|_| open(&lab, Protocol::Udp, family, 0, 7)).collect();
            let Talk::Udp(third) = Talk::begin(&lab, Protocol::Udp, family, 0, 7) else { return };
            third.send(b"hello").expect("a route");
            let refused = || lab.view.refused(&family.name("V:7:udp"));
            wait::until_equal("a datagram that is refused", 1, refused);
            for (flow, server) in &mut flows {
                assert_eq!(flow.ask("still there?").ok(), Some(*server), "{family:?}");
            }
        }
        assert_eq!(lab.view.dropped("busy"), 2);
    };
    one_too_many(json!({ "max_connections": 2 }), json!({}));
    one_too_many(json!({}), json!({ "max_connections": 1 }));
}

#[test]
fn a_maximum_holds_for_all_workers_together() {
    const CLIENTS: u8 = 16;
    const MOST: usize = 5;
    let most = json!({ "max_connections": MOST });
    let lab = Lab::start(&Plan {
        servers: 2,
        workers: &[0, 1],
        client_addresses: 0..CLIENTS,
        director: director(&service(most, json!({}), Protocol::Tcp)),
        ..Plan::default()
    });
    for_both(|family| {
        let lab = &lab;
        let admitted: Vec<_> = thread::scope(|scope| {
            let attempts: Vec<_> =
                (0..CLIENTS).map(|client| scope.spawn(move || try_briefly(lab, family, client, 7))).collect();
            attempts.into_iter().filter_map(|attempt| attempt.join().expect("no panic").ok()).collect()
        });
        assert_eq!(admitted.len(), MOST, "{family:?}");
        assert_eq!(lab.view.virtual_server(&family.name("V:7:tcp")).connections, MOST as u64, "{family:?}");
    });
}
