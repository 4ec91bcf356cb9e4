//! Clients that are not welcome: lost without a word, turned away, or served a page that tells them (seed 003).

use serde_json::json;

use super::families::{Family, director, for_both};
use super::talk::{Protocol, Talk, server_of};
use super::{curl, page};
use crate::lab::plan::Plan;
use crate::lab::{Lab, wait};

/// Clients 1 to 3 are not welcome, each in another way.
fn start() -> Lab {
    Lab::start(&Plan {
        servers: 2,
        director: director(&json!({
            "virtual_servers": [
                { "virtual": "V:80" },
                { "virtual": "V:80:1", "refuse": "drop" },
                { "virtual": "V:80:2", "refuse": "reset" },
                { "virtual": "V:80:3" },
                { "virtual": "V:7:udp" },
                { "virtual": "V:7:2:udp", "refuse": "reset" },
            ],
            "real_servers": [{ "real": "R1:80" }, { "real": "R2:80" }, { "real": "R1:7:udp" }],
            "bindings": [
                { "virtual": "V:80", "real": ["R1:80"] },
                { "virtual": "V:80:3", "real": ["R2:80"] },
                { "virtual": "V:7:udp", "real": ["R1:7:udp"] },
            ],
            "assignments": [
                { "virtual": "V:80:1", "clients": ["C1"] },
                { "virtual": "V:80:2", "clients": ["C2"] },
                { "virtual": "V:80:3", "clients": ["C3"] },
                { "virtual": "V:7:2:udp", "clients": ["C2"] },
            ],
        })),
        large: Some(Vec::new()),
        ..Plan::default()
    })
}

/// What `curl` exits with.
const NOT_CONNECTED: i32 = 7;
const TOO_LONG: i32 = 28;

#[test]
fn they_get_no_answer_a_reset_or_a_page() {
    let lab = start();
    for_both(|family: Family| {
        let dropped = curl(&lab, family, 1, 80, 2);
        assert_eq!(dropped.status.code(), Some(TOO_LONG), "{family:?}");
        assert!(lab.view.refused(&family.name("V:80:1:tcp")) > 0, "{family:?}");

        let reset = curl(&lab, family, 2, 80, 30);
        assert_eq!(reset.status.code(), Some(NOT_CONNECTED), "{family:?}");
        assert_eq!(lab.view.refused(&family.name("V:80:2:tcp")), 1, "{family:?}");

        assert_eq!(page(&lab, family, 3, 80), "server 2");
        assert_eq!(page(&lab, family, 0, 80), "server 1");
    });
    assert!(lab.view.dropped("unwelcome") > 0);
    assert_eq!(lab.view.connections("admitted"), 4);
}

#[test]
fn their_datagrams_are_dropped() {
    let lab = start();
    for_both(|family: Family| {
        let Talk::Udp(unwelcome) = Talk::begin(&lab, Protocol::Udp, family, 2, 7) else { return };
        unwelcome.send(b"hello").expect("a route");
        let refused = || lab.view.refused(&family.name("V:7:2:udp"));
        wait::until_equal("a datagram that is refused", 1, refused);
        assert_eq!(server_of(&lab, Protocol::Udp, family, 1, 7), 1);
    });
    assert_eq!(lab.view.dropped("unwelcome"), 2);
}
