//! One record: the seed's replication packet (seed 001, figure 5), and what was added to it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::{ConnectionEnds, ConnectionRecord, Endpoint, Phase, Protocol, Update};

use super::Reader;
use crate::rejection::Rejection;

/// The connection is counted at its real server (figure 5, flag 520).
const REAL_COUNT: u8 = 1;
/// The connection is counted at its virtual server (flag 522).
const VIRTUAL_COUNT: u8 = 2;
/// The connection is gone (flag 524).
const DELETE: u8 = 4;
/// A buddy's ends follow as an extension.
const BUDDY: u8 = 8;
/// The addresses are IPv6's.
const IPV6: u8 = 16;

/// Extension: the client's port as the real server sees it.
const TRANSLATED_PORT: u8 = 1;
/// Extension: the buddy's ends.
const BUDDY_ENDS: u8 = 2;
/// Extensions from here on may be skipped.
const OPTIONAL: u8 = 128;

/// A record can not be written, in this version, without making another connection of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Untellable;

/// The longest record there is: IPv6, a translated port and a buddy.
const MOST_BYTES: usize = 62 + 4 + 43;

/// A record that is being put together, or what stands in another item. All that is put has a size that the compiler knows: to copy some bytes at a time by
/// calls would take longer than all else that a record costs.
pub(super) struct Writer {
    bytes: [u8; MOST_BYTES],
    length: usize,
}

impl Writer {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; MOST_BYTES], length: 0 }
    }

    #[inline(always)]
    pub(super) fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        if let Some(place) = self.bytes.get_mut(self.length..self.length + N) {
            place.copy_from_slice(&bytes);
            self.length += N;
        }
    }

    #[inline(always)]
    pub(super) fn put_address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.put(address.octets()),
            IpAddr::V6(address) => self.put(address.octets()),
        }
    }

    /// Puts an end that must be of that address family.
    #[inline(always)]
    pub(super) fn put_endpoint(&mut self, end: Endpoint, is_v6: bool) -> Result<(), Untellable> {
        if end.address.is_ipv6() != is_v6 {
            return Err(Untellable);
        }
        self.put_address(end.address);
        self.put(end.port.to_be_bytes());
        Ok(())
    }

    /// What was put.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Appends the record to a batch, with its length in its place.
    fn finish(mut self, batch: &mut Vec<u8>) -> Result<(), Untellable> {
        self.bytes[1] = u8::try_from(self.length).map_err(|_| Untellable)?;
        batch.extend_from_slice(self.bytes());
        Ok(())
    }
}

/// Appends the record of a connection that is there.
pub(super) fn write_create(
    batch: &mut Vec<u8>,
    record: &ConnectionRecord,
    version: u8,
) -> Result<(), Untellable> {
    if version < 2 && (record.bind_id, record.group) != (0, 0) {
        return Err(Untellable);
    }
    let buddy = record.buddy.as_deref().filter(|_| version >= 2);
    let flags = REAL_COUNT | VIRTUAL_COUNT | if buddy.is_some() { BUDDY } else { 0 };
    let mut writer = Writer::new();
    write_base(&mut writer, flags, &record.ends, record.phase, [record.bind_id, record.group], version)?;
    if let Some(buddy) = buddy {
        write_buddy(&mut writer, &record.ends, buddy)?;
    }
    writer.finish(batch)
}

/// Appends the record of a connection that is gone.
pub(super) fn write_delete(
    batch: &mut Vec<u8>,
    ends: &ConnectionEnds,
    version: u8,
) -> Result<(), Untellable> {
    let mut writer = Writer::new();
    write_base(&mut writer, DELETE, ends, Phase::Open, [0, 0], version)?;
    writer.finish(batch)
}

fn write_base(
    writer: &mut Writer,
    flags: u8,
    ends: &ConnectionEnds,
    phase: Phase,
    instance: [u16; 2],
    version: u8,
) -> Result<(), Untellable> {
    let is_v6 = ends.client.address.is_ipv6();
    writer.put([flags | if is_v6 { IPV6 } else { 0 }, 0, ends.protocol.number(), phase as u8]);
    if version >= 2 {
        instance.iter().for_each(|number| writer.put(number.to_be_bytes()));
    }
    for end in [ends.real_server, ends.client, ends.virtual_server] {
        writer.put_endpoint(end, is_v6)?;
    }
    if ends.translated_port == ends.client.port {
        return Ok(());
    }
    if version < 2 {
        return Err(Untellable);
    }
    let [high, low] = ends.translated_port.to_be_bytes();
    writer.put([TRANSLATED_PORT, 2, high, low]);
    Ok(())
}

fn write_buddy(writer: &mut Writer, ends: &ConnectionEnds, buddy: &ConnectionEnds) -> Result<(), Untellable> {
    let is_v6 = ends.client.address.is_ipv6();
    if buddy.client.address != ends.client.address {
        return Err(Untellable);
    }
    writer.put([BUDDY_ENDS, if is_v6 { 41 } else { 17 }, buddy.protocol.number()]);
    writer.put(buddy.client.port.to_be_bytes());
    writer.put(buddy.translated_port.to_be_bytes());
    writer.put_endpoint(buddy.real_server, is_v6)?;
    writer.put_endpoint(buddy.virtual_server, is_v6)
}

