//! A draft taken apart for changes: names are read once, and everything is found by name.

use std::collections::HashMap;
use std::net::IpAddr;

use director::{
    AssignmentDraft, BindingDraft, BuddiesDraft, ConfigurationDraft, GroupDraft, RealServerDraft,
    TcpWithoutConnection, TimeoutsDraft, VirtualServerDraft,
};
use ipnet::IpNet;
use model::ServerName;

use super::assigned::Assigned;
use super::error::{CommandError, Role};
use super::servers::{Server, Servers, defined};

/// A configuration that is being changed.
#[derive(Clone, Debug)]
pub(super) struct Editor {
    pub(super) virtuals: Servers<VirtualServerDraft>,
    pub(super) reals: Servers<RealServerDraft>,
    /// The real servers of each virtual server, in the order in which they were bound.
    pub(super) bound: HashMap<ServerName, Vec<ServerName>>,
    pub(super) assigned: Assigned,
    pub(super) buddies: Vec<Buddies>,
    pub(super) groups: Vec<GroupDraft>,
    pub(super) timeouts: TimeoutsDraft,
    pub(super) tcp_without_connection: TcpWithoutConnection,
    pub(super) hash_seed: u64,
}

/// Virtual servers at which a client gets the same real server.
#[derive(Clone, Debug)]
pub(super) struct Buddies {
    pub(super) name: String,
    pub(super) servers: Vec<ServerName>,
}

impl Editor {
    /// Takes a draft apart that can be built.
    ///
    /// # Errors
    ///
    /// A name in it can not be read.
    pub(super) fn of(draft: &ConfigurationDraft) -> Result<Self, CommandError> {
        let mut editor = Self {
            virtuals: Servers::new(Role::Virtual),
            reals: Servers::new(Role::Real),
            bound: HashMap::new(),
            assigned: Assigned::default(),
            buddies: Vec::new(),
            groups: draft.groups.clone(),
            timeouts: draft.timeouts,
            tcp_without_connection: draft.tcp_without_connection,
            hash_seed: draft.hash_seed,
        };
        for server in &draft.virtual_servers {
            editor.virtuals.add(read_server(&server.name, server.backup.as_deref(), server)?);
        }
        for server in &draft.real_servers {
            editor.reals.add(read_server(&server.name, server.backup.as_deref(), server)?);
        }
        for binding in &draft.bindings {
            let bound = editor.bound.entry(read(&binding.virtual_server)?).or_default();
            for real_server in &binding.real_servers {
                bound.push(read(real_server)?);
            }
        }
        for assignment in &draft.assignments {
            let instance = read(&assignment.virtual_server)?;
            for client in &assignment.clients {
                editor.assigned.insert(instance, read_client(client)?);
            }
        }
        for buddies in &draft.buddies {
            let servers = buddies.virtual_servers.iter().map(|name| read(name)).collect::<Result<_, _>>()?;
            editor.buddies.push(Buddies { name: buddies.name.clone(), servers });
        }
        Ok(editor)
    }

    /// Puts the draft together again. What belongs to one virtual server stands together.
    pub(super) fn draft(&self) -> ConfigurationDraft {
        let instances = self.virtuals.names();
        let bindings = instances.clone().filter_map(|name| {
            let bound = self.bound.get(&name).filter(|bound| !bound.is_empty())?;
            let real_servers = bound.iter().map(|&real| self.text(real)).collect();
            Some(BindingDraft { virtual_server: self.text(name), real_servers })
        });
        let assignments = instances.filter_map(|name| {
            let clients = self.assigned.to(name);
            let is_any = clients.len() > 0;
            let clients = clients.map(|client| client.to_string()).collect();
            is_any.then(|| AssignmentDraft { virtual_server: self.text(name), clients })
        });
        let buddies = self.buddies.iter().map(|buddies| BuddiesDraft {
            name: buddies.name.clone(),
            virtual_servers: buddies.servers.iter().map(|&server| self.text(server)).collect(),
        });
        let backup = |name: Option<ServerName>| name.map(|name| self.text(name));
        let virtuals = self
            .virtuals
            .iter()
            .map(|server| VirtualServerDraft { backup: backup(server.backup), ..server.draft.clone() });
        let reals = self
            .reals
            .iter()
            .map(|server| RealServerDraft { backup: backup(server.backup), ..server.draft.clone() });
        ConfigurationDraft {
            virtual_servers: virtuals.collect(),
            real_servers: reals.collect(),
            bindings: bindings.collect(),
            assignments: assignments.collect(),
            buddies: buddies.collect(),
            groups: self.groups.clone(),
            timeouts: self.timeouts,
            tcp_without_connection: self.tcp_without_connection,
            hash_seed: self.hash_seed,
        }
    }

    /// A server's name as its definition has it.
    fn text(&self, name: ServerName) -> String {
        let written = self.virtuals.find(name).map(|server| &server.draft.name);
        let written = written.or_else(|| self.reals.find(name).map(|server| &server.draft.name));
        written.cloned().unwrap_or_else(|| name.to_string())
    }

    /// The virtual server of that name.
    pub(super) fn virtual_server(
        &mut self,
        name: ServerName,
    ) -> Result<&mut Server<VirtualServerDraft>, CommandError> {
        self.expect(name, Role::Virtual)?;
        self.virtuals.get_mut(name)
    }

    /// The real server of that name.
    pub(super) fn real_server(
        &mut self,
        name: ServerName,
    ) -> Result<&mut Server<RealServerDraft>, CommandError> {
        self.expect(name, Role::Real)?;
        self.reals.get_mut(name)
    }

    /// What a server is.
    pub(super) fn role(&self, name: ServerName) -> Result<Role, CommandError> {
        if self.virtuals.has(name) {
            Ok(Role::Virtual)
        } else if self.reals.has(name) {
            Ok(Role::Real)
        } else {
            let role = "virtual or real";
            let defined = defined(role, name, self.virtuals.names().chain(self.reals.names()).collect());
            Err(CommandError::Unknown { role, name, defined })
        }
    }

    /// Finds a server of this role.
    pub(super) fn expect(&self, name: ServerName, wanted: Role) -> Result<(), CommandError> {
        let (is_it, is_other, other) = match wanted {
            Role::Virtual => (self.virtuals.has(name), self.reals.has(name), Role::Real),
            Role::Real => (self.reals.has(name), self.virtuals.has(name), Role::Virtual),
        };
        match (is_it, is_other, wanted) {
            (true, _, _) => Ok(()),
            (false, true, _) => Err(CommandError::WrongRole { name, is: other, wanted }),
            (false, false, Role::Virtual) => Err(self.virtuals.unknown(name)),
            (false, false, Role::Real) => Err(self.reals.unknown(name)),
        }
    }
}

fn read(text: &str) -> Result<ServerName, CommandError> {
    text.parse().map_err(|_| CommandError::Unreadable(text.to_owned()))
}

fn read_server<T: Clone>(name: &str, backup: Option<&str>, draft: &T) -> Result<Server<T>, CommandError> {
    Ok(Server { name: read(name)?, backup: backup.map(read).transpose()?, draft: draft.clone() })
}

fn read_client(text: &str) -> Result<IpNet, CommandError> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| address()).map_err(|_| CommandError::Unreadable(text.to_owned()))
}
