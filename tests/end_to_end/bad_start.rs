//! What can not run says why, on one line that an operator understands, and leaves nothing behind.

use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::lab::plan::{Plan, line_services};
use crate::lab::{Folder, Lab, Namespace};

/// `unit.json` of the default plan, with its socket in `folder`.
fn unit_json(folder: &Folder) -> Value {
    Plan::default().unit_json(&folder.path().join("unit.sock"), 1)
}

fn write(folder: &Folder, unit: &str, director: &str) -> String {
    folder.write("configuration/unit.json", unit);
    folder.write("configuration/director.json", director);
    folder.path().join("configuration").display().to_string()
}

fn understudy(arguments: &[&str]) -> Output {
    let run = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_understudy"));
        command.args(arguments).stdin(Stdio::null()).output().expect("understudy runs")
    };
    Namespace::new().enter_with_sys(run)
}

/// Runs a unit that can not run, and returns the last line that it said.
fn complaint(arguments: &[&str], status: i32) -> String {
    let output = understudy(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}:\n{said}");
    assert!(!said.contains("panicked"), "{said}");
    said.trim_end().to_owned()
}

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or_default()
}

#[test]
fn mistakes_in_the_configuration_are_told_with_their_place() {
    let good_unit = |folder: &Folder| unit_json(folder).to_string();
    let director = line_services("roundrobin", 3).to_string();
    let folder = Folder::new();
    for (file, unit, director, expected) in [
        ("unit.json:1:13", "{ \"name\": 1 }".to_owned(), director.clone(), "name"),
        ("unit.json:1:", "{".to_owned(), director.clone(), ""),
        (
            "director.json:2:4",
            good_unit(&folder),
            "{\n  \"virtual_server\": [] }".to_owned(),
            "virtual_server",
        ),
        (
            "director.json:2:",
            good_unit(&folder),
            "{ \"virtual_servers\": [\n { \"virtual\": \"192.0.2.300:80\" } ] }".to_owned(),
            "192.0.2.300",
        ),
        (
            "director.json:1:",
            good_unit(&folder),
            "{ \"bindings\": [ { \"virtual\": \"192.0.2.100:80\", \"real\": [\"10.1.0.11:80\"] } ] }"
                .to_owned(),
            "192.0.2.100:80",
        ),
    ] {
        let configuration = write(&folder, &unit, &director);
        for command in ["run", "check"] {
            let said = complaint(&[command, "--config", &configuration], 1);
            assert!(said.contains(file.trim_end_matches(char::is_numeric)), "{command}: {file} in {said}");
            assert!(said.contains(expected), "{command}: {expected} in {said}");
        }
    }
}

#[test]
fn a_missing_folder_is_told() {
    for command in ["run", "check"] {
        let said = complaint(&[command, "--config", "/nowhere/understudy"], 1);
        assert!(said.contains("/nowhere/understudy"), "{said}");
    }
}

#[test]
fn wrong_usage_is_status_2() {
    for arguments in
        [&["walk"][..], &["run", "--fast"], &["show"], &["show", "nothing"], &[], &["check", "a", "b"]]
    {
        let said = complaint(arguments, 2);
        assert!(!said.is_empty(), "{arguments:?} says nothing");
    }
    let said = complaint(&["show", "connections", "--client", "everybody"], 2);
    assert!(said.contains("everybody"), "{said}");
}

#[test]
fn a_port_that_is_not_there_is_named() {
    let folder = Folder::new();
    let mut unit = unit_json(&folder);
    let port = unit["ports"][1].as_object_mut().expect("a port");
    port.remove("vdev");
    port.insert("interface".to_owned(), json!("eth-nowhere"));
    let configuration = write(&folder, &unit.to_string(), &line_services("roundrobin", 3).to_string());
    let said = complaint(&["run", "--config", &configuration], 1);
    let last = last_line(&said);
    assert!(last.contains("inside") && last.contains("eth-nowhere"), "{said}");
    assert!(!folder.path().join("unit.sock").exists(), "the socket stayed behind");
}

#[test]
fn a_device_that_is_not_there_is_named() {
    let folder = Folder::new();
    let mut unit = unit_json(&folder);
    let port = unit["ports"][0].as_object_mut().expect("a port");
    port.remove("vdev");
    port.insert("device".to_owned(), json!("00ff:1f:1f.7"));
    let configuration = write(&folder, &unit.to_string(), &line_services("roundrobin", 3).to_string());
    let said = complaint(&["run", "--config", &configuration], 1);
    let last = last_line(&said);
    assert!(last.contains("00ff:1f:1f.7"), "{said}");
}

#[test]
fn a_socket_in_use_is_told_and_its_unit_is_left_alone() {
    let lab = Lab::start(&Plan::default());
    let folder = Folder::new();
    let unit = Plan::default().unit_json(&lab.view.socket, 1).to_string();
    let configuration = write(&folder, &unit, &line_services("roundrobin", 3).to_string());
    let said = complaint(&["run", "--config", &configuration], 1);
    assert!(last_line(&said).contains(&lab.view.socket.display().to_string()), "{said}");
    let mut connection = lab.client.connect(crate::lab::plan::line_addresses()[0]);
    assert!(connection.ask("hello").is_ok());
}

#[test]
fn nobody_answers_where_no_unit_runs() {
    let said = complaint(&["show", "status", "--socket", "/nowhere/unit.sock"], 1);
    assert!(said.contains("/nowhere/unit.sock") && said.lines().count() == 1, "{said}");
}

#[test]
fn a_cpu_that_is_not_there_is_named() {
    let folder = Folder::new();
    let mut unit = unit_json(&folder);
    unit["cores"]["workers"] = json!([1, 120]);
    let configuration = write(&folder, &unit.to_string(), &line_services("roundrobin", 3).to_string());
    let said = complaint(&["run", "--config", &configuration], 1);
    let last = last_line(&said);
    assert!(
        last.contains("120") && !last.contains("--lcores"),
        "in DPDK's words, not in an operator's: {last}"
    );
}
