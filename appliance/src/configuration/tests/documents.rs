//! What is balanced as a document that units write, and read back.

use director::{BackupWhen, Predictor, Refusal, StickyDraft};

use super::{UNIT, read_texts};
use crate::configuration::director_document;

/// Every key once with another value than its default, as units write it.
const DOCUMENT: &str = r#"{
  "generation": 7,
  "unwritten": true,
  "virtual_servers": [
    {
      "virtual": "192.0.2.100:80",
      "predictor": "maglev",
      "replicate": false,
      "group": "web",
      "sticky": {
        "minutes": 30,
        "ipv4_prefix": 24,
        "ipv6_prefix": 56
      },
      "max_connections": 1000,
      "timeouts": {
        "tcp_syn_s": 5,
        "udp_s": 6
      },
      "resends": 0,
      "synguard": 100
    },
    {
      "virtual": "192.0.2.100:80:1",
      "predictor": "fastest",
      "in_service": false,
      "backup": "192.0.2.100:80",
      "backup_when": "busy"
    },
    {
      "virtual": "192.0.2.100:80:9",
      "predictor": "source-hash",
      "refuse": "reset"
    },
    {
      "virtual": "[2001:db8:100::100]:53:udp",
      "backup": "[2001:db8:1::11]:53:udp"
    }
  ],
  "real_servers": [
    {
      "real": "10.1.0.11:8080",
      "weight": 5,
      "in_service": false,
      "max_connections": 50,
      "backup": "10.1.0.12",
      "threshold": 3,
      "count_resets": false,
      "retry_s": 10,
      "slow_start_s": 20
    },
    {
      "real": "10.1.0.12"
    },
    {
      "real": "[2001:db8:1::11]:53:udp"
    }
  ],
  "bindings": [
    {
      "virtual": "192.0.2.100:80",
      "real": [
        "10.1.0.11:8080",
        "10.1.0.12"
      ]
    }
  ],
  "assignments": [
    {
      "virtual": "192.0.2.100:80:1",
      "clients": [
        "203.0.113.0/24",
        "203.0.113.7"
      ]
    }
  ],
  "buddies": [
    {
      "name": "shop",
      "virtual": [
        "192.0.2.100:80"
      ]
    }
  ],
  "groups": [
    {
      "name": "web",
      "primary": "b",
      "strategy": "automatic",
      "compare": "count",
      "hold_s": 5,
      "load_margin_percent": 20,
      "advertise": true,
      "shared_addresses": {
        "inside": [
          "10.1.0.254/24"
        ]
      },
      "mac": {
        "inside": "02:00:5e:10:00:01"
      }
    }
  ],
  "timeouts": {
    "tcp_established_s": 8000
  },
  "tcp_without_connection": "reset",
  "hash_seed": 18446744073709551615
}
"#;

#[test]
fn every_key_is_read_and_written_back() {
    let loaded = read_texts(UNIT, DOCUMENT).unwrap();
    assert_eq!((loaded.generation, loaded.unwritten), (7, true));
    assert_eq!(director_document(&loaded.draft, 7, true).unwrap(), DOCUMENT);
    let [first, second, third, fourth] = &loaded.draft.virtual_servers[..] else { panic!("four") };
    assert_eq!(first.predictor, Predictor::Maglev);
    assert_eq!(first.sticky, Some(StickyDraft { minutes: 30, ipv4_prefix: 24, ipv6_prefix: 56 }));
    assert_eq!(
        (first.timeouts.tcp_syn_s, first.timeouts.udp_s, first.timeouts.tcp_reset_s),
        (Some(5), Some(6), None)
    );
    assert_eq!((second.backup.as_deref(), second.backup_when), (Some("192.0.2.100:80"), BackupWhen::Busy));
    assert_eq!((third.refuse, fourth.refuse), (Some(Refusal::Reset), None));
    assert_eq!(loaded.director, loaded.draft.build().unwrap());
}

#[test]
fn what_has_its_default_is_not_written() {
    let spelled_out = r#"{
      "generation": 0, "unwritten": false, "hash_seed": 0, "tcp_without_connection": "drop",
      "virtual_servers": [{
        "virtual": "192.0.2.100:80", "predictor": "leastconns", "in_service": true, "replicate": true, "group": null,
        "refuse": null, "sticky": { "minutes": 1, "ipv4_prefix": 32, "ipv6_prefix": 128 }, "max_connections": null,
        "backup": null, "backup_when": "failed", "timeouts": {}, "resends": 3, "synguard": null
      }],
      "real_servers": [{
        "real": "10.1.0.11", "weight": 1, "in_service": true, "max_connections": null, "backup": null,
        "threshold": 8, "count_resets": true, "retry_s": 60, "slow_start_s": 0
      }],
      "bindings": [], "assignments": [], "buddies": [], "timeouts": { "udp_s": 300 },
      "groups": [{ "name": "web", "primary": null, "strategy": "manual", "compare": "required", "hold_s": 30,
                   "load_margin_percent": null, "advertise": false, "shared_addresses": {}, "mac": {} }]
    }"#;
    let draft = read_texts(UNIT, spelled_out).unwrap().draft;
    let text = director_document(&draft, 0, false).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        value,
        serde_json::json!({
            "generation": 0,
            "virtual_servers": [{ "virtual": "192.0.2.100:80", "sticky": { "minutes": 1 } }],
            "real_servers": [{ "real": "10.1.0.11" }],
            "groups": [{ "name": "web" }],
        })
    );
    assert_eq!(read_texts(UNIT, &text).unwrap().draft, draft);
}

#[test]
fn nothing_is_a_document_too() {
    let text = director_document(&director::ConfigurationDraft::default(), 3, false).unwrap();
    assert_eq!(text, "{\n  \"generation\": 3\n}\n");
}
