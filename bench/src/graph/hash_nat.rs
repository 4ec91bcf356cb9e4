//! The peer that keeps connections in DPDK's table: the same headers are read and the same translation is written, but the
//! connection is found by `rte_hash`'s bulk lookup. It has no TCP states, no misses and no housekeeping.

use std::net::Ipv4Addr;

use arrayvec::ArrayVec;
use director::Frame;
use model::MacAddress;
use model::limits::BATCH;
use packet::{Deltas, Ethernet, Headers, InPlace, Receiver, Tcp, Translation, Tuple, WireTuple};

use super::pass::{Graph, Outputs};
use super::unit::{INSIDE, Plan, UNIT};
use crate::load::frames::{ROUTER, inbound, outbound};
use crate::peers::eal::eal;
use crate::peers::prefetch::prefetch;
use crate::peers::rte_hash::{BULK, Key, NoMemory, Readers, RteHash};

const _: () = assert!(BATCH.is_multiple_of(BULK));

/// Connections in a table of DPDK's, from clients to real servers.
pub(crate) struct HashNat {
    numbers: RteHash<'static>,
    connections: Vec<Connection>,
    receiver: Receiver,
}

/// What this project's connection has, as far as it is needed here: one cache line, too.
#[repr(align(64))]
struct Connection {
    inbound: WireTuple<Ipv4Addr>,
    translation: Translation<Ipv4Addr>,
    next_hop: MacAddress,
    packets: u64,
    bytes: u64,
}

const _: () = assert!(size_of::<Connection>() == 64);

/// Why there is no such peer here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HashNatError {
    /// There is no memory for the table.
    #[error(transparent)]
    NoMemory(#[from] NoMemory),
    /// DPDK did not start.
    #[error(transparent)]
    Eal(#[from] &'static dpdk::EalError),
    /// A key found no place.
    #[error("rte_hash has no place for connection {0}")]
    Full(u32),
}

impl HashNat {
    /// The connections of a full unit, under the keys of both directions.
    pub(crate) fn established(plan: Plan) -> Result<Self, HashNatError> {
        let mut numbers = RteHash::new(eal()?, 2 * plan.capacity as usize, Readers::None)?;
        let connection = |number: u32| {
            let (before, real) = (inbound::<Ipv4Addr>(number), plan.real_server(number));
            let after = Tuple { destination: real, ..before };
            (before, after, outbound(number, real))
        };
        let mut connections = Vec::with_capacity(plan.capacity as usize);
        for number in 0..plan.capacity {
            let (before, after, answer) = connection(number);
            for key in [before, answer] {
                if !numbers.insert(&key_of(&key.into()), number) {
                    return Err(HashNatError::Full(number));
                }
            }
            connections.push(Connection {
                inbound: before.into(),
                translation: Translation { ends: after.into(), deltas: Deltas::between(&before, &after) },
                next_hop: ROUTER,
                packets: 0,
                bytes: 0,
            });
        }
        Ok(Self { numbers, connections, receiver: Receiver::new(UNIT[0]) })
    }
}

fn key_of(ends: &WireTuple<Ipv4Addr>) -> Key {
    let addresses = ends.address_bytes().first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes));
    Key([addresses, u64::from(u32::from_ne_bytes(ends.port_bytes()))])
}

/// A frame between the stages.
struct Flow {
    key: Key,
    place: usize,
    transport_offset: u16,
}

impl Graph for HashNat {
    #[inline]
    fn pass(&mut self, frames: &mut [Frame<'_>], outputs: &mut Outputs) {
        let mut flows = ArrayVec::<Flow, BATCH>::new();
        for (place, frame) in frames.iter().enumerate() {
            if self.receiver.ethertype(frame.bytes) == Some(Ethernet::IPV4)
                && let Some(headers) = Headers::<Ipv4Addr>::read(frame.bytes, frame.length)
            {
                let transport_offset = headers.layout.transport_offset;
                flows.push(Flow { key: key_of(&headers.ends), place, transport_offset });
            }
        }
        let mut found = ArrayVec::<(usize, u64), BATCH>::new();
        for bulk in flows.chunks(BULK) {
            let keys: ArrayVec<&Key, BULK> = bulk.iter().map(|flow| &flow.key).collect();
            let mut numbers = [0; BULK];
            let hits = self.numbers.find_bulk(&keys, &mut numbers);
            for (index, &number) in numbers[..bulk.len()].iter().enumerate() {
                prefetch(self.connections.as_ptr().wrapping_add(number));
                found.push((number, hits >> index & 1));
            }
        }
        for (flow, (number, hit)) in flows.iter().zip(found) {
            if hit == 1 && self.translate(&mut frames[flow.place], flow, number).is_some() {
                outputs.forward(flow.place, usize::from(INSIDE.0));
            }
        }
    }
}

impl HashNat {
    #[inline]
    fn translate(&mut self, frame: &mut Frame<'_>, flow: &Flow, number: usize) -> Option<()> {
        let connection = self.connections.get_mut(number)?;
        if key_of(&connection.inbound) != flow.key {
            return None;
        }
        let mut packet = InPlace::<Ipv4Addr, Tcp>::cut(frame.bytes, flow.transport_offset)?;
        if packet.hop_limit() <= 1 {
            return None;
        }
        packet.set_ethernet(UNIT[1], connection.next_hop);
        packet.translate(&connection.translation);
        connection.packets += 1;
        connection.bytes += frame.length as u64;
        Some(())
    }
}
