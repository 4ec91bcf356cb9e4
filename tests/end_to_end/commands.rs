//! The commands, as an operator uses them.

use std::process::Command;

use serde_json::Value;

use crate::lab::Lab;
use crate::lab::plan::{Plan, line_addresses};

/// What a command prints, which must succeed and say nothing else.
fn printed(arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_understudy")).args(arguments).output().expect("understudy runs");
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {complained}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn every_table_is_shown() {
    let lab = Lab::start(&Plan::default());
    let mut connection = lab.client.connect(line_addresses()[0]);
    connection.ask("hello").expect("an answer");
    for (what, expected) in [
        ("status", "lab"),
        ("virtual", "192.0.2.100:7"),
        ("real", "10.1.0.11:7"),
        ("connections", "198.51.100.10"),
        ("counters", "forwarded"),
        ("ports", "net_tap0"),
        ("neighbors", "10.1.0.12"),
    ] {
        let output = lab.view.command(&[what]);
        let table = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && table.contains(expected), "show {what}:\n{table}");
        assert!(lab.view.ask(what, &[]).is_ok_and(|answer| !answer.is_null()), "show {what} --json");
    }
}

#[test]
fn the_example_configuration_is_right() {
    printed(&["check", "--config", concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example")]);
}

#[test]
fn the_schema_is_json_and_has_the_keys() {
    let schema: Value = serde_json::from_str(&printed(&["schema"])).expect("JSON");
    let schema = schema.to_string();
    for key in ["virtual_servers", "predictor", "tcp_established_s", "hugepages", "unmatched"] {
        assert!(schema.contains(key), "{key}");
    }
}

#[test]
fn version_and_help_are_there() {
    assert!(printed(&["--version"]).starts_with("understudy "));
    assert!(printed(&["--help"]).contains("show"));
}
