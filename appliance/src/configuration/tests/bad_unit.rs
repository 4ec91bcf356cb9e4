//! What can be wrong with the meaning of `unit.json`.

use super::{DIRECTOR, UNIT, changed, mistakes};

/// Each row changes the small unit, and has what is said of it after the file's name.
fn check(table: &[(&str, &str, &str)]) {
    for (from, to, expected) in table {
        let lines = mistakes(&changed(UNIT, from, to), DIRECTOR);
        assert_eq!(lines, [format!("unit.json:{expected}")], "{to}");
    }
}

#[test]
fn names_are_checked() {
    let form = "letters, digits, \".\", \"_\" and \"-\", beginning with a letter or digit";
    check(&[
        ("\"a\"", "\"\"", &format!("2:11: name: \"\" is not a unit's name; write 1 to 32 {form}")),
        ("\"a\"", "\"../a\"", &format!("2:11: name: \"../a\" is not a unit's name; write 1 to 32 {form}")),
        (
            "\"outside\"",
            "\"out side\"",
            &format!("4:15: ports[0].name: \"out side\" is not a name; write 1 to 15 {form}"),
        ),
        (
            "\"outside\"",
            "\"sixteen-letters.\"",
            &format!("4:15: ports[0].name: \"sixteen-letters.\" is not a name; write 1 to 15 {form}"),
        ),
        (
            "\"inside\"",
            "\"outside\"",
            "5:15: ports[1].name: another port has the name \"outside\" already; names are used once",
        ),
        (
            "\"eth2\"",
            "\"eth2\", \"twin\": \"a/b\"",
            &format!("5:72: ports[1].twin: \"a/b\" is not a name; write 1 to 15 {form}"),
        ),
        (
            "\"eth2\"",
            "\"eth2\", \"twin\": \"lo\"",
            "5:72: ports[1].twin: \"lo\" means something else to the kernel; give the port another \"twin\"",
        ),
        (
            "\"eth2\"",
            "\"eth2\", \"twin\": \"outside\"",
            "5:72: ports[1].twin: another port has the twin \"outside\" already; give the port another \"twin\"",
        ),
        // The twin's name is the port's unless said otherwise.
        (
            "\"eth1\"",
            "\"eth1\", \"twin\": \"inside\"",
            "5:15: ports[1].name: another port has the twin \"inside\" already; give the port another \"twin\"",
        ),
        (
            "\"eth2\"",
            "\"outside\"",
            "4:15: ports[0].name: the interface \"outside\" is a port's device already; give the port another \"twin\"",
        ),
        (
            "\"interface\": \"eth2\"",
            "\"vdev\": \"net_tap0,iface=inside\"",
            "5:15: ports[1].name: the interface \"inside\" is a port's device already; give the port another \"twin\"",
        ),
    ]);
}

#[test]
fn a_port_has_one_device_of_its_own() {
    let eth2 = "\"interface\": \"eth2\"";
    check(&[
        (
            "\"interface\": \"eth2\", ",
            "",
            "5:5: ports[1]: the port has no device; write one of \"device\", \"vdev\" and \"interface\"",
        ),
        (
            eth2,
            "\"vdev\": \"net_tap1\", \"interface\": \"eth2\"",
            "5:76: ports[1].interface: the port has another device already; \
             keep one of \"device\", \"vdev\" and \"interface\"",
        ),
        (
            eth2,
            "\"interface\": \"eth1\"",
            "5:56: ports[1].interface: another port uses \"eth1\" already; each port needs its own",
        ),
        (
            eth2,
            "\"vdev\": \"net_af_packet7,iface=eth1\"",
            "5:51: ports[1].vdev: another port uses \"eth1\" already; each port needs its own",
        ),
        (
            eth2,
            "\"device\": \"01:00.0\"",
            "5:53: ports[1].device: \"01:00.0\" is not a PCI address; write it like 0000:01:00.0",
        ),
        (
            eth2,
            "\"device\": \"0000:01:00.8\"",
            "5:53: ports[1].device: \"0000:01:00.8\" is not a PCI address; write it like 0000:01:00.0",
        ),
        (
            eth2,
            "\"vdev\": \"tap0\"",
            "5:51: ports[1].vdev: \"tap0\" is not a virtual device of DPDK; write it like net_tap0,iface=tap-out",
        ),
        (
            eth2,
            "\"vdev\": \"net_tap0, iface=x\"",
            "5:51: ports[1].vdev: \"net_tap0, iface=x\" is not a virtual device of DPDK; \
             write it like net_tap0,iface=tap-out",
        ),
        (
            eth2,
            "\"vdev\": \"net_tap_twin0\"",
            "5:51: ports[1].vdev: the unit uses names like \"net_tap_twin0\" for its own twins; \
             write another number or driver, like net_tap0",
        ),
    ]);
}

