//! What is said of clients: which instance they get, and where they get the same real server.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use model::limits;

use super::check_bindings::family;
use super::check_groups::is_name;
use super::names::{Mistakes, Names, read_name};
use super::{Assignments, ConfigurationDraft, Place, Problem};

/// The group of buddies that a virtual server is in.
#[derive(Clone)]
pub(super) struct Buddy {
    pub(super) group: String,
}

pub(super) fn assignments(
    draft: &ConfigurationDraft,
    names: &Names<'_>,
    mistakes: &mut Mistakes,
) -> Assignments {
    let mut assignments = Assignments::new();
    let count = draft.assignments.iter().map(|each| each.clients.len()).sum();
    mistakes.limit(Place::Assignments, "client assignments", count, limits::ASSIGNMENTS);
    for (index, written) in draft.assignments.iter().enumerate() {
        let found = instance(&written.virtual_server, Place::AssignmentVirtual(index), names, mistakes);
        for (client, text) in written.clients.iter().enumerate() {
            let place = Place::AssignmentClient { assignment: index, client };
            let network = match read_client(text) {
                Ok(network) => network,
                Err(problem) => {
                    mistakes.add(place, problem);
                    continue;
                }
            };
            let Some((virtual_server, name)) = found else { continue };
            if network.addr().is_ipv4() != name.address.is_ipv4() {
                let (found, wanted) = (family(network.addr()), family(name.address));
                let (client, virtual_server) = (text.clone(), written.virtual_server.clone());
                mistakes.add(place, Problem::ClientFamily { client, found, virtual_server, wanted });
            } else if let Some(first) = assignments.insert(name, virtual_server, network) {
                let first = names.read[first].0.to_owned();
                mistakes.add(place, Problem::AssignedTwice { client: text.clone(), first });
            }
        }
    }
    assignments
}

/// The instance that an assignment names (seed 003, figure 4, step 404).
fn instance(
    text: &str,
    place: Place,
    names: &Names<'_>,
    mistakes: &mut Mistakes,
) -> Option<(usize, model::ServerName)> {
    let name = read_name(text, place, mistakes)?;
    if name.bind_id == 0 {
        mistakes.add(place, Problem::AssignedToGeneral(text.to_owned()));
        return None;
    }
    let found = names.get(name);
    if found.is_none() {
        let Problem::Unknown { name, defined, .. } = names.unknown(text, name) else { return None };
        mistakes.add(place, Problem::AssignedToNothing { name, defined });
    }
    Some((found?, name))
}

/// A client's address or network.
fn read_client(text: &str) -> Result<IpNet, Problem> {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let network = network.map_err(|_| Problem::Client(text.to_owned()))?;
    if network.trunc() != network {
        let meant = network.trunc().to_string();
        return Err(Problem::ClientBits { written: text.to_owned(), meant });
    }
    Ok(network)
}

/// The group of buddies of each virtual server.
pub(super) fn buddies(
    draft: &ConfigurationDraft,
    names: &Names<'_>,
    members: &[usize],
    mistakes: &mut Mistakes,
) -> Vec<Option<Buddy>> {
    let mut found: Vec<Option<Buddy>> = vec![None; draft.virtual_servers.len()];
    let mut defined = HashMap::new();
    mistakes.limit(Place::Buddies, "groups of buddies", draft.buddies.len(), limits::BUDDY_GROUPS);
    for (index, written) in draft.buddies.iter().enumerate() {
        let place = Place::BuddiesName(index);
        if !is_name(&written.name) {
            mistakes.add(place, Problem::BuddiesName(written.name.clone()));
        } else if defined.insert(written.name.as_str(), index).is_some() {
            mistakes.add(place, Problem::DuplicateBuddies(written.name.clone()));
        }
        let mut first = None;
        for (buddy, text) in written.virtual_servers.iter().enumerate() {
            let place = Place::Buddy { buddies: index, buddy };
            let Some(server) = names.find(text, place, mistakes) else { continue };
            if let Some(other) = &found[server] {
                let (name, group) = (text.clone(), other.group.clone());
                mistakes.add(place, Problem::BuddyTwice { name, group });
                continue;
            }
            let first = *first.get_or_insert(server);
            if let Some(problem) = unfit(draft, (text, server), first, members) {
                mistakes.add(place, problem);
            }
            found[server] = Some(Buddy { group: written.name.clone() });
        }
    }
    found
}

/// Why a virtual server can not be a buddy of the `first`.
fn unfit(
    draft: &ConfigurationDraft,
    (text, server): (&str, usize),
    first: usize,
    members: &[usize],
) -> Option<Problem> {
    let name = text.to_owned();
    let first_name = || draft.virtual_servers[first].name.clone();
    let Some(sticky) = draft.virtual_servers[server].sticky else {
        return Some(Problem::BuddyNotSticky(name));
    };
    let is_different = draft.virtual_servers[first].sticky.is_some_and(|other| {
        (other.ipv4_prefix, other.ipv6_prefix) != (sticky.ipv4_prefix, sticky.ipv6_prefix)
    });
    if is_different {
        return Some(Problem::BuddyPrefixes { name, first: first_name() });
    }
    (members[server] != members[first]).then(|| Problem::BuddyGroups { name, first: first_name() })
}
