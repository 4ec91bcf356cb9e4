//! The unit's own addresses belong to Linux: ping, and services that listen on the unit.

use std::net::SocketAddr;

use crate::lab::Lab;
use crate::lab::client::{Client, ask_by_datagram};
use crate::lab::plan::{Plan, web};
use crate::lab::services::LineService;
use crate::lab::wait;

/// Where something listens on the unit itself, as sshd would.
const PORT: u16 = 22;

#[test]
fn the_units_own_addresses_answer_to_ping() {
    let lab = Lab::start(&Plan::default());
    for address in ["198.51.100.1", "2001:db8:1::1"] {
        lab.client.ping(address);
        lab.neighbor.ping(address);
    }
    for address in ["10.1.0.1", "2001:db8:2::1"] {
        lab.servers[0].namespace.run("ping", &["-n", "-c", "2", "-i", "0.2", "-W", "5", address]);
    }
    assert!(lab.view.packets().to_kernel > 0);
}

#[test]
fn the_unit_itself_reaches_its_neighbors() {
    let lab = Lab::start(&Plan::default());
    for address in ["198.51.100.10", "2001:db8:1::10", "10.1.0.12", "2001:db8:2::13"] {
        lab.host.run("ping", &["-n", "-c", "2", "-i", "0.2", "-W", "5", address]);
    }
}

#[test]
fn the_unit_itself_uses_the_service_of_a_real_server() {
    // As a health check does: the answers come from an endpoint that is bound to a virtual server.
    let lab =
        Lab::start(&Plan { director: web("roundrobin", 3), large: Some(Vec::new()), ..Plan::default() });
    for address in ["10.1.0.12", "[2001:db8:2::12]"] {
        let page = lab.host.run("curl", &["--silent", "--max-time", "5", &format!("http://{address}/")]);
        assert!(page.starts_with("server 2"), "{address}: {page}");
    }
    assert_eq!(lab.view.connections("admitted"), 0, "nothing of this is a virtual server's");
}

#[test]
fn services_on_the_unit_are_reached_at_its_own_addresses() {
    let lab = Lab::start(&Plan::default());
    let _service = LineService::start(&lab.host, 9, PORT);
    for address in ["198.51.100.1", "2001:db8:1::1"] {
        let to = SocketAddr::new(address.parse().expect("an address"), PORT);
        talk(&lab.client, to);
        talk(&lab.neighbor, to);
    }
    assert_eq!(lab.view.connections("admitted"), 0, "nothing of this is a virtual server's");
}

fn talk(client: &Client, to: SocketAddr) {
    let mut connection = client.connect(to);
    for line in ["hello", "again", &"long ".repeat(20_000)] {
        assert_eq!(connection.ask(line.trim_end()).ok(), Some(9), "{to}");
    }
    assert_eq!(ask_by_datagram(&client.datagrams(to), "hello").ok(), Some(9), "{to} by UDP");
}

#[test]
fn a_virtual_address_is_no_way_into_the_unit() {
    let lab = Lab::start(&Plan::default());
    let _service = LineService::start(&lab.host, 9, PORT);
    let to = SocketAddr::new(crate::lab::plan::VIRTUAL_V4, PORT);
    let refused = lab.client.try_connect(None, to, std::time::Duration::from_secs(1));
    assert!(refused.is_err(), "the unit's kernel answered at a virtual address");
    assert!(lab.view.dropped("no_virtual_server") > 0);
}

#[test]
fn a_host_that_says_it_has_a_virtual_address_is_noticed() {
    let lab = Lab::start(&Plan::default());
    let intruder = lab.join_outside("intruder");
    intruder.ip("addr add 192.0.2.100/32 dev eth0\nroute add 198.51.100.0/24 dev eth0 src 192.0.2.100");
    // It asks for the unit, in the name of its address.
    let _ = intruder.output("ping", &["-n", "-c", "3", "-i", "0.2", "-W", "1", "198.51.100.1"]);
    wait::until_equal("the conflict in the log", true, || {
        lab.log().contains("address conflict") && lab.log().contains("says that it has 192.0.2.100")
    });
    assert_eq!(lab.log().matches("address conflict").count(), 1, "it is told of once");
}
