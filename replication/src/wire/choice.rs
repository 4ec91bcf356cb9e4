//! What is told beside connections: which clients return to which real servers, and which of those have failed.

use model::{Endpoint, HealthRecord, ServerName, StickyRecord};

use super::Reader;
use super::record::{Untellable, Writer, read_address, read_endpoint, read_protocol};
use crate::rejection::Rejection;

/// The body of a sticky entry's item: scope, seconds, client's address, real server.
const STICKY_V4_BYTES: usize = 8 + 4 + 4 + 6;
const STICKY_V6_BYTES: usize = 8 + 4 + 16 + 18;

/// The body of the item of a real server's state: state, protocol, bind ID, real server.
const HEALTH_V4_BYTES: usize = 1 + 1 + 2 + 6;
const HEALTH_V6_BYTES: usize = 1 + 1 + 2 + 18;

/// The body of a sticky entry's item.
pub(super) fn write_sticky(record: &StickyRecord) -> Result<Writer, Untellable> {
    let mut writer = Writer::new();
    writer.put(record.scope.to_be_bytes());
    writer.put(record.period_s.to_be_bytes());
    writer.put_address(record.client);
    writer.put_endpoint(record.real_server, record.client.is_ipv6())?;
    Ok(writer)
}

/// The body of the item of a real server's state.
pub(super) fn write_health(record: &HealthRecord) -> Result<Writer, Untellable> {
    let ServerName { address, port, bind_id, protocol } = record.real_server;
    let mut writer = Writer::new();
    writer.put([u8::from(record.has_failed), protocol.number()]);
    writer.put(bind_id.to_be_bytes());
    writer.put_endpoint(Endpoint::new(address, port), address.is_ipv6())?;
    Ok(writer)
}

/// Reads what [`write_sticky`] wrote. Its length says which address family it is of.
pub(super) fn read_sticky(body: &[u8]) -> Result<StickyRecord, Rejection> {
    let is_v6 = is_v6(body, STICKY_V4_BYTES, STICKY_V6_BYTES)?;
    let mut reader = Reader::new(body);
    let mut read = || {
        let (scope, period_s) = (reader.u64()?, reader.u32()?);
        let client = read_address(&mut reader, is_v6)?;
        Some(StickyRecord { scope, client, real_server: read_endpoint(&mut reader, is_v6)?, period_s })
    };
    read().ok_or(Rejection::ItemMalformed)
}

/// Reads what [`write_health`] wrote.
pub(super) fn read_health(body: &[u8]) -> Result<HealthRecord, Rejection> {
    let is_v6 = is_v6(body, HEALTH_V4_BYTES, HEALTH_V6_BYTES)?;
    let mut reader = Reader::new(body);
    let mut read = || {
        let has_failed = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let protocol = read_protocol(reader.u8()?).ok()?;
        let bind_id = reader.u16()?;
        let Endpoint { address, port } = read_endpoint(&mut reader, is_v6)?;
        Some(HealthRecord { real_server: ServerName { address, port, bind_id, protocol }, has_failed })
    };
    read().ok_or(Rejection::ItemMalformed)
}

fn is_v6(body: &[u8], v4_bytes: usize, v6_bytes: usize) -> Result<bool, Rejection> {
    match body.len() {
        length if length == v4_bytes => Ok(false),
        length if length == v6_bytes => Ok(true),
        _ => Err(Rejection::ItemMalformed),
    }
}

#[cfg(test)]
#[path = "choice/tests.rs"]
mod tests;
