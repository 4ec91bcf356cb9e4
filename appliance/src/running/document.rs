//! The draft that runs, as the document that says it: the same on both units of a pair, whoever wrote it and however.

use director::ConfigurationDraft;
use failover_serial::digest_of;
use model::ConfigurationMark;

use super::error::TransactionError;
use crate::configuration::{Loaded, director_document};
use crate::language::as_commands;
use crate::management::change_report::ConfigurationReport;

/// What `director.json` says, or would say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DirectorDocument {
    pub(super) draft: ConfigurationDraft,
    pub(super) generation: u32,
    /// Whether it has changed since it was written to the disk.
    pub(super) unwritten: bool,
}

impl DirectorDocument {
    /// As it was loaded.
    pub(super) fn of(loaded: &Loaded) -> Self {
        Self { draft: loaded.draft.clone(), generation: loaded.generation, unwritten: loaded.unwritten }
    }

    /// The next generation.
    pub(super) fn next(&self, draft: ConfigurationDraft, unwritten: bool) -> Result<Self, TransactionError> {
        let generation = self.generation.checked_add(1).ok_or(TransactionError::LastGeneration)?;
        Ok(Self { draft, generation, unwritten })
    }

    /// As units write it. What an operator wrote may look different and mean the same.
    pub(super) fn text(&self) -> String {
        director_document(&self.draft, self.generation, self.unwritten).unwrap_or_else(|error| {
            // A draft is texts, numbers and words, which JSON can always hold.
            log::error!("the configuration could not be written as JSON: {error}");
            String::new()
        })
    }

    /// What it is known as: by what units write, so that both have the same.
    pub(super) fn mark(&self) -> ConfigurationMark {
        ConfigurationMark { generation: self.generation, digest: digest_of(self.text().as_bytes()) }
    }

    /// For people and programs.
    pub(super) fn report(&self) -> ConfigurationReport {
        ConfigurationReport {
            generation: self.generation,
            unwritten: self.unwritten,
            commands: as_commands(&self.draft)
                .inspect_err(|error| log::error!("the configuration could not be told as commands: {error}"))
                .map_or_else(|_| Vec::new(), |commands| commands.iter().map(ToString::to_string).collect()),
            document: serde_json::from_str(&self.text()).unwrap_or_default(),
        }
    }
}
