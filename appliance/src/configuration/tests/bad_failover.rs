//! What can be wrong with how units find out which of them is active.

use super::{DIRECTOR, UNIT, changed, mistakes};

const REPLICATION: &str = r#""replication": { "key_file": "k", "paths": [{ "local": "10.9.0.1:7400", "peer": "10.9.0.2:7400" }] },"#;

const LINK: &str = r#""links": [{ "local": "10.9.0.1:7500", "peer": "10.9.0.2:7500" }]"#;

/// What is said of the small unit with this failover section, without the place in the text.
fn said(failover: &str) -> Vec<String> {
    let unit = changed(
        UNIT,
        "\"name\": \"a\",",
        &format!("\"name\": \"a\", {REPLICATION}\n\"failover\": {failover},"),
    );
    mistakes(&unit, DIRECTOR).iter().map(|line| line.split_once(": ").unwrap().1.to_owned()).collect()
}

/// The same with a role and a link.
fn said_of(rest: &str) -> Vec<String> {
    said(&format!(r#"{{ "role": "primary", {LINK}, {rest} }}"#))
}

#[test]
fn there_is_a_way_for_heartbeats_and_a_role() {
    assert_eq!(
        said(r#"{ "role": "primary" }"#),
        ["failover: heartbeats have no way; write \"links\", \"cable\" or both"]
    );
    assert_eq!(
        said(&format!("{{ {LINK} }}")),
        [
            "failover: without a cable nothing says which unit this is; write \"role\": \"primary\" or \"backup\""
        ]
    );
    let beyond = said(r#"{ "cable": { "tty": "/dev/ttyS0" }, "priority": 300 }"#);
    assert_eq!(
        beyond,
        ["failover.priority: 300 is not a priority; write 0 to 255"],
        "the plug says the role"
    );
}

#[test]
fn a_unit_with_failover_has_a_peer_and_no_state() {
    let failover = format!(r#""failover": {{ "role": "primary", {LINK} }},"#);
    let alone = changed(UNIT, "\"name\": \"a\",", &format!("\"name\": \"a\", {failover}"));
    let lines = mistakes(&alone, DIRECTOR);
    assert!(
        lines[0]
            .ends_with("failover: a unit that decides by itself needs a peer; write \"replication\" as well")
    );
    let both = changed(
        UNIT,
        "\"name\": \"a\",",
        &format!("\"name\": \"a\", \"role\": \"active\", {REPLICATION} {failover}"),
    );
    let lines = mistakes(&both, DIRECTOR);
    assert!(lines[0].contains("role: a unit with \"failover\" finds its state by itself"), "{lines:?}");
}

#[test]
fn numbers_are_in_their_ranges() {
    for (rest, expected) in [
        (r#""id": 0"#, "failover.id: 0 is not a unit's ID; write 1 to 255"),
        (r#""priority": 256"#, "failover.priority: 256 is not a priority; write 0 to 255"),
        (r#""listen_ms": 10"#, "failover.listen_ms: 10 ms are not in 50 to 60000"),
        (r#""preempt_ms": 90000"#, "failover.preempt_ms: 90000 ms are not in 50 to 60000"),
        (
            r#""cable": { "tty": "ttyS0" }"#,
            "failover.cable.tty: \"ttyS0\" is not a serial port; write an absolute path, like /dev/ttyS0",
        ),
        (
            r#""cable": { "tty": "/dev/ttyS0", "baud": 1200 }"#,
            "failover.cable.baud: 1200 is not a speed of the cable; write one of [9600, 19200, 38400, 57600, 115200, \
             230400, 460800, 921600]",
        ),
        (
            r#""cable": { "tty": "/dev/ttyS0", "misses": 1 }"#,
            "failover.cable.misses: 1 times are not in 2 to 100",
        ),
        (
            r#""cable": { "tty": "/dev/ttyS0", "baud": 9600 }"#,
            "failover.cable.interval_ms: at 9600 baud a heartbeat can not go more often than each 133 ms; write at least \
             that",
        ),
        (
            r#""listen_ms": 50, "cable": { "tty": "/dev/ttyS0" }"#,
            "failover.listen_ms: 50ms are shorter than the 60ms after which a way for heartbeats counts as silent; write \
             more",
        ),
        (
            r#""reachability": { "interval_ms": 1 }"#,
            "failover.reachability.interval_ms: 1 ms are not in 20 to 10000",
        ),
    ] {
        assert_eq!(said_of(rest), [expected]);
    }
    assert_eq!(
        said(
            r#"{ "role": "backup", "links": [{ "local": "10.9.0.1:1", "peer": "10.9.0.2:1", "interval_ms": 4 }] }"#
        ),
        ["failover.links[0].interval_ms: 4 ms are not in 5 to 10000"]
    );
}

#[test]
fn a_target_is_one_thing() {
    for (target, expected) in [
        ("{}", "[0]: a target is one of \"host\", \"subnet\" and \"port\"; write exactly one of them"),
        (
            r#"{ "host": "10.1.0.1", "port": "outside" }"#,
            "[0]: a target is one of \"host\", \"subnet\" and \"port\"; write exactly one of them",
        ),
        (
            r#"{ "host": "router" }"#,
            "[0].host: \"router\" is not a host's address; write it like 198.51.100.254 or 2001:db8::fe",
        ),
        (r#"{ "port": "left" }"#, "[0].port: no port is called \"left\"; write the name of one of the ports"),
        (
            r#"{ "subnet": "10.1.0.0" }"#,
            "[0].subnet: \"10.1.0.0\" is not a subnet; write it like 10.1.0.0/24 or 2001:db8:2::/64",
        ),
        (
            r#"{ "host": "10.1.0.1", "alternates": ["2001:db8::1"] }"#,
            "[0].alternates: 2001:db8::1 can not stand in for 10.1.0.1; write other addresses of the same family",
        ),
        (
            r#"{ "port": "outside", "alternates": ["10.1.0.1"] }"#,
            "[0].alternates: only a host has other addresses; write \"alternates\" beside \"host\"",
        ),
    ] {
        let rest = format!(r#""reachability": {{ "targets": [{target}] }}"#);
        assert_eq!(said_of(&rest), [format!("failover.reachability.targets{expected}")]);
    }
}