/// Reads a record. `bytes` are as many as its length field says.
pub(super) fn read(bytes: &[u8], version: u8) -> Result<Update, Rejection> {
    let size = || Rejection::RecordSize;
    let mut reader = Reader::new(bytes);
    let [flags, _, protocol, phase] = reader.array().ok_or_else(size)?;
    let is_create = check_flags(flags, version)?;
    let is_v6 = flags & IPV6 != 0;
    let [bind_id, group] = match version {
        1 => [0, 0],
        _ => [reader.u16().ok_or_else(size)?, reader.u16().ok_or_else(size)?],
    };
    let mut endpoint = || read_endpoint(&mut reader, is_v6).ok_or_else(size);
    let (real_server, client, virtual_server) = (endpoint()?, endpoint()?, endpoint()?);
    let protocol = read_protocol(protocol)?;
    let mut ends =
        ConnectionEnds { protocol, client, virtual_server, real_server, translated_port: client.port };
    let buddy = if reader.rest().is_empty() {
        None
    } else if version < 2 {
        return Err(Rejection::RecordSize);
    } else {
        read_extensions(&mut reader, &mut ends, is_v6)?
    };
    if buddy.is_some() != (flags & BUDDY != 0) {
        return Err(Rejection::RecordFlags);
    }
    if !is_create {
        return Ok(Update::Delete(ends));
    }
    let phase = Phase::from_wire(phase).ok_or(Rejection::RecordPhase)?;
    Ok(Update::Create(ConnectionRecord { ends, phase, bind_id, group, buddy: buddy.map(Box::new) }))
}

/// Whether the flags say create or delete. All other combinations are impossible (seed 001, figure 5).
const fn check_flags(flags: u8, version: u8) -> Result<bool, Rejection> {
    match flags & !IPV6 {
        flags if flags == REAL_COUNT | VIRTUAL_COUNT => Ok(true),
        flags if flags == REAL_COUNT | VIRTUAL_COUNT | BUDDY && version >= 2 => Ok(true),
        DELETE => Ok(false),
        _ => Err(Rejection::RecordFlags),
    }
}

pub(super) const fn read_protocol(number: u8) -> Result<Protocol, Rejection> {
    match number {
        6 => Ok(Protocol::Tcp),
        17 => Ok(Protocol::Udp),
        _ => Err(Rejection::RecordProtocol),
    }
}

pub(super) fn read_address(reader: &mut Reader<'_>, is_v6: bool) -> Option<IpAddr> {
    Some(if is_v6 {
        IpAddr::V6(Ipv6Addr::from(reader.array::<16>()?))
    } else {
        IpAddr::V4(Ipv4Addr::from(reader.array::<4>()?))
    })
}

pub(super) fn read_endpoint(reader: &mut Reader<'_>, is_v6: bool) -> Option<Endpoint> {
    Some(Endpoint::new(read_address(reader, is_v6)?, reader.u16()?))
}

/// Reads the extensions: completes `ends`, and returns the buddy's.
fn read_extensions(
    reader: &mut Reader<'_>,
    ends: &mut ConnectionEnds,
    is_v6: bool,
) -> Result<Option<ConnectionEnds>, Rejection> {
    let mut buddy = None;
    while !reader.rest().is_empty() {
        let size = || Rejection::RecordSize;
        let [kind, length] = reader.array().ok_or_else(size)?;
        let value = reader.bytes(usize::from(length)).ok_or_else(size)?;
        match kind {
            TRANSLATED_PORT => {
                ends.translated_port = u16::from_be_bytes(value.try_into().map_err(|_| size())?);
            }
            BUDDY_ENDS => buddy = Some(read_buddy(value, ends, is_v6)?),
            OPTIONAL.. => {}
            _ => return Err(Rejection::RecordExtension),
        }
    }
    Ok(buddy)
}

fn read_buddy(value: &[u8], ends: &ConnectionEnds, is_v6: bool) -> Result<ConnectionEnds, Rejection> {
    let size = || Rejection::RecordSize;
    let mut reader = Reader::new(value);
    let protocol = read_protocol(reader.u8().ok_or_else(size)?)?;
    let client = Endpoint::new(ends.client.address, reader.u16().ok_or_else(size)?);
    let translated_port = reader.u16().ok_or_else(size)?;
    let real_server = read_endpoint(&mut reader, is_v6).ok_or_else(size)?;
    let virtual_server = read_endpoint(&mut reader, is_v6).ok_or_else(size)?;
    let buddy = ConnectionEnds { protocol, client, virtual_server, real_server, translated_port };
    if reader.rest().is_empty() { Ok(buddy) } else { Err(size()) }
}

#[cfg(test)]
#[path = "record/tests.rs"]
mod tests;
