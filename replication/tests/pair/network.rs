//! A network with seeded faults.

use std::collections::BTreeMap;
use std::time::Duration;

use model::Instant;

/// Numbers from a seed (xorshift64*).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn happens(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }
}

/// What goes wrong, in thousandths of all datagrams.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    pub loss: u64,
    pub duplication: u64,
    pub corruption: u64,
    /// Up to so much is added to the delay of each datagram by itself: that reorders them.
    pub jitter: Duration,
    /// Nothing arrives.
    pub partition: bool,
    /// Nothing arrives at this unit.
    pub deaf: Option<usize>,
    /// Nothing arrives that was sent on this path.
    pub cut_path: Option<usize>,
}

impl Faults {
    pub const fn bad() -> Self {
        Self {
            loss: 50,
            duplication: 50,
            corruption: 20,
            jitter: Duration::from_millis(3),
            partition: false,
            deaf: None,
            cut_path: None,
        }
    }
}

type Arrival = (usize, usize, Vec<u8>);

/// Datagrams on their way.
pub struct Network {
    pub faults: Faults,
    random: Random,
    under_way: BTreeMap<(Instant, u64), Arrival>,
    count: u64,
}

const DELAY: Duration = Duration::from_micros(100);

impl Network {
    pub fn new(seed: u64) -> Self {
        Self {
            faults: Faults::default(),
            random: Random(seed ^ 0x5eed),
            under_way: BTreeMap::new(),
            count: 0,
        }
    }

    pub fn send(&mut self, now: Instant, to: usize, path: usize, datagram: &[u8]) {
        let faults = self.faults;
        if faults.partition
            || faults.deaf == Some(to)
            || faults.cut_path == Some(path)
            || self.random.happens(faults.loss)
        {
            return;
        }
        let copies = 1 + u32::from(self.random.happens(faults.duplication));
        for _ in 0..copies {
            let mut datagram = datagram.to_vec();
            if self.random.happens(faults.corruption) {
                let bit = self.random.below(datagram.len() as u64 * 8) as usize;
                datagram[bit / 8] ^= 1 << (bit % 8);
            }
            let jitter = self.random.below(faults.jitter.as_nanos() as u64 + 1);
            self.count += 1;
            let at = now + DELAY + Duration::from_nanos(jitter);
            self.under_way.insert((at, self.count), (to, path, datagram));
        }
    }

    pub fn arrive(&mut self, now: Instant) -> Option<Arrival> {
        let entry = self.under_way.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }

    pub fn next(&self) -> Option<Instant> {
        self.under_way.keys().next().map(|(at, _)| *at)
    }
}
