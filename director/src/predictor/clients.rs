//! A number that stands for a client: what hash predictors choose by.

use std::net::IpAddr;

use crate::connection::{multiply, secrets};

/// Hashes clients' addresses. With the same seed it gives the same numbers on each unit and after each start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientHasher([u64; 3]);

impl ClientHasher {
    pub(crate) fn new(seed: u64) -> Self {
        Self(secrets(seed))
    }

    /// The number of the client at `address`, whatever its port. The address is multiplied twice, so that addresses next to
    /// each other have nothing in common.
    #[inline]
    pub(crate) fn hash(&self, address: IpAddr) -> u64 {
        let [first, second, third] = self.0;
        let [high, low] = match address {
            IpAddr::V4(address) => [0, u64::from(address.to_bits())],
            IpAddr::V6(address) => halves(address.to_bits()),
        };
        multiply(multiply(high ^ first, low ^ second) ^ third, second)
    }
}

/// The upper and the lower half.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
const fn halves(bits: u128) -> [u64; 2] {
    [(bits >> u64::BITS) as u64, bits as u64]
}
