//! Whole documents: packed to be sent, and unpacked only as far as was said.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use model::ConfigurationMark;
use sha2::{Digest, Sha256};

/// The longest document that is mirrored: several times what the limits of a configuration allow.
pub const DOCUMENT_BYTES_MOST: usize = 8 << 20;

/// What a [`ConfigurationMark`] has of a document: the first four bytes of its SHA-256.
pub fn digest_of(document: &[u8]) -> u32 {
    let [a, b, c, d, ..] = sha256(document);
    u32::from_be_bytes([a, b, c, d])
}

/// Why a document could not be packed or unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DocumentError {
    /// Longer than [`DOCUMENT_BYTES_MOST`].
    #[error("the configuration has {0} bytes; at most {DOCUMENT_BYTES_MOST} can be mirrored")]
    TooLong(usize),
    /// What the peer sent can not be decompressed, or to more than it said.
    #[error("the configuration that was sent can not be decompressed to the {0} bytes that it should have")]
    NotDecompressed(usize),
    /// It can be decompressed, and is not what the peer has.
    #[error("the configuration that arrived is not the one that was sent: its digest differs")]
    OtherDigest,
    /// The mark is not of this document.
    #[error("the mark of generation {0} is not of this configuration: its digest differs")]
    OtherMark(u32),
}

/// What is said of a document before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Announcement {
    pub(crate) mark: ConfigurationMark,
    /// Names the transfer: the first bytes of the SHA-256 of what is sent, so that one that was interrupted is known again.
    pub(crate) transfer: u64,
    pub(crate) document_bytes: u32,
    pub(crate) packed_bytes: u32,
    pub(crate) sha256: [u8; 32],
}

/// A document to send.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) announcement: Announcement,
    pub(crate) bytes: Vec<u8>,
}

/// Compresses `document`.
pub(crate) fn pack(mark: ConfigurationMark, document: &[u8]) -> Result<Packed, DocumentError> {
    let too_long = DocumentError::TooLong(document.len());
    if document.len() > DOCUMENT_BYTES_MOST {
        return Err(too_long);
    }
    if digest_of(document) != mark.digest {
        return Err(DocumentError::OtherMark(mark.generation));
    }
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    // Writing into memory does not fail.
    let written = encoder.write_all(document).and_then(|()| encoder.finish());
    let bytes = written.map_err(|_| too_long)?;
    let [a, b, c, d, e, f, g, h, ..] = sha256(&bytes);
    let announcement = Announcement {
        mark,
        transfer: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
        document_bytes: u32::try_from(document.len()).map_err(|_| too_long)?,
        packed_bytes: u32::try_from(bytes.len()).map_err(|_| too_long)?,
        sha256: sha256(document),
    };
    Ok(Packed { announcement, bytes })
}

/// The document that was announced. Never takes more memory than was announced.
pub(crate) fn unpack(announcement: &Announcement, packed: &[u8]) -> Result<Vec<u8>, DocumentError> {
    let bytes = announcement.document_bytes as usize;
    let mut document = Vec::new();
    let mut decoder = DeflateDecoder::new(packed).take(bytes as u64 + 1);
    let is_read = decoder.read_to_end(&mut document).is_ok();
    if !is_read || document.len() != bytes {
        return Err(DocumentError::NotDecompressed(bytes));
    }
    let is_the_one = sha256(&document) == announcement.sha256;
    if !is_the_one || digest_of(&document) != announcement.mark.digest {
        return Err(DocumentError::OtherDigest);
    }
    Ok(document)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(document: &[u8]) -> ConfigurationMark {
        ConfigurationMark { generation: 3, digest: digest_of(document) }
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        for document in [b"".to_vec(), b"{}".to_vec(), b"10.1.2.3:8080 ".repeat(5_000)] {
            let packed = pack(mark(&document), &document).unwrap();
            assert_eq!(unpack(&packed.announcement, &packed.bytes).unwrap(), document);
        }
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let document = vec![0; DOCUMENT_BYTES_MOST];
        let Packed { mut announcement, bytes } = pack(mark(&document), &document).unwrap();
        assert!(bytes.len() < 10_000);
        announcement.document_bytes = 1_000;
        assert_eq!(unpack(&announcement, &bytes), Err(DocumentError::NotDecompressed(1_000)));
    }

    #[test]
    fn what_is_too_long_or_wrongly_marked_is_not_packed() {
        let document = vec![0; DOCUMENT_BYTES_MOST + 1];
        let error = pack(mark(&document), &document).unwrap_err();
        assert_eq!(error, DocumentError::TooLong(DOCUMENT_BYTES_MOST + 1));
        assert_eq!(pack(mark(b"{}"), b"{ }").unwrap_err(), DocumentError::OtherMark(3));
    }

    #[test]
    fn another_document_is_noticed() {
        let (one, other) = (pack(mark(b"one"), b"one").unwrap(), pack(mark(b"two"), b"two").unwrap());
        assert_eq!(unpack(&one.announcement, &other.bytes), Err(DocumentError::OtherDigest));
        assert_eq!(unpack(&one.announcement, &[1, 2, 3]), Err(DocumentError::NotDecompressed(3)));
    }
}
