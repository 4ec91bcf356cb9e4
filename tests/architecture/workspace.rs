//! What the rules look at: the crates of this workspace, what they depend on, and their source files.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The workspace.
pub(crate) struct Workspace {
    pub(crate) crates: Vec<Crate>,
}

/// One of our crates.
pub(crate) struct Crate {
    pub(crate) name: String,
    /// What its Cargo.toml names for the product or for building it; what only its tests need is left out.
    pub(crate) dependencies: Vec<String>,
    pub(crate) files: Vec<SourceFile>,
}

/// A Rust source file.
pub(crate) struct SourceFile {
    /// Relative to the workspace.
    pub(crate) path: String,
    pub(crate) text: String,
    /// Whether it is the root of a library or of a binary, where crate attributes stand.
    pub(crate) is_root: bool,
}

impl Workspace {
    /// Reads it all from the disk.
    pub(crate) fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
            .current_dir(root)
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
        let packages = metadata["packages"].as_array().expect("packages");
        Self { crates: packages.iter().map(|package| Crate::read(package, root)).collect() }
    }
}

impl Crate {
    /// A crate without anything.
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), dependencies: Vec::new(), files: Vec::new() }
    }

    fn read(package: &Value, root: &Path) -> Self {
        let list = |key: &str| package[key].as_array().cloned().unwrap_or_default();
        let is_for_tests = |dependency: &Value| dependency["kind"] == "dev";
        let manifest = Path::new(text(&package["manifest_path"]));
        let folder = manifest.parent().expect("a manifest is in a folder");
        let roots: Vec<String> = list("targets")
            .iter()
            .filter(|target| target["kind"][0] == "lib" || target["kind"][0] == "bin")
            .map(|target| text(&target["src_path"]).to_owned())
            .collect();
        let mut files = Vec::new();
        for part in ["src", "tests", "benches", "build.rs"] {
            collect(&folder.join(part), root, &roots, &mut files);
        }
        Self {
            name: text(&package["name"]).to_owned(),
            dependencies: list("dependencies")
                .iter()
                .filter(|dependency| !is_for_tests(dependency))
                .map(|dependency| text(&dependency["name"]).to_owned())
                .collect(),
            files,
        }
    }
}

impl SourceFile {
    /// Whether it is part of the product: neither a test, nor a benchmark, nor a build script.
    pub(crate) fn is_product(&self) -> bool {
        let is_test = self.path.ends_with("/tests.rs") || self.path.contains("/tests/");
        self.path.contains("src/") && !is_test
    }
}

/// Adds the Rust files at and below `path`.
fn collect(path: &Path, root: &Path, roots: &[String], files: &mut Vec<SourceFile>) {
    if path.is_dir() {
        let mut entries: Vec<_> = fs::read_dir(path).expect("a readable folder").flatten().collect();
        entries.sort_by_key(fs::DirEntry::path);
        for entry in entries {
            collect(&entry.path(), root, roots, files);
        }
    } else if path.is_file() && path.extension().is_some_and(|extension| extension == "rs") {
        files.push(SourceFile {
            path: path.strip_prefix(root).unwrap_or(path).display().to_string(),
            // A file that vanishes in between is none of the workspace.
            text: fs::read_to_string(path).unwrap_or_default(),
            is_root: roots.iter().any(|root| Path::new(root) == path),
        });
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
