//! The command line's grammar and its help.

use std::path::PathBuf;

use appliance::management::protocol::{
    ClientNetwork, ConnectionQuery, DEFAULT_CONNECTIONS, EndpointPattern, PageCursor, Show,
};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::language::{Care, Spoken, Way};

/// Where a unit's configuration is unless the command says.
const DEFAULT_FOLDER: &str = "/etc/understudy";

/// A layer-4 load-balancing appliance.
#[derive(Debug, Parser)]
#[command(
    version = env!("UNDERSTUDY_VERSION"),
    infer_subcommands = true,
    after_help = "Commands may be abbreviated as long as they are unique. Those for a running unit are in docs/COMMANDS.md, \
                  and in `understudy console`, which completes them and explains them at `?`.\n\n\
                  Exit status: 0 fine, 1 failed, 2 wrong usage. Logging is set by RUST_LOG, e.g. RUST_LOG=debug."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a unit until SIGINT or SIGTERM
    ///
    /// Needs root: it opens ports and makes interfaces. Problems of the configuration are told with file, line and
    /// column before anything is touched.
    Run {
        #[command(flatten)]
        folder: Folder,
        /// More arguments for DPDK's EAL, after the unit's own
        #[arg(last = true, value_name = "EAL ARGUMENTS")]
        eal_arguments: Vec<String>,
    },
    /// Say whether a configuration would run, and what it would do
    Check {
        #[command(flatten)]
        folder: Folder,
    },
    /// Print the JSON schema of both configuration documents
    Schema,
    /// Print a new key for a pair of units
    ///
    /// Both units need the same key in the file that unit.json names as "key_file".
    Key,
    /// Be a failover cable between two units on this machine
    ///
    /// Both ends are pseudo terminals, for "tty" in unit.json, and are removed at the end, on SIGINT or SIGTERM. What goes
    /// in at one end comes out at the other as slowly as over a serial line.
    Cable(CableArguments),
    /// Talk to a running unit
    ///
    /// With line editing, history, completion (Tab) and help at any point of a line (?). Where standard input is no terminal,
    /// it reads commands from there, and ends at the first that fails.
    Console(ConsoleArguments),
    /// Carry out the configuration commands of a file, all of them or none
    ///
    /// A command on each line. `#` begins a comment.
    #[command(after_help = "Example: understudy batch shop.txt --dry-run")]
    Batch(BatchArguments),
    /// Print the reference of the commands for a running unit
    #[command(hide = true)]
    Commands {
        /// As a Markdown document
        #[arg(long, required = true)]
        markdown: bool,
    },
    /// A command for a running unit.
    #[command(flatten)]
    Unit(UnitCommand),
}

/// A command for a running unit, in the shell and in the console.
#[derive(Debug, Subcommand)]
pub(crate) enum UnitCommand {
    /// Show what a running unit does
    #[command(
        after_help = "Byte counts are in units of 1000. Tables leave out columns that the terminal has no room for; \
                      --json has everything."
    )]
    Show(ShowArguments),
    /// Have the units of a pair change places
    ///
    /// Of units that find out by themselves which is active, the one that stands by asks the other to stop, waits until it
    /// has, and forwards then, with all connections; nothing is lost. It refuses while it does not have all connections,
    /// unless it is forced to.
    Failover(FailoverArguments),
    /// A command of the language.
    #[command(flatten)]
    Language(Spoken),
}

/// What the console reads.
#[derive(Debug, Parser)]
pub(crate) struct ConsoleLine {
    #[command(subcommand)]
    pub(crate) command: ConsoleCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConsoleCommand {
    #[command(flatten)]
    Unit(UnitCommand),
    /// Say what a command does, or which there are
    Help {
        /// The command
        #[arg(value_name = "COMMAND")]
        words: Vec<String>,
    },
    /// Leave the console
    Exit,
    /// Leave the console
    Quit,
}

#[derive(Args, Debug)]
pub(crate) struct ConsoleArguments {
    /// The unit's management socket [default: the only one in /run/understudy]
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct BatchArguments {
    /// The file; - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) care: Care,
    #[command(flatten)]
    pub(crate) way: Way,
}

/// The folder of a unit's configuration.
#[derive(Args, Debug)]
pub(crate) struct Folder {
    /// The folder with unit.json and director.json
    #[arg(long = "config", value_name = "FOLDER", default_value = DEFAULT_FOLDER)]
    pub(crate) path: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArguments {
    #[command(subcommand)]
    pub(crate) subject: Subject,
    #[command(flatten)]
    pub(crate) way: Way,
}

#[derive(Args, Debug)]
pub(crate) struct FailoverArguments {
    /// What is to be done
    #[arg(value_name = "ACTION", value_parser = commands::word::<ActionArgument>())]
    pub(crate) action: ActionArgument,
    /// Only this failover group; all of them if it is missing
    #[arg(long, value_name = "NAME")]
    pub(crate) group: Option<String>,
    /// Do it even where connections break: the unit that is to forward does not have them all
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) way: Way,
}

/// What can be done with the units of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ActionArgument {
    /// This unit forwards
    Active,
    /// This unit stops, and the other one forwards
    Standby,
    /// Forget what keeps this unit from taking over by itself: damping, and faults that are over
    Reset,
    /// The other unit forwards for a moment, then this one again; say what it cost
    Rehearse,
}

#[derive(Args, Debug)]
pub(crate) struct CableArguments {
    /// The path of the one end
    pub(crate) one: PathBuf,
    /// The path of the other end
    pub(crate) other: PathBuf,
    /// Bits a second
    #[arg(long, value_name = "BAUD", default_value_t = 115_200, value_parser = clap::value_parser!(u32).range(300..=4_000_000))]
    pub(crate) baud: u32,
}

/// What to show.
#[derive(Debug, Subcommand)]
pub(crate) enum Subject {
    /// The unit as a whole: version, workers, connections, ports
    Status,
    /// Virtual servers: connections and traffic
    Virtual,
    /// Real servers: connections, traffic and the way to them
    Real,
    /// Connections, narrowed and in pages
    Connections(ConnectionArguments),
    /// What became of all packets, and why some were dropped
    Counters,
    /// Ports: link, MAC address, traffic
    Ports,
    /// The neighbours on the ports' links
    Neighbors,
    /// The pair: whether the standby has all connections, and which would break
    Replication,
    /// Who is active and why: both units, cable, links, groups, what each reaches, and what happened
    Failover,
}

#[derive(Args, Debug)]
pub(crate) struct ConnectionArguments {
    /// Only clients at this address or in this network
    #[arg(long, value_name = "NET")]
    client: Option<ClientNetwork>,
    /// Only connections to this virtual server
    #[arg(long = "virtual", value_name = "ADDR[:PORT]")]
    virtual_server: Option<EndpointPattern>,
    /// Only connections to this real server
    #[arg(long = "real", value_name = "ADDR[:PORT]")]
    real_server: Option<EndpointPattern>,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = DEFAULT_CONNECTIONS)]
    limit: usize,
    /// Go on where an earlier list ended
    #[arg(long, value_name = "CURSOR")]
    after: Option<PageCursor>,
}

