//! Ends of connections that are not peaceful.

use std::io::ErrorKind;
use std::net::SocketAddr;

use serde_json::json;

use crate::lab::plan::{Plan, VIRTUAL_V4, VIRTUAL_V6, add_service, line_addresses, line_services};
use crate::lab::{Lab, wait};

#[test]
fn a_servers_reset_reaches_the_client() {
    let lab = Lab::start(&Plan::default());
    for address in line_addresses() {
        let mut connection = lab.client.connect(address);
        connection.ask("hello").expect("an answer");
        connection.say("reset").expect("a connection");
        let end = connection.ask("still there?").expect_err("the server reset the connection");
        assert!(
            [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&end.kind()),
            "{address}: {end}"
        );
    }
    wait::until_equal("connections after the timeout", 0, || lab.view.connections("current"));
}

#[test]
fn a_refused_port_is_refused_to_the_client() {
    let mut director = line_services("roundrobin", 1);
    add_service(&mut director, ":9", "roundrobin", 1); // Nobody listens there.
    let lab = Lab::start(&Plan { servers: 1, director, ..Plan::default() });
    for address in [VIRTUAL_V4, VIRTUAL_V6] {
        let refused = lab.client.try_connect(None, SocketAddr::new(address, 9), wait::PATIENCE);
        assert_eq!(refused.err().map(|error| error.kind()), Some(ErrorKind::ConnectionRefused), "{address}");
    }
    assert_eq!(lab.view.virtual_server("192.0.2.100:9:tcp").admitted, 1);
    wait::until_equal("connections after the timeout", 0, || lab.view.connections("current"));
}

#[test]
fn a_forgotten_connection_is_reset_where_that_is_configured() {
    let mut director = line_services("roundrobin", 3);
    director["tcp_without_connection"] = json!("reset");
    director["timeouts"]["tcp_established_s"] = json!(1);
    let lab = Lab::start(&Plan { director, ..Plan::default() });
    for address in line_addresses() {
        let mut connection = lab.client.connect(address);
        connection.ask("hello").expect("an answer");
        wait::until_equal("connections after the timeout", 0, || lab.view.connections("current"));
        let end = connection.ask("still there?").expect_err("the unit forgot the connection");
        assert_eq!(end.kind(), ErrorKind::ConnectionReset, "{address}");
    }
    assert_eq!(lab.view.connections("expired"), 2);
}

#[test]
fn both_sides_may_close_first() {
    let lab = Lab::start(&Plan::default());
    for address in line_addresses() {
        let mut by_server = lab.client.connect(address);
        by_server.say("close").expect("a connection");
        let end = by_server.ask("still there?").expect_err("the server closed the connection");
        assert!(
            [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset].contains(&end.kind()),
            "{address}: {end}"
        );
        drop(by_server);
        let mut by_client = lab.client.connect(address);
        by_client.ask("hello").expect("an answer");
    }
    wait::until_equal("connections after the timeout", 0, || lab.view.connections("current"));
    assert_eq!(lab.view.connections("admitted"), 4);
}
