//! What can be wrong with the meaning of `director.json`.

use super::{UNIT, changed, mistakes};

const DIRECTOR: &str = r#"{
  "virtual_servers": [
    { "virtual": "192.0.2.100:80", "predictor": "leastconns", "in_service": true },
    { "virtual": "192.0.2.101" }
  ],
  "real_servers": [
    { "real": "10.1.0.11:8080", "weight": 1 },
    { "real": "10.1.0.12:8080" },
    { "real": "[2001:db8:1::11]:8080" },
    { "real": "10.1.0.11:53:udp" }
  ],
  "bindings": [
    { "virtual": "192.0.2.100:80", "real": ["10.1.0.11:8080",
                                            "10.1.0.12:8080"] }
  ],
  "timeouts": { "udp_s": 300 }
}"#;

/// A change of the document, and what is said of it after the file's name.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "\"192.0.2.101\"",
        "\"192.0.2.100:80:tcp\"",
        "4:18: virtual_servers[1].virtual: \
             192.0.2.100:80:tcp is the same virtual server as 192.0.2.100:80 before it; remove one of them",
    ),
    (
        "\"192.0.2.101\"",
        "\"2001:db8::1\"",
        "4:18: virtual_servers[1].virtual: \
             \"2001:db8::1\": an IPv6 address stands in brackets, like [2001:db8::1]:80",
    ),
    (
        "\"10.1.0.11:53:udp\"",
        "\"10.1.0.11:53:7:udp\"",
        "10:15: real_servers[3].real: \
             a real server has no bind ID, and this one has 7; write the name without it",
    ),
    (
        "\"192.0.2.101\"",
        "\"127.0.0.1\"",
        "4:18: virtual_servers[1].virtual: \
             127.0.0.1 is a loopback address and no server can have it; write an ordinary unicast address",
    ),
    (
        "\"192.0.2.101\"",
        "\"198.51.100.1:443\"",
        "4:18: virtual_servers[1].virtual: \
             198.51.100.1 is the unit's own on port \"outside\"; a server needs another",
    ),
    (
        "\"10.1.0.11:53:udp\"",
        "\"10.1.0.1:53:udp\"",
        "10:15: real_servers[3].real: 10.1.0.1 is the unit's own on port \"inside\"; a server needs another",
    ),
    (
        "\"10.1.0.11:53:udp\"",
        "\"10.1.0.12:8080\"",
        "10:15: real_servers[3].real: \
             10.1.0.12:8080 is the same real server as 10.1.0.12:8080 before it; remove one of them",
    ),
    (
        "\"10.1.0.11:53:udp\"",
        "\"192.0.2.101:53\"",
        "10:15: real_servers[3].real: \
             192.0.2.101 is the address of the virtual server 192.0.2.101; a real server needs one of its own",
    ),
    (
        "\"weight\": 1",
        "\"weight\": 0",
        "7:43: real_servers[0].weight: \
             weight 0 is not in 1 to 1000; to give a server no new connections, take it out of service",
    ),
    (
        "\"virtual\": \"192.0.2.100:80\", \"real\"",
        "\"virtual\": \"192.0.2.100:81\", \"real\"",
        "13:18: bindings[0].virtual: no virtual server 192.0.2.100:81; defined are 192.0.2.100:80, 192.0.2.101",
    ),
    (
        "\"10.1.0.12:8080\"] }",
        "\"10.1.0.99:8080\"] }",
        "14:45: bindings[0].real[1]: no real server 10.1.0.99:8080; \
             defined are 10.1.0.11:8080, 10.1.0.12:8080, [2001:db8:1::11]:8080, 10.1.0.11:53:udp",
    ),
    (
        "\"10.1.0.12:8080\"] }",
        "\"10.1.0.11:8080\"] }",
        "14:45: bindings[0].real[1]: \
             10.1.0.11:8080 is bound to the virtual server 192.0.2.100:80 already, as 10.1.0.11:8080; \
             remove one of them",
    ),
    (
        "\"10.1.0.12:8080\"] }",
        "\"[2001:db8:1::11]:8080\"] }",
        "14:45: bindings[0].real[1]: \
             [2001:db8:1::11]:8080 is IPv6, but the virtual server 192.0.2.100:80 is IPv4; \
             bind real servers of the same address family",
    ),
    (
        "\"10.1.0.12:8080\"] }",
        "\"10.1.0.11:53:udp\"] }",
        "14:45: bindings[0].real[1]: \
             10.1.0.11:53:udp is udp, but the virtual server 192.0.2.100:80 is tcp; \
             bind real servers of the same protocol",
    ),
    (
        "] }\n  ],\n  \"timeouts\"",
        "] },\n    { \"virtual\": \"192.0.2.101\", \"real\": [\"10.1.0.11:8080\"] }\n  ],\n  \"timeouts\"",
        "15:42: bindings[1].real[0]: \
             10.1.0.11:8080 has a port, but the virtual server 192.0.2.101 has all ports (port 0); \
             bind real servers of port 0, which keep the port that the client chose",
    ),
    (
        "[\"10.1.0.11:8080\",\n                                            \"10.1.0.12:8080\"]",
        "[]",
        "13:44: bindings[0].real: no real servers are bound; name at least one or remove the binding",
    ),
    ("\"udp_s\": 300", "\"udp_s\": 1000001", "16:26: timeouts.udp_s: 1000001 is not in 1 to 1000000 seconds"),
    ("\"udp_s\": 300", "\"tcp_syn_s\": 0", "16:30: timeouts.tcp_syn_s: 0 is not in 1 to 1000000 seconds"),
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

#[test]
fn each_timeout_has_its_key() {
    for key in ["tcp_syn_s", "tcp_established_s", "tcp_half_closed_s", "tcp_closed_s", "tcp_reset_s", "udp_s"]
    {
        let [line] = &mistakes(UNIT, &changed(DIRECTOR, "\"udp_s\": 300", &format!("\"{key}\": 0")))[..]
        else {
            panic!("one line")
        };
        assert!(line.contains(&format!(": timeouts.{key}: 0 is not in 1")), "{line}");
    }
}

#[test]
fn all_mistakes_are_told_from_the_top() {
    let director = changed(DIRECTOR, "\"weight\": 1", "\"weight\": 1001");
    let director = changed(&director, "\"10.1.0.12:8080\" }", "\"10.1.0\" }");
    let director = changed(&director, "\"udp_s\": 300", "\"udp_s\": 0");
    let director = changed(&director, "\"192.0.2.101\"", "\"224.0.0.1\"");
    let places: Vec<_> =
        mistakes(UNIT, &director).iter().map(|line| line.split(": ").nth(1).unwrap().to_owned()).collect();
    assert_eq!(
        places,
        [
            "virtual_servers[1].virtual",
            "real_servers[0].weight",
            "real_servers[1].real",
            "bindings[0].real[1]",
            "timeouts.udp_s"
        ]
    );
}
