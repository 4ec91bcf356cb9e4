//! What all shards of a unit share about servers: who has failed, and how many connections there are on the whole unit.
//!
//! Each shard sees only its own clients, so that each alone would find out late that a real server is dead, and none that it
//! is full. All of it is plain atomics: nobody waits for anybody. What the packets of established connections need is not here.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use ipnet::IpNet;
use model::{Instant, limits};

use crate::sticky::StickyTable;
use crate::{Configuration, Numbered, RealServer, VirtualServer};

/// Relaxed suffices throughout: each value speaks for itself, and a reader that is a moment late decides as it would have
/// then.
const ORDER: Ordering = Ordering::Relaxed;

/// How long the outcome of a trial is waited for at most, before the time to the next begins: longer than a SYN waits unless
/// something else is configured.
const TRIAL: Duration = Duration::from_secs(75);

/// No time is set.
const NEVER_MS: u64 = u64::MAX;

/// Whether a real server answers, as far as its connections tell (seed 003, figure 3B, 322).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RealState {
    /// It answers, or nobody has asked yet.
    Up = 0,
    /// It ditched as many connections as fail it.
    Failed = 1,
    /// It has failed; the next connection is to try it.
    Testing = 2,
    /// It has failed; one connection is under way that tries it.
    Tested = 3,
}

/// What the shards of a unit share. There is one for all failover groups.
#[derive(Debug)]
pub struct Shared {
    /// By [`RealServer::id`].
    reals: Box<[Real]>,
    /// By [`VirtualServer::id`].
    virtuals: Box<[Virtual]>,
    /// Moves when a real server's state changes.
    revision: AtomicU64,
    /// Moves when a real server that was full is not any more.
    freed: AtomicU64,
    /// When the first failed real server is to be tried.
    retry_at_ms: AtomicU64,
    /// The clients that return to the real server that they had.
    sticky: StickyTable,
}

#[derive(Debug, Default)]
struct Real {
    state: AtomicU8,
    /// Connections ditched since the last that was answered.
    consecutive: AtomicU32,
    ditched: AtomicU64,
    /// Kept for real servers with a maximum only.
    connections: AtomicU32,
    failed_at_ms: AtomicU64,
    /// When it is tried next, or again if nothing came of the trial that is under way.
    retry_at_ms: AtomicU64,
}

#[derive(Debug, Default)]
struct Virtual {
    /// Kept for virtual servers with a maximum only.
    connections: AtomicU32,
    /// Kept for virtual servers with a guard only.
    half_open: AtomicU32,
}

impl RealState {
    const fn of(number: u8) -> Self {
        match number {
            1 => Self::Failed,
            2 => Self::Testing,
            3 => Self::Tested,
            _ => Self::Up,
        }
    }

    /// The word that listings use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Failed => "failed",
            Self::Testing | Self::Tested => "testing",
        }
    }
}

impl Default for Shared {
    /// With little room for clients that return: for a shard by itself.
    fn default() -> Self {
        const FEW: usize = 1_024;
        Self::new(FEW, 0)
    }
}

impl Shared {
    /// All real servers are up, and there are no connections. There is room for `sticky_entries` clients that return to their
    /// real server; `seed` keeps them from choosing their places there.
    pub fn new(sticky_entries: usize, seed: u64) -> Self {
        Self {
            reals: (0..limits::REAL_IDS).map(|_| Real::default()).collect(),
            virtuals: (0..limits::VIRTUAL_IDS).map(|_| Virtual::default()).collect(),
            revision: AtomicU64::new(0),
            freed: AtomicU64::new(0),
            retry_at_ms: AtomicU64::new(NEVER_MS),
            sticky: StickyTable::new(sticky_entries, seed),
        }
    }

    pub(crate) const fn sticky(&self) -> &StickyTable {
        &self.sticky
    }

    /// Forgets which real servers clients return to: those of a [`Sticky::scope`](crate::Sticky::scope), and of a network, if
    /// these are given. Returns how many there were.
    pub fn clear_sticky(&self, scope: Option<u64>, client: Option<IpNet>) -> u64 {
        self.sticky.remove(scope, client)
    }

    /// Clients, or networks, that are remembered at their real servers, and those whose time is over and whose place nobody
    /// has needed.
    pub fn sticky_entries(&self) -> usize {
        self.sticky.len()
    }

    fn real(&self, id: u16) -> &Real {
        &self.reals[usize::from(id)]
    }

    fn virtual_server(&self, id: u16) -> &Virtual {
        &self.virtuals[usize::from(id)]
    }

