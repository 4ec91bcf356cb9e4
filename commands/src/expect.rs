//! What may stand at the end of a line that is being written: for completion, and for `?`.

use std::fmt::Write as _;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Command};

use crate::grammar::{Position, arguments, subcommands, value_name};
use crate::line::{ParseError, split};

/// What may stand at the end of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Where the word that is being written begins in the line, in bytes.
    pub start: usize,
    /// Words that it may become.
    pub words: Vec<Hint>,
    /// A value that is not one of a few words.
    pub value: Option<Hint>,
    /// Servers whose names the value may be.
    pub servers: Option<Servers>,
    /// Whether the line may end before that word.
    pub may_end: bool,
    /// What is wrong with the words before, if something is.
    pub wrong: Option<ParseError>,
}

/// A word, or the name of a value, and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The word.
    pub word: String,
    /// What it means.
    pub help: String,
}

/// Which servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Servers {
    /// Virtual ones.
    Virtual,
    /// Real ones.
    Real,
    /// Both.
    All,
}

/// What may stand at the end of `line` in the grammar `root`, which has been built.
pub fn expected(root: &Command, line: &str) -> Expected {
    let start = line.rfind([' ', '\t', '\n']).map_or(0, |index| index + 1);
    let Ok(mut words) = split(line) else {
        return Expected { start, ..Expected::default() };
    };
    // A comment has words that are none.
    let begun = if start < line.len() { words.pop().unwrap_or_default() } else { String::new() };
    let mut expected = Expected { start, ..Expected::default() };
    if !words.is_empty() {
        match root.clone().try_get_matches_from(&words) {
            Ok(_) => expected.may_end = true,
            Err(error) if is_incomplete(&error) => {}
            Err(error) => {
                expected.wrong = Some(ParseError::new(root, &words, &error));
                return expected;
            }
        }
    }
    let position = Position::of(root, &words);
    if position.command.has_subcommands() {
        let named =
            subcommands(position.command).into_iter().map(|each| hint(each.get_name(), each.get_about()));
        expected.words.extend(named);
    }
    Arguments::of(position.command, &words[position.words..]).expect(&mut expected, &begun);
    expected.words.retain(|each| each.word.starts_with(&begun));
    expected
}

/// Whether nothing is wrong but that there is more to come.
fn is_incomplete(error: &clap::Error) -> bool {
    let needs_value = || {
        error.kind() == ErrorKind::InvalidValue
            && error
                .get(clap::error::ContextKind::InvalidValue)
                .is_none_or(|value| value.to_string().is_empty())
    };
    matches!(
        error.kind(),
        ErrorKind::MissingSubcommand
            | ErrorKind::MissingRequiredArgument
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) || needs_value()
}

/// How far a command's arguments are written.
struct Arguments<'a> {
    command: &'a Command,
    /// The option whose value comes next.
    option: Option<&'a Arg>,
    /// Values without an option so far.
    positional: usize,
    /// Options so far.
    seen: Vec<&'a str>,
}

impl<'a> Arguments<'a> {
    fn of(command: &'a Command, words: &[String]) -> Self {
        let mut written = Self { command, option: None, positional: 0, seen: Vec::new() };
        for word in words {
            match word.strip_prefix("--") {
                _ if written.option.is_some() => written.option = None,
                Some(option) => written.add_option(option),
                None => written.positional += 1,
            }
        }
        written
    }

    fn add_option(&mut self, word: &str) {
        let (name, has_value) = word.split_once('=').map_or((word, false), |(name, _)| (name, true));
        let Some(argument) = arguments(self.command).find(|each| each.get_long() == Some(name)) else {
            return;
        };
        self.seen.extend(argument.get_long());
        if argument.get_action().takes_values() && !has_value {
            self.option = Some(argument);
        }
    }

    /// Adds what may come next.
    fn expect(&self, expected: &mut Expected, begun: &str) {
        if let Some(option) = self.option {
            return expect_value(option, expected);
        }
        let positional: Vec<&Arg> = arguments(self.command).filter(|each| each.is_positional()).collect();
        let last = positional.last().filter(|last| matches!(last.get_action(), ArgAction::Append));
        if let Some(argument) = positional.get(self.positional).or(last)
            && !begun.starts_with('-')
        {
            expect_value(argument, expected);
        }
        for option in arguments(self.command).filter(|each| !each.is_positional()) {
            let Some(long) = option.get_long() else { continue };
            if !self.seen.contains(&long) || matches!(option.get_action(), ArgAction::Append) {
                expected.words.push(hint(&format!("--{long}"), option.get_help()));
            }
        }
    }
}

fn expect_value(argument: &Arg, expected: &mut Expected) {
    let possible = argument.get_possible_values();
    if possible.is_empty() {
        let name = value_name(argument);
        expected.servers = match name.as_str() {
            "VIRTUAL" => Some(Servers::Virtual),
            "REAL" => Some(Servers::Real),
            "SERVER" | "BACKUP" => Some(Servers::All),
            _ => None,
        };
        expected.value = Some(hint(&name, argument.get_help()));
        return;
    }
    expected.words.extend(possible.iter().map(|word| hint(word.get_name(), word.get_help())));
}

fn hint(word: &str, help: Option<&impl ToString>) -> Hint {
    Hint { word: word.to_owned(), help: help.map(ToString::to_string).unwrap_or_default() }
}

/// What `?` at the end of `line` shows: a line for each thing that may stand there.
pub fn help(root: &Command, line: &str) -> String {
    let expected = expected(root, line);
    if let Some(wrong) = expected.wrong {
        return format!("{wrong}\n");
    }
    let end = Hint { word: "<Enter>".to_owned(), help: "the command is complete".to_owned() };
    let is_at_gap = expected.start == line.len();
    let hints: Vec<Hint> = (expected.value.into_iter())
        .chain(expected.words)
        .chain((expected.may_end && is_at_gap).then_some(end))
        .collect();
    if hints.is_empty() {
        return "nothing may stand here\n".to_owned();
    }
    table(&hints)
}

/// Hints below each other.
pub(crate) fn table(hints: &[Hint]) -> String {
    let width = hints.iter().map(|hint| hint.word.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for Hint { word, help } in hints {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", format!("  {word:width$}  {help}").trim_end());
    }
    text
}
