//! A real server with two addresses: when the link of the first one dies, packets for it go by the second.

use serde_json::{Value, json};

use crate::lab::deciding::{DecidingPair, Settings, with_gateway};
use crate::lab::plan::{Plan, line_addresses, line_services};
use crate::lab::traffic::{still_talk, talk};
use crate::lab::{Namespace, wait};

const FIRST: &str = "10.1.0.11";
const SECOND: &str = "10.2.0.11";

/// Gives server 1 a second link, which its answers go by when the first is dead.
fn second_link(pair: &DecidingPair) {
    let server = &pair.servers[0].namespace;
    pair.network.ip(&format!(
        "link add second1 type veth peer name eth1 netns {}\nlink set second1 master br-in up",
        server.path().display()
    ));
    for interface in ["all", "eth0", "eth1"] {
        server.set(&format!("net/ipv4/conf/{interface}/rp_filter"), "0");
        server.set(&format!("net/ipv4/conf/{interface}/ignore_routes_with_linkdown"), "1");
        // Both links are on one switch here: neither is to answer for the other's address.
        server.set(&format!("net/ipv4/conf/{interface}/arp_ignore"), "1");
    }
    server.ip(&format!(
        "link set eth1 up\naddr add {SECOND}/24 dev eth1\nroute add default via 10.2.0.254 dev eth1 metric 100"
    ));
}

/// As the first of several networks inside.
fn with_second_network(pair: &DecidingPair) {
    for half in [&pair.a, &pair.b] {
        let unit_json = pair.read(half, "unit.json").expect("it was written");
        let mut unit_json: Value = serde_json::from_str(&unit_json).expect("JSON");
        let addresses = unit_json["ports"][1]["addresses"].as_array_mut().expect("a list");
        addresses.push(format!("10.2.0.{}/24", half.number).into());
        pair.write(half, "unit.json", &unit_json.to_string());
    }
}

fn is_shown(pair: &DecidingPair, stand_in: &Value) -> bool {
    [&pair.a, &pair.b].iter().all(|half| half.decisions()["targets"][0]["stand_in"] == *stand_in)
}

fn route(host: &Namespace) -> String {
    host.run("ip", &["route", "show", FIRST])
}

#[test]
fn a_server_whose_first_link_dies_is_reached_by_its_second() {
    let mut director = with_gateway(line_services("roundrobin", 1), 1);
    director["groups"][0]["shared_addresses"]["inside"]
        .as_array_mut()
        .expect("a list")
        .push("10.2.0.254/24".into());
    let pair = DecidingPair::build(Settings {
        plan: Plan { director, servers: 1, ..Plan::default() },
        targets: json!([{ "host": FIRST, "alternates": [SECOND] }]),
        ..Settings::default()
    });
    second_link(&pair);
    with_second_network(&pair);
    pair.launch(&pair.a);
    pair.launch(&pair.b);
    pair.a.wait_until_active();
    pair.wait_until_ready(&pair.b);
    let by_v4 = &line_addresses()[..1];
    let mut sessions = talk(&pair.client, by_v4, 10);

    pair.network.ip("link set server1 down");
    wait::until_equal("the other address", true, || is_shown(&pair, &SECOND.into()));
    for half in [&pair.a, &pair.b] {
        wait::until_equal("a route by the other address", true, || route(&half.host).contains(SECOND));
    }
    still_talk(&mut sessions);
    sessions.extend(talk(&pair.client, by_v4, 5));
    assert_eq!(pair.a.decisions()["targets"][0]["reached"], true);
    let shown = pair.a.view.command(&["failover"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains(&format!("its other address {SECOND}")), "{shown}");

    // The other unit knows the way, too.
    pair.wait_until_ready(&pair.b);
    assert_eq!(pair.b.failover("active")["state"], "active");
    still_talk(&mut sessions);

    pair.network.ip("link set server1 up");
    wait::until_equal("its own address again", true, || is_shown(&pair, &Value::Null));
    for half in [&pair.a, &pair.b] {
        wait::until_equal("the route", String::new(), || route(&half.host));
    }
    still_talk(&mut sessions);
}
