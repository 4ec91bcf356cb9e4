//! Failover groups: set and removed as a whole.

use commands::Group;
use director::GroupDraft;
use model::ServerName;

use super::apply::Differences;
use super::editor::Editor;
use super::error::{CommandError, listed};
use super::values::{comparison, strategy};

impl Editor {
    pub(super) fn set_group(&mut self, group: &Group) -> Differences {
        let draft = draft_of(group)?;
        let name = &group.name;
        match self.groups.iter_mut().find(|group| group.name == *name) {
            Some(known) if *known == draft => Ok(Vec::new()),
            Some(known) => {
                *known = draft;
                Ok(vec![format!("group {name}: another than before")])
            }
            None => {
                self.groups.push(draft);
                Ok(vec![format!("group {name}: new")])
            }
        }
    }

    pub(super) fn remove_group(&mut self, name: &str) -> Differences {
        let Some(place) = self.groups.iter().position(|group| group.name == name) else {
            let defined = match self.groups.len() {
                0 => "none is defined".to_owned(),
                _ => format!("defined are {}", listed(self.groups.iter().map(|group| &group.name))),
            };
            return Err(CommandError::UnknownGroup { name: name.to_owned(), defined });
        };
        // Those that name no group are in the first, and must not come into another unseen.
        let has_unnamed = place == 0 && self.groups.len() > 1;
        let servers = self.servers_of_group(name, has_unnamed);
        if !servers.is_empty() {
            return Err(CommandError::GroupHasServers { name: name.to_owned(), servers: listed(servers) });
        }
        self.groups.remove(place);
        Ok(vec![format!("group {name}: removed")])
    }

    /// The virtual servers of a failover group, of which `is_first` says whether it has those that name none.
    fn servers_of_group(&self, group: &str, is_first: bool) -> Vec<ServerName> {
        let is_in = |wanted: Option<&str>| wanted.map_or(is_first, |wanted| wanted == group);
        let servers = self.virtuals.iter().filter(|server| is_in(server.draft.group.as_deref()));
        servers.map(|server| server.name).collect()
    }
}

fn draft_of(group: &Group) -> Result<GroupDraft, CommandError> {
    let mut draft = GroupDraft {
        primary: group.primary.clone(),
        strategy: strategy(group.strategy),
        compare: comparison(group.compare),
        load_margin_percent: group.load_margin,
        advertise: group.advertise,
        ..GroupDraft::new(&group.name)
    };
    draft.hold_s = group.hold.unwrap_or(draft.hold_s);
    for shared in &group.shared {
        let address = shared.value.to_string();
        match draft.shared_addresses.iter_mut().find(|(port, _)| *port == shared.port) {
            Some((_, addresses)) => addresses.push(address),
            None => draft.shared_addresses.push((shared.port.clone(), vec![address])),
        }
    }
    for mac in &group.mac {
        if draft.macs.iter().any(|(port, _)| *port == mac.port) {
            return Err(CommandError::TwoMacs { name: group.name.clone(), port: mac.port.clone() });
        }
        draft.macs.push((mac.port.clone(), mac.value.to_string()));
    }
    // As documents have them.
    draft.shared_addresses.sort();
    draft.macs.sort();
    Ok(draft)
}
