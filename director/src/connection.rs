//! A connection: one client endpoint and one virtual endpoint, translated to one real endpoint.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use flow_table::Entry;
use model::{MacAddress, Protocol};
use packet::{Address, Deltas, Tuple};

use crate::{ConnectionState, Direction, PortIndex};

/// The two ends of a packet as seen from its direction: what a connection is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlowKey<A> {
    pub(crate) direction: Direction,
    pub(crate) protocol: Protocol,
    pub(crate) client: A,
    pub(crate) client_port: u16,
    /// The virtual server's address inbound, the real server's outbound.
    pub(crate) server: A,
    pub(crate) server_port: u16,
}

impl<A: Address> FlowKey<A> {
    /// The key of a packet with `tuple` that goes in `direction`.
    #[inline]
    pub(crate) fn new(direction: Direction, protocol: Protocol, tuple: &Tuple<A>) -> Self {
        let (client, client_port, server, server_port) = match direction {
            Direction::Inbound => {
                (tuple.source, tuple.source_port, tuple.destination, tuple.destination_port)
            }
            Direction::Outbound => {
                (tuple.destination, tuple.destination_port, tuple.source, tuple.source_port)
            }
        };
        Self { direction, protocol, client, client_port, server, server_port }
    }
}

/// Two or three wide writes instead of one for each field.
impl<A: Address> Hash for FlowKey<A> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let rest = u64::from(self.client_port) << 32
            | u64::from(self.server_port) << 16
            | u64::from(self.protocol.number()) << 8
            | self.direction as u64;
        match (self.client.into(), self.server.into()) {
            (IpAddr::V4(client), IpAddr::V4(server)) => {
                state.write_u64(u64::from(client.to_bits()) << 32 | u64::from(server.to_bits()));
            }
            (client, server) => {
                state.write_u128(wide_bits(client));
                state.write_u128(wide_bits(server));
            }
        }
        state.write_u64(rest);
    }
}

fn wide_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
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

/// All that the translation of a packet needs. An IPv4 connection is one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Connection<A> {
    pub(crate) client: A,
    pub(crate) virtual_address: A,
    pub(crate) real_address: A,
    pub(crate) client_port: u16,
    pub(crate) virtual_port: u16,
    pub(crate) real_port: u16,
    /// The client's port as the real server sees it: another only where two connections would be the same there.
    pub(crate) translated_port: u16,
    /// What the inbound translation adds to the checksums; outbound adds the inverse.
    pub(crate) deltas: Deltas,
    /// Milliseconds of the unit's clock at the last packet, wrapping.
    pub(crate) last_seen_ms: u32,
    pub(crate) client_hop: Hop,
    pub(crate) real_hop: Hop,
    /// Index into the configuration's bindings: which virtual server, which real server.
    pub(crate) binding: u16,
    pub(crate) protocol: Protocol,
    pub(crate) state: ConnectionState,
    /// How often the client repeated its SYN.
    pub(crate) syn_resends: u8,
}

const _: () = assert!(flow_table::FlowTable::<Connection<std::net::Ipv4Addr>>::SLOT_BYTES == 64);

impl<A: Address> Connection<A> {
    /// The connection's ends on the client's side, as an inbound packet carries them.
    #[inline]
    pub(crate) fn outside(&self) -> Tuple<A> {
        Tuple {
            source: self.client,
            source_port: self.client_port,
            destination: self.virtual_address,
            destination_port: self.virtual_port,
        }
    }

    /// The connection's ends on the real server's side, as an inbound packet carries them.
    #[inline]
    pub(crate) fn inside(&self) -> Tuple<A> {
        Tuple {
            source: self.client,
            source_port: self.translated_port,
            destination: self.real_address,
            destination_port: self.real_port,
        }
    }

    /// What a packet that goes in `direction` carries after translation, and what that adds to its checksums.
    #[inline]
    pub(crate) fn translation(&self, direction: Direction) -> (Tuple<A>, Deltas) {
        match direction {
            Direction::Inbound => (self.inside(), self.deltas),
            Direction::Outbound => (reversed(self.outside()), self.deltas.inverse()),
        }
    }

    /// The two keys that the connection is found by.
    pub(crate) fn keys(&self) -> [FlowKey<A>; 2] {
        [
            FlowKey::new(Direction::Inbound, self.protocol, &self.outside()),
            FlowKey::new(Direction::Outbound, self.protocol, &reversed(self.inside())),
        ]
    }

    /// Milliseconds without a packet.
    #[inline]
    pub(crate) const fn idle_ms(&self, now_ms: u32) -> u32 {
        now_ms.wrapping_sub(self.last_seen_ms)
    }
}

/// The same ends for the other direction.
#[inline]
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

    #[inline]
    fn matches(&self, key: &FlowKey<A>) -> bool {
        let (client_port, server, server_port) = match key.direction {
            Direction::Inbound => (self.client_port, self.virtual_address, self.virtual_port),
            Direction::Outbound => (self.translated_port, self.real_address, self.real_port),
        };
        self.client == key.client
            && server == key.server
            && client_port == key.client_port
            && server_port == key.server_port
            && self.protocol == key.protocol
    }
}
