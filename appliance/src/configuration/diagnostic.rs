//! What is wrong with a configuration, as an operator reads it.

use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is wrong: `FOLDER/director.json:12:15: bindings[1].real[0]: what is wrong; what would be right`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The document, or the folder.
    pub file: PathBuf,
    /// Where in the document; `None` if there is no document to point into.
    pub position: Option<Position>,
    /// The keys that lead there, like `bindings[1].real[0]`; empty for the whole document.
    pub path: String,
    /// What is wrong and what would be right. One line.
    pub message: String,
}

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
}

/// Why a configuration can not be loaded: everything that is wrong with it, a line each, in the order of the documents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct LoadError(pub Vec<Diagnostic>);

impl Diagnostic {
    /// What was written may have any character, but a diagnostic is one line.
    pub(super) fn new(file: &Path, position: Option<Position>, path: String, message: &str) -> Self {
        Self { file: file.to_owned(), position, path: escape(&path), message: escape(message) }
    }
}

fn escape(text: &str) -> String {
    let escaped = |character: char| match character {
        control if control.is_control() => control.escape_default().to_string(),
        other => other.to_string(),
    };
    text.chars().map(escaped).collect()
}

fn lines(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n")
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:", self.file.display())?;
        if let Some(Position { line, column }) = self.position {
            write!(formatter, "{line}:{column}:")?;
        }
        if !self.path.is_empty() {
            write!(formatter, " {}:", self.path)?;
        }
        write!(formatter, " {}", self.message)
    }
}
