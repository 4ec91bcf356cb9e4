//! What a worker is asked for between two bursts, and what it answers.
//!
//! A worker answers without allocating, freeing or waiting: whatever it takes or gives back is memory of the one who asks.

use std::net::IpAddr;
use std::sync::Arc;

use crossbeam::channel::Sender;
use director::{Cursor, Explanation, KillFilter, NextHopTable, Plan, Shard};
use model::limits::EXPIRY_SLOTS;
use model::{Instant, ServerName};

use crate::groups::Groups;
use crate::management::ListRequest;

/// What a worker is asked for.
#[derive(Debug)]
pub enum WorkerRequest {
    /// A slice of its connections.
    List(ListRequest),
    /// To remove connections of a slice of its table.
    Kill(KillRequest),
    /// What a client's new connection would meet.
    Explain(ExplainRequest),
    /// To go on with another configuration.
    Reconfigure(Reconfigure),
}

/// Has a worker remove connections of a slice of its table: as many slots as it looks at for idle ones in one go.
#[derive(Debug)]
pub struct KillRequest {
    /// The failover group whose shard is asked.
    pub group: usize,
    /// Where to begin.
    pub cursor: Cursor,
    /// Which connections.
    pub filter: KillFilter,
    /// Where the answer goes: a channel with room for it.
    pub reply: Sender<Killed>,
}

/// What was removed from a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Killed {
    /// Connections.
    pub connections: u64,
    /// Where to go on; `None` at the end of the table.
    pub next: Option<Cursor>,
}

/// Asks a worker, which is the client's, what a new connection would meet.
#[derive(Debug)]
pub struct ExplainRequest {
    /// The failover group of the virtual server.
    pub group: usize,
    /// The client.
    pub client: IpAddr,
    /// The virtual server that it would connect to.
    pub server: ServerName,
    /// Where the answer goes: a channel with room for it.
    pub reply: Sender<Explanation>,
}

/// Another configuration for a worker, and in the answer the one that it had.
#[derive(Debug)]
pub struct Reconfigure {
    pub(super) plans: Plans,
    pub(super) reply: Sender<Plans>,
}

/// All that a worker has from a configuration.
#[derive(Debug)]
pub(super) struct Plans {
    /// By group.
    pub(super) shards: Vec<Option<Box<Plan>>>,
    pub(super) groups: Arc<Groups>,
}

impl KillRequest {
    /// Answers from the worker's shard.
    pub(crate) fn answer(self, shard: &mut Shard, now: Instant) {
        let Self { group: _, cursor, filter, reply } = self;
        let (connections, next) = shard.kill(now, cursor, &filter, EXPIRY_SLOTS);
        // The channel has room, unless nobody waits for the answer any more.
        let _ = reply.try_send(Killed { connections, next });
    }
}

impl ExplainRequest {
    /// Answers from the worker's shard.
    pub(crate) fn answer(self, shard: &mut Shard, now: Instant, next_hops: &NextHopTable) {
        let Self { group: _, client, server, reply } = self;
        let _ = reply.try_send(shard.explain(now, next_hops, client, server));
    }
}

impl Reconfigure {
    /// Puts the configuration into the worker's shards, and sends back what they had.
    pub(crate) fn carry_out<'a>(
        self,
        shards: impl Iterator<Item = &'a mut Shard>,
        groups: &mut Arc<Groups>,
        now: Instant,
    ) {
        let Self { mut plans, reply } = self;
        for (shard, plan) in shards.zip(&mut plans.shards) {
            *plan = plan.take().map(|plan| shard.reconfigure(now, plan));
        }
        std::mem::swap(groups, &mut plans.groups);
        let _ = reply.try_send(plans);
    }
}