#[test]
fn two_spellings_of_a_device_are_one() {
    let eth2 = "\"interface\": \"eth2\"";
    let both = |from: &str, first: &str, second: &str| {
        let unit = changed(UNIT, "\"interface\": \"eth1\"", &format!("\"{from}\": \"{first}\""));
        mistakes(&changed(&unit, eth2, &format!("\"{from}\": \"{second}\"")), DIRECTOR)
    };
    assert_eq!(
        both("device", "0000:0a:00.0", "0000:0A:00.0"),
        [
            "unit.json:5:53: ports[1].device: another port uses \"0000:0a:00.0\" already; each port needs its own"
        ]
    );
    assert_eq!(
        both("vdev", "net_tap0,iface=x", "net_tap0,iface=y"),
        ["unit.json:5:51: ports[1].vdev: another port uses \"net_tap0\" already; each port needs its own"]
    );
}

#[test]
fn mac_addresses_are_individual() {
    let mac = |text: &str| format!("\"eth1\", \"mac\": \"{text}\"");
    for (text, message) in [
        ("02-00-5e-10-00-01", "\"02-00-5e-10-00-01\" is not a MAC address; write it like 02:00:5e:10:00:01"),
        (
            "ff:ff:ff:ff:ff:ff",
            "ff:ff:ff:ff:ff:ff can not be a port's; write an individual address, like 02:00:5e:10:00:01",
        ),
        (
            "01:00:5e:00:00:01",
            "01:00:5e:00:00:01 can not be a port's; write an individual address, like 02:00:5e:10:00:01",
        ),
        (
            "00:00:00:00:00:00",
            "00:00:00:00:00:00 can not be a port's; write an individual address, like 02:00:5e:10:00:01",
        ),
    ] {
        check(&[("\"eth1\"", &mac(text), &format!("4:73: ports[0].mac: {message}"))]);
    }
}

#[test]
fn own_addresses_are_a_hosts() {
    let not_host = |address: &str, kind: &str| {
        format!("{address} can not be the unit's own, as it is {kind}; write a host's address")
    };
    let form = "is not an address with a prefix length; write it like 198.51.100.1/24 or 2001:db8::1/64";
    for (text, message) in [
        ("198.51.100.1", "198.51.100.1 lacks a prefix length; write it like 198.51.100.1/24".to_owned()),
        ("2001:db8::1", "2001:db8::1 lacks a prefix length; write it like 2001:db8::1/64".to_owned()),
        ("198.51.100.1/33", format!("\"198.51.100.1/33\" {form}")),
        ("host/24", format!("\"host/24\" {form}")),
        ("198.51.100.0/24", not_host("198.51.100.0", "the network's address")),
        ("198.51.100.255/24", not_host("198.51.100.255", "the network's broadcast address")),
        ("2001:db8::/64", not_host("2001:db8::", "the network's address")),
        ("0.0.0.0/8", not_host("0.0.0.0", "an unspecified address")),
        ("127.0.0.1/8", not_host("127.0.0.1", "a loopback address")),
        ("224.0.0.1/24", not_host("224.0.0.1", "a multicast address")),
        ("240.0.0.1/24", not_host("240.0.0.1", "a reserved address")),
        ("255.255.255.255/32", not_host("255.255.255.255", "the broadcast address")),
        ("::/64", not_host("::", "the unspecified address")),
        ("::1/128", not_host("::1", "the loopback address")),
        ("ff02::1/64", not_host("ff02::1", "a multicast address")),
        ("::ffff:10.0.0.1/96", not_host("::ffff:10.0.0.1", "an IPv4-mapped address")),
        (
            "198.51.100.1/0",
            "prefix length 0 would make every address a neighbour; write the network's".to_owned(),
        ),
        ("10.1.0.1/24", "a port has the address 10.1.0.1 already; addresses are used once".to_owned()),
    ] {
        // The second of two, so that its place is not the list's.
        let addresses = format!("\"10.1.0.1/24\", \"{text}\"");
        check(&[("\"10.1.0.1/24\"", &addresses, &format!("5:93: ports[1].addresses[1]: {message}"))]);
    }
}

