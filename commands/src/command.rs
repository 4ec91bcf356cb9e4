//! All commands of the language: those that change the configuration, and those that do not.

use std::net::IpAddr;

use clap::{Args, Subcommand};
use ipnet::IpNet;
use model::ServerName;

use crate::change::Change;
use crate::values::network;

/// A command of the language, as a typed value.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Changes the configuration.
    #[command(flatten)]
    Change(Change),
    /// Write the running configuration to the disk
    ///
    /// On both units of a pair. A power cut leaves the old file or the new one. Until then, a unit that starts anew has the
    /// configuration that was written last.
    #[command(after_help = "Example: write")]
    Write,
    /// Remove connections
    ///
    /// Those that all filters match.
    #[command(after_help = "Example: kill --real 10.1.0.11:8001")]
    Kill(Kill),
    /// Set back what the unit counts or remembers
    Clear {
        /// What to clear.
        #[command(subcommand)]
        what: Clear,
    },
    /// Print the running configuration as commands
    ///
    /// They read back as the same configuration; so does the document that --json prints, as director.json.
    #[command(after_help = "Example: configuration")]
    Configuration,
    /// Say which instance and which real server a client would get, and why
    ///
    /// Sends nothing and changes nothing.
    #[command(after_help = "Example: explain 198.51.100.7 192.0.2.100:80")]
    Explain {
        /// The client's address
        #[arg(value_name = "CLIENT")]
        client: IpAddr,
        /// The virtual server that it would connect to
        #[arg(value_name = "VIRTUAL")]
        server: ServerName,
    },
}

/// Which connections to remove: those that match all that is given.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[group(required = true, multiple = true)]
pub struct Kill {
    /// Those of clients at this address or in this network
    #[arg(long, value_name = "NET", value_parser = network)]
    pub client: Option<IpNet>,
    /// Those to this virtual server
    #[arg(long = "virtual", value_name = "VIRTUAL")]
    pub virtual_server: Option<ServerName>,
    /// Those to this real server
    #[arg(long = "real", value_name = "REAL")]
    pub real_server: Option<ServerName>,
    /// All connections
    #[arg(long, conflicts_with_all = ["client", "virtual_server", "real_server"])]
    pub all: bool,
}

/// What can be set back.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Clear {
    /// Count from zero again
    #[command(after_help = "Example: clear counters")]
    Counters,
    /// Forget which real servers clients had
    #[command(after_help = "Example: clear sticky --virtual 192.0.2.100:80 --client 198.51.100.0/24")]
    Sticky {
        /// Only at this virtual server
        #[arg(long = "virtual", value_name = "VIRTUAL")]
        server: Option<ServerName>,
        /// Only clients at this address or in this network
        #[arg(long, value_name = "NET", value_parser = network)]
        client: Option<IpNet>,
    },
    /// Take failed real servers back into service
    #[command(after_help = "Example: clear failed 10.1.0.11:8001")]
    Failed {
        /// The real servers [default: all that have failed]
        #[arg(value_name = "REAL")]
        servers: Vec<ServerName>,
    },
}
