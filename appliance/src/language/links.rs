//! What connects servers with each other and with clients: bindings, assignments and buddies.

use ipnet::IpNet;
use model::ServerName;

use super::apply::Differences;
use super::editor::{Buddies, Editor};
use super::error::{CommandError, Role, listed};

impl Editor {
    pub(super) fn bind(&mut self, virtual_server: ServerName, real_servers: &[ServerName]) -> Differences {
        self.expect(virtual_server, Role::Virtual)?;
        let mut new = Vec::new();
        for &real_server in real_servers {
            self.expect(real_server, Role::Real)?;
            let bound = self.bound.entry(virtual_server).or_default();
            // Who is bound already stays so: a batch may be given twice.
            if !bound.contains(&real_server) {
                bound.push(real_server);
                new.push(real_server);
            }
        }
        let is_different = !new.is_empty();
        Ok(is_different.then(|| format!("{virtual_server}: served by {}", listed(new))).into_iter().collect())
    }

    pub(super) fn unbind(&mut self, virtual_server: ServerName, real_servers: &[ServerName]) -> Differences {
        self.expect(virtual_server, Role::Virtual)?;
        let bound = self.bound.entry(virtual_server).or_default();
        if bound.is_empty() {
            let why = format!("no real servers are bound to {virtual_server}");
            return Err(CommandError::NothingToUndo(why));
        }
        let unbound = if real_servers.is_empty() { bound.clone() } else { real_servers.to_vec() };
        for &real_server in &unbound {
            let Some(place) = bound.iter().position(|&each| each == real_server) else {
                let bound = listed(&*bound);
                return Err(CommandError::NotBound { virtual_server, real_server, bound });
            };
            bound.remove(place);
        }
        Ok(vec![format!("{virtual_server}: no longer served by {}", listed(unbound))])
    }

    /// A network that is assigned to another instance of the virtual endpoint is assigned to this one now: reassigning a client
    /// is assigning it (seed 003, the paragraph after figure 4).
    pub(super) fn assign(&mut self, instance: ServerName, clients: &[IpNet]) -> Differences {
        if instance.bind_id == 0 {
            return Err(CommandError::AssignedToGeneral(instance));
        }
        if let Err(error) = self.expect(instance, Role::Virtual) {
            return Err(match error {
                CommandError::Unknown { name, defined, .. } => {
                    CommandError::AssignedToNothing { name, defined }
                }
                other => other,
            });
        }
        let (mut new, mut moved) = (Vec::new(), Vec::new());
        for &client in clients {
            match self.assigned.insert(instance, client) {
                None => new.push(client),
                Some(former) if former != instance => moved.push(format!("{client} from {former}")),
                Some(_) => {}
            }
        }
        let mut differences = Vec::new();
        if !new.is_empty() {
            differences.push(format!("{instance}: has the clients {}, too", listed(new)));
        }
        if !moved.is_empty() {
            differences.push(format!("{instance}: takes over the clients {}", listed(moved)));
        }
        Ok(differences)
    }

    pub(super) fn unassign(&mut self, instance: ServerName, clients: &[IpNet]) -> Differences {
        self.expect(instance, Role::Virtual)?;
        if clients.is_empty() {
            return match self.assigned.clear(instance) {
                0 => Err(CommandError::NothingToUndo(format!("no clients are assigned to {instance}"))),
                1 => Ok(vec![format!("{instance}: its client is no longer assigned")]),
                count => Ok(vec![format!("{instance}: its {count} clients are no longer assigned")]),
            };
        }
        for &client in clients {
            match self.assigned.instance(instance, client) {
                Some(assigned) if assigned == instance => self.assigned.remove(instance, client),
                other => return Err(self.not_assigned(instance, client, other)),
            }
        }
        Ok(vec![format!("{instance}: no longer has the clients {}", listed(clients))])
    }

    fn not_assigned(&self, instance: ServerName, client: IpNet, other: Option<ServerName>) -> CommandError {
        let own = self.assigned.to(instance);
        let assigned = match other {
            Some(other) => format!("it is assigned to {other}"),
            None if own.len() == 0 => "no clients are".to_owned(),
            None => format!("assigned are {}", listed(own)),
        };
        CommandError::NotAssigned { client, instance, assigned }
    }

