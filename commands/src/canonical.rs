//! Commands as text: the full form, which reads back as the same value.

use std::fmt::{self, Display, Formatter};

use crate::change::{Change, Group};
use crate::command::{Clear, Command, Kill};
use crate::undo::Undo;

/// Words with a space before each.
struct Words<'a, 'b>(&'a mut Formatter<'b>);

impl Words<'_, '_> {
    fn word(&mut self, word: impl Display) -> Result<&mut Self, fmt::Error> {
        write!(self.0, " {word}")?;
        Ok(self)
    }

    fn words<T: Display>(&mut self, words: &[T]) -> Result<&mut Self, fmt::Error> {
        for word in words {
            self.word(word)?;
        }
        Ok(self)
    }

    /// A word that has to be quoted where it has spaces or quotes in it.
    fn quoted(&mut self, text: &str) -> Result<&mut Self, fmt::Error> {
        // What can not be quoted has a zero byte, and was never read as a word.
        let quoted = shlex::try_quote(text).map_err(|_| fmt::Error)?;
        self.word(quoted)
    }

    fn option<T: Display>(&mut self, name: &str, value: Option<T>) -> Result<&mut Self, fmt::Error> {
        if let Some(value) = value {
            self.word(name)?.quoted(&value.to_string())?;
        }
        Ok(self)
    }

    fn flag(&mut self, name: &str, is_set: bool) -> Result<&mut Self, fmt::Error> {
        if is_set {
            self.word(name)?;
        }
        Ok(self)
    }
}

impl Display for Change {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())?;
        let mut words = Words(formatter);
        match self {
            Self::Virtual { server, state, group } => {
                words.word(server)?.words(state.as_slice())?.option("--group", group.as_ref())
            }
            Self::Real { server, state } => words.word(server)?.words(state.as_slice()),
            Self::Bind { virtual_server, real_servers } => words.word(virtual_server)?.words(real_servers),
            Self::Assign { server, clients } => words.word(server)?.words(&clients.0),
            Self::Predictor { server, predictor } => words.word(server)?.word(predictor),
            Self::Weight { server, weight: number }
            | Self::MaxConnections { server, count: number }
            | Self::Retry { server, seconds: number }
            | Self::Resends { server, count: number }
            | Self::SlowStart { server, seconds: number }
            | Self::SynGuard { server, count: number } => words.word(server)?.word(number),
            Self::Sticky { server, minutes, ipv4_prefix, ipv6_prefix } => words
                .word(server)?
                .word(minutes)?
                .option("--ipv4-prefix", *ipv4_prefix)?
                .option("--ipv6-prefix", *ipv6_prefix),
            Self::Buddy { name, servers } => words.quoted(name)?.words(servers),
            Self::Backup { server, backup, when } => words.word(server)?.word(backup)?.word(when),
            Self::Refuse { server, how } => words.word(server)?.word(how),
            Self::Threshold { server, count, ignore_resets } => {
                words.word(server)?.word(count)?.flag("--ignore-resets", *ignore_resets)
            }
            Self::Timeout { state, seconds, server } => {
                words.word(state)?.word(seconds)?.words(server.as_slice())
            }
            Self::Replicate { server } => words.word(server),
            Self::InService { servers } | Self::OutOfService { servers } => words.words(servers),
            Self::WithoutConnection { what } => words.word(what),
            Self::HashSeed { seed } => words.word(seed),
            Self::Group(group) => write_group(&mut words, group).map(|()| &mut words),
            Self::No { undo } => words.word(undo),
        }?;
        Ok(())
    }
}

fn write_group(words: &mut Words<'_, '_>, group: &Group) -> fmt::Result {
    words
        .quoted(&group.name)?
        .option("--primary", group.primary.as_ref())?
        .option("--strategy", Some(group.strategy))?
        .option("--compare", Some(group.compare))?
        .option("--hold", group.hold)?
        .option("--load-margin", group.load_margin)?
        .flag("--advertise", group.advertise)?;
    for shared in &group.shared {
        words.option("--shared", Some(shared))?;
    }
    for mac in &group.mac {
        words.option("--mac", Some(mac))?;
    }
    Ok(())
}

