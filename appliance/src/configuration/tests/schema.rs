//! The schema says what the documents may have, and agrees with how they are read.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::configuration::document::Raw;
use crate::configuration::raw::director::RawDirector;
use crate::configuration::raw::unit::RawUnit;
use crate::configuration::schema;

/// All keys of a document, with what the schema says of each.
fn properties(document: &str) -> Vec<(String, Value)> {
    let schema = schema();
    let root = &schema[document];
    let definitions = root["$defs"].as_object().unwrap().values();
    let objects = definitions.chain([root]).filter_map(|object| object["properties"].as_object());
    objects.flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn keys(document: &str) -> BTreeSet<String> {
    properties(document).into_iter().map(|(key, _)| key).collect()
}

fn set(keys: &[&str]) -> BTreeSet<String> {
    keys.iter().map(|&key| key.to_owned()).collect()
}

#[test]
fn every_key_is_listed() {
    assert_eq!(
        keys("unit.json"),
        set(&[
            "name",
            "ports",
            "cores",
            "idle",
            "hugepages",
            "memory_mib",
            "additional_buffers",
            "connections",
            "socket",
            "role",
            "device",
            "vdev",
            "interface",
            "mac",
            "addresses",
            "mtu",
            "unmatched",
            "twin",
            "control",
            "workers",
            "replication",
            "key_file",
            "paths",
            "local",
            "peer",
            "flush_us",
            "digest_interval_ms",
            "standby_timeout_s",
            "sync",
            "failover",
            "id",
            "priority",
            "listen_ms",
            "preempt_ms",
            "cable",
            "tty",
            "baud",
            "interval_ms",
            "misses",
            "links",
            "reachability",
            "falls",
            "rises",
            "targets",
            "host",
            "alternates",
            "subnet",
            "port",
            "weight",
            "required",
        ])
    );
}

#[test]
fn every_key_of_what_is_balanced_is_listed() {
    assert_eq!(
        keys("director.json"),
        set(&[
            "generation",
            "unwritten",
            "virtual_servers",
            "real_servers",
            "bindings",
            "timeouts",
            "assignments",
            "clients",
            "buddies",
            "tcp_without_connection",
            "hash_seed",
            "groups",
            "group",
            "name",
            "primary",
            "strategy",
            "compare",
            "hold_s",
            "load_margin_percent",
            "advertise",
            "shared_addresses",
            "mac",
            "virtual",
            "predictor",
            "in_service",
            "replicate",
            "refuse",
            "sticky",
            "minutes",
            "ipv4_prefix",
            "ipv6_prefix",
            "max_connections",
            "backup",
            "backup_when",
            "resends",
            "synguard",
            "real",
            "weight",
            "threshold",
            "count_resets",
            "retry_s",
            "slow_start_s",
            "tcp_syn_s",
            "tcp_established_s",
            "tcp_half_closed_s",
            "tcp_closed_s",
            "tcp_reset_s",
            "udp_s",
        ])
    );
}

#[test]
fn every_key_is_described() {
    for (key, property) in properties("unit.json").into_iter().chain(properties("director.json")) {
        let description =
            property["description"].as_str().unwrap_or_else(|| panic!("{key} is not described"));
        assert!(description.len() > 10 && !description.contains('\n'), "{key}: {description:?}");
    }
}

#[test]
fn documents_are_titled_and_closed() {
    for document in ["unit.json", "director.json"] {
        let schema = &schema()[document];
        assert_eq!(schema["title"], document);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        for object in schema["$defs"].as_object().unwrap().values().chain([schema]) {
            let is_object = object["type"] == "object";
            assert!(!is_object || object["additionalProperties"] == false, "{object}");
        }
    }
}

#[test]
fn ranges_and_defaults_are_told() {
    let schema = schema();
    let port = &schema["unit.json"]["$defs"]["Port"]["properties"];
    assert_eq!((&port["mtu"]["minimum"], &port["mtu"]["maximum"]), (&68.into(), &9_216.into()));
    assert_eq!(port["mtu"]["default"], 1_500);
    assert_eq!(port["unmatched"]["default"], "kernel");
    let timeouts = &schema["director.json"]["$defs"]["Timeouts"]["properties"];
    assert_eq!(timeouts["tcp_established_s"]["default"], 7_440);
    assert_eq!(timeouts["udp_s"]["maximum"], 1_000_000);
    let server = &schema["director.json"]["$defs"]["RealServer"]["properties"];
    assert_eq!((&server["threshold"]["default"], &server["retry_s"]["default"]), (&8.into(), &60.into()));
    assert_eq!(server["max_connections"]["maximum"], 64_000_000);
    let server = &schema["director.json"]["$defs"]["VirtualServer"]["properties"];
    assert_eq!(
        (&server["resends"]["default"], &server["backup_when"]["default"]),
        (&3.into(), &"failed".into())
    );
    assert_eq!(schema["director.json"]["$defs"]["Sticky"]["properties"]["minutes"]["maximum"], 10_080);
    assert_eq!(schema["director.json"]["properties"]["tcp_without_connection"]["default"], "drop");
}

/// The definition that a property has as its type, also where it may be missing.
fn reference(property: &Value) -> Option<&str> {
    let choices = property["anyOf"].as_array().map_or(&[][..], Vec::as_slice);
    [property].into_iter().chain(choices).find_map(|choice| choice["$ref"].as_str())
}

/// [`Raw::LISTS`] and [`Raw::OBJECTS`] repeat what the types say.
#[test]
fn lists_and_objects_are_where_the_types_have_them() {
    fn check<T: Raw>(document: &str) {
        let schema = schema();
        let (mut lists, mut objects) = (BTreeSet::new(), BTreeSet::new());
        for (key, property) in properties(document) {
            let types = &property["type"];
            if types == "array" || types.as_array().is_some_and(|types| types.contains(&"array".into())) {
                lists.insert(key);
            } else if property["additionalProperties"].is_object() {
                let is_of_lists = property["additionalProperties"]["type"] == "array";
                assert_eq!(is_of_lists, T::OBJECTS_OF_LISTS.contains(&key.as_str()), "{key}");
                objects.insert(key);
            } else if let Some(name) = reference(&property) {
                let definition = name.trim_start_matches("#/$defs/");
                if schema[document]["$defs"][definition]["type"] == "object" {
                    objects.insert(key);
                }
            }
        }
        assert_eq!(lists, set(T::LISTS));
        assert_eq!(objects, set(T::OBJECTS));
    }
    check::<RawUnit>("unit.json");
    check::<RawDirector>("director.json");
}
