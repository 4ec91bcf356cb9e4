//! The command language, in which operators talk to a running unit: typed commands and their one grammar, for the shell,
//! the console, batch files and the management socket.
//!
//! What is here turns text into values and back, and tells people what they may write. It carries nothing out, and knows
//! no configuration: whether there is such a server, and whether a number is in its range, is the unit's to say.
#![forbid(unsafe_code)]
// Doc comments of commands are the text of their help, in which brackets are what may be left out.
#![allow(rustdoc::broken_intra_doc_links)]

mod canonical;
mod change;
mod command;
mod expect;
mod grammar;
mod line;
mod reference;
mod undo;
mod values;
mod words;

#[cfg(test)]
mod tests;

pub use change::{Change, Group};
pub use command::{Clear, Command, Kill};
pub use expect::{Expected, Hint, Servers, expected, help};
pub use grammar::command_of;
pub use line::{ParseError, Parser, as_language, grammar, parse_line, split};
pub use reference::{describe, section};
pub use undo::Undo;
pub use values::{Clients, OfPort, WordParser, word};
pub use words::{
    BackupWhen, Comparison, Midway, PredictorName, Refusal, ServiceState, Strategy, TimeoutState,
};
