//! What can be wrong with how a unit keeps in step with its peer.

use super::{DIRECTOR, UNIT, changed, mistakes};

const PATH: &str = r#"{ "local": "10.9.0.1:7400", "peer": "10.9.0.2:7400" }"#;

/// The small unit with this replication.
fn unit(replication: &str) -> String {
    changed(
        UNIT,
        "\"name\": \"a\",",
        &format!("\"name\": \"a\", \"role\": \"active\",\n\"replication\": {replication},"),
    )
}

/// What is said of the small unit with this replication, without the place in the text.
fn said(replication: &str) -> Vec<String> {
    mistakes(&unit(replication), DIRECTOR)
        .iter()
        .map(|line| line.split_once(": ").unwrap().1.to_owned())
        .collect()
}

#[test]
fn paths_join_two_hosts() {
    for (paths, expected) in [
        ("", "replication.paths: 0 paths are not in 1 to 2"),
        (
            r#"{ "local": "10.9.0.1", "peer": "10.9.0.2:7400" }"#,
            "replication.paths[0].local: \"10.9.0.1\" is not an address with a UDP port; write it like \
             10.9.0.1:7400 or [fd00:9::1]:7400",
        ),
        (
            r#"{ "local": "10.9.0.1:7400", "peer": "10.9.0.2:0" }"#,
            "replication.paths[0].peer: \"10.9.0.2:0\" is not an address with a UDP port; write it like \
             10.9.0.1:7400 or [fd00:9::1]:7400",
        ),
        (
            r#"{ "local": "0.0.0.0:7400", "peer": "10.9.0.2:7400" }"#,
            "replication.paths[0].local: \"0.0.0.0:7400\" is not an address with a UDP port; write it like \
             10.9.0.1:7400 or [fd00:9::1]:7400",
        ),
        (
            r#"{ "local": "10.9.0.1:7400", "peer": "[fd00::2]:7400" }"#,
            "replication.paths[0].peer: [fd00::2]:7400 and 10.9.0.1:7400 are of two address families; write both \
             with IPv4 or both with IPv6 addresses",
        ),
        (
            r#"{ "local": "10.9.0.1:7400", "peer": "10.9.0.1:7400" }"#,
            "replication.paths[0].peer: 10.9.0.1:7400 is this unit itself; write the other unit's address",
        ),
        (
            r#"{ "local": "10.9.0.1:1", "peer": "10.9.0.2:1" }, { "local": "10.9.0.1:1", "peer": "10.9.0.3:1" }"#,
            "replication.paths[1].local: another path begins at 10.9.0.1:1 already; each needs an address or port \
             of its own",
        ),
    ] {
        assert_eq!(said(&format!(r#"{{ "key_file": "k", "paths": [{paths}] }}"#)), [expected]);
    }
}

#[test]
fn sizes_and_times_are_in_range() {
    for (more, expected) in [
        (r#""flush_us": 1000001"#, "replication.flush_us: 1000001 microseconds are more than 1000000"),
        (r#""mtu": 1279"#, "replication.mtu: 1279 bytes are not in 1280 to 9216"),
        (r#""digest_interval_ms": 9"#, "replication.digest_interval_ms: 9 ms are not in 10 to 3600000"),
        (r#""standby_timeout_s": 1000001"#, "replication.standby_timeout_s: 1000001 s are more than 1000000"),
    ] {
        assert_eq!(said(&format!(r#"{{ "key_file": "k", "paths": [{PATH}], {more} }}"#)), [expected]);
    }
    let said = said(&format!(r#"{{ "key_file": "", "paths": [{PATH}] }}"#));
    assert_eq!(
        said,
        [
            "replication.key_file: \"\" is not a file's name; write that of the file with the pair's key, like pair.key"
        ]
    );
}

#[test]
fn there_are_two_ways_to_learn() {
    assert_eq!(
        said(&format!(r#"{{ "key_file": "k", "paths": [{PATH}], "sync": "watch" }}"#)),
        ["replication.sync: unknown word `watch`; write `records` or `observe`"]
    );
}

#[test]
fn a_unit_of_a_pair_says_whether_it_forwards() {
    let written = unit(&format!(r#"{{ "key_file": "k", "paths": [{PATH}] }}"#));
    let open = changed(&written, " \"role\": \"active\",", "");
    assert_eq!(
        mistakes(&open, DIRECTOR),
        [
            "unit.json:3:16: replication: nothing says whether this unit of a pair forwards; write \"failover\", so that it \
             finds out by itself, or \"role\": \"active\" at one unit and \"role\": \"standby\" at the other"
        ]
    );
}

#[test]
fn nobody_stands_by_alone() {
    let alone = changed(UNIT, "\"name\": \"a\",", "\"name\": \"a\", \"role\": \"standby\",");
    assert_eq!(
        mistakes(&alone, DIRECTOR),
        [
            "unit.json:2:24: role: a unit that stands by needs a peer; write \"replication\", or \"role\": \"active\""
        ]
    );
    let other = changed(UNIT, "\"name\": \"a\",", "\"name\": \"a\", \"role\": \"backup\",");
    assert_eq!(
        mistakes(&other, DIRECTOR),
        ["unit.json:2:24: role: unknown word `backup`; write `active` or `standby`"]
    );
}
