//! Folders and files as the operating system has them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{DIRECTOR, UNIT};
use crate::configuration::limits::DOCUMENT_BYTES;
use crate::configuration::{LoadError, load};

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        // Relaxed: the numbers only have to differ.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("understudy-configuration-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.0.join(name), content).unwrap();
        self
    }

    /// What is wrong, with the folder's path as `FOLDER`.
    fn mistakes(&self) -> Vec<String> {
        let LoadError(diagnostics) = load(&self.0).unwrap_err();
        let path = self.0.display().to_string();
        diagnostics.iter().map(|diagnostic| diagnostic.to_string().replace(&path, "FOLDER")).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_folder_is_loaded() {
    let folder = Folder::new().with("unit.json", UNIT).with("director.json", DIRECTOR);
    assert_eq!(load(&folder.0).unwrap().unit.name(), "a");
}

#[test]
fn the_documented_example_is_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/example");
    let loaded = load(&folder).unwrap();
    assert!(!loaded.director.bindings().is_empty());
}

#[test]
fn an_error_is_a_line_for_each_mistake_with_the_files_path() {
    let folder = Folder::new().with("unit.json", "{\n}").with("director.json", "{ \"bindings\": 1 }");
    let error = load(&folder.0).unwrap_err().to_string();
    let path = folder.0.display();
    assert_eq!(
        error,
        format!(
            "{path}/unit.json:1:1: the key `name` is missing\n\
             {path}/director.json:1:15: bindings: found integer `1`; write a list"
        )
    );
}

#[test]
fn missing_files_are_told_together() {
    let advice = "the file is missing; `understudy schema` prints what it may have";
    let lines = Folder::new().mistakes();
    assert_eq!(lines, [format!("FOLDER/unit.json: {advice}"), format!("FOLDER/director.json: {advice}")]);
}

#[test]
fn a_missing_folder_is_told_once() {
    let folder = Folder::new();
    fs::remove_dir(&folder.0).unwrap();
    let advice = "write the path of a folder that has unit.json and director.json";
    assert_eq!(folder.mistakes(), [format!("FOLDER: there is no such folder; {advice}")]);
    fs::write(&folder.0, UNIT).unwrap();
    assert_eq!(folder.mistakes(), [format!("FOLDER: this is not a folder; {advice}")]);
    fs::remove_file(&folder.0).unwrap();
}

#[test]
fn other_things_than_text_are_told() {
    let folder = Folder::new().with("director.json", DIRECTOR);
    fs::create_dir(folder.0.join("unit.json")).unwrap();
    assert_eq!(folder.mistakes(), ["FOLDER/unit.json: this is a folder; it should be a file"]);

    let folder = Folder::new().with("director.json", b"{\n  \"\xc3\xa4\xff\": 1 }").with("unit.json", UNIT);
    assert_eq!(
        folder.mistakes(),
        ["FOLDER/director.json:2:5: the file is not UTF-8 text from here on; save it as UTF-8"]
    );
}

#[test]
fn files_of_any_size_are_answered() {
    let spaces = vec![b' '; usize::try_from(DOCUMENT_BYTES).unwrap() + 1];
    let folder = Folder::new().with("director.json", spaces).with("unit.json", UNIT);
    assert_eq!(
        folder.mistakes(),
        ["FOLDER/director.json: the file is larger than 64 MiB; no configuration is"]
    );
}
