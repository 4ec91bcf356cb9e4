//! Which real server a new connection gets.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::lab::Lab;
use crate::lab::client::{Lines, ask_by_datagram};
use crate::lab::plan::{
    Plan, VIRTUAL_V4, VIRTUAL_V6, client_addresses, line_addresses, line_services, short_timeouts,
};
use crate::lab::services::LINE_PORT;

/// One virtual server for the line service by TCP over IPv4.
fn one_service(virtual_server: &Value, real_servers: &[Value]) -> Value {
    let reals: Vec<&Value> = real_servers.iter().map(|server| &server["real"]).collect();
    json!({
        "virtual_servers": [virtual_server],
        "real_servers": real_servers,
        "bindings": [{ "virtual": virtual_server["virtual"], "real": reals }],
        "timeouts": short_timeouts(),
    })
}

fn real(number: usize) -> Value {
    json!({ "real": format!("10.1.0.1{number}:7") })
}

/// How many of `connections` each server has.
fn by_server(connections: &mut [Lines]) -> BTreeMap<usize, usize> {
    let mut counts = BTreeMap::new();
    for connection in connections {
        *counts.entry(connection.ask("who is it?").expect("an answer")).or_insert(0) += 1;
    }
    counts
}

#[test]
fn least_connections_evens_out_what_is_open() {
    let lab = Lab::start(&Plan { director: line_services("leastconns", 3), ..Plan::default() });
    for address in line_addresses() {
        let mut open: Vec<Lines> = (0..9).map(|_| lab.client.connect(address)).collect();
        assert_eq!(by_server(&mut open), BTreeMap::from([(1, 3), (2, 3), (3, 3)]), "{address}");
    }
}

#[test]
fn weights_are_kept() {
    let director = one_service(
        &json!({ "virtual": "192.0.2.100:7", "predictor": "weighted-roundrobin" }),
        &[json!({ "real": "10.1.0.11:7", "weight": 3 }), json!({ "real": "10.1.0.12:7", "weight": 1 })],
    );
    let lab = Lab::start(&Plan { servers: 2, director, ..Plan::default() });
    let mut open: Vec<Lines> = (0..8).map(|_| lab.client.connect(line_addresses()[0])).collect();
    assert_eq!(by_server(&mut open), BTreeMap::from([(1, 6), (2, 2)]));
}

#[test]
fn servers_out_of_service_get_nothing() {
    let director = one_service(
        &json!({ "virtual": "192.0.2.100:7", "predictor": "roundrobin" }),
        &[real(1), json!({ "real": "10.1.0.12:7", "in_service": false }), real(3)],
    );
    let lab = Lab::start(&Plan { director, ..Plan::default() });
    let mut open: Vec<Lines> = (0..6).map(|_| lab.client.connect(line_addresses()[0])).collect();
    assert_eq!(by_server(&mut open), BTreeMap::from([(1, 3), (3, 3)]));
}

#[test]
fn a_virtual_server_of_all_ports_keeps_the_port() {
    let director = one_service(&json!({ "virtual": "192.0.2.100" }), &[json!({ "real": "10.1.0.11" })]);
    let lab = Lab::start(&Plan { servers: 1, director, ..Plan::default() });
    assert_eq!(lab.client.connect(line_addresses()[0]).ask("hello").ok(), Some(1));
    let listed = lab.view.list(&[]);
    assert_eq!(listed[0].real_end, "10.1.0.11:7");
    let refused = lab.client.try_connect(None, (VIRTUAL_V4, 8).into(), crate::lab::wait::PATIENCE);
    assert!(refused.is_err(), "nobody listens at port 8 of the real server");
}

#[test]
fn one_client_port_at_two_virtual_servers_is_two_connections() {
    let mut director = line_services("roundrobin", 1);
    // The same real servers behind another port.
    for (virtual_server, real_server) in
        [("192.0.2.100:8", "10.1.0.11:7"), ("[2001:db8:100::100]:8", "[2001:db8:2::11]:7")]
    {
        for (list, entry) in [
            ("virtual_servers", json!({ "virtual": virtual_server })),
            ("bindings", json!({ "virtual": virtual_server, "real": [real_server] })),
        ] {
            director[list].as_array_mut().expect("a list").push(entry);
        }
    }
    let lab = Lab::start(&Plan { servers: 1, director, ..Plan::default() });
    let (v4, v6) = client_addresses(0);
    let ends: [(SocketAddr, _); 2] = [((v4, 40_000).into(), VIRTUAL_V4), ((v6, 40_000).into(), VIRTUAL_V6)];
    for (from, virtual_address) in ends {
        let mut first = lab.client.connect_from(from, (virtual_address, LINE_PORT).into());
        let mut second = lab.client.connect_from(from, (virtual_address, 8).into());
        for round in 0..5 {
            assert!(first.ask(&format!("first {round}")).is_ok(), "{virtual_address}");
            assert!(second.ask(&format!("second {round}")).is_ok(), "{virtual_address}");
        }
    }
    assert_eq!(lab.view.connections("client_ports_translated"), 2);
}

#[test]
fn a_server_that_is_not_there_gets_no_connections() {
    let director = one_service(
        &json!({ "virtual": "192.0.2.100:7", "predictor": "roundrobin" }),
        &[real(1), real(2), json!({ "real": "10.1.0.99:7" })],
    );
    let lab = Lab::start_with_missing_servers(&Plan { servers: 2, director, ..Plan::default() }, 2);
    let mut open: Vec<Lines> = (0..6).map(|_| lab.client.connect(line_addresses()[0])).collect();
    assert_eq!(by_server(&mut open), BTreeMap::from([(1, 3), (2, 3)]));
}

#[test]
fn a_server_that_changes_its_mac_address_is_found_again() {
    let lab = Lab::start(&Plan { servers: 1, director: line_services("roundrobin", 1), ..Plan::default() });
    let mut connection = lab.client.connect(line_addresses()[0]);
    let socket = lab.client.datagrams(line_addresses()[1]);
    assert_eq!(connection.ask("before").ok(), Some(1));
    assert_eq!(ask_by_datagram(&socket, "before").ok(), Some(1));
    // As if its address moved to another machine that announces it.
    let server = &lab.servers[0].namespace;
    server.ip("link set eth0 address 02:00:00:00:00:99");
    for (address, gateway) in [("10.1.0.11", "10.1.0.1"), ("2001:db8:2::11", "2001:db8:2::1")] {
        server.run("ping", &["-n", "-c", "1", "-W", "5", "-I", address, gateway]);
    }
    assert_eq!(connection.ask("after").ok(), Some(1));
    assert_eq!(ask_by_datagram(&socket, "after").ok(), Some(1));
}
