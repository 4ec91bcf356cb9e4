//! What can be wrong with what `director.json` says of clients, backups and limits.

use super::{UNIT, changed, mistakes};

const DIRECTOR: &str = r#"{
  "virtual_servers": [
    { "virtual": "192.0.2.100:80", "sticky": { "minutes": 30 } },
    { "virtual": "192.0.2.100:80:1", "backup": "192.0.2.100:80", "backup_when": "busy", "resends": 3 },
    { "virtual": "192.0.2.100:80:9", "refuse": "drop", "timeouts": { "tcp_syn_s": 3 } },
    { "virtual": "192.0.2.100:443", "sticky": { "minutes": 30, "ipv4_prefix": 32, "ipv6_prefix": 128 } }
  ],
  "real_servers": [
    { "real": "10.1.0.11:80", "max_connections": 1, "threshold": 8, "retry_s": 60, "slow_start_s": 0 },
    { "real": "10.1.0.12:80", "backup": "10.1.0.11:80" }
  ],
  "bindings": [
    { "virtual": "192.0.2.100:80", "real": ["10.1.0.12:80"] }
  ],
  "assignments": [
    { "virtual": "192.0.2.100:80:1", "clients": ["203.0.113.0/24"] },
    { "virtual": "192.0.2.100:80:9", "clients": ["203.0.113.0/25"] }
  ],
  "buddies": [
    { "name": "shop", "virtual": ["192.0.2.100:80", "192.0.2.100:443"] }
  ]
}"#;

