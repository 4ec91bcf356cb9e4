//! What two configurations differ in, as far as a running unit has to know before it takes the new one.

use std::collections::{HashMap, HashSet};

use director::{Binding, Configuration};
use model::ServerName;

/// Why a running unit can not go from one configuration to the other, if it can not: failover groups have their ports,
/// addresses and links from the start.
pub fn needs_new_start(old: &Configuration, new: &Configuration) -> Option<String> {
    let find = |name: &str| new.groups().iter().position(|group| group.name() == name);
    for (index, group) in old.groups().iter().enumerate() {
        let what = match find(group.name()) {
            None => "is gone",
            Some(place) if new.groups()[place] != *group => "is another",
            Some(place) if place != index => "stands elsewhere",
            Some(_) => continue,
        };
        return Some(format!(
            "the failover group {:?} {what}, which a running unit can not follow; change it in director.json and start the units anew",
            group.name()
        ));
    }
    if let Some(group) = new.groups().get(old.groups().len()) {
        return Some(format!(
            "the failover group {:?} is new, which a running unit can not follow; change it in director.json and start the units anew",
            group.name()
        ));
    }
    let groups: HashMap<ServerName, usize> =
        old.virtual_servers().iter().map(|server| (server.name(), server.group())).collect();
    let moves = |name, group| groups.get(&name).is_some_and(|&former| former != group);
    let moved = new.virtual_servers().iter().find(|server| moves(server.name(), server.group()))?;
    Some(format!(
        "{} goes into another failover group, where its connections would be lost; remove it and define it anew",
        moved.name()
    ))
}

/// The numbers of the bindings that are no more: their connections have nobody to belong to.
pub fn orphaned(old: &Configuration, new: &Configuration) -> Vec<u16> {
    let kept: HashSet<_> = new.bindings().iter().map(|binding| names(new, binding)).collect();
    let gone = old.bindings().iter().filter(|binding| !kept.contains(&names(old, binding)));
    gone.map(Binding::id).collect()
}

fn names(configuration: &Configuration, binding: &Binding) -> (ServerName, ServerName) {
    let virtual_server = configuration.virtual_servers()[binding.virtual_server()].name();
    (virtual_server, configuration.real_servers()[binding.real_server()].name())
}