    pub(super) fn add_buddies(&mut self, name: &str, servers: &[ServerName]) -> Differences {
        for &server in servers {
            self.expect(server, Role::Virtual)?;
        }
        let place = self.buddies.iter().position(|buddies| buddies.name == name).unwrap_or_else(|| {
            self.buddies.push(Buddies { name: name.to_owned(), servers: Vec::new() });
            self.buddies.len() - 1
        });
        let buddies = &mut self.buddies[place].servers;
        let mut new = Vec::new();
        for &server in servers {
            if !buddies.contains(&server) {
                buddies.push(server);
                new.push(server);
            }
        }
        let is_different = !new.is_empty();
        Ok(is_different.then(|| format!("buddies {name}: {}, too", listed(new))).into_iter().collect())
    }

    /// Buddies of whom none is left are gone.
    pub(super) fn remove_buddies(&mut self, name: &str, servers: &[ServerName]) -> Differences {
        let Some(place) = self.buddies.iter().position(|buddies| buddies.name == name) else {
            let names: Vec<_> = self.buddies.iter().map(|buddies| &buddies.name).collect();
            let defined = match names.len() {
                0 => "there are none".to_owned(),
                _ => format!("there are {}", listed(names)),
            };
            return Err(CommandError::UnknownBuddies { name: name.to_owned(), defined });
        };
        if servers.is_empty() {
            let buddies = self.buddies.remove(place);
            return Ok(vec![format!("buddies {name}: no longer {}", listed(buddies.servers))]);
        }
        for &server in servers {
            self.expect(server, Role::Virtual)?;
            let buddies = &mut self.buddies[place].servers;
            let Some(buddy) = buddies.iter().position(|&each| each == server) else {
                let buddies = listed(&*buddies);
                return Err(CommandError::NotBuddy { server, name: name.to_owned(), buddies });
            };
            buddies.remove(buddy);
        }
        if self.buddies[place].servers.is_empty() {
            self.buddies.remove(place);
        }
        Ok(vec![format!("buddies {name}: no longer {}", listed(servers))])
    }

    /// Removes a virtual server with all that was said of it.
    pub(super) fn remove_virtual(&mut self, name: ServerName) -> Differences {
        self.expect(name, Role::Virtual)?;
        if let Some(of) = self.virtuals.backed_up_by(name) {
            return Err(CommandError::IsBackup { name, of });
        }
        let bound = self.bound.remove(&name).unwrap_or_default();
        let clients = self.assigned.clear(name);
        self.virtuals.remove(name);
        let mut differences = vec![format!("{name}: removed")];
        if !bound.is_empty() {
            differences.push(format!("{name}: no longer served by {}", listed(bound)));
        }
        if clients > 0 {
            differences.push(format!("{name}: its clients are no longer assigned: {clients}"));
        }
        for buddies in &mut self.buddies {
            if let Some(place) = buddies.servers.iter().position(|&each| each == name) {
                buddies.servers.remove(place);
                differences.push(format!("buddies {}: no longer {name}", buddies.name));
            }
        }
        self.buddies.retain(|buddies| !buddies.servers.is_empty());
        Ok(differences)
    }

    /// Removes a real server with its bindings.
    pub(super) fn remove_real(&mut self, name: ServerName) -> Differences {
        self.expect(name, Role::Real)?;
        if let Some(of) = self.reals.backed_up_by(name).or_else(|| self.virtuals.backed_up_by(name)) {
            return Err(CommandError::IsBackup { name, of });
        }
        self.reals.remove(name);
        let mut differences = vec![format!("{name}: removed")];
        for virtual_server in self.virtuals.names() {
            let bound = self.bound.entry(virtual_server).or_default();
            if let Some(place) = bound.iter().position(|&each| each == name) {
                bound.remove(place);
                differences.push(format!("{virtual_server}: no longer served by {name}"));
            }
        }
        Ok(differences)
    }
}
