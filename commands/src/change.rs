//! The configuration commands as typed values, and as one grammar: what stands here is also the help that operators read.

use clap::{Args, Subcommand};
use ipnet::IpNet;
use model::{MacAddress, ServerName};

use crate::undo::Undo;
use crate::values::{Clients, OfPort, name, number, port_mac, shared_address, word};
use crate::words::{
    BackupWhen, Comparison, Midway, PredictorName, Refusal, ServiceState, Strategy, TimeoutState,
};

/// A command that changes the configuration.
///
/// Numbers are whole numbers of any size here: their ranges are the configuration's, whichever way it comes.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Change {
    /// Define a virtual server, or change its state
    ///
    /// A new one is in service. The bind ID names an instance: `192.0.2.100:80:1` is instance 1 of
    /// `192.0.2.100:80`, which serves the clients that are assigned to it; instance 0 serves all others.
    #[command(after_help = "Example: virtual 192.0.2.100:80:1 is")]
    Virtual {
        /// The virtual server: address[:port][:bind-id][:protocol]; without port all ports, without protocol tcp
        #[arg(value_name = "VIRTUAL")]
        server: ServerName,
        /// Whether it takes new connections [default: as it is; a new one does]
        #[arg(value_name = "STATE", value_parser = word::<ServiceState>())]
        state: Option<ServiceState>,
        /// The failover group that it is in [default: as it is; a new one is in the first group]
        #[arg(long, value_name = "NAME", value_parser = name)]
        group: Option<String>,
    },
    /// Define a real server, or change its state
    ///
    /// A new one is in service. It gets connections when it is bound to a virtual server.
    #[command(after_help = "Example: real 10.1.0.11:8001 is")]
    Real {
        /// The real server: address[:port][:protocol]; without port all ports, without protocol tcp
        #[arg(value_name = "REAL")]
        server: ServerName,
        /// Whether it takes new connections [default: as it is; a new one does]
        #[arg(value_name = "STATE", value_parser = word::<ServiceState>())]
        state: Option<ServiceState>,
    },
    /// Have a virtual server served by real servers
    ///
    /// Ports are translated where they differ: virtual port 80 to real port 8001.
    #[command(after_help = "Example: bind 192.0.2.100:80 10.1.0.11:8001 10.1.0.12:8001")]
    Bind {
        /// The virtual server
        #[arg(value_name = "VIRTUAL")]
        virtual_server: ServerName,
        /// The real servers
        #[arg(value_name = "REAL", required = true)]
        real_servers: Vec<ServerName>,
    },
    /// Assign clients to an instance of a virtual server
    ///
    /// The longest prefix that a client's address matches wins. Clients that are not assigned get instance 0. Connections
    /// that there are stay where they are.
    #[command(after_help = "Example: assign 192.0.2.100:80:1 198.51.100.0 255.255.255.0")]
    #[command(mut_arg("clients", |clients| clients.required(true)))]
    Assign {
        /// The instance of a virtual server; its bind ID is not 0
        #[arg(value_name = "VIRTUAL")]
        server: ServerName,
        /// The clients' networks.
        #[command(flatten)]
        clients: Clients,
    },
    /// Say how a virtual server chooses among its real servers
    #[command(after_help = "Example: predictor 192.0.2.100:80 weighted-leastconns")]
    Predictor {
        /// The virtual server
        #[arg(value_name = "VIRTUAL")]
        server: ServerName,
        /// How it chooses
        #[arg(value_name = "PREDICTOR", value_parser = word::<PredictorName>())]
        predictor: PredictorName,
    },
    /// Set a real server's share, where the predictor is weighted
    #[command(after_help = "Example: weight 10.1.0.11:8001 3")]
    Weight {
        /// The real server
        #[arg(value_name = "REAL")]
        server: ServerName,
        /// Its weight, 1 to 1000 [default: 1]
        #[arg(value_name = "WEIGHT", value_parser = number, allow_negative_numbers = true)]
        weight: u64,
    },
    /// Limit the connections of a virtual or real server
    #[command(name = "maxconns", after_help = "Example: maxconns 10.1.0.11:8001 20000")]
    MaxConnections {
        /// The virtual or real server
        #[arg(value_name = "SERVER")]
        server: ServerName,
        /// The most connections that it may have [default: as many as the unit has room for]
        #[arg(value_name = "COUNT", value_parser = number, allow_negative_numbers = true)]
        count: u64,
    },
    /// Have clients return to the real server that they had
    #[command(after_help = "Example: sticky 192.0.2.100:80 30 --ipv4-prefix 24")]
    Sticky {
        /// The virtual server
        #[arg(value_name = "VIRTUAL")]
        server: ServerName,
        /// For so many minutes after they were last there
        #[arg(value_name = "MINUTES", value_parser = number, allow_negative_numbers = true)]
        minutes: u64,
        /// Clients of one IPv4 network of this prefix length count as one, 1 to 32 [default: 32]
        #[arg(long, value_name = "LENGTH", value_parser = number, allow_negative_numbers = true)]
        ipv4_prefix: Option<u64>,
        /// Clients of one IPv6 network of this prefix length count as one, 1 to 128 [default: 128]
        #[arg(long, value_name = "LENGTH", value_parser = number, allow_negative_numbers = true)]
        ipv6_prefix: Option<u64>,
    },
    /// Have several virtual servers send a client to the same real server
    ///
    /// For services that belong together, like ports 80 and 443 of one shop. Adds to the buddies of that name.
    #[command(after_help = "Example: buddy shop 192.0.2.100:80 192.0.2.100:443")]
    Buddy {
        /// A name for them
        #[arg(value_name = "NAME", value_parser = name)]
        name: String,
        /// The virtual servers
        #[arg(value_name = "VIRTUAL", required = true)]
        servers: Vec<ServerName>,
    },
    /// Say who serves in a server's place
    ///
    /// A virtual server's backup is another virtual server or a real one. A real server's is another real server, and comes
    /// in when it has failed.
    #[command(after_help = "Example: backup 192.0.2.100:80:1 192.0.2.100:80 busy")]
    Backup {
        /// The virtual or real server that has a backup
        #[arg(value_name = "SERVER")]
        server: ServerName,
        /// The backup
        #[arg(value_name = "BACKUP")]
        backup: ServerName,
        /// When it comes in; busy is for virtual servers only
        #[arg(value_name = "WHEN", value_parser = word::<BackupWhen>(), default_value = "failed")]
        when: BackupWhen,
    },
    /// Have an instance refuse its clients
    ///
    /// For unwelcome clients: they are assigned to an instance that serves nobody.
    #[command(after_help = "Example: refuse 192.0.2.100:80:9 drop")]
    Refuse {
        /// The instance of a virtual server
        #[arg(value_name = "VIRTUAL")]
        server: ServerName,
        /// What they meet
        #[arg(value_name = "HOW", value_parser = word::<Refusal>())]
        how: Refusal,
    },
    /// Say how many connections in a row a real server may fail to answer
    ///
    /// A connection is ditched when the client resent its SYN too often (`resends`), or when the server reset it at once.
    /// So many one after the other fail the server.
    #[command(after_help = "Example: threshold 10.1.0.11:8001 4 --ignore-resets")]
    Threshold {
        /// The real server
        #[arg(value_name = "REAL")]
        server: ServerName,
        /// Ditched connections in a row that fail it; 0 for never [default: 8]
        #[arg(value_name = "COUNT", value_parser = number, allow_negative_numbers = true)]
        count: u64,
        /// A reset in answer to a SYN does not count
        #[arg(long)]
        ignore_resets: bool,
    },
    /// Say when a failed real server is tried again
    ///
    /// It gets one client's connection, and returns when it answers.
    #[command(after_help = "Example: retry 10.1.0.11:8001 30")]
    Retry {
        /// The real server
        #[arg(value_name = "REAL")]
        server: ServerName,
        /// Seconds after it failed; 0 for never [default: 60]
        #[arg(value_name = "SECONDS", value_parser = number, allow_negative_numbers = true)]
        seconds: u64,
    },
    /// Say after how many resent SYNs a connection is given to another real server
    #[command(after_help = "Example: resends 192.0.2.100:80 2")]
    Resends {
        /// The virtual server
        #[arg(value_name = "VIRTUAL")]
        server: ServerName,
        /// Resent SYNs; 0 for never [default: 3]
        #[arg(value_name = "COUNT", value_parser = number, allow_negative_numbers = true)]
        count: u64,
    },
    /// Give a real server that comes into service its share little by little
    #[command(name = "slowstart", after_help = "Example: slowstart 10.1.0.11:8001 120")]
    SlowStart {
        /// The real server
        #[arg(value_name = "REAL")]
        server: ServerName,
        /// Seconds until it has its whole share; 0 for at once [default: 0]
        #[arg(value_name = "SECONDS", value_parser = number, allow_negative_numbers = true)]
        seconds: u64,
    },
    /// Say when idle connections end
    ///
    /// For all virtual servers, or for one.
    #[command(after_help = "Example: timeout established 600 192.0.2.100:80")]
    Timeout {
        /// The state that a connection is idle in
        #[arg(value_name = "STATE", value_parser = word::<TimeoutState>())]
        state: TimeoutState,
        /// Seconds, 1 to 1000000 [default: syn 60, established 7440, half-closed 240, closed 10, reset 10, udp 300]
        #[arg(value_name = "SECONDS", value_parser = number, allow_negative_numbers = true)]
        seconds: u64,
        /// Only for this virtual server [default: all that have no timeout of their own]
        #[arg(value_name = "VIRTUAL")]
        server: Option<ServerName>,
    },
    /// Limit the half-open connections of a virtual server
    #[command(name = "synguard", after_help = "Example: synguard 192.0.2.100:80 5000")]
    SynGuard {
        /// The virtual server
        #[arg(value_name = "VIRTUAL")]
        server: ServerName,
        /// The most connections that wait for the end of their handshake [default: any number]
        #[arg(value_name = "COUNT", value_parser = number, allow_negative_numbers = true)]
        count: u64,
    },
    /// Have the standby unit hold a virtual server's connections
    ///
    /// So it is unless it was undone.
    #[command(after_help = "Example: replicate 192.0.2.100:80")]
    Replicate {
        /// The virtual server
        #[arg(value_name = "VIRTUAL")]
        server: ServerName,
    },
    /// Have servers take new connections
    #[command(after_help = "Example: in-service 10.1.0.11:8001")]
    InService {
        /// The virtual and real servers
        #[arg(value_name = "SERVER", required = true)]
        servers: Vec<ServerName>,
    },
    /// Have servers take no new connections
    ///
    /// Those that they have go on: `show real` says how many remain.
    #[command(after_help = "Example: out-of-service 10.1.0.11:8001")]
    OutOfService {
        /// The virtual and real servers
        #[arg(value_name = "SERVER", required = true)]
        servers: Vec<ServerName>,
    },
    /// Say what happens to TCP segments of no connection
    #[command(after_help = "Example: without-connection reset")]
    WithoutConnection {
        /// What happens
        #[arg(value_name = "WHAT", value_parser = word::<Midway>())]
        what: Midway,
    },
    /// Set the seed of the predictors source-hash and maglev
    #[command(after_help = "Example: hash-seed 20011")]
    HashSeed {
        /// Any number; units with the same seed choose alike [default: 0]
        #[arg(value_name = "SEED", value_parser = number, allow_negative_numbers = true)]
        seed: u64,
    },
    /// Define a failover group
    ///
    /// Sets all of it: what is not said is the default. A running unit takes no group that differs from those that it
    /// started with.
    #[command(after_help = "Example: group web --primary a --shared inside=10.1.0.1/24")]
    Group(Box<Group>),
    /// Undo a command: back to the default
    No {
        /// What to undo.
        #[command(subcommand)]
        undo: Undo,
    },
}

