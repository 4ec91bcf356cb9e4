//! A line of text becomes a command, or a word about what is wrong with it.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{FromArgMatches, Subcommand};

use crate::command::Command;
use crate::grammar::Position;

/// What is wrong with a line, and what would be possible there: one line or two.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(String);

/// Reads a command. Words are split as a shell does, with quotes; `#` begins a comment.
///
/// # Errors
///
/// When the line is no command.
pub fn parse_line(line: &str) -> Result<Command, ParseError> {
    Parser::new().parse(line)
}

/// Reads many lines: the grammar is made once.
#[derive(Debug)]
pub struct Parser {
    grammar: clap::Command,
}

impl Parser {
    /// A parser of the language.
    pub fn new() -> Self {
        Self { grammar: grammar() }
    }

    /// See [`parse_line`].
    ///
    /// # Errors
    ///
    /// When the line is no command.
    pub fn parse(&mut self, line: &str) -> Result<Command, ParseError> {
        let words = split(line)?;
        if words.is_empty() {
            return Err(ParseError("there is no command".to_owned()));
        }
        let matches = self.grammar.try_get_matches_from_mut(&words);
        let command = matches.and_then(|matches| Command::from_arg_matches(&matches));
        command.map_err(|error| ParseError::new(&self.grammar, &words, &error))
    }
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

/// The grammar of the language: its commands are the subcommands.
pub fn grammar() -> clap::Command {
    as_language(Command::augment_subcommands(clap::Command::new("commands")))
}

/// Has the subcommands of `root` read from lines: without a program's name before them, abbreviated, and without options
/// for help, which lines get in other ways.
pub fn as_language(root: clap::Command) -> clap::Command {
    root.no_binary_name(true)
        .subcommand_required(true)
        .infer_subcommands(true)
        .disable_help_subcommand(true)
        .disable_help_flag(true)
}

/// Splits a line into words.
///
/// # Errors
///
/// When a quote is not closed.
pub fn split(line: &str) -> Result<Vec<String>, ParseError> {
    shlex::split(line).ok_or_else(|| ParseError("a quote is not closed".to_owned()))
}

impl ParseError {
    /// What is wrong with `words`, which `grammar` refused with `error`.
    pub fn new(grammar: &clap::Command, words: &[String], error: &clap::Error) -> Self {
        let position = Position::of(grammar, words);
        let context = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => text.clone(),
            Some(ContextValue::Strings(texts)) => texts.join(", "),
            _ => String::new(),
        };
        let plain = |argument: String| argument.replace(['<', '>', '[', ']'], "");
        let argument = || plain(context(ContextKind::InvalidArg));
        let message = match error.kind() {
            ErrorKind::InvalidSubcommand => position.no_subcommand(&context(ContextKind::InvalidSubcommand)),
            ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                position.incomplete()
            }
            ErrorKind::MissingRequiredArgument => position.with_usage(&format!("missing: {}", argument())),
            ErrorKind::UnknownArgument => {
                position.with_usage(&format!("{:?} has no meaning here", argument()))
            }
            ErrorKind::InvalidValue if context(ContextKind::ValidValue).is_empty() => {
                position.with_usage(&format!("{} needs a value", argument()))
            }
            ErrorKind::InvalidValue => position.no_word(
                &argument(),
                &context(ContextKind::InvalidValue),
                &context(ContextKind::ValidValue),
            ),
            ErrorKind::ValueValidation => position.in_command(&wrong_value(error, &context)),
            ErrorKind::ArgumentConflict => {
                let prior = plain(context(ContextKind::PriorArg));
                position.with_usage(&format!("{} can not stand with {prior}", argument()))
            }
            _ => first_lines(error),
        };
        Self(message)
    }

    /// There is no command `word` at `position`.
    pub(crate) fn no_command(position: &Position<'_>, word: &str) -> Self {
        Self(position.no_subcommand(word))
    }
}

/// What a value's parser said of it.
fn wrong_value(error: &clap::Error, context: &impl Fn(ContextKind) -> String) -> String {
    let value = context(ContextKind::InvalidValue);
    match std::error::Error::source(error) {
        // Some say which value they mean, others only what is wrong with it.
        Some(source) if source.to_string().contains(&value) => source.to_string(),
        Some(source) => format!("{value:?} is {source}"),
        None => first_lines(error),
    }
}

/// The error without how the program is used.
fn first_lines(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    text.lines().next().unwrap_or_default().to_owned()
}
