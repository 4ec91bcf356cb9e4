//! What single servers have beside their names, and what is said of all of them.

use std::fmt::Display;

use commands::TimeoutState;
use director::{BackupWhen, Predictor, Refusal, StickyDraft, TcpWithoutConnection};
use model::ServerName;

use super::apply::Differences;
use super::editor::Editor;
use super::error::{CommandError, Role};
use super::values::{
    backup_when_word, general_timeout, own_timeout, predictor_word, refusal_word, without_connection_word,
};

/// What is not said of one server.
const GENERAL: &str = "in general";

/// Sets a value, and says so if it is another than before.
pub(super) fn set<T: PartialEq, W: Display>(
    subject: impl Display,
    what: &str,
    slot: &mut T,
    value: T,
    in_words: impl Fn(&T) -> W,
) -> Vec<String> {
    if *slot == value {
        return Vec::new();
    }
    let sentence = format!("{subject}: {what} {}, was {}", in_words(&value), in_words(slot));
    *slot = value;
    vec![sentence]
}

fn count_or_any(count: &Option<u64>) -> String {
    count.map_or_else(|| "any number".to_owned(), |count| count.to_string())
}

fn seconds(seconds: &u64) -> String {
    format!("{seconds} s")
}

fn sticky_in_words(sticky: &Option<StickyDraft>) -> String {
    match sticky {
        None => "no".to_owned(),
        Some(StickyDraft { minutes, ipv4_prefix: 32, ipv6_prefix: 128 }) => format!("{minutes} min"),
        Some(StickyDraft { minutes, ipv4_prefix, ipv6_prefix }) => {
            format!("{minutes} min, by /{ipv4_prefix} and /{ipv6_prefix}")
        }
    }
}

impl Editor {
    pub(super) fn set_predictor(&mut self, name: ServerName, predictor: Predictor) -> Differences {
        let slot = &mut self.virtual_server(name)?.draft.predictor;
        Ok(set(name, "predictor", slot, predictor, |&predictor| predictor_word(predictor)))
    }

    pub(super) fn set_sticky(
        &mut self,
        name: ServerName,
        minutes: u64,
        (ipv4_prefix, ipv6_prefix): (Option<u64>, Option<u64>),
    ) -> Differences {
        let default = StickyDraft::minutes(minutes);
        let sticky = StickyDraft {
            minutes,
            ipv4_prefix: ipv4_prefix.unwrap_or(default.ipv4_prefix),
            ipv6_prefix: ipv6_prefix.unwrap_or(default.ipv6_prefix),
        };
        let slot = &mut self.virtual_server(name)?.draft.sticky;
        Ok(set(name, "sticky", slot, Some(sticky), sticky_in_words))
    }

    pub(super) fn unset_sticky(&mut self, name: ServerName) -> Differences {
        let slot = &mut self.virtual_server(name)?.draft.sticky;
        let differences = set(name, "sticky", slot, None, sticky_in_words);
        undone(differences, || format!("{name} is not sticky"))
    }

    pub(super) fn set_refusal(&mut self, name: ServerName, refusal: Option<Refusal>) -> Differences {
        let slot = &mut self.virtual_server(name)?.draft.refuse;
        let in_words = |how: &Option<Refusal>| {
            how.map_or_else(|| "nobody".to_owned(), |how| format!("all, by {}", refusal_word(how)))
        };
        let differences = set(name, "refuses", slot, refusal, in_words);
        if refusal.is_some() {
            Ok(differences)
        } else {
            undone(differences, || format!("{name} refuses nobody"))
        }
    }

    pub(super) fn set_resends(&mut self, name: ServerName, count: u64) -> Differences {
        let slot = &mut self.virtual_server(name)?.draft.resends;
        Ok(set(name, "resends", slot, count, |count| *count))
    }

    pub(super) fn set_synguard(&mut self, name: ServerName, count: Option<u64>) -> Differences {
        let slot = &mut self.virtual_server(name)?.draft.synguard;
        let differences = set(name, "half-open connections", slot, count, count_or_any);
        let why = || format!("{name} may have any number of half-open connections");
        if count.is_some() { Ok(differences) } else { undone(differences, why) }
    }

    pub(super) fn set_own_timeout(
        &mut self,
        name: ServerName,
        state: TimeoutState,
        value: Option<u64>,
    ) -> Differences {
        let slot = own_timeout(&mut self.virtual_server(name)?.draft.timeouts, state);
        let in_words = |own: &Option<u64>| own.as_ref().map_or_else(|| "as in general".to_owned(), seconds);
        let differences = set(name, &format!("timeout {state}"), slot, value, in_words);
        let why = || format!("{name} has no timeout {state} of its own");
        if value.is_some() { Ok(differences) } else { undone(differences, why) }
    }

