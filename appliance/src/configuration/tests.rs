//! Documents that are right, and each way in which one can be wrong.

mod bad_choice;
mod bad_director;
mod bad_failover;
mod bad_groups;
mod bad_json;
mod bad_replication;
mod bad_unit;
mod documents;
mod folder;
mod good;
mod schema;

use std::path::Path;

use super::*;

/// A small unit.
const UNIT: &str = r#"{
  "name": "a",
  "ports": [
    { "name": "outside", "role": "outside", "interface": "eth1", "addresses": ["198.51.100.1/24"] },
    { "name": "inside", "role": "inside", "interface": "eth2", "addresses": ["10.1.0.1/24"] }
  ]
}"#;

/// Nothing is balanced.
const DIRECTOR: &str = "{}";

fn read_texts(unit: &str, director: &str) -> Result<Loaded, LoadError> {
    let source = |file, text| Source { file: Path::new(file), text };
    read(source("unit.json", unit), source("director.json", director), 2)
}

/// The configuration that other modules' tests write as documents.
pub(crate) fn read_for_tests(unit: &str, director: &str) -> Loaded {
    read_texts(unit, director).unwrap()
}

/// What is wrong, a line each.
fn mistakes(unit: &str, director: &str) -> Vec<String> {
    let LoadError(diagnostics) = read_texts(unit, director).unwrap_err();
    diagnostics.iter().map(Diagnostic::to_string).collect()
}

/// `text` with the first `from` replaced, which must be there.
fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from:?} is not in {text}");
    text.replacen(from, to, 1)
}
