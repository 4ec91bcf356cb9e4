//! A JSON document: from text to raw configuration, and from keys to places in the text.
//!
//! JSON is taken strictly: no comments, no trailing commas, no key twice.

use std::collections::HashSet;
use std::path::Path;

use jsonc_parser::ast::{Object, Value as Node};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, ParseOptions, parse_to_ast};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::diagnostic::{Diagnostic, Position};
use super::key_path::{KeyPath, Step};
use super::wording::{syntax_in_words, type_in_words};

/// Raw configuration. Derived deserializers would also take an object written as a list of its values, and a word
/// written as an object, so where lists and objects may stand is said here, too.
pub(super) trait Raw: DeserializeOwned {
    /// The keys whose values are lists.
    const LISTS: &[&str];
    /// The keys whose values are objects, beside the items of lists.
    const OBJECTS: &[&str];
    /// Those of them that have lists by keys of the writer's choice.
    const OBJECTS_OF_LISTS: &[&str] = &[];
}

/// A document and where everything is in it.
pub(super) struct Document<'a> {
    file: &'a Path,
    text: &'a str,
    root: Node<'a>,
}

impl<'a> Document<'a> {
    /// Reads raw configuration from `text`, which came from `file`.
    ///
    /// # Errors
    ///
    /// The text is not JSON, has a key twice, or a value is of another type than `T` says.
    pub(super) fn read<T: Raw>(file: &'a Path, text: &'a str) -> Result<(Self, T), Vec<Diagnostic>> {
        let value = parse(file, text).map_err(|diagnostic| vec![diagnostic])?;
        let root = parse_tree(file, text).map_err(|diagnostic| vec![diagnostic])?;
        let document = Self { file, text, root };
        none_or(document.duplicate_keys())?;
        let raw =
            serde_path_to_error::deserialize(&value).map_err(|error| vec![document.type_error(&error)])?;
        none_or(document.misplaced::<T>())?;
        Ok((document, raw))
    }

    /// Something that is wrong with the value at `path`, or with what is missing there.
    pub(super) fn diagnose(&self, path: &KeyPath, message: impl ToString) -> Diagnostic {
        self.diagnose_at(self.offset(path).value, path, &message.to_string())
    }

    fn diagnose_at(&self, offset: usize, path: &KeyPath, message: &str) -> Diagnostic {
        Diagnostic::new(self.file, Some(position(self.text, offset)), path.to_string(), message)
    }

    fn type_error(&self, error: &serde_path_to_error::Error<serde_json::Error>) -> Diagnostic {
        let path = KeyPath::from(error.path());
        let offset = self.offset(&path);
        let message = error.inner().to_string();
        let offset = if message.starts_with("unknown field") { offset.key } else { offset.value };
        self.diagnose_at(offset, &path, &type_in_words(&message))
    }

    /// Where `path` is in the text: as far as the document has it.
    fn offset(&self, path: &KeyPath) -> Offset {
        let mut node = &self.root;
        let mut offset = Offset { key: node.start(), value: node.start() };
        for step in path.steps() {
            let (key, inner) = match (step, node) {
                (Step::Key(key), Node::Object(object)) => {
                    let Some(property) = object.get(key) else { break };
                    (property.range.start, &property.value)
                }
                (Step::Index(index), Node::Array(array)) => {
                    let Some(element) = array.elements.get(*index) else {
                        break;
                    };
                    (element.start(), element)
                }
                _ => break,
            };
            offset = Offset { key, value: inner.start() };
            node = inner;
        }
        offset
    }

    fn duplicate_keys(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        walk(&self.root, &KeyPath::root(), &mut |node, path| {
            if let Node::Object(object) = node {
                found.extend(self.duplicate_keys_of(object, path));
            }
        });
        found
    }

    fn duplicate_keys_of(&self, object: &Object<'_>, path: &KeyPath) -> Vec<Diagnostic> {
        let mut seen = HashSet::new();
        let again = object.properties.iter().filter(|property| !seen.insert(property.name.as_str()));
        again
            .map(|property| {
                let path = path.clone().key(property.name.as_str());
                self.diagnose_at(property.range.start, &path, "this key stands here twice; keep one of them")
            })
            .collect()
    }

    fn misplaced<T: Raw>(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        walk(&self.root, &KeyPath::root(), &mut |node, path| {
            let message = match (node, path.steps().last()) {
                (Node::Array(_), Some(Step::Key(key))) if T::LISTS.contains(&key.as_str()) => return,
                (Node::Array(_), Some(Step::Key(_))) if is_in::<T>(path) => return,
                (Node::Array(_), _) => "found a list; write an object",
                (Node::Object(_), Some(Step::Key(key))) if !T::OBJECTS.contains(&key.as_str()) => {
                    "found an object; write a word in quotes"
                }
                _ => return,
            };
            found.push(self.diagnose(path, message));
        });
        found
    }
}

/// Whether the value at `path` is in one of the objects of lists.
fn is_in<T: Raw>(path: &KeyPath) -> bool {
    let parent = path.steps().iter().rev().nth(1);
    matches!(parent, Some(Step::Key(key)) if T::OBJECTS_OF_LISTS.contains(&key.as_str()))
}

/// Byte offsets of a value and of its key; the same where it has no key.
#[derive(Clone, Copy)]
struct Offset {
    key: usize,
    value: usize,
}

fn none_or(diagnostics: Vec<Diagnostic>) -> Result<(), Vec<Diagnostic>> {
    if diagnostics.is_empty() { Ok(()) } else { Err(diagnostics) }
}

/// Visits a value and all that are in it, with their paths.
fn walk<'a>(node: &Node<'a>, path: &KeyPath, visit: &mut impl FnMut(&Node<'a>, &KeyPath)) {
    visit(node, path);
    match node {
        Node::Object(object) => {
            for property in &object.properties {
                walk(&property.value, &path.clone().key(property.name.as_str()), visit);
            }
        }
        Node::Array(array) => {
            for (index, element) in array.elements.iter().enumerate() {
                walk(element, &path.clone().index(index), visit);
            }
        }
        _ => {}
    }
}

/// Strict JSON. It comes first: its parser bounds how deep a document may nest, and so the recursion of all that follows.
fn parse(file: &Path, text: &str) -> Result<Value, Diagnostic> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| (KeyPath::from(error.path()), error.into_inner()))
        .and_then(|value| deserializer.end().map(|()| value).map_err(|error| (KeyPath::root(), error)));
    parsed.map_err(|(path, error)| {
        let offset = offset_of(text, error.line(), error.column());
        let message = syntax_in_words(&error.to_string(), &text[offset..]);
        Diagnostic::new(file, Some(position(text, offset)), path.to_string(), &message)
    })
}

fn parse_tree<'a>(file: &Path, text: &'a str) -> Result<Node<'a>, Diagnostic> {
    let collect = CollectOptions { comments: CommentCollectionStrategy::Off, tokens: false };
    let strict = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let refuse =
        |offset, message: &str| Diagnostic::new(file, Some(position(text, offset)), String::new(), message);
    match parse_to_ast(text, &collect, &strict) {
        Ok(result) => result.value.ok_or_else(|| refuse(0, "the document is empty; write an object")),
        Err(error) => Err(refuse(error.range().start, &error.kind().to_string())),
    }
}

/// The byte that a line and a column mean, both counted from 1, the column in bytes.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut offset = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// The line and column of a byte.
pub(super) fn position(text: &str, offset: usize) -> Position {
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
}
