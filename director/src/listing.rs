//! Reading connections out of a shard, a bounded slice at a time.

use std::net::IpAddr;
use std::time::Duration;

use arrayvec::ArrayVec;
use ipnet::IpNet;
use model::limits::LISTING_SCAN;
use model::{Endpoint, Instant, Protocol};
use packet::Address;

use crate::ConnectionState;
use crate::connection::Connection;
use crate::lane::Lane;

/// A connection as an operator sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionSummary {
    /// The transport protocol.
    pub protocol: Protocol,
    /// The client's end.
    pub client: Endpoint,
    /// The end that the client talks to.
    pub virtual_server: Endpoint,
    /// The end that answers.
    pub real_server: Endpoint,
    /// The client's port as the real server sees it.
    pub translated_port: u16,
    /// How far the connection has come.
    pub state: ConnectionState,
    /// Time without a packet.
    pub idle: Duration,
    /// How often the client repeated its SYN.
    pub syn_resends: u8,
}

/// Which connections to list. What is `None` matches all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionFilter {
    /// The client's network.
    pub client: Option<IpNet>,
    /// The virtual server's address and, unless 0, port.
    pub virtual_server: Option<Endpoint>,
    /// The real server's address and, unless 0, port.
    pub real_server: Option<Endpoint>,
}

/// Where a listing goes on: slots of the IPv4 table first, then of the IPv6 table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Whether the IPv4 table is done.
    pub second_family: bool,
    /// The next slot.
    pub slot: usize,
}

impl ConnectionFilter {
    pub(crate) fn admits(&self, summary: &ConnectionSummary) -> bool {
        let is_at = |wanted: Option<Endpoint>, endpoint: Endpoint| {
            wanted.is_none_or(|wanted| {
                wanted.address == endpoint.address && (wanted.port == 0 || wanted.port == endpoint.port)
            })
        };
        self.client.is_none_or(|network| network.contains(&summary.client.address))
            && is_at(self.virtual_server, summary.virtual_server)
            && is_at(self.real_server, summary.real_server)
    }
}

pub(crate) fn list<const N: usize>(
    v4: &Lane<std::net::Ipv4Addr>,
    v6: &Lane<std::net::Ipv6Addr>,
    now: Instant,
    cursor: Cursor,
    filter: &ConnectionFilter,
    found: &mut ArrayVec<ConnectionSummary, N>,
) -> Option<Cursor> {
    let next = if cursor.second_family {
        list_family(v6, now, cursor.slot, filter, found)
    } else {
        list_family(v4, now, cursor.slot, filter, found)
    };
    match next {
        Some(slot) => Some(Cursor { slot, ..cursor }),
        None if !cursor.second_family => Some(Cursor { second_family: true, slot: 0 }),
        None => None,
    }
}

/// Lists one table from `first` on; returns the slot to go on with.
fn list_family<A: Address, const N: usize>(
    lane: &Lane<A>,
    now: Instant,
    first: usize,
    filter: &ConnectionFilter,
    found: &mut ArrayVec<ConnectionSummary, N>,
) -> Option<usize> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "32 bits of milliseconds, compared with wrapping arithmetic"
    )]
    let now_ms = now.as_millis() as u32;
    let end = first.saturating_add(LISTING_SCAN).min(lane.table.slots());
    let mut slot = first;
    while let Some(id) = lane.table.next_occupied(slot, end) {
        if found.is_full() {
            return Some(id.index());
        }
        slot = id.index() + 1;
        let summary = lane.table.get(id).map(|connection| summarize(connection, now_ms));
        found.extend(summary.filter(|summary| filter.admits(summary)));
    }
    (end < lane.table.slots()).then_some(end)
}

pub(crate) fn summarize<A: Address>(connection: &Connection<A>, now_ms: u32) -> ConnectionSummary {
    let endpoint = |address: A, port| Endpoint::new(Into::<IpAddr>::into(address), port);
    let Connection { inbound, outbound, .. } = connection;
    ConnectionSummary {
        protocol: connection.protocol,
        client: endpoint(inbound.source(), inbound.source_port()),
        virtual_server: endpoint(inbound.destination(), inbound.destination_port()),
        real_server: endpoint(outbound.source(), outbound.source_port()),
        translated_port: connection.translated_port(),
        state: connection.state,
        idle: Duration::from_millis(u64::from(connection.idle_ms(now_ms))),
        syn_resends: connection.syn_resends,
    }
}