    /// The state of the real server with this [`RealServer::id`].
    pub fn real_state(&self, id: u16) -> RealState {
        RealState::of(self.real(id).state.load(ORDER))
    }

    /// When it failed, if it has and has not come back.
    pub fn failed_at(&self, id: u16) -> Option<Instant> {
        let has_failed = self.real_state(id) != RealState::Up;
        has_failed.then(|| Instant::from_millis(self.real(id).failed_at_ms.load(ORDER)))
    }

    /// Connections that it ditched, since the unit began.
    pub fn ditched(&self, id: u16) -> u64 {
        self.real(id).ditched.load(ORDER)
    }

    /// Its connections; zero if it has no maximum.
    pub fn real_connections(&self, id: u16) -> u32 {
        self.real(id).connections.load(ORDER)
    }

    /// The connections of the virtual server with this [`VirtualServer::id`]; zero if it has no maximum.
    pub fn virtual_connections(&self, id: u16) -> u32 {
        self.virtual_server(id).connections.load(ORDER)
    }

    /// Its half-open connections; zero if it has no guard.
    pub fn half_open(&self, id: u16) -> u32 {
        self.virtual_server(id).half_open.load(ORDER)
    }

    /// Has real servers that `next` has and `before` had not begin as ones that nobody knows: their numbers may have been
    /// others'. To be called once before shards get `next`.
    pub fn follow(&self, before: &Configuration, next: &Configuration) {
        // A number may go to another one at once.
        let known: HashSet<_> =
            before.real_servers().iter().map(|server| (server.id(), server.name())).collect();
        let is_new = |server: &&RealServer| !known.contains(&(server.id(), server.name()));
        for server in next.real_servers().iter().filter(is_new) {
            let real = self.real(server.id());
            real.state.store(RealState::Up as u8, ORDER);
            real.consecutive.store(0, ORDER);
            real.ditched.store(0, ORDER);
        }
        let retries: HashMap<_, _> =
            before.real_servers().iter().map(|server| (server.name(), server.retry())).collect();
        for server in next.real_servers() {
            let is_another = retries.get(&server.name()).is_some_and(|&retry| retry != server.retry());
            if is_another && let Some(failed_at) = self.failed_at(server.id()) {
                self.set_retry(failed_at, server);
            }
        }
        self.revision.fetch_add(1, ORDER);
    }

    /// Takes a real server out: it is not chosen until it is [restored](Self::restore) or a connection that tries it after
    /// `retry` succeeds. Returns whether it was not out already.
    pub fn fail(&self, now: Instant, server: &RealServer) -> bool {
        let real = self.real(server.id());
        if real.state.swap(RealState::Failed as u8, ORDER) == RealState::Failed as u8 {
            return false;
        }
        real.failed_at_ms.store(now.as_millis(), ORDER);
        self.set_retry(now, server);
        self.revision.fetch_add(1, ORDER);
        true
    }

    /// Sets when it is tried next.
    fn set_retry(&self, now: Instant, server: &RealServer) {
        let real = self.real(server.id());
        let retry_ms = u64::try_from(server.retry().as_millis()).unwrap_or(0);
        let at_ms = if retry_ms == 0 { NEVER_MS } else { now.as_millis() + retry_ms };
        real.retry_at_ms.store(at_ms, ORDER);
        self.retry_at_ms.fetch_min(at_ms, ORDER);
    }

    /// Has a real server that failed be chosen again. Returns whether it had failed.
    pub fn restore(&self, id: u16) -> bool {
        let real = self.real(id);
        real.consecutive.store(0, ORDER);
        let had_failed = real.state.swap(RealState::Up as u8, ORDER) != RealState::Up as u8;
        if had_failed {
            self.revision.fetch_add(1, ORDER);
        }
        had_failed
    }

    /// Notes that a real server did not answer a connection, which may be the one that tries it. Returns whether that failed
    /// it.
    pub(crate) fn ditch(&self, now: Instant, server: &RealServer, is_trial: bool) -> bool {
        let real = self.real(server.id());
        real.ditched.fetch_add(1, ORDER);
        let consecutive = real.consecutive.fetch_add(1, ORDER).saturating_add(1);
        let state = self.real_state(server.id());
        let fails = server.threshold() != 0 && consecutive >= server.threshold();
        if (state == RealState::Tested && is_trial) || (state == RealState::Up && fails) {
            return self.fail(now, server);
        }
        false
    }

    /// Notes that a real server answered a connection. Returns whether that brought it back.
    #[inline]
    pub(crate) fn answered(&self, id: u16) -> bool {
        let real = self.real(id);
        // Hardly ever is there anything to write, so that the line stays in all caches.
        if real.consecutive.load(ORDER) != 0 && self.real_state(id) != RealState::Failed {
            real.consecutive.store(0, ORDER);
        }
        real.state.load(ORDER) == RealState::Tested as u8 && self.restore(id)
    }

