//! Carries out commands of the language.

use commands::{Change, Clear, Command, Kill, ParseError, Parser};
use director::{Binding, Configuration, Cursor, KillFilter};
use model::{ServerName, UnitState};

use super::ask::{AskError, ask};
use super::change_report::{ClearReport, KillReport};
use super::explain;
use super::inspection::Inspection;
use super::protocol::{CommandRequest, ErrorKind, Outcome};
use super::stop::Stop;
use crate::running::{KillRequest, Killed, Options, TransactionError, WorkerRequest};

/// Why commands were not carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// A line is no command.
    #[error("{0}")]
    Line(#[from] ParseError),
    /// One of several lines is none.
    #[error("command {number}: {error}")]
    OneOf {
        /// Which, from 1 on.
        number: usize,
        /// What is wrong with it.
        error: ParseError,
    },
    /// There are none.
    #[error("there is no command")]
    Nothing,
    /// Several commands are a transaction, in which others have no place.
    #[error(
        "command {number}: {line:?} does not change the configuration; only commands that do can be carried out together"
    )]
    NotTogether {
        /// Which, from 1 on.
        number: usize,
        /// The line.
        line: String,
    },
    /// Only transactions can be tried.
    #[error("--dry-run is for commands that change the configuration; this one does not")]
    NoDryRun,
    /// There is no such server.
    #[error("there is no {kind} server {name}{}", known(.names))]
    Unknown {
        /// Virtual or real.
        kind: &'static str,
        /// As it was asked for.
        name: ServerName,
        /// Some that there are.
        names: Vec<String>,
    },
    /// A client of one address family and a server of the other.
    #[error(
        "{client} can not connect to {server}: one is IPv4, the other IPv6; name a client of the server's family"
    )]
    OtherFamily {
        /// The client.
        client: std::net::IpAddr,
        /// The virtual server.
        server: ServerName,
    },
    /// It remembers no clients.
    #[error("clients are not remembered at {0}; `sticky` has them be")]
    NotSticky(ServerName),
    /// The other unit is asked for that.
    #[error("this unit stands by for the group {group:?}; {whither}")]
    NotActive {
        /// The first group.
        group: String,
        /// Where to go.
        whither: String,
    },
    /// The transaction was not carried out.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// A worker did not answer.
    #[error(transparent)]
    Worker(#[from] AskError),
}

/// How many names are told to one who asked for another.
const NAMES_TOLD: usize = 8;

fn known(names: &[String]) -> String {
    match names {
        [] => "; there is none at all".to_owned(),
        _ if names.len() > NAMES_TOLD => {
            format!("; there are {}, and others", names[..NAMES_TOLD].join(", "))
        }
        _ => format!("; there is {}", names.join(", ")),
    }
}

impl CommandError {
    pub(super) const fn kind(&self) -> ErrorKind {
        match self {
            Self::Line(_)
            | Self::OneOf { .. }
            | Self::Nothing
            | Self::NotTogether { .. }
            | Self::NoDryRun
            | Self::Unknown { .. }
            | Self::OtherFamily { .. }
            | Self::NotSticky(_) => ErrorKind::Command,
            Self::NotActive { .. } => ErrorKind::NotActive,
            Self::Worker(error) => error.kind(),
            Self::Transaction(error) => match error {
                TransactionError::Wrong(_) => ErrorKind::Command,
                TransactionError::Orphans(_) => ErrorKind::Orphans,
                TransactionError::Late(_) => ErrorKind::WorkerSilent,
                TransactionError::Unfinished(_) => ErrorKind::Unfinished,
                TransactionError::NeedsStart(_)
                | TransactionError::NoNumber(_)
                | TransactionError::Edited(_)
                | TransactionError::Disk { .. }
                | TransactionError::AwaitsStart
                | TransactionError::LastGeneration => ErrorKind::Refused,
            },
        }
    }
}

/// Carries out what was asked: all of it or nothing.
pub(super) fn carry_out(
    inspection: &Inspection,
    request: &CommandRequest,
    stop: &Stop,
) -> Result<Outcome, CommandError> {
    let options = Options { dry_run: request.dry_run, force: request.force };
    let executor = Executor { inspection, options, stop };
    match &request.commands[..] {
        [] => Err(CommandError::Nothing),
        [line] => executor.one(commands::parse_line(line)?),
        lines => executor.change(&changes(lines)?),
    }
}

