//! Reading a document from its folder.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::diagnostic::{Diagnostic, Position};
use super::document::position;
use super::limits::DOCUMENT_BYTES;

/// Says what is wrong with the folder itself.
pub(super) fn check_folder(folder: &Path) -> Result<(), Diagnostic> {
    let advice = "write the path of a folder that has unit.json and director.json";
    match folder.metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(without_place(folder, &format!("this is not a folder; {advice}"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(without_place(folder, &format!("there is no such folder; {advice}")))
        }
        Err(error) => Err(without_place(folder, &format!("the folder can not be read: {error}"))),
    }
}

/// The text of a document.
pub(super) fn read(file: &Path) -> Result<String, Diagnostic> {
    let bytes = read_bytes(file).map_err(|error| {
        let message = match error.kind() {
            io::ErrorKind::NotFound => {
                "the file is missing; `understudy schema` prints what it may have".to_owned()
            }
            io::ErrorKind::IsADirectory => "this is a folder; it should be a file".to_owned(),
            _ => format!("the file can not be read: {error}"),
        };
        without_place(file, &message)
    })?;
    if bytes.len() as u64 > DOCUMENT_BYTES {
        let message = format!("the file is larger than {} MiB; no configuration is", DOCUMENT_BYTES >> 20);
        return Err(without_place(file, &message));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid =
            String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
        Diagnostic::new(
            file,
            Some(end_of(&valid)),
            String::new(),
            "the file is not UTF-8 text from here on; save it as UTF-8",
        )
    })
}

/// At most one byte more than a document may have.
fn read_bytes(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(DOCUMENT_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn end_of(text: &str) -> Position {
    position(text, text.len())
}

fn without_place(file: &Path, message: &str) -> Diagnostic {
    Diagnostic::new(file, None, String::new(), message)
}
