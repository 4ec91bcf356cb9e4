//! Records of connections whose virtual or real server is not configured here, kept until it is. They never are more
//! than [`RECORDS_ASIDE`]; each is part of its range's digest, so that the units agree about it.

use std::collections::HashMap;

use ahash::RandomState;
use arrayvec::ArrayVec;
use model::limits::{BATCH, RECORDS_ASIDE};
use model::{ConnectionEnds, ConnectionRecord, Endpoint, Protocol, RangeSet};

use super::digest::Digests;

/// What a client's packet has: no two connections have the same.
type Inbound = (Protocol, Endpoint, Endpoint);

struct Kept {
    record: ConnectionRecord,
    /// The pass that mentioned it last.
    pass: u8,
}

/// The records.
pub(super) struct Aside(HashMap<Inbound, Kept, RandomState>);

impl Aside {
    pub(super) fn new(hasher: &RandomState) -> Self {
        // Twice the space: then entries that come and go never make the map grow.
        Self(HashMap::with_capacity_and_hasher(2 * RECORDS_ASIDE, hasher.clone()))
    }

    /// Whether a record with these ends is there; it is replaced by `record` then.
    pub(super) fn refresh(&mut self, record: &ConnectionRecord, pass: u8) -> bool {
        match self.0.get_mut(&inbound(&record.ends)) {
            Some(kept) if kept.record.ends == record.ends => {
                *kept = Kept { record: record.clone(), pass };
                true
            }
            _ => false,
        }
    }

    /// Keeps `record`, beside which there is none with its inbound ends. Returns whether there was room.
    pub(super) fn insert(&mut self, digests: &mut Digests, record: &ConnectionRecord, pass: u8) -> bool {
        let has_room = self.0.len() < RECORDS_ASIDE;
        if has_room {
            digests.add(&record.ends);
            self.0.insert(inbound(&record.ends), Kept { record: record.clone(), pass });
        }
        has_room
    }

    /// Removes the record with these ends.
    pub(super) fn remove(&mut self, digests: &mut Digests, ends: &ConnectionEnds) -> bool {
        let key = inbound(ends);
        let is_there = self.0.get(&key).is_some_and(|kept| kept.record.ends == *ends);
        is_there && self.remove_rival(digests, ends)
    }

    /// Removes the record with these inbound ends, whatever its others are.
    pub(super) fn remove_rival(&mut self, digests: &mut Digests, ends: &ConnectionEnds) -> bool {
        // Hardly ever is there any.
        let removed = if self.0.is_empty() { None } else { self.0.remove(&inbound(ends)) };
        if let Some(kept) = &removed {
            digests.subtract(&kept.record.ends);
        }
        removed.is_some()
    }

    /// Removes what lies in `ranges` and was not mentioned by `pass`. Returns how many they were.
    pub(super) fn sweep(&mut self, digests: &mut Digests, ranges: &RangeSet, pass: u8) -> u64 {
        let before = self.0.len();
        self.0.retain(|_, kept| {
            let ends = &kept.record.ends;
            let is_stale = kept.pass != pass && ranges.contains(digests.range(ends));
            if is_stale {
                digests.subtract(ends);
            }
            !is_stale
        });
        (before - self.0.len()) as u64
    }

    /// Removes all. Returns how many they were.
    pub(super) fn clear(&mut self, digests: &mut Digests) -> u64 {
        let records = self.0.len() as u64;
        self.0.drain().for_each(|(_, kept)| digests.subtract(&kept.record.ends));
        records
    }

    /// Some of the records that are `wanted`.
    pub(super) fn some(
        &self,
        wanted: impl Fn(&ConnectionRecord) -> bool,
    ) -> ArrayVec<ConnectionRecord, BATCH> {
        let records = self.0.values().map(|kept| &kept.record);
        records.filter(|record| wanted(record)).take(BATCH).cloned().collect()
    }
}

const fn inbound(ends: &ConnectionEnds) -> Inbound {
    (ends.protocol, ends.client, ends.virtual_server)
}
