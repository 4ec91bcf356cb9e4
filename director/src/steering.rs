//! Which shard owns a client: the software twin of what a steering NIC computes.
//!
//! The shard is a function of the client's address alone, so both directions of a connection, and all that belongs
//! to a client, meet on one core. NICs compute the Toeplitz hash of the address with a key of period 16 bits; with
//! such a key the hash does not depend on where in the hash input the address stands, so that "source address
//! only" outside and "destination address only" inside agree.

use std::net::IpAddr;

use model::Update;
use model::limits::STEERING_BUCKETS;

use crate::replica::RANGES_PER_BUCKET;

/// The repeated half-word of the Toeplitz key that the NICs are given, too.
const KEY: u32 = 0x6d5a_6d5a;

/// Maps clients to shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steering {
    shards: usize,
}

impl Steering {
    /// Steering over `shards` shards, at least one.
    pub const fn new(shards: usize) -> Self {
        assert!(shards > 0, "there is at least one shard");
        Self { shards }
    }

    /// How many shards there are.
    pub const fn shards(self) -> usize {
        self.shards
    }

    /// The shard that owns the connections of `client`. Bucket `i` of the steering table belongs to shard
    /// `i % shards`: the same table that a steering port's redirection table is filled with.
    #[inline]
    pub fn owner(self, client: impl Into<IpAddr>) -> u16 {
        if self.shards == 1 {
            return 0;
        }
        self.owner_of_bucket(bucket(client.into()))
    }

    /// The shard that owns the connections of a hash range: it lies within one steering bucket.
    pub fn owner_of_range(self, range: u16) -> u16 {
        self.owner_of_bucket(usize::from(range) / RANGES_PER_BUCKET)
    }

    /// The shard that an update of the other unit concerns; `None` if it concerns all.
    pub fn owner_of_update(self, update: &Update) -> Option<u16> {
        match update {
            Update::Create(record) => Some(self.owner(record.ends.client.address)),
            Update::Delete(ends) => Some(self.owner(ends.client.address)),
            // All shards share these: any can take them over, but always the same one, so that the last told counts.
            Update::Sticky(record) => Some(self.owner(record.client)),
            Update::Health(_) => Some(0),
            Update::Digest { range, .. } => Some(self.owner_of_range(*range)),
            Update::DigestsTold | Update::PassBegins { .. } | Update::PassEnds { .. } => None,
        }
    }

    /// The first hash range of the bucket that `client` is in. It does not depend on the number of shards.
    pub(crate) fn first_range(client: IpAddr) -> u16 {
        // There are fewer ranges than 16 bits count (limits).
        u16::try_from(bucket(client) * RANGES_PER_BUCKET).unwrap_or(0)
    }

    #[inline]
    fn owner_of_bucket(self, bucket: usize) -> u16 {
        // A bucket's number is small.
        u16::try_from(bucket % self.shards).unwrap_or(0)
    }
}

#[inline]
fn bucket(client: IpAddr) -> usize {
    toeplitz(client) as usize % STEERING_BUCKETS
}

/// The Toeplitz hash of an address alone. As the key repeats every 16 bits, the 16-bit words of the address can be
/// folded into one before hashing: each set bit adds the key rotated by the bit's place.
fn toeplitz(address: IpAddr) -> u32 {
    let folded = match address {
        IpAddr::V4(address) => fold(&address.octets()),
        IpAddr::V6(address) => fold(&address.octets()),
    };
    let [high, low] = folded.to_be_bytes();
    HIGH_BYTE[usize::from(high)] ^ LOW_BYTE[usize::from(low)]
}

fn fold(octets: &[u8]) -> u16 {
    octets.chunks_exact(2).fold(0, |folded, word| folded ^ u16::from_be_bytes([word[0], word[1]]))
}

static HIGH_BYTE: [u32; 256] = byte_table(0);
static LOW_BYTE: [u32; 256] = byte_table(8);

/// The hashes of all values of the byte that begins `first_bit` bits after the start of a word.
const fn byte_table(first_bit: u32) -> [u32; 256] {
    let mut table = [0; 256];
    let mut value = 0;
    while value < 256 {
        let mut bit = 0;
        while bit < 8 {
            if value & (0x80 >> bit) != 0 {
                table[value] ^= KEY.rotate_left(first_bit + bit);
            }
            bit += 1;
        }
        value += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The textbook form: for each set bit of the input, the 32 bits of the key that begin at its place.
    fn textbook(input: &[u8]) -> u32 {
        let mut hash = 0;
        for bit in 0..input.len() * 8 {
            if input[bit / 8] & (0x80 >> (bit % 8)) != 0 {
                hash ^= KEY.rotate_left(u32::try_from(bit % 32).unwrap());
            }
        }
        hash
    }

    #[test]
    fn hash_is_the_textbook_s_wherever_the_address_stands() {
        for address in
            ["198.51.100.7", "10.0.0.1", "255.255.255.255", "2001:db8::1", "fe80::1234:5678:9abc:def0"]
        {
            let address: IpAddr = address.parse().unwrap();
            let octets = match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            let mut as_destination = vec![0; octets.len()];
            as_destination.extend(&octets);
            assert_eq!(toeplitz(address), textbook(&octets));
            assert_eq!(toeplitz(address), textbook(&as_destination));
        }
    }

    #[test]
    fn neighbouring_clients_spread_over_all_shards() {
        for shards in 1..=16 {
            let steering = Steering::new(shards);
            let mut clients = vec![0_u32; shards];
            for last in 0..=255_u8 {
                clients[usize::from(steering.owner([198, 51, 100, last]))] += 1;
            }
            let fair = 256 / u32::try_from(shards).unwrap();
            assert!(
                clients.iter().all(|&count| count >= fair / 2 && count <= fair * 2),
                "{shards}: {clients:?}"
            );
        }
    }
}