/// A change of the document, and what is said of it after the file's name.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "\"minutes\": 30 }",
        "\"minutes\": 0 }",
        "3:59: virtual_servers[0].sticky.minutes: 0 is not in 1 to 10080",
    ),
    ("{ \"minutes\": 30 }", "{}", "3:46: virtual_servers[0].sticky: the key `minutes` is missing"),
    (
        "{ \"minutes\": 30 }",
        "30",
        "3:46: virtual_servers[0].sticky: found integer `30`; write an object with \"minutes\"",
    ),
    ("\"resends\": 3", "\"resends\": 101", "4:100: virtual_servers[1].resends: 101 is not in 0 to 100"),
    ("\"resends\": 3", "\"synguard\": 0", "4:101: virtual_servers[1].synguard: 0 is not in 1 to 64000000"),
    (
        "\"resends\": 3",
        "\"max_connections\": 0",
        "4:108: virtual_servers[1].max_connections: 0 is not in 1 to 64000000",
    ),
    (
        "\"busy\"",
        "\"sometimes\"",
        "4:81: virtual_servers[1].backup_when: unknown word `sometimes`; write `failed` or `busy`",
    ),
    (
        "\"backup\": \"192.0.2.100:80\"",
        "\"backup\": \"192.0.2.99:80\"",
        "4:48: virtual_servers[1].backup: \
             neither a virtual nor a real server is named 192.0.2.99:80; define the backup first",
    ),
    (
        "\"backup\": \"192.0.2.100:80\"",
        "\"backup\": \"192.0.2.100:80:1\"",
        "4:48: virtual_servers[1].backup: \
             192.0.2.100:80:1 would stand in for itself, by 192.0.2.100:80:1, then 192.0.2.100:80:1; break the circle",
    ),
    (
        "\"tcp_syn_s\": 3",
        "\"tcp_syn_s\": 0",
        "5:83: virtual_servers[2].timeouts.tcp_syn_s: 0 is not in 1 to 1000000 seconds",
    ),
    (
        "\"virtual\": \"192.0.2.100:80\", \"real\"",
        "\"virtual\": \"192.0.2.100:80:9\", \"real\"",
        "13:18: bindings[0].virtual: \
             it refuses all connections, so it can have no real servers; remove the bindings, or the refusal",
    ),
    (
        "\"ipv4_prefix\": 32",
        "\"ipv4_prefix\": 24",
        "20:53: buddies[0].virtual[1]: 192.0.2.100:443 counts other bits of clients' addresses than its buddy 192.0.2.100:80; \
             give them the same prefixes",
    ),
    (
        "\"max_connections\": 1",
        "\"max_connections\": 0",
        "9:50: real_servers[0].max_connections: 0 is not in 1 to 64000000",
    ),
    (
        "\"threshold\": 8",
        "\"threshold\": 1000001",
        "9:66: real_servers[0].threshold: 1000001 is not in 0 to 1000000",
    ),
    ("\"retry_s\": 60", "\"retry_s\": 86401", "9:80: real_servers[0].retry_s: 86401 is not in 0 to 86400"),
    (
        "\"slow_start_s\": 0",
        "\"slow_start_s\": 86401",
        "9:100: real_servers[0].slow_start_s: 86401 is not in 0 to 86400",
    ),
    (
        "\"backup\": \"10.1.0.11:80\"",
        "\"backup\": \"10.1.0.13:80\"",
        "10:41: real_servers[1].backup: no real server 10.1.0.13:80; defined are 10.1.0.11:80, 10.1.0.12:80",
    ),
    (
        "\"virtual\": \"192.0.2.100:80:1\", \"clients\"",
        "\"virtual\": \"192.0.2.100:80:7\", \"clients\"",
        "16:18: assignments[0].virtual: no virtual server 192.0.2.100:80:7 to assign clients to; \
             defined are 192.0.2.100:80, 192.0.2.100:80:1, 192.0.2.100:80:9, 192.0.2.100:443; \
             define the instance first: virtual 192.0.2.100:80:7",
    ),
    (
        "\"virtual\": \"192.0.2.100:80:1\", \"clients\"",
        "\"virtual\": \"192.0.2.100:80\", \"clients\"",
        "16:18: assignments[0].virtual: 192.0.2.100:80 has bind ID 0, which serves all clients that are not assigned; \
             assign to an instance with another, like 192.0.2.100:80:1",
    ),
    (
        "203.0.113.0/24",
        "203.0.113.7/24",
        "16:50: assignments[0].clients[0]: \
             203.0.113.7/24 has bits set that its prefix leaves out; write 203.0.113.0/24",
    ),
    (
        "203.0.113.0/24",
        "everybody",
        "16:50: assignments[0].clients[0]: \
             \"everybody\" is neither an address nor a network; write it like 198.51.100.7 or 198.51.100.0/24",
    ),
    (
        "203.0.113.0/24",
        "2001:db8:7::/48",
        "16:50: assignments[0].clients[0]: \
             2001:db8:7::/48 is IPv6, but 192.0.2.100:80:1 is IPv4; assign clients of the same address family",
    ),
    (
        "203.0.113.0/25",
        "203.0.113.0/24",
        "17:50: assignments[1].clients[0]: \
             203.0.113.0/24 is assigned to 192.0.2.100:80:1 already; a client gets one instance",
    ),
    (
        "\"name\": \"shop\"",
        "\"name\": \"the shop\"",
        "20:15: buddies[0].name: \"the shop\" is not the name of a group of buddies; \
             write 1 to 32 letters, digits, \".\", \"_\" and \"-\", beginning with a letter or digit",
    ),
    (
        "\"192.0.2.100:443\"] }",
        "\"192.0.2.100:80:1\"] }",
        "20:53: buddies[0].virtual[1]: \
             192.0.2.100:80:1 is not sticky, so it has nothing to share with its buddies; make it sticky first, \
             or take it out of the group of buddies first",
    ),
    (
        "[\"192.0.2.100:80\", \"192.0.2.100:443\"]",
        "\"192.0.2.100:80\"",
        "20:34: buddies[0].virtual: found string \"192.0.2.100:80\"; write a list",
    ),
    (
        "\"virtual\": \"192.0.2.100:443\"",
        "\"virtual\": [\"192.0.2.100:443\"]",
        "6:18: virtual_servers[3].virtual: found a list; write a string in quotes",
    ),
];

#[test]
fn each_mistake_is_told_at_its_place() {
    for (from, to, expected) in MISTAKES {
        assert_eq!(
            mistakes(UNIT, &changed(DIRECTOR, from, to)),
            [format!("director.json:{expected}")],
            "{to}"
        );
    }
}
