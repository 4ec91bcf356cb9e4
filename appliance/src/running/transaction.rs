//! Transactions: all or nothing, one after the other.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use commands::{Change, Command, Parser};
use director::{Binding, Configuration, Numbered, Numbering, ShardCounters, is_vacant};
use model::ConfigurationMark;

use super::document::DirectorDocument;
use super::error::TransactionError;
use super::mirrored::Mirrored;
use super::{Ledger, Running, Told};
use crate::configuration::read_mirrored;
use crate::language::{self, Transaction, needs_new_start, orphaned, transact};
use crate::management::change_report::{ChangeReport, WriteReport};

/// How a transaction is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Only say what it would change.
    pub(crate) dry_run: bool,
    /// Carry it out even where connections lose their binding, or what somebody edited is lost.
    pub(crate) force: bool,
}

/// What became of the other unit's document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TakenOver {
    /// The unit runs with it.
    InForce,
    /// It is on the disk, and in force after a new start.
    AfterStart,
}

/// A configuration that could be put in force.
struct Candidate {
    document: DirectorDocument,
    configuration: Configuration,
    numbering: Numbering,
    /// Live connections that lose their binding.
    orphaned: u64,
}

impl Running {
    /// Carries out commands of an operator.
    pub(crate) fn change(
        &self,
        changes: &[Change],
        options: Options,
    ) -> Result<ChangeReport, TransactionError> {
        let mut ledger = self.ledger();
        ledger.admits()?;
        let Transaction { draft, configuration, differences } =
            transact(&ledger.document.draft, changes, &self.unit).map_err(wrong)?;
        let mut report = ChangeReport {
            generation: ledger.document.generation,
            changes: differences,
            orphaned: 0,
            dry_run: options.dry_run,
            unwritten: ledger.document.unwritten,
        };
        if draft == ledger.document.draft {
            report.changes.extend(self.bring_back(changes, options.dry_run));
            return Ok(report);
        }
        let document = ledger.document.next(draft, true)?;
        let candidate = self.candidate(&ledger, document, configuration)?;
        report.orphaned = candidate.orphaned;
        if options.dry_run {
            report.changes.extend(self.bring_back(changes, true));
            return Ok(report);
        }
        (report.generation, report.unwritten) = (candidate.document.generation, true);
        if candidate.orphaned > 0 && !options.force {
            return Err(TransactionError::Orphans(candidate.orphaned));
        }
        self.put_in_force(&mut ledger, candidate);
        report.changes.extend(self.bring_back(changes, false));
        let lines = changes.iter().map(ToString::to_string).collect();
        self.tell(&ledger, &Mirrored::Commands(lines));
        log::info!("generation {} of the configuration is in force", report.generation);
        ledger.is_complete().map(|()| report)
    }

    /// Writes the configuration to the disk, for an operator.
    pub(crate) fn write(&self, options: Options) -> Result<WriteReport, TransactionError> {
        let mut ledger = self.ledger();
        ledger.admits()?;
        if ledger.file.is_edited() && !options.force {
            return Err(TransactionError::Edited(ledger.file.path()));
        }
        let document = ledger.document.next(ledger.document.draft.clone(), false)?;
        ledger.store(&document)?;
        ledger.document = document;
        self.tell(&ledger, &Mirrored::Write(true));
        let report = WriteReport {
            generation: ledger.document.generation,
            path: ledger.file.path().display().to_string(),
        };
        log::info!("generation {} of the configuration is written", report.generation);
        Ok(report)
    }

    /// Does what the other unit did, if that leads to what it has: `mark`.
    ///
    /// # Errors
    ///
    /// It can not be done, or leads elsewhere; nothing has changed.
    pub(crate) fn follow(&self, mark: ConfigurationMark, change: &[u8]) -> Result<(), String> {
        let mut ledger = self.ledger();
        ledger.is_steady().map_err(|error| error.to_string())?;
        match Mirrored::read(change)? {
            Mirrored::Commands(lines) => {
                let changes = parse(&lines)?;
                let transaction = transact(&ledger.document.draft, &changes, &self.unit);
                let Transaction { draft, configuration, .. } =
                    transaction.map_err(|error| error.to_string())?;
                let document = ledger.document.next(draft, true).map_err(|error| error.to_string())?;
                is_known_as(&document, mark)?;
                let candidate = self.candidate(&ledger, document, configuration);
                let candidate = candidate.map_err(|error| error.to_string())?;
                self.put_in_force(&mut ledger, candidate);
                // Also for groups that are active here.
                self.bring_back(&changes, false);
            }
            Mirrored::Write(_) => {
                let draft = ledger.document.draft.clone();
                let document = ledger.document.next(draft, false).map_err(|error| error.to_string())?;
                is_known_as(&document, mark)?;
                ledger.warn_if_edited();
                ledger.store(&document).map_err(|error| error.to_string())?;
                ledger.document = document;
            }
        }
        Ok(())
    }

