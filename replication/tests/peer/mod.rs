//! A unit written from docs/REPLICATION.md alone: it shares no code with the crate, so it shows what is on the wire.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "a harness: each test file uses a part of it"
)]

use std::net::IpAddr;

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce, Tag};
use hkdf::Hkdf;
use model::{Instant, ShardOrder, UnitState};
use replication::{PairKey, Replicator, Settings};
use sha2::Sha256;

pub const HELLO: u8 = 1;
pub const STATUS: u8 = 2;
pub const BATCH: u8 = 3;
pub const ACKNOWLEDGEMENT: u8 = 4;
pub const REQUEST: u8 = 5;
pub const COUNTS: u8 = 6;

pub const KEY: [u8; 32] = [7; 32];
pub const NOW: Instant = Instant::from_millis(1_000);

/// A datagram that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub version: u8,
    pub kind: u8,
    pub sender: u64,
    pub receiver: u64,
    pub counter: u64,
    pub body: Vec<u8>,
}

/// The unit: its ID, its peer's, and how many datagrams it sent.
pub struct Peer {
    pub key: [u8; 32],
    pub ours: u64,
    pub theirs: u64,
    pub version: u8,
    pub counter: u64,
}

/// What a unit tells beside connections, as it stands in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Sticky { scope: u64, seconds: u32, client: IpAddr, real_server: (IpAddr, u16) },
    State { has_failed: bool, protocol: u8, bind_id: u16, real_server: (IpAddr, u16) },
}

/// A replicator under test.
pub fn unit(settings: Settings, state: UnitState) -> Replicator {
    let mut id = 0x1111_0000;
    let random = move || {
        id += 1;
        id
    };
    Replicator::new(settings, state, random, NOW)
}

pub fn settings() -> Settings {
    Settings::new(PairKey::new(KEY), 1)
}

/// All that `unit` sends now.
pub fn sent_by(unit: &mut Replicator, now: Instant) -> Vec<Vec<u8>> {
    let (mut all, mut datagram) = (Vec::new(), Vec::new());
    while unit.poll_transmit(now, &mut datagram).is_some() {
        all.push(datagram.clone());
        assert!(all.len() < 10_000, "it never ends");
    }
    all
}

/// All orders that `unit` has for its shards.
pub fn orders_of(unit: &mut Replicator) -> Vec<ShardOrder> {
    std::iter::from_fn(|| unit.poll_order()).collect()
}

impl Peer {
    /// A unit in `state` that `unit` has a session with.
    pub fn of(unit: &mut Replicator, state: UnitState) -> Self {
        let mut peer = Self { key: KEY, ours: 0x2222_0000, theirs: 0, version: 2, counter: 0 };
        peer.connect(unit, state);
        peer
    }

    /// Answers the hello of `unit`.
    pub fn connect(&mut self, unit: &mut Replicator, state: UnitState) {
        self.connect_at(unit, state, NOW);
    }

    /// Answers the hello of `unit` that is due at `now`.
    pub fn connect_at(&mut self, unit: &mut Replicator, state: UnitState, now: Instant) {
        self.theirs = 0;
        let hello = sent_by(unit, now).iter().find_map(|datagram| self.open(datagram));
        let hello = hello.expect("a unit that has no session says hello");
        assert_eq!((hello.kind, hello.receiver, hello.body.len()), (HELLO, 0, 4));
        (self.theirs, self.counter) = (hello.sender, 0);
        let mut answer = self.seal(HELLO, &[self.version, state as u8, 0x05, 0xc0]);
        unit.receive(now, 0, &mut answer);
    }

    /// A datagram to the peer.
    pub fn seal(&mut self, kind: u8, body: &[u8]) -> Vec<u8> {
        self.counter += 1;
        let mut datagram = vec![0xb0 | self.version, kind];
        for number in [self.ours, self.theirs, self.counter] {
            datagram.extend(number.to_be_bytes());
        }
        let mut sealed = body.to_vec();
        let tag = cipher(&self.key, self.ours, self.theirs)
            .encrypt_inout_detached(&nonce(self.counter), &datagram, sealed.as_mut_slice().into())
            .unwrap();
        datagram.extend(sealed);
        datagram.extend(tag);
        datagram
    }

