//! The command line as a user meets it: exit statuses, messages, and `show` against a unit that is played here.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "cli/console.rs"]
mod console;
#[path = "cli/language.rs"]
mod language;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const UNIT: &str = r#"{
    "name": "a",
    "ports": [
        { "name": "outside", "role": "outside", "device": "0000:01:00.0", "addresses": ["198.51.100.1/24"] },
        { "name": "inside", "role": "inside", "device": "0000:01:00.1", "addresses": ["10.1.0.1/24"] }
    ],
    "cores": { "control": 0, "workers": [1] }
}"#;

const DIRECTOR: &str = r#"{
    "virtual_servers": [{ "virtual": "192.0.2.100:80" }, { "virtual": "192.0.2.101:80" }],
    "real_servers": [{ "real": "10.1.0.11:8080" }],
    "bindings": [{ "virtual": "192.0.2.100:80", "real": ["10.1.0.11:8080"] }]
}"#;

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("understudy-cli-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn with_configuration(unit: &str, director: &str) -> Self {
        let folder = Self::new();
        fs::write(folder.0.join("unit.json"), unit).unwrap();
        fs::write(folder.0.join("director.json"), director).unwrap();
        folder
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn understudy(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_understudy"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    understudy(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Plays a unit that gives `answers`, one to each request, to one client. Returns its socket, and the requests when
/// the client has gone.
fn play_unit(folder: &Folder, answers: Vec<String>) -> (String, thread::JoinHandle<Vec<String>>) {
    let socket = folder.0.join("played.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let unit = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut requests = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut seen = Vec::new();
        for answer in answers {
            seen.extend(requests.next().map(Result::unwrap));
            writeln!(stream, "{answer}").unwrap();
        }
        seen
    });
    (socket.to_str().unwrap().to_owned(), unit)
}

#[test]
fn wrong_usage_ends_with_status_2_and_says_what_is_right() {
    let cases: [&[&str]; 5] = [
        &[],
        &["dance"],
        &["show"],
        &["show", "ports", "--colour"],
        &["show", "connections", "--client", "everybody"],
    ];
    for arguments in cases {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        let message = text(&output.stderr);
        assert!(message.contains("Usage:") || message.contains("--help"), "{arguments:?}: {message}");
    }
}

#[test]
fn help_and_version_are_no_failure() {
    let help = run(&["--help"]);
    assert!(help.status.success());
    for command in ["run", "check", "schema", "show"] {
        assert!(text(&help.stdout).contains(&format!("\n  {command}")), "{command}");
    }
    let version = run(&["--version"]);
    assert!(version.status.success());
    let words: Vec<_> = text(&version.stdout).split_whitespace().collect();
    assert_eq!(words.len(), 2, "{words:?}");
    assert_eq!(words[0], "understudy");
    assert!(words[1].starts_with(|first: char| first.is_ascii_digit()), "{words:?}");
}

#[test]
fn show_without_a_unit_fails_in_one_line() {
    let folder = Folder::new();
    let socket = format!("{}/a.sock", folder.path());
    let output = run(&["show", "status", "--socket", &socket]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), format!("understudy: no unit is running at {socket}\n"));
}

