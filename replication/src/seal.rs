//! Keys, and what is done with them: each datagram is sealed by ChaCha20-Poly1305 (RFC 8439) under a key of its own
//! sender, receiver and session, with a counter as its nonce.
//!
//! A counter is never used twice with one key: keys come from random session IDs, counters only go up.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce, Tag};
use hkdf::Hkdf;
use model::MacAddress;
use sha2::Sha256;
use zeroize::Zeroize;

use crate::rejection::Rejection;
use crate::replay::ReplayWindow;
use crate::settings::PairKey;
use crate::wire::{HEADER_BYTES, Header, Kind, TAG_BYTES};

const LABEL: &[u8] = b"understudy replication";
const DIGEST_LABEL: &[u8] = b"understudy digests";
const GROUP_LABEL: &[u8] = b"understudy group";
const MAC_LABEL: &[u8] = b"understudy group address";

impl PairKey {
    /// A number for the digests of connections that both units know, and nobody else.
    pub fn digest_seed(&self) -> u64 {
        u64::from_be_bytes(self.expand(&[DIGEST_LABEL]))
    }

    /// The key for the connections of one failover group, so that nothing of one is ever taken for another's. That of the
    /// first is the pair's own.
    #[must_use]
    pub fn for_group(&self, group: usize) -> Self {
        let number = u8::try_from(group).unwrap_or(u8::MAX);
        if group == 0 { self.clone() } else { Self::new(self.expand(&[&[number], GROUP_LABEL])) }
    }

    /// The MAC address of a failover group on a port, by their names: the same on both units, locally administered and
    /// individual.
    pub fn group_mac(&self, group: &str, port: &str) -> MacAddress {
        // No name has a zero in it.
        let [first, b, c, d, e, f] = self.expand(&[group.as_bytes(), &[0], port.as_bytes(), &[0], MAC_LABEL]);
        MacAddress([first & 0xfc | 0x02, b, c, d, e, f])
    }

    /// Bytes for one purpose, from which nobody learns the key or those for another.
    fn expand<const N: usize>(&self, purpose: &[&[u8]]) -> [u8; N] {
        let mut bytes = [0; N];
        // It fails for more than 255 blocks only.
        let _ = Hkdf::<Sha256>::new(None, self.bytes()).expand_multi_info(purpose, &mut bytes);
        bytes
    }
}

/// Seals what one unit sends in one session.
pub(crate) struct SealingKey {
    cipher: ChaCha20Poly1305,
    sender: u64,
    receiver: u64,
    counter: u64,
}

impl SealingKey {
    pub(crate) fn new(pair_key: &PairKey, sender: u64, receiver: u64) -> Self {
        Self { cipher: derive(pair_key, sender, receiver), sender, receiver, counter: 0 }
    }

    /// Makes `datagram` one of this kind, with the body that `write` appends.
    pub(crate) fn seal(
        &mut self,
        version: u8,
        kind: Kind,
        datagram: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        self.counter += 1;
        datagram.clear();
        let (sender, receiver, counter) = (self.sender, self.receiver, self.counter);
        Header { version, kind, sender, receiver, counter }.write(datagram);
        write(datagram);
        let (header, body) = datagram.split_at_mut(HEADER_BYTES);
        // It fails for bodies of 256 GB only.
        match self.cipher.encrypt_inout_detached(&nonce(counter), header, body.into()) {
            Ok(tag) => datagram.extend_from_slice(&tag),
            Err(_) => datagram.clear(),
        }
    }
}

/// Opens what one unit receives in one session.
pub(crate) struct OpeningKey {
    cipher: ChaCha20Poly1305,
    window: ReplayWindow,
}

impl OpeningKey {
    pub(crate) fn new(pair_key: &PairKey, sender: u64, receiver: u64) -> Self {
        Self { cipher: derive(pair_key, sender, receiver), window: ReplayWindow::new() }
    }

    /// The body of `datagram`, decrypted in place. Nothing is remembered of a datagram that is refused.
    pub(crate) fn open<'a>(
        &mut self,
        header: &Header,
        datagram: &'a mut [u8],
    ) -> Result<&'a [u8], Rejection> {
        if !self.window.is_new(header.counter) {
            return Err(Rejection::Replayed);
        }
        let (clear, sealed) = datagram.split_at_mut_checked(HEADER_BYTES).ok_or(Rejection::TooShort)?;
        let body_bytes = sealed.len().checked_sub(TAG_BYTES).ok_or(Rejection::TooShort)?;
        let (body, tag) = sealed.split_at_mut(body_bytes);
        let tag = Tag::try_from(&*tag).map_err(|_| Rejection::TooShort)?;
        self.cipher
            .decrypt_inout_detached(&nonce(header.counter), clear, (&mut *body).into(), &tag)
            .map_err(|_| Rejection::NotAuthentic)?;
        self.window.insert(header.counter);
        Ok(body)
    }
}

/// Both directions between one session ID of ours and one of the peer's.
pub(crate) struct Channel {
    pub(crate) ours: u64,
    pub(crate) theirs: u64,
    pub(crate) sealing: SealingKey,
    pub(crate) opening: OpeningKey,
}

impl Channel {
    pub(crate) fn new(pair_key: &PairKey, ours: u64, theirs: u64) -> Self {
        Self {
            ours,
            theirs,
            sealing: SealingKey::new(pair_key, ours, theirs),
            opening: OpeningKey::new(pair_key, theirs, ours),
        }
    }

    /// Whether a datagram with this header was sent within it, by the peer.
    pub(crate) const fn has(&self, header: &Header) -> bool {
        header.receiver == self.ours && header.sender == self.theirs
    }
}

/// The key of what `sender` sends to `receiver`.
fn derive(pair_key: &PairKey, sender: u64, receiver: u64) -> ChaCha20Poly1305 {
    let mut key = [0; 32];
    let info = [&sender.to_be_bytes()[..], &receiver.to_be_bytes()[..], LABEL];
    // It fails for more than 255 blocks of key only; then the key is one that nobody else has.
    let _ = Hkdf::<Sha256>::new(None, pair_key.bytes()).expand_multi_info(&info, &mut key);
    let cipher = ChaCha20Poly1305::new(&Key::from(key));
    key.zeroize();
    cipher
}

fn nonce(counter: u64) -> Nonce {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&counter.to_be_bytes());
    Nonce::from(bytes)
}
