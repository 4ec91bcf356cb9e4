//! `director.json` on the disk: replaced as a whole, so that a power cut leaves the old one or the new one.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

use crate::configuration::DIRECTOR_FILE;

/// The document that was replaced.
const PREVIOUS_FILE: &str = "director.json.previous";

/// What is written before it takes the document's place.
const NEW_FILE: &str = "director.json.new";

/// The document on the disk, as far as the unit knows.
#[derive(Debug)]
pub(super) struct DirectorFile {
    folder: PathBuf,
    /// What was read or written last.
    text: String,
}

impl DirectorFile {
    pub(super) const fn new(folder: PathBuf, text: String) -> Self {
        Self { folder, text }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(DIRECTOR_FILE)
    }

    /// Whether somebody else has written another document. One that is not there, or can not be read, holds nothing that could be
    /// lost.
    pub(super) fn is_edited(&self) -> bool {
        fs::read(self.path()).is_ok_and(|found| found != self.text.as_bytes())
    }

    /// Puts `text` into the place of the document, which stays beside it.
    pub(super) fn replace(&mut self, text: String) -> io::Result<()> {
        replace(&self.folder, text.as_bytes())?;
        self.text = text;
        Ok(())
    }
}

fn replace(folder: &Path, document: &[u8]) -> io::Result<()> {
    let (file, new) = (folder.join(DIRECTOR_FILE), folder.join(NEW_FILE));
    let mut written = File::create(&new)?;
    if let Ok(old) = fs::metadata(&file) {
        keep_owner(&written, &old)?;
    }
    written.write_all(document)?;
    written.sync_all()?;
    let previous = folder.join(PREVIOUS_FILE);
    unless_missing(fs::remove_file(&previous))?;
    // A link, not a move: there is a document at any time.
    unless_missing(fs::hard_link(&file, &previous))?;
    fs::rename(&new, &file)?;
    File::open(folder)?.sync_all()
}

/// Whoever may read the document may go on to.
fn keep_owner(new: &File, old: &fs::Metadata) -> io::Result<()> {
    let made = new.metadata()?;
    if (made.uid(), made.gid()) != (old.uid(), old.gid()) {
        fchown(new, Some(old.uid()), Some(old.gid()))?;
    }
    let permissions: Permissions = old.permissions();
    new.set_permissions(permissions)
}

fn unless_missing(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_document_is_replaced_and_the_one_before_stays() {
        let folder = std::env::temp_dir().join(format!("understudy-file-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(DIRECTOR_FILE);
        fs::write(&path, "one").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let mut file = DirectorFile::new(folder.clone(), "one".to_owned());
        for (document, previous) in [("two", "one"), ("three", "two")] {
            assert!(!file.is_edited());
            file.replace(document.to_owned()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), document);
            assert_eq!(fs::read_to_string(folder.join(PREVIOUS_FILE)).unwrap(), previous);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
            assert!(!folder.join(NEW_FILE).exists());
        }
        fs::write(&path, "by hand").unwrap();
        assert!(file.is_edited());
        fs::remove_file(&path).unwrap();
        assert!(!file.is_edited(), "nothing would be lost");
        file.replace("four".to_owned()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "four");
        fs::remove_dir_all(&folder).unwrap();
    }
}
