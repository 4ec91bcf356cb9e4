//! The network between the two units: it delays, loses, doubles, reorders and corrupts, as a seed says.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use model::Instant;

use crate::servers::PATHS;

/// How bad the network is. Parts are of 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    loss: f64,
    duplication: f64,
    corruption: f64,
    /// The least time on the way, and what chance adds at most: more than the time between two datagrams reorders them.
    delay: Duration,
    jitter: Duration,
    /// How often, by step, the network is cut in two.
    partition: f64,
    longest_partition: Duration,
}

/// A datagram on its way.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    /// The unit that it is for.
    pub(crate) to: usize,
    pub(crate) path: usize,
    pub(crate) content: Content,
    pub(crate) bytes: Vec<u8>,
}

/// Whom a datagram is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Replication,
    Beat,
}

/// The datagrams under way.
pub(crate) struct Network {
    random: Rng,
    faults: Faults,
    /// By time of arrival, then by number.
    under_way: BTreeMap<(Instant, u64), Datagram>,
    sent: u64,
    cut_until: Instant,
    /// Paths that bring nothing to this unit.
    pub(crate) cuts: [[bool; 2]; PATHS],
    /// Parts of 1 that are lost on each path beside.
    pub(crate) losses: [f64; PATHS],
    /// When a beat was lost on each path.
    pub(crate) beat_lost_at: [Instant; PATHS],
}

impl Faults {
    /// Faults of every degree, from none to hardly usable.
    pub(crate) fn random(random: &mut Rng) -> Self {
        let mut up_to = |most: f64| if random.bool() { 0.0 } else { random.f64() * most };
        let (loss, duplication, corruption) = (up_to(0.3), up_to(0.2), up_to(0.05));
        Self {
            loss,
            duplication,
            corruption,
            delay: Duration::from_micros(random.u64(20..2_000)),
            jitter: Duration::from_micros(random.u64(0..5_000)),
            partition: if random.bool() { 0.0 } else { 0.001 },
            longest_partition: Duration::from_millis(random.u64(1..4_000)),
        }
    }

    /// These, without what loses datagrams.
    pub(crate) const fn lossless(self) -> Self {
        Self { loss: 0.0, corruption: 0.0, partition: 0.0, ..self }
    }

    /// These, without cuts.
    pub(crate) const fn uncut(self) -> Self {
        Self { partition: 0.0, ..self }
    }

    /// A network as it should be.
    pub(crate) const HEALED: Self = Self {
        loss: 0.0,
        duplication: 0.0,
        corruption: 0.0,
        delay: Duration::from_micros(50),
        jitter: Duration::ZERO,
        partition: 0.0,
        longest_partition: Duration::ZERO,
    };
}

impl Network {
    pub(crate) fn new(random: Rng, faults: Faults) -> Self {
        Self {
            random,
            faults,
            under_way: BTreeMap::new(),
            sent: 0,
            cut_until: Instant::START,
            cuts: [[false; 2]; PATHS],
            losses: [0.0; PATHS],
            beat_lost_at: [Instant::START; PATHS],
        }
    }

    /// Ends all faults. What is under way arrives.
    pub(crate) fn heal(&mut self) {
        self.faults = Faults::HEALED;
        self.cut_until = Instant::START;
        self.cuts = [[false; 2]; PATHS];
        self.losses = [0.0; PATHS];
    }

    /// Whether this path is cut nowhere, and loses no more than all of the network does.
    pub(crate) fn is_whole(&self, path: usize) -> bool {
        self.cuts[path] == [false; 2] && self.losses[path] == 0.0
    }

    /// The longest that a datagram takes.
    pub(crate) fn latency(&self) -> Duration {
        self.faults.delay + self.faults.jitter
    }

    /// Chance has its turn.
    pub(crate) fn step(&mut self, now: Instant) {
        let Faults { partition, longest_partition, .. } = self.faults;
        if now >= self.cut_until && self.random.f64() < partition {
            self.cut_until = now + longest_partition.mul_f64(self.random.f64());
        }
    }

    /// Takes a datagram, and makes of it what chance says.
    pub(crate) fn send(&mut self, now: Instant, datagram: Datagram) {
        let faults = self.faults;
        let Datagram { to, path, .. } = datagram;
        let is_lossy = self.losses[path] > 0.0;
        if self.cuts[path][to] || is_lossy && self.random.f64() < self.losses[path] {
            return self.lose(now, &datagram);
        }
        let copies = 1 + usize::from(self.random.f64() < faults.duplication);
        for _ in 0..copies {
            if now < self.cut_until || self.random.f64() < faults.loss {
                self.lose(now, &datagram);
                continue;
            }
            let mut copy = datagram.clone();
            if self.random.f64() < faults.corruption {
                self.lose(now, &datagram);
                self.corrupt(&mut copy.bytes);
            }
            let arrival = now + faults.delay + faults.jitter.mul_f64(self.random.f64());
            self.sent += 1;
            self.under_way.insert((arrival, self.sent), copy);
        }
    }

    const fn lose(&mut self, now: Instant, datagram: &Datagram) {
        if matches!(datagram.content, Content::Beat) {
            self.beat_lost_at[datagram.path] = now;
        }
    }

    fn corrupt(&mut self, bytes: &mut Vec<u8>) {
        if self.random.bool() {
            bytes.truncate(self.random.usize(0..=bytes.len()));
        } else if let Some(byte) = self.random.choice(bytes) {
            *byte ^= 1 << self.random.u8(0..8);
        }
    }

    /// The next datagram that has arrived.
    pub(crate) fn receive(&mut self, now: Instant) -> Option<Datagram> {
        let first = self.under_way.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// All that is on its way to `unit` is lost with it.
    pub(crate) fn forget(&mut self, unit: usize) {
        self.under_way.retain(|_, datagram| datagram.to != unit);
    }
}
