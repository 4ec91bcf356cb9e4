//! `understudy run`, `check` and `schema`: what is done with a unit's configuration.

use std::io::{self, Write as _};
use std::path::Path;

use appliance::Start;
use appliance::configuration::{self, Loaded};

use crate::Failure;
use crate::arguments::Folder;
use crate::text::count;

/// The program's version, with the revision of its sources where that is known.
const VERSION: &str = env!("UNDERSTUDY_VERSION");

/// Runs a unit until it is told to stop.
pub(crate) fn run(folder: &Folder, eal_arguments: Vec<String>) -> Result<(), Failure> {
    let defaults = env_logger::Env::default().default_filter_or("info");
    env_logger::Builder::from_env(defaults).format_timestamp_millis().format_target(false).init();
    let configuration = load(folder)?;
    log::info!("understudy {VERSION}, configuration {}", folder.path.display());
    let start =
        Start { configuration, folder: folder.path.clone(), eal_arguments, version: VERSION.to_owned() };
    Ok(appliance::run(start)?)
}

/// Says what would run.
pub(crate) fn check(folder: &Folder) -> Result<(), Failure> {
    let summary = summary(&load(folder)?, &folder.path);
    Ok(io::stdout().lock().write_all(summary.as_bytes())?)
}

/// Prints the schema of both documents.
pub(crate) fn schema() -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(&configuration::schema())?;
    Ok(writeln!(io::stdout().lock(), "{text}")?)
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

fn join<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
