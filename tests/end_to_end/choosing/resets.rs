//! Servers on which nobody listens: their resets count like connections that were not answered, if they are to.

use std::io::ErrorKind;

use serde_json::{Value, json};

use super::families::{FAMILIES, Family, director};
use super::talk::try_briefly;
use crate::lab::Lab;
use crate::lab::plan::Plan;

/// Server 1, with these properties and without a service, and server 2 in turn.
fn start(mut first: Value) -> Lab {
    first["real"] = json!("R1:9");
    Lab::start(&Plan {
        servers: 2,
        director: director(&json!({
            "virtual_servers": [{ "virtual": "V:7", "predictor": "roundrobin" }],
            "real_servers": [first, { "real": "R2:7" }],
            "bindings": [{ "virtual": "V:7", "real": ["R1:9", "R2:7"] }],
        })),
        ..Plan::default()
    })
}

/// How many of eight clients are refused. The others are served.
fn refused(lab: &Lab, family: Family) -> usize {
    let is_refused = |_| match try_briefly(lab, family, 0, 7) {
        Ok(mut lines) => {
            assert_eq!(lines.ask("hello").ok(), Some(2), "{family:?}");
            false
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{family:?}");
            true
        }
    };
    (0..8).map(is_refused).filter(|&is_refused| is_refused).count()
}

#[test]
fn a_server_that_resets_fails() {
    let lab = start(json!({ "threshold": 2, "retry_s": 0 }));
    for family in FAMILIES {
        assert_eq!(refused(&lab, family), 2, "{family:?}");
        let name = family.name("R1:9:tcp");
        assert_eq!(
            (lab.view.ditched(&name), lab.view.real_state(&name)),
            (2, "failed".to_owned()),
            "{family:?}"
        );
    }
}

#[test]
fn resets_do_not_count_where_they_are_not_to() {
    let lab = start(json!({ "threshold": 2, "retry_s": 0, "count_resets": false }));
    for family in FAMILIES {
        assert_eq!(refused(&lab, family), 4, "{family:?}: every other one");
    }
}
