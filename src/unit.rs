//! `understudy run`, `check`, `schema` and `key`: what is done with a unit's configuration.

use std::io::{self, Write as _};
use std::path::Path;

use appliance::configuration::{self, FailoverConfiguration, Loaded, UnitConfiguration};
use appliance::{Ended, Start};

use crate::Failure;
use crate::arguments::Folder;
use crate::logging::Log;
use crate::text::count;

/// The program's version, with the revision of its sources where that is known.
const VERSION: &str = env!("UNDERSTUDY_VERSION");

/// Runs a unit until it is told to stop.
pub(crate) fn run(folder: &Folder, eal_arguments: Vec<String>) -> Result<(), Failure> {
    let log = Log::start()?;
    let configuration = load(folder)?;
    log::info!("understudy {VERSION}, configuration {}", folder.path.display());
    let start =
        Start { configuration, folder: folder.path.clone(), eal_arguments, version: VERSION.to_owned() };
    match appliance::run(start)? {
        Ended::Stopped => Ok(()),
        Ended::Restart(restart) => {
            log::info!("the unit starts anew with another configuration");
            drop(log);
            Err(restart.restart().into())
        }
    }
}

/// Says what would run.
pub(crate) fn check(folder: &Folder) -> Result<(), Failure> {
    let loaded = load(folder)?;
    if let Some(replication) = loaded.unit.replication() {
        appliance::read_key(&folder.path.join(replication.key_file()))?;
    }
    let summary = summary(&loaded, &folder.path);
    Ok(io::stdout().lock().write_all(summary.as_bytes())?)
}

/// Prints the schema of both documents.
pub(crate) fn schema() -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(&configuration::schema())?;
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}

/// Prints a new key for a pair.
pub(crate) fn key() -> Result<(), Failure> {
    let key = appliance::new_key()?;
    Ok(writeln!(io::stdout().lock(), "{key}")?)
}

/// Reads the configuration; tells what is wrong with it on standard error.
fn load(folder: &Folder) -> Result<Loaded, Failure> {
    configuration::load(&folder.path).map_err(|error| {
        for diagnostic in &error.0 {
            eprintln!("{diagnostic}");
        }
        let mistakes = count(error.0.len(), "mistake");
        format!("the configuration in {} has {mistakes}", folder.path.display()).into()
    })
}

/// What would run, in a few lines.
fn summary(loaded: &Loaded, folder: &Path) -> String {
    let Loaded { unit, director, .. } = loaded;
    let ports = unit.ports().iter().map(|port| format!("{} ({})", port.name(), join(port.addresses())));
    let cores = unit.cores();
    let mut text = format!("{} is fine; it would run unit {} with\n", folder.display(), unit.name());
    for line in [
        format!("{}: {}", count(unit.ports().len(), "port"), join(ports)),
        format!(
            "{} on CPU {}, control on CPU {}",
            count(cores.workers.len(), "worker"),
            join(&cores.workers),
            cores.control
        ),
        format!("room for {} connections", unit.connections()),
        pair(unit),
        format!(
            "{}, {}, {}",
            count(director.virtual_servers().len(), "virtual server"),
            count(director.real_servers().len(), "real server"),
            count(director.bindings().len(), "binding")
        ),
        format!("socket {}", unit.socket().display()),
    ] {
        text += &format!("  {line}\n");
    }
    for server in director.virtual_servers().iter().filter(|server| server.is_in_service()) {
        let real = |binding: usize| &director.real_servers()[director.bindings()[binding].real_server()];
        if !server.bindings().any(|binding| real(binding).is_in_service()) {
            text += &format!("note: no real server is in service for virtual server {}\n", server.name());
        }
    }
    text
}

/// What the unit is in a pair.
fn pair(unit: &UnitConfiguration) -> String {
    match unit.replication() {
        Some(replication) => {
            let peers = replication.paths().iter().map(|path| path.peer);
            let decision = match unit.failover() {
                Some(failover) => format!("finds out who is active ({})", ways(failover)),
                None => format!("{} at its start", unit.state().name()),
            };
            format!("{decision}, with its peer at {}", join(peers))
        }
        None => "no peer".to_owned(),
    }
}

/// What the units hear each other by.
fn ways(failover: &FailoverConfiguration) -> String {
    let cable = failover.cable().map(|cable| format!("by the cable at {}", cable.tty().display()));
    let links = failover.links().iter().map(|link| format!("by {}", link.peer));
    join(cable.into_iter().chain(links))
}

fn join<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
