//! Which real server clients return to: a table of the whole unit, which all workers read and write.
//!
//! Clients are spread over workers by their addresses, so that the clients of one network are not one worker's; that they
//! get the same real server none of them can say alone. The table is of a fixed size, and nobody waits for it: where a
//! bucket is written too long a client is not remembered, or not found, for once. When there is no room, who was
//! remembered first is forgotten first. It must never call a real server that was noted for somebody else.

mod bucket;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ipnet::IpNet;
use model::{Endpoint, Instant};

use crate::connection::{multiply, secrets};
use bucket::{Bucket, WAYS};

/// Clients, or networks of clients, and the real server of each.
#[derive(Debug)]
pub(crate) struct StickyTable {
    buckets: Box<[Bucket]>,
    secrets: [u64; 4],
    /// Those that there are, and those whose time is over and whose place nobody has needed.
    count: AtomicUsize,
}

/// A client that is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StickyEntry {
    /// Who shares it: see [`Sticky::scope`](crate::Sticky::scope).
    pub(crate) scope: u64,
    /// The client, or the network that it is in.
    pub(crate) client: IpNet,
    /// The real server, of the client's address family, and the port there.
    pub(crate) real: Endpoint,
    /// When it was noted last, in whole milliseconds.
    pub(crate) used: Instant,
    /// How long after that it is remembered, in whole milliseconds.
    pub(crate) period: Duration,
}

impl StickyEntry {
    /// Whether it is remembered still.
    pub(crate) fn is_live(&self, now: Instant) -> bool {
        now.since(self.used) <= self.period
    }

    fn is_of(&self, scope: u64, client: IpNet) -> bool {
        self.scope == scope && self.client == client
    }
}

impl StickyTable {
    /// Room for so many, which is memory from the beginning. `seed` keeps clients from choosing their bucket.
    pub(crate) fn new(entries: usize, seed: u64) -> Self {
        let buckets = (0..entries.div_ceil(WAYS)).map(|_| Bucket::default()).collect();
        Self { buckets, secrets: secrets(seed), count: AtomicUsize::new(0) }
    }

    /// The real server that `client` is to return to.
    pub(crate) fn find(&self, now: Instant, scope: u64, client: IpNet) -> Option<Endpoint> {
        let (bucket, tag) = self.bucket(scope, client);
        let (_, entry) = bucket.read(|ways| ways.find(tag, |entry| entry.is_of(scope, client)))??;
        entry.is_live(now).then_some(entry.real)
    }

    /// Remembers `entry`, whatever was remembered of its client before.
    pub(crate) fn note(&self, entry: StickyEntry) {
        let (bucket, tag) = self.bucket(entry.scope, entry.client);
        let same = |known: &StickyEntry| known.is_of(entry.scope, entry.client);
        let known = bucket.read(|ways| ways.find(tag, same)).flatten();
        if let Some((way, known)) = known
            && (known.real, known.period) == (entry.real, entry.period)
        {
            return bucket.use_again(way, entry.used);
        }
        if let Some(mut claim) = bucket.claim() {
            let way = claim.find(tag, same).map(|(way, _)| way);
            self.write(&mut claim, way, tag, entry);
        }
    }

    /// The real server that is remembered of the client; if there is none, `entry` is remembered. Of several who ask at
    /// once, all get the same. `None` if the bucket was written for too long.
    pub(crate) fn find_or_note(&self, entry: StickyEntry) -> Option<Endpoint> {
        let (bucket, tag) = self.bucket(entry.scope, entry.client);
        let same = |known: &StickyEntry| known.is_of(entry.scope, entry.client);
        let known = bucket.read(|ways| ways.find(tag, same)).flatten();
        if let Some((way, known)) = known.filter(|(_, known)| known.is_live(entry.used)) {
            bucket.use_again(way, entry.used);
            return Some(known.real);
        }
        let mut claim = bucket.claim()?;
        let known = claim.find(tag, same);
        if let Some((way, known)) = known.filter(|(_, known)| known.is_live(entry.used)) {
            bucket.use_again(way, entry.used);
            return Some(known.real);
        }
        self.write(&mut claim, known.map(|(way, _)| way), tag, entry);
        Some(entry.real)
    }

    /// Forgets the entries of a scope, if one is given, and of a network's clients, if one is given. Returns how many there
    /// were. Walks the whole table; others go on meanwhile.
    pub(crate) fn remove(&self, scope: Option<u64>, network: Option<IpNet>) -> u64 {
        let overlaps = |client: IpNet, network: IpNet| network.contains(&client) || client.contains(&network);
        self.remove_where(|entry| {
            scope.is_none_or(|scope| entry.scope == scope)
                && network.is_none_or(|network| overlaps(entry.client, network))
        })
    }

    /// Forgets all of which `is_to_go` says so.
    pub(crate) fn remove_where(&self, is_to_go: impl Fn(&StickyEntry) -> bool) -> u64 {
        let removed = self.buckets.iter().map(|bucket| bucket.remove_where(&is_to_go)).sum();
        // Relaxed: it is a count, nothing is ordered by it.
        self.count.fetch_sub(removed, Ordering::Relaxed);
        removed as u64
    }

    /// Those that are remembered, and those whose time is over and whose place nobody has needed.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// The positions that a walk goes through.
    pub(crate) const fn positions(&self) -> usize {
        self.buckets.len() * WAYS
    }

    /// The first that is remembered at a position from `from` on and before `end`, and its position. Who goes on behind
    /// it, and from `end` on when there are no more, meets each that stays once.
    pub(crate) fn next(&self, now: Instant, from: usize, end: usize) -> Option<(usize, StickyEntry)> {
        (from..end.min(self.positions())).find_map(|position| {
            let bucket = &self.buckets[position / WAYS];
            let entry = bucket.read(|ways| ways.entry(position % WAYS))??;
            entry.is_live(now).then_some((position, entry))
        })
    }

    fn write(&self, claim: &mut bucket::Claim<'_>, way: Option<usize>, tag: u8, entry: StickyEntry) {
        let way = way.unwrap_or_else(|| claim.vacant(entry.used));
        if claim.write(way, tag, entry) {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The bucket of a client, and what stands for the client there, which is never 0.
    #[expect(clippy::cast_possible_truncation, reason = "parts of the hash are taken")]
    fn bucket(&self, scope: u64, client: IpNet) -> (&Bucket, u8) {
        let [first, second, third, fourth] = self.secrets;
        let [high, low] = bucket::words(client.addr());
        let address = multiply(high ^ first, low ^ second);
        let hash = multiply(address ^ scope ^ third, fourth | 1);
        let index = (hash as u128 * self.buckets.len() as u128) >> u64::BITS;
        (&self.buckets[index as usize], (hash as u8).max(1))
    }
}
