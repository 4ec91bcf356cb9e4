//! What the grammar says of a command, for `help` and for docs/COMMANDS.md.

use std::fmt::Write as _;

use clap::builder::PossibleValue;
use clap::{Arg, Command};

use crate::expect::{Hint, table};
use crate::grammar::{Position, arguments, bare, subcommands, usage};
use crate::line::{ParseError, split};

/// How the words about a default begin in the help of an argument.
const DEFAULT: &str = " [default: ";

/// What `help` says of the command that `line` names: how it is written, what it does, and what its words mean.
///
/// # Errors
///
/// When there is no such command.
pub fn describe(root: &Command, line: &str) -> Result<String, ParseError> {
    let words = split(line)?;
    let position = Position::of(root, &words);
    let command = position.command;
    if let Some(unknown) = words.get(position.words) {
        return Err(ParseError::no_command(&position, unknown));
    }
    let mut hints: Vec<Hint> = arguments(command).flat_map(hints_of).collect();
    hints.extend(subcommands(command).into_iter().map(|each| {
        let about = each.get_about().map(ToString::to_string).unwrap_or_default();
        Hint { word: each.get_name().to_owned(), help: about }
    }));
    // The root has no name to be written.
    if position.path.is_empty() {
        return Ok(table(&hints));
    }
    let undo = undone(root, &position.path).map(|usage| format!("\n{usage}")).unwrap_or_default();
    let example = command.get_after_help().map(|example| format!("\n{example}\n")).unwrap_or_default();
    Ok(format!("{}{undo}\n\n{}\n\n{}{example}", position.usage(), about(command), table(&hints)))
}

/// How the command that `path` leads to is undone.
fn undone(root: &Command, path: &[String]) -> Option<String> {
    let [name] = path else { return None };
    let undo = root.find_subcommand("no")?.find_subcommand(name)?;
    Some(usage(&["no", name], undo))
}

/// An argument, and below it the words that it may be.
fn hints_of(argument: &Arg) -> Vec<Hint> {
    let (meaning, default) = meaning(argument);
    let first = Hint { word: bare(argument), help: meaning + &default };
    let words = words(argument).into_iter().map(|word| Hint {
        word: format!("  {}", word.get_name()),
        help: word.get_help().map(ToString::to_string).unwrap_or_default(),
    });
    std::iter::once(first).chain(words).collect()
}

/// A command as a section of a Markdown document, with what undoes it.
pub fn section(path: &[&str], command: &Command, undo: Option<&Command>) -> String {
    let name = path.join(" ");
    let mut text =
        format!("### {name}\n\n{}\n\n```text\n{}\n", sentence(&about(command)), usage(path, command));
    if let Some(undo) = undo {
        let path: Vec<&str> = std::iter::once("no").chain(path.iter().copied()).collect();
        let _ = writeln!(text, "{}", usage(&path, undo));
    }
    text += "```\n";
    let rows: String = arguments(command)
        .map(|argument| {
            let [word, meaning] =
                [bare(argument), whole_meaning(argument)].map(|text| text.replace('|', "\\|"));
            format!("| `{word}` | {meaning} |\n")
        })
        .collect();
    if !rows.is_empty() {
        let _ = write!(text, "\n| word | meaning |\n|---|---|\n{rows}");
    }
    if let Some(undo) = undo {
        let _ = write!(text, "\n`no {name}`: {}\n", sentence(&about(undo)));
    }
    let examples = [Some(command), undo].into_iter().flatten().filter_map(Command::get_after_help);
    let examples: Vec<String> =
        examples.filter_map(|text| text.to_string().strip_prefix("Example: ").map(str::to_owned)).collect();
    if !examples.is_empty() {
        let _ = write!(text, "\nFor example:\n\n```text\n{}\n```\n", examples.join("\n"));
    }
    text
}

/// What a command does.
fn about(command: &Command) -> String {
    command.get_long_about().or_else(|| command.get_about()).map(ToString::to_string).unwrap_or_default()
}

/// Help has no full stop at the end of its first line; a document has.
fn sentence(text: &str) -> String {
    let mut paragraphs = text.splitn(2, "\n\n");
    let first = paragraphs.next().unwrap_or_default();
    let stop = if first.is_empty() || first.ends_with('.') { "" } else { "." };
    let rest = paragraphs.next().map(|rest| format!("\n\n{rest}")).unwrap_or_default();
    format!("{first}{stop}{rest}")
}

/// What an argument means, and what it is when it is left out.
fn meaning(argument: &Arg) -> (String, String) {
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    match help.split_once(DEFAULT) {
        Some((meaning, default)) => (meaning.to_owned(), format!("{DEFAULT}{default}")),
        None => (help, default(argument)),
    }
}

/// The same in one paragraph, with the words that it may be.
fn whole_meaning(argument: &Arg) -> String {
    let (meaning, default) = meaning(argument);
    let words: Vec<String> = words(argument)
        .iter()
        .map(|word| match word.get_help() {
            Some(help) => format!("{} ({help})", word.get_name()),
            None => word.get_name().to_owned(),
        })
        .collect();
    if words.is_empty() { meaning + &default } else { format!("{meaning}: {}{default}", words.join(", ")) }
}

/// The words that an argument may be, if they are few.
fn words(argument: &Arg) -> Vec<PossibleValue> {
    if argument.get_action().takes_values() { argument.get_possible_values() } else { Vec::new() }
}

/// What an argument is when it is left out, where the grammar knows.
fn default(argument: &Arg) -> String {
    let defaults: Vec<_> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if argument.get_action().takes_values() && !defaults.is_empty() {
        format!("{DEFAULT}{}]", defaults.join(" "))
    } else {
        String::new()
    }
}
