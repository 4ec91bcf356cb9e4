//! The socket's file: made so that it never takes the place of a running unit's, and removed when it is ours.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::affinity::Cpus;
use crate::platform;

/// Whoever may write to the socket sees who talks to whom: root only.
const SOCKET_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o755;

/// How often, and after which pauses, the lock on the directory is tried.
const LOCK_TRIES: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Why there is no management socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// A unit answers there.
    #[error("another understudy is running there: {} is in use; stop it, or give this unit another \"socket\"", .0.display())]
    InUse(PathBuf),
    /// Something else has the socket's name.
    #[error("{} exists and is not a socket; remove it, or give this unit another \"socket\"", .0.display())]
    NotASocket(PathBuf),
    /// The path has no parent directory.
    #[error("{} can not be a socket; write a path like /run/understudy/unit.sock", .0.display())]
    Path(PathBuf),
    /// The operating system refused.
    #[error("can not {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// A socket that listens but is not served yet: clients wait. Dropping it removes its file.
#[derive(Debug)]
pub struct BoundSocket {
    pub(super) listener: UnixListener,
    pub(super) cpus: Cpus,
    pub(super) file: SocketFile,
}

/// The file of a socket that listens; removed when dropped.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl BoundSocket {
    /// Makes the socket and its directory. A file that a dead process left is replaced.
    pub(super) fn bind(path: &Path) -> Result<Self, SocketError> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let (Some(directory), Some(name)) = (parent, path.file_name()) else {
            return Err(SocketError::Path(path.to_owned()));
        };
        DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(directory)
            .map_err(|source| io_error("make directory", directory, source))?;
        let _lock = lock(directory);
        refuse_if_in_use(path)?;
        // Under another name until its mode is right, then in one step in place of what a dead process left.
        let mut new_name = name.to_owned();
        new_name.push(".new");
        let new = directory.join(new_name);
        let _ = fs::remove_file(&new);
        let listener = UnixListener::bind(&new).map_err(|source| io_error("make socket", &new, source))?;
        let placed = fs::set_permissions(&new, Permissions::from_mode(SOCKET_MODE))
            .and_then(|()| listener.set_nonblocking(true))
            .and_then(|()| identity(&new))
            .and_then(|identity| fs::rename(&new, path).map(|()| identity));
        let identity = placed.map_err(|source| {
            let _ = fs::remove_file(&new);
            io_error("make socket", path, source)
        })?;
        let file = SocketFile { path: path.to_owned(), identity };
        Ok(Self { listener, cpus: Cpus::of_this_thread(), file })
    }
}

impl SocketFile {
    pub(super) fn error(&self, action: &'static str, source: io::Error) -> SocketError {
        io_error(action, &self.path, source)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Somebody may have removed it, and another unit may have its own there by now.
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

fn refuse_if_in_use(path: &Path) -> Result<(), SocketError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_error("look at", path, error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(SocketError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(SocketError::InUse(path.to_owned())),
        Err(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Ok(()),
            _ => Err(io_error("look at", path, error)),
        },
    }
}

/// Keeps two units that start at once from both finding the same dead socket. It only closes that race, so it is
/// done without when somebody sits on the lock.
fn lock(directory: &Path) -> Option<File> {
    let file = File::open(directory).ok()?;
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Some(file),
            Err(TryLockError::WouldBlock) => platform::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(_)) => return None,
        }
    }
    None
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> SocketError {
    SocketError::Io { action, path: path.to_owned(), source }
}