#[test]
fn mtus_are_in_range() {
    check(&[
        ("\"eth1\"", "\"eth1\", \"mtu\": 67", "4:73: ports[0].mtu: 67 bytes are not in 68 to 9216"),
        ("\"eth1\"", "\"eth1\", \"mtu\": 9217", "4:73: ports[0].mtu: 9217 bytes are not in 68 to 9216"),
        (
            "\"eth1\", \"addresses\": [\"198.51.100.1/24\"]",
            "\"eth1\", \"addresses\": [\"2001:db8::1/64\"], \"mtu\": 1279",
            "4:106: ports[0].mtu: 1279 bytes are too few for a port with IPv6 addresses; write 1280 to 9216",
        ),
    ]);
}

#[test]
fn both_sides_have_ports() {
    check(&[
        (
            "\"role\": \"inside\"",
            "\"role\": \"outside\"",
            "3:12: ports: no port has the role \"inside\"; the unit needs at least one",
        ),
        (
            "\"role\": \"outside\"",
            "\"role\": \"inside\"",
            "3:12: ports: no port has the role \"outside\"; the unit needs at least one",
        ),
    ]);
    let extra: String = (0..15)
        .map(|n| format!(r#", {{ "name": "p{n}", "role": "inside", "vdev": "net_tap{n}" }}"#))
        .collect();
    let unit = changed(UNIT, "\n  ]", &format!("{extra}\n  ]"));
    assert_eq!(
        mistakes(&unit, DIRECTOR),
        ["unit.json:3:12: ports: 17 ports are more than the 16 that a unit can have"]
    );
}

#[test]
fn sizes_are_in_range() {
    let with = |more: &str| format!("\"name\": \"a\", {more},");
    let long_path = format!("\"socket\": \"/{}\"", "x".repeat(107));
    for (more, expected) in [
        (
            "\"cores\": { \"control\": 1024 }",
            "2:38: cores.control: 1024 is not a CPU; they are numbered from 0 to at most 1023",
        ),
        ("\"cores\": { \"workers\": [] }", "2:38: cores.workers: 0 workers are not in 1 to 64"),
        (
            "\"cores\": { \"workers\": [1, 9999] }",
            "2:42: cores.workers[1]: 9999 is not a CPU; they are numbered from 0 to at most 1023",
        ),
        ("\"memory_mib\": 63", "2:30: memory_mib: 63 MiB are not in 64 to 1048576"),
        (
            "\"additional_buffers\": 16777217",
            "2:38: additional_buffers: 16777217 additional packet buffers are more than 16777216",
        ),
        ("\"connections\": 0", "2:31: connections: 0 connections are not in 1 to 64000000"),
        ("\"connections\": 64000001", "2:31: connections: 64000001 connections are not in 1 to 64000000"),
        (
            "\"socket\": \"a.sock\"",
            "2:26: socket: \"a.sock\" is not a path for a socket; write an absolute path of at most 107 bytes",
        ),
        (
            &long_path,
            &format!(
                "2:26: socket: \"/{}\" is not a path for a socket; write an absolute path of at most 107 bytes",
                "x".repeat(107)
            ),
        ),
    ] {
        check(&[("\"name\": \"a\",", &with(more), expected)]);
    }
    let workers = vec!["1"; 65].join(", ");
    check(&[(
        "\"name\": \"a\",",
        &with(&format!("\"cores\": {{ \"workers\": [{workers}] }}")),
        "2:38: cores.workers: 65 workers are not in 1 to 64",
    )]);
}

#[test]
fn all_mistakes_are_told_from_the_top() {
    let unit = changed(UNIT, "\"a\"", "\"-\"");
    let unit = changed(&unit, "198.51.100.1/24", "198.51.100.0/24");
    let unit = changed(&unit, "\"eth2\"", "\"eth2\", \"mtu\": 1");
    let unit = changed(&unit, "\n}", ",\n  \"connections\": 0\n}");
    let places: Vec<_> = mistakes(&unit, "{ \"timeouts\": 5 }")
        .iter()
        .map(|line| line.split(": ").next().unwrap().to_owned())
        .collect();
    assert_eq!(
        places,
        ["unit.json:2:11", "unit.json:4:80", "unit.json:5:71", "unit.json:7:18", "director.json:1:15"]
    );
}
