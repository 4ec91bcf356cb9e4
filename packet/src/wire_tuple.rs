//! The ends of a packet as they stand in its headers, so that reading, comparing and writing them are copies.

use crate::address::Address;
use crate::packet::Tuple;

/// A [`Tuple`] in the order of the wire: source address, destination address, source port, destination port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct WireTuple<A: Address> {
    pub(crate) addresses: A::Pair,
    pub(crate) ports: [u8; 4],
}

impl<A: Address> WireTuple<A> {
    /// The source address.
    #[inline(always)]
    pub fn source(&self) -> A {
        A::split(self.addresses).0
    }

    /// The destination address.
    #[inline(always)]
    pub fn destination(&self) -> A {
        A::split(self.addresses).1
    }

    /// The source port.
    #[inline]
    pub fn source_port(&self) -> u16 {
        let [high, low, ..] = self.ports;
        u16::from_be_bytes([high, low])
    }

    /// The destination port.
    #[inline]
    pub fn destination_port(&self) -> u16 {
        let [.., high, low] = self.ports;
        u16::from_be_bytes([high, low])
    }

    /// The same ends for the other direction.
    #[inline(always)]
    #[must_use]
    pub fn reversed(self) -> Self {
        let ports = u32::from_ne_bytes(self.ports).rotate_left(16);
        Self { addresses: A::swap(self.addresses), ports: ports.to_ne_bytes() }
    }

    /// Both addresses, 8 or 32 bytes.
    #[inline(always)]
    pub fn address_bytes(&self) -> &[u8] {
        self.addresses.as_ref()
    }

    /// Both ports.
    #[inline(always)]
    pub const fn port_bytes(&self) -> [u8; 4] {
        self.ports
    }
}

impl<A: Address> From<Tuple<A>> for WireTuple<A> {
    #[inline]
    fn from(tuple: Tuple<A>) -> Self {
        let ([a, b], [c, d]) = (tuple.source_port.to_be_bytes(), tuple.destination_port.to_be_bytes());
        Self { addresses: A::join(tuple.source, tuple.destination), ports: [a, b, c, d] }
    }
}

impl<A: Address> From<WireTuple<A>> for Tuple<A> {
    #[inline]
    fn from(ends: WireTuple<A>) -> Self {
        Self {
            source: ends.source(),
            source_port: ends.source_port(),
            destination: ends.destination(),
            destination_port: ends.destination_port(),
        }
    }
}
