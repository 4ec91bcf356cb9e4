//! Datagrams through a virtual server.

use crate::lab::Lab;
use crate::lab::client::ask_by_datagram;
use crate::lab::plan::{Plan, line_addresses};

#[test]
fn datagrams_are_answered_by_the_server_that_has_the_client() {
    let lab = Lab::start(&Plan::default());
    for address in line_addresses() {
        let sockets: Vec<_> = (0..6).map(|_| lab.client.datagrams(address)).collect();
        let ask_all = |round: &str| -> Vec<usize> {
            let ask =
                |socket| ask_by_datagram(socket, round).unwrap_or_else(|error| panic!("{address}: {error}"));
            sockets.iter().map(ask).collect()
        };
        let first = ask_all("first");
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [1, 1, 2, 2, 3, 3], "{address}: round robin");
        assert_eq!(ask_all("second"), first, "{address}: each client keeps its server");
    }
    assert_eq!(lab.view.virtual_server("192.0.2.100:7:udp").connections, 6);
    assert_eq!(lab.view.virtual_server("192.0.2.100:7:udp").inbound_packets, 12);
    assert_eq!(lab.view.real_server("[2001:db8:2::13]:7:udp").outbound_packets, 4);
}

#[test]
fn datagrams_of_every_length_pass() {
    let lab = Lab::start(&Plan {
        servers: 1,
        director: crate::lab::plan::line_services("roundrobin", 1),
        ..Plan::default()
    });
    for (address, longest) in line_addresses().into_iter().zip([1_500 - 28, 1_500 - 48]) {
        let socket = lab.client.datagrams(address);
        // The answer is longer by the server's number and a space.
        for length in (1..longest - 2).step_by(97).chain([longest - 2]) {
            let text = "x".repeat(length);
            let answered = ask_by_datagram(&socket, &text);
            assert!(answered.is_ok(), "{address}: {length} bytes: {answered:?}");
        }
    }
}