    /// What is in a datagram of the peer's; `None` if its seal is broken.
    pub fn open(&self, datagram: &[u8]) -> Option<Opened> {
        let (header, rest) = datagram.split_at(26);
        let (body, tag) = rest.split_at(rest.len() - 16);
        let number = |at: usize| u64::from_be_bytes(header[at..at + 8].try_into().unwrap());
        let (sender, receiver, counter) = (number(2), number(10), number(18));
        let mut body = body.to_vec();
        cipher(&self.key, sender, receiver)
            .decrypt_inout_detached(
                &nonce(counter),
                header,
                body.as_mut_slice().into(),
                &Tag::try_from(tag).unwrap(),
            )
            .ok()?;
        assert_eq!(header[0] >> 4, 0xb);
        Some(Opened { version: header[0] & 0xf, kind: header[1], sender, receiver, counter, body })
    }

    /// Batch `sequence` of a stream, with these items.
    pub fn batch(&mut self, sequence: u64, items: &[u8]) -> Vec<u8> {
        self.seal(BATCH, &[&sequence.to_be_bytes()[..], &0_u64.to_be_bytes(), items].concat())
    }
}

/// Bytes that are read from the front.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (head, rest) = self.0.split_at(N);
        self.0 = rest;
        head.try_into().unwrap()
    }

    fn address(&mut self, is_v6: bool) -> IpAddr {
        if is_v6 { self.take::<16>().into() } else { self.take::<4>().into() }
    }

    fn end(&mut self, is_v6: bool) -> (IpAddr, u16) {
        (self.address(is_v6), u16::from_be_bytes(self.take()))
    }
}

/// The sticky entries and states of servers in the body of a batch.
pub fn choices_in(body: &[u8]) -> Vec<Choice> {
    let (mut bytes, mut choices) = (Bytes(&body[16..]), Vec::new());
    while let [kind, first, ..] = *bytes.0 {
        let is_record = kind < 128;
        let length = if is_record { u16::from(first) } else { u16::from_be_bytes([first, bytes.0[2]]) };
        let (item, rest) = bytes.0.split_at(usize::from(length));
        bytes.0 = rest;
        let mut item = Bytes(&item[if is_record { 2 } else { 3 }..]);
        match kind {
            0x84 => {
                let is_v6 = length == 49;
                assert!(is_v6 || length == 25);
                choices.push(Choice::Sticky {
                    scope: u64::from_be_bytes(item.take()),
                    seconds: u32::from_be_bytes(item.take()),
                    client: item.address(is_v6),
                    real_server: item.end(is_v6),
                });
            }
            0x85 => {
                let is_v6 = length == 25;
                assert!(is_v6 || length == 13);
                let [state, protocol] = item.take();
                choices.push(Choice::State {
                    has_failed: [false, true][usize::from(state)],
                    protocol,
                    bind_id: u16::from_be_bytes(item.take()),
                    real_server: item.end(is_v6),
                });
            }
            _ => continue,
        }
        assert!(item.0.is_empty());
    }
    choices
}

fn cipher(key: &[u8; 32], sender: u64, receiver: u64) -> ChaCha20Poly1305 {
    let info = [&sender.to_be_bytes()[..], &receiver.to_be_bytes(), b"understudy replication"].concat();
    let mut bytes = [0; 32];
    Hkdf::<Sha256>::new(None, key).expand(&info, &mut bytes).unwrap();
    ChaCha20Poly1305::new(&Key::from(bytes))
}

fn nonce(counter: u64) -> Nonce {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&counter.to_be_bytes());
    Nonce::from(bytes)
}
