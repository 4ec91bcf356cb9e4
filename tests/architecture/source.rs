//! Just enough reading of Rust for the rules: code without comments and literals, its identifiers, and the paths that
//! it names with `use` groups written out. Not a parser: it must only never miss a name that is plainly there.

use std::fmt;

/// A path of at least two parts, or one that is imported, like `std::fs::read`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExpandedPath(Vec<String>);

impl ExpandedPath {
    /// The first part.
    pub(crate) fn head(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// Whether the path is `outer` or something in it.
    pub(crate) fn is_within(&self, outer: &str) -> bool {
        let outer: Vec<&str> = outer.split("::").collect();
        self.0.len() >= outer.len() && self.0.iter().zip(&outer).all(|(mine, theirs)| mine == theirs)
    }
}

impl fmt::Display for ExpandedPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("::"))
    }
}

/// `text` without comments and without what is in string and character literals.
pub(crate) fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let skipped = comment_bytes(rest).or_else(|| literal_bytes(rest));
        if let Some(bytes) = skipped {
            code.push(' ');
            rest = &rest[bytes..];
        } else if is_identifier(next) {
            // A whole word at a time: the r of `for"` is no raw string's.
            let bytes = rest.find(|character| !is_identifier(character)).unwrap_or(rest.len());
            code.push_str(&rest[..bytes]);
            rest = &rest[bytes..];
        } else {
            code.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    code
}

/// The length of the comment that `text` begins with.
fn comment_bytes(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    Some(text.len())
}

/// The length of the string or character literal that `text` begins with.
fn literal_bytes(text: &str) -> Option<usize> {
    let unprefixed = text.strip_prefix(['b', 'c']).unwrap_or(text);
    let prefix = text.len() - unprefixed.len();
    if let Some(raw) = unprefixed.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let body = raw[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let length = body.find(&end).map_or(body.len(), |at| at + end.len());
        return Some(prefix + 1 + hashes + 1 + length);
    }
    let quote = unprefixed.chars().next().filter(|quote| ['"', '\''].contains(quote))?;
    let body = &unprefixed[1..];
    if quote == '\'' && !body.starts_with('\\') && body.chars().nth(1) != Some('\'') {
        return None; // A lifetime.
    }
    let mut is_escaped = false;
    let end = body.find(|character| {
        let ends = character == quote && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        ends
    });
    Some(prefix + 1 + end.map_or(body.len(), |at| at + 1))
}

/// `code` without its `#[cfg(test)]` modules.
pub(crate) fn without_test_modules(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = match rest.find(['{', ';']) {
            Some(open) if rest[open..].starts_with('{') => open + block_bytes(&rest[open..]),
            Some(semicolon) => semicolon + 1,
            None => rest.len(),
        };
        rest = &rest[end..];
    }
    kept + rest
}

/// The length of the block in braces that `code` begins with.
fn block_bytes(code: &str) -> usize {
    let mut depth = 0;
    for (at, character) in code.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// The words of `code`.
pub(crate) fn identifiers(code: &str) -> impl Iterator<Item = &str> {
    code.split(|character| !is_identifier(character)).filter(|word| !word.is_empty())
}

/// The paths that `code` imports or names.
pub(crate) fn paths(code: &str) -> Vec<ExpandedPath> {
    let mut found = Vec::new();
    let tokens = tokens(code);
    let mut at = 0;
    while at < tokens.len() {
        let is_import =
            tokens[at] == "use" || (tokens[at] == "crate" && at > 0 && tokens[at - 1] == "extern");
        if is_import {
            at = expand(&tokens, at + 1, &[], &mut found);
        } else {
            let (path, next) = plain_path(&tokens, at);
            if path.len() > 1 {
                found.push(ExpandedPath(path));
            }
            at = next.max(at + 1);
        }
    }
    found
}

/// Reads a use tree from `at`; returns where it ends.
fn expand(tokens: &[&str], at: usize, prefix: &[String], found: &mut Vec<ExpandedPath>) -> usize {
    let (path, mut at) = plain_path(tokens, at);
    let path = [prefix, &path].concat();
    if tokens.get(at) != Some(&"{") {
        found.push(ExpandedPath(path));
        if tokens.get(at) == Some(&"as") {
            at += 2;
        }
        return at;
    }
    at += 1;
    while at < tokens.len() && tokens[at] != "}" {
        at = if tokens[at] == "," { at + 1 } else { expand(tokens, at, &path, found).max(at + 1) };
    }
    at + 1
}

/// The parts of a path like `::a::b::` that begins at `at`, and where it ends.
fn plain_path(tokens: &[&str], mut at: usize) -> (Vec<String>, usize) {
    let mut path = Vec::new();
    if tokens.get(at) == Some(&"::") {
        at += 1;
    }
    while let Some(part) = tokens.get(at).filter(|part| part.starts_with(is_identifier) || **part == "*") {
        path.push((*part).to_owned());
        at += 1;
        if tokens.get(at) != Some(&"::") {
            break;
        }
        at += 1;
    }
    (path, at)
}

/// Words, `::`, and every other character by itself.
fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let bytes = if is_identifier(first) {
            rest.find(|character| !is_identifier(character)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        tokens.push(&rest[..bytes]);
        rest = rest[bytes..].trim_start();
    }
    tokens
}

fn is_identifier(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}
