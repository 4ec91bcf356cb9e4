//! Virtual addresses that come and go: neighbours hear of new ones, and routing daemons find them.

use serde_json::json;

use crate::lab::Lab;
use crate::lab::plan::{Plan, line_services};
use crate::lab::wait;

const NEW: &str = "192.0.2.110";

#[test]
fn neighbors_hear_of_a_new_virtual_address_and_get_answers_at_once() {
    let lab = Lab::start(&Plan::default());
    // Takes what is announced, though it has not asked.
    lab.neighbor.namespace.set("net/ipv4/conf/eth0/arp_accept", "1");
    lab.view.batch(&format!("virtual {NEW}:7\nbind {NEW}:7 10.1.0.11:7\n")).expect("it is carried out");
    let mac = lab.view.port_mac("outside");
    wait::until_equal("the announced address", Some(mac), || lab.neighbor.neighbor(NEW));
    for client in [&lab.neighbor, &lab.client] {
        let mut lines = client.connect(format!("{NEW}:7").parse().expect("an address"));
        assert_eq!(lines.ask("hello").ok(), Some(1));
    }
    lab.client.ping(NEW);
}

#[test]
fn a_routing_daemon_finds_the_virtual_addresses_that_there_are() {
    let mut director = line_services("roundrobin", 3);
    director["groups"] = json!([{ "name": "web", "advertise": true }]);
    let lab = Lab::start(&Plan { director, ..Plan::default() });
    let is_there = |address: &str| {
        let printed = lab.host.run("ip", &["-brief", "addr"]);
        printed.contains(&format!("{address}/"))
    };
    wait::until_equal("the first address", true, || is_there("192.0.2.100"));
    lab.view.change(&format!("virtual {NEW}:7"));
    wait::until_equal("the new address", true, || is_there(NEW));
    assert!(is_there("192.0.2.100"));
    lab.view.change(&format!("no virtual {NEW}:7"));
    wait::until_equal("the address that is gone", false, || is_there(NEW));
    assert!(is_there("192.0.2.100"));
}
