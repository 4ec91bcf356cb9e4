//! Stamps the program with its version: what git says about the sources, else the package's version.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // HEAD's log grows with each commit, whatever branch HEAD is on.
    for file in [".git/HEAD", ".git/logs/HEAD", ".git/packed-refs"] {
        if Path::new(file).exists() {
            println!("cargo::rerun-if-changed={file}");
        }
    }
    let package = std::env!("CARGO_PKG_VERSION");
    let version = describe().map_or_else(|| package.to_owned(), |revision| stamp(package, &revision));
    println!("cargo::rustc-env=UNDERSTUDY_VERSION={version}");
}

/// What `git describe` says, where these are the sources of a repository of their own and git is there.
fn describe() -> Option<String> {
    if !Path::new(".git").exists() {
        return None;
    }
    let output =
        Command::new("git").args(["describe", "--tags", "--match", "v[0-9]*", "--always"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let revision = text.trim();
    (output.status.success() && !revision.is_empty()).then(|| revision.to_owned())
}

/// A tag `v1.2.3` names the version itself; a bare commit is added to the package's.
fn stamp(package: &str, revision: &str) -> String {
    match revision.strip_prefix('v') {
        Some(tagged) => tagged.to_owned(),
        None => format!("{package}+g{revision}"),
    }
}