    /// Has the one who asks try a real server that is to be tried. Others do not then, unless nothing comes of it for as long as
    /// a failed one is left alone.
    pub(crate) fn begin_test(&self, now: Instant, server: &RealServer) -> bool {
        let begins = self.turn(server.id(), RealState::Testing, RealState::Tested);
        if begins {
            self.set_retry(now + TRIAL, server);
        }
        begins
    }

    /// Nothing came of a trial: the next connection is one.
    pub(crate) fn abandon_test(&self, id: u16) {
        self.turn(id, RealState::Tested, RealState::Testing);
    }

    fn turn(&self, id: u16, from: RealState, to: RealState) -> bool {
        let state = &self.real(id).state;
        let turns = state.compare_exchange(from as u8, to as u8, ORDER, ORDER).is_ok();
        if turns {
            self.revision.fetch_add(1, ORDER);
        }
        turns
    }

    /// Has real servers be tried that failed long enough ago. To be called now and then, by anyone.
    pub(crate) fn retry(&self, now: Instant) {
        let now_ms = now.as_millis();
        if now_ms < self.retry_at_ms.load(ORDER) || self.retry_at_ms.swap(NEVER_MS, ORDER) == NEVER_MS {
            return;
        }
        for (id, real) in (0..).zip(&self.reals) {
            let state = RealState::of(real.state.load(ORDER));
            if !matches!(state, RealState::Failed | RealState::Tested) {
                continue;
            }
            let at_ms = real.retry_at_ms.load(ORDER);
            if at_ms <= now_ms {
                self.turn(id, state, RealState::Testing);
            } else {
                self.retry_at_ms.fetch_min(at_ms, ORDER);
            }
        }
    }

    /// Moves when a real server's state changes.
    #[inline]
    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(ORDER)
    }

    /// Moves when a real server that was full is not any more.
    #[inline]
    pub(crate) fn freed(&self) -> u64 {
        self.freed.load(ORDER)
    }

    /// Counts a connection that is to be, unless the real server is full.
    pub(crate) fn reserve_real(&self, id: u16, most: u32) -> bool {
        reserve(&self.real(id).connections, most)
    }

    /// The same for a virtual server.
    pub(crate) fn reserve_virtual(&self, id: u16, most: u32) -> bool {
        reserve(&self.virtual_server(id).connections, most)
    }

    pub(crate) fn add_real(&self, id: u16, count: u32) {
        self.real(id).connections.fetch_add(count, ORDER);
    }

    pub(crate) fn add_virtual(&self, id: u16, count: u32) {
        self.virtual_server(id).connections.fetch_add(count, ORDER);
    }

    pub(crate) fn add_half_open(&self, id: u16, count: u32) {
        self.virtual_server(id).half_open.fetch_add(count, ORDER);
    }

    /// Takes connections back. Whoever is full below `most` is not any more.
    pub(crate) fn release_real(&self, id: u16, count: u32, most: u32) {
        let before = self.real(id).connections.fetch_sub(count, ORDER);
        if before >= most {
            self.freed.fetch_add(1, ORDER);
        }
    }

    pub(crate) fn release_virtual(&self, id: u16, count: u32) {
        self.virtual_server(id).connections.fetch_sub(count, ORDER);
    }

    pub(crate) fn release_half_open(&self, id: u16, count: u32) {
        self.virtual_server(id).half_open.fetch_sub(count, ORDER);
    }

    /// Whether a virtual server has as many half-open connections as it may have.
    pub(crate) fn is_guarded(&self, server: &VirtualServer) -> bool {
        server.synguard().is_some_and(|most| self.half_open(server.id()) >= most)
    }
}

fn reserve(count: &AtomicU32, most: u32) -> bool {
    let taken = count.try_update(ORDER, ORDER, |count| (count < most).then_some(count + 1));
    taken.is_ok()
}

/// Whether nothing is left of what had a number, as the counters of all shards tell.
pub fn is_vacant<'a>(counters: impl Iterator<Item = &'a crate::ShardCounters>, number: Numbered) -> bool {
    match number {
        Numbered::Binding(id) => counters.map(|shard| shard.connections_of([id])).sum::<u64>() == 0,
        // Their connections are their bindings', which had other numbers: a server's number is free when it is not used. What
        // it counted is forgotten then.
        Numbered::Virtual(_) | Numbered::Real(_) => true,
    }
}
