//! Which clients are assigned to which instance: a hundred thousand of them, changed one by one.

use std::collections::{BTreeSet, HashMap};

use ipnet::IpNet;
use model::ServerName;

/// Networks of clients by instance, and instances by network: a network has one instance of a virtual endpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Assigned {
    clients: HashMap<ServerName, BTreeSet<IpNet>>,
    instances: HashMap<(ServerName, IpNet), ServerName>,
}

/// What all instances of a virtual endpoint have in common.
const fn endpoint(instance: ServerName) -> ServerName {
    ServerName { bind_id: 0, ..instance }
}

impl Assigned {
    /// The clients of an instance, in their order.
    pub(super) fn to(&self, instance: ServerName) -> impl ExactSizeIterator<Item = IpNet> {
        const NONE: &BTreeSet<IpNet> = &BTreeSet::new();
        self.clients.get(&instance).unwrap_or(NONE).iter().copied()
    }

    /// The instance of the same virtual endpoint that a network is assigned to.
    pub(super) fn instance(&self, like: ServerName, client: IpNet) -> Option<ServerName> {
        self.instances.get(&(endpoint(like), client)).copied()
    }

    /// Assigns a network to an instance. Returns the one that it was assigned to before.
    pub(super) fn insert(&mut self, instance: ServerName, client: IpNet) -> Option<ServerName> {
        let former = self.instances.insert((endpoint(instance), client), instance);
        if let Some(former) = former.filter(|&former| former != instance) {
            self.forget(former, client);
        }
        self.clients.entry(instance).or_default().insert(client);
        former
    }

    pub(super) fn remove(&mut self, instance: ServerName, client: IpNet) {
        self.instances.remove(&(endpoint(instance), client));
        self.forget(instance, client);
    }

    /// Removes all of an instance's. Returns how many there were.
    pub(super) fn clear(&mut self, instance: ServerName) -> usize {
        let clients = self.clients.remove(&instance).unwrap_or_default();
        for &client in &clients {
            self.instances.remove(&(endpoint(instance), client));
        }
        clients.len()
    }

    fn forget(&mut self, instance: ServerName, client: IpNet) {
        if let Some(clients) = self.clients.get_mut(&instance) {
            clients.remove(&client);
        }
    }
}
