//! What the connections of each hash range add up to, kept up to date with each that comes or goes.
//!
//! It must be the same on both units, whatever their processors and however many workers they have: it is made of
//! nothing but the connections' ends and a seed that both units have.

use std::net::IpAddr;

use model::limits::{DIGEST_RANGES, STEERING_BUCKETS};
use model::{ConnectionEnds, Digest};

use crate::Steering;
use crate::connection::{multiply, secrets};

/// Hash ranges in one steering bucket.
pub(crate) const RANGES_PER_BUCKET: usize = DIGEST_RANGES / STEERING_BUCKETS;

/// The bits of a connection's hash that choose among the ranges of its bucket: the upper ones.
const RANGE_SHIFT: u32 = u64::BITS - RANGES_PER_BUCKET.ilog2();

const _: () = assert!(RANGES_PER_BUCKET.is_power_of_two());

/// The 64-bit words that a connection's ends are.
const WORDS: usize = 8;

/// The digests of all ranges. A shard keeps those that it owns; the others stay empty.
pub(super) struct Digests {
    secrets: [u64; WORDS],
    digests: Box<[Digest]>,
}

impl Digests {
    pub(super) fn new(seed: u64) -> Self {
        Self { secrets: secrets(seed), digests: vec![Digest::default(); DIGEST_RANGES].into() }
    }

    /// The digest of `range`; an empty one if there is no such range.
    pub(super) fn of(&self, range: u16) -> Digest {
        self.digests.get(usize::from(range)).copied().unwrap_or_default()
    }

    /// The range that a connection lies in.
    pub(super) fn range(&self, ends: &ConnectionEnds) -> u16 {
        range_of(ends, self.hash(ends))
    }

    pub(super) fn add(&mut self, ends: &ConnectionEnds) {
        let (digest, hash) = self.digest_of(ends);
        digest.sum = digest.sum.wrapping_add(hash);
        digest.connections = digest.connections.wrapping_add(1);
    }

    pub(super) fn subtract(&mut self, ends: &ConnectionEnds) {
        let (digest, hash) = self.digest_of(ends);
        digest.sum = digest.sum.wrapping_sub(hash);
        digest.connections = digest.connections.wrapping_sub(1);
    }

    fn digest_of(&mut self, ends: &ConnectionEnds) -> (&mut Digest, u64) {
        let hash = self.hash(ends);
        (&mut self.digests[usize::from(range_of(ends, hash))], hash)
    }

    /// Secret-keyed words multiplied to 128 bits, which are folded, as wyhash does; each pair of words with the result
    /// of the one before.
    fn hash(&self, ends: &ConnectionEnds) -> u64 {
        let words = words(ends);
        let pairs = words.as_chunks::<2>().0.iter().zip(self.secrets.as_chunks::<2>().0);
        pairs.fold(0, |hash, (&[one, other], &[first, second])| multiply(hash ^ one ^ first, other ^ second))
    }
}

fn range_of(ends: &ConnectionEnds, hash: u64) -> u16 {
    // Five bits are left.
    let within = u16::try_from(hash >> RANGE_SHIFT).unwrap_or(0);
    Steering::first_range(ends.client.address) + within
}

fn words(ends: &ConnectionEnds) -> [u64; WORDS] {
    let [client, virtual_server, real_server] =
        [ends.client, ends.virtual_server, ends.real_server].map(|end| halves(end.address));
    let ports = [ends.client.port, ends.virtual_server.port, ends.real_server.port, ends.translated_port]
        .into_iter()
        .fold(0, |ports, port| ports << 16 | u64::from(port));
    let kind = u64::from(ends.protocol.number()) << 1 | u64::from(ends.client.address.is_ipv6());
    [client[0], virtual_server[0], client[1], virtual_server[1], real_server[0], ports, real_server[1], kind]
}

