//! What moves with a failover group: the servers' gateway and MAC addresses, for each group by itself.

use serde_json::{Value, json};

use crate::lab::Namespace;
use crate::lab::pair::{Half, Pair};
use crate::lab::plan::{Plan, line_addresses, line_services, short_timeouts};
use crate::lab::traffic::{still_talk, talk};
use crate::lab::wait;

/// The MAC address that a host knows for a neighbour.
fn neighbor(host: &Namespace, address: &str) -> String {
    let family = if address.contains(':') { "-6" } else { "-4" };
    let known = host.run("ip", &[family, "-json", "neigh", "show", "to", address, "dev", "eth0"]);
    let known: Value = serde_json::from_str(&known).expect("JSON");
    known[0]["lladdr"].as_str().unwrap_or_else(|| panic!("{address} is not known: {known}")).to_owned()
}

/// The addresses of a unit's twin.
fn addresses_of(half: &Half, twin: &str) -> String {
    half.host.run("ip", &["addr", "show", "dev", twin])
}

/// The first group of a director: its gateways move.
fn with_gateway(mut director: Value) -> Value {
    director["groups"] = json!([{
        "name": "web",
        "advertise": true,
        "shared_addresses": { "inside": ["10.1.0.254/24", "2001:db8:2::254/64"] },
    }]);
    director
}

#[test]
fn the_gateway_moves_and_nobody_has_to_be_told() {
    let director = with_gateway(line_services("roundrobin", 3));
    let pair = Pair::start(Plan { director, ..Plan::default() }, &[0, 1]);
    pair.join();
    for server in &pair.servers {
        server.namespace.ip("route replace default via 10.1.0.254\nroute replace ::/0 via 2001:db8:2::254");
    }
    let mut connections = talk(&pair.client, &line_addresses(), 20);
    let server = &pair.servers[0].namespace;
    let ping_gateway = || {
        for address in ["10.1.0.254", "2001:db8:2::254"] {
            server.run("ping", &["-c", "1", "-W", "5", address]);
        }
        pair.client.ping("198.51.100.2");
    };
    let known = || {
        let client = &pair.client.namespace;
        [
            neighbor(client, "192.0.2.100"),
            neighbor(client, "2001:db8:100::100"),
            neighbor(client, "198.51.100.2"),
            neighbor(server, "10.1.0.254"),
            neighbor(server, "2001:db8:2::254"),
        ]
    };
    ping_gateway();
    let before = known();
    assert_eq!((&before[0], &before[3]), (&before[1], &before[4]), "one MAC address for each port");
    assert!(before[0] != before[2] && before[0] != before[3], "{before:?}");

    let has_addresses = |half: &Half| {
        let inside = addresses_of(half, "inside");
        let outside = addresses_of(half, "outside");
        let shared = inside.contains("10.1.0.254/24") && inside.contains("2001:db8:2::254/64");
        shared && outside.contains("192.0.2.100/32") && outside.contains("2001:db8:100::100/128")
    };
    for (from, to) in [(&pair.a, &pair.b), (&pair.b, &pair.a), (&pair.a, &pair.b)] {
        pair.wait_until_synchronized();
        from.failover("standby");
        to.failover("active");
        still_talk(&mut connections);
        connections.extend(talk(&pair.client, &line_addresses(), 4));
        wait::until_equal("addresses of the active unit", (true, false), || {
            (has_addresses(to), has_addresses(from))
        });
        let left = addresses_of(from, "inside");
        assert!(!left.contains("10.1.0.254") && !left.contains("2001:db8:2::254"), "{left}");
        ping_gateway();
        assert_eq!(known(), before, "neighbours had to learn something");
    }
    pair.wait_until_synchronized();
    pair.b.kill();
    pair.a.failover("active");
    still_talk(&mut connections);
    still_talk(&mut talk(&pair.client, &line_addresses(), 4));
    let after = known();
    assert_eq!((&after[..2], &after[3..]), (&before[..2], &before[3..]));
}

/// Each unit is active for one group.
fn crossed() -> Value {
    let server = |address: &str, group: &str| json!({ "virtual": format!("{address}:7"), "predictor": "roundrobin", "group": group });
    let real = |number: usize| json!({ "real": format!("10.1.0.1{number}:7") });
    let group = |name: &str, primary: &str, gateway: &str| json!({ "name": name, "primary": primary, "shared_addresses": { "inside": [gateway] } });
    json!({
        "groups": [group("web", "a", "10.1.0.254/24"), group("mail", "b", "10.1.0.253/24")],
        "virtual_servers": [server("192.0.2.100", "web"), server("192.0.2.101", "mail")],
        "real_servers": [real(1), real(2), real(3)],
        "bindings": [
            { "virtual": "192.0.2.100:7", "real": ["10.1.0.11:7", "10.1.0.12:7"] },
            { "virtual": "192.0.2.101:7", "real": ["10.1.0.13:7"] },
        ],
        "timeouts": short_timeouts(),
    })
}

#[test]
fn each_unit_is_active_for_a_group_and_then_one_for_both() {
    let pair = Pair::start(Plan { director: crossed(), ..Plan::default() }, &[0, 1]);
    pair.join();
    for (server, gateway) in pair.servers.iter().zip([254, 254, 253]) {
        server.namespace.ip(&format!("route replace default via 10.1.0.{gateway}"));
    }
    let addresses = ["192.0.2.100:7", "192.0.2.101:7"].map(|text| text.parse().expect("an address"));
    let mut connections = talk(&pair.client, &addresses, 40);
    let (web, mail) = ("192.0.2.100:7:tcp", "192.0.2.101:7:tcp");
    let forwards = |half: &Half| [web, mail].map(|name| half.view.virtual_server(name).inbound_packets > 0);
    assert_eq!((forwards(&pair.a), forwards(&pair.b)), ([true, false], [false, true]));
    assert_ne!(
        neighbor(&pair.client.namespace, "192.0.2.100"),
        neighbor(&pair.client.namespace, "192.0.2.101")
    );
    for half in [&pair.a, &pair.b] {
        wait::until_equal("connections of both groups", 40, || half.view.connections("current"));
        let listed: Vec<_> = half.view.list(&[]).into_iter().map(|listed| listed.virtual_end).collect();
        let count = |end: &str| listed.iter().filter(|listed| *listed == end).count();
        assert_eq!((count("192.0.2.100:7"), count("192.0.2.101:7")), (20, 20));
        assert_eq!(half.view.show("virtual")[1]["group"], "mail");
    }
    pair.wait_until_synchronized();
    pair.b.failover("standby");
    pair.a.failover("active");
    still_talk(&mut connections);
    connections.extend(talk(&pair.client, &addresses, 6));
    assert_eq!(forwards(&pair.a), [true, true]);
    pair.wait_until_synchronized();
    pair.take_over_unaided();
    still_talk(&mut connections);
}
