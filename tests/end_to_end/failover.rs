//! One unit dies, the other goes on with its connections.

use std::net::SocketAddr;
use std::thread;

use crate::http::large_page;
use crate::lab::client::{Browser, Lines, ask_by_datagram};
use crate::lab::pair::Pair;
use crate::lab::plan::{
    Plan, VIRTUAL_V4, VIRTUAL_V6, add_service, client_addresses, line_addresses, line_services, web,
};
use crate::lab::services::LINE_PORT;
use crate::lab::traffic::{Downloads, still_talk, talk};
use crate::lab::wait::{self, PATIENCE};

/// The line service by TCP and UDP, and web pages.
fn plan() -> Plan {
    let mut director = line_services("roundrobin", 3);
    add_service(&mut director, ":80", "roundrobin", 3);
    Plan { director, ..Plan::default() }
}

#[test]
fn connections_survive_the_death_of_the_active_unit() {
    let pair = Pair::start(plan(), &[0, 1]);
    let mut before = talk(&pair.client, &line_addresses(), 40);
    // A standby that joins late gets what was there before it; a UDP flow is a connection, too.
    pair.join();
    before.extend(talk(&pair.client, &line_addresses(), 40));
    let datagrams: Vec<_> =
        line_addresses().into_iter().map(|address| pair.client.datagrams(address)).collect();
    let servers: Vec<_> =
        datagrams.iter().map(|socket| ask_by_datagram(socket, "before").expect("an answer")).collect();
    pair.wait_until_synchronized();
    wait::until_equal("connections on the standby", 82, || pair.b.view.connections("current"));

    let report = pair.take_over();
    assert_eq!((&report["state"], &report["connections"]), (&"active".into(), &82.into()));
    still_talk(&mut before);
    for (socket, server) in datagrams.iter().zip(servers) {
        assert_eq!(ask_by_datagram(socket, "after").ok(), Some(server));
    }
    // New ones begin as before.
    still_talk(&mut talk(&pair.client, &line_addresses(), 6));
}

#[test]
fn downloads_arrive_as_they_were_sent() {
    let large = large_page();
    let pair = Pair::start(
        Plan { director: web("roundrobin", 3), large: Some(large.clone()), ..Plan::default() },
        &[1],
    );
    pair.join();
    let downloads = Downloads::start(&pair.client, 6);
    wait::until_equal("downloads on the standby", 6, || pair.b.view.connections("current"));
    wait::until_equal("downloads under way", true, || {
        pair.a.view.virtual_server("192.0.2.100:80:tcp").outbound_packets > 500
    });
    pair.take_over();
    downloads.end_with(&large);
    let through_b = pair.b.view.virtual_server("192.0.2.100:80:tcp").outbound_packets;
    assert!(through_b > 0, "the downloads ended before unit B had its turn");
}

/// Long downloads among very many connections that wait, on units with one and two workers.
#[test]
fn ten_thousand_connections_survive() {
    const THREADS: usize = 16;
    const EACH: usize = 625;
    let large = large_page();
    let mut plan = Plan {
        client_addresses: 0..64,
        alone: true,
        connections: 50_000,
        large: Some(large.clone()),
        ..plan()
    };
    plan.workers = &[0, 1];
    let pair = Pair::start(plan, &[1]);
    pair.join();
    let connect = |thread: usize| {
        let (v4, v6) = client_addresses(u8::try_from(thread).expect("a small number"));
        let (from, to) = [(v4.into(), VIRTUAL_V4), (v6.into(), VIRTUAL_V6)][thread % 2];
        let (from, to) = (SocketAddr::new(from, 0), SocketAddr::new(to, 80));
        let connect = |_| {
            let mut browser = Browser::connect(from, to).expect("a connection");
            let page = browser.fetch().expect("a page");
            (browser, page)
        };
        pair.client.namespace.enter(|| (0..EACH).map(connect).collect::<Vec<_>>())
    };
    let mut browsers = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || connect(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("connections")).collect::<Vec<_>>()
    });
    let downloads = Downloads::start(&pair.client, 4);
    let all = (THREADS * EACH + 4) as u64;
    wait::until_equal("connections on the standby", all, || pair.b.view.connections("current"));

    assert_eq!(pair.take_over()["connections"], all);
    for (number, (browser, page)) in browsers.iter_mut().enumerate() {
        let fetched = browser.fetch();
        assert_eq!(fetched.as_ref().ok(), Some(&*page), "connection {number}: {fetched:?}");
    }
    downloads.end_with(&large);
}

