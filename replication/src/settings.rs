//! What a replicator is told when it is made: the key, sizes and times.

use std::time::Duration;

use zeroize::Zeroize;

use crate::wire::VERSION;

/// The smallest datagram that a unit may be told to send: the longest item and its frame fit in.
pub const DATAGRAM_BYTES_LEAST: usize = 1_200;

/// The largest datagram that a unit may be told to send.
pub const DATAGRAM_BYTES_MOST: usize = 9_216;

/// The least and the most batches to keep: a whole round of digests fits into the least, in the smallest datagrams.
const BATCHES_LEAST: usize = 64;
const BATCHES_MOST: usize = 1 << 20;

/// Paths between two units.
pub const PATHS: usize = 2;

/// The secret that the two units of a pair share. It is not shown, and wiped when it goes.
#[derive(Clone)]
pub struct PairKey([u8; 32]);

impl PairKey {
    /// The key with these bytes, which nobody else may know or guess.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for PairKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PairKey(hidden)")
    }
}

impl Drop for PairKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Sizes and times. [`Settings::new`] has what suits a local network; both units may differ in all but the key.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The secret of the pair.
    pub pair_key: PairKey,
    /// Workers of this unit, each with one shard.
    pub workers: usize,
    /// Paths to the other unit: 1 or 2.
    pub paths: usize,
    /// The largest UDP payload to send: the path MTU less 28 bytes (IPv4) or 48 (IPv6).
    pub datagram_bytes: usize,
    /// How long an update may wait for company; zero sends each by itself.
    pub flush: Duration,
    /// Batches that are kept until the standby acknowledges them.
    pub history_batches: usize,
    /// Batches that this unit, as the standby, keeps until what is before them arrives and until its shards take them.
    pub reorder_batches: usize,
    /// Between two rounds of digests.
    pub digest_interval: Duration,
    /// Between two statuses.
    pub status_interval: Duration,
    /// Between two hellos while there is no session.
    pub hello_interval: Duration,
    /// A session is over when nothing was heard for so long.
    pub silence: Duration,
    /// How long an acknowledgement may wait.
    pub acknowledge_delay: Duration,
    /// As the standby, this unit learns of connections by watching: it is told only of what it can not see.
    pub observes: bool,
    /// The highest version to speak: lower than [`VERSION`] only to be understood by an older unit.
    pub version: u8,
}

impl Settings {
    /// Settings for one path of Ethernet.
    pub const fn new(pair_key: PairKey, workers: usize) -> Self {
        Self {
            pair_key,
            workers,
            paths: 1,
            datagram_bytes: 1_472,
            flush: Duration::from_millis(1),
            history_batches: 16_384,
            reorder_batches: 4_096,
            digest_interval: Duration::from_secs(1),
            status_interval: Duration::from_millis(200),
            hello_interval: Duration::from_millis(500),
            silence: Duration::from_secs(2),
            acknowledge_delay: Duration::from_millis(1),
            observes: false,
            version: VERSION,
        }
    }

    /// These settings with every number within its bounds.
    pub(crate) fn bounded(mut self) -> Self {
        self.workers = self.workers.clamp(1, model::limits::WORKERS);
        self.paths = self.paths.clamp(1, PATHS);
        self.datagram_bytes = self.datagram_bytes.clamp(DATAGRAM_BYTES_LEAST, DATAGRAM_BYTES_MOST);
        self.history_batches = self.history_batches.clamp(BATCHES_LEAST, BATCHES_MOST);
        self.reorder_batches = self.reorder_batches.clamp(BATCHES_LEAST, BATCHES_MOST);
        self.version = self.version.clamp(1, VERSION);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_has_its_own_key_and_addresses() {
        let [key, other] = [1, 2].map(|byte| PairKey::new([byte; 32]));
        let keys = [key.clone(), key.for_group(1), key.for_group(2), other.for_group(1)];
        for (index, one) in keys.iter().enumerate() {
            assert!(keys[..index].iter().all(|earlier| earlier.bytes() != one.bytes()));
        }
        assert_eq!(key.for_group(0).bytes(), key.bytes());
        assert_eq!(key.for_group(1).bytes(), key.for_group(1).bytes());
        let macs = [("web", "in"), ("web", "out"), ("dns", "in"), ("webi", "n"), ("", "webin")];
        let mut macs: Vec<_> = macs.iter().map(|(group, port)| key.group_mac(group, port)).collect();
        macs.push(other.group_mac("web", "in"));
        for (index, mac) in macs.iter().enumerate() {
            assert!(!mac.is_group() && mac.0[0] & 2 != 0 && !macs[..index].contains(mac), "{macs:?}");
        }
        assert_eq!(key.group_mac("web", "in"), macs[0]);
    }

    #[test]
    fn the_key_is_not_shown() {
        let settings = Settings::new(PairKey::new([0xab; 32]), 1);
        let text = format!("{settings:?}");
        assert!(text.contains("hidden") && !text.contains("171") && !text.contains("ab, ab"));
    }
}
