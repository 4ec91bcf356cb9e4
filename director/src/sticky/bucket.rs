//! A bucket of the table: eight places, and a sequence number that keeps readers from what is half written.
//!
//! The number is odd while somebody writes. Who wants to write makes it odd; nobody else writes then. Who reads looks at it
//! before and after, and reads again if it was odd or is another. All words are atomic, so that a read that comes
//! at the wrong time is a wrong value, which is thrown away, and never anything worse.

use std::hint::spin_loop;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, fence};
use std::time::Duration;

use ipnet::IpNet;
use model::{Endpoint, Instant};

use super::StickyEntry;

/// Places of a bucket.
pub(super) const WAYS: usize = 8;

/// How often a read or a claim is tried: some microseconds. A bucket is written in less than a tenth of one, unless its
/// writer's thread was interrupted; that is not waited for.
const TRIES: u32 = 500;

#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Bucket {
    sequence: AtomicU64,
    ways: Ways,
}

const _: () = assert!(size_of::<Bucket>() == 512);

/// What is in a bucket.
#[derive(Debug, Default)]
pub(super) struct Ways {
    /// A byte for each place: 0 where there is nothing, else a part of the client's hash.
    tags: AtomicU64,
    places: [Place; WAYS],
}

/// One entry.
#[derive(Debug, Default)]
struct Place {
    scope: AtomicU64,
    client: [AtomicU64; 2],
    real: [AtomicU64; 2],
    /// From the lowest bit: the real server's port, bits of the client's network, whether addresses are IPv4, and in the upper
    /// half the period in milliseconds.
    about: AtomicU64,
    used_ms: AtomicU64,
}

const PREFIX_SHIFT: u32 = 16;
const IPV4: u64 = 1 << 24;
const PERIOD_SHIFT: u32 = 32;

const _: () = assert!(model::limits::STICKY_MINUTES as u64 * 60_000 <= u32::MAX as u64);

impl Bucket {
    /// What `look` sees of a moment when nobody writes. `None` if somebody always does.
    #[inline]
    pub(super) fn read<T>(&self, look: impl Fn(&Ways) -> T) -> Option<T> {
        for _ in 0..TRIES {
            // Acquire, with the release at the end of a claim: what is read is at least as new as the number.
            let before = self.sequence.load(Acquire);
            if before.is_multiple_of(2) {
                let seen = look(&self.ways);
                // With the release fence at the beginning of a claim: who has read something of a claim sees its number.
                fence(Acquire);
                if self.sequence.load(Relaxed) == before {
                    return Some(seen);
                }
            }
            spin_loop();
        }
        None
    }

    /// The right to write. `None` if others have it all the time.
    pub(super) fn claim(&self) -> Option<Claim<'_>> {
        (0..TRIES).find_map(|_| self.try_claim())
    }

    fn try_claim(&self) -> Option<Claim<'_>> {
        let before = self.sequence.load(Relaxed);
        // Acquire, with the release at the end of the claim before: what was written then is seen.
        let is_ours = before.is_multiple_of(2)
            && self.sequence.compare_exchange(before, before + 1, Acquire, Relaxed).is_ok();
        if !is_ours {
            spin_loop();
            return None;
        }
        // With the acquire fence of readers.
        fence(Release);
        Some(Claim { bucket: self, after: before + 2 })
    }

    /// Notes that the entry at `way` is used. If another has come there in the meantime, it was used as lately.
    #[inline]
    pub(super) fn use_again(&self, way: usize, now: Instant) {
        let used_ms = &self.ways.places[way].used_ms;
        // Where nothing changes nothing is written, so that workers do not take the cache line from each other.
        if used_ms.load(Relaxed) < now.as_millis() {
            used_ms.store(now.as_millis(), Relaxed);
        }
    }

    /// Waits for the right to write, if need be: only for those that may wait.
    pub(super) fn remove_where(&self, is_to_go: impl Fn(&StickyEntry) -> bool) -> usize {
        if self.ways.tags.load(Relaxed) == 0 {
            return 0;
        }
        let claim = loop {
            if let Some(claim) = self.try_claim() {
                break claim;
            }
        };
        let ways = (0..WAYS).filter(|&way| claim.entry(way).as_ref().is_some_and(&is_to_go));
        let mut removed = 0;
        for way in ways {
            self.ways.set_tag(way, 0);
            removed += 1;
        }
        removed
    }
}

