//! A shard as one of a pair: what it tells the other unit about its connections, and what it takes over from it.
//!
//! Active, it marks connections, adds them up to digests, and tells of them; standby, it makes them as it is told. It
//! must never hold packets up: whatever spans the table is done in bounded slices, and what finds no room is counted.

mod apply;
mod aside;
mod buddies;
mod choices;
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

use std::time::Duration;

use ahash::RandomState;
use arrayvec::ArrayVec;
use model::ConnectionEnds;
use model::limits::{BATCH, IDLE_TIMEOUT_S, REAL_IDS};

use aside::Aside;
use choices::Choices;
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
    aside: Aside,
    /// `None` for ever.
    standby_timeout_ms: Option<u32>,
    outbox: Outbox,
    /// Connections that became buddies, to be told once more.
    joined: ArrayVec<ConnectionEnds, BATCH>,
    /// Active: the round of digests that is being told.
    telling: Option<Telling>,
    walk: Option<Walk>,
    /// Active: clients and the real servers that they return to, that are being told.
    choices: Option<Choices>,
    /// Active: by [`RealServer::id`](crate::RealServer::id), whether the other unit has been told that it has failed, or knows
    /// nothing else than that it has not; `None` if it is to be told either.
    told_failed: Box<[Option<bool>]>,
    /// Which state of the unit's servers that was, if all has been told.
    told_revision: Option<u64>,
    /// Standby: the pass that records belong to; 0 for none.
    pass: u8,
    sweep: Option<Sweep>,
    /// Standby: flows of which one side was seen; `None` if the unit does not watch.
    half_known: Option<HalfKnown>,
}

impl Replica {
    pub(crate) fn new(settings: &ReplicationSettings, hasher: &RandomState) -> Box<Self> {
        Box::new(Self {
            digests: Digests::new(settings.digest_seed),
            aside: Aside::new(hasher),
            standby_timeout_ms: milliseconds(settings.standby_timeout),
            outbox: Outbox::new(),
            joined: ArrayVec::new(),
            telling: None,
            walk: None,
            choices: None,
            told_failed: vec![Some(false); REAL_IDS].into(),
            told_revision: None,
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
        self.choices = None;
        self.told_failed.fill(Some(false));
        self.told_revision = None;
        self.pass = 0;
        self.sweep = None;
        if let Some(flows) = &mut self.half_known {
            flows.clear();
        }
        self.aside.clear(&mut self.digests)
    }
}

/// A long timeout as last activity is counted: 32 bits of milliseconds, that wrap.
fn milliseconds(timeout: Duration) -> Option<u32> {
    let longest = Duration::from_secs(u64::from(IDLE_TIMEOUT_S));
    u32::try_from(timeout.min(longest).as_millis()).ok().filter(|&milliseconds| milliseconds > 0)
}
