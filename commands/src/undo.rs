//! What `no` undoes: each configuration command, back to the default.

use clap::Subcommand;
use model::ServerName;

use crate::values::{Clients, name, word};
use crate::words::TimeoutState;

/// A configuration command that is undone.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Undo {
    /// Remove a virtual server, with its bindings, assignments and buddies
    #[command(after_help = "Example: no virtual 192.0.2.100:80:1")]
    Virtual {
        /// The virtual server
        #[arg(value_name = "VIRTUAL")]
        server: ServerName,
    },
    /// Remove a real server, with its bindings
    #[command(after_help = "Example: no real 10.1.0.11:8001")]
    Real {
        /// The real server
        #[arg(value_name = "REAL")]
        server: ServerName,
    },
    /// Have a virtual server no longer served by real servers
    #[command(after_help = "Example: no bind 192.0.2.100:80 10.1.0.12:8001")]
    Bind {
        /// The virtual server
        #[arg(value_name = "VIRTUAL")]
        virtual_server: ServerName,
        /// The real servers [default: all]
        #[arg(value_name = "REAL")]
        real_servers: Vec<ServerName>,
    },
    /// Have clients no longer assigned to an instance
    #[command(after_help = "Example: no assign 192.0.2.100:80:1 198.51.100.0/24")]
    Assign {
        /// The instance of a virtual server
        #[arg(value_name = "VIRTUAL")]
        server: ServerName,
        /// The clients' networks; none for all.
        #[command(flatten)]
        clients: Clients,
    },
    /// Back to the predictor leastconns
    #[command(after_help = "Example: no predictor 192.0.2.100:80")]
    Predictor {
        /// The virtual server
        #[arg(value_name = "VIRTUAL")]
        server: ServerName,
    },
    /// Back to weight 1
    #[command(after_help = "Example: no weight 10.1.0.11:8001")]
    Weight {
        /// The real server
        #[arg(value_name = "REAL")]
        server: ServerName,
    },
    /// No longer limit the connections of a server
    #[command(name = "maxconns", after_help = "Example: no maxconns 10.1.0.11:8001")]
    MaxConnections {
        /// The virtual or real server
        #[arg(value_name = "SERVER")]
        server: ServerName,
    },
    /// Clients no longer return to the real server that they had
    #[command(after_help = "Example: no sticky 192.0.2.100:80")]
    Sticky {
        /// The virtual server
        #[arg(value_name = "VIRTUAL")]
        server: ServerName,
    },
    /// Remove virtual servers from their buddies, or the buddies as a whole
    #[command(after_help = "Example: no buddy shop 192.0.2.100:443")]
    Buddy {
        /// The buddies' name
        #[arg(value_name = "NAME", value_parser = name)]
        name: String,
        /// The virtual servers [default: all]
        #[arg(value_name = "VIRTUAL")]
        servers: Vec<ServerName>,
    },
    /// Nobody serves in a server's place
    #[command(after_help = "Example: no backup 192.0.2.100:80:1")]
    Backup {
        /// The virtual or real server
        #[arg(value_name = "SERVER")]
        server: ServerName,
    },
    /// Have an instance serve its clients again
    #[command(after_help = "Example: no refuse 192.0.2.100:80:9")]
    Refuse {
        /// The instance of a virtual server
        #[arg(value_name = "VIRTUAL")]
        server: ServerName,
    },
    /// Back to 8 ditched connections, resets counted
    #[command(after_help = "Example: no threshold 10.1.0.11:8001")]
    Threshold {
        /// The real server
        #[arg(value_name = "REAL")]
        server: ServerName,
    },
    /// Back to 60 seconds until a failed real server is tried again
    #[command(after_help = "Example: no retry 10.1.0.11:8001")]
    Retry {
        /// The real server
        #[arg(value_name = "REAL")]
        server: ServerName,
    },
    /// Back to 3 resent SYNs
    #[command(after_help = "Example: no resends 192.0.2.100:80")]
    Resends {
        /// The virtual server
        #[arg(value_name = "VIRTUAL")]
        server: ServerName,
    },
    /// Give a real server its whole share at once
    #[command(name = "slowstart", after_help = "Example: no slowstart 10.1.0.11:8001")]
    SlowStart {
        /// The real server
        #[arg(value_name = "REAL")]
        server: ServerName,
    },
    /// Back to the default timeout, or to the general one for a virtual server
    #[command(after_help = "Example: no timeout established 192.0.2.100:80")]
    Timeout {
        /// The state that a connection is idle in
        #[arg(value_name = "STATE", value_parser = word::<TimeoutState>())]
        state: TimeoutState,
        /// Only for this virtual server [default: the general timeout]
        #[arg(value_name = "VIRTUAL")]
        server: Option<ServerName>,
    },
    /// No longer limit the half-open connections of a virtual server
    #[command(name = "synguard", after_help = "Example: no synguard 192.0.2.100:80")]
    SynGuard {
        /// The virtual server
        #[arg(value_name = "VIRTUAL")]
        server: ServerName,
    },
    /// The standby unit no longer holds a virtual server's connections
    #[command(after_help = "Example: no replicate 192.0.2.100:80")]
    Replicate {
        /// The virtual server
        #[arg(value_name = "VIRTUAL")]
        server: ServerName,
    },
    /// The same as out-of-service
    #[command(after_help = "Example: no in-service 10.1.0.11:8001")]
    InService {
        /// The virtual and real servers
        #[arg(value_name = "SERVER", required = true)]
        servers: Vec<ServerName>,
    },
    /// The same as in-service
    #[command(after_help = "Example: no out-of-service 10.1.0.11:8001")]
    OutOfService {
        /// The virtual and real servers
        #[arg(value_name = "SERVER", required = true)]
        servers: Vec<ServerName>,
    },
    /// Back to dropping TCP segments of no connection
    #[command(after_help = "Example: no without-connection")]
    WithoutConnection,
    /// Back to seed 0
    #[command(after_help = "Example: no hash-seed")]
    HashSeed,
    /// Remove a failover group
    #[command(after_help = "Example: no group web")]
    Group {
        /// The group's name
        #[arg(value_name = "NAME", value_parser = name)]
        name: String,
    },
}
