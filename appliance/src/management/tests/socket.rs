//! Whose socket it is.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;

use super::*;
use crate::management::{ClientError, SocketError};

#[test]
fn socket_is_private_and_removed_at_the_end() {
    let folder = Folder::new();
    let path = folder.socket();
    let mut server = server(&folder);
    let metadata = fs::metadata(&path).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    server.stop();
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 0);

    // Bound but never served.
    drop(Server::bind(&path).unwrap());
    assert!(!path.exists());
}

#[test]
fn socket_of_a_dead_process_is_replaced() {
    let folder = Folder::new();
    fs::create_dir_all(folder.socket().parent().unwrap()).unwrap();
    drop(UnixListener::bind(folder.socket()).unwrap());
    assert!(folder.socket().exists());
    assert!(matches!(Client::connect(&folder.socket()), Err(ClientError::LeftBehind(_))));
    let _server = server(&folder);
    assert!(matches!(show(&folder, Show::Status), Outcome::Status(_)));
}

#[test]
fn socket_of_a_running_unit_is_left_alone() {
    let folder = Folder::new();
    let mut server = server(&folder);
    let refused = Server::bind(&folder.socket());
    assert!(matches!(&refused, Err(SocketError::InUse(path)) if *path == folder.socket()), "{refused:?}");
    assert!(matches!(show(&folder, Show::Status), Outcome::Status(_)));
    server.stop();
    assert!(matches!(Client::connect(&folder.socket()), Err(ClientError::NotThere(_))));
}

#[test]
fn files_of_others_are_left_alone() {
    let folder = Folder::new();
    let path = folder.socket();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "mine").unwrap();
    assert!(matches!(Server::bind(&path), Err(SocketError::NotASocket(_))));
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");

    fs::remove_file(&path).unwrap();
    let mut server = server(&folder);
    fs::remove_file(&path).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    server.stop();
    assert!(path.exists());
}
