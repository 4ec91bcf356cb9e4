//! Numbers that servers and bindings keep while the configuration around them changes.
//!
//! Connections remember the number of their binding, and counters stand at the numbers' places. So a number is given to
//! another only when nothing is left of the one that had it.

use std::collections::HashMap;
use std::hash::Hash;

use model::{ServerName, limits};

use super::Configuration;

/// Which kind of number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Numbered {
    /// A virtual server's.
    Virtual(u16),
    /// A real server's.
    Real(u16),
    /// A binding's.
    Binding(u16),
}

/// All numbers are taken, by what is there or by connections of what was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no room for more {0} until connections of removed ones are gone; remove fewer at a time")]
pub struct NoNumber(pub &'static str);

/// Who has which number, of those that are and of those that were.
#[derive(Clone, Debug)]
pub struct Numbering {
    virtual_servers: Numbers<ServerName>,
    real_servers: Numbers<ServerName>,
    bindings: Numbers<(ServerName, ServerName)>,
}

/// Numbers of one kind.
#[derive(Clone, Debug)]
struct Numbers<K> {
    what: &'static str,
    by_name: HashMap<K, u16>,
    /// By number: whose it is, or was.
    names: Vec<Option<K>>,
    most: usize,
}

impl Numbering {
    /// The numbers that a first configuration has.
    pub fn of(configuration: &Configuration) -> Self {
        let mut numbering = Self {
            virtual_servers: Numbers::new("virtual servers", limits::VIRTUAL_IDS),
            real_servers: Numbers::new("real servers", limits::REAL_IDS),
            bindings: Numbers::new("bindings", limits::BINDING_IDS),
        };
        for server in &configuration.virtual_servers {
            numbering.virtual_servers.set(server.name, server.id);
        }
        for server in &configuration.real_servers {
            numbering.real_servers.set(server.name, server.id);
        }
        for binding in &configuration.bindings {
            numbering.bindings.set(names(configuration, binding), binding.id);
        }
        numbering
    }

    /// Gives all that `next` has the number that it had, or one that nobody has. `is_vacant` says whether nothing is left
    /// of what had a number.
    ///
    /// # Errors
    ///
    /// There are no more numbers; then nothing has changed.
    pub fn number(
        &mut self,
        mut next: Configuration,
        is_vacant: impl Fn(Numbered) -> bool,
    ) -> Result<Configuration, NoNumber> {
        let mut numbering = self.clone();
        let servers = next.virtual_servers.iter().map(|server| server.name);
        let ids = numbering.virtual_servers.assign(servers, |id| is_vacant(Numbered::Virtual(id)))?;
        next.virtual_servers.iter_mut().zip(ids).for_each(|(server, id)| server.id = id);
        let servers = next.real_servers.iter().map(|server| server.name);
        let ids = numbering.real_servers.assign(servers, |id| is_vacant(Numbered::Real(id)))?;
        next.real_servers.iter_mut().zip(ids).for_each(|(server, id)| server.id = id);
        let bindings = next.bindings.iter().map(|binding| names(&next, binding));
        let ids = numbering.bindings.assign(bindings, |id| is_vacant(Numbered::Binding(id)))?;
        next.bindings.iter_mut().zip(ids).for_each(|(binding, id)| binding.id = id);
        *self = numbering;
        Ok(next)
    }
}

fn names(configuration: &Configuration, binding: &super::Binding) -> (ServerName, ServerName) {
    let virtual_server = configuration.virtual_servers[binding.virtual_server].name;
    (virtual_server, configuration.real_servers[binding.real_server].name)
}

impl<K: Copy + Eq + Hash> Numbers<K> {
    fn new(what: &'static str, most: usize) -> Self {
        Self { what, by_name: HashMap::new(), names: Vec::new(), most }
    }

    fn set(&mut self, name: K, id: u16) {
        let place = usize::from(id);
        if self.names.len() <= place {
            self.names.resize(place + 1, None);
        }
        self.names[place] = Some(name);
        self.by_name.insert(name, id);
    }

    /// The numbers of `wanted`, in its order.
    fn assign(
        &mut self,
        wanted: impl Iterator<Item = K> + Clone,
        is_vacant: impl Fn(u16) -> bool,
    ) -> Result<Vec<u16>, NoNumber> {
        let kept: std::collections::HashSet<u16> =
            wanted.clone().filter_map(|name| self.by_name.get(&name).copied()).collect();
        let mut next = 0;
        let mut ids = Vec::new();
        for name in wanted {
            let id = match self.by_name.get(&name) {
                Some(&id) => id,
                None => {
                    let id = self.vacant_from(next, &kept, &is_vacant).ok_or(NoNumber(self.what))?;
                    next = usize::from(id) + 1;
                    if let Some(Some(former)) = self.names.get(usize::from(id)) {
                        self.by_name.remove(former);
                    }
                    self.set(name, id);
                    id
                }
            };
            ids.push(id);
        }
        Ok(ids)
    }

    /// The first number from `from` on that is nobody's. One that was never used comes last, so that there are few.
    fn vacant_from(
        &self,
        from: usize,
        kept: &std::collections::HashSet<u16>,
        is_vacant: &impl Fn(u16) -> bool,
    ) -> Option<u16> {
        let ids = (from..self.most).filter_map(|id| u16::try_from(id).ok());
        ids.into_iter().find(|id| {
            let was_used = self.names.get(usize::from(*id)).is_some_and(Option::is_some);
            !was_used || (!kept.contains(id) && is_vacant(*id))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Predictor;

    fn configuration(servers: &[&str]) -> Configuration {
        let draft = servers.iter().fold(Configuration::builder(), |draft, name| draft.real_server(name));
        draft
            .virtual_server("192.0.2.1:80", Predictor::RoundRobin)
            .bind("192.0.2.1:80", servers)
            .build()
            .unwrap()
    }

    fn ids(configuration: &Configuration) -> Vec<u16> {
        configuration.real_servers().iter().map(crate::RealServer::id).collect()
    }

    #[test]
    fn who_stays_keeps_its_number_and_who_left_leaves_it_when_nothing_is_left() {
        let first = configuration(&["10.1.0.1", "10.1.0.2", "10.1.0.3"]);
        let mut numbering = Numbering::of(&first);
        assert_eq!(ids(&first), [0, 1, 2]);
        let second = numbering.number(configuration(&["10.1.0.3", "10.1.0.4"]), |_| false).unwrap();
        assert_eq!(ids(&second), [2, 3], "nothing is free but what was never used");
        assert_eq!(second.bindings().iter().map(crate::Binding::id).collect::<Vec<_>>(), [2, 3]);
        let third = numbering.number(configuration(&["10.1.0.1", "10.1.0.4"]), |_| false).unwrap();
        assert_eq!(ids(&third), [0, 3], "it is the same as before");
        let fourth =
            numbering.number(configuration(&["10.1.0.5", "10.1.0.6", "10.1.0.4"]), |_| true).unwrap();
        assert_eq!(ids(&fourth), [0, 1, 3]);
    }

    #[test]
    fn without_numbers_nothing_changes() {
        let first = configuration(&["10.1.0.1", "10.1.0.2"]);
        let mut numbering = Numbering::of(&first);
        numbering.real_servers.most = 2;
        let error = numbering.number(configuration(&["10.1.0.3"]), |_| false).unwrap_err();
        assert_eq!(error, NoNumber("real servers"));
        assert_eq!(ids(&numbering.number(configuration(&["10.1.0.2"]), |_| false).unwrap()), [1]);
    }
}
