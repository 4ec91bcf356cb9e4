//! The `understudy` binary: reads the command line, has the command carried out, and turns its end into an exit status.
//!
//! Status 0: fine. 1: failed; the last line on standard error says why. 2: wrong usage.
#![forbid(unsafe_code)]

mod arguments;
mod cable;
mod logging;
mod pair;
mod show;
mod socket;
mod switch;
mod table;
mod tables;
mod text;
mod unit;
mod who_is_active;

use std::error::Error;
use std::io;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

/// Why a command failed: shown, not handled.
type Failure = Box<dyn Error>;

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Run { folder, eal_arguments } => unit::run(&folder, eal_arguments),
        Command::Check { folder } => unit::check(&folder),
        Command::Schema => unit::schema(),
        Command::Key => unit::key(),
        Command::Cable(arguments) => cable::cable(arguments),
        Command::Failover(arguments) => switch::failover(&arguments),
        Command::Show(arguments) => show::show(&arguments),
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

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