impl ConnectionArguments {
    pub(crate) const fn query(&self) -> ConnectionQuery {
        ConnectionQuery {
            client: self.client,
            virtual_server: self.virtual_server,
            real_server: self.real_server,
            limit: self.limit,
            after: self.after,
        }
    }
}

impl Subject {
    /// The request for it.
    pub(crate) const fn request(&self) -> Show {
        match self {
            Self::Status => Show::Status,
            Self::Virtual => Show::Virtual,
            Self::Real => Show::Real,
            Self::Connections(arguments) => Show::Connections(arguments.query()),
            Self::Counters => Show::Counters,
            Self::Ports => Show::Ports,
            Self::Neighbors => Show::Neighbors,
            Self::Replication => Show::Replication,
            Self::Failover => Show::Failover,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split(' '))
    }

    #[test]
    fn grammar_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_follows_the_dashes_is_for_eal() {
        let arguments = parse("understudy run --config here -- --log-level 8 -v").unwrap();
        let Command::Run { folder, eal_arguments } = arguments.command else { panic!() };
        assert_eq!(folder.path, PathBuf::from("here"));
        assert_eq!(eal_arguments, ["--log-level", "8", "-v"]);
        let Command::Run { folder, .. } = parse("understudy run").unwrap().command else { panic!() };
        assert_eq!(folder.path, PathBuf::from(DEFAULT_FOLDER));
    }

    #[test]
    fn connections_are_narrowed() {
        let line = "understudy show connections --client 198.51.100.0/24 --virtual 192.0.2.100:80 --real 10.1.0.11 \
                    --limit 20 --after 0.4.64 --json --socket s";
        let Command::Unit(UnitCommand::Show(arguments)) = parse(line).unwrap().command else { panic!() };
        assert!(arguments.way.json);
        assert_eq!(arguments.way.socket, Some(PathBuf::from("s")));
        let Show::Connections(query) = arguments.subject.request() else { panic!() };
        assert_eq!(query.client.unwrap().to_string(), "198.51.100.0/24");
        assert_eq!(query.virtual_server.unwrap().to_string(), "192.0.2.100:80");
        assert_eq!(query.real_server.unwrap().to_string(), "10.1.0.11:0");
        assert_eq!((query.limit, query.after.unwrap().to_string().as_str()), (20, "0.4.64"));
    }

    #[test]
    fn options_may_stand_before_the_subject() {
        let Command::Unit(UnitCommand::Show(arguments)) =
            parse("understudy show --json --socket s ports").unwrap().command
        else {
            panic!()
        };
        assert!(arguments.way.json && arguments.way.socket.is_some());
    }

    #[test]
    fn wrong_usage_is_refused() {
        for (line, expected) in [
            ("understudy", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
            ("understudy show", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
            ("understudy dance", ErrorKind::InvalidSubcommand),
            ("understudy show secrets", ErrorKind::InvalidSubcommand),
            ("understudy failover", ErrorKind::MissingRequiredArgument),
            ("understudy failover primary", ErrorKind::InvalidValue),
            ("understudy run --colour red", ErrorKind::UnknownArgument),
            ("understudy show ports --limit 3", ErrorKind::UnknownArgument),
            ("understudy show connections --client everybody", ErrorKind::ValueValidation),
            ("understudy show connections --virtual 192.0.2.1:http", ErrorKind::ValueValidation),
            ("understudy show connections --limit -1", ErrorKind::UnknownArgument),
            ("understudy show connections --after there", ErrorKind::ValueValidation),
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.kind(), expected, "{line}");
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
