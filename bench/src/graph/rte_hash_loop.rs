//! The peer that keeps connections in DPDK's `rte_hash`: the same packets, checks and rewrites, by this project's own
//! `packet`; only the table is another, used as it is meant to be: lookups of 64 keys at once, and the connections of a whole
//! batch fetched ahead.

use std::net::Ipv4Addr;

use arrayvec::ArrayVec;
use director::{ConnectionState, Direction, Frame};
use dpdk::Eal;
use model::limits::BATCH;
use model::{MacAddress, Protocol};
use packet::{Deltas, Ethernet, Headers, InPlace, Receiver, Tcp, TcpFlags, Translation, Tuple, WireTuple};

use super::GraphError;
use super::pass::{Graph, Outputs};
use super::unit::{INSIDE, OUTSIDE, Plan, SERVER, UNIT};
use crate::load::frames::{ROUTER, inbound, outbound};
use crate::peers::prefetch::prefetch;
use crate::peers::rte_hash::{BULK, Key, Readers, RteHash};

const MTU: u16 = 1_500;

/// Only says that a connection is alive: the unit's clock stands meanwhile, too.
const NOW_MS: u32 = 1_000;

/// A connection, as large as this project's: one cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Connection {
    /// By direction.
    translations: [Translation<Ipv4Addr>; 2],
    stations: [MacAddress; 2],
    last_seen_ms: u32,
    binding: u16,
    state: ConnectionState,
}

const _: () = assert!(size_of::<Connection>() == 64);

/// Packets and bytes of a real server, by direction.
#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    packets: [u64; 2],
    bytes: [u64; 2],
}

/// A translator on `rte_hash`.
pub(crate) struct RteHashLoop<'eal> {
    table: RteHash<'eal>,
    connections: Vec<Connection>,
    counters: Vec<Counters>,
    receivers: [Receiver; 2],
}

/// A packet that was parsed.
#[derive(Clone, Copy)]
struct Parsed {
    place: usize,
    transport_offset: u16,
    direction: Direction,
}

impl<'eal> RteHashLoop<'eal> {
    /// A translator with the connections that a unit of this `plan` has when it is established.
    ///
    /// # Errors
    ///
    /// When EAL has too little memory, or the table finds no places.
    pub(crate) fn established(eal: &'eal Eal, plan: Plan) -> Result<Self, GraphError> {
        let mut table = RteHash::new(eal, 2 * plan.capacity as usize, Readers::None)?;
        let mut connections = Vec::with_capacity(plan.capacity as usize);
        prefer_huge_pages(&connections);
        for number in 0..plan.capacity {
            let outside = inbound::<Ipv4Addr>(number);
            let answer = outbound(number, plan.real_server::<Ipv4Addr>(number));
            let keys = [(outside, Direction::Inbound), (answer, Direction::Outbound)];
            for (tuple, direction) in keys {
                if !table.insert(&key(&tuple.into(), direction), number) {
                    return Err(GraphError::TableFull { connections: number });
                }
            }
            connections.push(Connection::new(plan, number, &outside, &reversed(answer)));
        }
        Ok(Self {
            table,
            connections,
            counters: vec![Counters::default(); usize::from(plan.real_servers)],
            receivers: UNIT.map(Receiver::new),
        })
    }

    /// The second stage: looks up as many packets as one lookup takes, and has their connections fetched.
    #[inline]
    fn find(&self, keys: &[Key], numbers: &mut [Option<usize>]) {
        let keys: ArrayVec<&Key, BULK> = keys.iter().collect();
        let mut found = [0; BULK];
        let hits = self.table.find_bulk(&keys, &mut found);
        for (bit, (number, found)) in numbers.iter_mut().zip(found).enumerate() {
            *number = (hits >> bit & 1 == 1).then_some(found);
            prefetch(self.connections.as_ptr().wrapping_add(found));
        }
    }

    #[inline(always)]
    fn parse(&self, frame: &Frame<'_>) -> Option<(Key, u16, Direction)> {
        let direction = if frame.port == OUTSIDE { Direction::Inbound } else { Direction::Outbound };
        let receiver = self.receivers[usize::from(frame.port.0) % 2];
        if receiver.ethertype(frame.bytes)? != Ethernet::IPV4 {
            return None;
        }
        let headers = Headers::<Ipv4Addr>::read(frame.bytes, frame.length)?;
        let is_tcp = headers.layout.protocol == Protocol::Tcp;
        is_tcp.then(|| (key(&headers.ends, direction), headers.layout.transport_offset, direction))
    }
}