/// An address as two numbers, the lower half first.
#[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
const fn halves(address: IpAddr) -> [u64; 2] {
    match address {
        IpAddr::V4(address) => [address.to_bits() as u64, 0],
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            [bits as u64, (bits >> 64) as u64]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Endpoint, Protocol};

    fn ends(client: &str, port: u16) -> ConnectionEnds {
        let end = |text: &str, port| Endpoint::new(text.parse().unwrap(), port);
        ConnectionEnds {
            protocol: Protocol::Tcp,
            client: end(client, port),
            virtual_server: end("192.0.2.100", 80),
            real_server: end("10.1.0.11", 8_080),
            translated_port: port,
        }
    }

    #[test]
    fn every_part_of_the_ends_counts() {
        let digests = Digests::new(7);
        let one = ends("203.0.113.7", 1);
        let other_end = |end: Endpoint| Endpoint::new("10.9.9.9".parse().unwrap(), end.port);
        let other_port = |end: Endpoint| Endpoint::new(end.address, end.port + 1);
        let others = [
            ConnectionEnds { protocol: Protocol::Udp, ..one },
            ConnectionEnds { client: other_end(one.client), ..one },
            ConnectionEnds { client: other_port(one.client), ..one },
            ConnectionEnds { virtual_server: other_end(one.virtual_server), ..one },
            ConnectionEnds { virtual_server: other_port(one.virtual_server), ..one },
            ConnectionEnds { real_server: other_end(one.real_server), ..one },
            ConnectionEnds { real_server: other_port(one.real_server), ..one },
            ConnectionEnds { translated_port: 2, ..one },
        ];
        let mut hashes: Vec<_> = others.iter().chain([&one]).map(|ends| digests.hash(ends)).collect();
        hashes.push(Digests::new(8).hash(&one));
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), others.len() + 2);
    }

    #[test]
    fn a_range_is_one_shard_s_on_either_unit() {
        let digests = Digests::new(7);
        for client in (0..=255).flat_map(|last| [format!("203.0.113.{last}"), format!("2001:db8::{last:x}")])
        {
            let ends = ends(&client, 40_000);
            let range = digests.range(&ends);
            assert!(usize::from(range) < DIGEST_RANGES);
            for shards in [1, 2, 3, 16, 64] {
                let steering = Steering::new(shards);
                assert_eq!(steering.owner_of_range(range), steering.owner(ends.client.address));
            }
        }
    }

    /// Section 7 of docs/REPLICATION.md, worked out by hand.
    #[test]
    fn the_example_of_the_specification_is_right() {
        let end = |text: &str, port| Endpoint::new(text.parse().unwrap(), port);
        let ends = ConnectionEnds {
            protocol: Protocol::Tcp,
            client: end("198.51.100.7", 40_000),
            virtual_server: end("192.0.2.1", 80),
            real_server: end("10.0.0.2", 8_080),
            translated_port: 40_000,
        };
        let digests = Digests::new(0xc16928ecb0ca8101);
        assert_eq!((digests.hash(&ends), digests.range(&ends)), (0x30d2067326e48590, 2950));
    }

    #[test]
    fn ranges_of_one_client_are_all_used() {
        let digests = Digests::new(7);
        let mut ranges: Vec<_> = (0..1_000).map(|port| digests.range(&ends("203.0.113.7", port))).collect();
        ranges.sort_unstable();
        ranges.dedup();
        assert_eq!(ranges.len(), RANGES_PER_BUCKET);
    }

    #[test]
    fn what_was_added_and_subtracted_leaves_nothing() {
        let mut digests = Digests::new(7);
        let all: Vec<_> = (0..100).map(|port| ends("203.0.113.7", port)).collect();
        all.iter().for_each(|ends| digests.add(ends));
        assert!(all.iter().all(|ends| digests.of(digests.range(ends)).connections > 0));
        all.iter().rev().for_each(|ends| digests.subtract(ends));
        assert!((0..4_096).all(|range| digests.of(range) == Digest::default()));
    }
}
