//! A connection: one client endpoint and one virtual endpoint, translated to one real endpoint.

use flow_table::Entry;
use model::{MacAddress, Protocol};
use packet::{Address, Deltas, Translation, Tuple, WireTuple};

use crate::{ConnectionState, Direction, PortIndex};

/// What a connection is found by: a packet's ends as they stand in it, its protocol, and which way it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlowKey<A: Address> {
    pub(crate) ends: WireTuple<A>,
    pub(crate) protocol: Protocol,
    pub(crate) direction: Direction,
}

impl<A: Address> FlowKey<A> {
    /// The packet's ends, the client's as the source.
    #[inline(always)]
    fn client_first(&self) -> WireTuple<A> {
        match self.direction {
            Direction::Inbound => self.ends,
            Direction::Outbound => self.ends.reversed(),
        }
    }

    /// The client's address.
    #[inline(always)]
    pub(crate) fn client(&self) -> A {
        match self.direction {
            Direction::Inbound => self.ends.source(),
            Direction::Outbound => self.ends.destination(),
        }
    }

    pub(crate) fn client_port(&self) -> u16 {
        self.client_first().source_port()
    }

    /// The virtual server's address inbound, the real server's outbound.
    pub(crate) fn server(&self) -> A {
        self.client_first().destination()
    }

    pub(crate) fn server_port(&self) -> u16 {
        self.client_first().destination_port()
    }
}

/// The secret numbers that a shard hashes its keys with, so that a client can not choose its bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyHasher([u64; 4]);

impl KeyHasher {
    pub(crate) fn new(seed: u64) -> Self {
        Self(secrets(seed))
    }

    /// The hash of a key: secret-keyed words multiplied to 128 bits, which are folded, as wyhash does. Protocol and
    /// direction have no part in it: hardly ever do two keys differ in nothing else, and to compare them is enough.
    #[inline(always)]
    pub(crate) fn hash<A: Address>(&self, key: &FlowKey<A>) -> u64 {
        let [first, second, third, fourth] = self.0;
        let ports = u64::from(u32::from_ne_bytes(key.ends.port_bytes()));
        match key.ends.address_bytes().as_chunks::<8>().0 {
            [pair] => multiply(u64::from_ne_bytes(*pair) ^ first, ports ^ second),
            [a, b, c, d] => {
                let [a, b, c, d] = [a, b, c, d].map(|word| u64::from_ne_bytes(*word));
                let addresses = multiply(a ^ first, b ^ second) ^ multiply(c ^ third, d ^ fourth);
                multiply(addresses, ports ^ second)
            }
            _ => ports,
        }
    }
}

/// Independent numbers out of one: SplitMix64.
pub(crate) fn secrets<const N: usize>(seed: u64) -> [u64; N] {
    let mut state = seed;
    std::array::from_fn(|_| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    })
}

/// The product of two numbers, its halves folded into one.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
pub(crate) const fn multiply(one: u64, other: u64) -> u64 {
    let product = one as u128 * other as u128;
    product as u64 ^ (product >> 64) as u64
}

/// A next hop as a connection remembers it, with the generation of the table that it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hop {
    pub(crate) generation: u32,
    pub(crate) mac: MacAddress,
    pub(crate) port: PortIndex,
}

impl Hop {
    /// Not resolved yet. Tables count their generations from 1.
    pub(crate) const UNKNOWN: Self = Self { generation: 0, mac: MacAddress([0; 6]), port: PortIndex(0) };
}

/// What is to be remembered of a connection when it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks(u8);

impl Marks {
    pub(crate) const NONE: Self = Self(0);
    /// The other unit is told of it, or told of it, and it is part of its range's digest.
    pub(crate) const REPLICATED: Self = Self(1);
    /// It has buddies.
    pub(crate) const BUDDY: Self = Self(2);
    /// It tries a real server that has failed.
    pub(crate) const TRIAL: Self = Self(4);

    #[inline(always)]
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[inline(always)]
    pub(crate) const fn contains(self, mark: Self) -> bool {
        self.0 & mark.0 != 0
    }

