//! Listing connections: the request that a worker answers between two bursts, and the walk over all workers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use arrayvec::ArrayVec;
use crossbeam::channel::Sender;
use director::{ConnectionFilter, ConnectionState, ConnectionSummary, Cursor, Shard};
use model::limits::LISTING_SLICE;
use model::{Endpoint, Instant, Protocol};

use super::ask::{AskError, ask};
use super::inspection::WorkerView;
use super::protocol::{ConnectionQuery, EndpointPattern, PAGE_CONNECTIONS, PageCursor};
use super::report::{ConnectionPage, ConnectionReport};
use super::stop::Stop;
use crate::platform;
use crate::running::WorkerRequest;

/// After this long a page is sent as it is, so that its reader knows that the unit lives.
const PAGE_TIME: Duration = Duration::from_secs(5);

/// What a worker fills for one request.
pub type ListSlice = ArrayVec<ConnectionSummary, LISTING_SLICE>;

/// Asks a worker for a slice of its connections.
#[derive(Debug)]
pub struct ListRequest {
    /// The failover group whose shard is asked.
    pub group: usize,
    /// Where to begin.
    pub cursor: Cursor,
    /// What is wanted.
    pub filter: ConnectionFilter,
    /// Memory for the answer.
    pub page: Box<ListSlice>,
    /// Where the answer goes: a channel with room for it, of which nobody else has the sending end.
    pub reply: Sender<ListReply>,
}

/// A worker's answer.
#[derive(Debug)]
pub struct ListReply {
    /// The request's memory, with connections appended.
    pub page: Box<ListSlice>,
    /// Where to go on; `None` at the end of the worker's table.
    pub next: Option<Cursor>,
}

impl ListRequest {
    /// Answers from the worker's shard. Allocates nothing and never blocks.
    pub(crate) fn answer(self, shard: &Shard, now: Instant) {
        self.answer_with(|cursor, filter, page| shard.list(now, cursor, filter, page));
    }

    pub(super) fn answer_with(
        self,
        list: impl FnOnce(Cursor, &ConnectionFilter, &mut ListSlice) -> Option<Cursor>,
    ) {
        let Self { group: _, cursor, filter, mut page, reply } = self;
        let next = list(cursor, &filter, &mut page);
        // The channel has room, unless nobody waits for the answer any more.
        let _ = reply.try_send(ListReply { page, next });
    }
}

/// A page of the connections that `query` asks for, read from one worker after another, slice by slice.
pub(super) fn page(
    workers: &[WorkerView],
    query: &ConnectionQuery,
    stop: &Stop,
) -> Result<ConnectionPage, AskError> {
    let limit = query.limit.min(PAGE_CONNECTIONS);
    let deadline = platform::now() + PAGE_TIME;
    let mut position = query.after.unwrap_or_default();
    let mut list = Vec::new();
    let tables = workers.iter().map(|worker| worker.shards.len()).sum();
    while position.table < tables {
        // A full page still asks for one more, to know whether there is more.
        let wanted = (limit - list.len()).clamp(1, LISTING_SLICE);
        let reply = ask_for_slice(workers, position, query, wanted, stop)?;
        let found = reply.page.iter().skip(LISTING_SLICE - wanted);
        let mut found = found.filter(|summary| admits(query, summary)).peekable();
        if list.len() >= limit && found.peek().is_some() {
            return Ok(ConnectionPage { list, after: Some(position) });
        }
        list.extend(found.map(|summary| report(summary, at(workers, position.table).0)));
        position = match reply.next {
            Some(cursor) => PageCursor { cursor, ..position },
            None => PageCursor { table: position.table + 1, cursor: Cursor::default() },
        };
        if platform::now() >= deadline && position.table < tables {
            return Ok(ConnectionPage { list, after: Some(position) });
        }
    }
    Ok(ConnectionPage { list, after: None })
}

/// The worker and the group of a table: those of the first worker come first.
fn at(workers: &[WorkerView], table: usize) -> (usize, usize) {
    let mut before = 0;
    for (worker, view) in workers.iter().enumerate() {
        if table < before + view.shards.len() {
            return (worker, table - before);
        }
        before += view.shards.len();
    }
    (workers.len().saturating_sub(1), 0)
}

/// A slice of at most `wanted` connections; the page before them is filler.
fn ask_for_slice(
    workers: &[WorkerView],
    position: PageCursor,
    query: &ConnectionQuery,
    wanted: usize,
    stop: &Stop,
) -> Result<ListReply, AskError> {
    let (worker, group) = at(workers, position.table);
    ask(workers, worker, stop, |reply| {
        WorkerRequest::List(ListRequest {
            group,
            cursor: position.cursor,
            filter: filter(query),
            page: Box::new(std::iter::repeat_n(FILLER, LISTING_SLICE - wanted).collect()),
            reply,
        })
    })
}

/// Takes the place of what is not wanted in a slice: a shard stops when the slice is full, and says where.
const FILLER: ConnectionSummary = {
    let nowhere = Endpoint::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
    ConnectionSummary {
        protocol: Protocol::Tcp,
        client: nowhere,
        virtual_server: nowhere,
        real_server: nowhere,
        translated_port: 0,
        state: ConnectionState::Closed,
        idle: Duration::ZERO,
        syn_resends: 0,
    }
};

fn filter(query: &ConnectionQuery) -> ConnectionFilter {
    let endpoint = |pattern: EndpointPattern| pattern.endpoint;
    ConnectionFilter {
        client: query.client.map(|client| client.0),
        virtual_server: query.virtual_server.map(endpoint),
        real_server: query.real_server.map(endpoint),
    }
}

/// Whether the protocol is right; the worker has looked at the rest.
fn admits(query: &ConnectionQuery, summary: &ConnectionSummary) -> bool {
    let patterns = [query.virtual_server, query.real_server];
    let mut protocols = patterns.into_iter().flatten().filter_map(|pattern| pattern.protocol);
    protocols.all(|protocol| protocol == summary.protocol)
}

fn report(summary: &ConnectionSummary, worker: usize) -> ConnectionReport {
    let socket = |endpoint: Endpoint| SocketAddr::new(endpoint.address, endpoint.port);
    let is_translated = summary.translated_port != summary.client.port;
    ConnectionReport {
        protocol: summary.protocol.to_string(),
        client: socket(summary.client),
        virtual_server: socket(summary.virtual_server),
        real_server: socket(summary.real_server),
        state: summary.state.name().to_owned(),
        idle_ms: u64::try_from(summary.idle.as_millis()).unwrap_or(u64::MAX),
        syn_resends: summary.syn_resends,
        translated_port: is_translated.then_some(summary.translated_port),
        worker,
    }
}
