//! What the configuration commands mean: from commands to a changed configuration, and from a configuration to the commands
//! that make it.
//!
//! Configuration here is a [`ConfigurationDraft`], as documents have it; the one way from there to a [`Configuration`](director::Configuration) is
//! [`check`]. Nothing here touches a running unit, or asks one.

mod apply;
mod as_commands;
mod assigned;
mod check;
mod compare;
mod editor;
mod error;
mod groups;
mod links;
mod servers;
mod settings;
#[cfg(test)]
mod tests;
mod transaction;
mod undo;
mod values;

use commands::Change;
use director::ConfigurationDraft;

pub use as_commands::as_commands;
pub use check::check;
pub use compare::{needs_new_start, orphaned};
pub use error::{CommandError, Role};
pub use transaction::{Transaction, TransactionError, transact};

use editor::Editor;

/// Carries one command out on a draft that can be built, and says what is different now: nothing if all was so before. What
/// it leaves need not build; see [`check`].
///
/// It costs a walk through the draft; for several commands, see [`transact`].
///
/// # Errors
///
/// What the command speaks of is not there, or not so. Then the draft is as it was.
pub fn apply(draft: &mut ConfigurationDraft, change: &Change) -> Result<Vec<String>, CommandError> {
    let mut editor = Editor::of(draft)?;
    let differences = editor.apply(change)?;
    *draft = editor.draft();
    Ok(differences)
}
