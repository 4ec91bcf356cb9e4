//! What is put into the tables: connections of two keys each, numbered.

use std::hash::{BuildHasherDefault, Hash, Hasher};

use flow_table::Entry;

use crate::peers::rte_hash::Key;

/// A connection as a translator keeps it: both keys, and what its packets change. One cache line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connection {
    outside: Key,
    inside: Key,
    /// Stands for the time of the last packet and the like.
    pub(super) packets: u64,
    is_established: bool,
}

impl Connection {
    pub(super) fn new(number: u32) -> Self {
        Self { outside: outside(number), inside: inside(number), packets: 0, is_established: true }
    }

    #[inline]
    pub(super) const fn keys(&self) -> [Key; 2] {
        [self.outside, self.inside]
    }

    /// What a packet does to its connection.
    #[inline]
    pub(super) fn touch(&mut self) -> u64 {
        self.packets += u64::from(self.is_established);
        self.packets
    }
}

impl Entry for Connection {
    type Key = Key;

    #[inline]
    fn matches(&self, key: &Key) -> bool {
        // The direction says which one to compare with, as it does for the product's connections.
        if key.0[1] >> DIRECTION & 1 == 0 { self.outside == *key } else { self.inside == *key }
    }
}

/// The bit of a key that tells the direction: above the protocol, the ports below both.
const DIRECTION: u32 = 40;
const TCP: u64 = 6 << 32;

/// The client of connection `number`: addresses all over the Internet, as those of many clients are. In an order of
/// their own, so that CRC-32C, which is linear, gets no keys that differ in a few bits only.
fn client(number: u32) -> (u64, u64) {
    (u64::from(number.wrapping_mul(0x9e37_79b1)), u64::from(32_768 + number % 28_000))
}

/// The key of what the client sends.
pub(super) fn outside(number: u32) -> Key {
    let (address, port) = client(number);
    Key([address << 32 | 0xc000_0264, TCP | port << 16 | 80])
}

/// The key of what the real server sends.
pub(super) fn inside(number: u32) -> Key {
    let (address, port) = client(number);
    Key([address << 32 | u64::from(0x0a01_0000 + number % 64), 1 << DIRECTION | TCP | port << 16 | 8_080])
}

/// A key that no connection has.
pub(super) fn absent(number: u32) -> Key {
    let Key([addresses, ports]) = outside(number);
    Key([addresses + 1, ports])
}

/// The hash that the tables written in Rust are given: secret-keyed words multiplied to 128 bits, which are folded, as
/// the product's shards do. The multiplication is all that it costs.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
pub(super) const fn hash(key: &Key) -> u64 {
    let Key([first, second]) = *key;
    let product = (first ^ 0x9e37_79b9_7f4a_7c15) as u128 * (second ^ 0xd1b5_4a32_d192_ed03) as u128;
    product as u64 ^ (product >> 64) as u64
}

/// The same for maps that ask for a hasher: a key hashes itself.
impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(hash(self));
    }
}

/// Takes the hash that the key has made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hashed(u64);

impl Hasher for Hashed {
    #[inline]
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("a key writes one word");
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

/// A map's [`Hashed`].
pub(super) type Hashing = BuildHasherDefault<Hashed>;

/// Each number below `count` once, in an order that has nothing to do with theirs.
pub(super) fn shuffled(count: u32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for last in (1..order.len()).rev() {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let random = state.wrapping_mul(0x2545_f491_4f6c_dd1d);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the upper half of the product is below `last + 1`"
        )]
        let other = ((u128::from(random) * (last as u128 + 1)) >> 64) as usize;
        order.swap(last, other);
    }
    order
}
