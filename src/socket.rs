//! Which unit a command talks to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use appliance::management::Client;

use crate::Failure;

/// Where units have their sockets unless their configuration says otherwise.
const FOLDER: &str = "/run/understudy";

/// Why no unit was chosen.
#[derive(Debug)]
pub(crate) enum NoSocket {
    None(PathBuf),
    Several(Vec<PathBuf>),
    Unreadable(PathBuf, io::Error),
}

impl std::fmt::Display for NoSocket {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None(folder) => write!(
                formatter,
                "no unit is running: there is no socket in {}; if it has its socket elsewhere, give --socket PATH",
                folder.display()
            ),
            Self::Several(sockets) => {
                let names: Vec<_> = sockets.iter().map(|socket| socket.display().to_string()).collect();
                write!(
                    formatter,
                    "several units have sockets: {}; choose with --socket PATH",
                    names.join(", ")
                )
            }
            Self::Unreadable(folder, error) => {
                write!(formatter, "can not look into {}: {error}", folder.display())
            }
        }
    }
}

impl std::error::Error for NoSocket {}

/// Talks to the unit at `path`, or to the only one that has its socket where they usually are.
pub(crate) fn connect(path: Option<&Path>) -> Result<Client, Failure> {
    let path = match path {
        Some(path) => path.to_owned(),
        None => only_one(Path::new(FOLDER))?,
    };
    Ok(Client::connect(&path)?)
}

/// The only socket in `folder`.
pub(crate) fn only_one(folder: &Path) -> Result<PathBuf, NoSocket> {
    let unreadable = |error| NoSocket::Unreadable(folder.to_owned(), error);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(NoSocket::None(folder.to_owned()));
        }
        entries => entries.map_err(unreadable)?,
    };
    let mut sockets = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "sock") {
            sockets.push(path);
        }
    }
    sockets.sort();
    match sockets.pop() {
        None => Err(NoSocket::None(folder.to_owned())),
        Some(socket) if sockets.is_empty() => Ok(socket),
        Some(last) => {
            sockets.push(last);
            Err(NoSocket::Several(sockets))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_socket_is_chosen() {
        let folder = std::env::temp_dir().join(format!("understudy-sockets-{}", std::process::id()));
        assert!(matches!(only_one(&folder), Err(NoSocket::None(_))));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("a.sock.new"), "").unwrap();
        assert!(matches!(only_one(&folder), Err(NoSocket::None(_))));
        fs::write(folder.join("b.sock"), "").unwrap();
        assert_eq!(only_one(&folder).unwrap(), folder.join("b.sock"));
        fs::write(folder.join("a.sock"), "").unwrap();
        let several = only_one(&folder).unwrap_err().to_string();
        assert!(several.contains("a.sock, ") && several.contains("b.sock; choose"), "{several}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
