//! The rules of docs/ARCHITECTURE.md that a program can check, read from `cargo metadata` and the sources.
//!
//! Each rule is a function from the workspace to its violations, so that the last tests can plant a violation and
//! see that the rule finds it. This must never need DPDK, root or a network.

#![forbid(unsafe_code)]

#[path = "architecture/source.rs"]
mod source;
#[path = "architecture/workspace.rs"]
mod workspace;

use source::{ExpandedPath, code_of, identifiers, paths, without_test_modules};
use workspace::{Crate, SourceFile, Workspace};

/// Which of our crates each may name. A crate that is not listed here is a violation: decide first where it belongs.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("understudy", &["appliance", "commands"]),
    (
        "appliance",
        &["commands", "dpdk", "director", "packet", "model", "replication", "failover", "failover-serial"],
    ),
    ("commands", &["model"]),
    ("dpdk", &["dpdk-sys", "model"]),
    ("dpdk-sys", &[]),
    ("director", &["flow-table", "packet", "model"]),
    ("replication", &["model"]),
    ("failover", &["model"]),
    ("failover-serial", &["model"]),
    ("flow-table", &[]),
    ("packet", &["model"]),
    ("model", &[]),
    // Development only: both units, their network and cable in one process.
    ("sim", &["director", "replication", "failover", "failover-serial", "packet", "model"]),
    // Development only: measures all of it against its peers.
    ("bench", &["appliance", "dpdk", "director", "flow-table", "packet", "model", "replication"]),
];

/// What the benchmarks of the root package measure, beside what they may name anyway.
const MEASURED: &[&str] = &["director", "flow-table", "packet", "model"];

/// The crates that may contain unsafe code. `bench` is development only, and calls peers that are written in C.
const MAY_BE_UNSAFE: &[&str] = &["dpdk-sys", "dpdk", "flow-table", "bench"];

/// The crates that may reach the outside world: all others take time, randomness and data as arguments.
const MAY_REACH_OUTSIDE: &[&str] = &["understudy", "appliance", "sim", "bench"];

/// Paths that reach the outside world, and crates whose only use is to do so.
const OUTSIDE: &[&str] = &[
    "std::time::Instant",
    "std::time::SystemTime",
    "std::fs",
    "std::env",
    "std::thread",
    "std::process",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::net::ToSocketAddrs",
    "std::os::unix::net",
    "std::hash::RandomState",
    "std::collections::hash_map::RandomState",
    "rand",
    "getrandom",
    "log",
    "nix",
];

/// Macros that print.
const PRINTING: &[&str] = &["println", "print", "eprintln", "eprint", "dbg"];

/// Longer files are more than one concern.
const LONGEST_FILE_LINES: usize = 700;

#[test]
fn crates_name_only_those_below_them() {
    assert_none(names_only_those_below(&Workspace::read()));
}

#[test]
fn nothing_below_the_appliance_reaches_outside() {
    assert_none(reaches_outside_from_above_only(&Workspace::read()));
}

#[test]
fn unsafe_code_is_in_three_crates_only() {
    assert_none(unsafe_code_has_its_place(&Workspace::read()));
}

#[test]
fn files_say_what_they_are_and_stay_short() {
    assert_none(files_are_introduced_and_short(&Workspace::read()));
}

#[test]
fn the_workspace_was_really_read() {
    let workspace = Workspace::read();
    let names: Vec<&str> = workspace.crates.iter().map(|each| each.name.as_str()).collect();
    for expected in
        ["understudy", "appliance", "dpdk", "dpdk-sys", "director", "flow-table", "packet", "model"]
    {
        assert!(names.contains(&expected), "{expected} is missing among {names:?}");
    }
    for each in &workspace.crates {
        assert!(!each.files.is_empty(), "no source files found for {}", each.name);
    }
}

