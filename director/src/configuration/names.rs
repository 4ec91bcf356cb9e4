//! The names of servers: each by itself, and each once.

use std::collections::HashMap;
use std::net::IpAddr;

use model::{ServerName, limits};

use super::{Mistake, Place, Problem};

/// How many defined servers an error names.
const NAMED_SERVERS: usize = 5;

/// What was found so far.
#[derive(Default)]
pub(super) struct Mistakes(pub(super) Vec<Mistake>);

impl Mistakes {
    pub(super) fn add(&mut self, place: Place, problem: Problem) {
        self.0.push(Mistake { place, problem });
    }

    pub(super) fn limit(&mut self, place: Place, what: &'static str, count: usize, limit: usize) {
        if count > limit {
            self.add(place, Problem::TooMany { count, what, limit });
        }
    }
}

/// What a server is.
#[derive(Clone, Copy)]
pub(super) enum Role {
    Virtual,
    Real,
}

impl Role {
    const fn word(self) -> &'static str {
        match self {
            Self::Virtual => "virtual",
            Self::Real => "real",
        }
    }

    const fn place(self, index: usize) -> Place {
        match self {
            Self::Virtual => Place::VirtualServer(index),
            Self::Real => Place::RealServer(index),
        }
    }

    fn check_count(self, count: usize, mistakes: &mut Mistakes) {
        match self {
            Self::Virtual => {
                mistakes.limit(Place::VirtualServers, "virtual servers", count, limits::VIRTUAL_SERVERS);
            }
            Self::Real => mistakes.limit(Place::RealServers, "real servers", count, limits::REAL_SERVERS),
        }
    }
}

/// The names of the virtual or of the real servers, as written and as read.
pub(super) struct Names<'a> {
    role: Role,
    /// `None` where the name does not parse.
    pub(super) read: Vec<(&'a str, Option<ServerName>)>,
    /// The first server of each name.
    index: HashMap<ServerName, usize>,
}

impl<'a> Names<'a> {
    pub(super) fn read(role: Role, texts: impl Iterator<Item = &'a str>, mistakes: &mut Mistakes) -> Self {
        let mut names = Self { role, read: Vec::new(), index: HashMap::new() };
        for (index, text) in texts.enumerate() {
            let name = read_name(text, role.place(index), mistakes);
            if let Some(name) = name {
                names.define(index, text, name, mistakes);
            }
            names.read.push((text, name));
        }
        role.check_count(names.read.len(), mistakes);
        names
    }

    fn define(&mut self, index: usize, text: &str, name: ServerName, mistakes: &mut Mistakes) {
        let place = self.role.place(index);
        if matches!(self.role, Role::Real) && name.bind_id != 0 {
            mistakes.add(place, Problem::BindId { bind_id: name.bind_id });
        }
        if let Some(kind) = unusable(name.address) {
            mistakes.add(place, Problem::Address { address: name.address, kind });
        }
        let first = *self.index.entry(name).or_insert(index);
        if first != index {
            let first = self.read[first].0.to_owned();
            mistakes.add(
                place,
                Problem::DuplicateServer { name: text.to_owned(), first, role: self.role.word() },
            );
        }
    }

    /// Those that parse.
    pub(super) fn names(&self) -> impl Iterator<Item = ServerName> {
        self.read.iter().filter_map(|(_, name)| *name)
    }

    /// The server that `text` names.
    pub(super) fn find(&self, text: &str, place: Place, mistakes: &mut Mistakes) -> Option<usize> {
        let name = read_name(text, place, mistakes)?;
        let found = self.index.get(&name).copied();
        if found.is_none() {
            mistakes.add(place, self.unknown(text, name));
        }
        found
    }

    /// The server with this name, if it is defined.
    pub(super) fn get(&self, name: ServerName) -> Option<usize> {
        self.index.get(&name).copied()
    }

    /// What is wrong with `text`, which names none of these.
    pub(super) fn unknown(&self, text: &str, name: ServerName) -> Problem {
        Problem::Unknown { name: text.to_owned(), role: self.role.word(), defined: self.in_words(name) }
    }

    /// Says which servers are defined, beginning with those that resemble `wanted`.
    fn in_words(&self, wanted: ServerName) -> String {
        let mut defined: Vec<_> = self.read.iter().filter_map(|&(text, name)| Some((text, name?))).collect();
        defined.sort_by_key(|(_, name)| (name.address != wanted.address, name.port != wanted.port));
        let named: Vec<_> = defined.iter().take(NAMED_SERVERS).map(|&(text, _)| text).collect();
        match defined.len() - named.len() {
            0 if named.is_empty() => format!("no {} servers are defined", self.role.word()),
            0 => format!("defined are {}", named.join(", ")),
            more => format!("defined are {} and {more} more", named.join(", ")),
        }
    }
}

pub(super) fn read_name(text: &str, place: Place, mistakes: &mut Mistakes) -> Option<ServerName> {
    match text.parse::<ServerName>() {
        Err(error) => {
            mistakes.add(place, error.into());
            None
        }
        Ok(name) => Some(name),
    }
}

/// What sort of address this is, if no server can have it.
pub(super) const fn unusable(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => match address.octets() {
            [255, 255, 255, 255] => Some("the broadcast address"),
            [0, ..] => Some("an unspecified address"),
            [127, ..] => Some("a loopback address"),
            [224..=239, ..] => Some("a multicast address"),
            [240..=255, ..] => Some("a reserved address"),
            _ => None,
        },
        IpAddr::V6(address) => {
            if address.is_unspecified() {
                Some("the unspecified address")
            } else if address.is_loopback() {
                Some("the loopback address")
            } else if address.is_multicast() {
                Some("a multicast address")
            } else if address.to_ipv4_mapped().is_some() {
                Some("an IPv4-mapped address")
            } else if address.is_unicast_link_local() {
                // Without a zone it is not known on which link it is.
                Some("a link-local address")
            } else {
                None
            }
        }
    }
}
