//! A shard as one of a pair: what it tells the other unit about its connections, and what it takes over from it.
//!
//! Active, it marks connections, adds them up to digests, and tells of them; standby, it makes them as it is told. It
//! must never hold packets up: whatever spans the table is done in bounded slices, and what finds no room is counted.

mod apply;
mod aside;
mod buddies;
mod counters;
mod digest;
mod ends;
mod expiry;
mod half_known;
mod marking;
mod orders;
mod outbox;
mod standby;
mod sweep;
mod walk;
mod watch;

use std::collections::HashMap;
use std::time::Duration;

use ahash::RandomState;
use arrayvec::ArrayVec;
use model::limits::{BATCH, IDLE_TIMEOUT_S};
use model::{ConnectionEnds, Endpoint};

use crate::Configuration;

use aside::Aside;
use digest::Digests;
use half_known::HalfKnown;
use outbox::Outbox;
use sweep::Sweep;
use walk::{Telling, Walk};

pub(crate) use buddies::Buddies;
pub use counters::ReplicaCounters;
pub(crate) use digest::RANGES_PER_BUCKET;
pub(crate) use ends::Keys;
pub(crate) use expiry::IdleBound;

/// What a shard of a pair is told beside its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicationSettings {
    /// The seed of the digests: the same on both units, and nobody else's to know.
    pub digest_seed: u64,
    /// How long a standby keeps a connection that it is told nothing of; zero for ever. More than
    /// [`IDLE_TIMEOUT_S`] counts as that.
    pub standby_timeout: Duration,
    /// Whether it learns connections by watching while it stands by: its ports get copies of the active unit's frames.
    pub observes: bool,
}

/// The part of a shard that a unit without a peer has not.
pub(crate) struct Replica {
    digests: Digests,
    /// By binding.
    bound: Box<[Bound]>,
    /// By virtual server and the real server's configured endpoint.
    bindings: HashMap<(u16, Endpoint), u16, RandomState>,
    aside: Aside,
    /// `None` for ever.
    standby_timeout_ms: Option<u32>,
    outbox: Outbox,
    /// Connections that became buddies, to be told once more.
    joined: ArrayVec<ConnectionEnds, BATCH>,
    /// Active: the round of digests that is being told.
    telling: Option<Telling>,
    walk: Option<Walk>,
    /// Standby: the pass that records belong to; 0 for none.
    pass: u8,
    sweep: Option<Sweep>,
    /// Standby: flows of which one side was seen; `None` if the unit does not watch.
    half_known: Option<HalfKnown>,
}

/// What a record says of a binding.
#[derive(Clone, Copy, Debug)]
struct Bound {
    is_replicated: bool,
    bind_id: u16,
}

impl Replica {
    pub(crate) fn new(
        settings: &ReplicationSettings,
        configuration: &Configuration,
        hasher: &RandomState,
    ) -> Box<Self> {
        Box::new(Self {
            digests: Digests::new(settings.digest_seed),
            bound: bound(configuration),
            bindings: bindings(configuration, hasher),
            aside: Aside::new(hasher),
            standby_timeout_ms: milliseconds(settings.standby_timeout),
            outbox: Outbox::new(),
            joined: ArrayVec::new(),
            telling: None,
            walk: None,
            pass: 0,
            sweep: None,
            half_known: settings.observes.then(|| HalfKnown::new(hasher)),
        })
    }

    /// Ends all that is under way: the unit is in another state now. Returns how many records are not kept aside any
    /// more: an active unit has no use for what it can not tell.
    fn begin_anew(&mut self) -> u64 {
        self.outbox.clear();
        self.joined.clear();
        self.telling = None;
        self.walk = None;
        self.pass = 0;
        self.sweep = None;
        if let Some(flows) = &mut self.half_known {
            flows.clear();
        }
        self.aside.clear(&mut self.digests)
    }
}

fn bound(configuration: &Configuration) -> Box<[Bound]> {
    let servers = configuration.bindings().iter().map(|binding| {
        let server = &configuration.virtual_servers()[binding.virtual_server()];
        Bound { is_replicated: server.replicate(), bind_id: server.name().bind_id }
    });
    servers.collect()
}

fn bindings(
    configuration: &Configuration,
    hasher: &RandomState,
) -> HashMap<(u16, Endpoint), u16, RandomState> {
    let mut bindings = HashMap::with_hasher(hasher.clone());
    // Checked configuration has fewer bindings and virtual servers than 16 bits count (limits).
    for (index, binding) in (0_u16..).zip(configuration.bindings()) {
        if !configuration.serves(&configuration.virtual_servers()[binding.virtual_server()]) {
            continue;
        }
        let name = configuration.real_servers()[binding.real_server()].name();
        let virtual_server = u16::try_from(binding.virtual_server()).unwrap_or(u16::MAX);
        bindings.insert((virtual_server, Endpoint::new(name.address, name.port)), index);
    }
    bindings
}

/// A long timeout as last activity is counted: 32 bits of milliseconds, that wrap.
fn milliseconds(timeout: Duration) -> Option<u32> {
    let longest = Duration::from_secs(u64::from(IDLE_TIMEOUT_S));
    u32::try_from(timeout.min(longest).as_millis()).ok().filter(|&milliseconds| milliseconds > 0)
}
