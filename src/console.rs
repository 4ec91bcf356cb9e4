//! `understudy console`: the command language with line editing, history, completion and help at `?`.
//!
//! What may stand where is the crate `commands`' to say; here are only the terminal and the unit. Each command has a connection
//! of its own, so that a console may stay open as long as it likes.

use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use appliance::management::Client;
use appliance::management::protocol::{Outcome, Show, State};
use clap::{CommandFactory, FromArgMatches};
use commands::{ParseError, Servers};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{
    Cmd, CompletionType, ConditionalEventHandler, Config, Context, Editor, Event, EventContext, EventHandler,
    Helper, KeyEvent, RepeatCount,
};

use crate::arguments::{ConsoleArguments, ConsoleCommand, ConsoleLine, UnitCommand};
use crate::{Failure, ask_unit, socket};

/// What the prompt is while the unit does not say who it is.
const PROMPT_OF_NOBODY: &str = "(no unit)> ";

/// What follows on the lines of help.
const HELP: &str = "\
Commands and words may be abbreviated as long as they are unique. Tab completes a word, ? says what may stand at
the cursor, `help COMMAND` describes a command, `no COMMAND` undoes one, Ctrl-D leaves.\n";

/// Carries out the command.
pub(crate) fn console(arguments: ConsoleArguments) -> Result<(), Failure> {
    let console = Console::new(arguments.socket);
    if io::stdin().is_terminal() { converse(console) } else { console.read_all(io::stdin().lock()) }
}

/// A unit, and the language that it is talked to in.
struct Console {
    grammar: clap::Command,
    socket: Option<PathBuf>,
}

/// What is to be done after a line.
#[derive(PartialEq, Eq)]
enum Next {
    Line,
    End,
}

impl Console {
    fn new(socket: Option<PathBuf>) -> Self {
        let hide_socket = |command: clap::Command| {
            let has_socket = command.get_arguments().any(|argument| argument.get_id() == "socket");
            if has_socket { command.mut_arg("socket", |socket| socket.hide(true)) } else { command }
        };
        let mut grammar = commands::as_language(ConsoleLine::command().mut_subcommands(hide_socket));
        grammar.build();
        Self { grammar, socket }
    }

    /// Carries out all lines, or those before the first that fails.
    fn read_all(&self, input: impl BufRead) -> Result<(), Failure> {
        for (line, number) in input.lines().zip(1..) {
            match self.carry_out(&line?) {
                Ok(Next::Line) => {}
                Ok(Next::End) => break,
                Err(error) if crate::is_broken_pipe(&*error) => return Err(error),
                Err(error) => return Err(format!("standard input:{number}: {error}").into()),
            }
        }
        Ok(())
    }

    fn carry_out(&self, line: &str) -> Result<Next, Failure> {
        let words = commands::split(line)?;
        if words.is_empty() {
            return Ok(Next::Line);
        }
        match self.parse(&words)? {
            ConsoleCommand::Exit | ConsoleCommand::Quit => return Ok(Next::End),
            ConsoleCommand::Help { words } => {
                print!("{}", commands::describe(&self.grammar, &words.join(" "))?);
                if words.is_empty() {
                    print!("\n{HELP}");
                }
            }
            ConsoleCommand::Unit(command) => ask_unit(&self.to_this_unit(command))?,
        }
        Ok(Next::Line)
    }

    fn parse(&self, words: &[String]) -> Result<ConsoleCommand, ParseError> {
        let matches = self.grammar.clone().try_get_matches_from(words);
        let line = matches.and_then(|matches| ConsoleLine::from_arg_matches(&matches));
        line.map(|line| line.command).map_err(|error| ParseError::new(&self.grammar, words, &error))
    }

    /// Has a command go to the console's unit.
    fn to_this_unit(&self, mut command: UnitCommand) -> UnitCommand {
        let socket = match &mut command {
            UnitCommand::Show(arguments) => &mut arguments.way.socket,
            UnitCommand::Failover(arguments) => &mut arguments.way.socket,
            UnitCommand::Language(spoken) => &mut spoken.way.socket,
        };
        *socket = socket.take().or_else(|| self.socket.clone());
        command
    }

    fn connect(&self) -> Result<Client, Failure> {
        socket::connect(self.socket.as_deref())
    }

    /// The unit's name, and whether it is active (`#`) or stands by (`>`).
    fn prompt(&self) -> Result<String, Failure> {
        match self.connect()?.show(Show::Status)? {
            Outcome::Status(status) => {
                let sign = if status.state == State::Active { '#' } else { '>' };
                Ok(format!("{}{sign} ", status.unit))
            }
            _ => Err("the unit answered something else than it was asked".into()),
        }
    }

    /// The names of the unit's servers; none if it does not tell.
    fn names(&self, servers: Servers) -> Vec<String> {
        let asked: &[Show] = match servers {
            Servers::Virtual => &[Show::Virtual],
            Servers::Real => &[Show::Real],
            Servers::All => &[Show::Virtual, Show::Real],
        };
        let Ok(mut client) = self.connect() else { return Vec::new() };
        let mut names = Vec::new();
        for show in asked {
            match client.show(show.clone()) {
                Ok(Outcome::Virtual(reports)) => names.extend(reports.into_iter().map(|report| report.name)),
                Ok(Outcome::Real(reports)) => names.extend(reports.into_iter().map(|report| report.name)),
                _ => {}
            }
        }
        names
    }

