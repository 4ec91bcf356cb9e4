//! The configuration that a unit runs with, and how it becomes another one while packets go on.
//!
//! One transaction at a time: all its commands are carried out on a copy of the draft, which is checked as a document is that is
//! loaded. Only then the workers get it, between two bursts; then everybody who reads it. Nothing is half done.

mod document;
mod error;
mod file;
mod forwarding;
mod mirrored;
mod requests;
mod returning;
#[cfg(test)]
pub(crate) mod tests;
mod transaction;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use crossbeam::channel::Sender;
use director::{Configuration, Numbering, ShardCounters, Shared};
use model::ConfigurationMark;

use crate::configuration::{Loaded, UnitConfiguration};
use crate::groups::Groups;
use crate::management::Baselines;
use crate::management::change_report::ConfigurationReport;
use document::DirectorDocument;
pub(crate) use error::TransactionError;
use file::DirectorFile;
use forwarding::Late;
pub(crate) use forwarding::{Forwarding, parts_of};
pub use requests::{ExplainRequest, KillRequest, Killed, Reconfigure, WorkerRequest};
pub(crate) use transaction::{Options, TakenOver};

/// Tells others than the workers of a configuration that is in force now.
pub(crate) type Follow = Box<dyn Fn(&Configuration) + Send + Sync>;

/// A transaction that was carried out here, for the other unit.
pub(crate) struct Told {
    /// What the configuration is known as afterwards.
    pub(crate) mark: ConfigurationMark,
    /// How the other unit does the same.
    pub(crate) change: Vec<u8>,
}

/// The configuration with which a unit starts.
pub(crate) struct FirstDocument {
    director: Arc<Configuration>,
    document: DirectorDocument,
    text: String,
}

impl FirstDocument {
    /// As it was loaded.
    pub(crate) fn of(loaded: &Loaded) -> Self {
        Self {
            director: Arc::new(loaded.director.clone()),
            document: DirectorDocument::of(loaded),
            text: loaded.director_text.clone(),
        }
    }

    pub(crate) fn director(&self) -> Arc<Configuration> {
        Arc::clone(&self.director)
    }
}

/// What a running configuration is made of.
pub(crate) struct Parts {
    pub(crate) unit: Arc<UnitConfiguration>,
    pub(crate) folder: PathBuf,
    /// What is balanced at first, and the document that it came from.
    pub(crate) document: FirstDocument,
    pub(crate) groups: Arc<Groups>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) forwarding: Forwarding,
    /// What all shards count.
    pub(crate) counters: Vec<Arc<ShardCounters>>,
    pub(crate) follow: Follow,
    pub(crate) tell: Sender<Told>,
}

/// The configuration that the unit runs with.
pub struct Running {
    unit: Arc<UnitConfiguration>,
    folder: PathBuf,
    director: ArcSwap<Configuration>,
    groups: Arc<ArcSwap<Groups>>,
    shared: Arc<Shared>,
    forwarding: Forwarding,
    counters: Vec<Arc<ShardCounters>>,
    baselines: Baselines,
    follow: Follow,
    tell: Sender<Told>,
    ledger: Mutex<Ledger>,
}

/// What only transactions need.
struct Ledger {
    document: DirectorDocument,
    numbering: Numbering,
    file: DirectorFile,
    /// Workers that have not taken the configuration.
    late: Vec<Late>,
    /// A document that needs a new start of the unit is on the disk.
    awaits_start: bool,
}

impl Running {
    /// The configuration with which a unit starts.
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { unit, folder, document, groups, shared, forwarding, .. } = parts;
        let FirstDocument { director, document, text } = document;
        let ledger = Ledger {
            document,
            numbering: Numbering::of(&director),
            file: DirectorFile::new(folder.clone(), text),
            late: Vec::new(),
            awaits_start: false,
        };
        Self {
            unit,
            folder,
            director: ArcSwap::new(director),
            groups: Arc::new(ArcSwap::new(groups)),
            shared,
            forwarding,
            counters: parts.counters,
            baselines: Baselines::default(),
            follow: parts.follow,
            tell: parts.tell,
            ledger: Mutex::new(ledger),
        }
    }

    /// What is balanced now.
    pub(crate) fn director(&self) -> Arc<Configuration> {
        self.director.load_full()
    }

    /// The addresses that move with groups, always the newest.
    pub(crate) fn groups(&self) -> Arc<ArcSwap<Groups>> {
        Arc::clone(&self.groups)
    }

    /// Who knows of all shards together how servers stand.
    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// From where counters are told.
    pub(crate) const fn baselines(&self) -> &Baselines {
        &self.baselines
    }

    /// The whole document, and what it is known as.
    pub(crate) fn document(&self) -> (ConfigurationMark, Vec<u8>) {
        let ledger = self.ledger();
        (ledger.document.mark(), ledger.document.text().into_bytes())
    }

    /// Does something that needs the configuration to stay the same, in the workers, too.
    pub(crate) fn while_steady<T>(
        &self,
        work: impl FnOnce(&Configuration) -> T,
    ) -> Result<T, TransactionError> {
        let mut ledger = self.ledger();
        ledger.is_steady()?;
        Ok(work(&self.director.load()))
    }

    /// The whole, for people and programs.
    pub(crate) fn report(&self) -> ConfigurationReport {
        self.ledger().document.report()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // A transaction that panicked has changed the ledger as its last step, or not at all.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
