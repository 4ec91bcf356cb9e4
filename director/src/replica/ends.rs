//! Connections by their ends, as the units call them, and as a shard stores them.

use std::net::IpAddr;

use flow_table::FlowId;
use model::{ConnectionEnds, Endpoint, Phase, Protocol};
use packet::{Address, Tuple, WireTuple};

use crate::connection::{Connection, FlowKey};
use crate::lane::Lane;
use crate::shard::Core;
use crate::{ConnectionState, Direction};

/// Both keys of a connection, and their hashes.
pub(crate) struct Keys<A: Address> {
    pub(crate) outside: Tuple<A>,
    pub(crate) inside: Tuple<A>,
    pub(crate) inbound: FlowKey<A>,
    pub(crate) outbound: FlowKey<A>,
    pub(crate) hashes: [u64; 2],
}

impl<A: Address> Keys<A> {
    /// The keys of the connection with these ends. `None` if they are not all of this address family.
    pub(crate) fn of(core: &Core, ends: &ConnectionEnds) -> Option<Self> {
        let client = A::from_ip(ends.client.address)?;
        let outside = Tuple {
            source: client,
            source_port: ends.client.port,
            destination: A::from_ip(ends.virtual_server.address)?,
            destination_port: ends.virtual_server.port,
        };
        let inside = Tuple {
            source: client,
            source_port: ends.translated_port,
            destination: A::from_ip(ends.real_server.address)?,
            destination_port: ends.real_server.port,
        };
        let protocol = ends.protocol;
        let key = |ends, direction| FlowKey { ends, protocol, direction };
        let inbound = key(WireTuple::from(outside), Direction::Inbound);
        let outbound = key(WireTuple::from(inside).reversed(), Direction::Outbound);
        let hashes = [&inbound, &outbound].map(|key| core.hasher.hash(key));
        Some(Self { outside, inside, inbound, outbound, hashes })
    }
}

impl<A: Address> Lane<A> {
    /// The connection with exactly these ends.
    pub(super) fn find_by_ends(&self, core: &Core, ends: &ConnectionEnds) -> Option<FlowId> {
        self.find_exactly(&Keys::of(core, ends)?)
    }

    /// The connection with both of these keys.
    pub(super) fn find_exactly(&self, keys: &Keys<A>) -> Option<FlowId> {
        let id = self.table.find(keys.hashes[0], &keys.inbound)?;
        let is_same = self.table.get(id).is_some_and(|connection| connection.outbound == keys.outbound.ends);
        is_same.then_some(id)
    }
}

impl<A: Address> Connection<A> {
    /// What the units call it.
    pub(crate) fn ends(&self) -> ConnectionEnds {
        let end = |address: A, port| Endpoint::new(Into::<IpAddr>::into(address), port);
        ConnectionEnds {
            protocol: self.protocol,
            client: end(self.inbound.source(), self.inbound.source_port()),
            virtual_server: end(self.inbound.destination(), self.inbound.destination_port()),
            real_server: end(self.outbound.source(), self.outbound.source_port()),
            translated_port: self.translated_port(),
        }
    }
}

impl ConnectionState {
    /// How the other unit is told. Only what is established is.
    pub(super) const fn phase(self) -> Phase {
        match self {
            Self::New | Self::Syn | Self::SynAck | Self::Established | Self::Udp => Phase::Open,
            Self::ClientClosed => Phase::ClientClosed,
            Self::ServerClosed => Phase::ServerClosed,
            Self::Closed => Phase::Closed,
            Self::Reset => Phase::Reset,
        }
    }

    /// The state of a connection that the other unit tells of.
    pub(super) const fn of_phase(phase: Phase, protocol: Protocol) -> Self {
        match (protocol, phase) {
            (Protocol::Udp, _) => Self::Udp,
            (Protocol::Tcp, Phase::Open) => Self::Established,
            (Protocol::Tcp, Phase::ClientClosed) => Self::ClientClosed,
            (Protocol::Tcp, Phase::ServerClosed) => Self::ServerClosed,
            (Protocol::Tcp, Phase::Closed) => Self::Closed,
            (Protocol::Tcp, Phase::Reset) => Self::Reset,
        }
    }
}