/// A failover group, whole.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The group's name, of at most 32 letters, digits, and `-`, `_`, `.`
    #[arg(value_name = "NAME", value_parser = name)]
    pub name: String,
    /// The unit that is to be active when all else is equal [default: as the units' roles say]
    #[arg(long, value_name = "UNIT", value_parser = name)]
    pub primary: Option<String>,
    /// Who switches back to the primary unit
    #[arg(long, value_name = "WHO", value_parser = word::<Strategy>(), default_value = "manual")]
    pub strategy: Strategy,
    /// How what each unit can reach is compared
    #[arg(long, value_name = "HOW", value_parser = word::<Comparison>(), default_value = "required")]
    pub compare: Comparison,
    /// The least time between two switches while both units live, 0 to 86400 [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = number, allow_negative_numbers = true)]
    pub hold: Option<u64>,
    /// Go to the other unit when it is less loaded by more than so many percentage points, 1 to 100 [default: never]
    #[arg(long, value_name = "PERCENT", value_parser = number, allow_negative_numbers = true)]
    pub load_margin: Option<u64>,
    /// Give the kernel the virtual addresses while the group is active, for a routing daemon
    #[arg(long)]
    pub advertise: bool,
    /// An address that moves with the group
    #[arg(long, value_name = "PORT=ADDRESS/LENGTH", value_parser = shared_address)]
    pub shared: Vec<OfPort<IpNet>>,
    /// The group's MAC address on a port [default: it follows from the pair's key]
    #[arg(long, value_name = "PORT=MAC", value_parser = port_mac)]
    pub mac: Vec<OfPort<MacAddress>>,
}
