//! The virtual or the real servers of a configuration that is being changed, found by name.

use std::collections::HashMap;

use model::ServerName;

use super::error::{CommandError, Role, listed};

/// A server that is defined.
#[derive(Clone, Debug)]
pub(super) struct Server<T> {
    pub(super) name: ServerName,
    /// What was written of it; its backup is not looked at.
    pub(super) draft: T,
    pub(super) backup: Option<ServerName>,
}

/// Servers in the order in which they were defined.
#[derive(Clone, Debug)]
pub(super) struct Servers<T> {
    role: Role,
    list: Vec<Server<T>>,
    places: HashMap<ServerName, usize>,
}

impl<T> Servers<T> {
    pub(super) fn new(role: Role) -> Self {
        Self { role, list: Vec::new(), places: HashMap::new() }
    }

    pub(super) fn has(&self, name: ServerName) -> bool {
        self.places.contains_key(&name)
    }

    pub(super) fn find(&self, name: ServerName) -> Option<&Server<T>> {
        self.places.get(&name).map(|&place| &self.list[place])
    }

    /// The server of that name.
    pub(super) fn get_mut(&mut self, name: ServerName) -> Result<&mut Server<T>, CommandError> {
        match self.places.get(&name) {
            Some(&place) => Ok(&mut self.list[place]),
            None => Err(self.unknown(name)),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Server<T>> {
        self.list.iter()
    }

    /// Adds a server that is not there yet.
    pub(super) fn add(&mut self, server: Server<T>) {
        self.places.insert(server.name, self.list.len());
        self.list.push(server);
    }

    pub(super) fn remove(&mut self, name: ServerName) {
        if let Some(place) = self.places.remove(&name) {
            self.list.remove(place);
            for (place, server) in self.list.iter().enumerate().skip(place) {
                self.places.insert(server.name, place);
            }
        }
    }

    /// Whose backup a server is.
    pub(super) fn backed_up_by(&self, backup: ServerName) -> Option<ServerName> {
        self.iter().find(|server| server.backup == Some(backup)).map(|server| server.name)
    }

    pub(super) fn unknown(&self, name: ServerName) -> CommandError {
        let defined = defined(self.role.word(), name, self.names().collect());
        CommandError::Unknown { role: self.role.word(), name, defined }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = ServerName> + Clone {
        self.list.iter().map(|server| server.name)
    }
}

/// Says which servers are defined, beginning with those that resemble `wanted`.
pub(super) fn defined(role: &str, wanted: ServerName, mut names: Vec<ServerName>) -> String {
    if names.is_empty() {
        return format!("no {role} servers are defined");
    }
    names.sort_by_key(|name| (name.address != wanted.address, name.port != wanted.port));
    format!("defined are {}", listed(names))
}