    pub(crate) const fn set(&mut self, mark: Self, is_set: bool) {
        self.0 = if is_set { self.0 | mark.0 } else { self.0 & !mark.0 };
    }
}

/// All that the translation of a packet needs. An IPv4 connection is one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Connection<A: Address> {
    /// The ends of an inbound packet: from the client to the virtual server.
    pub(crate) inbound: WireTuple<A>,
    /// The ends of an outbound packet: from the real server to the client. The client's port is another there only
    /// where two connections would be the same.
    pub(crate) outbound: WireTuple<A>,
    /// What the inbound translation adds to the checksums; outbound adds the inverse.
    pub(crate) deltas: Deltas,
    /// Milliseconds of the unit's clock at the last packet, wrapping.
    pub(crate) last_seen_ms: u32,
    pub(crate) client_hop: Hop,
    pub(crate) real_hop: Hop,
    /// The number of its binding, which stays while the configuration changes.
    pub(crate) binding: u16,
    pub(crate) protocol: Protocol,
    pub(crate) state: ConnectionState,
    /// How often the client repeated its SYN.
    pub(crate) syn_resends: u8,
    pub(crate) marks: Marks,
    /// Standby: the pass of the other unit that mentioned it last.
    pub(crate) pass: u8,
}

const _: () = assert!(flow_table::FlowTable::<Connection<std::net::Ipv4Addr>>::SLOT_BYTES == 64);

impl<A: Address> Connection<A> {
    /// What becomes of a packet that goes in `direction`.
    #[inline(always)]
    pub(crate) fn translation(&self, direction: Direction) -> Translation<A> {
        match direction {
            Direction::Inbound => Translation { ends: self.outbound.reversed(), deltas: self.deltas },
            Direction::Outbound => {
                Translation { ends: self.inbound.reversed(), deltas: self.deltas.inverse() }
            }
        }
    }

    /// The two keys that the connection is found by.
    pub(crate) fn keys(&self) -> [FlowKey<A>; 2] {
        [
            FlowKey { ends: self.inbound, protocol: self.protocol, direction: Direction::Inbound },
            FlowKey { ends: self.outbound, protocol: self.protocol, direction: Direction::Outbound },
        ]
    }

    /// The client's port as the real server sees it.
    pub(crate) fn translated_port(&self) -> u16 {
        self.outbound.destination_port()
    }

    /// Milliseconds without a packet.
    #[inline]
    pub(crate) const fn idle_ms(&self, now_ms: u32) -> u32 {
        now_ms.wrapping_sub(self.last_seen_ms)
    }
}

#[cfg(test)]
impl Connection<std::net::Ipv4Addr> {
    pub(crate) fn example() -> Self {
        let end = std::net::Ipv4Addr::UNSPECIFIED;
        let ends = Tuple { source: end, source_port: 0, destination: end, destination_port: 0 };
        Self {
            inbound: ends.into(),
            outbound: ends.into(),
            deltas: Deltas::default(),
            last_seen_ms: 0,
            client_hop: Hop::UNKNOWN,
            real_hop: Hop::UNKNOWN,
            binding: 0,
            protocol: Protocol::Tcp,
            state: ConnectionState::Established,
            syn_resends: 0,
            marks: Marks::NONE,
            pass: 0,
        }
    }
}

/// The same ends for the other direction.
pub(crate) const fn reversed<A: Copy>(tuple: Tuple<A>) -> Tuple<A> {
    Tuple {
        source: tuple.destination,
        source_port: tuple.destination_port,
        destination: tuple.source,
        destination_port: tuple.source_port,
    }
}

impl<A: Address> Entry for Connection<A> {
    type Key = FlowKey<A>;

    #[inline(always)]
    fn matches(&self, key: &FlowKey<A>) -> bool {
        let ends = match key.direction {
            Direction::Inbound => &self.inbound,
            Direction::Outbound => &self.outbound,
        };
        // No shortcut: they are all but always equal.
        (*ends == key.ends) & (self.protocol == key.protocol)
    }
}
