//! Several commands as one change: all of them, or none.

use commands::Change;
use director::{Configuration, ConfigurationDraft};

use super::check::{Wrong, build};
use super::editor::Editor;
use super::error::CommandError;
use crate::configuration::UnitConfiguration;

/// What comes of commands.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// The configuration as it would be written.
    pub draft: ConfigurationDraft,
    /// What it means. Its numbers are not the running ones yet: see [`director::Numbering`].
    pub configuration: Configuration,
    /// What is different, a sentence each; nothing if all was so before.
    pub differences: Vec<String>,
}

/// Why commands can not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{error}", command.as_ref().map_or_else(String::new, WrongCommand::in_words))]
pub struct TransactionError {
    /// The command that is wrong, where there were several.
    pub command: Option<WrongCommand>,
    /// What is wrong.
    pub error: CommandError,
}

/// Which of several commands is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongCommand {
    /// Which it is, counted from 1.
    pub position: usize,
    /// What it says, if that is long only the beginning of it.
    pub text: String,
}

/// The characters of a command that an error repeats.
const SHOWN: usize = 100;

/// Carries commands out one after the other on a draft that can be built, and checks what comes of it. It need not be right
/// between them.
///
/// # Errors
///
/// A command is wrong, or what comes of them all is.
pub fn transact(
    draft: &ConfigurationDraft,
    changes: &[Change],
    unit: &UnitConfiguration,
) -> Result<Transaction, TransactionError> {
    let before = Editor::of(draft).map_err(|error| TransactionError { command: None, error })?;
    let mut editor = before.clone();
    let mut differences = Vec::new();
    for (index, change) in changes.iter().enumerate() {
        let found = editor.apply(change);
        let found = found.map_err(|error| TransactionError { command: name(changes, index), error })?;
        differences.extend(found);
    }
    let draft = editor.draft();
    match build(&draft, unit) {
        Ok(configuration) => Ok(Transaction { draft, configuration, differences }),
        Err(wrong) => {
            let index = wrong.first().map(|wrong| blame(before, changes, unit, wrong));
            let command = index.and_then(|index| name(changes, index));
            Err(TransactionError { command, error: wrong.into() })
        }
    }
}

/// The command that did something wrong: before it, it was not there yet, and after it, it was.
///
/// Found by halves, as each look costs a check of the whole. What is wrong for a while only was not asked for.
fn blame(mut before: Editor, changes: &[Change], unit: &UnitConfiguration, wrong: &Wrong) -> usize {
    let (mut right, mut bad) = (0, changes.len());
    while bad - right > 1 {
        let middle = right.midpoint(bad);
        let mut editor = before.clone();
        for change in &changes[right..middle] {
            // It was carried out before, in the same place.
            let _ = editor.apply(change);
        }
        match build(&editor.draft(), unit) {
            Err(found) if found.iter().any(|found| found.is_like(wrong)) => bad = middle,
            _ => (right, before) = (middle, editor),
        }
    }
    bad.saturating_sub(1)
}

fn name(changes: &[Change], index: usize) -> Option<WrongCommand> {
    let change = changes.get(index).filter(|_| changes.len() > 1)?;
    let mut text = change.to_string();
    if let Some((end, _)) = text.char_indices().nth(SHOWN) {
        text.truncate(end);
        text.push_str("...");
    }
    Some(WrongCommand { position: index + 1, text })
}

impl WrongCommand {
    fn in_words(&self) -> String {
        format!("command {} ({}): ", self.position, self.text)
    }
}
