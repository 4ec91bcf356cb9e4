//! The key that the two units of a pair have in common, as a file.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file can not be read.
    #[error("can not read the pair's key from {}: {source}; make it by \"(umask 077; understudy key > {})\" and copy it to the other unit", path.display(), path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{} does not hold a pair's key: {} hexadecimal digits, as \"understudy key\" prints them", .0.display(), 2 * KEY_BYTES)]
    Malformed(PathBuf),
    /// The operating system gives no random numbers.
    #[error("can not make a key: {0}")]
    Random(#[source] io::Error),
}

/// Reads the key from the file at `path`: hexadecimal digits, with white space around them.
///
/// # Errors
///
/// When there is no such file, or it holds something else.
pub fn read_key(path: &Path) -> Result<[u8; KEY_BYTES], KeyError> {
    if fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0) {
        log::warn!("others than its owner may read {}; chmod 600 it", path.display());
    }
    let text = fs::read_to_string(path).map_err(|source| KeyError::Read { path: path.to_owned(), source })?;
    parse(text.trim()).ok_or_else(|| KeyError::Malformed(path.to_owned()))
}

/// A new key, as the text of its file.
///
/// # Errors
///
/// When the operating system gives no random numbers.
pub fn new_key() -> Result<String, KeyError> {
    let mut key = [0; KEY_BYTES];
    crate::system::fill_random(&mut key).map_err(KeyError::Random)?;
    Ok(key.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn parse(text: &str) -> Option<[u8; KEY_BYTES]> {
    let digits = text.as_bytes();
    let mut key = [0; KEY_BYTES];
    if digits.len() != 2 * KEY_BYTES {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = [pair[0], pair[1]].map(|digit| char::from(digit).to_digit(16));
        *byte = u8::try_from(high? << 4 | low?).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_64_hexadecimal_digits() {
        let text = "00ff".repeat(16);
        assert_eq!(parse(&text).unwrap()[..4], [0x00, 0xff, 0x00, 0xff]);
        assert_eq!(parse(&text.to_uppercase()), parse(&text));
        for bad in ["", "00", &text[1..], &format!("{text}0"), &text.replace('f', "g"), &"é".repeat(32)] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn new_keys_are_read_back_and_never_the_same() {
        let [one, other] = [new_key().unwrap(), new_key().unwrap()];
        assert!(parse(&one).is_some() && one != other);
    }
}