/// Rules 1 and 2: manifests and sources name only the crates that `MAY_NAME` allows.
fn names_only_those_below(workspace: &Workspace) -> Vec<String> {
    let ours: Vec<&str> = workspace.crates.iter().map(|each| each.name.as_str()).collect();
    let mut violations = Vec::new();
    for each in &workspace.crates {
        let Some((_, allowed)) = MAY_NAME.iter().find(|(name, _)| *name == each.name) else {
            violations.push(format!("{} is not in the table MAY_NAME of tests/architecture.rs", each.name));
            continue;
        };
        let forbidden = |name: &str| name != each.name && ours.contains(&name) && !allowed.contains(&name);
        for dependency in each.dependencies.iter().filter(|name| forbidden(name)) {
            violations.push(format!("{}'s Cargo.toml depends on {dependency}", each.name));
        }
        for file in &each.files {
            let named = named_crates(&file.text, &ours);
            let measured = |name: &str| file.path.starts_with("benches/") && MEASURED.contains(&name);
            for name in named.into_iter().filter(|name| forbidden(name) && !measured(name)) {
                violations.push(format!("{} names the crate {name}", file.path));
            }
        }
    }
    violations
}

/// Which of `ours` the code names: as the head of a path, like `dpdk_sys::`.
fn named_crates<'a>(text: &str, ours: &[&'a str]) -> Vec<&'a str> {
    let heads: Vec<String> = paths(&code_of(text)).iter().map(|path| path.head().to_owned()).collect();
    let is_named = |name: &str| heads.contains(&name.replace('-', "_"));
    ours.iter().copied().filter(|name| is_named(name)).collect()
}

/// Rule 3: below `appliance`, nothing but tests reads a clock, a random source, a file, a socket or the environment,
/// starts a thread, prints or logs.
fn reaches_outside_from_above_only(workspace: &Workspace) -> Vec<String> {
    let below = workspace.crates.iter().filter(|each| !MAY_REACH_OUTSIDE.contains(&each.name.as_str()));
    let mut violations = Vec::new();
    for file in below.flat_map(|each| &each.files).filter(|file| file.is_product()) {
        let code = without_test_modules(&code_of(&file.text));
        for path in paths(&code) {
            for outside in OUTSIDE.iter().filter(|outside| path.is_within(outside)) {
                violations.push(format!("{} names {outside}, which reaches outside", file.path));
            }
        }
        for name in identifiers(&code).filter(|name| PRINTING.contains(name)) {
            violations.push(format!("{} prints with {name}!", file.path));
        }
    }
    violations
}

/// Rule 4: crates other than `MAY_BE_UNSAFE` forbid unsafe code, and nothing of theirs, tests included, has any.
fn unsafe_code_has_its_place(workspace: &Workspace) -> Vec<String> {
    let mut violations = Vec::new();
    for each in workspace.crates.iter().filter(|each| !MAY_BE_UNSAFE.contains(&each.name.as_str())) {
        for file in &each.files {
            if file.is_root && !file.text.contains("#![forbid(unsafe_code)]") {
                violations.push(format!("{} lacks #![forbid(unsafe_code)]", file.path));
            }
            if identifiers(&code_of(&file.text)).any(|name| name == "unsafe") {
                violations.push(format!("{} has unsafe code", file.path));
            }
        }
    }
    violations
}

/// A file begins with what it is, and is one concern.
fn files_are_introduced_and_short(workspace: &Workspace) -> Vec<String> {
    let mut violations = Vec::new();
    for file in workspace.crates.iter().flat_map(|each| &each.files) {
        if !file.text.starts_with("//!") {
            violations.push(format!("{} does not begin with //! and what it is", file.path));
        }
        let lines = file.text.lines().count();
        if lines > LONGEST_FILE_LINES {
            violations.push(format!("{} has {lines} lines, more than {LONGEST_FILE_LINES}", file.path));
        }
    }
    violations
}

fn assert_none(violations: Vec<String>) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

/// A workspace of one crate with one file, to plant violations in.
fn planted(name: &str, dependencies: &[&str], path: &str, text: &str) -> Workspace {
    let file = SourceFile { path: path.to_owned(), text: text.to_owned(), is_root: path.ends_with("lib.rs") };
    let others = MAY_NAME.iter().filter(|(other, _)| *other != name).map(|(other, _)| Crate::named(other));
    let planted = Crate {
        name: name.to_owned(),
        dependencies: dependencies.iter().map(|&name| name.to_owned()).collect(),
        files: vec![file],
    };
    Workspace { crates: others.chain([planted]).collect() }
}

