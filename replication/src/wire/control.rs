//! The bodies of all datagrams but batches.
//!
//! Readers take longer bodies than they know: a later version may append to them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::limits::DIGEST_RANGES;
use model::{Protocol, RangeSet, ServerName, UnitState};

use super::Reader;
use super::item::{bitmap, read_bitmap};

/// Gaps in one acknowledgement.
pub(crate) const MOST_GAPS: usize = 64;

/// Datagrams that the counts of one unit take.
const MOST_PARTS: u16 = 256;

fn read_state(value: u8) -> Option<UnitState> {
    match value {
        0 => Some(UnitState::Standby),
        1 => Some(UnitState::Active),
        _ => None,
    }
}

/// Who a unit is, when it looks for its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    /// The highest version that it speaks.
    pub(crate) version: u8,
    pub(crate) state: UnitState,
    /// The largest datagram that it sends.
    pub(crate) datagram_bytes: u16,
}

impl Hello {
    pub(crate) fn write(&self, body: &mut Vec<u8>) {
        body.extend_from_slice(&[self.version, self.state as u8]);
        body.extend_from_slice(&self.datagram_bytes.to_be_bytes());
    }

    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let version = reader.u8()?;
        let state = read_state(reader.u8()?)?;
        Some(Self { version, state, datagram_bytes: reader.u16()? })
    }
}

/// The flags of a status.
const SYNCHRONIZED: u8 = 1;
const OBSERVES: u8 = 2;

/// How a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatusMessage {
    pub(crate) state: UnitState,
    /// Standby: nothing was lost since a round of digests in which all ranges agreed.
    pub(crate) is_synchronized: bool,
    /// Standby: it learns of connections by watching.
    pub(crate) observes: bool,
    /// Standby: ranges compared in the last round, and how many of them differed.
    pub(crate) compared: u16,
    pub(crate) differing: u16,
    /// Active: updates that are not acknowledged.
    pub(crate) lag_updates: u32,
    /// Active: the age of the oldest of them.
    pub(crate) lag_ms: u32,
}

impl StatusMessage {
    pub(crate) fn write(&self, body: &mut Vec<u8>) {
        let flags = (u8::from(self.is_synchronized) * SYNCHRONIZED) | (u8::from(self.observes) * OBSERVES);
        body.extend_from_slice(&[self.state as u8, flags]);
        body.extend_from_slice(&self.compared.to_be_bytes());
        body.extend_from_slice(&self.differing.to_be_bytes());
        body.extend_from_slice(&self.lag_updates.to_be_bytes());
        body.extend_from_slice(&self.lag_ms.to_be_bytes());
    }

    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let state = read_state(reader.u8()?)?;
        let flags = reader.u8()?;
        Some(Self {
            state,
            is_synchronized: flags & SYNCHRONIZED != 0,
            observes: flags & OBSERVES != 0,
            compared: reader.u16()?,
            differing: reader.u16()?,
            lag_updates: reader.u32()?,
            lag_ms: reader.u32()?,
        })
    }
}

/// What of the stream has arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Acknowledgement {
    /// All batches before this one have arrived, or will never.
    pub(crate) expected: u64,
    /// One past the last batch that arrived.
    pub(crate) end: u64,
    /// Batches from `expected` on that there is room for.
    pub(crate) window: u32,
    /// The first batch and the number of each gap between `expected` and `end`, in order.
    pub(crate) gaps: Vec<(u64, u32)>,
}

impl Acknowledgement {
    pub(crate) fn write(&self, body: &mut Vec<u8>) {
        body.extend_from_slice(&self.expected.to_be_bytes());
        body.extend_from_slice(&self.end.to_be_bytes());
        body.extend_from_slice(&self.window.to_be_bytes());
        for (first, count) in self.gaps.iter().take(MOST_GAPS) {
            body.extend_from_slice(&first.to_be_bytes());
            body.extend_from_slice(&count.to_be_bytes());
        }
    }

    /// Reads an acknowledgement into this one.
    pub(crate) fn read(&mut self, body: &[u8]) -> Option<()> {
        let mut reader = Reader::new(body);
        self.expected = reader.u64()?;
        self.end = reader.u64()?;
        self.window = reader.u32()?;
        self.gaps.clear();
        while !reader.rest().is_empty() && self.gaps.len() < MOST_GAPS {
            self.gaps.push((reader.u64()?, reader.u32()?));
        }
        (self.expected <= self.end).then_some(())
    }
}

/// The standby wants the connections of some ranges anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Goes up with each; the same for a repeated one.
    pub(crate) number: u32,
    pub(crate) ranges: RangeSet,
}

impl Request {
    pub(crate) fn write(&self, body: &mut Vec<u8>) {
        body.extend_from_slice(&self.number.to_be_bytes());
        body.extend_from_slice(&bitmap(&self.ranges));
    }

    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let number = reader.u32()?;
        Some(Self { number, ranges: read_bitmap(reader.bytes(DIGEST_RANGES / 8)?)? })
    }
}

/// Some of the connection counts by virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CountsPart {
    /// Goes up each time that the counts are told.
    pub(crate) generation: u32,
    pub(crate) part: u16,
    /// How many parts this generation has.
    pub(crate) parts: u16,
}

impl CountsPart {
    /// Bytes before the entries.
    pub(crate) const BYTES: usize = 8;
    /// Bytes of the longest entry.
    pub(crate) const ENTRY_BYTES: usize = 30;

    pub(crate) fn write(&self, body: &mut Vec<u8>, entries: &[(ServerName, u64)]) {
        body.extend_from_slice(&self.generation.to_be_bytes());
        body.extend_from_slice(&self.part.to_be_bytes());
        body.extend_from_slice(&self.parts.to_be_bytes());
        for (name, count) in entries {
            body.extend_from_slice(&[if name.address.is_ipv6() { 6 } else { 4 }, name.protocol.number()]);
            body.extend_from_slice(&name.port.to_be_bytes());
            body.extend_from_slice(&name.bind_id.to_be_bytes());
            body.extend_from_slice(&count.to_be_bytes());
            match name.address {
                IpAddr::V4(address) => body.extend_from_slice(&address.octets()),
                IpAddr::V6(address) => body.extend_from_slice(&address.octets()),
            }
        }
    }

    /// Reads a part; returns it and its entries, of which each must be read by [`read_count`].
    pub(crate) fn read(body: &[u8]) -> Option<(Self, Reader<'_>)> {
        let mut reader = Reader::new(body);
        let part = Self { generation: reader.u32()?, part: reader.u16()?, parts: reader.u16()? };
        (part.part < part.parts && part.parts <= MOST_PARTS).then_some((part, reader))
    }
}

/// The next entry of a part.
pub(crate) fn read_count(reader: &mut Reader<'_>) -> Option<(ServerName, u64)> {
    let family = reader.u8()?;
    let protocol = match reader.u8()? {
        6 => Protocol::Tcp,
        17 => Protocol::Udp,
        _ => return None,
    };
    let (port, bind_id, count) = (reader.u16()?, reader.u16()?, reader.u64()?);
    let address = match family {
        4 => IpAddr::V4(Ipv4Addr::from(reader.array::<4>()?)),
        6 => IpAddr::V6(Ipv6Addr::from(reader.array::<16>()?)),
        _ => return None,
    };
    Some((ServerName { address, port, bind_id, protocol }, count))
}
