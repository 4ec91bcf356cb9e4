//! The key of the pair, as far as the cable needs it: what a unit says is authentic if its tag is right.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroize;

/// Bytes of a tag: HMAC-SHA-256, of which the first half goes over the wire.
pub(crate) const TAG_BYTES: usize = 16;

/// Bytes of one block of SHA-256, which a shorter key is filled up to with zeros (RFC 2104).
const BLOCK_BYTES: usize = 64;

/// The secret that the units of a pair share. It is not shown, and wiped when it goes.
#[derive(Clone)]
pub struct CableKey([u8; 32]);

impl CableKey {
    /// The key with these bytes, which nobody else may know or guess.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The tag of `parts`, one after the other, in the use that `label` names.
    pub(crate) fn tag(&self, label: &[u8], parts: &[&[u8]]) -> [u8; TAG_BYTES] {
        let whole = self.hmac(label, parts).finalize().into_bytes();
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&whole[..TAG_BYTES]);
        tag
    }

    /// Whether `tag`, or the first bytes of one, belongs to `parts`. It takes as long for a wrong tag as for a right one.
    pub(crate) fn is_authentic(&self, label: &[u8], parts: &[&[u8]], tag: &[u8]) -> bool {
        self.hmac(label, parts).verify_truncated_left(tag).is_ok()
    }

    fn hmac(&self, label: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut block = [0; BLOCK_BYTES];
        block[..self.0.len()].copy_from_slice(&self.0);
        let mut hmac = Hmac::<Sha256>::new(&block.into());
        block.zeroize();
        hmac.update(label);
        parts.iter().for_each(|part| hmac.update(part));
        hmac
    }
}

impl std::fmt::Debug for CableKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("CableKey(hidden)")
    }
}

impl Drop for CableKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_belongs_to_one_key_label_and_text() {
        let (key, other) = (CableKey::new([1; 32]), CableKey::new([2; 32]));
        let tag = key.tag(b"label", &[b"one", b"two"]);
        assert!(key.is_authentic(b"label", &[b"onetwo"], &tag));
        assert!(key.is_authentic(b"label", &[b"onetwo"], &tag[..8]));
        assert!(!other.is_authentic(b"label", &[b"onetwo"], &tag));
        assert!(!key.is_authentic(b"other", &[b"onetwo"], &tag));
        assert!(!key.is_authentic(b"label", &[b"onetwO"], &tag));
        assert!(!key.is_authentic(b"label", &[b"onetwo"], &[]));
    }

    #[test]
    fn it_is_the_hmac_of_the_standard() {
        // RFC 4231, test case 2, whose key is shorter and so filled with zeros too.
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(b"Jefe");
        let tag = CableKey::new(bytes).tag(b"what do ya want ", &[b"for nothing?"]);
        assert_eq!(tag[..8], [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e]);
    }

    #[test]
    fn the_key_is_not_shown() {
        assert_eq!(format!("{:?}", CableKey::new([0xab; 32])), "CableKey(hidden)");
    }
}