    pub(super) fn set_replicate(&mut self, name: ServerName, replicate: bool) -> Differences {
        let slot = &mut self.virtual_server(name)?.draft.replicate;
        Ok(set(name, "replicate", slot, replicate, |&is| if is { "yes" } else { "no" }))
    }

    pub(super) fn set_weight(&mut self, name: ServerName, weight: u64) -> Differences {
        let slot = &mut self.real_server(name)?.draft.weight;
        Ok(set(name, "weight", slot, weight, |weight| *weight))
    }

    pub(super) fn set_threshold(&mut self, name: ServerName, count: u64, count_resets: bool) -> Differences {
        let server = &mut self.real_server(name)?.draft;
        let mut differences = set(name, "threshold", &mut server.threshold, count, |count| *count);
        let in_words = |&is: &bool| if is { "count" } else { "do not count" };
        differences.extend(set(name, "resets", &mut server.count_resets, count_resets, in_words));
        Ok(differences)
    }

    pub(super) fn set_retry(&mut self, name: ServerName, retry_s: u64) -> Differences {
        Ok(set(name, "retry after", &mut self.real_server(name)?.draft.retry_s, retry_s, seconds))
    }

    pub(super) fn set_slow_start(&mut self, name: ServerName, slow_start_s: u64) -> Differences {
        Ok(set(name, "slow start", &mut self.real_server(name)?.draft.slow_start_s, slow_start_s, seconds))
    }

    pub(super) fn set_max_connections(&mut self, name: ServerName, count: Option<u64>) -> Differences {
        let slot = match self.role(name)? {
            Role::Virtual => &mut self.virtuals.get_mut(name)?.draft.max_connections,
            Role::Real => &mut self.reals.get_mut(name)?.draft.max_connections,
        };
        let differences = set(name, "connections", slot, count, count_or_any);
        let why = || format!("{name} may have any number of connections");
        if count.is_some() { Ok(differences) } else { undone(differences, why) }
    }

    pub(super) fn set_backup(
        &mut self,
        name: ServerName,
        backup: ServerName,
        when: BackupWhen,
    ) -> Differences {
        let in_words = |backup: &Option<ServerName>| in_words(*backup);
        let role = self.role(name)?;
        let backup_role = self.role(backup)?;
        match role {
            Role::Virtual => {
                let server = self.virtuals.get_mut(name)?;
                let mut differences = set(name, "backup", &mut server.backup, Some(backup), in_words);
                let slot = &mut server.draft.backup_when;
                differences
                    .extend(set(name, "backup comes in when", slot, when, |&when| backup_when_word(when)));
                Ok(differences)
            }
            Role::Real if when == BackupWhen::Busy => Err(CommandError::RealIsNeverBusy(name)),
            Role::Real if backup_role == Role::Virtual => {
                Err(CommandError::WrongRole { name: backup, is: Role::Virtual, wanted: Role::Real })
            }
            Role::Real => {
                Ok(set(name, "backup", &mut self.reals.get_mut(name)?.backup, Some(backup), in_words))
            }
        }
    }

    pub(super) fn unset_backup(&mut self, name: ServerName) -> Differences {
        let slot = match self.role(name)? {
            Role::Virtual => {
                let server = self.virtuals.get_mut(name)?;
                server.draft.backup_when = BackupWhen::default();
                &mut server.backup
            }
            Role::Real => &mut self.reals.get_mut(name)?.backup,
        };
        let differences = set(name, "backup", slot, None, |backup| in_words(*backup));
        undone(differences, || format!("{name} has no backup"))
    }

    pub(super) fn set_general_timeout(&mut self, state: TimeoutState, value: u64) -> Vec<String> {
        let slot = general_timeout(&mut self.timeouts, state);
        set(GENERAL, &format!("timeout {state}"), slot, value, seconds)
    }

    pub(super) fn set_without_connection(&mut self, what: TcpWithoutConnection) -> Vec<String> {
        let in_words = |&what: &_| without_connection_word(what);
        set(GENERAL, "TCP segments of no connection", &mut self.tcp_without_connection, what, in_words)
    }

    pub(super) fn set_hash_seed(&mut self, seed: u64) -> Vec<String> {
        set(GENERAL, "hash seed", &mut self.hash_seed, seed, |seed| *seed)
    }
}

fn in_words(backup: Option<ServerName>) -> String {
    backup.map_or_else(|| "none".to_owned(), |backup| backup.to_string())
}

/// The differences, of which there has to be one.
pub(super) fn undone(differences: Vec<String>, why_not: impl FnOnce() -> String) -> Differences {
    if differences.is_empty() { Err(CommandError::NothingToUndo(why_not())) } else { Ok(differences) }
}
