//! One unit reaches less than the other.

use serde_json::json;

use crate::lab::Namespace;
use crate::lab::deciding::{DecidingPair, Settings};
use crate::lab::pair::Half;
use crate::lab::plan::line_addresses;
use crate::lab::traffic::{Flow, still_talk, talk};
use crate::lab::{plug, wait};

fn reaches(half: &Half, target: usize) -> bool {
    half.decisions()["targets"][target]["reached"] == true
}

/// A router in the outside network: what both units have to reach.
fn router(pair: &DecidingPair) -> Namespace {
    let router = Namespace::new();
    plug(&pair.network, &router, "router", "br-out");
    router.ip("addr add 198.51.100.254/24 dev eth0");
    router
}

#[test]
fn the_unit_that_reaches_more_takes_over_and_nobody_does_when_both_reach_less() {
    let targets = json!([{ "host": "198.51.100.254", "required": true }, { "host": "198.51.100.10" }]);
    let pair = DecidingPair::build(Settings { targets, ..Settings::default() });
    let router = router(&pair);
    pair.launch(&pair.a);
    pair.launch(&pair.b);
    pair.a.wait_until_active();
    pair.wait_until_ready(&pair.b);
    let both = [&pair.a, &pair.b];
    wait::until_equal("units that reach the router", true, || both.iter().all(|half| reaches(half, 0)));
    let mut sessions = talk(&pair.client, &line_addresses(), 10);
    pair.wait_until_ready(&pair.b);
    let before = both.map(Half::transitions);

    router.ip("link set eth0 down");
    wait::until_equal("units without the router", true, || both.iter().all(|half| !reaches(half, 0)));
    let flow = Flow::start(&pair.client, line_addresses()[0]);
    flow.wait_for(1_000);
    router.ip("link set eth0 up");
    wait::until_equal("units that reach the router", true, || both.iter().all(|half| reaches(half, 0)));
    assert_eq!(both.map(Half::transitions), before);

    // Its plug is out. Nobody gets through until the other unit has seen that it is better.
    pair.a.host.ip("link set up-out down");
    pair.b.wait_until_active();
    assert_eq!(pair.b.cause_of("345").as_deref(), Some("reachability"));
    assert_eq!(pair.b.cause_of("348"), None);
    pair.a.wait_until_standby();
    flow.wait_for(50);
    assert_eq!(flow.end().doubled, 0);
    still_talk(&mut sessions);
    pair.wait_until_ready(&pair.a);
    let refused = pair.a.try_failover(&["active"]).expect_err("unit A reaches less");
    assert!(refused.contains("reaches less than the active unit"), "{refused}");
    pair.a.host.ip("link set up-out up");
    wait::until_equal("a unit that reaches the router", true, || reaches(&pair.a, 0));
}

#[test]
fn a_port_without_a_link_counts() {
    let targets = json!([{ "port": "outside", "required": true }, { "port": "inside", "required": true }]);
    let pair = DecidingPair::start(Settings { targets, ..Settings::default() });
    let both = [&pair.a, &pair.b];
    let reach_all = |half: &Half| reaches(half, 0) && reaches(half, 1);
    wait::until_equal("ports with a link", true, || both.iter().all(|half| reach_all(half)));
    let mut sessions = talk(&pair.client, &line_addresses(), 10);
    pair.wait_until_ready(&pair.b);
    pair.a.host.ip("link set tap-out down");
    pair.b.wait_until_active();
    assert!(!reaches(&pair.a, 0) && reaches(&pair.a, 1));
    assert_eq!(pair.b.cause_of("345").as_deref(), Some("reachability"));
    still_talk(&mut sessions);
    pair.a.host.ip("link set tap-out up");
    wait::until_equal("a port with a link", true, || reaches(&pair.a, 0));
}