impl Change {
    /// The command's first word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Virtual { .. } => "virtual",
            Self::Real { .. } => "real",
            Self::Bind { .. } => "bind",
            Self::Assign { .. } => "assign",
            Self::Predictor { .. } => "predictor",
            Self::Weight { .. } => "weight",
            Self::MaxConnections { .. } => "maxconns",
            Self::Sticky { .. } => "sticky",
            Self::Buddy { .. } => "buddy",
            Self::Backup { .. } => "backup",
            Self::Refuse { .. } => "refuse",
            Self::Threshold { .. } => "threshold",
            Self::Retry { .. } => "retry",
            Self::Resends { .. } => "resends",
            Self::SlowStart { .. } => "slowstart",
            Self::Timeout { .. } => "timeout",
            Self::SynGuard { .. } => "synguard",
            Self::Replicate { .. } => "replicate",
            Self::InService { .. } => "in-service",
            Self::OutOfService { .. } => "out-of-service",
            Self::WithoutConnection { .. } => "without-connection",
            Self::HashSeed { .. } => "hash-seed",
            Self::Group(_) => "group",
            Self::No { .. } => "no",
        }
    }
}

impl Display for Undo {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())?;
        let mut words = Words(formatter);
        match self {
            Self::Virtual { server }
            | Self::Real { server }
            | Self::Predictor { server }
            | Self::Weight { server }
            | Self::MaxConnections { server }
            | Self::Sticky { server }
            | Self::Backup { server }
            | Self::Refuse { server }
            | Self::Threshold { server }
            | Self::Retry { server }
            | Self::Resends { server }
            | Self::SlowStart { server }
            | Self::SynGuard { server }
            | Self::Replicate { server } => words.word(server),
            Self::Bind { virtual_server, real_servers } => words.word(virtual_server)?.words(real_servers),
            Self::Assign { server, clients } => words.word(server)?.words(&clients.0),
            Self::Buddy { name, servers } => words.quoted(name)?.words(servers),
            Self::Timeout { state, server } => words.word(state)?.words(server.as_slice()),
            Self::InService { servers } | Self::OutOfService { servers } => words.words(servers),
            Self::Group { name } => words.quoted(name),
            Self::WithoutConnection | Self::HashSeed => Ok(&mut words),
        }?;
        Ok(())
    }
}

impl Undo {
    /// The name of the command that is undone.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Virtual { .. } => "virtual",
            Self::Real { .. } => "real",
            Self::Bind { .. } => "bind",
            Self::Assign { .. } => "assign",
            Self::Predictor { .. } => "predictor",
            Self::Weight { .. } => "weight",
            Self::MaxConnections { .. } => "maxconns",
            Self::Sticky { .. } => "sticky",
            Self::Buddy { .. } => "buddy",
            Self::Backup { .. } => "backup",
            Self::Refuse { .. } => "refuse",
            Self::Threshold { .. } => "threshold",
            Self::Retry { .. } => "retry",
            Self::Resends { .. } => "resends",
            Self::SlowStart { .. } => "slowstart",
            Self::Timeout { .. } => "timeout",
            Self::SynGuard { .. } => "synguard",
            Self::Replicate { .. } => "replicate",
            Self::InService { .. } => "in-service",
            Self::OutOfService { .. } => "out-of-service",
            Self::WithoutConnection => "without-connection",
            Self::HashSeed => "hash-seed",
            Self::Group { .. } => "group",
        }
    }
}

impl Display for Command {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Change(change) => change.fmt(formatter),
            Self::Write => formatter.write_str("write"),
            Self::Kill(kill) => kill.fmt(formatter),
            Self::Clear { what } => write!(formatter, "clear {what}"),
            Self::Configuration => formatter.write_str("configuration"),
            Self::Explain { client, server } => write!(formatter, "explain {client} {server}"),
        }
    }
}

impl Display for Kill {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("kill")?;
        Words(formatter)
            .option("--client", self.client)?
            .option("--virtual", self.virtual_server)?
            .option("--real", self.real_server)?
            .flag("--all", self.all)
            .map(|_| ())
    }
}

impl Display for Clear {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counters => formatter.write_str("counters"),
            Self::Sticky { server, client } => {
                formatter.write_str("sticky")?;
                Words(formatter).option("--virtual", *server)?.option("--client", *client).map(|_| ())
            }
            Self::Failed { servers } => {
                formatter.write_str("failed")?;
                Words(formatter).words(servers).map(|_| ())
            }
        }
    }
}
