//! What is wrong with a command, and what would be right.

use std::fmt;

use ipnet::IpNet;
use model::ServerName;

/// Why a command can not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No such server.
    #[error("no {role} server {name}; {defined}")]
    Unknown {
        /// What it should be.
        role: &'static str,
        /// Its name.
        name: ServerName,
        /// Those that are defined, in words.
        defined: String,
    },
    /// A command for the other kind of server.
    #[error("{name} is a {is} server; this is for {wanted} servers only")]
    WrongRole {
        /// Its name.
        name: ServerName,
        /// What it is.
        is: Role,
        /// What it should be.
        wanted: Role,
    },
    /// A binding that is not there.
    #[error("{real_server} is not bound to {virtual_server}; bound are {bound}")]
    NotBound {
        /// The virtual server.
        virtual_server: ServerName,
        /// The real server.
        real_server: ServerName,
        /// The real servers that are bound, in words.
        bound: String,
    },
    /// Others rely on the server.
    #[error("{name} is the backup of {of}; first: no backup {of}")]
    IsBackup {
        /// The server.
        name: ServerName,
        /// Whose backup it is.
        of: ServerName,
    },
    /// What is to be undone is not so.
    #[error("there is nothing to undo: {0}")]
    NothingToUndo(String),
    /// An assignment to the instance that is there for all who are assigned to none (seed 003, step 22).
    #[error(
        "{0} has bind ID 0, which serves all clients that are not assigned; assign to an instance with another bind ID"
    )]
    AssignedToGeneral(ServerName),
    /// An assignment to an instance that does not exist (seed 003, figure 4, step 406).
    #[error(
        "no virtual server {name} to assign clients to; {defined}; define the instance first: virtual {name}"
    )]
    AssignedToNothing {
        /// The instance.
        name: ServerName,
        /// Those that are defined, in words.
        defined: String,
    },
    /// An assignment that is not there.
    #[error("{client} is not assigned to {instance}; {assigned}")]
    NotAssigned {
        /// The clients' network.
        client: IpNet,
        /// The instance.
        instance: ServerName,
        /// What is assigned, in words.
        assigned: String,
    },
    /// No such group of buddies.
    #[error("no buddies are called {name:?}; {defined}")]
    UnknownBuddies {
        /// The name.
        name: String,
        /// Those that are defined, in words.
        defined: String,
    },
    /// A buddy that is none.
    #[error("{server} is not one of the buddies {name:?}; they are {buddies}")]
    NotBuddy {
        /// The virtual server.
        server: ServerName,
        /// The buddies' name.
        name: String,
        /// Who they are, in words.
        buddies: String,
    },
    /// A real server's backup that is to come in too early.
    #[error(
        "{0} is a real server, whose backup comes in when it has failed; busy is for virtual servers only"
    )]
    RealIsNeverBusy(ServerName),
    /// No such failover group.
    #[error("no group {name:?}; {defined}")]
    UnknownGroup {
        /// The name.
        name: String,
        /// Those that are defined, in words.
        defined: String,
    },
    /// A group that is needed.
    #[error("the group {name:?} has virtual servers; remove them first, or put them into another: {servers}")]
    GroupHasServers {
        /// The group.
        name: String,
        /// Its virtual servers, in words.
        servers: String,
    },
    /// Two MAC addresses for one port.
    #[error("the group {name:?} has two MAC addresses on the port {port:?}; it can have one")]
    TwoMacs {
        /// The group.
        name: String,
        /// The port.
        port: String,
    },
    /// All that is wrong with the configuration that would come of it, a sentence each.
    #[error("{}", lines(.0))]
    Mistakes(Vec<String>),
    /// The configuration to be changed is none.
    #[error("the configuration has {0:?}, which can not be read")]
    Unreadable(String),
}

/// What a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Clients connect to it.
    Virtual,
    /// It serves connections.
    Real,
}

impl Role {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Virtual => "virtual",
            Self::Real => "real",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// How many of many things are named.
const NAMED: usize = 5;

/// The first few, and how many more there are.
pub(super) fn listed<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let mut items = items.into_iter();
    let named: Vec<String> = items.by_ref().take(NAMED).map(|item| item.to_string()).collect();
    match items.count() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

fn lines(sentences: &[String]) -> String {
    let mut lines = sentences.iter().take(NAMED).cloned().collect::<Vec<_>>();
    if sentences.len() > NAMED {
        lines.push(format!("and {} more", sentences.len() - NAMED));
    }
    lines.join("\n")
}