#[test]
fn a_planted_dependency_is_found() {
    let source = "//! Text.\n#![forbid(unsafe_code)]\n";
    for (name, dependency) in [
        ("director", "dpdk"),
        ("director", "failover"),
        ("replication", "director"),
        ("failover-serial", "failover"),
        ("appliance", "dpdk-sys"),
        ("understudy", "director"),
        ("model", "packet"),
    ] {
        let found = names_only_those_below(&planted(name, &[dependency], "x/src/lib.rs", source));
        assert_eq!(found.len(), 1, "{name} on {dependency}: {found:?}");
    }
    assert_none(names_only_those_below(&planted("director", &["packet", "model"], "x/src/lib.rs", source)));
    assert_eq!(names_only_those_below(&planted("newcomer", &[], "x/src/lib.rs", source)).len(), 1);
}

#[test]
fn a_planted_name_is_found_in_code_only() {
    let violations =
        |name, text: &str| names_only_those_below(&planted(name, &[], "x/src/lib.rs", text)).len();
    for text in [
        "use dpdk::Mbuf;",
        "use {model::Instant, dpdk::Mbuf};",
        "fn f(m: ::dpdk::Mbuf) {}",
        "extern crate dpdk;",
    ] {
        assert_eq!(violations("director", text), 1, "{text}");
    }
    assert_eq!(violations("appliance", "fn f() { dpdk_sys::rte_rdtsc(); }"), 1);
    for text in
        ["// use dpdk::Mbuf;", "/* dpdk::Mbuf /* nested */ */", "fn f() -> &'static str { \"dpdk::Mbuf\" }"]
    {
        assert_eq!(violations("director", text), 0, "{text}");
    }
}

#[test]
fn a_planted_way_outside_is_found() {
    let violations =
        |path, text: &str| reaches_outside_from_above_only(&planted("director", &[], path, text)).len();
    for text in [
        "fn now() { std::time::Instant::now(); }",
        "use std::time::{Duration, Instant};",
        "use std::{fs, net::IpAddr};",
        "use std::net::{IpAddr, UdpSocket as Socket};",
        "fn f() { ::std::thread::spawn(|| {}); }",
        "fn f() { log::info!(\"x\"); }",
        "fn f() { println!(\"x\"); }",
        "use rand::random;",
    ] {
        assert_eq!(violations("director/src/lib.rs", text), 1, "{text}");
    }
    for text in [
        "use std::time::Duration; use model::Instant;",
        "use std::net::{IpAddr, Ipv4Addr};",
        "#[cfg(test)]\nmod tests { use std::fs; fn f() { println!(\"{}\"); } }",
        "// std::fs::read",
    ] {
        assert_eq!(violations("director/src/lib.rs", text), 0, "{text}");
    }
    assert_eq!(violations("director/tests/x.rs", "use std::fs;"), 0);
    assert_eq!(violations("director/src/lib.rs", "#[cfg(test)]\nmod tests { }\nuse std::fs;"), 1);
}

#[test]
fn planted_unsafe_code_is_found() {
    let violations =
        |name, text: &str| unsafe_code_has_its_place(&planted(name, &[], "x/src/lib.rs", text)).len();
    assert_eq!(violations("director", "//! Text.\n"), 1);
    assert_eq!(violations("director", "//! Text.\n#![forbid(unsafe_code)]\n"), 0);
    assert_eq!(violations("director", "#![forbid(unsafe_code)]\nfn f() { unsafe { g() } }"), 1);
    assert_eq!(violations("dpdk", "fn f() { unsafe { g() } }"), 0);
}

#[test]
fn planted_long_and_bare_files_are_found() {
    let violations =
        |text: &str| files_are_introduced_and_short(&planted("model", &[], "x/src/lib.rs", text)).len();
    assert_eq!(violations("fn f() {}\n"), 1);
    assert_eq!(violations("//! Text.\n"), 0);
    assert_eq!(violations(&format!("//! Text.\n{}", "\n".repeat(LONGEST_FILE_LINES))), 1);
}

#[test]
fn paths_are_expanded() {
    let found = |code: &str| paths(code).iter().map(ExpandedPath::to_string).collect::<Vec<_>>();
    assert_eq!(found("use a::{b, c::{d as e, f}, g::*};"), ["a::b", "a::c::d", "a::c::f", "a::g::*"]);
    assert_eq!(found("let x = ::std::fs::read(y); z::<u8>()"), ["std::fs::read"]);
    assert_eq!(found("use a; extern crate b;"), ["a", "b"]);
}