impl Ways {
    /// The entry that has this tag and of which `is_it` says so.
    #[inline]
    pub(super) fn find(&self, tag: u8, is_it: impl Fn(&StickyEntry) -> bool) -> Option<(usize, StickyEntry)> {
        let tags = self.tags.load(Relaxed).to_le_bytes();
        (0..WAYS).filter(|&way| tags[way] == tag).find_map(|way| {
            let entry = self.places[way].read();
            is_it(&entry).then_some((way, entry))
        })
    }

    /// The entry at a place.
    pub(super) fn entry(&self, way: usize) -> Option<StickyEntry> {
        let is_used = self.tags.load(Relaxed).to_le_bytes()[way] != 0;
        is_used.then(|| self.places[way].read())
    }

    fn set_tag(&self, way: usize, tag: u8) {
        let mut tags = self.tags.load(Relaxed).to_le_bytes();
        tags[way] = tag;
        self.tags.store(u64::from_le_bytes(tags), Relaxed);
    }
}

impl Place {
    #[expect(clippy::cast_possible_truncation, reason = "fields are taken out of a word")]
    fn read(&self) -> StickyEntry {
        let about = self.about.load(Relaxed);
        let is_ipv4 = about & IPV4 != 0;
        let address = |[high, low]: &[AtomicU64; 2]| address(high.load(Relaxed), low.load(Relaxed), is_ipv4);
        let prefix = (about >> PREFIX_SHIFT) as u8;
        let client = address(&self.client);
        StickyEntry {
            scope: self.scope.load(Relaxed),
            // A word of another entry may have given a prefix that there is not; who reads will see that and read again.
            client: IpNet::new(client, prefix).unwrap_or(IpNet::from(client)),
            real: Endpoint::new(address(&self.real), about as u16),
            used: Instant::from_millis(self.used_ms.load(Relaxed)),
            period: Duration::from_millis(about >> PERIOD_SHIFT),
        }
    }

    fn write(&self, entry: &StickyEntry) {
        let period_ms = u32::try_from(entry.period.as_millis()).unwrap_or(u32::MAX);
        let is_ipv4 = if entry.client.addr().is_ipv4() { IPV4 } else { 0 };
        let prefix = u64::from(entry.client.prefix_len()) << PREFIX_SHIFT;
        let about = u64::from(period_ms) << PERIOD_SHIFT | is_ipv4 | prefix | u64::from(entry.real.port);
        self.scope.store(entry.scope, Relaxed);
        for (places, address) in [(&self.client, entry.client.addr()), (&self.real, entry.real.address)] {
            for (place, word) in places.iter().zip(words(address)) {
                place.store(word, Relaxed);
            }
        }
        self.about.store(about, Relaxed);
        self.used_ms.store(entry.used.as_millis(), Relaxed);
    }
}

/// The right to write a bucket. It ends when this is dropped.
pub(super) struct Claim<'a> {
    bucket: &'a Bucket,
    after: u64,
}

impl Claim<'_> {
    /// The place for a new entry: one where nothing is, else the first whose time is over, else the one that was not
    /// used for the longest time.
    pub(super) fn vacant(&self, now: Instant) -> usize {
        let worth = |way: &usize| self.entry(*way).map(|entry| (entry.is_live(now), entry.used));
        (0..WAYS).min_by_key(worth).unwrap_or(0)
    }

    /// Writes an entry. Returns whether nothing was there.
    pub(super) fn write(&mut self, way: usize, tag: u8, entry: StickyEntry) -> bool {
        let was_free = self.entry(way).is_none();
        self.bucket.ways.places[way].write(&entry);
        self.bucket.ways.set_tag(way, tag);
        was_free
    }
}

/// Who has the right to write may read.
impl std::ops::Deref for Claim<'_> {
    type Target = Ways;

    fn deref(&self) -> &Ways {
        &self.bucket.ways
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        // With the acquire of readers and of the next claim.
        self.bucket.sequence.store(self.after, Release);
    }
}

/// An address as two words.
#[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
pub(super) const fn words(address: IpAddr) -> [u64; 2] {
    match address {
        IpAddr::V4(address) => [0, address.to_bits() as u64],
        IpAddr::V6(address) => [(address.to_bits() >> u64::BITS) as u64, address.to_bits() as u64],
    }
}

#[expect(clippy::cast_possible_truncation, reason = "an IPv4 address is in the lower half of the lower word")]
fn address(high: u64, low: u64, is_ipv4: bool) -> IpAddr {
    if is_ipv4 {
        Ipv4Addr::from_bits(low as u32).into()
    } else {
        Ipv6Addr::from_bits(u128::from(high) << u64::BITS | u128::from(low)).into()
    }
}