impl Graph for RteHashLoop<'_> {
    #[inline]
    fn pass(&mut self, frames: &mut [Frame<'_>], outputs: &mut Outputs) {
        let mut keys = ArrayVec::<Key, BATCH>::new();
        let mut parsed = ArrayVec::<Parsed, BATCH>::new();
        for (place, frame) in frames.iter().enumerate() {
            if let Some((key, transport_offset, direction)) = self.parse(frame) {
                keys.push(key);
                parsed.push(Parsed { place, transport_offset, direction });
            }
        }
        let mut numbers = [None; BATCH];
        for (keys, numbers) in keys.chunks(BULK).zip(numbers.chunks_mut(BULK)) {
            self.find(keys, numbers);
        }
        for (parsed, number) in parsed.iter().zip(numbers) {
            let Some(connection) = number.and_then(|number| self.connections.get_mut(number)) else {
                continue;
            };
            if let Some(port) = connection.translate(&mut frames[parsed.place], parsed, &mut self.counters) {
                outputs.forward(parsed.place, port);
            }
        }
    }
}

impl Connection {
    fn new(plan: Plan, number: u32, outside: &Tuple<Ipv4Addr>, inside: &Tuple<Ipv4Addr>) -> Self {
        let deltas = Deltas::between(outside, inside);
        let ends = WireTuple::from(*outside);
        Self {
            translations: [
                Translation { ends: (*inside).into(), deltas },
                Translation { ends: ends.reversed(), deltas: deltas.inverse() },
            ],
            stations: [SERVER, ROUTER],
            last_seen_ms: 0,
            binding: u16::try_from(number % u32::from(plan.real_servers)).unwrap_or_default(),
            state: ConnectionState::Established,
        }
    }

    /// What this project's fast path does with a packet of a connection. Returns the port by which it leaves.
    #[inline(always)]
    fn translate(
        &mut self,
        frame: &mut Frame<'_>,
        parsed: &Parsed,
        counters: &mut [Counters],
    ) -> Option<usize> {
        const NOTEWORTHY: u8 = TcpFlags::SYN.0 | TcpFlags::FIN.0 | TcpFlags::RST.0;
        let length = frame.length as u64;
        let way = parsed.direction as usize % 2;
        let mut packet = InPlace::<Ipv4Addr, Tcp>::cut(frame.bytes, parsed.transport_offset)?;
        if packet.hop_limit() <= 1 || packet.ip_length() > MTU {
            return None;
        }
        if packet.flags().0 & NOTEWORTHY != 0 {
            self.state = self.state.after(parsed.direction, packet.flags());
        }
        self.last_seen_ms = NOW_MS;
        let port = if parsed.direction == Direction::Inbound { INSIDE } else { OUTSIDE };
        let port = usize::from(port.0) % 2;
        packet.set_ethernet(UNIT[port], self.stations[way]);
        packet.translate(&self.translations[way]);
        let counters = counters.get_mut(usize::from(self.binding))?;
        counters.packets[way] += 1;
        counters.bytes[way] += length;
        Some(port)
    }
}

/// What a packet is found by.
#[inline(always)]
fn key(ends: &WireTuple<Ipv4Addr>, direction: Direction) -> Key {
    let addresses = ends.address_bytes().first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes));
    let ports = u64::from(u32::from_ne_bytes(ends.port_bytes()));
    Key([addresses, ports | (direction as u64) << 32])
}

fn reversed(tuple: Tuple<Ipv4Addr>) -> Tuple<Ipv4Addr> {
    WireTuple::from(tuple).reversed().into()
}

/// As this project's table asks for them, too.
fn prefer_huge_pages(connections: &Vec<Connection>) {
    use nix::libc::{MADV_HUGEPAGE, madvise};
    const PAGE: usize = 4_096;
    let (start, bytes) =
        (connections.as_ptr().cast::<u8>(), connections.capacity() * size_of::<Connection>());
    let padding = start.align_offset(PAGE).min(bytes);
    let first = start.wrapping_add(padding).cast_mut().cast();
    // SAFETY: whole pages of the vector's own memory; the advice does not change what it holds. That it may not be
    // followed is no harm.
    let _ = unsafe { madvise(first, (bytes - padding) / PAGE * PAGE, MADV_HUGEPAGE) };
}