#[test]
fn a_standby_that_watches_needs_not_be_told() {
    let large = large_page();
    let pair = Pair::start(Plan { large: Some(large.clone()), hubs: true, ..plan() }, &[0, 1]);
    pair.join();
    let mut lines = talk(&pair.client, &line_addresses(), 40);
    let datagrams: Vec<_> =
        line_addresses().into_iter().map(|address| pair.client.datagrams(address)).collect();
    let servers: Vec<_> =
        datagrams.iter().map(|socket| ask_by_datagram(socket, "before").expect("an answer")).collect();
    let downloads = Downloads::start(&pair.client, 6);
    wait::until_equal("connections on the standby", 48, || pair.b.view.connections("current"));
    wait::until_equal("downloads under way", true, || {
        pair.a.view.virtual_server("192.0.2.100:80:tcp").outbound_packets > 500
    });
    pair.wait_until_synchronized();
    let standby = pair.b.replication();
    let observed = standby["observed"].as_u64().expect("a number");
    // A copy may be lost; then the comparison of digests has it told.
    assert!(observed >= 44 && standby["sync"] == "observe", "{standby:#}");
    assert_eq!(pair.b.view.packets().forwarded, 0);

    let report = pair.take_over();
    assert_eq!(report["state"], "active");
    downloads.end_with(&large);
    still_talk(&mut lines);
    for (socket, server) in datagrams.iter().zip(servers) {
        assert_eq!(ask_by_datagram(socket, "after").ok(), Some(server));
    }
    still_talk(&mut talk(&pair.client, &line_addresses(), 6));
}

#[test]
fn a_standby_that_starts_again_gets_everything_again() {
    let pair = Pair::start(plan(), &[1]);
    pair.join();
    let mut before = talk(&pair.client, &line_addresses(), 30);
    pair.wait_until_synchronized();
    pair.b.kill();
    before.extend(talk(&pair.client, &line_addresses(), 10));
    pair.join();
    wait::until_equal("connections on the standby", 40, || pair.b.view.connections("current"));
    pair.take_over();
    still_talk(&mut before);
}

#[test]
fn units_change_places_and_back() {
    let pair = Pair::start(plan(), &[0, 1]);
    pair.join();
    let mut connections = talk(&pair.client, &line_addresses(), 20);
    pair.wait_until_synchronized();
    for (from, to) in [(&pair.a, &pair.b), (&pair.b, &pair.a)] {
        from.failover("standby");
        pair.switch(to);
        still_talk(&mut connections);
        connections.extend(talk(&pair.client, &line_addresses(), 5));
        pair.wait_until_synchronized();
        let count = connections.len() as u64;
        wait::until_equal("connections on the new standby", count, || from.view.connections("current"));
    }
}

/// Updates wait so long here that the peer has heard of none when the command comes.
#[test]
fn a_planned_switch_waits_until_the_peer_has_heard_of_all() {
    let pair = Pair::start(Plan { flush_us: 200_000, ..plan() }, &[0, 1]);
    pair.join();
    let mut connections = talk(&pair.client, &line_addresses(), 20);
    pair.a.failover("standby");
    pair.switch(&pair.b);
    still_talk(&mut connections);
}

#[test]
fn a_standby_neither_forwards_nor_answers() {
    let pair = Pair::start(plan(), &[1]);
    pair.join();
    pair.a.failover("standby");
    let refused = pair.client.try_connect(
        Some(SocketAddr::new(client_addresses(0).0.into(), 0)),
        SocketAddr::new(VIRTUAL_V4, LINE_PORT),
        std::time::Duration::from_secs(1),
    );
    assert!(refused.is_err(), "a unit that stands by forwarded");
    for half in [&pair.a, &pair.b] {
        assert_eq!(half.view.packets().forwarded, 0);
        assert!(half.replication()["state"] == "standby");
    }
    // Its own addresses are the kernel's all the time.
    pair.client.ping("198.51.100.2");
    pair.switch(&pair.b);
    let late = pair.client.try_connect(None, SocketAddr::new(VIRTUAL_V6, LINE_PORT), PATIENCE);
    assert!(late.expect("unit B is active").ask("hello").is_ok());
}

#[test]
fn half_open_connections_may_be_lost_but_do_not_hang() {
    let pair = Pair::start(plan(), &[1]);
    pair.join();
    // The server does not answer: the client's SYN is all that there ever was.
    pair.silence_servers();
    let client = pair
        .client
        .namespace
        .enter(|| thread::spawn(|| Lines::connect(None, SocketAddr::new(VIRTUAL_V4, LINE_PORT), PATIENCE)));
    wait::until_equal("a half-open connection", 1, || pair.a.view.connections("current"));
    pair.take_over();
    let connected = client.join().expect("no panic");
    assert!(connected.expect("the client's next SYN").ask("hello").is_ok());
}

#[test]
fn what_would_break_is_told_on_both_units() {
    let mut director = line_services("roundrobin", 3);
    director["virtual_servers"][0]["replicate"] = false.into();
    let pair = Pair::start(Plan { director, ..Plan::default() }, &[1]);
    pair.join();
    let _connections = talk(&pair.client, &line_addresses(), 20);
    for half in [&pair.a, &pair.b] {
        wait::until_equal("connections that would break", Some(10), || {
            half.replication()["would_break"].as_u64()
        });
        let servers = half.replication()["virtual_servers"].clone();
        let by_name = |name: &str| {
            let servers = servers.as_array().expect("a list");
            servers.iter().find(|server| server["name"] == name).expect("the server")["would_break"].clone()
        };
        assert_eq!(by_name("192.0.2.100:7:tcp"), 10);
        assert_eq!(by_name("[2001:db8:100::100]:7:tcp"), 0);
    }
}