#[test]
fn show_prints_a_table_or_json() {
    let answer = r#"{"version":1,"neighbors":[{"port":"inside","address":"10.1.0.11","mac":null,"state":"failed","used_as":[]}]}"#;
    for (option, expected) in [
        (
            None,
            "port    address    MAC address  state   used as\ninside  10.1.0.11  -            failed  -\n",
        ),
        (Some("--json"), "{\n  \"version\": 1,\n  \"neighbors\": [\n"),
    ] {
        let folder = Folder::new();
        let (socket, unit) = play_unit(&folder, vec![answer.to_owned()]);
        let mut arguments = vec!["show", "neighbors", "--socket", &socket];
        arguments.extend(option);
        let output = run(&arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(text(&output.stdout).starts_with(expected), "{}", text(&output.stdout));
        assert_eq!(unit.join().unwrap(), [r#"{"version":1,"show":"neighbors"}"#]);
    }
}

#[test]
fn list_is_fetched_page_by_page() {
    let connection =
        r#"{"protocol":"tcp","client":"198.51.100.7:40001","virtual":"192.0.2.100:80","real":"10.1.0.11:80",
        "state":"established","idle_ms":0,"syn_resends":0,"translated_port":null,"worker":0}"#
            .replace('\n', " ");
    let page = |count: usize, after: &str| {
        let list = vec![connection.as_str(); count].join(",");
        format!(r#"{{"version":1,"connections":{{"list":[{list}],"after":{after}}}}}"#)
    };
    let folder = Folder::new();
    let (socket, unit) = play_unit(&folder, vec![page(1000, "\"0.4.1000\""), page(500, "\"0.4.1500\"")]);
    let output = run(&["show", "connections", "--limit", "1500", "--json", "--socket", &socket]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["connections"]["list"].as_array().unwrap().len(), 1_500);
    assert_eq!(document["connections"]["after"], "0.4.1500");
    assert_eq!(
        unit.join().unwrap(),
        [
            r#"{"version":1,"show":{"connections":{"limit":1000}}}"#,
            r#"{"version":1,"show":{"connections":{"limit":500,"after":"0.4.1000"}}}"#
        ]
    );
}

#[test]
fn refusal_of_the_unit_is_passed_on() {
    for (answer, expected) in [
        (
            r#"{"version":1,"error":{"kind":"worker_silent","message":"worker 3 is stuck"}}"#,
            "worker 3 is stuck",
        ),
        (r#"{"version":9,"error":{"kind":"of_tomorrow","message":"speak version 9"}}"#, "speak version 9"),
        ("hello", "answers in another way than version 1"),
    ] {
        let folder = Folder::new();
        let (socket, _unit) = play_unit(&folder, vec![answer.to_owned()]);
        let output = run(&["show", "counters", "--socket", &socket]);
        assert_eq!(output.status.code(), Some(1));
        let message = text(&output.stderr);
        assert!(message.starts_with("understudy: ") && message.contains(expected), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn reader_that_has_seen_enough_is_no_failure() {
    let neighbor = r#"{"port":"inside","address":"10.1.0.11","mac":null,"state":"failed","used_as":[]}"#;
    let answer = format!(r#"{{"version":1,"neighbors":[{}]}}"#, vec![neighbor; 5_000].join(","));
    let folder = Folder::new();
    let (socket, _unit) = play_unit(&folder, vec![answer]);
    let mut child = understudy(&["show", "neighbors", "--socket", &socket])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // More than a pipe holds: the program is still writing when the reader goes.
    child.stdout.take().unwrap().read_exact(&mut [0; 64]).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn fine_configuration_is_summed_up() {
    let folder = Folder::with_configuration(UNIT, DIRECTOR);
    let output = run(&["check", "--config", folder.path()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let summary = text(&output.stdout);
    for part in [
        "would run unit a",
        "2 ports: outside (198.51.100.1/24), inside (10.1.0.1/24)",
        "1 worker on CPU 1, control on CPU 0",
        "2 virtual servers, 1 real server, 1 binding",
        "note: no real server is in service for virtual server 192.0.2.101:80:tcp",
    ] {
        assert!(summary.contains(part), "{part:?} is not in {summary}");
    }
}

#[test]
fn mistakes_are_told_with_their_place_before_anything_is_touched() {
    let broken = DIRECTOR.replace("10.1.0.11:8080\"]", "10.1.0.99:8080\"]");
    let folder = Folder::with_configuration(UNIT, &broken);
    for command in ["check", "run"] {
        let output = run(&[command, "--config", folder.path()]);
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        let message = text(&output.stderr);
        assert!(message.contains("director.json:4:"), "{message}");
        assert!(message.contains("10.1.0.99:8080"), "{message}");
    }
    let nowhere = run(&["check", "--config", "/nowhere"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(text(&nowhere.stderr).contains("/nowhere"), "{}", text(&nowhere.stderr));
}

#[test]
fn schema_is_json() {
    let output = run(&["schema"]);
    assert!(output.status.success());
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for document in ["unit.json", "director.json"] {
        assert!(schema.get(document).is_some(), "{document} is not in {schema}");
    }
}
