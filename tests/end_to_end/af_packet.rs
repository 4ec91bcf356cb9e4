//! Ports that are ordinary Linux interfaces.

use nix::sys::signal::Signal;

use crate::lab::client::ask_by_datagram;
use crate::lab::plan::{Plan, Ports, VIRTUAL_V4, VIRTUAL_V6, add_service, line_addresses, web};
use crate::lab::{Lab, Namespace};

#[test]
fn linux_interfaces_serve_as_ports() {
    let page = vec![b'y'; 4 << 20];
    let mut director = web("roundrobin", 3);
    add_service(&mut director, ":7:udp", "roundrobin", 3);
    let lab = Lab::start(&Plan {
        ports: Ports::Interfaces,
        director,
        large: Some(page.clone()),
        ..Plan::default()
    });
    for address in [VIRTUAL_V4, VIRTUAL_V6] {
        lab.neighbor.ping(&address.to_string());
        let host = if address.is_ipv4() { address.to_string() } else { format!("[{address}]") };
        assert!(lab.client.fetch(&format!("http://{host}/")).starts_with("server "), "{host}");
        assert_eq!(lab.client.fetch(&format!("http://{host}/large")).len(), page.len(), "{host}");
    }
    for address in line_addresses() {
        let answered = ask_by_datagram(&lab.client.datagrams(address), "hello");
        assert!(answered.is_ok(), "{address}: {answered:?}");
    }
}

#[test]
fn linux_interfaces_serve_two_workers() {
    let director = crate::lab::plan::line_services("roundrobin", 3);
    let plan = Plan {
        ports: Ports::Interfaces,
        workers: &[0, 1],
        client_addresses: 0..16,
        director,
        ..Plan::default()
    };
    let lab = Lab::start(&plan);
    for number in 0..16 {
        let (from, _) = crate::lab::plan::client_addresses(number);
        let mut connection = lab.client.connect_from((from, 0).into(), line_addresses()[0]);
        assert!(connection.ask("hello").is_ok(), "client {from}");
    }
    let by_worker = lab.view.connections_by_worker();
    assert_eq!(by_worker.len(), 2);
    assert!(
        by_worker.iter().all(|&connections| connections > 0),
        "one worker has all clients: {by_worker:?}"
    );
}

#[test]
fn linux_interfaces_are_given_back_as_they_were() {
    let mut lab = Lab::start(&Plan { ports: Ports::Interfaces, ..Plan::default() });
    lab.host.ip("link add untouched type veth peer name unplugged\nlink set untouched up");
    let untouched = settings(&lab.host, "untouched");
    for interface in ["wire-out", "wire-in"] {
        let used = settings(&lab.host, interface);
        for (what, (used, untouched)) in
            ["offloads", "promiscuous mode", "arp_ignore"].iter().zip(used.iter().zip(&untouched))
        {
            assert_ne!(used, untouched, "{interface}: {what}");
        }
    }
    assert!(lab.end_unit(Signal::SIGINT).success());
    for interface in ["wire-out", "wire-in"] {
        assert_eq!(settings(&lab.host, interface), untouched, "{interface}");
    }
}

/// What a unit changes on an interface: its offloads, whether it is promiscuous, and its answers to ARP.
fn settings(host: &Namespace, interface: &str) -> [String; 3] {
    let offloads = host.run("ethtool", &["-k", interface]).replace(interface, "NAME");
    let link = host.run("ip", &["link", "show", "dev", interface]);
    let promiscuous = link.contains("PROMISC").to_string();
    let arp_ignore = host.run("cat", &[&format!("/proc/sys/net/ipv4/conf/{interface}/arp_ignore")]);
    [offloads, promiscuous, arp_ignore]
}
