//! The command language in the shell and in the console: its commands with the options that they have there.

use std::io::{self, Write};
use std::path::PathBuf;

use appliance::management::protocol::{Command as Request, CommandRequest, Outcome, Response};
use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches, Subcommand};

use crate::table::terminal_width;
use crate::{Failure, changes, socket};

/// Where help shows what is not the command's own: behind all else.
const LAST: usize = 1_000;

/// A command of the language, and how it is to be carried out.
#[derive(Debug)]
pub(crate) struct Spoken {
    pub(crate) command: commands::Command,
    pub(crate) care: Care,
    pub(crate) way: Way,
}

/// How carefully a configuration command is carried out.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Care {
    /// Only say what would change, and how many live connections would lose their binding
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
    /// Do it even where live connections lose their binding
    #[arg(long, global = true)]
    pub(crate) force: bool,
}

/// The command that writes the configuration to the disk.
const WRITE: &str = "write";

/// How firmly the configuration is written.
#[derive(Args, Clone, Copy, Debug, Default)]
struct Insistence {
    /// Write over a director.json that was edited since the unit read or wrote it
    #[arg(long)]
    force: bool,
}

/// How a unit is asked, and its answer printed.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Way {
    /// Print JSON for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The unit's management socket [default: the only one in /run/understudy]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
}

impl Subcommand for Spoken {
    fn augment_subcommands(root: Command) -> Command {
        let way = options::<Way>();
        let care = options::<Care>();
        let insistence = options::<Insistence>();
        let with_options = |(command, order): (&Command, usize)| {
            let command = command.clone().display_order(order).args(&way);
            match command.get_name() {
                WRITE => command.args(&insistence),
                name if changes_configuration(name) => command.args(&care),
                _ => command,
            }
        };
        root.subcommands(commands::grammar().get_subcommands().zip(LAST..).map(with_options))
    }

    fn augment_subcommands_for_update(root: Command) -> Command {
        Self::augment_subcommands(root)
    }

    fn has_subcommand(name: &str) -> bool {
        commands::Command::has_subcommand(name)
    }
}

impl FromArgMatches for Spoken {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let command = commands::Command::from_arg_matches(matches)?;
        // It was a subcommand, or it would not have become a command.
        let empty = ArgMatches::default();
        let options = matches.subcommand().map_or(&empty, |(_, options)| options);
        let care = match command {
            commands::Command::Change(_) => Care::from_arg_matches(options)?,
            commands::Command::Write => {
                Care { force: Insistence::from_arg_matches(options)?.force, ..Care::default() }
            }
            _ => Care::default(),
        };
        Ok(Self { command, care, way: Way::from_arg_matches(options)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The options of `A`, without what it says about a command that is nothing but them.
fn options<A: Args>() -> Vec<Arg> {
    let command = A::augment_args(Command::new("options"));
    command.get_arguments().zip(LAST..).map(|(option, order)| option.clone().display_order(order)).collect()
}

fn changes_configuration(name: &str) -> bool {
    commands::Change::has_subcommand(name)
}

/// Has a unit carry out the command, and prints what it answers.
pub(crate) fn speak(spoken: &Spoken) -> Result<(), Failure> {
    ask(vec![spoken.command.to_string()], spoken.care, &spoken.way)
}

/// Has a unit carry out `texts`, and prints what it answers.
pub(crate) fn ask(texts: Vec<String>, care: Care, way: &Way) -> Result<(), Failure> {
    let Care { dry_run, force } = care;
    let mut client = socket::connect(way.socket.as_deref())?;
    let outcome = client.ask(Request::Language(CommandRequest { commands: texts, dry_run, force }))?;
    let answer = if way.json {
        in_json(outcome)?
    } else {
        changes::in_words(&outcome, terminal_width())
            .ok_or("the unit answered something else than it was asked")?
    };
    Ok(io::stdout().write_all(answer.as_bytes())?)
}

/// The response, or of a configuration the document alone: it can be kept as `director.json`.
fn in_json(outcome: Outcome) -> Result<String, serde_json::Error> {
    let text = match outcome {
        Outcome::Configuration(report) => serde_json::to_string_pretty(&report.document),
        outcome => serde_json::to_string_pretty(&Response::new(outcome)),
    };
    text.map(|text| text + "\n")
}
