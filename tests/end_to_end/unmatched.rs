//! Packets that are not for a virtual server, by each of the three policies.

use crate::lab::Lab;
use crate::lab::plan::{Plan, line_addresses};

/// What every policy has in common: virtual servers work, and the unit's own addresses are the kernel's.
fn lab_with(unmatched: &'static str) -> Lab {
    let lab = Lab::start(&Plan { unmatched, ..Plan::default() });
    for address in line_addresses() {
        assert!(lab.client.connect(address).ask("hello").is_ok(), "{unmatched}: {address}");
        lab.neighbor.ping(&address.ip().to_string());
    }
    for address in ["198.51.100.1", "2001:db8:1::1"] {
        lab.client.ping(address);
    }
    lab
}

/// Whether server 1 answers to ping at its own address, for a client that takes the unit for a router.
fn is_routed(lab: &Lab) -> bool {
    lab.client.namespace.ip("route replace 10.1.0.0/24 via 198.51.100.1");
    lab.client
        .namespace
        .output("ping", &["-n", "-c", "2", "-i", "0.2", "-W", "1", "10.1.0.11"])
        .status
        .success()
}

#[test]
fn dropped() {
    let lab = lab_with("drop");
    lab.host.set("net/ipv4/ip_forward", "1");
    assert!(!is_routed(&lab), "the kernel forwarded");
    assert!(lab.view.dropped("unmatched") > 0);
}

#[test]
fn left_to_the_kernel() {
    let lab = lab_with("kernel");
    assert!(!is_routed(&lab), "the kernel forwarded without being told to");
    lab.host.set("net/ipv4/ip_forward", "1");
    assert!(is_routed(&lab), "the kernel did not forward");
}

#[test]
fn bridged() {
    let lab = lab_with("bridge");
    // A server that is on the clients' link: they find it by ARP, which crosses as well.
    lab.servers[0].namespace.ip("addr add 198.51.100.77/24 dev eth0");
    lab.client.ping("198.51.100.77");
    let mut connection = lab.client.connect(([198, 51, 100, 77], 7).into());
    assert_eq!(connection.ask("hello").ok(), Some(1));
}