    /// Where the last word of `line` begins, and what it may become.
    fn complete(&self, line: &str) -> (usize, Vec<String>) {
        let expected = commands::expected(&self.grammar, line);
        let mut words: Vec<String> = expected.words.into_iter().map(|hint| hint.word).collect();
        if let Some(servers) = expected.servers {
            let begun = &line[expected.start..];
            words.extend(self.names(servers).into_iter().filter(|name| name.starts_with(begun)));
        }
        (expected.start, words)
    }
}

/// Reads from the terminal until there is an end.
fn converse(console: Console) -> Result<(), Failure> {
    // Nobody wants to find out after the first command that there is no unit.
    let mut prompt = console.prompt()?;
    let question = Question::default();
    let mut editor = editor(console, question.clone())?;
    let history = history_file();
    if let Some(path) = &history {
        // A history is a comfort: it must not keep anybody from working.
        let _ = editor.load_history(path);
    }
    let mut begun = (String::new(), String::new());
    loop {
        let line = match editor.readline_with_initial(&prompt, (&begun.0, &begun.1)) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => {
                begun = Default::default();
                continue;
            }
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let Some(Assistant(console)) = editor.helper() else { return Ok(()) };
        if let Some(cursor) = question.take() {
            let (before, after) = line.split_at(cursor.min(line.len()));
            print!("{}", commands::help(&console.grammar, before));
            begun = (before.to_owned(), after.to_owned());
            continue;
        }
        begun = Default::default();
        match console.carry_out(&line) {
            Ok(Next::Line) => {}
            Ok(Next::End) => return Ok(()),
            Err(error) => eprintln!("{error}"),
        }
        prompt = console.prompt().unwrap_or_else(|_| PROMPT_OF_NOBODY.to_owned());
        remember(&mut editor, &line, history.as_ref());
    }
}

type ConsoleEditor = Editor<Assistant, DefaultHistory>;

fn editor(console: Console, question: Question) -> Result<ConsoleEditor, ReadlineError> {
    // Lines that are pasted are lines: each is carried out as if it had been typed.
    let config = Config::builder().completion_type(CompletionType::List).bracketed_paste(false).build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(Assistant(console)));
    editor.bind_sequence(KeyEvent::from('?'), EventHandler::Conditional(Box::new(question)));
    Ok(editor)
}

fn remember(editor: &mut ConsoleEditor, line: &str, file: Option<&PathBuf>) {
    if line.trim().is_empty() {
        return;
    }
    let _ = editor.add_history_entry(line);
    if let Some(path) = file {
        let _ = editor.append_history(path);
    }
}

/// Where the history is kept: under the user's folder for such things, if there is one.
fn history_file() -> Option<PathBuf> {
    let folder = std::env::home_dir()?.join(".local/state");
    if !folder.is_dir() {
        return None;
    }
    let folder = folder.join("understudy");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}

/// Whether `?` was pressed, and where in the line.
///
/// The line is handed over as if it were complete, so that help can be printed below it, and then given back.
#[derive(Clone, Default)]
struct Question(Arc<Mutex<Option<usize>>>);

impl Question {
    fn take(&self) -> Option<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ConditionalEventHandler for Question {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.pos());
        Some(Cmd::AcceptLine)
    }
}

/// Completes words for the line editor.
struct Assistant(Console);

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(&self, line: &str, cursor: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, words) = self.0.complete(&line[..cursor]);
        let pair = |word: String| Pair { replacement: format!("{word} "), display: word };
        Ok((start, words.into_iter().map(pair).collect()))
    }
}

impl Helper for Assistant {}
impl Highlighter for Assistant {}
impl Hinter for Assistant {
    type Hint = String;
}
impl Validator for Assistant {}

#[cfg(test)]
mod tests {
    use super::*;

    fn console() -> Console {
        Console::new(Some(PathBuf::from("/nowhere/a.sock")))
    }

    #[test]
    fn grammar_is_consistent() {
        console().grammar.debug_assert();
    }

    #[test]
    fn words_are_completed_without_a_unit() {
        for (line, start, words) in [
            ("sh", 0, "show"),
            ("show co", 5, "connections counters"),
            ("failover re", 9, "reset rehearse"),
            ("no bi", 3, "bind"),
            ("show connections --cl", 17, "--client"),
            ("virtual 192.0.2.100 is --d", 23, "--dry-run"),
            ("no virtual 192.0.2.100 --f", 23, "--force"),
            ("write --", 6, "--json --force"),
            ("qu", 0, "quit"),
            ("weight 10", 7, ""),
        ] {
            let (found_start, found) = console().complete(line);
            assert_eq!((found_start, found.join(" ").as_str()), (start, words), "{line:?}");
        }
    }

    #[test]
    fn lines_are_read_until_one_fails() {
        let told = |text: &str| console().read_all(text.as_bytes()).map_err(|error| error.to_string());
        assert_eq!(told("# nothing\n\nquit\nnonsense\n"), Ok(()));
        assert!(
            told("\nvirtual web\n").unwrap_err().starts_with("standard input:2: virtual: \"web\" does not")
        );
        assert_eq!(
            told("show status\n").unwrap_err(),
            "standard input:1: no unit is running at /nowhere/a.sock"
        );
        assert!(told("s\n").unwrap_err().contains("it could be show, sticky, slowstart, synguard"));
    }
}
