//! The configuration of a unit: two JSON documents in a folder, from text to checked types.
//!
//! `unit.json` is this unit's and never mirrored; `director.json` says what is balanced and is the same on both units
//! of a pair. Raw types ([`serde`]) become checked ones in one fallible step. An error names the file, line, column and
//! keys, says what would be right, and comes with all others. Nothing here opens a port or changes anything.

mod addresses;
mod check_director;
mod check_failover;
mod check_ports;
mod check_replication;
mod check_unit;
mod devices;
mod diagnostic;
mod document;
mod failover;
mod file;
mod key_path;
mod limits;
mod mistake;
mod raw;
mod schema;
#[cfg(test)]
mod tests;
mod unit;
mod wording;

use std::path::Path;
use std::thread;

use director::ConfigurationDraft;
use document::Document;
use raw::director::RawDirector;
use raw::unit::RawUnit;
use raw::written::Written;

pub use check_director::clashes;
pub use diagnostic::{Diagnostic, LoadError, Position};
pub use failover::{
    Beats, CableConfiguration, FailoverConfiguration, LinkConfiguration, Probing, Reach, Target,
};
pub use schema::schema;
pub use unit::{
    Cores, Hugepages, Idle, PortConfiguration, PortDevice, ReplicationConfiguration, ReplicationPath,
    SyncMode, UnitConfiguration,
};

#[cfg(test)]
pub(crate) use tests::read_for_tests;

/// The document of this unit.
const UNIT_FILE: &str = "unit.json";

/// The document of what is balanced.
pub(crate) const DIRECTOR_FILE: &str = "director.json";

/// The checked configuration of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// This unit.
    pub unit: UnitConfiguration,
    /// What is balanced.
    pub director: director::Configuration,
    /// What the document says of it.
    pub draft: ConfigurationDraft,
    /// The document that says so, as it is written.
    pub director_text: String,
    /// Its generation: the higher one is the newer.
    pub generation: u32,
    /// Whether it came from the other unit, and nobody has written it to the disk yet.
    pub unwritten: bool,
}

/// Loads and checks the configuration in `folder`.
///
/// # Errors
///
/// Everything that is wrong with the folder and its two documents.
pub fn load(folder: &Path) -> Result<Loaded, LoadError> {
    file::check_folder(folder).map_err(|diagnostic| LoadError(vec![diagnostic]))?;
    // The default of the workers' CPUs depends on the machine.
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    let (unit_file, director_file) = (folder.join(UNIT_FILE), folder.join(DIRECTOR_FILE));
    match (file::read(&unit_file), file::read(&director_file)) {
        (Ok(unit), Ok(director)) => read(
            Source { file: &unit_file, text: &unit },
            Source { file: &director_file, text: &director },
            cpus,
        ),
        (unit, director) => Err(LoadError([unit.err(), director.err()].into_iter().flatten().collect())),
    }
}

/// What a document of what is balanced says that came from the other unit, with this unit's, which is in `folder`.
///
/// # Errors
///
/// Everything that is wrong with it.
pub(crate) fn read_mirrored(folder: &Path, text: &str) -> Result<Loaded, LoadError> {
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    let unit_file = folder.join(UNIT_FILE);
    let unit = file::read(&unit_file).map_err(|diagnostic| LoadError(vec![diagnostic]))?;
    let mirrored = folder.join("director.json of the other unit");
    read(Source { file: &unit_file, text: &unit }, Source { file: &mirrored, text }, cpus)
}

/// The document that says what the draft says: `director.json` as units write it. A draft and a generation have one document,
/// so that both units of a pair have the same.
///
/// # Errors
///
/// None that a draft could cause: all of it is texts, numbers and words.
pub fn director_document(
    draft: &ConfigurationDraft,
    generation: u32,
    unwritten: bool,
) -> serde_json::Result<String> {
    let written = Written { draft, generation, unwritten };
    serde_json::to_string_pretty(&written).map(|text| text + "\n")
}

/// A document's text and where it came from.
#[derive(Clone, Copy)]
struct Source<'a> {
    file: &'a Path,
    text: &'a str,
}

/// Reads both documents for a machine with `cpus` CPUs.
fn read(unit: Source<'_>, director: Source<'_>, cpus: usize) -> Result<Loaded, LoadError> {
    match (read_unit(unit, cpus), read_director(director)) {
        (Ok(unit), Ok(read)) => {
            let clashes = check_director::check_against_unit(&read.document, &read.director, &unit);
            if !clashes.is_empty() {
                return Err(LoadError(clashes));
            }
            Ok(Loaded {
                unit,
                director: read.director,
                draft: read.draft,
                director_text: director.text.to_owned(),
                generation: read.generation,
                unwritten: read.unwritten,
            })
        }
        (unit, director) => {
            let diagnostics = [unit.err(), director.err()].into_iter().flatten().flat_map(in_order);
            Err(LoadError(diagnostics.collect()))
        }
    }
}

/// Checks find what is wrong in an order of their own; a reader goes through the document from the top.
fn in_order(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort_by_key(|diagnostic| diagnostic.position);
    diagnostics
}

fn read_unit(source: Source<'_>, cpus: usize) -> Result<UnitConfiguration, Vec<Diagnostic>> {
    let (document, raw) = Document::read::<RawUnit>(source.file, source.text)?;
    check_unit::check(raw, cpus)
        .map_err(|mistakes| mistakes.iter().map(|(path, mistake)| document.diagnose(path, mistake)).collect())
}

/// What a document of what is balanced says.
struct ReadDirector<'a> {
    document: Document<'a>,
    draft: ConfigurationDraft,
    director: director::Configuration,
    generation: u32,
    unwritten: bool,
}

fn read_director(source: Source<'_>) -> Result<ReadDirector<'_>, Vec<Diagnostic>> {
    let (document, raw) = Document::read::<RawDirector>(source.file, source.text)?;
    let (generation, unwritten) = (raw.generation, raw.unwritten);
    let draft = ConfigurationDraft::from(raw);
    let director = check_director::check(&document, &draft)?;
    Ok(ReadDirector { document, draft, director, generation, unwritten })
}