/// All lines as changes.
fn changes(lines: &[String]) -> Result<Vec<Change>, CommandError> {
    let mut parser = Parser::new();
    let change = |(number, line): (usize, &String)| match parser.parse(line) {
        Ok(Command::Change(change)) => Ok(change),
        Ok(_) => Err(CommandError::NotTogether { number, line: line.clone() }),
        Err(error) => Err(CommandError::OneOf { number, error }),
    };
    (1..).zip(lines).map(change).collect()
}

struct Executor<'a> {
    inspection: &'a Inspection,
    options: Options,
    stop: &'a Stop,
}

impl Executor<'_> {
    fn one(&self, command: Command) -> Result<Outcome, CommandError> {
        if self.options.dry_run && !matches!(command, Command::Change(_)) {
            return Err(CommandError::NoDryRun);
        }
        let running = &self.inspection.running;
        match command {
            Command::Change(change) => self.change(&[change]),
            Command::Write => {
                self.is_to_decide()?;
                Ok(Outcome::Written(running.write(self.options)?))
            }
            Command::Kill(kill) => self.kill(&kill),
            Command::Clear { what } => self.clear(&what),
            Command::Configuration => Ok(Outcome::Configuration(Box::new(running.report()))),
            Command::Explain { client, server } => {
                let report = explain::report(self.inspection, client, server, self.stop)?;
                Ok(Outcome::Explained(Box::new(report)))
            }
        }
    }

    fn change(&self, changes: &[Change]) -> Result<Outcome, CommandError> {
        // What a change would do may be asked anywhere.
        if !self.options.dry_run {
            self.is_to_decide()?;
        }
        Ok(Outcome::Changed(self.inspection.running.change(changes, self.options)?))
    }

    /// Of units that decide by themselves who is active, the one takes commands that is active for the first group: the other has
    /// its configuration from it. Where operators decide, each unit takes its own.
    fn is_to_decide(&self) -> Result<(), CommandError> {
        self.is_to_act_for(0)
    }

    /// What is not configuration is done by the unit that is active for the group that it is about; what is about no group in
    /// particular, by each for those that it is active for.
    fn is_to_act(
        &self,
        director: &Configuration,
        virtual_server: Option<usize>,
        real_server: Option<usize>,
    ) -> Result<(), CommandError> {
        let serves = |real: usize| {
            let mut bindings =
                director.bindings().iter().filter(move |binding| binding.real_server() == real);
            bindings.next().map(Binding::virtual_server)
        };
        match virtual_server.or_else(|| real_server.and_then(serves)) {
            Some(server) => self.is_to_act_for(director.virtual_servers()[server].group()),
            None if (0..director.groups().len()).any(|group| self.is_active(group)) => Ok(()),
            None => self.is_to_act_for(0),
        }
    }

    fn is_to_act_for(&self, group: usize) -> Result<(), CommandError> {
        let Inspection { monitor: Some(monitor), running, .. } = self.inspection else {
            return Ok(());
        };
        if self.is_active(group) {
            return Ok(());
        }
        let active = monitor.snapshot().ok().and_then(|snapshot| {
            let is_active = |peer: &&failover::PeerStatus| {
                let of_peer = peer.groups.get(group);
                peer.is_alive && of_peer.is_some_and(|group| group.state == failover::State::Active)
            };
            snapshot.status.peers.iter().find(is_active).map(|peer| peer.unit)
        });
        let links = self.inspection.unit.failover().map(|failover| failover.links());
        let address = links.and_then(|links| links.first()).map(|link| link.peer.ip());
        Err(CommandError::NotActive {
            group: running.director().groups().get(group).map_or("", |group| group.name()).to_owned(),
            whither: match (active, address) {
                (Some(unit), Some(address)) => {
                    format!("give commands to unit {unit}, at {address}, which is active")
                }
                (Some(unit), None) => format!("give commands to unit {unit}, which is active"),
                (None, _) => "no unit is active for it now; try again when one is".to_owned(),
            },
        })
    }

    /// Walks the tables of all workers, for the groups that are active here: what the other unit does with its own is not this
    /// one's to say.
    fn kill(&self, kill: &Kill) -> Result<Outcome, CommandError> {
        let director = self.inspection.running.director();
        let virtual_server = kill.virtual_server.map(|name| virtual_server(&director, name)).transpose()?;
        let real_server = kill.real_server.map(|name| real_server(&director, name)).transpose()?;
        self.is_to_act(&director, virtual_server, real_server)?;
        let id_of_virtual = |index: usize| director.virtual_servers()[index].id();
        let id_of_real = |index: usize| director.real_servers()[index].id();
        let filter = KillFilter {
            client: kill.client,
            virtual_server: virtual_server.map(id_of_virtual),
            real_server: real_server.map(id_of_real),
        };
        let mut connections = 0;
        for (worker, view) in self.inspection.workers.iter().enumerate() {
            for group in (0..view.shards.len()).filter(|&group| self.is_active(group)) {
                connections += self.kill_in(worker, group, filter)?;
            }
        }
        log::info!("{connections} connections were removed by command");
        Ok(Outcome::Killed(KillReport { connections }))
    }

    fn is_active(&self, group: usize) -> bool {
        let switch = self.inspection.pair.as_ref().and_then(|pair| pair.groups.get(group));
        switch.is_none_or(|group| group.switch.current() == UnitState::Active)
    }

    fn kill_in(&self, worker: usize, group: usize, filter: KillFilter) -> Result<u64, CommandError> {
        let (mut cursor, mut killed) = (Some(Cursor::default()), 0);
        while let Some(from) = cursor {
            let Killed { connections, next } = ask(&self.inspection.workers, worker, self.stop, |reply| {
                WorkerRequest::Kill(KillRequest { group, cursor: from, filter, reply })
            })?;
            killed += connections;
            cursor = next;
        }
        Ok(killed)
    }

    fn clear(&self, what: &Clear) -> Result<Outcome, CommandError> {
        let (what, count) = match what {
            // Each unit counts for itself.
            Clear::Counters => ("counters", self.inspection.clear_counters()),
            Clear::Sticky { server, client } => ("sticky entries", self.clear_sticky(*server, *client)?),
            Clear::Failed { servers } => ("failed real servers", self.clear_failed(servers)?),
        };
        Ok(Outcome::Cleared(ClearReport { what: what.to_owned(), count }))
    }

    fn clear_sticky(
        &self,
        server: Option<ServerName>,
        client: Option<ipnet::IpNet>,
    ) -> Result<u64, CommandError> {
        let running = &self.inspection.running;
        let director = running.director();
        let index = server.map(|name| virtual_server(&director, name)).transpose()?;
        self.is_to_act(&director, index, None)?;
        let scope = match server {
            None => None,
            Some(name) => {
                let index = virtual_server(&director, name)?;
                let sticky = director.virtual_servers()[index].sticky();
                Some(sticky.ok_or(CommandError::NotSticky(name))?.scope())
            }
        };
        Ok(running.shared().clear_sticky(scope, client))
    }

    /// Returns how many had failed.
    fn clear_failed(&self, names: &[ServerName]) -> Result<u64, CommandError> {
        let running = &self.inspection.running;
        let director = running.director();
        let indices: Vec<usize> = match names {
            [] => (0..director.real_servers().len()).collect(),
            _ => names.iter().map(|&name| real_server(&director, name)).collect::<Result<_, _>>()?,
        };
        match indices.as_slice() {
            _ if names.is_empty() => self.is_to_act(&director, None, None)?,
            named => named.iter().try_for_each(|&real| self.is_to_act(&director, None, Some(real)))?,
        }
        let ids = indices.into_iter().map(|index| director.real_servers()[index].id());
        Ok(ids.filter(|&id| running.shared().restore(id)).count() as u64)
    }
}

/// The index of a virtual server.
fn virtual_server(director: &Configuration, name: ServerName) -> Result<usize, CommandError> {
    director.find_virtual(name).ok_or_else(|| CommandError::Unknown {
        kind: "virtual",
        name,
        names: some(director.virtual_servers().iter().map(|server| server.name())),
    })
}

/// The index of a real server.
fn real_server(director: &Configuration, name: ServerName) -> Result<usize, CommandError> {
    director.find_real(name).ok_or_else(|| CommandError::Unknown {
        kind: "real",
        name,
        names: some(director.real_servers().iter().map(|server| server.name())),
    })
}

/// One more than are told, so that it is known whether there are others.
fn some(names: impl Iterator<Item = ServerName>) -> Vec<String> {
    names.take(NAMES_TOLD + 1).map(|name| name.to_string()).collect()
}