    /// Takes over the other unit's whole document. It is put in force at once, unless its groups are others than those that run.
    ///
    /// # Errors
    ///
    /// It can not be this unit's; nothing has changed.
    pub(crate) fn take_over(&self, text: &[u8]) -> Result<TakenOver, String> {
        let mut ledger = self.ledger();
        ledger.is_steady().map_err(|error| error.to_string())?;
        let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
        let loaded = read_mirrored(&self.folder, text).map_err(|error| {
            let mistakes: Vec<String> = error.0.iter().map(ToString::to_string).collect();
            mistakes.join("; ")
        })?;
        let document = DirectorDocument::of(&loaded);
        match self.candidate(&ledger, document, loaded.director.clone()) {
            Ok(candidate) => {
                if !candidate.document.unwritten {
                    ledger.warn_if_edited();
                    ledger.store(&candidate.document).map_err(|error| error.to_string())?;
                }
                self.put_in_force(&mut ledger, candidate);
                ledger.awaits_start = false;
                Ok(TakenOver::InForce)
            }
            Err(TransactionError::NeedsStart(_) | TransactionError::NoNumber(_)) => {
                ledger.warn_if_edited();
                ledger.store(&DirectorDocument::of(&loaded)).map_err(|error| error.to_string())?;
                ledger.awaits_start = true;
                Ok(TakenOver::AfterStart)
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// What `document` would mean for this unit.
    fn candidate(
        &self,
        ledger: &Ledger,
        document: DirectorDocument,
        checked: Configuration,
    ) -> Result<Candidate, TransactionError> {
        let now = self.director.load();
        if let Some(reason) = needs_new_start(&now, &checked) {
            return Err(TransactionError::NeedsStart(reason));
        }
        let mut numbering = ledger.numbering.clone();
        // Until the workers have the next configuration, a binding of this one may get a connection at any time.
        let in_use: HashSet<u16> = now.bindings().iter().map(Binding::id).collect();
        let is_free = |number| match number {
            Numbered::Binding(id) if in_use.contains(&id) => false,
            number => is_vacant(self.counters(), number),
        };
        let configuration = numbering.number(checked, is_free)?.with_tables_of(&now);
        self.has_room(&configuration)?;
        let orphaned = orphaned(&now, &configuration);
        let orphaned = self.counters().map(|shard| shard.connections_of(orphaned.iter().copied())).sum();
        Ok(Candidate { document, configuration, numbering, orphaned })
    }

    /// Shards made room for what they count when they were made.
    fn has_room(&self, configuration: &Configuration) -> Result<(), TransactionError> {
        let room = self.counters().map(|shard| shard.bindings.len()).min().unwrap_or(usize::MAX);
        let needed = configuration.bindings().iter().map(|binding| usize::from(binding.id()) + 1).max();
        if needed.unwrap_or_default() <= room {
            return Ok(());
        }
        Err(TransactionError::NeedsStart(format!(
            "this unit has room for {room} bindings until it starts anew; write more into director.json, and start it anew"
        )))
    }

    /// The workers get it first, then those who read it: no report names what does not count yet.
    fn put_in_force(&self, ledger: &mut Ledger, candidate: Candidate) {
        let Candidate { document, configuration, numbering, .. } = candidate;
        let configuration = Arc::new(configuration);
        let groups = Arc::new(self.groups.load().with(&self.unit, &configuration));
        self.baselines.begin_new(&self.director.load(), &configuration, self.counters());
        self.shared.follow(&self.director.load(), &configuration);
        ledger.late.retain_mut(|late| !late.has_come(Duration::ZERO));
        ledger.late.extend(self.forwarding.hand_out(&configuration, &groups));
        self.director.store(Arc::clone(&configuration));
        self.groups.store(groups);
        (self.follow)(&configuration);
        ledger.document = document;
        ledger.numbering = numbering;
    }

    fn tell(&self, ledger: &Ledger, transaction: &Mirrored) {
        // Nobody listens on a unit without a peer.
        let _ = self.tell.send(Told { mark: ledger.document.mark(), change: transaction.to_bytes() });
    }

    pub(crate) fn counters(&self) -> impl Iterator<Item = &ShardCounters> + Clone {
        self.counters.iter().map(Arc::as_ref)
    }
}

/// Of one command alone it is clear which is meant.
fn wrong(error: language::TransactionError) -> TransactionError {
    let position = error.command.map(|command| command.position);
    TransactionError::Wrong(match position {
        Some(position) => format!("command {position}: {}", error.error),
        None => error.error.to_string(),
    })
}

/// Reads commands that the other unit carried out.
pub(super) fn parse(lines: &[String]) -> Result<Vec<Change>, String> {
    let mut parser = Parser::new();
    let parse = |line: &String| match parser.parse(line) {
        Ok(Command::Change(change)) => Ok(change),
        Ok(_) => Err(format!("{line:?} does not change the configuration")),
        Err(error) => Err(error.to_string()),
    };
    lines.iter().map(parse).collect()
}

/// A change leads to the same document on both units, or they have come apart.
fn is_known_as(document: &DirectorDocument, mark: ConfigurationMark) -> Result<(), String> {
    if document.mark() == mark {
        return Ok(());
    }
    Err("the change leads to another configuration here".to_owned())
}

impl Ledger {
    /// Whether an operator's transaction may begin.
    fn admits(&mut self) -> Result<(), TransactionError> {
        self.is_steady()?;
        if self.awaits_start { Err(TransactionError::AwaitsStart) } else { Ok(()) }
    }

    /// Whether all workers go by the configuration.
    pub(super) fn is_steady(&mut self) -> Result<(), TransactionError> {
        self.late.retain_mut(|late| !late.has_come(Duration::ZERO));
        self.late.first().map_or(Ok(()), |late| Err(TransactionError::Late(late.worker)))
    }

    fn is_complete(&self) -> Result<(), TransactionError> {
        self.late.first().map_or(Ok(()), |late| Err(TransactionError::Unfinished(late.worker)))
    }

    fn store(&mut self, document: &DirectorDocument) -> Result<(), TransactionError> {
        let path = self.file.path();
        self.file.replace(document.text()).map_err(|source| TransactionError::Disk { path, source })
    }

    /// What comes from the other unit takes the place of what was edited here, which stays beside it.
    fn warn_if_edited(&self) {
        if self.file.is_edited() {
            log::warn!(
                "{} was edited on this unit, and is replaced by the other unit's; the edited one is director.json.previous",
                self.file.path().display()
            );
        }
    }
}
