//! `show connections`: filters, limits, and lists longer than a page.

use std::collections::HashSet;
use std::net::SocketAddr;

use crate::lab::Lab;
use crate::lab::client::Lines;
use crate::lab::plan::{Plan, client_addresses, line_addresses};

/// Connections of each client address, by each family.
const EACH: usize = 20;
const CLIENTS: u8 = 4;

fn open(lab: &Lab, number: u8) -> Vec<Lines> {
    let (v4, v6) = client_addresses(number);
    let ends: [(SocketAddr, SocketAddr); 2] =
        [((v4, 0).into(), line_addresses()[0]), ((v6, 0).into(), line_addresses()[1])];
    let mut connections = Vec::new();
    for (from, to) in ends {
        for _ in 0..EACH {
            let mut connection = lab.client.connect_from(from, to);
            connection.ask("hello").expect("an answer");
            connections.push(connection);
        }
    }
    connections
}

#[test]
fn connections_are_listed_narrowed_and_limited() {
    let lab = Lab::start(&Plan { workers: &[0, 1], client_addresses: 0..CLIENTS, ..Plan::default() });
    let open: Vec<Lines> = (0..CLIENTS).flat_map(|number| open(&lab, number)).collect();
    let listed = |arguments: &[&str]| lab.view.list(&[&["--limit", "1000"], arguments].concat());

    let all = listed(&[]);
    let clients: HashSet<String> = open.iter().map(|connection| connection.local().to_string()).collect();
    assert_eq!(all.len(), open.len(), "each connection once");
    assert_eq!(all.iter().map(|connection| connection.client.clone()).collect::<HashSet<_>>(), clients);
    assert!(
        all.iter().all(|connection| connection.protocol == "tcp" && connection.state == "established"),
        "{all:?}"
    );

    let (first, first_v6) = client_addresses(0);
    for (arguments, count) in [
        (["--client", &first.to_string()], EACH),
        (["--client", &first_v6.to_string()], EACH),
        (["--client", "198.51.100.0/24"], EACH * usize::from(CLIENTS)),
        (["--client", "203.0.113.0/24"], 0),
        (["--virtual", "192.0.2.100:7"], EACH * usize::from(CLIENTS)),
        (["--virtual", "192.0.2.100:8"], 0),
        (["--virtual", "[2001:db8:100::100]"], EACH * usize::from(CLIENTS)),
    ] {
        let found = listed(&arguments);
        assert_eq!(found.len(), count, "{arguments:?}: {found:?}");
    }

    let of_server = listed(&["--real", "10.1.0.11"]);
    assert!(of_server.iter().all(|connection| connection.real_end == "10.1.0.11:7"), "{of_server:?}");
    assert_eq!(of_server.len() as u64, lab.view.real_server("10.1.0.11:7:tcp").connections);
    let both = listed(&["--real", "10.1.0.11", "--client", &first.to_string()]);
    assert!(
        both.len() < of_server.len()
            && both.iter().all(|connection| connection.client.starts_with(&first.to_string()))
    );

    for limit in [1, 20, 150] {
        let few = lab.view.list(&["--limit", &limit.to_string()]);
        assert_eq!(few.len(), limit);
        assert!(few.iter().all(|connection| all.contains(connection)));
    }
    let virtual_ends: HashSet<_> = all.iter().map(|connection| connection.virtual_end.as_str()).collect();
    assert_eq!(virtual_ends, HashSet::from(["192.0.2.100:7", "[2001:db8:100::100]:7"]));
}
