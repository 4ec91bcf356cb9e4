//! What a pair knows of clients and real servers beside connections: it outlives the unit that found it out.

use serde_json::Value;

use super::silence;
use crate::lab::deciding::{DecidingPair, Settings};
use crate::lab::pair::Half;
use crate::lab::plan::{client_addresses, line_addresses};
use crate::lab::traffic::talk;
use crate::lab::wait;

const VIRTUAL: &str = "192.0.2.100:7";

/// The real server that a unit would give the client, and whether it says that the client returns there.
fn expected(half: &Half) -> (Value, bool) {
    let client = client_addresses(0).0;
    let mut said = half.view.have(&format!("explain {client} {VIRTUAL}"), "explained");
    let returns = said["steps"].to_string().contains("returns");
    (said["real"].take(), returns)
}

#[test]
fn a_client_returns_and_a_failed_server_stays_out_after_a_takeover() {
    let pair = DecidingPair::start(Settings::default());
    let (active, standby) = pair.by_state();
    active
        .view
        .batch(&format!(
            "sticky {VIRTUAL} 30\nresends {VIRTUAL} 1\nthreshold 10.1.0.13:7 1\nretry 10.1.0.13:7 0\n"
        ))
        .expect("it is carried out");
    let (lines, server) = talk(&pair.client, &line_addresses()[..1], 1).remove(0);
    drop(lines);
    wait::until("no connection", || active.view.list(&[]).is_empty().then_some(()));

    // A standby that comes now is told of no connection.
    standby.kill();
    pair.launch(standby);
    pair.wait_until_ready(standby);
    let name = Value::from(format!("10.1.0.1{server}:7:tcp"));
    wait::until_equal("the client to be remembered", (name.clone(), true), || expected(standby));

    // Another one of the client's networks would do: what fails is found out by those who are not remembered.
    active.view.have("clear sticky", "cleared");
    silence(&pair.servers[2].namespace, 7);
    wait::until_equal("the server to have failed", "failed".to_owned(), || {
        talk(&pair.client, &line_addresses()[..1], 1);
        active.view.have("clear sticky", "cleared");
        active.view.real_state("10.1.0.13:7:tcp")
    });
    wait::until_equal("the standby to know", "failed".to_owned(), || {
        standby.view.real_state("10.1.0.13:7:tcp")
    });

    active.kill();
    standby.wait_until_active();
    assert_eq!(standby.view.real_state("10.1.0.13:7:tcp"), "failed");
    let servers = talk(&pair.client, &line_addresses()[..1], 6);
    assert!(servers.iter().all(|(_, server)| *server != 3), "nobody gets the one that has failed");
    let first = servers[0].1;
    assert!(servers.iter().all(|(_, server)| *server == first), "and the client stays where it is");
}
