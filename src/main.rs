//! The `understudy` binary: reads the command line, has the command carried out, and turns its end into an exit status.
//!
//! Status 0: fine. 1: failed; standard error says why. 2: wrong usage of the program. A wrong command for a unit is a failure
//! wherever it was written, in the shell as in a batch file.
#![forbid(unsafe_code)]

mod arguments;
mod batch;
mod cable;
mod changes;
mod console;
mod language;
mod logging;
mod pair;
mod reference;
mod show;
mod socket;
mod switch;
mod table;
mod tables;
mod text;
mod unit;
mod who_is_active;

use std::env;
use std::error::Error;
use std::io;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use commands::ParseError;

use arguments::{Arguments, Command, UnitCommand};
use language::Spoken;

/// Why a command failed: shown, not handled.
type Failure = Box<dyn Error>;

fn main() -> ExitCode {
    let done = match Arguments::try_parse() {
        Ok(arguments) => carry_out(arguments.command),
        Err(error) => match wrong_command(&error) {
            Some(Wrong::Command(wrong)) => Err(wrong.into()),
            Some(Wrong::Usage(wrong)) => {
                eprintln!("understudy: {wrong}\nFor more information, try 'understudy --help'.");
                return ExitCode::from(2);
            }
            None => error.exit(),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has seen enough: `understudy show counters | head -1` has not failed.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("understudy: {error}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(command: Command) -> Result<(), Failure> {
    match command {
        Command::Run { folder, eal_arguments } => unit::run(&folder, eal_arguments),
        Command::Check { folder } => unit::check(&folder),
        Command::Schema => unit::schema(),
        Command::Key => unit::key(),
        Command::Cable(arguments) => cable::cable(arguments),
        Command::Console(arguments) => console::console(arguments),
        Command::Batch(arguments) => batch::batch(&arguments),
        Command::Commands { .. } => reference::print(),
        Command::Unit(command) => ask_unit(&command),
    }
}

/// Has a running unit carry out a command.
fn ask_unit(command: &UnitCommand) -> Result<(), Failure> {
    match command {
        UnitCommand::Failover(arguments) => switch::failover(arguments),
        UnitCommand::Show(arguments) => show::show(arguments),
        UnitCommand::Language(spoken) => language::speak(spoken),
    }
}

/// What is wrong with the command line, where its grammar can say it better than clap does.
enum Wrong {
    /// It has a command of the language, and that is wrong.
    Command(ParseError),
    /// It has a command that there is not, or not in full.
    Usage(ParseError),
}

fn wrong_command(error: &clap::Error) -> Option<Wrong> {
    if !error.use_stderr() {
        return None;
    }
    let words: Vec<String> = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let grammar = Arguments::command();
    let told = || ParseError::new(&grammar, &words, error);
    if commands::command_of(&grammar, &words).is_some_and(|name| Spoken::has_subcommand(&name)) {
        return Some(Wrong::Command(told()));
    }
    (error.kind() == ErrorKind::InvalidSubcommand).then(|| Wrong::Usage(told()))
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
