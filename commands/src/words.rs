//! Words of the language that stand for one of a few values. Each may be abbreviated as long as it is unique.

use std::fmt;

use clap::ValueEnum;

/// The word for a value.
fn spelled<E: ValueEnum>(value: &E) -> String {
    value.to_possible_value().map_or_else(String::new, |word| word.get_name().to_owned())
}

macro_rules! words {
    ($($(#[$meta:meta])* $name:ident { $($(#[$value_meta:meta])* $value:ident),+ $(,)? })+) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
            pub enum $name {
                $($(#[$value_meta])* $value),+
            }

            impl fmt::Display for $name {
                fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                    formatter.write_str(&spelled(self))
                }
            }
        )+
    };
}

words! {
    /// Whether a server takes new connections.
    ServiceState {
        /// In service: it takes new connections
        Is,
        /// Out of service: it takes no new connections, those that it has go on
        Oos,
    }

    /// How a virtual server chooses among its real servers.
    PredictorName {
        /// The real server with the fewest connections
        #[value(name = "leastconns")]
        LeastConnections,
        /// The real server with the fewest connections for its weight
        #[value(name = "weighted-leastconns")]
        WeightedLeastConnections,
        /// The real server that answers a SYN soonest, its connections considered
        Fastest,
        /// One real server after the other
        #[value(name = "roundrobin")]
        RoundRobin,
        /// One real server after the other, each as often as its weight says
        #[value(name = "weighted-roundrobin")]
        WeightedRoundRobin,
        /// The same real server for the same client, by a hash of the client's address
        SourceHash,
        /// The same real server for the same client, by Maglev's consistent hash: few clients move when one comes or goes
        Maglev,
    }

    /// A state of a connection that has a timeout of its own.
    TimeoutState {
        /// A SYN was seen, and no answer to it yet
        Syn,
        /// Both ends have agreed
        Established,
        /// One end has closed
        HalfClosed,
        /// Both ends have closed
        Closed,
        /// One end has reset the connection
        Reset,
        /// A flow of UDP datagrams
        Udp,
    }

    /// What clients meet that are not served.
    Refusal {
        /// Silence
        Drop,
        /// A TCP reset; UDP is dropped
        Reset,
    }

    /// When a backup comes in.
    BackupWhen {
        /// When the server has failed
        Failed,
        /// When the server has failed or has as many connections as it may have
        Busy,
    }

    /// What happens to TCP segments in midway: those of no connection that the unit has.
    Midway {
        /// Silence
        Drop,
        /// A TCP reset
        Reset,
        /// They begin a connection as a SYN does
        Admit,
    }

    /// Who switches a failover group back to its primary unit.
    Strategy {
        /// An operator
        Manual,
        /// The pair itself, as soon as the primary unit is ready
        Automatic,
    }

    /// How what the units of a pair can reach is compared.
    Comparison {
        /// By the number of targets
        Count,
        /// By the sum of the targets' weights
        Weighted,
        /// By the required targets first, then by the sum of weights
        Required,
    }
}
